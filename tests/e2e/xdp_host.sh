#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Beside what else the host does with packets. A service that is observed is
# served by the host as before, and counted; a VM whose port has rules of the
# host's own gets its packets through them and answers through them: filters of
# the bridge, shaping and policing of the port; straight it goes past all these.
# Uplink routed, then a port of the VMs' own bridge.
here=$(dirname "$0")
# shellcheck source-path=SCRIPTDIR source=xdp_net.sh
. "$here/xdp_net.sh"

for tool in ebtables tc; do
	command -v $tool >/dev/null || skip "needs $tool"
done

# One connection from a port of the client's choice; the client's address.
one() { # from, address, port
	TRAFFIC_FROM=$1 ns_client "$traffic" load "$2" "$3" 1 0 0 0 300 2>&1
}

# Uploads of 1 MB that are done in 2 s.
uploads() {
	TRAFFIC_FROM=10.0.0.1 ns_client "$traffic" load $vip 80 0 0 0 1000000 2000 |
		sed -n 's/.*up_ok=\([0-9]*\).*/\1/p'
}

# What the VIP's server calls itself, once a line.
who() {
	ns_client bash -c "exec 3<>/dev/tcp/$vip/80
		echo who >&3; read -r l <&3; echo \"\${l%% *}\""
}

# Programs at an interface beside XDP.
n_hooks() {
	local index
	index=$(ns_node cat "/sys/class/net/$1/ifindex")
	find "$pins/links" -name "port-*-$index" | wc -l
}

net_up 1
ns_node ebtables -t nat -L >/dev/null 2>&1 || skip 'no ebtables in this kernel'

say 'observed: the host serves its VIP as before'
ns_node ip addr add $vip/32 dev lo
ns_node "$traffic" serve 80 host &
host_server=$!
pids+=("$host_server")
driver_start
web 1
must 'observe yes' apply
[ "$(n_hooks u0)" = 2 ] || die 'no programs beside XDP at the uplink'
must 'run 6000'
load_start observed $vip 80 4 4 5000000 5000000
must 'run 2000'
[ "$(who)" = host ] || die 'the VIP is not the hosts'
TRAFFIC_FROM=10.0.0.1 ns_client "$traffic" load $vip 81 1 0 0 0 200 >/dev/null 2>&1 &&
	die 'port 81 of the VIP answers'
load_end observed
must 'run 100'
[ "$(field 'service t/http' in)" -gt 1000 ] || die 'as if: no packets in'
[ "$(field 'service t/http' out)" -gt 100 ] || die 'as if: no packets out'
[ "$(field 'vm hv/vm1' in)" -gt 1000 ] || die 'as if: no VM'
[ "$(field 'vm hv/vm1' out)" = 0 ] || die 'a VM answered'
[ "$(field 'vm hv/vm1' entries)" = 0 ] || die 'flow entries while observed'
drive status >"$dir/status"
grep -q 'as_if reply_rst_no_service' "$dir/status" || die 'no RST as if'
! grep -qE 'reason (reply|drop)_' "$dir/status" || die "$(cat "$dir/status")"
drive "explain 10.0.0.1 4000 $vip 80" | grep -q 'reason=pass_observed .* vm=hv/vm1' ||
	die 'explain does not say that it looks on'

say 'taken over: new connections go to the VM, nothing beside XDP is left'
must 'observe no' apply 'run 100'
[ "$(who)" = vm1 ] || die 'the VM does not serve'
[ "$(n_hooks u0)" = 0 ] || die 'programs beside XDP stay'
one 10.0.0.1 $vip 80 || die 'connections fail after the change'

say 'and back'
must 'observe yes' apply 'run 100'
[ "$(who)" = host ] || die 'the host does not serve again'
must 'observe no' apply 'run 100'
kill $host_server
ns_node ip addr del $vip/32 dev lo

# The rules: 8 Mbit/s to the VM, and one client that may not.
shape() { ns_node tc qdisc add dev p1 root tbf rate 8mbit burst 20k latency 200ms; }
unshape() { ns_node tc qdisc del dev p1 root; }
refuse() {
	ns_node ebtables -t nat -A POSTROUTING -o p1 -p IPv4 \
		--ip-src 10.0.0.3 -j DROP
}
forgive() { ns_node ebtables -t nat -F; }

say 'straight: past the shaping and the filter'
shape
refuse
fast=$(uploads)
one 10.0.0.3 $vip 80 >/dev/null || die 'the filter is met'

