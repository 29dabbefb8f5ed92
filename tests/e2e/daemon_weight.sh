#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Weights by the operator: new connections follow them, those that a VM has stay
# with it, and the wish outlives kill -9.
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_node.sh"

# in_pool NUMBER FILTER: a field of the VM in its first pool.
in_pool() { drover vms "web-$1" --json | jq -r ".data.pools[0] | $2"; }

# slots_are NUMBER SLOTS: so many of 16384 name it as current, but for rounding.
slots_are() {
	local slots
	slots=$(in_pool "$1" .slots)
	[ "$slots" -ge $(($2 - 1)) ] && [ "$slots" -le $(($2 + 1)) ]
}

shares_are() { # SLOTS of web-1, web-2, web-3
	local vm=1 slots
	for slots; do
		until_ok 30 slots_are $vm "$slots" || {
			drover vms >&2
			die "web-$vm: $(in_pool $vm .slots) slots, not $slots"
		}
		vm=$((vm + 1))
	done
}

# opened NUMBER: connections that it has been given.
opened() { in_pool "$1" .openers; }

node_up 3
load_start short "$vip" 80 6 0 0 0
load_start long "$vip" 80 0 12 0 0
shares_are 5461 5461 5461

say "twice the weight, twice the slots; nothing is cut"
expect 0 drover weight web-1 2
has "weight 2 instead of 1" "$out"
shares_are 8192 4096 4096
[ "$(in_pool 1 '"\(.wanted_weight) \(.weight_from)"')" = "2 operator" ] ||
	die "not the operator's: $(drover vms web-1 --json)"
expect 0 drover vms web-1
has "weight     2 (by the operator)" "$out"

say "weight 0: no new connection, the open ones go on"
expect 0 drover weight hv/web-2 web 0
shares_are 10923 0 5461
in_role serving 2 || die "it does not serve"
before=$(opened 2)
sleep 2
[ "$(opened 2)" = "$before" ] || die "it takes new connections"
expect 0 drover weight web-2 shop/web 0 --json
jq -e '.data.pool == "shop/web" and .data.vm == "hv/web-2"' <<<"$out" \
	>/dev/null || die "$out"

say "the journal has it, and kill -9 takes nothing back"
expect 0 drover events --last 20
has "weight" "$out"
node_stop KILL 2>/dev/null
node_start
shares_are 10923 0 5461
[ "$(in_pool 1 .wanted_weight)" = 2 ] || die "the wish is lost"

say "default: the config's weights again"
expect 4 drover weight web-3 default
has "has the weight that its pool's config gives it" "$err"
expect 4 drover weight web-1 shop/web default
has "without naming a pool" "$err"
expect 0 drover weight web-1 default
expect 0 drover weight web-2 web default
shares_are 5461 5461 5461
[ "$(in_pool 1 .weight_from)" = pool ] || die "not the pool's"
sleep 2

load_end short

say "all weights 0: said, and taken back"
load_start refused "$vip" 80 6 0 0 0
for vm in 1 2 3; do
	expect 0 drover weight web-$vm 0
done
expect 0 drover pools
has "all that serve have weight 0" "$out"
# Nobody takes a new connection, but the open ones go on.
until_ok 30 slots_are 1 0 || die "web-1: $(in_pool 1 .slots) slots"
! load_stop refused || die "connections were made to nobody"
sleep 1
load_end long
for vm in 1 2 3; do
	expect 0 drover weight web-$vm default
done
serving 1 2 3

say "what is no weight"
expect 2 drover weight web-1
expect 2 drover weight web-1 heavy
expect 2 drover weight web-1 -1
expect 2 drover weight web-1 1001
expect 2 drover weight web-1 99999999999
expect 3 drover weight web-9 1
expect 3 drover weight web-1 nothing 1
say "done"
