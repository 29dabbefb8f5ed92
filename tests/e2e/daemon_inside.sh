#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Clients inside, by the real daemon and real stacks: VMs of this host and the
# host itself call VIPs. Connections are whole, keep their VM, and VMs see who
# calls, but a VM that is its own backend, which sees the VIP.
#
#	p1 vm 1, p2 vm 2	the pool, on br0 (10.9.0.0/24)
#	p3 vm 3			no pool's, on br0
#	p4 vm 4			no pool's, another tenant's, on br1, where the host
#				has no address; the VIP is on its link; later tagged
#	p5 vm 5			the same address as vm 3, on br1
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_node.sh"

vip6=2001:db8:a::10

addr6() { echo "2001:db8:9::$((10 + $1))"; }

v6_vm() { # number
	ip -n "$net-v$1" addr add "$(addr6 "$1")/64" dev e0 nodad
	ip -n "$net-v$1" route replace default via 2001:db8:9::1
}

# A VM without a way to anywhere but its own link, where the VIPs are, too.
on_link() { # number, address, address of IPv6
	local ns=$net-v$1
	ip -n "$net-n" link set "p$1" master br1
	ip -n "$ns" addr flush dev e0
	ip -n "$ns" addr add "$2/24" dev e0
	ip -n "$ns" addr add "$3/64" dev e0 nodad
	ip -n "$ns" route replace "$vip/32" dev e0
	ip -n "$ns" route replace "$vip6/128" dev e0
}

# machine NUMBER NETWORK TAG ADDRESS...
machine() {
	echo "{ name = \"web-$1\"; network = \"$2\"; interface = \"p$1\";
	  addresses = [ $(printf '"%s", ' "${@:4}" | sed 's/, $//') ];
	  mac = \"$(mac "$1")\"; tags = [ \"$3\" ]; }"
}

machines() { # number of members
	local vm
	for vm in 1 2; do
		machine "$vm" br0 "role=$([ "$vm" -le "$1" ] && echo web || echo idle)" \
			"$(addr "$vm")" "$(addr6 "$vm")"
		echo ,
	done
	machine 3 br0 role=client "$(addr 3)" "$(addr6 3)"
	echo ,
	machine 4 br1 role=client 203.0.113.4 2001:db8:4::4
	echo ,
	machine 5 br1 role=client "$(addr 3)"
}

inside_conf() { # number of members, lines of node
	node_conf "{ tenant = \"shop\"; name = \"http6\"; vip = \"$vip6\"; port = 80;
	    pool = \"web\"; target_port = 80; },
	  { tenant = \"shop\"; name = \"echo\"; vip = \"$vip\"; port = 7;
	    protocol = \"udp\"; pool = \"web\"; target_port = 80; }"
	sed -i -e "/^hypervisors = /d" -e "s|^node = {|node = { ${2-}|" \
		-e "s|vips = .*|vips = [ \"$vip\", \"$vip6\" ]; networks = [ \"br0\" ]; }, { name = \"other\"; vips = [ \"192.0.2.200\" ]; networks = [ \"br1\" ]; }|" "$conf"
	echo "hypervisors = ( { name = \"racks\"; driver = \"static\";
	  vms = ( $(machines "$1") ); } );" >>"$conf"
}

has_all_slots() { # NUMBER...
	local vm
	for vm; do
		drover vms "racks/web-$vm" --json |
			jq -e '.data.pools[0].families | length == 2 and all(.slots > 0)' ||
			return 1
	done
}

# Who answers a namespace's call, and whom it sees: NAMESPACE-COMMAND... ADDR
set -o pipefail
who() {
	"${@:1:$#-1}" timeout 3 bash -c "exec 3<>/dev/tcp/${*: -1}/80 &&
		echo who >&3 && read -r name client <&3 && echo \$name \$client" |
		sed -E 's/:[0-9]+$//; s/[][]//g'
}

# Everybody who answers in so many calls.
callers() { # COUNT COMMAND... ADDR
	local _
	for _ in $(seq "$1"); do
		who "${@:2}" || echo nobody
	done | sort -u
}

