#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Clients inside, by the real daemon and real stacks: VMs of this host and the
# host itself call VIPs. Connections are whole, keep their VM, and VMs see who
# calls, but a VM that is its own backend, which sees the VIP.
#
#	p1 vm 1, p2 vm 2	the pool, on br0 (10.9.0.0/24), frames of 9000 bytes
#	p3 vm 3			no pool's, on br0, the same
#	p4 vm 4			no pool's, another tenant's, on br1, where the host
#				has no address; the VIP is on its link; later tagged
#	p5 vm 5			the same address as vm 3, on br1
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_dual.sh"
set -o pipefail

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

# vm_of NUMBER NETWORK TAG ADDRESS...
vm_of() {
	echo "{ name = \"web-$1\"; network = \"$2\"; interface = \"p$1\";
	  addresses = [ $(printf '"%s", ' "${@:4}" | sed 's/, $//') ];
	  mac = \"$(mac "$1")\"; tags = [ \"$3\" ]; }"
}

machines() { # number of members
	local vm
	for vm in 1 2; do
		vm_of "$vm" br0 "role=$([ "$vm" -le "$1" ] && echo web || echo idle)" \
			"$(addr "$vm")" "$(addr6 "$vm")"
		echo ,
	done
	vm_of 3 br0 role=client "$(addr 3)" "$(addr6 3)"
	echo ,
	vm_of 4 br1 role=client 203.0.113.4 2001:db8:4::4
	echo ,
	vm_of 5 br1 role=client "$(addr 3)"
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

# Who answers a namespace's call, at port 80 or $port, and whom it sees:
# NAMESPACE-COMMAND... ADDR
who() {
	"${@:1:$#-1}" timeout 3 bash -c "exec 3<>/dev/tcp/${*: -1}/${port:-80} &&
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

# All that a VM can call, in the background: calls_begin VM LONG; calls_end VM.
calls_begin() {
	local ns=(ip netns exec "$net-v$1")
	load_of "v$1tcp4" 2 "$2" 1000000 1000000 "$vip" "${ns[@]}"
	load_of "v$1tcp6" 2 "$2" 1000000 1000000 "$vip6" "${ns[@]}"
	"${ns[@]}" "$traffic" echo "$vip" 7 4 600000 >"$dir/v$1udp" 2>"$dir/v$1udp.err" &
	eval "load_v$1udp=\$!"
	pids+=($!)
}

calls_end() {
	local kind
	for kind in tcp4 tcp6 udp; do
		load_end "v$1$kind"
	done
}

# The interface of clients inside.
no_interface() { ! ns_node ip -o link show | grep ': dri' >/dev/null; }

counted() { # REASON
	drover counters --json | jq ".data.reasons[] | select(.reason == \"$1\") | .packets" |
		grep . || echo 0
}

command -v jq >/dev/null || skip "needs jq"
net_up 5
trap node_cleanup EXIT
v6_up 1 2 3
for vm in 1 2 3; do
	ip -n "$net-n" link set "p$vm" mtu 9000
	ip -n "$net-v$vm" link set e0 mtu 9000
done
ip -n "$net-n" link add br1 type bridge
ip -n "$net-n" link set br1 up
ip -n "$net-n" route add "$vip/32" dev u0
ip -n "$net-n" route add "$vip6/128" dev u0
on_link 4 203.0.113.4 2001:db8:4::4
on_link 5 "$(addr 3)" 2001:db8:9::1:5
inside_conf 2
node_start
both_serve 1 2

say "another VM on the same bridge, of IPv4 and IPv6, TCP and UDP"
calls_begin 3 4
sleep 3
calls_end 3
[ "$(callers 20 ns_vm 3 "$vip" | cut -d' ' -f2 | sort -u)" = "$(addr 3)" ] ||
	die "VMs see $(callers 20 ns_vm 3 "$vip")"

say "a VM of another tenant, where the host has no address: ARP, ND and answers"
calls_begin 4 4
sleep 3
calls_end 4
ns_vm 4 ping -qc 3 -i 0.2 -W 2 "$vip" >/dev/null || die "no ping"
ns_vm 4 ping -qc 3 -i 0.2 -W 2 "$vip6" >/dev/null || die "no ping of IPv6"
before=$(counted reply_rst_no_service)
! port=81 who ns_vm 4 "$vip" 2>/dev/null || die "a port without a service"
[ "$(counted reply_rst_no_service)" -gt "$before" ] || die "it is not refused"

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
calls_begin 1 8

say "a drain under it: nobody fails"
sleep 1
expect 0 drover drain racks/web-1
sleep 3
expect 0 drover undrain racks/web-1
both_serve 1 2
sleep 1
calls_end 1
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

say "frames of 9000 bytes: who calls is told what fits, and sends that"
ns_vm 3 ip route flush cache
ns_vm 3 ip -6 route flush cache
for addr in "$vip" "$vip6"; do
	before=$(counted reply_inside_too_big)
	for way in up down; do
		out=$(ns_vm 3 "$traffic" transfer "$addr" 80 $way 20000000) ||
			die "$addr: $out; $(drover counters)"
	done
	[ "$(counted reply_inside_too_big)" -gt "$before" ] || die "nobody was told"
	out=$(ns_vm 3 ping -c 2 -W 1 -M "do" -s 5000 "$addr" 2>&1 || :)
	[[ $out =~ mtu[\ :=]*3400 ]] || die "a ping is not told: $out"
done

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
both_serve 1
for addr in "$vip" "$vip6"; do
	until_ok 20 eval "[ \"\$(callers 5 ns_vm 1 $addr)\" = 'vm1 $addr' ]" ||
		die "$addr: $(callers 5 ns_vm 1 "$addr")"
done

say "inside = false: all of it is gone, others are served on"
node_stop
inside_conf 2 'inside = false;'
node_start
both_serve 1
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
