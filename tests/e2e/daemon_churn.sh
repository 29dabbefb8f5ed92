#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The promise: no connection breaks that speaks once per idle_timeout and whose VM
# lives. Real TCP connections are held open while VMs come, are drained, change
# weight and all that is taken back half-way, through the real daemon; each speaks
# and has its answer checked before and after every change. Then under a flood of
# SYNs that fills the flow table. And with idle_timeout shorter than their pauses
# connections must break: the test would see it.
#
#	CHURN_CONNECTIONS, CHURN_CHANGES: how many (2000, 8)
#	CHURN_IDLE_S, CHURN_PERIOD_MS: idle_timeout, and how often each speaks
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_node.sh"

churn=$DROVER_BUILD/tests/e2e/churn
n_connections=${CHURN_CONNECTIONS:-2000}
n_changes=${CHURN_CHANGES:-8}
idle_s=${CHURN_IDLE_S:-10}
idle=${idle_s}s
period_ms=${CHURN_PERIOD_MS:-2500}
limit_ms=8000
n_beside=1000 # with the flood, and with idle_timeout too short
n_vms=5

# The lab's config, with a service for those who hold on and room for them all.
eval "plain_$(declare -f node_conf)"
node_conf() {
	plain_node_conf '{ tenant = "shop"; name = "churn"; vip = "'$vip'";
	  port = 9000; pool = "web"; target_port = 9000; }'
	sed -i "s/flows = \"16k\"/flows = \"${flows:-128k}\"/" "$conf"
}

# Those who hold on are processes of at most so many: a limit on open files that
# cannot be raised is above that. Their last lines are in $held.
per_process=10000

# hold_start CONNECTIONS PERIOD-MS: until all have had an answer.
hold_start() {
	local left n in out
	hold_in=() hold_out=() hold_pids=()
	for ((left = $1; left > 0; left -= n)); do
		n=$((left < per_process ? left : per_process))
		rm -f "$dir/hold.in" "$dir/hold.out"
		mkfifo "$dir/hold.in" "$dir/hold.out"
		ip netns exec "$net-c" "$churn" hold "$vip" 9000 $n "$2" \
			$limit_ms <"$dir/hold.in" >"$dir/hold.out" \
			2>>"$dir/hold.err" &
		hold_pids+=($!)
		pids+=($!)
		exec {in}>"$dir/hold.in" {out}<"$dir/hold.out"
		hold_in+=("$in")
		hold_out+=("$out")
	done
	hold_lines
	[ "$(sum_of live)" = "$1" ] ||
		die "not all connect: $held: $(tail -5 "$dir/hold.err")"
}

hold_lines() {
	local out line
	held=
	for out in "${hold_out[@]}"; do
		read -r -t 120 -u "$out" line || die "those who hold on are silent"
		held+=${held:+$'\n# '}$line
	done
}

# Of a field of all last lines.
sum_of() { grep -o " $1=[0-9]*" <<<"$held" | awk -F= '{ n += $2 } END { print n }'; }
most_of() { grep -o " $1=[0-9]*" <<<"$held" | cut -d= -f2 | sort -n | tail -1; }

# Everybody speaks and is answered.
hold_round() {
	local in
	for in in "${hold_in[@]}"; do
		echo round >&"$in"
	done
	hold_lines
}

hold_end() {
	local fd
	for fd in "${hold_in[@]}"; do
		exec {fd}>&-
	done
	hold_lines
	for fd in "${hold_out[@]}"; do
		exec {fd}<&-
	done
	wait "${hold_pids[@]}" || :
}

none_broken() {
	[ "$(sum_of broken)" = 0 ] || die "$*: $held
$(tail -5 "$dir/hold.err")"
}

# --- changes: WHAT VM, in turn; each begins before the last one is through -----

plan=('drain 1' 'undrain 1' 'weight 2 3' 'add 5' 'drain 3' 'weight 2 1'
	'undrain 3' 'drain 4' 'weight 1 2' 'undrain 4' 'drain 5' 'drain 2'
	'undrain 2' 'weight 1 1' 'weight 3 5' 'weight 3 1' 'undrain 5')

change() { # number
	local what vm weight
	# After the first time VM 5 is there: it is added by its undrain.
	read -r what vm weight <<<"${plan[$(($1 % ${#plan[@]}))]}"
	case $what in
	add) hv_start "$vm" 2>/dev/null || what='is there already' ;;
	weight) drover weight "web-$vm" "$weight" >"$dir/said" 2>&1 || : ;;
	*) drover "$what" "web-$vm" >"$dir/said" 2>&1 || : ;;
	esac
	printf '# %2d: %s %s %s\n' "$(($1 + 1))" "$what" "web-$vm" "$weight"
}

# Slots that move, as the pool has it.
moving() { drover pools --json | jq '.data[0] | .claiming + .moving'; }

churn_for() { # changes
	local i seen=0 slots
	for ((i = 0; i < $1; i++)); do
		change $i
		# Announced for a second, then on its way.
		sleep 1.2
		slots=$(moving)
		[ "$slots" = 0 ] || seen=$((seen + 1))
		hold_round
		none_broken "change $((i + 1))"
	done
	say "$1 changes, slots on the move after $seen of them: $held"
	[ $((seen * 10)) -ge $(($1 * 8)) ] || die "nothing moved"
}

node_up_churn() {
	local vm
	node_up $((n_vms - 1))
	vm_up $n_vms
	port_mac $n_vms
	hv_define $n_vms role=web
	for vm in $(seq $n_vms); do
		ns_vm "$vm" sysctl -qw net.ipv4.tcp_max_syn_backlog=4096 \
			net.core.somaxconn=4096
		ip netns exec "$net-v$vm" "$churn" serve 9000 &
		pids+=($!)
	done
	ns_client sysctl -qw net.ipv4.ip_local_port_range="2000 65000"
}

# Pauses of those who hold on were shorter than idle_timeout.
in_time() {
	[ "$(most_of longest_ms)" -lt $((idle_s * 1000)) ] ||
		die "this machine is too slow: a connection paused for $(most_of longest_ms) ms"
}

refused() { drover pools --json | jq '.data[0].refused'; }

node_up_churn

say "$n_connections connections, idle_timeout $idle, each speaks every $period_ms ms"
hold_start "$n_connections" "$period_ms"
say "$held"
churn_for "$n_changes"
in_time
hold_end
none_broken "at the end"
say "0 of $n_connections broken: $held"

say "a flood of SYNs while VMs move"
hold_start $n_beside 1500
ip netns exec "$net-c" "$churn" flood "$vip" 9000 30000 >"$dir/flood" &
flood_pid=$!
pids+=($!)
sleep 1
churn_for 4
kill $flood_pid
wait $flood_pid || :
in_time
hold_end
none_broken "at the end"
[ "$(sed 's/.*sent=\([0-9]*\).*/\1/' "$dir/flood")" -gt 20000 ] ||
	die "no flood: $(cat "$dir/flood")"
say "0 of $n_beside broken, beside $(cat "$dir/flood"), refused entries: $(refused)"

say "idle_timeout of 1 s, and pauses of 4 s: this breaks connections"
idle=1s
node_conf
expect 0 drover reload
hold_start $n_beside 4000
expect 0 drover drain web-1
sleep 6
hold_round
hold_end
[ "$(sum_of broken)" -gt 0 ] || die "nothing broke: the test sees nothing: $held"
say "broken, as it must be: $held"
