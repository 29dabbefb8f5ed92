#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# How long packets are steered to a VM after its QEMU is dead: 30 kills of real
# guests under load. Fails unless the median is below 15 ms and the maximum
# below 60 ms, or if a request fails that was not on a killed VM.
#
# Six VMs serve; three are killed one after the other and started again, then
# the other three, and so on. Besides the clients of the demo a drizzle of 2000
# packets a second goes to the service, so that every VM is about to get one.
set -uo pipefail

DROVER_SOURCE=${DROVER_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tests/vm/node.sh
. "$DROVER_SOURCE/tests/vm/node.sh"

ROUNDS=${ROUNDS:-10}
SPRAY_PPS=2000

node_up k
for i in 1 2 3 4 5 6; do
	lab_vm_define v$i 10.77.0.1$i role=web || die "cannot define v$i"
done
lab_vm_boot v1 v2 v3 v4 v5 v6 || die "VMs do not boot"
node_await v1 v2 v3 v4 v5 v6
traffic_start "$DEMO_BIN/demo-load" "$DEMO_PINS" || die "the clients do not start"
lab_spawn spray nsenter "--net=/run/netns/$LAB_CLIENT_NS" \
	"$DROVER_BUILD/tests/vm/spray" "$LAB_CLIENT_IP" "$LAB_VIP" 80 $SPRAY_PPS ||
	die "spray does not start: $(cat "$LAB_DIR/log/spray")"

group=(v1 v2 v3) others=(v4 v5 v6)
for ((round = 1; round <= ROUNDS; round++)); do
	for vm in "${group[@]}"; do
		demo_kill "$vm"
	done
	traffic_running || die "the clients have died"
	lab_vm_boot "${group[@]}" || die "VMs do not boot again"
	node_await "${group[@]}"
	swap=("${group[@]}") group=("${others[@]}") others=("${swap[@]}")
done
traffic_stop || die "the clients do not end"

fact marks '{"drain":[0,0],"restart":[0,0]}'
results=$(traffic_results "$LAB_DIR/kills.json" "$LAB_DIR/marks.json") ||
	die "no results"
jq -rs '
	def figures(f): map(f) | sort | "median \(.[length / 2 | floor]), "
		+ "maximum \(.[-1]), of \(length)";
	"ms from death to last packet: " + figures(.kill_to_last_packet_ms),
	"ms from death to last slot:   " + figures(.kill_to_last_slot_ms),
	"packets steered to the dead:  " + figures(.steered_after),
	"looks at the tables, 3 s:     " + figures(.samples)' \
	"$LAB_DIR/kills.json"
jq -c 'del(.failures)' <<<"$results"
jq -es --argjson n $((ROUNDS * 3)) 'map(.kill_to_last_packet_ms) | sort
	| length == $n and .[length / 2 | floor] < 15 and .[-1] < 60' \
	"$LAB_DIR/kills.json" >/dev/null || die "too slow, or too few kills"
jq -e '.requests_failed_otherwise == 0 and .downloads_broken == 0
	and .requests_sent == .requests_logged and .requests_sent > 1000' \
	<<<"$results" >/dev/null || die "failed without a kill:
$(jq -c '.failures[:20][]' <<<"$results")"
echo "all is well"
