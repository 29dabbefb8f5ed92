#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The daemon ends in every way there is and comes back, under load: no request
# fails, no slot moves, no wish is lost; two daemons never share anything.
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_node.sh"

# Who has which slots, and how often slots have moved.
tables() {
	drover status --json 2>/dev/null |
		jq -c '[.data.pools[] | [.pool, .slots, .claiming, .moving, .settling]]'
	drover counters --json 2>/dev/null |
		jq -c '[.data.backends[] | [.name, .backend]]'
}

all_slots() {
	drover vms --json | jq -c '[.data[] | [.full_name, .pools[0].slots,
		.pools[0].slots_base]]'
}

is_drained() { # NUMBER
	drover vms "web-$1" --json | jq -e '.data.pools[0].drain != null'
}

# Wait for the next look, so that what there is to be done has been done.
settle() { sleep 1.5; }

node_up 3
load_start load "$vip" 80 3 3 0 0

say "SIGTERM leaves forwarding on, with and without a daemon"
before=$(tables)
slots=$(all_slots)
node_stop
[ ! -e "$sock" ] || die "the socket is left"
sleep 1
[ "$(tables)" = "$before" ] || die "tables without a daemon: $(tables), not $before"
node_start
settle
[ "$(all_slots)" = "$slots" ] || die "slots moved: $(all_slots), not $slots"
[ "$(tables)" = "$before" ] || die "after a restart: $(tables), not $before"

say "kill -9 right after the answer, again and again: wishes are kept"
for round in $(seq 5); do
	vm=$((round % 3 + 1))
	expect 0 drover drain "web-$vm" --deadline 1h --reason "round $round"
	kill -KILL "$node_pid"
	wait "$node_pid" 2>/dev/null || :
	node_start
	until_ok 5 is_drained "$vm" || die "round $round: the drain is lost"
	[ "$(drover vms "web-$vm" --json |
		jq -r '.data.pools[0].drain.reason')" = "round $round" ] ||
		die "round $round: another reason"
	expect 0 drover undrain "web-$vm"
	kill -KILL "$node_pid"
	wait "$node_pid" 2>/dev/null || :
	node_start
	until_ok 5 drover vms "web-$vm" || die "web-$vm is not found"
	! is_drained "$vm" >/dev/null || die "round $round: the undrain is lost"
done
serving 1 2 3

say "drain --wait goes on over a restart"
(drover drain web-1 --wait --deadline 2s >"$dir/wait" 2>&1 || echo "exit $?" >>"$dir/wait") &
waiting=$!
sleep 0.5
node_stop KILL
node_start
wait $waiting
has "exit 5" "$(cat "$dir/wait")"
has "the daemon is away" "$(cat "$dir/wait")"
expect 0 drover undrain web-1

say "a hypervisor that comes back later, by another name, costs nothing"
still 60
serving 1 2 3
slots=$(all_slots | sed 's,hv/,again/,g')
node_stop
sed -i 's/name = "hv"/name = "again"/' "$conf"
node_start
settle
[ "$(all_slots)" = "$slots" ] || die "renamed: $(all_slots), not $slots"

say "a second daemon on the same pins is refused, and changes nothing"
sed "s,$sock,$dir/run/other.sock,; s,$state,$dir/other," "$conf" >"$dir/second.cfg"
expect 1 ns_node "$DROVER_BUILD/control/droverd" --config "$dir/second.cfg"
has "another" "$err"
[ ! -e "$dir/run/other.sock" ] || die "it left a socket"

say "a socket that is answered is not taken; what is no socket neither"
sed "s,$pins,$dir/bpf/second,; s,$state,$dir/other," "$conf" >"$dir/second.cfg"
sed -i 's/uplinks = .*;/uplinks = [ "lo" ];/' "$dir/second.cfg"
expect 1 ns_node "$DROVER_BUILD/control/droverd" --config "$dir/second.cfg"
has "another daemon answers there" "$err"
echo precious >"$dir/precious"
sed -i "s,$sock,$dir/precious," "$dir/second.cfg"
expect 1 ns_node "$DROVER_BUILD/control/droverd" --config "$dir/second.cfg"
[ "$(cat "$dir/precious")" = precious ] || die "a file was taken for a socket"
expect 0 drover --pin-dir "$dir/bpf/second" --socket "$dir/none" detach
node_answers >/dev/null || die "the first daemon does not answer any more"

say "detach by the command is refused while a daemon holds the pins"
expect 4 drover --socket "$dir/none" detach
has "a daemon that does not answer" "$err"

say "SIGHUP, SIGTERM and garbage in between"
kill -HUP "$node_pid"
kill -HUP "$node_pid"
settle
node_stop
node_start
serving 1 2 3
load_end load
say "done"
