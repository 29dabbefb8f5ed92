#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What goes wrong around the daemon: no rights, no bpffs, a full disk, uplinks
# that are not there, clocks that jump, a hypervisor that hangs, pools without
# VMs. It says what is wrong, goes on, and is well again when the world is.
#
# (A second daemon and kill -9: daemon_life.sh. An uplink without native XDP or
# with somebody else's program: xdp_edge.sh. QEMUs and libvirtd for real:
# tests/vm/.)
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_node.sh"

droverd=$DROVER_BUILD/control/droverd

# A disk of its own for the state, small enough to fill.
disk_up() {
	mkdir -p "$state"
	mount -t tmpfs -o size=2m tmpfs "$state" || skip "no tmpfs"
}

# asks N: so many requests to the VIP, each on a connection of its own.
asks() {
	local left
	for ((left = $1; left > 0; left--)); do
		ns_client "$traffic" load "$vip" 80 1 0 0 0 300 >/dev/null 2>&1 ||
			return 1
	done
}

none_serve() {
	drover status --json | jq -e '.data.pools[0].serving == 0'
}

nobody_answers() { ! asks 1; }

log_has() { # TEXT
	grep -qF "$1" "$dir/droverd.log" || {
		tail -5 "$dir/droverd.log" >&2
		die "the log does not say: $1"
	}
}

uplink_mode() {
	drover status --json | jq -r '.data.dataplane.uplinks[0].mode'
}

uplink_is() { # MODE
	[ "$(uplink_mode)" = "$1" ]
}

drained() { # NUMBER
	drover vms "web-$1" --json | jq '.data.pools[0].drain != null'
}

hv_is() { # STATE
	[ "$(drover status --json | jq -r '.data.hypervisors[0].state')" = "$1" ]
}

# inventory_is METHOD FILTER [CURL'S...]: of what is fed to "cloud".
inventory_is() {
	local method=$1 filter=$2 answer
	shift 2
	answer=$(curl -sS --unix-socket "$sock" -X "$method" "$@" \
		http://drover/v1/inventory/cloud) || die "curl: $answer"
	jq -e "$filter" <<<"$answer" >/dev/null || die "not $filter: $answer"
}

command -v curl >/dev/null || skip "needs curl"
# shellcheck disable=SC2034 # the lab's
more_hvs=', { name = "cloud"; driver = "fed"; }'
disk_up
node_up 2

say "no root: it says what it needs, and leaves nothing"
sed "s,$pins,$dir/bpf/nobody,; s,$sock,$dir/nobody.sock,; s,$state,$dir/nobody," \
	"$conf" >"$dir/nobody.cfg"
chmod 644 "$dir/nobody.cfg"
chmod 755 "$dir"
expect 1 setpriv --reuid 65534 --regid 65534 --clear-groups "$droverd" \
	--config "$dir/nobody.cfg"
has "root" "$err"
for left in "$dir/bpf/nobody" "$dir/nobody.sock" "$dir/nobody"; do
	[ ! -e "$left" ] || die "it left $left"
done

say "no bpffs where the pins are to be: it says how to mount one"
mkdir "$dir/plain"
sed "s,$pins,$dir/plain/pins,; s,$sock,$dir/plain.sock,; s,$state,$dir/other," \
	"$conf" >"$dir/plain.cfg"
expect 1 ns_node "$droverd" --config "$dir/plain.cfg"
has "mount -t bpf" "$err"

say "the disk is full: what is wished or fed is refused and not half done, all else goes on"
load_start load "$vip" 80 2 2 0 0
dd if=/dev/zero of="$state/filler" bs=4k 2>/dev/null || :
for try in $(seq 100); do
	drover drain web-1 --reason "try $try" >/dev/null 2>"$dir/err" || break
	drover undrain web-1 >/dev/null 2>"$dir/err" || break
done
[ "$try" -lt 100 ] || die "there is always room on a full disk"
err=$(cat "$dir/err")
has "full" "$err"
inventory_is PUT '.error.code == "failed" and (.error.message | test("nothing is changed.*full"))' \
	--data-binary @- <<<"$(seq 200 | jq -sc '{ "lease_ms": 60000, "machines":
		map({ "name": "vm-\(.)", "addresses": ["10.9.1.\(.)"] }) }')"
inventory_is GET '.data.machines == []'
expect 3 drover vms cloud/vm-1
before=$(drained 1)
node_answers >/dev/null || die "it does not answer any more"
# What was refused is neither in memory nor on disk.
node_stop KILL
rm "$state/filler"
node_start
serving 2
[ "$(drained 1)" = "$before" ] || die "web-1: drained $(drained 1), not $before"
expect 0 drover drain web-1 --reason "there is room again"
expect 0 drover undrain web-1

