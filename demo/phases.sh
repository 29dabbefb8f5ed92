# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The story of the demo, a function for each part of it. To be sourced after
# lab.sh, show.sh and traffic.sh.
# shellcheck disable=SC2153,SC2154 # variables of those
#
# Facts for the end go to files in $LAB_DIR as they become known:
#	served.json	{"vm":…,"ms":…} for each VM, from its start until it served
#	joined.json	{"vm":…,"ms":…} from its start to the first request answered
#	kills.json	what killwatch saw, with "vm", "uuid" and "way"
#	marks.json	{"drain":[from,until]} and the same for restart

DEMO_IDLE=10s # idle_timeout of the pool: what a drain waits for at least
DEMO_DRAIN_MAX=90s
DEMO_DARK=5  # seconds without a daemon
DEMO_LOG=info
DEMO_WATCH=3 # seconds that the tables are watched after a VM's death

demo_init() {
	DEMO_DIR=$LAB_DIR/drover
	DEMO_CONF=$DEMO_DIR/drover.cfg
	DEMO_PINS=$LAB_BPF/drover
	export DROVER_SOCKET=$DEMO_DIR/drover.sock DROVER_PIN_DIR=$DEMO_PINS
}

# demo_programs BUILD: one folder with all programs, wherever a build has them.
demo_programs() {
	local p
	DEMO_BIN=$LAB_DIR/bin
	mkdir "$DEMO_BIN"
	for p in control/droverd control/cli/drover demo/demo-load \
		demo/demo-killwatch; do
		[ -x "$1/$p" ] || die "$1/$p is not built"
		ln -s "$(realpath "$1/$p")" "$DEMO_BIN/"
	done
}

drover() {
	"$DEMO_BIN/drover" "$@"
}

fact() { # file, JSON
	echo "$2" >>"$LAB_DIR/$1.json"
}

# heed LOG COMMAND...: run it so that a signal is heard meanwhile: for a command
# in the foreground bash lets its traps wait. heed_end ends it, for them.
heed_pid=''
heed() {
	local log=$1 rc
	shift
	"$@" </dev/null >"$log" 2>&1 &
	heed_pid=$!
	wait $heed_pid
	rc=$?
	heed_pid=''
	return $rc
}

heed_end() {
	[ -z "$heed_pid" ] || kill $heed_pid 2>/dev/null
}

# --- Drover ----------------------------------------------------------------

demo_config() {
	mkdir -p "$DEMO_DIR/state"
	cat >"$DEMO_CONF" <<-END
		# The demo's node: one hypervisor, one tenant with one web site.
		node = {
		  name = "demo"; engine = "xdp"; uplinks = [ "$LAB_UPLINK" ];
		  announce = "l2"; state_dir = "$DEMO_DIR/state";
		  pin_dir = "$DEMO_PINS"; socket = "$DROVER_SOCKET";
		  log_level = "$DEMO_LOG";
		};
		hypervisors = ( { name = "hv"; uri = "$LAB_URI"; } );
		tenants = (
		  { name = "shop"; vips = [ "$LAB_VIP/32" ]; networks = [ "br0" ]; }
		);
		pools = (
		  { tenant = "shop"; name = "web"; select = [ "role=web" ];
		    health = { type = "tcp"; port = $LAB_VM_PORT; };
		    idle_timeout = "$DEMO_IDLE"; }
		);
		services = (
		  { tenant = "shop"; name = "http"; vip = "$LAB_VIP"; port = 80;
		    pool = "web"; target_port = $LAB_VM_PORT; }
		);
	END
}

demo_daemon() {
	lab_spawn droverd nsenter "--net=/run/netns/$LAB_HOST_NS" \
		"$DEMO_BIN/droverd" --config "$DEMO_CONF" &&
		lab_until 20 demo_answers
}

demo_answers() {
	drover status --json 2>/dev/null |
		jq -e '.data.control == "running"' >/dev/null
}

