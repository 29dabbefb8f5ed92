# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The demo's clients and what is read from their logs. To be sourced after
# lab.sh.
#
# Two programs run through every phase: small requests at a fixed rate whatever
# becomes of the answers, and long downloads, a new one for each that ends. Both
# log every connection (see load.c). Times are CLOCK_MONOTONIC nanoseconds.

TRAFFIC_RATE=45       # new connections a second
TRAFFIC_OPEN=8        # and so many open at least
TRAFFIC_HOLD=300      # ms that a VM holds its answer back, so that many are open
TRAFFIC_MIN=3000      # requests in all
TRAFFIC_DOWNLOADS=6   # downloads at once
TRAFFIC_BYTES=2000000 # of each
TRAFFIC_SPEED=100000  # bytes a second

traffic_requests=''
traffic_downloads=''
traffic_offset=0

# traffic_start LOAD PIN_DIR: LOAD is the program.
traffic_start() {
	local client=(nsenter "--net=/run/netns/$LAB_CLIENT_NS" "$1" --pins "$2"
		--source "$LAB_CLIENT_IP" --target "$LAB_VIP:80")
	traffic_requests=$LAB_DIR/log/requests.json
	traffic_downloads=$LAB_DIR/log/downloads.json
	lab_spawn requests "${client[@]}" --rate $TRAFFIC_RATE \
		--open $TRAFFIC_OPEN --hold $TRAFFIC_HOLD \
		--ports 20000-59999 --log "$traffic_requests" &&
		lab_spawn downloads "${client[@]}" --open $TRAFFIC_DOWNLOADS \
			--download $TRAFFIC_BYTES:$TRAFFIC_SPEED \
			--ports 60000-64999 --log "$traffic_downloads" &&
		lab_until 5 test -s "$traffic_requests" || return 1
	traffic_offset=$(jq -n 'input.realtime_offset_ns' "$traffic_requests")
}

# The clients' clock.
traffic_now() {
	echo $((${EPOCHREALTIME/./} * 1000 - traffic_offset))
}

# Tell them to end what is under way and wait for it; totals are in log/NAME.
traffic_stop() {
	local name pid
	for name in requests downloads; do
		pid=$(lab_pid $name) && kill -s TERM "$pid"
	done
	for name in requests downloads; do
		lab_until $((TRAFFIC_BYTES / TRAFFIC_SPEED + 10)) \
			traffic_ended $name || return 1
	done
}

# What is under way does not matter any more.
traffic_kill() {
	lab_end requests KILL
	lab_end downloads KILL
}

traffic_ended() {
	! lab_pid "$1" >/dev/null
}

traffic_running() {
	lab_pid requests >/dev/null && lab_pid downloads >/dev/null
}

# How many requests have ended so far.
traffic_count() {
	grep -c outcome "$traffic_requests"
}

traffic_enough() {
	[ "$(traffic_count)" -ge $TRAFFIC_MIN ]
}

# A log may be read while its last line is being written.
traffic_records() {
	grep -h '}$' "$@"
}

# traffic_share FROM UNTIL: "VM COUNT" of each VM that answered.
traffic_share() {
	traffic_records "$traffic_requests" | jq -nr --argjson from "$1" \
		--argjson until "$2" '
		[inputs | select(.outcome == "answered" and .start_ns >= $from
			and .start_ns < $until) | .vm]
		| group_by(.)[] | "\(.[0]) \(length)"'
}

# traffic_first VM SINCE: when it first answered a request sent after SINCE.
traffic_first() {
	traffic_records "$traffic_requests" | jq -n --arg vm "$1" \
		--argjson since "$2" '
		first(inputs | select(.outcome == "answered" and .vm == $vm
			and .start_ns >= $since) | .end_ns) // empty'
}

# The VM with the youngest download under way.
traffic_downloading_vm() {
	traffic_records "$traffic_downloads" | jq -nr '
		[inputs | select(.port)] as $all
		| [$all[] | select(.outcome) | .port] as $over
		| [$all[] | select(.began_ns and (.port | IN($over[]) | not))]
		| max_by(.began_ns).vm // empty'
}

# traffic_results KILLS MARKS: all counts as one JSON object. KILLS holds what
# killwatch printed, with the VM's uuid; MARKS the windows of drain and restart.
#
# A failure is put down to a killed VM only if the connection was placed there
# before it died or while packets were still steered to it, and ended after it
# was killed.
traffic_results() {
	jq -n --slurpfile kills "$1" --slurpfile marks "$2" \
		--slurpfile requests <(traffic_records "$traffic_requests") \
		--slurpfile downloads <(traffic_records "$traffic_downloads") \
		--slurpfile totals "$LAB_DIR/log/requests" '
		def on_killed: . as $c | any($kills[]; .uuid == $c.placed
			and $c.end_ns >= .from_ns and $c.start_ns <=
				.death_ns + .kill_to_last_packet_ms * 1e6);
		def in_window($w): .start_ns <= $w[1] and .end_ns >= $w[0];
		def failed: select(.outcome != "answered");
		($totals | last) as $t
		| ($marks | add) as $m
		| [$requests[] | select(.outcome)] as $r
		| [$downloads[] | select(.outcome)] as $d
		| [$r[] | failed | select(on_killed | not)] as $other
		| {
			requests_sent: $t.sent,
			requests_answered: $t.answered,
			requests_failed: $t.failed,
			requests_failed_on_killed_vm:
				[$r[] | failed | select(on_killed)] | length,
			requests_failed_otherwise: $other | length,
			requests_logged: $r | length,
			drain_requests_failed: [$other[]
				| select(in_window($m.drain))] | length,
			restart_requests_failed: [$other[]
				| select(in_window($m.restart))] | length,
			requests_per_s: $t.rate,
			requests_open_mean: $t.open_mean,
			requests_open_min: $t.open_min,
			downloads_complete: [$d[]
				| select(.outcome == "answered")] | length,
			downloads_on_killed_vm: [$d[] | failed
				| select(on_killed)] | length,
			downloads_broken: [$d[] | failed
				| select(on_killed | not)] | length,
			failures: [$other[] | {start_ns, port, outcome, vm, placed}]
		}'
}
