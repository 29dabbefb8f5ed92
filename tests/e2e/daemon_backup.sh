#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The sorry server: the VMs of a pool's backup take new connections while none of
# its own does, at once, and give them back without breaking one.
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_node.sh"

pool_note() {
	drover status --json | jq -r '.data.pools[] | select(.pool == "shop/web").note'
}

role_in() { # NUMBER POOL
	drover vms "web-$1" --json | jq -r --arg pool "$2" \
		'.data.pools[] | select(.pool == $pool).role'
}

reason_in() { # NUMBER POOL
	drover vms "web-$1" --json | jq -r --arg pool "$2" \
		'.data.pools[] | select(.pool == $pool).reason'
}

stands_by() { [ "$(reason_in 3 shop/web)" = standby ]; }
steps_in() { [ "$(role_in 3 shop/web)" = serving ]; }

asks() {
	ns_client "$traffic" load "$vip" 80 1 0 0 0 300 >/dev/null 2>&1
}

node_up 3

say "web-3 is the backup's: it stands by, ready"
hv_tag 3 role=sorry
sed -i 's/idle_timeout = "10s"; }/idle_timeout = "10s"; backup = "sorry"; },\
  { tenant = "shop"; name = "sorry"; select = [ "role=sorry" ];\
    health = { port = 80; interval = "300ms"; timeout = "300ms"; rise = 1; }; }/' "$conf"
expect 0 drover reload
until_ok 20 stands_by || die "web-3: $(drover vms web-3)"
serving 1 2

say "both VMs of the pool die: the backup serves at once"
hv_destroy 1
hv_destroy 2
until_ok 5 steps_in || die "web-3: $(drover vms web-3)"
until_ok 2 asks || die "nobody answers"
[[ $(pool_note) == *BACKUP* ]] || die "status does not say so: $(pool_note)"
drover events --json | jq -e 'any(.data[]; .what == "backup" and .name == "shop/web")' \
	>/dev/null || die "no event: $(drover events)"

say "one comes back: new connections are its own, those of the backup stay"
load_start load "$vip" 80 2 4 0 0
sleep 2
hv_start 1
until_ok 40 stands_by || die "web-3: $(drover vms web-3)"
serving 1
sleep 3
load_end load
[ "$(pool_note)" = "" ] || die "status says: $(pool_note)"

say "the backup's VM dies while it is needed, and when it is not: all go on"
hv_destroy 3
sleep 1
asks || die "nobody answers"
say "done"
