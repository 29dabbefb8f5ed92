#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# How long it takes from a decision to the table in force, in a pool of ten:
# weights change, a VM begins to leave, a VM's port is lost. Prints figures for
# docs/benchmarks.md; the median must be below 2 ms.
here=$(dirname "$0")
# shellcheck source-path=SCRIPTDIR source=xdp_net.sh
. "$here/xdp_net.sh"

rounds=20

# Median and maximum of the microseconds in a file; the limit is for the median.
figure() { # what, file
	sort -n "$2" | awk -v what="$1" '{ t[NR] = $1 }
		END {
			m = t[int((NR + 1) / 2)]
			printf "%s: median %d us, max %d us, n = %d\n", what, m, t[NR], NR
			exit NR == 0 || m >= 2000
		}' || die "$1: 2 ms or more"
}

took() { sed -n 's/.*took_us=\([0-9]*\).*/\1/p'; }

net_up 10
driver_start
web 1 2 3 4 5 6 7 8 9 10
must apply 'wait hv/vm10 serving 9000' 'run 100'

for round in $(seq $rounds); do
	must "$(vm_line 1 $((50 + round)))" apply | took >>"$dir/weight"
	must "role hv/vm2 leaving" apply | took >>"$dir/leave"
	must "role hv/vm2 serving" apply 'run 100' >/dev/null
done
for vm in $(seq 10); do
	must "port-lost p$vm" | took >>"$dir/lost"
done
figure 'weight of one VM' "$dir/weight"
figure 'one VM begins to leave' "$dir/leave"
figure 'port of one VM is lost' "$dir/lost"
say ok
