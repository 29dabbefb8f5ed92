#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Three hypervisors: a libvirtd of this node at its socket, a second one of this
# node over TCP, and one on another machine over TLS.
#
#	client               host                        far
#	  cl0 ------------- up0
#	                    br0: v1 v2 of `near`,
#	                         v3 v4 of `beside`
#	                    fa0 10.89.0.1 ------------- fa1 10.89.0.2
#	                                                br0: v5 of `far`
#
# Fails if a request fails or a download breaks while `beside` is away for ten
# seconds and the wire to `far` is cut, if their VMs are not shown as stale or
# are treated otherwise than before, if a change made meanwhile is not taken over
# when they are back, if v5 gets traffic, or if names and UUIDs that are there
# twice are mixed up.
set -uo pipefail

DROVER_SOURCE=${DROVER_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tests/vm/node.sh
. "$DROVER_SOURCE/tests/vm/node.sh"

FAR_IP=10.89.0.2

# --- the hypervisors -------------------------------------------------------

uri_of() { # folder
	echo "qemu+unix:///system?socket=$LAB_DIR/$1/run/libvirt/libvirt-sock"
}

# on FOLDER CMD...: with the hypervisor of that folder.
on() {
	local LAB_URI
	LAB_URI=$(uri_of "$1")
	shift
	"$@"
}

# A key and a certificate NAME, by the authority, for an address or a name.
certificate() { # NAME ALTERNATIVE
	openssl req -newkey rsa:2048 -nodes -keyout "$pki/$1key.pem" \
		-subj "/CN=drover test $1" -out "$pki/$1.csr" 2>/dev/null &&
		openssl x509 -req -in "$pki/$1.csr" -CA "$pki/cacert.pem" \
			-CAkey "$pki/cakey.pem" -CAcreateserial -days 2 \
			-extfile <(echo "subjectAltName=$2") \
			-out "$pki/$1cert.pem" 2>/dev/null
}

certificates() {
	pki=$LAB_DIR/pki
	mkdir "$pki" &&
		openssl req -x509 -newkey rsa:2048 -nodes -days 2 \
			-subj "/CN=drover test authority" \
			-addext keyUsage=critical,keyCertSign \
			-keyout "$pki/cakey.pem" -out "$pki/cacert.pem" \
			2>/dev/null &&
		certificate server "IP:$FAR_IP" && certificate client "DNS:droverd"
}

far_network() {
	lab_record netns "$far_ns" && ip netns add "$far_ns" &&
		ip -n "$far_ns" link set lo up &&
		ip link add fa0 netns "$LAB_HOST_NS" type veth \
			peer name fa1 netns "$far_ns" &&
		ip -n "$LAB_HOST_NS" addr add 10.89.0.1/24 dev fa0 &&
		ip -n "$LAB_HOST_NS" link set fa0 up &&
		ip -n "$far_ns" addr add $FAR_IP/24 dev fa1 &&
		ip -n "$far_ns" link set fa1 up &&
		ip -n "$far_ns" link add br0 type bridge &&
		ip -n "$far_ns" link set br0 up
}

# Called by node_up when the lab is there.
demo_config() {
	far_ns=drover-$LAB-far
	far_network || die "no network for the far hypervisor"
	certificates || die "no certificates"
	on beside lab_libvirtd beside "$LAB_HOST_NS" 'listen_tls = 0' \
		'listen_tcp = 1' 'listen_addr = "127.0.0.1"' \
		'tcp_port = "16510"' 'auth_tcp = "none"' ||
		die "the second libvirtd does not start"
	on far lab_libvirtd far "$far_ns" "listen_addr = \"$FAR_IP\"" \
		"ca_file = \"$pki/cacert.pem\"" \
		"cert_file = \"$pki/servercert.pem\"" \
		"key_file = \"$pki/serverkey.pem\"" ||
		die "the far libvirtd does not start"
	mkdir -p "$DEMO_DIR/state"
	cat >"$DEMO_CONF" <<-END
		node = {
		  name = "demo"; uplinks = [ "$LAB_UPLINK" ];
		  state_dir = "$DEMO_DIR/state"; pin_dir = "$DEMO_PINS";
		  socket = "$DROVER_SOCKET";
		};
		hypervisors = (
		  { name = "near"; uri = "$LAB_URI"; },
		  { name = "beside"; uri = "qemu+tcp://127.0.0.1:16510/system"; },
		  { name = "far";
		    uri = "qemu+tls://$FAR_IP/system?pkipath=$pki"; }
		);
		tenants = (
		  { name = "shop"; vips = [ "$LAB_VIP/32" ]; networks = [ "br0" ]; }
		);
		pools = (
		  { tenant = "shop"; name = "web"; select = [ "role=web" ];
		    health = { type = "tcp"; port = $LAB_VM_PORT; };
		    idle_timeout = "$DEMO_IDLE"; }
		);
		services = (
		  { tenant = "shop"; name = "http"; vip = "$LAB_VIP"; port = 80;
		    pool = "web"; target_port = $LAB_VM_PORT; }
		);
	END
}

# Its libvirtd dies and is not started again; its VMs never notice.
lose() { # folder
	local first
	touch "$LAB_DIR/$1/hold"
	first=$(pgrep -P "$(lab_pid "$1")") &&
		pkill -KILL -P "$first" -x libvirtd
}

# --- what Drover says ------------------------------------------------------

# vm_is NAME FILTER: of the JSON of one VM.
vm_is() {
	drover vms "$1" --json 2>/dev/null | jq -e ".data | $2" >/dev/null
}

expect() { # WITHIN NAME FILTER
	lab_until "$1" vm_is "$2" "$3" ||
		die "$2 is not ($3): $(drover vms "$2" --json 2>&1)"
}

hv_is() { # NAME STATE
	drover status --json 2>/dev/null | jq -e --arg name "$1" --arg state "$2" '
		any(.data.hypervisors[]; .name == $name and .state == $state)' \
		>/dev/null
}

expect_hv() { # WITHIN NAME STATE
	lab_until "$1" hv_is "$2" "$3" ||
		die "hypervisor $2 is not $3: $(drover status 2>&1)"
}

said() { # TEXT in the events
	drover events 2>/dev/null | grep -- "$1" >/dev/null ||
		die "no event says \"$1\": $(drover events | tail -n 20)"
}

serves='.pools[0] | .role == "serving" and .slots > 0'
elsewhere='(.pools[0] | .role == "waiting" and .reason == "not_on_this_node"
	and .backend == 0)'