# A VM serves when it has slots: new connections reach it.
demo_serves() {
	drover vms --json 2>/dev/null | jq -e --arg vm "$1" '
		any(.data[]; .name == $vm and any(.pools[];
			.role == "serving" and (.slots // 0) > 0))' >/dev/null
}

# demo_await NAME FROM_US: wait until it serves, say after how long.
demo_await() {
	local ms
	doing "$1 boots, is found and probed"
	lab_until 90 demo_serves "$1" || die "$1 does not serve after 90 s:
$(drover vms --all 2>&1)"
	ms=$(((${EPOCHREALTIME/./} - $2) / 1000))
	fact served "{\"vm\":\"$1\",\"ms\":$ms}"
	line "$(printf '%-7s serves %s after its start' "$1" "$(seconds $ms)")"
}

# demo_join NAME IP: a new VM, until a client's request is answered by it.
demo_join() {
	local from started first
	lab_vm_define "$1" "$2" role=web || die "cannot define $1"
	from=${EPOCHREALTIME/./}
	started=$(traffic_now)
	lab_vm_start "$1" || die "cannot start $1"
	demo_await "$1" "$from"
	lab_until 10 demo_joined "$1" "$started" ||
		die "$1 serves, but answers no request"
	first=$(traffic_first "$1" "$started")
	fact joined "$(jq -nc --arg vm "$1" --argjson a "$started" \
		--argjson b "$first" '{vm: $vm, ms: (($b - $a) / 1e6 | round)}')"
}

demo_joined() {
	[ -n "$(traffic_first "$@")" ]
}

# --- the story -------------------------------------------------------------

demo_found() {
	local from vm ip=11
	phase "VMs are found by their tag" \
		"Nobody writes a list of backends: what is tagged role=web in libvirt is the pool."
	demo_config
	demo_daemon || die "droverd does not start:
$(tail -n 20 "$LAB_DIR/log/droverd")"
	for vm in web-1 web-2; do
		lab_vm_define $vm 10.77.0.$ip role=web || die "cannot define $vm"
		ip=$((ip + 1))
	done
	from=${EPOCHREALTIME/./}
	lab_vm_start web-1 || die "cannot start web-1"
	lab_vm_start web-2 || die "cannot start web-2"
	demo_await web-1 "$from"
	demo_await web-2 "$from"

	traffic_start "$DEMO_BIN/demo-load" "$DEMO_PINS" ||
		die "the clients do not start: $(cat "$LAB_DIR"/log/{requests,downloads})"
	line "clients start: $TRAFFIC_RATE new connections/s and $TRAFFIC_DOWNLOADS downloads to http://$LAB_VIP/, to the end"
	demo_join web-3 10.77.0.13
}

demo_spread() {
	local from vm count total=0 shares=''
	phase "Requests are spread" \
		"Each connection has its place by a hash; established ones need no table entry."
	from=$(traffic_now)
	doing "counting for 5 s"
	heed /dev/null sleep 5
	while read -r vm count; do
		shares+="$vm $count   "
		total=$((total + count))
	done < <(traffic_share "$from" "$(traffic_now)")
	line "of $total requests in 5 s: $shares"
}

# Sets DEMO_DRAINED.
demo_drain() {
	local from until took late
	lab_until 30 demo_has_download || die "no download is under way"
	DEMO_DRAINED=$(traffic_downloading_vm)
	phase "$DEMO_DRAINED is drained under load" \
		"It gets no new connections and keeps those it has; a long download goes on through it."
	from=$(traffic_now)
	doing "drover drain $DEMO_DRAINED --wait"
	heed "$LAB_DIR/log/drain" "$DEMO_BIN/drover" drain "$DEMO_DRAINED" \
		--wait --deadline $DEMO_DRAIN_MAX --reason "the demo" ||
		die "drover drain: $(tail -n 3 "$LAB_DIR/log/drain")"
	until=$(traffic_now)
	fact marks "{\"drain\":[$from,$until]}"
	took=$(((until - from) / 1000000))
	# Its slots are announced for 1 s before they move.
	late=$(traffic_share $((from + 3000000000)) "$until" |
		awk -v vm="$DEMO_DRAINED" '$1 == vm { print $2 }')
	line "drained after $(seconds $took): nothing names it any more, it could be stopped"
	line "new connections to it after the first 3 s: ${late:-0}"
	line "$(demo_through "$from")"
	fact checks "{\"drained_vm_new_requests\":${late:-0}}"

	drover undrain "$DEMO_DRAINED" >/dev/null || die "drover undrain failed"
	doing "drover undrain $DEMO_DRAINED"
	lab_until 30 demo_serves "$DEMO_DRAINED" ||
		die "$DEMO_DRAINED does not serve again"
	line "back in service after drover undrain"
}

demo_has_download() {
	[ -n "$(traffic_downloading_vm)" ]
}

# What became of the drained VM's downloads that were under way.
demo_through() {
	traffic_records "$traffic_downloads" | jq -nr --argjson from "$1" \
		--arg vm "$DEMO_DRAINED" '
		[inputs | select(.outcome and .vm == $vm
			and .start_ns < $from and .end_ns > $from)]
		| map(select(.outcome == "answered")) as $whole
		| "downloads that were under way there: \(length), "
			+ "whole and right: \($whole | length), the last "
			+ "\(map((.end_ns - $from) / 1e8) | max // 0 | floor / 10)"
			+ " s after the drain began"'
}

# demo_ends WAY NAME [COMMAND...]: the end of a VM, by kill -9 of its QEMU or by
# a command that is run meanwhile, and how long packets were sent there.
demo_ends() {
	local way=$1 vm=$2 seen uuid pid words watch
	shift 2
	seen=''
	uuid=$(lab_vm_uuid "$vm")
	pid=$(lab_vm_pid "$vm") || die "$vm does not run"
	doing "the end of $vm: $way"
	watch=("$DEMO_PINS" "$uuid" "$pid" "$DEMO_WATCH")
	if [ $# = 0 ]; then
		seen=$("$DEMO_BIN/demo-killwatch" "${watch[@]}")
	else
		exec 8< <(exec "$DEMO_BIN/demo-killwatch" --no-kill "${watch[@]}")
		read -r -u 8 _ && "$@" >/dev/null && seen=$(cat <&8)
		exec 8<&-
	fi
	[ -n "$seen" ] || die "cannot watch $vm end: $way"
	fact kills "$(jq -c --arg vm "$vm" --arg uuid "$uuid" --arg way "$way" \
		'. + {vm: $vm, uuid: $uuid, way: $way}' <<<"$seen")"
	words=$(jq -r '(.out_ms * 10 | round / 10) as $ms
		| if $ms > 0 then "the last packet was steered to it \($ms) ms after its death"
		else "out of the tables \(-$ms) ms before its process was gone" end' \
		<<<"$seen")
	line "$vm, $way: $words"
}

demo_kills() {
	local vm
	phase "VMs are killed" \
		"kill -9 of QEMU: libvirt and the kernel say so at once, no probe has to time out."
	for vm in web-1 web-2 web-3; do
		[ "$vm" = "$DEMO_DRAINED" ] || demo_ends kill "$vm"
	done
	line "$DEMO_DRAINED carries all the load"
}

demo_new() {
	phase "A new VM joins" \
		"Booted, found by its tag, probed, given its share; open connections stay where they are."
	demo_join web-4 10.77.0.14
}

demo_restart() {
	local from before during pid started ms
	phase "droverd is killed and restarted" \
		"The tables are pinned in the kernel: forwarding never waits for the daemon."
	from=$(traffic_now)
	pid=$(lab_pid droverd) || die "droverd does not run"
	started=$(lab_started "$pid")
	before=$(traffic_count)
	kill -s KILL "$pid"
	lab_until 5 lab_ended "$pid" "$started" || die "droverd survives kill -9"
	drover status >"$LAB_DIR/log/status" 2>&1 ||
		die "drover status without a daemon: $(cat "$LAB_DIR/log/status")"
	doing "$DEMO_DARK s without a daemon"
	heed /dev/null sleep $DEMO_DARK
	during=$(($(traffic_count) - before))
	line "$during requests in $DEMO_DARK s without a daemon; drover status reads the pinned tables"
	ms=${EPOCHREALTIME/./}
	demo_daemon || die "droverd does not start again:
$(tail -n 20 "$LAB_DIR/log/droverd")"
	lab_until 20 demo_serves web-4 || die "web-4 does not serve after the restart"
	ms=$(((${EPOCHREALTIME/./} - ms) / 1000))
	line "it starts, finds the tables as they were, and answers after $(seconds $ms)"
	sleep 3
	fact marks "{\"restart\":[$from,$(traffic_now)]}"
}

demo_finish() {
	phase "The end" "Requests go on to $TRAFFIC_MIN in all; downloads under way end by themselves."
	traffic_running || die "the clients have died: $(cat "$LAB_DIR"/log/{requests,downloads})"
	doing "waiting for them"
	lab_until 120 traffic_enough || die "too few requests: $(traffic_count)"
	traffic_stop || die "the clients do not end"
	line "clients have ended"
}
