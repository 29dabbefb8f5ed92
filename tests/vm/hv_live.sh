#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The hypervisor driver and the inventory against a real libvirtd with real
# QEMU guests: makes a lab, then runs hv_live.c in the host's network.
set -uo pipefail

DROVER_SOURCE=${DROVER_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=demo/lab.sh
. "$DROVER_SOURCE/demo/lab.sh"

skip() {
	echo "$*"
	exit 77
}

[ "$(id -u)" = 0 ] || skip "needs root"
for tool in libvirtd virsh qemu-system-x86_64 ip busybox dnsmasq; do
	command -v $tool >/dev/null || skip "needs $tool"
done
[ -c /dev/net/tun ] || skip "needs /dev/net/tun"

lab_init "hv$$"
trap lab_down EXIT
lab_up || exit 1
lab_vm_define hv-a 10.77.0.11 role=web || exit 1
lab_vm_define hv-b 10.77.0.12 --hint role=web || exit 1

# A lease in libvirt's network, for the MAC that a third VM will have.
lab_virsh net-create /dev/stdin <<'END' || exit 1
<network><name>leases</name><bridge name='virbr7' stp='off' delay='0'/>
<ip address='10.78.0.1' netmask='255.255.255.0'><dhcp>
<range start='10.78.0.50' end='10.78.0.99'/>
<host mac='52:54:00:78:00:15' ip='10.78.0.21'/></dhcp></ip></network>
END
lab_host ip link add dh0 address 52:54:00:78:00:15 type veth peer name dh1
lab_host ip link set dh1 master virbr7
lab_host ip link set dh1 up
lab_host ip link set dh0 up
lab_host busybox udhcpc -i dh0 -n -q -f -t 20 -T 1 -s /bin/true || exit 1
lab_host ip link del dh0
# define NAME MAC: a VM in that network.
define() {
	lab_vm_define "$1" 10.78.0.21 role=net || return 1
	lab_virsh dumpxml "$1" | sed -e "s/interface type='bridge'/interface type='network'/" \
		-e "s/source bridge='br0'/source network='leases'/" \
		-e "s/mac address='[^']*'/mac address='$2'/" >"$LAB_DIR/$1.net"
	lab_virsh define "$LAB_DIR/$1.net" >/dev/null
}
define hv-n 52:54:00:78:00:15 || exit 1
define hv-m 52:54:00:78:00:16 || exit 1

export DROVER_SOURCE LAB LAB_URI
lab_host "${DROVER_BUILD:?}/tests/vm/hv_live"
