#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# IPv6 and UDP through the real daemon: a pool that serves both families, real
# stacks of clients and VMs. What IPv6 lacks takes no IPv4 traffic away; a drain
# under load of four kinds fails nobody.
#
#	client 2001:db8:a::1 --- u0 2001:db8:a::2  node  br0 2001:db8:9::1 --- VMs ::11 ...
#	VIP 2001:db8:a::10: on the client's link, beside those of the IPv4 lab
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_dual.sh"

udp4='{ tenant = "shop"; name = "echo"; vip = "'$vip'"; port = 7;
  protocol = "udp"; pool = "web"; target_port = 80; }'
of_v6='{ tenant = "shop"; name = "http6"; vip = "'$vip6'"; port = 80; pool = "web";
    mss = 1300; },
  { tenant = "shop"; name = "h3"; vip = "'$vip6'"; port = 443; protocol = "quic";
    pool = "web"; target_port = 8443; },
  { tenant = "shop"; name = "echo6"; vip = "'$vip6'"; port = 7;
  protocol = "udp"; pool = "web"; target_port = 80; }'

# echo_start NAME ADDR FLOWS, to be ended by load_end.
echo_start() {
	TRAFFIC_FROM=$(case $2 in *:*) echo 2001:db8:a::1 ;; *) source_to "$2" ;; esac) \
		ip netns exec "$net-c" "$traffic" echo "$2" 7 "$3" 600000 \
		>"$dir/$1" 2>"$dir/$1.err" &
	eval "load_$1=$!"
	pids+=($!)
}

# load6_start NAME SHORT LONG DOWN UP
load6_start() {
	TRAFFIC_FROM=2001:db8:a::1 ip netns exec "$net-c" "$traffic" load "$vip6" 80 \
		"${@:2}" 600000 >"$dir/$1" 2>"$dir/$1.err" &
	eval "load_$1=$!"
	pids+=($!)
}

all_start() {
	load_start tcp4 "$vip" 80 4 8 1000000 1000000
	load6_start tcp6 4 8 1000000 1000000
	echo_start udp4 "$vip" 8
	echo_start udp6 "$vip6" 8
}

all_end() {
	local name
	for name in tcp4 tcp6 udp4 udp6; do
		load_end $name
	done
}

# The largest segment that the client sends on its connections to the IPv6 VIP.
mss_to_vip6() {
	ns_client ss -Htin dst "[$vip6]" | grep -o ' mss:[0-9]*' | cut -d: -f2 |
		sort -n | tail -1
}

neighbour() { # of the client: MAC of an address
	ns_client ip neigh show "$1" dev c0 | sed -n 's/.*lladdr \([^ ]*\).*/\1/p'
}

is_here() { [ "$(neighbour "$vip6")" = "$(ns_node cat /sys/class/net/u0/address)" ]; }

command -v jq >/dev/null || skip "needs jq"
net_up 3
trap node_cleanup EXIT
v6_up 1 2
machines=("$(machine 1 "$(addr6 1)")" "$(machine 2 "$(addr6 2)")" "$(machine 3)")
dual_conf "$udp4,
  $of_v6" "${machines[@]}"

say "VIPs are announced: who believed something else of one hears of it"
ns_client ip neigh replace "$vip6" lladdr 02:00:00:00:00:99 dev c0 nud stale
node_start
until_ok 10 is_here || die "the client believes $(neighbour "$vip6")"

say "and solicitations for them are answered"
ns_client ip neigh flush dev c0
both_serve 1 2
until_ok 10 ns_client "$traffic" load "$vip6" 80 1 0 0 0 300 ||
	die "nobody answers at $vip6"
is_here || die "the client believes $(neighbour "$vip6")"

say "a VM without an IPv6 address is only missing there"
until_ok 20 family_is 3 ipv4 '.role == "serving" and .slots > 0' ||
	die "$(drover vms racks/web-3)"
family_is 3 ipv6 '.role == "waiting" and .reason == "no_address"' >/dev/null ||
	die "$(drover vms racks/web-3 --json)"
json '.pools[0] | .pool == "shop/web" and .vms == 3 and .serving == 3 and
	(.families | map(.serving) == [3, 2])' status

say "TCP and UDP, IPv4 and IPv6: whole, and each flow by one VM"
all_start
sleep 3
mss=$(mss_to_vip6)
all_end
[ "$mss" -le 1300 ] && [ "$mss" -gt 1200 ] || die "segments of $mss, not 1300"

say "IPv6 of a VM breaks: it leaves there, and IPv4 does not notice"
load_start tcp4 "$vip" 80 4 8 0 0
ip -n "$net-v2" addr del "$(addr6 2)/64" dev e0
until_ok 20 family_is 2 ipv6 '.role != "serving" and .slots == 0' ||
	die "$(drover vms racks/web-2)"
family_is 2 ipv4 '.role == "serving" and .slots > 0' >/dev/null ||
	die "$(drover vms racks/web-2)"
has "IPv6" "$(drover vms racks/web-2)"
load6_start tcp6 4 0 0 0
sleep 2
load_end tcp6
load_end tcp4
v6_vm 2
both_serve 2

say "a drain under load of four kinds: nobody fails, over when both are"
all_start
sleep 1
expect 0 drover drain web-1
until_ok 20 family_is 1 ipv4 '.slots == 0' || die "$(drover vms racks/web-1)"
until_ok 20 family_is 1 ipv6 '.slots == 0' || die "$(drover vms racks/web-1)"
sleep 3
all_end
expect 0 drover drain web-1 --wait --deadline 60s
has "web-1 is drained" "$out"
json '.pools[0].drain.state == "drained"' vms web-1
json 'map(select(.what == "drained")) | length == 1' events --last 200
expect 0 drover undrain web-1
both_serve 1

say "explain, and listings that fit"
expect 0 drover explain '[2001:db8:a::1]:40000' http6
has "-> shop/http6 ([$vip6]:80)" "$out"
has "[2001:db8:9::1" "$out"
expect 0 drover explain '[2001:db8:a::1]:40000' echo6
expect 2 drover explain '[2001:db8:a::1]:40000' echo6 --opener
expect 0 drover explain '[2001:db8:a::1]:40000' h3 --opener
expect 0 drover services
has "[$vip6]:7/udp" "$out"
has "[$vip6]:443/quic" "$out"
for what in status services vms pools counters; do
	expect 0 drover $what
	! LC_ALL=C.UTF-8 grep -E '^.{101}' <<<"$out" || die "$what is too wide"
done

say "a restart of the daemon breaks none of them"
all_start
node_stop
json 'map(.pool) == ["shop/web"] and .[0].vms == 3 and
	(.[0].families | map(.family) | sort == ["ipv4", "ipv6"])' pools
node_start
both_serve 1 2
sleep 1
all_end

say "without services of IPv6, IPv4 goes on"
load_start tcp4 "$vip" 80 4 8 0 0
dual_conf "$udp4" "${machines[@]}"
expect 0 drover reload
json '.pools[0].families | map(.family) == ["ipv4"]' status
sleep 2
load_end tcp4
say "done"
