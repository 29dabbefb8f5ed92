#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Clients inside with real guests, their virtio and its offloads as they come: a guest
# calls a VIP over another pool's VMs, over its own pool's, over itself alone; and the
# host does. IPv4 and IPv6, down and up, checksums of both ends compared.
#
#	br0  10.77.0.1     web-1, web-2   tenant shop's pool, at $LAB_VIP and $vip6
#	br1  no address    lone           tenant other's, at $lone and $lone6; the router
#	                                  there, 10.78.0.1, is not the host
#
# The guests are the lab's, with the e2e tests' server in place of theirs, and a port
# where they run what they are told.
set -uo pipefail

DROVER_SOURCE=${DROVER_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tests/vm/node.sh
. "$DROVER_SOURCE/tests/vm/node.sh"

# shellcheck source=demo/guest/kernel.sh
. "$DROVER_SOURCE/demo/guest/kernel.sh"

bytes=${TRANSFER_BYTES:-8000000}
vip6=2001:db8:88::100
lone=10.88.0.101
lone6=2001:db8:88::101
told_at=7 # port
traffic=$DROVER_BUILD/tests/e2e/xdp_traffic
declare -A addr=([web-1]=10.77.0.11 [web-2]=10.77.0.12 [lone]=10.78.0.13)
declare -A addr6=([web-1]=2001:db8:77::1 [web-2]=2001:db8:77::2 [lone]=2001:db8:78::3)

# The guest's initramfs, and behind it what replaces its server.
guest_with_client() {
	local root=$LAB_DIR/root
	find_busybox
	mkdir -p "$root/bin"
	cc -std=gnu17 -D_GNU_SOURCE -O2 -static -o "$root/bin/traffic" \
		"$DROVER_SOURCE/tests/e2e/xdp_traffic.c" || die "no static server"
	cat >"$root/bin/httpd" <<-END
		#!/bin/sh
		B=/bin/busybox
		case \$2 in web-1) six=77::1 ;; web-2) six=77::2 ;; *) six=78::3 ;; esac
		echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad
		\$B ip -6 addr add "2001:db8:\$six/64" dev eth0
		\$B ip -6 route add default via "2001:db8:\${six%:*}:ffff"
		\$B nc -ll -p $told_at -e /bin/told &
		exec /bin/traffic serve "\$1" "\$2"
	END
	cat >"$root/bin/told" <<-'END'
		#!/bin/sh
		read -r what
		eval "$what" 2>&1
		echo "ended: $?"
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

# A bridge where the host has no address, and a router in its network.
other_network() {
	router=$LAB_HOST_NS-br1
	ip netns add "$router"
	ip -n "$LAB_HOST_NS" link add br1 type bridge stp_state 0 forward_delay 0
	ip -n "$LAB_HOST_NS" link add rbr1 type veth peer name e0 netns "$router"
	ip -n "$LAB_HOST_NS" link set rbr1 master br1 up
	ip -n "$LAB_HOST_NS" link set br1 up
	ip -n "$router" link set e0 up
	ip -n "$router" addr add 10.78.0.1/24 dev e0
	ip -n "$router" addr add 2001:db8:78::ffff/64 dev e0 nodad
}

leave() {
	local rc=$?
	ip netns del "$LAB_HOST_NS-br1" 2>/dev/null
	(exit $rc)
	node_leave
}

