#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kill -9 at every point of a publish, under load: no connection breaks, and the
# next process finds the state and finishes or undoes what was cut short.
#
# The points: after every single write and call that outlives the process
# (the driver's kill-at), or after each EVERYth, from a random one on; and, for
# the stores inside one slots_apply(), after random times. What is published: a VM comes and goes, a service comes and
# goes, weights change, a VM moves to another port.
here=$(dirname "$0")
# shellcheck source-path=SCRIPTDIR source=xdp_net.sh
. "$here/xdp_net.sh"
every=${EVERY:-3}
rounds=${ROUNDS:-20} # at random times
killed=0

net_up 4

# Run a script of commands that may be killed; "whole" if it came to its end.
run_once() {
	printf '%s\n' "$@" 'echo finished' |
		ns_node "$driver" 2>>"$dir/driver.log" >"$dir/run" || :
	grep -q finished "$dir/run" && echo whole || echo killed
}

base=("vip $vip" 'pool t/web 2000' "service t/http $vip 80 t/web 80")
state_a=("${base[@]}" "$(vm_line 1)" "$(vm_line 2)")
state_b=("${base[@]}" "service t/alt $vip 8081 t/web 81"
	"$(vm_line 1 50)" "$(vm_line 2)" "$(vm_line 3)" 'role hv/vm3 warm')
# The same VM at another port: what is behind it answers as well.
state_c=("${base[@]}" "vm t/web hv/vm1 $(addr 4) $(mac 4) p4 100" "$(vm_line 2)")

# What must hold after a kill, whatever was under way.
check() { # what
	drive status >"$dir/status" || die "$1: no status"
	[ "$(awk '/^vm / && /role=serving/ && /attached=1/' "$dir/status" | wc -l)" = 2 ] ||
		die "$1: $(cat "$dir/status")"
	[ "$(sed -n 's/^vm .* current=\([0-9]*\).*/\1/p' "$dir/status" |
		awk '{ n += $1 } END { print n }')" = 16384 ] ||
		die "$1: slots without a VM"
	grep -q 'service t/http' "$dir/status" || die "$1: no service"
}

# Run commands again and again, killed at a write behind "KILL", then at a later
# one, and so on until they are through; from state A, and back to it.
kill_everywhere() { # what, commands
	local what=$1 n=$((RANDOM % every + 1)) times=-1 result=killed
	shift
	while [ "$result" = killed ]; do
		result=$(run_once "${@/#KILL/kill-at $n}")
		# Found without a daemon, whatever state it is in.
		printf 'read %s\nstatus\n' "$pins" | ns_node "$driver" |
			grep -q 'service t/http' || die "$what, write $n: unreadable"
		driver_start
		must "open $pins u0" "${state_a[@]}" apply >/dev/null
		check "$what, killed at write $n"
		must 'run 20' close
		driver_stop
		n=$((n + every))
		times=$((times + 1))
	done
	[ "$times" -gt 0 ] || die "$what: was not killed"
	killed=$((killed + times))
	say "$what: killed at $times writes, each ${every}th"
}

# The very first start has no state to keep: it only must not be in the way.
kill_first_start() {
	local n=1
	while [ "$(run_once "kill-at $n" "open $pins u0")" = killed ]; do
		n=$((n + 1))
	done
	[ "$n" -gt 2 ] || die 'first start: was not killed'
	killed=$((killed + n - 1))
	say "first start: killed at each of $((n - 1)) writes"
}

kill_first_start
driver_start
must "open $pins u0" "${state_a[@]}" apply 'wait hv/vm1 serving 8000' 'run 500'
must close
driver_stop

load_start web $vip 80 4 12 5000000 1000000
load_start direct "$(addr 3)" 80 1 2 0 0
sleep 1
from_a=("open $pins u0" "${state_a[@]}" apply)
kill_everywhere 'VM, service and weight' "${from_a[@]}" "${state_b[@]:3}" \
	KILL apply
kill_everywhere 'VM and service go' "${from_a[@]}" "${state_b[@]:3}" apply \
	'forget vm hv/vm3' 'forget service t/alt' KILL apply
driver_start
must "${from_a[@]}" 'run 2500' close
driver_stop
kill_everywhere 'reopening' KILL "open $pins u0"
load_end web
load_end direct

say 'a VM moves to another port; there another server answers, so what is'
say 'open on it at that moment is reset: at most one for each worker and move'
load_start moved $vip 80 4 0 0 0
before=$killed
kill_everywhere 'VM moves' "${from_a[@]}" "${state_c[@]:3}" KILL apply
load_stop moved || :
failed=$(sed -n 's/.*short_failed=\([0-9]*\).*/\1/p' "$dir/moved")
[ "$failed" -le $((8 * (killed - before + 1))) ] || die "$failed resets"

say 'killed at random times, among them inside the stores of slots'
load_start web $vip 80 4 12 0 0
for n in $(seq "$rounds"); do
	driver_start
	drive "open $pins u0" "${state_a[@]}" apply >/dev/null ||
		die "round $n: open"
	# Slots change owners all the time.
	printf '%s\n' "$(vm_line 1 20)" apply "$(vm_line 1 100)" apply \
		"$(vm_line 2 30)" apply "$(vm_line 2 100)" apply >&8
	sleep "0.000$((RANDOM % 3000))"
	kill -9 "$driver_pid"
	driver_stop 2>/dev/null
done
driver_start
must "open $pins u0" "${state_a[@]}" apply >/dev/null
check 'after random kills'
load_end web
must 'run 6000'
[ "$(field 'pool t/web' moving)" = 0 ] || die 'slots left moving'
printf 'detach %s\n' "$pins" | ns_node "$driver"
say "killed $killed times at a write, $rounds times at random: ok"
