#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Whole transfers through nat, IPv4 and IPv6, checksums of both ends compared: down
# and up, with packets of 1500 and of 9000 bytes, from real stacks with the offloads
# that veths have. Big datagrams in fragments. And paths that are narrower than they
# look: a router's "fragmentation needed" finds the VM, where a router is silent the
# MSS of the service helps, and Drover itself says what does not fit.
#
#	far 10.8.0.1 ... f0 --- r0 router (the lab's client) c0 --- u0 node
#	    2001:db8:8::1 ...
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_dual.sh"

bytes=${WIRE_BYTES:-100000000}
# A narrow path shows within so many bytes.
some=300000
narrow=1400

ns_far() { ip netns exec "$net-f" "$@"; }
far4() { echo "10.8.0.$1"; }
far6() { echo "2001:db8:8::$1"; }

far_up() {
	local n
	ip netns add "$net-f"
	ip -n "$net-f" link set lo up
	ip -n "$net-f" link add f0 type veth peer name r0 netns "$net-c"
	for n in 1 2 3 4 5; do
		ip -n "$net-f" addr add "$(far4 $n)/24" dev f0
		ip -n "$net-f" addr add "$(far6 $n)/64" dev f0 nodad
	done
	ip -n "$net-f" link set f0 up
	ip -n "$net-c" addr add 10.8.0.254/24 dev r0
	ip -n "$net-c" addr add 2001:db8:8::fe/64 dev r0 nodad
	ip -n "$net-c" link set r0 up
	ip -n "$net-f" route add default via 10.8.0.254
	ip -n "$net-f" route add default via 2001:db8:8::fe
	ns_client sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
		net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
	ip -n "$net-n" route add 10.8.0.0/24 via 10.0.0.1
	ip -n "$net-n" route add 2001:db8:8::/64 via 2001:db8:a::1
}

# far_transfer NUMBER VIP PORT down|up BYTES SECONDS
far_transfer() {
	local from
	case $2 in *:*) from=$(far6 "$1") ;; *) from=$(far4 "$1") ;; esac
	TRAFFIC_FROM=$from ip netns exec "$net-f" timeout "$6" "$traffic" \
		transfer "$2" "$3" "$4" "$5"
}

# Down and up, of both families, at once.
transfers() { # WHAT
	local way to jobs=() job
	for way in down up; do
		for to in "$vip" "$vip6"; do
			far_transfer 1 "$to" 80 $way "$bytes" 150 \
				>"$dir/$way-$to" 2>&1 &
			jobs+=($!)
		done
	done
	for job in "${jobs[@]}"; do
		wait "$job" || die "$1: $(tail -n 3 "$dir"/{down,up}-*)"
	done
	for to in "$vip" "$vip6"; do
		say "$1 $to: $(cat "$dir/down-$to"); $(cat "$dir/up-$to")"
	done
}

# Datagrams in fragments, both ways: 10 flows for a second and a half.
datagrams() { # BYTES
	local to from
	for to in "$vip" "$vip6"; do
		case $to in *:*) from=$(far6 1) ;; *) from=$(far4 1) ;; esac
		TRAFFIC_FROM=$from ns_far "$traffic" echo "$to" 7 10 1500 "$1" \
			>"$dir/echo" 2>"$dir/echo.err" ||
			die "datagrams of $1 to $to: $(cat "$dir/echo"; head -5 "$dir/echo.err")"
		say "datagrams of $1 bytes to $to: $(cat "$dir/echo")"
	done
}

count_of() { # reason
	drover counters --json |
		jq "[.data.reasons[] | select(.reason == \"$1\") | .packets] | add // 0"
}

services='{ tenant = "shop"; name = "echo"; vip = "'$vip'"; port = 7;
    protocol = "udp"; pool = "web"; target_port = 80; },
  { tenant = "shop"; name = "low"; vip = "'$vip'"; port = 81; pool = "web";
    mss = 1300; target_port = 81; },
  { tenant = "shop"; name = "http6"; vip = "'$vip6'"; port = 80; pool = "web"; },
  { tenant = "shop"; name = "low6"; vip = "'$vip6'"; port = 81; pool = "web";
    mss = 1300; target_port = 81; },
  { tenant = "shop"; name = "echo6"; vip = "'$vip6'"; port = 7;
    protocol = "udp"; pool = "web"; target_port = 80; }'

