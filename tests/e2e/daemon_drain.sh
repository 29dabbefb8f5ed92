#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Drains under load: none of them fails a request, and each way of ending one
# (drained, quiet, deadline kept, deadline reset, taken back) is told as what it
# is.
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_node.sh"

state_of() { drover vms "web-$1" --json | jq -r '.data.pools[0].drain.state'; }
slots_of() { drover vms "web-$1" --json | jq -r '.data.pools[0].slots // 0'; }
no_slots() { [ "$(slots_of "$1")" = 0 ]; }

# So many long ones that each VM has some, and load whose connections are short:
# a VM can become free of them.
node_up 3
load_start short "$vip" 80 6 0 0 0
load_start long "$vip" 80 0 24 0 0

say "with --wait, while others go on: drained, and nothing fails"
(
	expect 0 drover drain web-1 --pool web --wait --deadline 60s --quiet-after 2s \
		--reason "new kernel" --json
	jq -es 'length > 2 and all(.[]; .schema == 1 and
		.data.full_name == "hv/web-1")' <<<"$out" >/dev/null ||
		die "not one object a line: $out"
	jq -es 'last | .data.pools[0].drain | .reason == "new kernel" and
		.quiet_after_ms == 2000 and .at_deadline == "keep"' \
		<<<"$out" >/dev/null || die "$out"
	has "deadline in" "$err"
	grep -qE '^web-1: ~?[0-9]+ flows, [0-9]+ entries, [0-9]+ packets/s, deadline in [0-9]+ s' \
		<<<"$err" || die "progress: $err"
) &
waiting=$!
# The long connections there are never quiet: only their end ends the drain.
sleep 4
[ "$(state_of 1)" = draining ] || die "ended with connections: $(state_of 1)"
no_slots 1 || die "it still takes new connections"
load_end long
wait $waiting || die "drain --wait failed"
in_role leaving 1 || in_role waiting 1 || die "it serves"
json=$(drover status --json)
jq -e '.data.pools[0].serving == 2' <<<"$json" >/dev/null || die "$json"

say "an undrain brings it back"
expect 0 drover undrain web-1
serving 1

say "without connections: drained after the idle timeout, exit 0"
before=$(now_ms)
# On a terminal, where progress is one line that changes.
expect 0 script -qec "stty cols 70;
	'$DROVER_BUILD/control/cli/drover' drain web-2 --wait --deadline 60s" /dev/null
tr '\r' '\n' <<<"$out" >"$dir/terminal"
[ "$(grep -c 'packets/s' "$dir/terminal")" -gt 10 ] || die "$(cat "$dir/terminal")"
[ "$(wc -l <<<"$out")" -le 2 ] || die "more than one line: $out"
! sed 's/\x1b\[K//' "$dir/terminal" | LC_ALL=C.UTF-8 grep -E '^.{71}' ||
	die "wider than the terminal"
has "web-2 is drained" "$out"
took=$(($(now_ms) - before))
[ $took -gt 10000 ] || die "drained after $took ms, before the idle timeout"
[ "$(state_of 2)" = drained ] || die "state $(state_of 2)"
say "it took $took ms with an idle timeout of 10 s"
expect 0 drover undrain web-2
serving 2

say "a drain of a VM that has a wish already takes its place"
expect 0 drover drain web-3 --deadline 1h
expect 0 drover drain web-3 --deadline 2h --reason again
drover vms web-3 --json | jq -e '.data.pools[0].drain |
	.reason == "again" and .left_ms > 3600000' >/dev/null || die "not replaced"
expect 0 drover undrain web-3
expect 4 drover undrain web-3
serving 3
load_end short

say "at the deadline: kept, with exit code 5 and a count of what is left"
load_start kept "$vip" 80 0 24 0 0
sleep 1
expect 5 drover drain web-1 --wait --deadline 3s
has "the deadline came first" "$err"
has "left on web-1" "$err"
sleep 1
load_end kept
expect 0 drover undrain web-1
serving 1 2 3

say "at the deadline: reset"
load_start cut "$vip" 80 0 24 0 0
sleep 1
expect 5 drover drain web-1 --wait --deadline 3s --at-deadline reset
has "is cut" "$err"
sleep 1
! load_stop cut || die "nothing was cut"
grep -q "long_broken=[1-9]" "$dir/cut" || die "not cut: $(cat "$dir/cut")"
# Each was cut once, and went on elsewhere.
[ "$(sed 's/.*long_broken=\([0-9]*\).*/\1/' "$dir/cut")" -le 24 ] ||
	die "cut more than once: $(cat "$dir/cut")"
[ "$(state_of 1)" = deadline ] || die "state $(state_of 1)"
expect 0 drover undrain web-1
serving 1

say "drained VMs are still drained when they come back"
expect 0 drover drain web-2
hv_destroy 2
until_ok 10 eval '[ "$(drover vms web-2 --json | jq -r .data.state)" = off ]' ||
	die "it is not off"
hv_start 2
until_ok 10 eval '[ "$(drover vms web-2 --json | jq -r .data.state)" = running ]' ||
	die "it does not run"
sleep 2
no_slots 2 || die "it serves, drained as it is"
in_role serving 2 && die "it serves"
say "done"
