#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# In kernel61.sh's guest: the real droverd over clsact. VMs of libvirt's test
# driver serve and are probed over the data path, one is drained under load,
# filters that somebody takes off are put back, and detach leaves nothing.
. "$DROVER_SOURCE/tests/e2e/daemon_node.sh"

# Emulated, the verifier takes some 20 s for what takes it one.
NODE_START_S=90

# A file of domains instead of a libvirtd: the test driver inside of droverd.
hv_uri="test://$dir/node.xml"
virsh() { :; }

net_up 2
trap node_cleanup EXIT
for vm in 1 2; do
	port_mac $vm
	hv_define $vm role=web
done
printf '<node>%s</node>\n' "$(printf "<domain file='%s'/>" "$dir"/vm?.xml)" \
	>"$dir/node.xml"
node_conf
node_start
serving 1 2

say 'clients are served'
load_start web "$vip" 80 3 4 0 0
sleep 3

say 'probes over the data path'
sed -i 's/health = {/health = { via = "path";/' "$conf"
expect 0 drover reload
for vm in 1 2; do
	until_ok 10 eval '[ "$(drover vms web-$vm --json | jq -r \
		".data.pools[0].health | .via + .state")" = pathup ]' ||
		die "web-$vm is not probed over the data path"
done

say 'a drain under load'
expect 0 drover drain web-1
until_ok 20 eval '[ "$(drover vms web-1 --json |
	jq -r ".data.pools[0].slots // 0")" = 0 ]' || die 'web-1 keeps its slots'
expect 0 drover undrain web-1
serving 1 2
load_end web

say 'filters that somebody takes off are put back, under load'
has_filters() { # number
	local hook
	for hook in ingress egress; do
		ns_node tc filter show dev "p$1" $hook | grep -q bpf || return 1
	done
}
has_filters 1 && has_filters 2 || die 'no filters at the ports'
before=$(now_ms)
ns_node tc qdisc del dev p1 clsact
until_ok 5 has_filters 1 || die 'the qdisc of VM 1 is not put back'
say "a deleted qdisc: $(($(now_ms) - before)) ms"
ns_node tc filter del dev p2 egress
until_ok 5 has_filters 2 || die 'the filter of VM 2 is not put back'
drover events | grep -q filters_restored || die "nothing said: $(drover events)"
load_start again "$vip" 80 2 2 0 0
sleep 2
load_end again

say 'detach leaves nothing'
node_stop
expect 0 ns_node "$DROVER_BUILD/control/cli/drover" detach
for vm in 1 2; do
	for hook in ingress egress; do
		[ -z "$(ns_node tc filter show dev "p$vm" $hook)" ] ||
			die "filter left: $hook of VM $vm"
	done
done
! ip -n "$net-n" link show u0 | grep -q xdp || die 'XDP program left'
say ok
