#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The lab itself, without Drover: two real guests boot and answer, a VM dies and
# is known to be dead, two labs live side by side, and nothing is left behind:
# not after a lab_down, not after a kill -9 in the middle.
set -uo pipefail

DROVER_SOURCE=${DROVER_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=demo/lab.sh
. "$DROVER_SOURCE/demo/lab.sh"

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

lab_missing && exit 77
name=t$$
trap 'lab_init "$name-b"; lab_down; lab_init "$name"; lab_down' EXIT

# What a lab could leave on the machine, however it was made.
traces() {
	ip netns | grep "drover-$name"
	ip -o link | grep -E ': (up0|cl0|br0|vnet[0-9]+)[@:]'
	grep "drover-lab-$name" /proc/mounts
	ls -d /run/drover-lab-"$name"* 2>/dev/null
	pgrep -af "drover-lab-$name"
}

clean() {
	local left
	left=$(lab_until 5 no_traces || traces)
	[ "$left" = "$before" ] || fail "$1 left behind: $left"
}

no_traces() {
	[ "$(traces)" = "$before" ]
}

# Below it is `grep >/dev/null`, which reads to the end, and not `grep -q`: whoever
# writes on then dies of SIGPIPE, and pipefail makes a "no" of that.

answers() { # NAME IP
	local want
	want="$1 $(lab_vm_uuid "$1") $LAB_HOST_IP:"
	got=$(lab_host curl -sS --max-time 5 "http://$2:$LAB_VM_PORT/")
	[ "${got%:*}:" = "$want" ]
}

# answer NAME IP: its web server says who it is. The guest is up a little before
# its server is.
answer() {
	local got=
	lab_until 10 answers "$@" 2>/dev/null || fail "$1 answered '$got'"
}

# The content of a download is what both ends compute, at the rate asked for.
download() {
	local from=${EPOCHREALTIME/./} took a b
	a=$(lab_host curl -sS --max-time 10 --local-port 40000 \
		"http://$1:$LAB_VM_PORT/slow?bytes=200000&rate=100000" | sha256sum)
	took=$((${EPOCHREALTIME/./} - from))
	b=$(lab_host curl -sS --max-time 10 --local-port 40001 \
		"http://$1:$LAB_VM_PORT/slow?bytes=200000" | sha256sum)
	[ $took -gt 1500000 ] || fail "a slow download took $took us"
	[ "$a" != "$b" ] || fail "two connections had the same content"
}

is_shut_off() {
	[ "$(lab_virsh domstate "$1")" = 'shut off' ]
}

whole_life() {
	lab_init "$name"
	lab_up || fail "lab_up"
	lab_vm_define a 10.77.0.11 role=web || fail "define a"
	lab_vm_define b 10.77.0.12 --hint role=web || fail "define b"
	lab_vm_boot a b || fail "boot"
	answer a 10.77.0.11
	answer b 10.77.0.12
	download 10.77.0.11
	lab_host ip neigh show dev br0 | grep '10.77.0.12 ' >/dev/null ||
		fail "the host has not learned the address of b"
	lab_virsh metadata a urn:drover:vm:1 | grep 'role' >/dev/null ||
		fail "a has no tag"
	lab_vm_kill a || fail "kill a"
	lab_until 5 is_shut_off a || fail "libvirt does not know that a is dead"
	lab_vm_shutdown b
	lab_until 10 is_shut_off b || fail "b ignores its power button"
}

echo "one lab from beginning to end"
before=$(traces)
whole_life
echo "a second one beside it"
lab_init "$name-b"
lab_up || fail "lab_up of a second lab"
lab_virsh list --all --name | grep . >/dev/null && fail "labs see each other's VMs"
bash -c '. "$1"; lab_init "$2"; lab_up' lab_test "$DROVER_SOURCE/demo/lab.sh" \
	"$name-b" 2>/dev/null && fail "a lab in use was taken over"
lab_down || fail "lab_down of the second lab"
lab_init "$name"
lab_virsh list >/dev/null || fail "the first lab went down with the second"
lab_down || fail "lab_down"
clean "a lab"

# interrupted STEP: kill -9 while a lab goes up, right after that function.
interrupted() {
	echo "killed after $1"
	bash -c '
		. "$1"
		lab_init "$2"
		eval "real_$(declare -f "$3")"
		eval "$3() { real_$3 \"\$@\"; kill -KILL \$PPID \$\$; }"
		lab_up
		lab_vm_define a 10.77.0.11 role=web
		lab_vm_start a
		lab_virsh list' lab_test "$DROVER_SOURCE/demo/lab.sh" "$name" "$1" \
		>/dev/null 2>&1
	[ -d "$LAB_DIR" ] || fail "it was not interrupted"
}

for step in lab_claim lab_network lab_spawn lab_vm_start; do
	(interrupted $step) &
	wait $! 2>/dev/null
	[ -d "$LAB_DIR" ] || fail "killed after $step: no lab was there"
	lab_down || fail "lab_down after kill -9"
	clean "a lab killed after $step"
done

echo "up again over what is left"
(interrupted lab_vm_start) &
wait $! 2>/dev/null
lab_up || fail "lab_up over leftovers"
lab_virsh list --all --name | grep . >/dev/null && fail "VMs of the dead lab are there"
lab_down || fail "lab_down"
clean "all of it"
echo "all is well"
