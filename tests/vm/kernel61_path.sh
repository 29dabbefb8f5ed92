#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# In kernel61.sh's guest: clients and VMs over the engine alone, where the kernel
# has no tcx and ports carry clsact filters. Volumes are for an emulated CPU;
# xdp_path.sh and xdp_move.sh have the rest.
. "$DROVER_SOURCE/tests/e2e/xdp_net.sh"

net_up 3

say 'clients of a VIP over three VMs, native XDP at the uplink'
driver_start
web 1 2 3
must apply
grep -q 'uplink u0: native XDP' "$dir/driver.log" || die 'not native'
must 'wait hv/vm1 serving 20000'
load_start web $vip 80 3 6 0 0
load_start big $vip 80 0 0 5000000 3000000
load_start direct "$(addr 1)" 80 1 2 0 0
must 'run 4000'
load_end web
load_end direct
load_end big
for vm in 1 2 3; do
	[ "$(field "vm hv/vm$vm" openers)" -gt 5 ] || die "VM $vm has no share"
	[ "$(field "vm hv/vm$vm" out)" -gt 5 ] || die "VM $vm: answers uncounted"
	[ -n "$(ns_node tc filter show dev "p$vm" ingress)" ] ||
		die "VM $vm: no filter at its port"
done

say 'a VM is drained under load: nothing breaks'
load_start drain $vip 80 3 6 0 0
must 'run 1000' 'role hv/vm2 leaving' apply 'run 5000'
[ "$(field 'vm hv/vm2' current)" = 0 ] || die 'VM 2 still takes new flows'
load_end drain

say 'without the process all goes on; filters are found again'
load_start alone $vip 80 2 4 0 0
driver_stop
sleep 1
driver_start
web 1 2 3
must 'run 500' apply 'run 500'
load_end alone

say 'detach leaves nothing'
driver_stop
printf 'detach %s\n' "$pins" | ns_node "$driver"
for vm in 1 2 3; do
	for hook in ingress egress; do
		[ -z "$(ns_node tc filter show dev "p$vm" $hook)" ] ||
			die "filter left: $hook of VM $vm"
	done
done
! ip -n "$net-n" link show u0 | grep -q xdp || die 'XDP program left'
[ ! -e "$pins" ] || die "left: $(find "$pins")"
until_gone=$((SECONDS + 10))
while bpftool prog list | grep -qE 'name (lb|port_in|port_out|redirect_err|devmap_xmit) '; do
	[ $SECONDS -lt $until_gone ] ||
		die "programs left: $(bpftool prog list)"
	sleep 0.2
done
say ok
