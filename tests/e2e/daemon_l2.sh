#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A bridge that has the uplink for a port and no address of the host's: VMs are
# probed over the data path, their answers leave by the bridge, to the router that
# the VM knows. Then the host gets an address there, and loses it.
#
#	client 10.9.0.1 (the VMs' router), 10.0.0.1 --- u0 | br0 | p1, p2, p3
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_node.sh"

command -v jq >/dev/null || skip "needs jq"
net_up 3
trap node_cleanup EXIT

machine() {
	echo "{ name = \"web-$1\"; network = \"br0\"; interface = \"p$1\";
	  addresses = [ \"$(addr "$1")\" ]; mac = \"$(mac "$1")\";
	  tags = [ \"role=$2\" ]; }"
}

load_from() { # NAME FROM SHORT LONG DOWN UP
	TRAFFIC_FROM=$2 ip netns exec "$net-c" "$traffic" load "$vip" 80 \
		"${@:3}" 600000 >"$dir/$1" 2>"$dir/$1.err" &
	eval "load_$1=\$!"
	pids+=($!)
}

reason() {
	drover counters --json |
		jq "[.data.reasons[] | select(.reason == \"$1\") | .packets] | add // 0"
}

ns_node ip addr flush dev u0
ns_node ip addr flush dev br0
ns_node ip link set u0 master br0
ns_node sysctl -qw net.ipv4.ip_forward=0
ns_client ip route del 10.9.0.0/24
ns_client ip addr add 10.9.0.1/24 dev c0
for vm in 1 2 3; do
	ns_vm "$vm" ip neigh flush all
done

node_conf "{ tenant = \"shop\"; name = \"echo\"; vip = \"$vip\"; port = 7;
  protocol = \"udp\"; pool = \"web\"; target_port = 80; }"
sed -i "/^hypervisors = /d" "$conf"
echo "hypervisors = ( { name = \"racks\"; driver = \"static\";
  vms = ( $(machine 1 web), $(machine 2 web), $(machine 3 client) ); } );" >>"$conf"
node_start
serving 1 2
[ "$(drover vms web-1 --json | jq -r '.data.pools[0].health.via')" = path ] ||
	die "$(drover vms web-1 --json)"

say "clients on the link and behind the router"
load_from link 10.9.0.1 4 8 20000000 20000000
load_from routed 10.0.0.1 4 8 20000000 20000000
sleep 3
load_end link
load_end routed
[ "$(reason drop_port_no_route)" = 0 ] || die "answers without a way"

say "datagrams"
TRAFFIC_FROM=10.0.0.1 ns_client "$traffic" echo "$vip" 7 4 1000 || die "UDP"

say "a VM of the same bridge calls the VIP"
ip -n "$net-v3" route replace "$vip/32" dev e0
TRAFFIC_FROM=$(addr 3) ip netns exec "$net-v3" "$traffic" load "$vip" 80 2 4 1000000 1000000 \
	2000 || die "vm 3 can't call"

say "an address on the bridge: then routes lead the way; without it, again"
load_from change 10.9.0.1 2 8 0 0
sleep 1
ns_node ip addr add 10.9.0.200/24 dev br0
sleep 2
ns_node ip addr flush dev br0
sleep 2
load_end change
say "done"