# load_of NAME SHORT LONG DOWN UP ADDR COMMAND...: whole traffic in the background.
load_of() {
	"${@:7}" "$traffic" load "$6" 80 "${@:2:4}" 600000 \
		>"$dir/$1" 2>"$dir/$1.err" &
	eval "load_$1=\$!"
	pids+=($!)
}

echo_of() { # NAME COMMAND...
	"${@:2}" "$traffic" echo "$vip" 7 4 600000 >"$dir/$1" 2>"$dir/$1.err" &
	eval "load_$1=\$!"
	pids+=($!)
}

# The interface of clients inside.
no_interface() { ! ns_node ip -o link show | grep ': dri' >/dev/null; }

vm_exec() { echo ip netns exec "$net-v$1"; }

counted() { # REASON
	drover counters --json | jq ".data.reasons[] | select(.reason == \"$1\") | .packets" |
		grep . || echo 0
}

command -v jq >/dev/null || skip "needs jq"
net_up 5
trap node_cleanup EXIT
ns_node sysctl -qw net.ipv6.conf.all.forwarding=1
ip -n "$net-n" addr add 2001:db8:a::2/64 dev u0 nodad
ip -n "$net-n" addr add 2001:db8:9::1/64 dev br0 nodad
ip -n "$net-n" link add br1 type bridge
ip -n "$net-n" link set br1 up
ip -n "$net-n" route add "$vip/32" dev u0
ip -n "$net-n" route add "$vip6/128" dev u0
ip -n "$net-c" addr add 2001:db8:a::1/64 dev c0 nodad
for vm in 1 2 3; do
	v6_vm "$vm"
done
on_link 4 203.0.113.4 2001:db8:4::4
on_link 5 "$(addr 3)" 2001:db8:9::1:5
inside_conf 2
node_start
until_ok 40 has_all_slots 1 2 || die "$(drover vms)"

say "another VM on the same bridge, of IPv4 and IPv6, TCP and UDP"
# shellcheck disable=SC2046 # words of a command
{
	load_of v3tcp4 2 4 1000000 1000000 "$vip" $(vm_exec 3)
	load_of v3tcp6 2 4 1000000 1000000 "$vip6" $(vm_exec 3)
	echo_of v3udp $(vm_exec 3)
	sleep 3
}
for name in v3tcp4 v3tcp6 v3udp; do
	load_end $name
done
[ "$(callers 20 ns_vm 3 "$vip" | cut -d' ' -f2 | sort -u)" = "$(addr 3)" ] ||
	die "VMs see $(callers 20 ns_vm 3 "$vip")"

say "a VM of another tenant, where the host has no address: ARP, ND and answers"
# shellcheck disable=SC2046
{
	load_of v4tcp4 2 4 1000000 1000000 "$vip" $(vm_exec 4)
	load_of v4tcp6 2 4 1000000 1000000 "$vip6" $(vm_exec 4)
	echo_of v4udp $(vm_exec 4)
	sleep 3
}
for name in v4tcp4 v4tcp6 v4udp; do
	load_end $name
done
ns_vm 4 ping -qc 3 -i 0.2 -W 2 "$vip" >/dev/null || die "no ping"
ns_vm 4 ping -qc 3 -i 0.2 -W 2 "$vip6" >/dev/null || die "no ping of IPv6"
! who ns_vm 4 "$vip:81" 2>/dev/null || die "a port without a service"

say "VMs of the pool: by each other, and by themselves as the VIP"
for vm in 1 2; do
	for addr in "$vip" "$vip6"; do
		seen=$(callers 40 ns_vm "$vm" "$addr")
		own=$(grep "^vm$vm " <<<"$seen" | cut -d' ' -f2)
		others=$(grep -v "^vm$vm " <<<"$seen" | cut -d' ' -f2)
		[ "$own" = "$addr" ] || die "vm $vm sees itself as $own: $seen"
		[[ $others == "$(addr "$vm")" || $others == "$(addr6 "$vm")" ]] ||
			die "vm $vm is seen as $others: $seen"
	done
