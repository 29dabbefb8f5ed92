#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Probes over the data path with real guests: two tenants, each with a bridge of
# its own where the host has no address, and on each a QEMU guest with the same
# address. One listens, the other doesn't; each gets its own verdict, and the one
# that is up serves.
set -uo pipefail

DROVER_SOURCE=${DROVER_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tests/vm/node.sh
. "$DROVER_SOURCE/tests/vm/node.sh"

SAME_IP=10.77.0.11
OTHER_VIP=${LAB_VIP%.*}.99

fail() { die "$*"; }

# A bridge without an address, and a router in its network.
network_up() { # bridge
	ip netns add "$LAB_HOST_NS-$1"
	ip -n "$LAB_HOST_NS" link add "$1" type bridge stp_state 0 forward_delay 0
	ip -n "$LAB_HOST_NS" link add "r$1" type veth peer name e0 netns "$LAB_HOST_NS-$1"
	ip -n "$LAB_HOST_NS" link set "r$1" master "$1" up
	ip -n "$LAB_HOST_NS" link set "$1" up
	ip -n "$LAB_HOST_NS-$1" addr add "$LAB_HOST_IP/24" dev e0
	ip -n "$LAB_HOST_NS-$1" link set e0 up
}

leave() {
	local rc=$? bridge
	for bridge in bra brb; do
		ip netns del "$LAB_HOST_NS-$bridge" 2>/dev/null
	done
	(exit $rc)
	node_leave
}

# define NAME BRIDGE PORT: a guest that listens at that port.
define() {
	lab_vm_define "$1" "$SAME_IP" --hint role=web || fail "define $1"
	sed -i "s|bridge='br0'|bridge='$2'|; s|vm.port=[0-9]*|vm.port=$3|" \
		"$LAB_DIR/$1.xml"
	lab_virsh define "$LAB_DIR/$1.xml" >/dev/null || fail "define $1 on $2"
}

configure() {
	demo_config
	sed -i '/^tenants = (/,$d' "$DEMO_CONF"
	cat >>"$DEMO_CONF" <<-END
		tenants = (
		  { name = "a"; vips = [ "$LAB_VIP/32" ]; networks = [ "bra" ]; },
		  { name = "b"; vips = [ "$OTHER_VIP/32" ]; networks = [ "brb" ]; }
		);
		pools = (
		  { tenant = "a"; name = "web"; select = [ "role=web" ]; panic_threshold = 0;
		    health = { port = $LAB_VM_PORT; }; },
		  { tenant = "b"; name = "web"; select = [ "role=web" ]; panic_threshold = 0;
		    health = { port = $LAB_VM_PORT; }; }
		);
		services = (
		  { tenant = "a"; name = "http"; vip = "$LAB_VIP"; port = 80;
		    pool = "web"; target_port = $LAB_VM_PORT; },
		  { tenant = "b"; name = "http"; vip = "$OTHER_VIP"; port = 80;
		    pool = "web"; target_port = $LAB_VM_PORT; }
		);
	END
}

# is NAME VERDICT: state and way of its probes.
is() {
	[ "$(drover vms "$1" --json | jq -r '.data.pools[0].health | "\(.state) by \(.via)"')" = "$2" ]
}

node_up p
trap leave EXIT
network_up bra
network_up brb
configure
drover reload >/dev/null || fail "reload"
define one bra "$LAB_VM_PORT"
define other brb $((LAB_VM_PORT + 1))
lab_vm_boot one other || fail "VMs do not boot"

line "two guests with $SAME_IP, each probed at its own port"
lab_until 60 is one "up by path" || fail "one: $(drover vms one)"
lab_until 60 is other "down by path" || fail "other: $(drover vms other)"
lab_host ip -4 -o addr show dev bra | grep inet >/dev/null && fail "bra has an address"
lab_until 30 demo_serves one || fail "one does not serve: $(drover vms)"
lab_client curl -sS -o "$LAB_DIR/answer" --max-time 5 "http://$LAB_VIP/" ||
	fail "no answer from $LAB_VIP"
grep -q "^one " "$LAB_DIR/answer" || fail "answered: $(cat "$LAB_DIR/answer")"

line "the guest that is up dies, and comes back"
lab_virsh destroy one >/dev/null || fail "destroy"
lab_virsh start one >/dev/null || fail "start"
lab_until 60 is one "up by path" || fail "one: $(drover vms one)"
is other "down by path" || fail "other: $(drover vms other)"

line "detach leaves no interface"
lab_end droverd
drover detach >/dev/null || fail "detach"
lab_host ip -o link | grep ': drp' && fail "the probe interface is left"
node_load
line "all is well"
