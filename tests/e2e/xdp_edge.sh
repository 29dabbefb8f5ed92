#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Where the lab is not as one would wish: an uplink that takes no native XDP,
# ports that are down, that refuse, or that never were.
here=$(dirname "$0")
# shellcheck source-path=SCRIPTDIR source=xdp_net.sh
. "$here/xdp_net.sh"

net_up 2

say 'an uplink with jumbo frames: veth refuses native XDP, generic does it'
ip -n "$net-c" link set c0 xdp off
ip -n "$net-c" link set c0 mtu 9000
ip -n "$net-n" link set u0 mtu 9000
ns_node ethtool -K u0 gro on
driver_start
web 1 2
must "vm t/web hv/none 10.9.0.99 $(mac 99) p99 100"
must apply | grep -q 'slots_moved=0' || die 'apply'
must 'wait hv/vm1 serving 8000'
drive status >"$dir/status"
grep -q 'uplink u0 mode=generic' "$dir/status" || die "$(cat "$dir/status")"
grep -q 'generic mode; GRO is switched off' "$dir/driver.log" || die 'said nothing'
grep -q 'hv/none .* attached=0 error=-[1-9][0-9]* .* current=0' "$dir/status" ||
	die "a VM without a port: $(grep hv/none "$dir/status")"
load_start generic $vip 80 2 4 20000000 5000000
must 'run 3000'
load_end generic
! drive status | grep 'reason drop_redirect' || die 'redirects failed'

say 'a VM whose port is down: every packet that was steered there is counted'
ip -n "$net-n" link set p2 down
ns_client "$traffic" load $vip 80 4 0 0 0 1000 >/dev/null 2>&1 || :
[ "$(drive status | sed -n 's/reason drop_redirect packets=//p')" -gt 0 ] ||
	die 'failed redirects go uncounted'
ip -n "$net-n" link set p2 up

say 'detach gives GRO back'
driver_stop
printf 'detach %s\n' "$pins" | ns_node "$driver"
ns_node ethtool -k u0 | grep -q 'generic-receive-offload: on' || die 'GRO is off'
ip -n "$net-c" link set c0 mtu 1500
ip -n "$net-n" link set u0 mtu 1500
ns_client "$DROVER_BUILD/tests/e2e/xdp_pass" c0

say 'native: failed redirects are counted, too'
driver_start
web 1 2
must apply 'wait hv/vm1 serving 8000'
ip -n "$net-n" link set p2 down
ns_client "$traffic" load $vip 80 4 0 0 0 1000 >/dev/null 2>&1 || :
[ "$(drive status | sed -n 's/reason drop_redirect packets=//p')" -gt 0 ] ||
	die 'failed redirects go uncounted'
ip -n "$net-n" link set p2 up

say 'another daemon on the same uplink is told so'
printf 'open %s u0\n' "$dir/bpf/other" | ns_node "$driver" 2>"$dir/other" &&
	die 'two engines on one uplink'
grep -q 'another XDP program has the uplink u0' "$dir/other" || die "$(cat "$dir/other")"
printf 'detach %s\n' "$dir/bpf/other" | ns_node "$driver" >/dev/null
printf 'open %s u0\n' "$dir/nobpf" | ns_node "$driver" 2>"$dir/other" &&
	die 'pins outside of a bpffs'
grep -q 'is not in a BPF file system' "$dir/other" || die "$(cat "$dir/other")"
say 'tables of other sizes than those in force are refused, and stay in force'
load_start after $vip 80 2 2 0 0
must 'run 1000'
driver_stop
printf 'flows 1024\nopen %s u0\n' "$pins" | ns_node "$driver" 2>"$dir/other" &&
	die 'other sizes accepted'
grep -q 'other sizes than configured: .* flows 65536/1024.*detach' "$dir/other" ||
	die "$(cat "$dir/other")"
printf 'flows 1000\nopen %s u0\n' "$pins" | ns_node "$driver" 2>"$dir/other" &&
	die 'sizes that can not be accepted'
grep -q 'must be powers of two' "$dir/other" || die "$(cat "$dir/other")"
load_end after
printf 'detach %s\n' "$pins" | ns_node "$driver" >/dev/null

say 'an uplink that is a port of a bridge: the bridge has address and routes'
ip -n "$net-n" addr flush dev u0
ip -n "$net-n" link add br1 type bridge
ip -n "$net-n" link set u0 master br1
ip -n "$net-n" addr add 10.0.0.2/24 dev br1
ip -n "$net-n" link set br1 up
driver_start
web 1 2
must apply 'wait hv/vm1 serving 8000'
load_start bridged $vip 80 2 4 20000000 5000000
load_start direct "$(addr 1)" 80 1 1 0 0
must 'run 1500'
load_end bridged
load_end direct
driver_stop
printf 'detach %s\n' "$pins" | ns_node "$driver" >/dev/null
ip -n "$net-n" link del br1
ip -n "$net-n" addr add 10.0.0.2/24 dev u0

say 'without tcx (kernels before 6.6): filters, found again and taken off'
ns_node tc qdisc add dev p1 clsact
driver_start
must clsact
web 1 2
must apply 'wait hv/vm1 serving 8000'
! ns_node bpftool net show | grep -q tcx || die 'tcx, though told otherwise'
load_start filters $vip 80 2 4 20000000 5000000
load_start direct "$(addr 1)" 80 1 1 0 0
must 'run 1000'
driver_stop
sleep 0.5
driver_start
must clsact
web 1 2
must apply 'run 1000'
load_end filters
load_end direct
must 'role hv/vm2 gone' apply 'run 2500'
[ -z "$(ns_node tc filter show dev p2 ingress)" ] || die 'filter left at p2'
[ -n "$(ns_node tc filter show dev p1 ingress)" ] || die 'filter gone from p1'
driver_stop
ns_node tc qdisc del dev p2 clsact
ns_node tc qdisc add dev p2 ingress
driver_start
must clsact
web 1 2
must apply 'run 200'
[ "$(field 'vm hv/vm2' attached)" = 0 ] || die 'attached beside an ingress qdisc'
driver_stop
printf 'detach %s\n' "$pins" | ns_node "$driver" >/dev/null
for hook in ingress egress; do
	[ -z "$(ns_node tc filter show dev p1 $hook)" ] || die "filter left: $hook"
done
[ ! -e "$pins" ] || die "left: $(find "$pins")"
say ok
