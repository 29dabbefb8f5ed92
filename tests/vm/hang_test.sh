#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What hangs, and what is gone for a while, for real: a QEMU that is stopped
# (SIGSTOP), a libvirtd that has ended and is started again, one that is stopped.
# Fails if a request fails that was not on the VM that hung or was killed, if the
# daemon gets slow, or if it does not find back to what is true.
set -uo pipefail

DROVER_SOURCE=${DROVER_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tests/vm/node.sh
. "$DROVER_SOURCE/tests/vm/node.sh"

ANSWER_MS=500 # of the daemon, whatever hangs

boot() {
	local vm
	for vm in v1 v2 v3 v4; do
		lab_vm_define $vm 10.77.0.1${vm#v} --hint role=web ||
			die "cannot define $vm"
	done
	lab_vm_boot v1 v2 v3 v4 || die "VMs do not boot"
	node_await v1 v2 v3 v4
}

# out NAME: no new connection goes there.
out() {
	drover vms --json | jq -e --arg vm "$1" 'all(.data[]; .name != $vm
		or all(.pools[]; (.slots // 0) == 0))' >/dev/null
}

# lost_to NAME FROM WAY: failures on it from then until now are its own.
lost_to() {
	fact kills "$(jq -nc --arg vm "$1" --arg uuid "$(lab_vm_uuid "$1")" \
		--arg way "$3" --argjson from "$2" --argjson now "$(traffic_now)" '
		{$vm, $uuid, $way, from_ns: $from, death_ns: $now,
			kill_to_last_packet_ms: 0}')"
}

answers_soon() {
	local from=${EPOCHREALTIME/./} ms
	drover status >/dev/null || die "the daemon does not answer while $1"
	ms=$(((${EPOCHREALTIME/./} - from) / 1000))
	[ $ms -lt $ANSWER_MS ] || die "it takes $ms ms to answer while $1"
}

hv_is() {
	[ "$(drover status --json | jq -r '.data.hypervisors[0].state')" = "$1" ]
}

# The lab's libvirtd; one that is killed is started again without its hold.
libvirtd_pid() {
	pgrep --ns "$(pgrep -P "$(lab_pid host)")" --nslist pid -x libvirtd
}

qemu_hangs() {
	local pid from
	pid=$(lab_vm_pid v2) || die "v2 does not run"
	from=$(traffic_now)
	kill -s STOP "$pid"
	answers_soon "a QEMU hangs"
	lab_until 15 out v2 || die "v2 hangs and gets new connections"
	line "v2 hangs: out of the tables by its probes after $((($(traffic_now) - from) / 1000000)) ms"
	for vm in v1 v3 v4; do
		demo_serves $vm || die "$vm does not serve any more"
	done
	lab_virsh suspend v3 >/dev/null || die "cannot suspend v3"
	lab_until 5 out v3 || die "beside a QEMU that hangs nothing is seen"
	lab_virsh resume v3 >/dev/null || die "cannot resume v3"
	node_await v3
	answers_soon "a QEMU hangs"
	kill -s CONT "$pid"
	node_await v2
	lost_to v2 "$from" hang
	line "v2 serves again"
}

libvirtd_gone() {
	local pid from
	touch "$LAB_DIR/host/hold"
	pid=$(libvirtd_pid) || die "no libvirtd"
	kill -s KILL "$pid"
	lab_until 15 hv_is lost || die "nobody noticed that libvirtd is gone"
	answers_soon "libvirtd is gone"
	for vm in v1 v2 v3 v4; do
		demo_serves $vm || die "$vm is taken out because an API is away"
	done
	drover vms --json | jq -e 'all(.data[]; .stale)' >/dev/null ||
		die "VMs are not marked stale: $(drover vms)"
	from=$(traffic_now)
	kill -s KILL "$(lab_vm_pid v4)"
	lab_until 2 out v4 || die "v4 is dead; without libvirtd it serves on"
	lost_to v4 "$from" kill
	line "libvirtd is gone: its VMs stay, but v4 that died meanwhile"
	rm "$LAB_DIR/host/hold"
	lab_until 30 hv_is connected || die "libvirtd is not found again"
	node_await v1 v2 v3
	drover vms --all --json | jq -e 'any(.data[]; .name == "v4"
		and .state == "off")' >/dev/null || die "v4: $(drover vms --all)"
	lab_vm_start v4 || die "cannot start v4"
	node_await v4
	line "it is back, and so is v4"
}

libvirtd_hangs() {
	local pid
	pid=$(libvirtd_pid) || die "no libvirtd"
	kill -s STOP "$pid"
	answers_soon "libvirtd hangs"
	lab_until 45 hv_is lost || die "nobody noticed that libvirtd hangs"
	for vm in v1 v2 v3 v4; do
		demo_serves $vm || die "$vm is taken out because an API hangs"
	done
	kill -s CONT "$pid"
	lab_until 30 hv_is connected || die "libvirtd is not found again"
	node_await v1 v2 v3 v4
	line "libvirtd hung for a while: nothing happened"
}

node_up g
boot
traffic_start "$DEMO_BIN/demo-load" "$DEMO_PINS" || die "the clients do not start"
qemu_hangs
libvirtd_gone
libvirtd_hangs
traffic_running || die "the clients have died"
traffic_stop || die "the clients do not end"
fact marks '{"drain":[0,0],"restart":[0,0]}'
results=$(traffic_results "$LAB_DIR/kills.json" "$LAB_DIR/marks.json") ||
	die "no results"

echo "the whole test: $(node_load)"
jq -c 'del(.failures)' <<<"$results"
jq -e '.requests_failed_otherwise == 0 and .downloads_broken == 0
	and .requests_sent == .requests_logged and .requests_sent > 300' \
	<<<"$results" >/dev/null || die "failed without a hang or kill:
$(jq -c '.failures[:20][]' <<<"$results")"
echo "all is well"
