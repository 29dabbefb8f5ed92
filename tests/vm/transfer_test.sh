#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Whole transfers with real guests, their virtio and its offloads as they come: down
# and up, IPv4 and IPv6, checksums of both ends compared; and where the node's way out
# is narrower than the guests know, Drover tells them.
#
# The guests are the lab's, with the e2e tests' server in place of theirs.
set -uo pipefail

DROVER_SOURCE=${DROVER_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tests/vm/node.sh
. "$DROVER_SOURCE/tests/vm/node.sh"

# shellcheck source=demo/guest/kernel.sh
. "$DROVER_SOURCE/demo/guest/kernel.sh"

bytes=${TRANSFER_BYTES:-20000000}
vip6=2001:db8:88::100
traffic=$DROVER_BUILD/tests/e2e/xdp_traffic

# The guest's initramfs, and behind it what replaces its server.
guest_with_server() {
	local root=$LAB_DIR/root
	find_busybox
	mkdir -p "$root/bin"
	cc -std=gnu17 -D_GNU_SOURCE -O2 -static -o "$root/bin/traffic" \
		"$DROVER_SOURCE/tests/e2e/xdp_traffic.c" || die "no static server"
	cat >"$root/bin/httpd" <<-'END'
		#!/bin/sh
		B=/bin/busybox
		echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad
		$B ip -6 addr add "2001:db8:77::${2##*-}/64" dev eth0
		$B ip -6 route add default via 2001:db8:77::ffff
		exec /bin/traffic serve "$1" "$2"
	END
	chmod 755 "$root"/bin/*
	mkdir "$LAB_DIR/guest"
	cp "$LAB_GUEST/vmlinuz" "$LAB_DIR/guest/"
	{
		cat "$LAB_GUEST/initrd.gz"
		pack_initrd "$root" | gzip
	} >"$LAB_DIR/guest/initrd.gz"
	LAB_GUEST=$LAB_DIR/guest
}

six() { # namespace, interface, address
	nsenter --net="/run/netns/$1" sysctl -qw \
		net.ipv6.conf.{all,"$2"}.disable_ipv6=0
	ip -n "$1" addr add "$3/64" dev "$2" nodad || die "no IPv6 at $2"
}

# The lab's config, with both families.
demo_config() {
	mkdir -p "$DEMO_DIR/state"
	cat >"$DEMO_CONF" <<-END
		node = {
		  name = "demo"; uplinks = [ "$LAB_UPLINK" ];
		  announce = "l2"; state_dir = "$DEMO_DIR/state";
		  pin_dir = "$DEMO_PINS"; socket = "$DROVER_SOCKET";
		};
		hypervisors = ( { name = "hv"; uri = "$LAB_URI"; } );
		tenants = (
		  { name = "shop"; vips = [ "$LAB_VIP/32", "$vip6/128" ];
		    networks = [ "br0" ]; }
		);
		pools = (
		  { tenant = "shop"; name = "web"; select = [ "role=web" ];
		    health = { type = "tcp"; port = $LAB_VM_PORT; }; }
		);
		services = (
		  { tenant = "shop"; name = "http"; vip = "$LAB_VIP"; port = 80;
		    pool = "web"; target_port = $LAB_VM_PORT; },
		  { tenant = "shop"; name = "http6"; vip = "$vip6"; port = 80;
		    pool = "web"; target_port = $LAB_VM_PORT; }
		);
	END
}

# The VM's IPv6 address beside the IPv4 one that lab_vm_define gives as a hint.
define() { # NAME IP IP6
	lab_vm_define "$1" "$2" --hint role=web || die "define $1"
	sed -i "s|<address ip='$2'/>|&<address ip='$3'/>|" "$LAB_DIR/$1.xml"
	lab_virsh define "$LAB_DIR/$1.xml" >/dev/null || die "define $1"
}

both_serve() {
	drover status --json | jq -e '.data.pools[0].families
		| length == 2 and all(.serving == 2)' >/dev/null
}

# transfer VIP down|up
transfer() {
	local said
	said=$(lab_client timeout 120 "$traffic" transfer "$1" 80 "$2" "$bytes") ||
		die "$1: $said; $(drover counters | grep -E 'drop|reply')"
	line "$1: $said"
}

told() {
	drover counters --json | jq '[.data.reasons[]
		| select(.reason == "reply_port_too_big") | .packets] | add // 0'
}

node_up transfer
guest_with_server
six "$LAB_HOST_NS" br0 2001:db8:77::ffff
six "$LAB_HOST_NS" $LAB_UPLINK 2001:db8:88::1
six "$LAB_CLIENT_NS" cl0 2001:db8:88::2
lab_host sysctl -qw net.ipv6.conf.all.forwarding=1
define web-1 10.77.0.11 2001:db8:77::1
define web-2 10.77.0.12 2001:db8:77::2
lab_vm_boot web-1 web-2 || die "guests do not boot"
lab_until 60 both_serve || die "they do not serve: $(drover vms web-1; drover status)"

for vip in "$LAB_VIP" "$vip6"; do
	for way in down up; do
		transfer "$vip" $way
	done
done
[ "$(told)" = 0 ] || die "a VM was told that its answer does not fit"

ip -n "$LAB_HOST_NS" route add $LAB_CLIENT_IP/32 dev $LAB_UPLINK mtu lock 1400
ip -n "$LAB_HOST_NS" route add 2001:db8:88::2/128 dev $LAB_UPLINK mtu lock 1400
transfer "$LAB_VIP" down
[ "$(told)" -gt 0 ] || die "nobody has told a VM"
four=$(told)
transfer "$vip6" down
[ "$(told)" -gt "$four" ] || die "nobody has told a VM of IPv6"
line "narrow ways: guests were told $(told) times"