say 'through the kernel: under both'
must 'stack hv/vm1 yes' apply 'run 100'
[ "$(n_hooks br0)" = 1 ] || die 'nothing takes answers back at the bridge'
slow=$(uploads)
say "uploads of 1 MB in 2 s: straight $fast, through the kernel $slow"
[ "$slow" -ge 1 ] || die 'nothing gets through'
[ "$slow" -le 3 ] || die 'not limited'
[ "$fast" -gt $((3 * slow)) ] || die 'the straight way is limited, too'
one 10.0.0.1 $vip 80 || die 'connections through the kernel'
one 10.0.0.3 $vip 80 >/dev/null && die 'the filter is not met'
unshape
forgive
one 10.0.0.3 $vip 80 || die 'the filter is gone, but not its effect'
load_start stacked $vip 80 4 4 20000000 20000000
load_start direct "$(addr 1)" 80 2 2 1000000 0
must 'run 3000'
load_end stacked
load_end direct
[ "$(field 'vm hv/vm1' out)" -gt 100 ] || die 'answers are not counted'

say 'answers meet the bridge'\''s filter, and the port'\''s own'
ns_node ebtables -t nat -A PREROUTING -i p1 -p IPv4 --ip-dst 10.0.0.3 -j DROP
one 10.0.0.3 $vip 80 >/dev/null && die 'the filter of answers is not met'
one 10.0.0.1 $vip 80 || die 'answers to others'
forgive
# A policer in the ingress qdisc, as <bandwidth> has one: this one lets nothing
# pass from port 80.
clang -O2 -target bpf -c -x c -o "$dir/police.o" - <<-'END'
	struct skb { unsigned int len, pkt_type, mark, queue, protocol; };
	static long (*load)(void *skb, unsigned int at, void *to,
			    unsigned int n) = (void *)26;
	__attribute__((section("tc"), used)) int police(struct skb *skb)
	{
		unsigned char b[24];
		if (load(skb, 14, b, 24) < 0 || b[9] != 6)
			return -1;
		return b[20] == 0 && b[21] == 80 ? 2 : -1;
	}
	char gpl[] __attribute__((section("license"), used)) = "GPL";
END
ns_node tc qdisc add dev p1 ingress
ns_node tc filter add dev p1 ingress bpf da obj "$dir/police.o" sec tc
one 10.0.0.1 $vip 80 >/dev/null && die 'the ingress qdisc is not met'
ns_node tc qdisc show dev p1 | grep -q ingress || die 'the ingress qdisc is gone'
must 'stack hv/vm1 no' apply 'run 100'
one 10.0.0.1 $vip 80 || die 'straight, the ingress qdisc is met'
[ "$(n_hooks br0) $(n_hooks u0)" = '0 0' ] || die 'programs stay that nobody needs'
must 'stack hv/vm1 yes' apply 'run 100'
ns_node tc qdisc del dev p1 ingress

say 'established connections outlive the change, and a restart'
load_start change $vip 80 2 4 5000000 0
for way in no yes no yes; do
	must "stack hv/vm1 $way" apply 'run 700'
done
driver_stop
sleep 0.5
driver_start
web 1
must 'stack hv/vm1 yes' apply 'run 500'
load_end change
driver_stop
driver_start
printf 'detach %s\n' "$pins" | ns_node "$driver" >/dev/null
[ ! -e "$pins" ] || die "left: $(find "$pins")"
driver_stop

say 'the uplink is a port of the bridge: the router is the client'
ns_node ip addr flush dev u0
ns_node ip addr flush dev br0
ns_node ip link set u0 master br0
ns_client ip route del 10.9.0.0/24
ns_client ip addr add 10.9.0.1/24 dev c0
ns_vm 1 ip neigh flush all
driver_start
must 'clsact'
web 1
must 'stack hv/vm1 yes' apply 'run 6000'
load_start bridged $vip 80 4 4 20000000 20000000
must 'run 3000'
load_end bridged
ns_node dmesg 2>/dev/null | tail -5 | grep -q 'own address as source' &&
	die 'the bridge sees its own address'
ns_node ebtables -t filter -A FORWARD -o p1 -p IPv4 --ip-src 10.0.0.3 -j DROP
one 10.0.0.1 $vip 80 || die 'connections over the bridge'
one 10.0.0.3 $vip 80 >/dev/null && die 'the filter of the bridge is not met'
driver_stop
say ok