say "a hypervisor that hangs: its VMs stay, marked; then it is there again"
hv_pid=$(cat "$dir/hv/run/pid")
kill -STOP "$hv_pid"
until_ok 60 hv_is lost || die "nobody noticed: $(drover status)"
in_role serving 2 || die "VMs are taken out because an API is away"
kill -CONT "$hv_pid"
until_ok 60 hv_is connected || die "it is not found again"
serving 1 2

say "SIGTERM in the middle of everything: it ends well each time, at once"
for round in $(seq 12); do
	(
		drover drain web-1 || drover undrain web-1
		drover reload
		hv_tag 2 role=web "round=$round"
		drover undrain web-1
	) >/dev/null 2>&1 &
	busy=$!
	sleep "0.0$((RANDOM % 10))"
	from=$(now_ms)
	node_stop
	took=$(($(now_ms) - from))
	[ "$took" -lt 2000 ] || die "round $round: it took $took ms to end"
	kill "$busy" 2>/dev/null || :
	wait "$busy" 2>/dev/null || :
	node_start
done
# An answer comes before the hypervisor's list.
until_ok 10 drover vms web-1 || die "web-1 is not known again"
drover undrain web-1 >/dev/null 2>&1 || :
serving 1 2
load_end load

say "an uplink goes and comes back: it is attached again, by itself"
uplink_is native || die "uplink: $(uplink_mode)"
ip -n "$net-n" link del u0
until_ok 5 uplink_is none || die "the uplink is gone, status says $(uplink_mode)"
log_has "uplink u0 is gone"
ip -n "$net-n" link add u0 type veth peer name c0 netns "$net-c"
ip -n "$net-n" addr add 10.0.0.2/24 dev u0
ip -n "$net-c" addr add 10.0.0.1/24 dev c0
ns_client ethtool -K c0 tx off gro on >/dev/null
ns_client "$DROVER_BUILD/tests/e2e/xdp_pass" c0
ip -n "$net-c" link set c0 up
ip -n "$net-n" link set u0 up
ip -n "$net-c" route add "$vip/32" dev c0
until_ok 5 uplink_is native || die "status says $(uplink_mode)"
until_ok 5 asks 1 || die "no traffic by the new uplink"

say "it starts while an uplink is missing, says so, and takes it when it comes"
node_stop
ip -n "$net-n" link set u0 down
ip -n "$net-n" link set u0 name away
node_start
uplink_is none || die "status says $(uplink_mode)"
log_has "uplink u0: there is no such interface"
has "u0" "$(drover status)"
ip -n "$net-n" link set away name u0
ip -n "$net-n" link set u0 up
ip -n "$net-n" addr replace 10.0.0.2/24 dev u0
until_ok 5 uplink_is native || die "status says $(uplink_mode)"
until_ok 5 asks 1 || die "no traffic by the uplink that came late"

say "the wall clock jumps by days: probes, drains, leases and flows don't notice"
node_stop
fake=$(find /usr/lib -name libfaketimeMT.so.1 | head -1)
if [ -n "$fake" ]; then
	echo '+0' >"$dir/clock"
	(
		export LD_PRELOAD=$fake FAKETIME_TIMESTAMP_FILE=$dir/clock \
			FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1
		exec nsenter --net="/run/netns/$net-n" "$droverd" --config "$conf" \
			>>"$dir/droverd.log" 2>&1
	) &
	node_pid=$!
	pids+=("$node_pid")
	until_ok 10 node_answers || die "droverd does not answer"
	serving 1 2
	inventory_is PUT '.data.added == 1' --data-binary @- <<-END
		{ "lease_ms": 3600000, "machines": [
		  { "name": "big-1", "addresses": [ "10.9.1.1" ] } ] }
	END
	load_start jumps "$vip" 80 2 2 0 0
	for jump in '+10d' '-10d' '+0'; do
		expect 0 drover drain web-1 --deadline 1h --reason "before $jump"
		echo "$jump" >"$dir/clock"
		sleep 2.5
		serving 2
		node_answers >/dev/null || die "$jump: no answer"
		inventory_is GET '.data.left_ms > 3000000 and .data.left_ms < 3600000'
		expect 0 drover undrain web-1
	done
	serving 1 2
	load_end jumps
	node_stop
	node_start
else
	die "libfaketime is not there"
fi

say "a selector that matches nothing, and a pool whose VMs are all gone"
sed -i 's/role=web/role=nobody/' "$conf"
expect 0 drover reload
until_ok 10 none_serve || die "VMs serve that nobody selected"
has "nobody serves" "$(drover status)"
until_ok 5 nobody_answers || die "somebody answers"
sed -i 's/role=nobody/role=web/' "$conf"
expect 0 drover reload
serving 1 2
asks 2 || die "it does not serve again"
hv_destroy 1
hv_destroy 2
until_ok 5 none_serve || die "the dead serve"
until_ok 5 nobody_answers || die "somebody answers"
hv_start 1
serving 1
asks 2 || die "it does not serve again"
say "done"
