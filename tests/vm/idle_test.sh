#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What droverd costs when nothing happens: four VMs in service, no traffic but
# the probes. Fails at 1 % of a core or more.
set -uo pipefail

DROVER_SOURCE=${DROVER_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tests/vm/node.sh
. "$DROVER_SOURCE/tests/vm/node.sh"

SECONDS_IDLE=30

# CPU time of a process so far, in clock ticks of 10 ms.
ticks() {
	local stat
	read -r stat <"/proc/$1/stat"
	read -ra stat <<<"${stat##*) }"
	echo $((stat[11] + stat[12]))
}

node_up i
for i in 1 2 3 4; do
	lab_vm_define v$i 10.77.0.1$i role=web || die "cannot define v$i"
done
lab_vm_boot v1 v2 v3 v4 || die "VMs do not boot"
node_await v1 v2 v3 v4
sleep 15 # until all slots are steady

pid=$(lab_pid droverd) || die "droverd does not run"
before=$(ticks "$pid")
sleep $SECONDS_IDLE
used=$(($(ticks "$pid") - before))
kib() { # FIELD of its status
	awk -v field="$1:" '$1 == field { print $2 }' "/proc/$pid/status"
}

# What is resident counts the tables, which it has mapped.
awk -v used=$used -v s=$SECONDS_IDLE -v rss="$(kib VmRSS)" \
	-v own="$(kib RssAnon)" -v tables="$(drover status --json |
	jq .data.dataplane.memory_bytes)" 'BEGIN {
	printf "idle droverd, four VMs: %.2f %% of a core, ", used / s
	printf "%.1f MiB resident, %.1f of it its own; tables %.1f MiB\n",
		rss / 1024, own / 1024, tables / 1048576 }'
node_load
[ $used -lt $SECONDS_IDLE ] || die "that is 1 % of a core or more"