# --- the test --------------------------------------------------------------

boot() {
	local i
	for i in 1 2; do
		lab_vm_define v$i 10.77.0.1$i role=web || die "cannot define v$i"
	done
	for i in 3 4; do
		on beside lab_vm_define v$i 10.77.0.1$i role=web ||
			die "cannot define v$i"
	done
	on far lab_vm_define v5 10.77.0.15 --hint role=web ||
		die "cannot define v5"
	on far lab_vm_start v5 || die "v5 does not start"
	lab_vm_boot v1 v2 || die "VMs do not boot"
	on beside lab_vm_boot v3 v4 || die "VMs do not boot"
	node_await v1 v2 v3 v4
}

# `beside` is away for ten seconds, under load; the wire to `far` is cut.
outage() {
	from=$(traffic_now)
	lose beside
	ip -n "$far_ns" link set fa1 down
	expect_hv 5 beside lost
	for vm in v3 v4; do
		expect 2 "beside/$vm" ".stale and .state == \"running\" and ($serves)"
	done
	expect 1 v1 ".stale | not"
	drover vms | grep -E ' *beside/v3 .*stale' >/dev/null ||
		die "\`drover vms\` does not show it: $(drover vms)"
	drover status | grep 'beside.* lost' >/dev/null ||
		die "\`drover status\` does not show it: $(drover status)"
	sleep 10
	for vm in v3 v4; do
		expect 1 "$vm" "$serves"
	done
	expect_hv 25 far lost
	expect 1 v5 ".stale and $elsewhere"
	rm "$LAB_DIR/beside/hold"
	ip -n "$far_ns" link set fa1 up
	expect_hv 45 beside connected
	expect 2 v3 ".stale | not"
	said 'beside/v3.*stale'
	until=$(traffic_now)
}

