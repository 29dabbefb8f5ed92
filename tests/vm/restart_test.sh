#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# droverd is killed with -9 again and again, at random moments, while VMs are
# killed and started, drained and taken back. Fails if a request fails or a
# download breaks that was not on a killed VM, if a daemon does not find its
# state, or if a drain that was answered with success is forgotten.
#
# Two loops run beside each other: one churns the VMs v1, v2 (killed) and v3
# (drained); the other kills and starts daemons. v4 is left in peace.
set -uo pipefail

DROVER_SOURCE=${DROVER_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tests/vm/node.sh
. "$DROVER_SOURCE/tests/vm/node.sh"

RESTARTS=${RESTARTS:-4}

# pause MAX_MS: at random, up to that.
pause() {
	local s
	printf -v s '%04d' $((RANDOM % $1))
	sleep "${s:0:1}.${s:1}"
}

# Whoever asks while there is no daemon asks again. An answer may be lost though
# the wish was kept; then the second undrain finds nothing to do (4).
asked() {
	drover "$@" >/dev/null 2>"$LAB_DIR/log/asked" ||
		{ [ $? = 4 ] && [ "$1" = undrain ]; }
}

is_drained() { # NAME true|false
	drover vms --json 2>/dev/null | jq -e --arg vm "$1" --argjson want "$2" '
		any(.data[]; .name == $vm and
			any(.pools[]; (.drain != null) == $want))' >/dev/null
}

drained() { # COMMAND true|false
	lab_until 30 asked "$1" v3 || die "drover $1: $(cat "$LAB_DIR/log/asked")"
	pause 3000
	lab_until 30 is_drained v3 "$2" || die "drover $1 v3 was forgotten"
}

killed() {
	lab_until 60 demo_serves "$1" || die "$1 does not serve"
	pause 1000
	demo_ends kill "$1"
	lab_vm_restore "$1" || die "cannot restore $1"
}

churn() {
	while [ ! -e "$LAB_DIR/enough" ]; do
		killed v1
		drained drain true
		killed v2
		drained undrain false
		echo round >>"$LAB_DIR/log/rounds"
	done
}

restart() {
	local pid started
	pid=$(lab_pid droverd) || die "droverd has ended by itself"
	started=$(lab_started "$pid")
	kill -s KILL "$pid"
	lab_until 5 lab_ended "$pid" "$started"
	pause 3000
	demo_daemon || die "droverd does not start again"
}

boot() {
	local vm
	for vm in v1 v2 v3 v4; do
		# Nobody speaks with a saved VM, so the host forgets its address.
		lab_vm_define $vm 10.77.0.1${vm#v} --hint role=web ||
			die "cannot define $vm"
	done
	lab_vm_boot v1 v2 v3 v4 || die "VMs do not boot"
	for vm in v1 v2; do
		lab_vm_save $vm || die "cannot save $vm"
		lab_vm_restore $vm || die "cannot restore $vm"
	done
	node_await v1 v2 v3 v4
}

# shellcheck disable=SC2034 # read in demo/phases.sh
DEMO_WATCH=6 # a daemon must be there again by then
churner=''
node_up r
trap 'rc=$?; [ -z "$churner" ] || kill "$churner"; (exit $rc); node_leave' EXIT
boot
traffic_start "$DEMO_BIN/demo-load" "$DEMO_PINS" || die "the clients do not start"
from=$(traffic_now)
churn &
churner=$!
for ((i = 1; i <= RESTARTS; i++)); do
	pause 7000
	restart
	line "restart $i of $RESTARTS"
	kill -0 $churner 2>/dev/null || die "the VMs' loop has ended"
done
touch "$LAB_DIR/enough"
wait $churner || die "the VMs' loop has failed"
churner=''
node_await v1 v2 v3 v4
fact marks "{\"drain\":[0,0],\"restart\":[$from,$(traffic_now)]}"
traffic_running || die "the clients have died"
traffic_stop || die "the clients do not end"
results=$(traffic_results "$LAB_DIR/kills.json" "$LAB_DIR/marks.json") ||
	die "no results"

echo "$RESTARTS restarts, $(wc -l <"$LAB_DIR/log/rounds") rounds of churn: $(node_load)"
echo "ms from a VM's death to the last packet, with and without a daemon:"
echo "  $(node_figures "$LAB_DIR/kills.json" .kill_to_last_packet_ms)"
jq -c 'del(.failures)' <<<"$results"
jq -e '.requests_failed_otherwise == 0 and .downloads_broken == 0
	and .requests_sent == .requests_logged and .requests_sent > 300' \
	<<<"$results" >/dev/null || die "failed without a kill:
$(jq -c '.failures[:20][]' <<<"$results")"
echo "all is well"
