#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# VMs come, are drained, change weight, move to another port and die under load:
# nothing breaks but what was on a VM that died. Direct connections of a VM go
# on before, while and after it joins and leaves.
here=$(dirname "$0")
# shellcheck source-path=SCRIPTDIR source=xdp_net.sh
. "$here/xdp_net.sh"

net_up 4
driver_start
web 1 2
must apply 'wait hv/vm1 serving 8000' 'run 200'

say 'load on the VIP; direct connections to a VM that has yet to join'
load_start web $vip 80 6 24 20000000 5000000
load_start direct "$(addr 3)" 80 2 4 5000000 0
must 'run 2000'

say 'VM 3 joins'
must "$(vm_line 3)" apply 'wait hv/vm3 serving 8000' 'run 4500'
drive status | grep -E '^(vm|pool)'
[ "$(field 'vm hv/vm3' openers)" -gt 50 ] || die 'VM 3 gets nothing'
[ "$(field 'pool t/web' moving)" = 0 ] || die 'slots still move after a clock'

say 'weights change twice in a row, the second time back'
must "$(vm_line 1 20)" apply 'run 1500' "$(vm_line 1 100)" apply 'run 1500'

say 'VM 2 is drained: its clock is 2.2 s, then its flows are in entries'
must 'role hv/vm2 leaving' apply 'run 4000'
[ "$(field 'vm hv/vm2' current)" = 0 ] || die 'VM 2 still takes new flows'
[ "$(field 'vm hv/vm2' base)" = 0 ] || die 'VM 2 is base after its clock'
[ "$(field 'vm hv/vm2' drained)" = 0 ] || die 'drained, with connections on it'
[ "$(field 'vm hv/vm2' flows)" -gt 0 ] || die 'no flows, with connections on it'
load_end web
load_end direct

say 'without connections it is drained'
must 'wait hv/vm2 drained 20000'
[ "$(field 'vm hv/vm2' exact)" = 1 ] || die 'flows of a drained VM are a guess'
must 'forget vm hv/vm2' apply

say 'VM 1 moves to another port and address'
load_start web $vip 80 4 0 0 0
must 'run 1000'
# Its server answers there too: the VM behind port 4 takes its place.
must "vm t/web hv/vm1 $(addr 4) $(mac 4) p4 100" apply 'run 2000'
load_end web
drive status | grep -q 'vm hv/vm1 .* addr=10.9.0.14 if=p4' || die 'did not move'

say 'VM 3 dies; who was on it is lost, the others are not'
load_start web $vip 80 6 0 0 0
must 'run 1000'
ifindex=$(ns_node cat /sys/class/net/p3/ifindex)
vm_down 3
drive "port-lost $ifindex" | tee "$dir/lost"
must 'run 3500'
load_stop web || :
failed=$(sed -n 's/.*short_failed=\([0-9]*\).*/\1/p' "$dir/web")
[ "$failed" -le 6 ] || die "$failed connections lost: more than one a worker"
took=$(sed -n 's/port_lost took_us=//p' "$dir/lost")
[ "$took" -lt 5000 ] || die "$took us until nobody was sent to it"
! drive status | grep -q 'vm hv/vm3' || die 'VM 3 still listed'

say 'nobody left: reset, and back'
must 'role hv/vm1 gone' apply 'run 100'
ns_client "$traffic" load $vip 80 1 0 0 0 300 2>&1 |
	grep -q 'Connection refused' || die 'no RST with no VM'
grep -q . "$dir/driver.log" && tail -5 "$dir/driver.log"
say ok