# What changes meanwhile: v4's QEMU dies, which its port says at once. The rest
# of the truth comes with the connection.
difference() {
	local pid
	lose beside
	expect_hv 5 beside lost
	pid=$(lab_vm_pid v4 beside) || die "v4 has no process"
	kill -s KILL "$pid"
	expect 3 v4 '.stale and (.pools[0].slots // 0) == 0'
	rm "$LAB_DIR/beside/hold"
	expect_hv 45 beside connected
	expect 5 v4 '.state == "off" and (.stale | not)'
	expect 1 v3 "(.stale | not) and ($serves)"
}

# Names are a hypervisor's own; a UUID is one VM, wherever it is.
twice() {
	local rc=0 uuid
	expect_hv 45 far connected
	# Its UUID is made of the names of lab and VM.
	LAB=another on far lab_vm_define v3 10.77.0.99 ||
		die "cannot define a second v3"
	expect 5 far/v3 '.hypervisor == "far"'
	drover vms v3 >"$LAB_DIR/log/ambiguous" 2>&1 || rc=$?
	[ "$rc $(grep -c '/v3 ' "$LAB_DIR/log/ambiguous")" = "3 2" ] ||
		die "v3 is not ambiguous ($rc): $(cat "$LAB_DIR/log/ambiguous")"
	expect 1 beside/v3 "$serves"
	uuid=$(drover vms far/v3 --json | jq -r .data.uuid)
	expect 1 "$uuid" '.full_name == "far/v3"'

	# v1 once more, elsewhere: the one that was here first is it.
	uuid=$(lab_vm_uuid v1)
	sed "s/v1/w1/g; s|<uuid>.*</uuid>|<uuid>$uuid</uuid>|" \
		"$LAB_DIR/v1.xml" >"$LAB_DIR/w1.xml"
	on far lab_virsh define "$LAB_DIR/w1.xml" >/dev/null || die "no second v1"
	on far lab_virsh start w1 >/dev/null || die "the second v1 does not start"
	expect 10 "$uuid" ".duplicate and .full_name == \"near/v1\" and ($serves)"
	on far lab_virsh destroy w1 >/dev/null
	expect 5 "$uuid" "(.duplicate | not) and ($serves)"
}

node_up m
boot
expect 5 v5 ".state == \"running\" and $elsewhere"
traffic_start "$DEMO_BIN/demo-load" "$DEMO_PINS" || die "the clients do not start"
outage
fact marks "{\"drain\":[0,0],\"restart\":[$from,$until]}"
traffic_running || die "the clients have died"
traffic_stop || die "the clients do not end"
: >"$LAB_DIR/kills.json"
results=$(traffic_results "$LAB_DIR/kills.json" "$LAB_DIR/marks.json") ||
	die "no results"
node_load
jq -c 'del(.failures)' <<<"$results"
jq -e '.requests_failed_otherwise == 0 and .downloads_broken == 0
	and .requests_sent == .requests_logged and .requests_sent > 400' \
	<<<"$results" >/dev/null || die "failed:
$(jq -c '.failures[:20][]' <<<"$results")"
traffic_share "$from" "$until" >"$LAB_DIR/log/share"
[ "$(wc -l <"$LAB_DIR/log/share")" = 4 ] ||
	die "not all VMs answered meanwhile: $(cat "$LAB_DIR/log/share")"
difference
twice
echo "all is well"