all_mtu() { # MTU of every link
	local vm
	ip -n "$net-n" link set u0 mtu "$1"
	ip -n "$net-c" link set c0 mtu "$1"
	ip -n "$net-c" link set r0 mtu "$1"
	ip -n "$net-f" link set f0 mtu "$1"
	for vm in 1 2; do
		ip -n "$net-n" link set "p$vm" mtu "$1"
		ip -n "$net-v$vm" link set e0 mtu "$1"
	done
	ip -n "$net-n" link set br0 mtu "$1"
}

command -v jq >/dev/null || skip "needs jq"
net_up 2
trap node_cleanup EXIT
v6_up 1 2
far_up
dual_conf "$services" "$(machine 1 "$(addr6 1)")" "$(machine 2 "$(addr6 2)")"
node_start
both_serve 1 2

say "packets of 1500 bytes"
grep -q 'uplink u0: native XDP' "$dir/droverd.log" || die 'not native'
transfers 1500
datagrams 5000

say "a router with a narrow way to the client: its word finds the VM"
ip -n "$net-c" route add "$(far4 2)/32" dev r0 mtu lock $narrow
ip -n "$net-c" route add "$(far6 2)/128" dev r0 mtu lock $narrow
for to in "$vip" "$vip6"; do
	far_transfer 2 "$to" 80 down $((10 * some)) 20 || die "to $to"
done

say "a silent one: the transfer stands still, but with the MSS of the service"
ip -n "$net-c" route add "$(far4 3)/32" dev r0 mtu lock $narrow
ip -n "$net-c" route add "$(far6 3)/128" dev r0 mtu lock $narrow
ip -n "$net-c" rule add to "$vip" ipproto icmp blackhole
ip -n "$net-c" -6 rule add to "$vip6" ipproto ipv6-icmp blackhole
for to in "$vip" "$vip6"; do
	far_transfer 3 "$to" 80 down $some 4 2>&1 && die "the router is not silent"
	far_transfer 3 "$to" 81 down $((10 * some)) 20 || die "mss, to $to"
done
ip -n "$net-c" rule del to "$vip" ipproto icmp
ip -n "$net-c" -6 rule del to "$vip6" ipproto ipv6-icmp

say "the node's own way is narrow: Drover tells the VM"
[ "$(count_of reply_port_too_big)" = 0 ] || die "it has told already"
ip -n "$net-n" route add "$(far4 4)/32" via 10.0.0.1 mtu lock $narrow
ip -n "$net-n" route add "$(far6 4)/128" via 2001:db8:a::1 mtu lock $narrow
for to in "$vip" "$vip6"; do
	far_transfer 4 "$to" 80 down $((10 * some)) 20 || die "to $to"
done
[ "$(count_of reply_port_too_big)" -ge 2 ] || die "who has told the VM?"
[ "$(count_of drop_port_no_route)" = 0 ] || die "answers without a route"

say "packets of 9000 bytes: veth takes them in generic mode only"
node_stop
expect 0 drover detach
ip -n "$net-c" link set c0 xdp off
all_mtu 9000
node_start
both_serve 1 2
grep -q 'uplink u0: .*generic' "$dir/droverd.log" || die 'nothing said of it'
transfers 9000
datagrams 30000
for reason in drop_redirect drop_too_big drop_port_too_big; do
	[ "$(count_of $reason)" = 0 ] || die "$reason: $(count_of $reason)"
done

say "VMs' ports are narrower than the client's: Drover tells the client"
ip -n "$net-n" link set p1 mtu 1500
ip -n "$net-n" link set p2 mtu 1500
told=$(count_of reply_icmp_too_big)
# The tables are looked over every ten seconds.
sleep 12
for to in "$vip" "$vip6"; do
	far_transfer 5 "$to" 80 up $((10 * some)) 20 || die "to $to"
done
[ "$(count_of reply_icmp_too_big)" -gt "$told" ] || die "who has told the client?"
say "done"
