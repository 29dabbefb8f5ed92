# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The lab of tests/e2e/xdp_*.sh; sourced, not run. A namespace each:
#
#	client 10.0.0.1 --- u0 10.0.0.2  node  br0 10.9.0.1 --- p1 --- vm 1 10.9.0.11
#	                                 XDP                \-- p2 --- vm 2 10.9.0.12
#	                                                     \- ...
#	VIP 198.51.100.10: on the client's link, answered by the path itself
#
# Who goes straight to a VM does it from 10.0.0.3: a client that has the same
# port open to the VIP and to the VM looks the same to the VM.
#
# The client's link end has no checksum offload, since XDP can't finish a
# local sender's checksum; and an XDP program, without which veth delivers no
# answer that XDP sends back. VMs' ends have GRO, which is what makes veth take
# redirects; all else is as veth has it: their packets come with unfinished
# checksums and many segments in one.
set -eu

: "${DROVER_BUILD:?says where the programs are}"
driver=$DROVER_BUILD/tests/e2e/xdp_driver
traffic=$DROVER_BUILD/tests/e2e/xdp_traffic
vip=198.51.100.10
net=dx$$
dir=$(mktemp -d "${TMPDIR:-/tmp}/xdp-e2e.XXXXXX")
pins=$dir/bpf/node
pids=()

die() {
	echo "FAILED: $*" >&2
	died=1
	exit 1
}

skip() {
	echo "skipped: $*"
	exit 77
}

say() {
	echo "# $*"
}

ns_client() { ip netns exec "$net-c" "$@"; }
ns_node() { ip netns exec "$net-n" "$@"; }
ns_vm() { # number, command
	local vm=$1
	shift
	ip netns exec "$net-v$vm" "$@"
}

cleanup() {
	local status=$? pid ns mount
	trap - EXIT INT TERM
	# What "set -e" ends says nothing of its own.
	[ "$status" = 0 ] || [ "$status" = 77 ] || [ -n "${died:-}" ] ||
		echo "FAILED: exit $status of: $BASH_COMMAND" >&2
	driver_stop
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null || :
	done
	for ns in $(ip netns list | awk -v p="$net-" 'index($1, p) == 1 { print $1 }'); do
		ip netns pids "$ns" 2>/dev/null | xargs -r kill 2>/dev/null || :
		ip netns del "$ns"
	done
	for mount in "$dir/bpf" "$dir/state"; do
		if mountpoint -q "$mount"; then
			umount -l "$mount"
		fi
	done
	rm -rf "$dir"
	exit "$status"
}

mac() { printf '02:00:00:00:09:%02x' "$1"; }
addr() { echo "10.9.0.$((10 + $1))"; }

# A VM: its port at the node, its end, its address, its server.
vm_up() {
	local vm=$1 ns=$net-v$1
	ip netns add "$ns"
	ip -n "$net-n" link add "p$vm" type veth peer name e0 netns "$ns"
	ip -n "$ns" link set e0 address "$(mac "$vm")"
	ip -n "$ns" addr add "$(addr "$vm")/24" dev e0
	ns_vm "$vm" ethtool -K e0 gro on
	ip -n "$ns" link set lo up
	ip -n "$ns" link set e0 up
	ip -n "$ns" route add default via 10.9.0.1
	ip -n "$net-n" link set "p$vm" master br0 up
	ip netns exec "$ns" "$traffic" serve 80 "vm$vm" &
	pids+=($!)
	ip netns exec "$ns" "$traffic" serve 81 "vm$vm" &
	pids+=($!)
}

# The VM is gone with its port, as when QEMU dies.
vm_down() {
	ip -n "$net-n" link del "p$1"
}