# The lab's config, with both families, and two tenants.
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
		  { name = "shop"; vips = [ "$LAB_VIP", "$vip6" ]; networks = [ "br0" ]; },
		  { name = "other"; vips = [ "$lone", "$lone6" ]; networks = [ "br1" ]; }
		);
		pools = ( $(pool shop), $(pool other) );
		services = ( $(services shop "$LAB_VIP" $vip6), $(services other $lone $lone6) );
	END
}
pool() { # tenant
	echo "{ tenant = \"$1\"; name = \"web\"; select = [ \"role=web\" ];
		health = { type = \"tcp\"; port = $LAB_VM_PORT; }; }"
}
services() { # tenant, VIP of either family
	echo "{ tenant = \"$1\"; name = \"http\"; vip = \"$2\"; port = 80;
		pool = \"web\"; target_port = $LAB_VM_PORT; },
	  { tenant = \"$1\"; name = \"http6\"; vip = \"$3\"; port = 80;
		pool = \"web\"; target_port = $LAB_VM_PORT; }"
}

# define NAME BRIDGE: its router is the host, or the one there.
define() {
	lab_vm_define "$1" "${addr[$1]}" --hint role=web || die "define $1"
	sed -i "s|<address ip='${addr[$1]}'/>|&<address ip='${addr6[$1]}'/>|
		s|bridge='br0'|bridge='$2'|
		s|vm.gw=[^ ]*|vm.gw=${addr[$1]%.*}.1|" "$LAB_DIR/$1.xml"
	lab_virsh define "$LAB_DIR/$1.xml" >/dev/null || die "define $1"
}

all_serve() {
	drover status --json | jq -e '.data.pools | map(.families | map(.serving))
		== [[2, 2], [1, 1]]' >/dev/null
}

# in_guest NAME COMMAND...: run there; what it says, and how it ends.
in_guest() {
	local ns=$LAB_HOST_NS said
	[ "$1" != lone ] || ns=$router
	# shellcheck disable=SC2016 # of the shell that is started
	said=$(nsenter --net="/run/netns/$ns" timeout 60 bash -c '
		exec 3<>"/dev/tcp/$1/$2" && echo "$3" >&3 && cat <&3' \
		in_guest "${addr[$1]}" $told_at "${*:2}")
	sed '/^ended: /d' <<<"$said"
	[ "$(sed -n 's/^ended: //p' <<<"$said")" = 0 ]
}

# from NAME ARGUMENT...: the e2e tests' client, in a guest or at the "host".
from() {
	if [ "$1" = host ]; then
		lab_host "$traffic" "${@:2}"
	else
		in_guest "$1" /bin/traffic "${@:2}"
	fi
}

# calls NAME VIP: whole transfers, down and up.
calls() {
	local way said
	for way in down up; do
		said=$(from "$1" transfer "$2" 80 $way "$bytes") ||
			die "$1: $2: $said; $(drover counters)"
		line "$1 to $2: $said"
	done
}

# answered: packets and bytes of the shop's answers by IPv4.
answered() {
	drover services --json | jq -r '.data[]
		| select(.service == "shop/http") | "\(.out_packets) \(.out_bytes)"'
}

# sees NAME VIP: whom the guest's own server sees when it calls itself by the VIP.
sees() {
	in_guest "$1" "echo who | /bin/busybox nc $2 80 | /bin/busybox head -n 1"
}

# load NAME VIP: connections to whoever of the pool, byte by byte.
load() {
	local said
	said=$(in_guest "$1" TRAFFIC_PROXY=1 /bin/traffic load "$2" 80 2 4 300000 300000 4000) ||
		die "$1: $2: $said"
	line "$1 to $2: $said"
}

node_up inside
trap leave EXIT
guest_with_client
other_network
six "$LAB_HOST_NS" br0 2001:db8:77::ffff
six "$LAB_HOST_NS" $LAB_UPLINK 2001:db8:88::1
lab_host sysctl -qw net.ipv6.conf.all.forwarding=1
ip -n "$LAB_HOST_NS" link set br1 addrgenmode none
define web-1 br0
define web-2 br0
define lone br1
lab_vm_start lone || die "lone does not start"
lab_vm_boot web-1 web-2 || die "guests do not boot"
lab_vm_wait lone || die "lone does not boot"
lab_until 60 all_serve || die "they do not serve: $(drover vms; drover status)"

for vip in $LAB_VIP $vip6; do
	calls lone "$vip"
	calls host "$vip"
	load web-1 "$vip"
done
for vip in $lone $lone6; do
	calls web-1 "$vip"
	calls lone "$vip"
	[[ $(sees lone "$vip") == "lone "*$vip* ]] ||
		die "lone is seen as $(sees lone "$vip")"
done

# What a guest sends is many packets in one, with a checksum to be finished.
read -r packets_before bytes_before < <(answered)
from lone transfer "$LAB_VIP" 80 down "$bytes" >/dev/null || die "not once more"
read -r packets_after bytes_after < <(answered)
size=$(((bytes_after - bytes_before) / (packets_after - packets_before)))
line "answers of $size bytes each"
[ $size -gt 3000 ] || die "guests cut their segments up themselves"

dropped=$(drover counters --json | jq -c '[.data.reasons[]
	| select(.packets > 0 and (.reason | startswith("drop_"))) | .reason]
	- ["drop_probe"]')
[ "$dropped" = '[]' ] || die "dropped: $dropped: $(drover counters)"
line "all is well"
node_load