done
export TRAFFIC_PROXY=1 # a VM sees itself as somebody else
# shellcheck disable=SC2046
{
	load_of v1tcp4 2 8 1000000 1000000 "$vip" $(vm_exec 1)
	load_of v1tcp6 2 8 1000000 1000000 "$vip6" $(vm_exec 1)
	echo_of v1udp $(vm_exec 1)
}

say "a drain under it: nobody fails"
sleep 1
expect 0 drover drain racks/web-1
sleep 3
expect 0 drover undrain racks/web-1
until_ok 40 has_all_slots 1 2 || die "$(drover vms)"
sleep 1
for name in v1tcp4 v1tcp6 v1udp; do
	load_end $name
done
unset TRAFFIC_PROXY

say "the host itself"
load_of host4 2 4 1000000 1000000 "$vip" ip netns exec "$net-n"
load_of host6 2 4 1000000 1000000 "$vip6" ip netns exec "$net-n"
sleep 3
load_end host4
load_end host6

say "a tagged interface of a VM"
ns_vm 4 "$DROVER_BUILD/tests/e2e/tc_vlan" e0 7
ip -n "$net-v4" neigh flush dev e0
load_of v4tag4 2 4 1000000 1000000 "$vip" ip netns exec "$net-v4"
load_of v4tag6 2 4 1000000 1000000 "$vip6" ip netns exec "$net-v4"
sleep 3
load_end v4tag4
load_end v4tag6
ns_vm 4 ping -qc 3 -i 0.2 -W 2 "$vip" >/dev/null || die "no ping"

say "who has another VM's address is refused while that one calls"
before=$(counted drop_inside_taken)
who ns_vm 3 "$vip" >/dev/null || die "vm 3 can't call"
! who ns_vm 5 "$vip" 2>/dev/null || die "vm 5 calls by the address of vm 3"
[ "$(counted drop_inside_taken)" -gt "$before" ] || die "refused without a word"

say "who takes an address that is not its own calls nobody"
before=$(counted pass_inside_stranger)
ip -n "$net-v4" addr add 203.0.113.99/24 dev e0
ns_vm 4 ping -qc 2 -i 0.2 -W 1 -I 203.0.113.99 "$vip" >/dev/null &&
	die "an answer for a stranger"
[ "$(counted pass_inside_stranger)" -gt "$before" ] || die "not counted"

say "they go on without the daemon, and when it comes back"
load_of v3kill 2 4 0 0 "$vip" ip netns exec "$net-v3"
load_of v4kill 2 4 0 0 "$vip6" ip netns exec "$net-v4"
sleep 1
node_stop KILL
sleep 1
node_start
sleep 2
load_end v3kill
load_end v4kill

say "the only VM of its pool calls itself"
inside_conf 1
expect 0 drover reload
until_ok 40 has_all_slots 1 || die "$(drover vms)"
until_ok 40 drover status --json || :
for addr in "$vip" "$vip6"; do
	until_ok 20 eval "[ \"\$(callers 5 ns_vm 1 $addr)\" = 'vm1 $addr' ]" ||
		die "$addr: $(callers 5 ns_vm 1 "$addr")"
done

say "inside = false: all of it is gone, others are served on"
node_stop
inside_conf 2 'inside = false;'
node_start
until_ok 40 has_all_slots 1 || die "$(drover vms)"
! who ns_vm 4 "$vip" 2>/dev/null || die "vm 4 still calls"
no_interface || die "the interface is left"
who ns_client "$vip" >/dev/null || die "the client is not served"

say "detach leaves nothing"
node_stop
inside_conf 2
node_start
! no_interface || die "no interface"
node_stop
# Without a daemon it is the command that takes the interface away: from where
# the daemon was.
expect 0 nsenter --net="/run/netns/$net-n" "$DROVER_BUILD/control/cli/drover" detach
no_interface || die "the interface is left"
say "done"