net_up() { # number of VMs
	local vm
	[ "$(id -u)" = 0 ] || skip "needs root"
	trap cleanup EXIT
	trap 'exit 130' INT TERM
	mkdir "$dir/bpf"
	mount -t bpf bpf "$dir/bpf" || skip "no BPF file system"
	ip netns add "$net-c"
	ip netns add "$net-n"
	ip -n "$net-n" link set lo up
	ip -n "$net-n" link add u0 type veth peer name c0 netns "$net-c"
	ip -n "$net-n" addr add 10.0.0.2/24 dev u0
	ip -n "$net-n" link set u0 up
	ip -n "$net-n" link add br0 type bridge
	ip -n "$net-n" addr add 10.9.0.1/24 dev br0
	ip -n "$net-n" link set br0 up
	ns_node sysctl -qw net.ipv4.ip_forward=1
	ip -n "$net-c" link set lo up
	ip -n "$net-c" addr add 10.0.0.1/24 dev c0
	ip -n "$net-c" addr add 10.0.0.3/24 dev c0
	ns_client ethtool -K c0 tx off gro on >/dev/null
	ns_client "$DROVER_BUILD/tests/e2e/xdp_pass" c0
	ip -n "$net-c" link set c0 up
	ip -n "$net-c" route add "$vip/32" dev c0
	ip -n "$net-c" route add 10.9.0.0/24 via 10.0.0.2
	for vm in $(seq "$1"); do
		vm_up "$vm"
	done
}

# The engine, in a process of its own that takes commands.
driver_start() {
	rm -f "$dir/in" "$dir/out"
	mkfifo "$dir/in" "$dir/out"
	ip netns exec "$net-n" "$driver" <"$dir/in" >"$dir/out" \
		2>>"$dir/driver.log" &
	driver_pid=$!
	exec 8>"$dir/in" 9<"$dir/out"
}

driver_stop() {
	[ -n "${driver_pid:-}" ] || return 0
	kill "$driver_pid" 2>/dev/null || :
	wait "$driver_pid" 2>/dev/null || :
	exec 8>&- 9<&-
	driver_pid=
}

# Commands, a word or a line each; prints what the driver says. Fails if it
# ended.
drive() {
	local line
	printf '%s\n' "$@" 'echo --done' >&8 || return 1
	while read -r line <&9; do
		[ "$line" != --done ] || return 0
		echo "$line"
	done
	return 1
}

# One command that must succeed.
must() {
	drive "$@" || {
		tail -3 "$dir/driver.log" >&2
		die "driver: $*"
	}
}

vm_line() { # number, weight
	echo "vm t/web hv/vm$1 $(addr "$1") $(mac "$1") p$1 ${2:-100}"
}

# What every test begins with: a pool of the VMs named, two services.
web() {
	local vm
	must "open $pins u0" "vip $vip" 'pool t/web 2000' \
		"service t/http $vip 80 t/web 80" \
		"service t/alt $vip 8081 t/web 81"
	for vm in "$@"; do
		must "$(vm_line "$vm")"
	done
}

# A field of a line of status: "vm hv/vm1" current.
field() {
	local what=$1 name=$2
	drive status | sed -n "s|^$what .*\<$name=\([^ ]*\).*|\1|p"
}

source_to() { # address
	[ "$1" = $vip ] && echo 10.0.0.1 || echo 10.0.0.3
}

# Load in the background, and its judgement: load_start NAME ADDR PORT SHORT
# LONG DOWN UP; load_end NAME.
load_start() {
	local name=$1
	# Not a function: the process itself must hear our signal.
	TRAFFIC_FROM=$(source_to "$2") ip netns exec "$net-c" "$traffic" load \
		"${@:2}" 600000 \
		>"$dir/$name" 2>"$dir/$name.err" &
	eval "load_$name=$!"
	pids+=($!)
}

load_stop() { # name; its status is what the load says of itself
	local pid=load_$1 status=0
	kill "${!pid}"
	wait "${!pid}" || status=$?
	echo "# $1: $(cat "$dir/$1")"
	return "$status"
}

load_end() {
	local name=$1
	load_stop "$name" || {
		head -20 "$dir/$name.err" >&2
		die "load $name"
	}
}
