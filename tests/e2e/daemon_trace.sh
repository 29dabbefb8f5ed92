#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# drover trace: what real stacks send is seen with its verdict, both ways; by
# service, client, VM and reason; never more than the rate; nothing while nobody
# looks, also not when who looked was killed; one reader at a time.
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_node.sh"

# traced NAME OPTION...: a trace that has begun; traced_end NAME.
traced() {
	local name=$1
	shift
	ip netns exec "$net-n" "$DROVER_BUILD/control/cli/drover" trace --json "$@" >"$dir/$name.json" 2>"$dir/$name.err" &
	trace_pid=$!
	pids+=($!)
	until_ok 10 is_on || die "trace $*: $(cat "$dir/$name.err")"
}

traced_end() {
	sleep 0.5
	kill -INT "$trace_pid"
	wait "$trace_pid" || die "trace ended with $?: $(cat "$dir/$1.err")"
}

# The word that the programs look at.
is_on() { [ "$(control | cut -d' ' -f1)" != 00 ]; }
is_off() { ! is_on; }
control() {
	bpftool map dump pinned "$pins/maps/trace_control" -j |
		jq -r '.[0].value[0:4] | map(ltrimstr("0x")) | join(" ")'
}

# How many packets have matched in the kernel.
matched() {
	bpftool map dump pinned "$pins/maps/trace_count" -j |
		jq '[.[0].values[].value[16:24] | map(ltrimstr("0x"))] | tostring'
}

seen() { # NAME FILTER
	jq -es "map(select($2)) | length > 0" "$dir/$1.json" >/dev/null ||
		die "no packet with $2 among $(wc -l <"$dir/$1.json"): $(head -3 "$dir/$1.json")"
}

all_are() { # NAME FILTER
	jq -es "length > 0 and all(.[]; $2)" "$dir/$1.json" >/dev/null ||
		die "not all are $2: $(jq -c "select(($2) | not)" "$dir/$1.json" | head -3)"
}

who() { # a connection to the VIP from ADDRESS
	TRAFFIC_FROM=$1 ns_client "$traffic" load "$vip" 80 1 1 0 0 "${2:-400}" >/dev/null
}

command -v bpftool >/dev/null || skip "needs bpftool"
node_up 2

say "nobody looks: nothing is on, nothing is counted"
is_off || die "on: $(control)"
none=$(matched)
who 10.0.0.1
[ "$(matched)" = "$none" ] || die "counted with nobody there: $(matched)"

say "each packet of a connection, both ways, as it came"
traced all --rate 10000
who 10.0.0.1
ns_client ping -q -c 1 "$vip" >/dev/null
ns_client bash -c "exec 3<>/dev/tcp/$vip/99" 2>/dev/null || :
echo x | ns_client socat -u - "UDP4:$vip:99" 2>/dev/null || :
traced_end all
seen all '.hook == "uplink" and .interface == "u0" and .kind == "opener" and
	.detail == "SYN" and .destination == "'"$vip"':80" and .verdict == "forward" and
	(.source | startswith("10.0.0.1:")) and .service == "shop/http" and
	(.target | test("^10.9.0.1[12]:80$")) and .rule == "steady" and .length > 50'
seen all '.hook == "from_vm" and .interface == "p1" and .detail == "SYN,ACK" and
	.source == "'"$(addr 1)"':80" and .verdict == "forward" and .vm == "hv/web-1"'
seen all '.reason == "reply_echo" and .protocol == "icmp" and
	.source == "10.0.0.1" and .destination == "'"$vip"'"'
seen all '.reason == "reply_rst_no_service" and .destination == "'"$vip"':99" and .protocol == "tcp"'
seen all '.reason == "reply_icmp_no_service" and .destination == "'"$vip"':99" and .protocol == "udp"'
seen all '.reason == "pass_port_direct" and .hook == "to_vm"'
has "packets shown of" "$(cat "$dir/all.err")"
is_off || die "still on"

say "only what is asked for"
traced client --client 10.0.0.3 --rate 10000
who 10.0.0.1
who 10.0.0.3
traced_end client
all_are client '(.source + " " + .destination) | test("10.0.0.3:")'
seen client '.hook == "uplink"'
seen client '.hook == "from_vm" and .verdict == "forward"'
traced vm --backend web-2 --reason forward --rate 10000
who 10.0.0.1 800
traced_end vm
all_are vm '.vm == "hv/web-2" and .verdict == "forward"'
seen vm '.hook == "from_vm"'
traced reason --reason reply --service http
who 10.0.0.1
ns_client ping -q -c 1 "$vip" >/dev/null
traced_end reason
[ ! -s "$dir/reason.json" ] || die "no reply is of the service: $(cat "$dir/reason.json")"
traced reason --reason reply_echo
who 10.0.0.1
ns_client ping -q -c 2 -i 0.2 "$vip" >/dev/null
traced_end reason
[ "$(wc -l <"$dir/reason.json")" = 2 ] || die "not two pings: $(cat "$dir/reason.json")"

say "the rate holds, and what is over it is said"
traced rate --rate 20 --reason forward
who 10.0.0.1 3000
traced_end rate
n=$(wc -l <"$dir/rate.json")
[ "$n" -gt 0 ] && [ "$n" -le $((20 * 4 * $(nproc) + 4 * $(nproc))) ] || die "$n at 20 a second and CPU"
has "were over the rate" "$(cat "$dir/rate.err")"

say "who does not read loses packets, and hears how many"
traced lost --rate 1000000 --reason forward
kill -STOP "$trace_pid"
TRAFFIC_FROM=10.0.0.1 ns_client "$traffic" load "$vip" 80 2 2 0 1000000 1200 >/dev/null
kill -CONT "$trace_pid"
traced_end lost
has "were lost, read too slowly" "$(cat "$dir/lost.err")"

say "one reader at a time"
traced first
expect 4 drover trace --count 1
has "somebody else has a trace on (process $trace_pid)" "$err"
traced_end first

say "a reader that is killed leaves nothing on"
traced killed --rate 10000
kill -KILL "$trace_pid"
is_on || die "off before its time"
expect 4 drover trace --count 1
sleep 2.2
who 10.0.0.1
is_off || die "on: $(control)"
none=$(matched)
who 10.0.0.1
[ "$(matched)" = "$none" ] || die "still counted"
expect 0 drover trace --for 300ms
traced again --rate 10000
who 10.0.0.1
traced_end again
seen again '.kind == "opener"'

say "moving slots: by entries"
traced moving --rate 10000 --reason forward
expect 0 drover drain web-2
until_ok 20 in_role leaving 2 || die "$(drover vms)"
who 10.0.0.1 2500
traced_end moving
seen moving '.how == "made"'
seen moving '.how == "entry"'
expect 0 drover undrain web-2

say "for people; without a daemon; ends by itself"
node_stop
(sleep 0.5; who 10.0.0.1) &
expect 0 ns_node "$DROVER_BUILD/control/cli/drover" trace --count 3
[ "$(grep -cE '^[0-9:]{8}\.[0-9]{6} u0|p[12]' <<<"$out")" = 3 ] || die "$out"
wait $!
expect 2 drover trace --reason nothing
expect 2 drover trace --client web
expect 2 drover trace --count 0
expect 3 drover trace --backend web-9
expect 3 drover trace --service nothing
expect 6 drover trace --pin-dir /sys/fs/bpf/none
say "done"
