# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What tests with VMs share: a lab with Drover on its host. To be sourced; skips
# the test (77) where a lab can't be.
# shellcheck disable=SC2034 # read by what is sourced

DROVER_BUILD=${DROVER_BUILD:-$DROVER_SOURCE/build}
for lib in lab show traffic phases; do
	# shellcheck source=/dev/null
	. "$DROVER_SOURCE/demo/$lib.sh"
done

lab_missing && exit 77

# On failure the logs are what one wants to see.
node_leave() {
	local rc=$?
	trap '' INT TERM HUP
	if [ $rc != 0 ] && [ $rc != 77 ]; then
		tail -n 30 "$LAB_DIR"/log/droverd 2>/dev/null
	fi
	lab_down || [ $rc != 0 ] || rc=1
	exit $rc
}

# node_up LETTER: lab and daemon; all goes down with the script.
node_up() {
	lab_init "$1$$"
	demo_init
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	trap node_leave EXIT
	lab_up || die "the lab does not come up"
	demo_programs "$DROVER_BUILD"
	demo_config
	demo_daemon || die "droverd does not start"
}

# node_await NAME...: until they all serve.
node_await() {
	local vm
	for vm; do
		lab_until 60 demo_serves "$vm" || die "$vm does not serve:
$(drover vms --all 2>&1)"
	done
}

# node_figures FILE FILTER: "median M, maximum X, of N" of the numbers that jq's
# filter makes of the file.
node_figures() {
	jq -rs "[.[] | $2]"' | sort | map(. * 10 | round / 10)
		| "median \(.[length / 2 | floor]), maximum \(.[-1]), of \(length)"' \
		"$1"
}

# The machine is not ours alone: figures are printed with what else it did.
node_load() {
	local load
	read -r load _ </proc/loadavg
	echo "load average $load on $(nproc) CPUs, guests: $LAB_TYPE"
}
