#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The command's contract: what each command prints, its exit code, the same as
# JSON, with a daemon and without.
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_node.sh"

# No line of a listing is wider than 100 columns.
narrow() {
	local line LC_ALL=C.UTF-8
	while IFS= read -r line; do
		[ ${#line} -le 100 ] || die "wider than 100 columns: $line"
	done <<<"$out"
}

command -v socat >/dev/null || skip "needs socat"
node_up 3

say "help and usage"
expect 2 drover
expect 0 drover --help
has "exit codes" "$out"
for command in $(drover --help | sed -n '/^commands:/,/^$/ s/^  \([a-z]*\) .*/\1/p'); do
	expect 0 drover "$command" --help
	has "usage: drover $command" "$out"
	has "exit codes:" "$out"
	grep -qE '^examples?:$' <<<"$out" || die "$command: no example"
	narrow
	expect 2 drover "$command" --nonsense
	has "drover $command --help" "$err"
done
expect 2 drover nonsense
expect 2 drover drain
expect 2 drover drain web-1 --deadline soon
expect 2 drover drain web-1 --at-deadline explode
expect 2 drover explain 10.0.0.1 http
expect 2 drover events --last many
expect 2 drover status extra
expect 2 drover vms web-1 web-2
expect 2 drover pools web more

say "what there is to see"
expect 0 drover status
narrow
has "shop/web    3        3" "$out"
json '.control == "running" and .node == "node-a" and
	(.hypervisors[0] | .state == "connected" and .vms == 3) and
	(.pools[0] | .pool == "shop/web" and .serving == 3 and .slots == 16384
		and .panic == false and .note == "") and
	(.services[0] | .service == "shop/http" and .port == 80) and
	.warnings == [] and .dataplane.uplinks[0].mode == "native"' status
expect 0 drover vms
narrow
has "hv/web-1" "$out"
json 'length == 3 and all(.[]; .state == "running" and
	.pools[0].role == "serving" and .pools[0].health.state == "up" and
	.pools[0].drain == null)' vms
expect 0 drover vms web-2
has "$(uuid 2)" "$out"
for name in web-2 hv/web-2 "$(uuid 2)" 2222; do
	json '.full_name == "hv/web-2" and .address == "10.9.0.12"' vms "$name"
done
json '.droverd == .drover' version
expect 0 drover pools
narrow
has "shop/web    3        3" "$out"
json 'length == 1 and (.[0] | .pool == "shop/web" and .serving == 3)' pools
for name in web shop/web; do
	json '.services == ["shop/http"] and (.members | length == 3) and
		.settings.idle_timeout == "\"10s\"" and
		all(.members[]; .pool.role == "serving" and .state == "running")' \
		pools "$name"
done
expect 0 drover pools web
narrow
has "idle_timeout" "$out"
has "hv/web-3" "$out"
expect 3 drover pools nothing
has "drover pools" "$err"
expect 0 drover services
narrow
has "$vip:80/tcp" "$out"
json 'length == 1 and .[0].service == "shop/http" and .[0].note == ""' services
json '.target_port == 80 and .settings.mode == "\"nat\""' services http
expect 0 drover services http
narrow
has "port 80 of its VMs" "$out"
expect 3 drover services nothing
json 'length > 3 and all(.[]; .seq > 0 and .time_ms > 0)' events
json 'length == 2' events --last 2
expect 0 drover events
narrow
has "serving" "$out"

say "words are completed"
complete_words() { # WORDS..., the last one begun
	(
		# shellcheck source=/dev/null
		. "$DROVER_SOURCE/control/cli/drover.bash"
		COMP_WORDS=(drover "$@")
		COMP_CWORD=$#
		_drover
		echo "${COMPREPLY[*]}"
	)
}
is_completed() { # EXPECTED WORDS...
	local got
	got=$(complete_words "${@:2}")
	[ "$got" = "$1" ] || die "${*:2}: completed to \"$got\", not \"$1\""
}
is_completed "drain" dr
is_completed "status services" s
is_completed "--deadline" drain web-1 --dea
is_completed "--json" --js
is_completed "web-2" vms web-2
is_completed "hv/web-2" drain --wait hv/web-2
is_completed "shop/http" services sh
is_completed "web" pools w

say "traffic through the VIP is counted and explained"
ns_client "$traffic" load "$vip" 80 2 1 200000 200000 1500 >"$dir/load" 2>&1 ||
	die "$(tail -5 "$dir/load")"
json '(.services[0].openers > 20) and (.services[0].out_bytes > 200000) and
	([.backends[].openers] | add) == .services[0].openers and
	all(.backends[]; .in_packets > 0)' counters
expect 0 drover counters
narrow
expect 0 drover counters --all
narrow
json '.verdict == "forward" and .slot.of == 16384 and
	.target == (.vm | "10.9.0.1" + .[-1:] + ":80")' \
	explain 10.0.0.1:40000 http
expect 2 drover explain '[2001:db8::7]:40000' http
has "IPv4 address" "$err"
expect 0 drover explain 10.0.0.1:40000 shop/http --opener
has "goes to hv/web-" "$out"

say "unknown, ambiguous, refused"
expect 3 drover vms web-9
expect 3 drover drain web-9
expect 3 drover undrain web-9
expect 3 drover explain 10.0.0.1:40000 nothing
expect 3 drover drain web-1 --pool nothing
expect 4 drover undrain web-1
has "not being drained" "$err"
expect 3 drover vms web-9 --json
jq -e '.schema == 1 and .error.code == "unknown" and
	(.error.message | length > 0)' <<<"$out" >/dev/null || die "$out"
# A second VM whose UUID begins like the first one's.
sed "s/web-1/odd-1/; s/$(uuid 1)/11111111-1111-4000-8000-000000000000/
	s/p1/p9/; s/:01'/:09'/" "$dir/vm1.xml" >"$dir/odd.xml"
virsh define "$dir/odd.xml" >/dev/null
until_ok 10 drover vms odd-1 || die "the new VM is not found"
expect 3 drover vms 11111111
has "hv/odd-1" "$err"
has "hv/web-1" "$err"
expect 3 drover drain 1111 --json
jq -e '.error.code == "ambiguous" and (.error.details | length == 2)' \
	<<<"$out" >/dev/null || die "$out"
virsh undefine odd-1 >/dev/null
until_ok 10 eval '! drover vms odd-1' || die "it is not forgotten"
# One that no pool selects can't be drained.
hv_define 7
until_ok 10 drover vms web-7 || die "web-7 is not found"
expect 4 drover drain web-7
has "no pool" "$err"
expect 0 drover vms
[[ $out != *web-7* ]] || die "vms shows what is in no pool"
expect 0 drover vms --all
has "no pool selects it" "$out"
narrow
virsh undefine web-7 >/dev/null

say "why a VM is not in service"
why_is() { # NUMBER POOL TEXT: what WHY says of it
	until_ok 10 eval "drover vms web-$1 --json | jq -e --arg pool '$2' --arg text '$3' \
		'.data.pools[] | select(.pool == \$pool) | .why | contains(\$text)'" ||
		die "web-$1 in $2 does not say \"$3\": $(drover vms --wide)"
	expect 0 drover vms --wide
	has "$3" "$out"
}
# Its port belongs to another service already.
hv_tag 1 role=web extra=yes
node_conf
sed -i 's/^services = (/&\n  { tenant = "shop"; name = "other"; vip = "'"$vip"'"; port = 8082;\n    pool = "other"; target_port = 80; },/
	s/^pools = (/&\n  { tenant = "shop"; name = "other"; select = [ "extra=yes" ]; },/' "$conf"
expect 0 drover reload
why_is 1 shop/other "service shop/http has port 80 of it"
expect 0 drover services --wide
has "nobody serves: 1 of 1 VMs in conflict" "$out"
expect 0 drover pools other
has "nobody serves" "$out"
hv_tag 1 role=web
node_conf
expect 0 drover reload
# The host has rules of its own for its port; it is not there at all.
hv_destroy 3
why_is 3 shop/web "not running"
sed "s|<target dev='p3'/>|&<bandwidth><outbound average='1000'/></bandwidth>|" \
	"$dir/vm3.xml" >"$dir/shaped.xml"
virsh define "$dir/shaped.xml" >/dev/null
hv_start 3
why_is 3 shop/web "on_port_policy"
expect 0 drover vms web-3
has "<bandwidth>" "$out"
hv_destroy 3
sed "s/'p3'/'p9'/" "$dir/vm3.xml" >"$dir/portless.xml"
virsh define "$dir/portless.xml" >/dev/null
hv_start 3
why_is 3 shop/web "its port is gone"
hv_destroy 3
virsh define "$dir/vm3.xml" >/dev/null
hv_start 3
serving 1 2 3

say "names as long as they may be fit 100 columns, and --wide has them whole"
long=$(printf '%063d' 0 | tr 0 x)
virsh dumpxml web-3 >/dev/null
sed "s/web-3/$long-last-part-of-it/; s/$(uuid 3)/$(uuid 8)/; s/p3/p8/; s/:03'/:08'/" \
	"$dir/vm3.xml" >"$dir/long.xml"
virsh define "$dir/long.xml" >/dev/null
virsh start "$long-last-part-of-it" >/dev/null
node_conf '{ tenant = "t-'"${long:2}"'"; name = "s-'"${long:2}"'"; vip = "10.9.9.9";
	port = 80; pool = "p-'"${long:2}"'"; }'
sed -i 's/^tenants = (/&\n  { name = "t-'"${long:2}"'"; vips = [ "10.9.9.9" ];\n    hypervisors = [ "hv" ]; names = [ "xxx*" ]; },/
	s/^pools = (/&\n  { tenant = "t-'"${long:2}"'"; name = "p-'"${long:2}"'";\n    select = [ "role=web" ]; },/' "$conf"
expect 0 drover reload
until_ok 10 eval 'drover vms | grep -q part-of-it' || die "$(drover vms --all --wide)"
for command in status vms "vms --all" pools services counters events "pools p-${long:2}" \
	"vms $long-last-part-of-it"; do
	# shellcheck disable=SC2086 # words
	expect 0 drover $command
	# Of one thing alone all is shown.
	case $command in *xxx* | events) ;; *) narrow ;; esac
done
expect 0 drover vms
has "…" "$out"
has "part-of-it" "$out"
expect 0 drover vms --wide
has "hv/$long-last-part-of-it" "$out"
[[ $out != *…* ]] || die "--wide cuts: $out"
expect 0 drover status --wide
has "t-${long:2}/s-${long:2}" "$out"
virsh destroy "$long-last-part-of-it" >/dev/null
virsh undefine "$long-last-part-of-it" >/dev/null
node_conf
expect 0 drover reload

say "events are followed"
"$DROVER_BUILD/control/cli/drover" events --last 0 --follow --json \
	>"$dir/followed" 2>"$dir/followed.err" &
pids+=($!)
sleep 0.3
hv_tag 3 role=db
until_ok 10 grep -q '"what":"tags"' "$dir/followed" ||
	die "no event: $(cat "$dir/followed")"
jq -es 'all(.[]; .seq > 0 and .name != "")' "$dir/followed" >/dev/null ||
	die "not one object a line"
hv_tag 3 role=web
serving 1 2 3

say "reload"
expect 0 drover reload
has "nothing changed" "$out"
node_conf '{ tenant = "shop"; name = "alt"; vip = "'"$vip"'"; port = 8081;
	pool = "web"; target_port = 81; }'
expect 0 drover reload
has "+ services.shop/alt" "$out"
has "in force" "$out"
until_ok 15 ns_client "$traffic" load "$vip" 8081 1 0 0 0 200 ||
	die "the new service does not work"
json '.changes == [] and .warnings == []' reload
cp "$conf" "$dir/good.cfg"
sed -i 's/idle_timeout/idle_timout/; s/port = 8081/port = 0/' "$conf"
expect 4 drover reload
has "did you mean" "$err"
[ "$(grep -c "drover.cfg:[0-9]*: " <<<"$err")" -ge 2 ] ||
	die "not all errors at once: $err"
expect 4 drover reload --json
jq -e '.error.code == "refused" and (.error.details | length >= 2)' \
	<<<"$out" >/dev/null || die "$out"
ns_client "$traffic" load "$vip" 8081 1 0 0 0 300 >/dev/null 2>&1 ||
	die "a refused config changed something"
cp "$dir/good.cfg" "$conf"
kill -HUP "$node_pid"
until_ok 5 grep -q 'reloaded: 0 changes' "$dir/droverd.log" ||
	die "SIGHUP does not reload"

say "a node's config names socket and pin directory"
expect 0 env -u DROVER_SOCKET -u DROVER_PIN_DIR \
	"$DROVER_BUILD/control/cli/drover" --config "$conf" status

say "a daemon that hangs is none for who only asks"
kill -STOP "$node_pid"
before=$(now_ms)
expect 0 drover pools
has "no daemon answers" "$err"
[ $(($(now_ms) - before)) -lt 8000 ] || die "it took $(($(now_ms) - before)) ms"
kill -CONT "$node_pid"

say "a daemon that dies in the middle of its answer is none"
kill -STOP "$node_pid"
drover status --json >"$dir/late" 2>"$dir/late.err" &
late=$!
sleep 0.5
kill -KILL "$node_pid"
wait "$node_pid" 2>/dev/null || :
wait $late || die "status failed: $(cat "$dir/late.err")"
jq -e '.data.control == "not running"' "$dir/late" >/dev/null || die "$(cat "$dir/late")"
has "ended before its answer" "$(cat "$dir/late.err")"
# Also when half of the answer is there.
printf 'HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{"schema"' >"$dir/half"
socat -u OPEN:"$dir/half" UNIX-LISTEN:"$dir/half.sock" &
pids+=($!)
until_ok 5 test -S "$dir/half.sock" || die "socat does not listen"
expect 0 drover --socket "$dir/half.sock" status
has "no daemon answers" "$err"
node_start
serving 1 2 3

say "without a daemon"
node_stop
json '.control == "not running" and .pools[0].serving == 3 and
	.services[0].openers > 20' status
expect 0 drover status
has "no daemon" "$err"
json '.services[0].openers > 20' counters
json '.[0].pool == "shop/web" and .[0].serving == 3' pools
json '.[0].service == "shop/http"' services
for command in pools services counters; do
	expect 0 drover $command
	narrow
done
expect 6 drover pools web
json '.verdict == "forward"' explain 10.0.0.1:40000 http
expect 3 drover explain 10.0.0.1:40000 nothing
json '.droverd == null' version
for command in vms events reload "drain web-1" "undrain web-1" "vms web-1" \
	"weight web-1 2" "weight web-1 default" "services http" \
	"events --follow"; do
	# shellcheck disable=SC2086 # words
	expect 6 drover $command
	has "no daemon answers" "$err"
done
expect 6 drover vms --json

say "detach, with a daemon and without"
node_start
expect 0 drover detach
until_ok 5 eval "! kill -0 $node_pid" || die "the daemon goes on"
wait "$node_pid" || die "droverd ended with $?"
[ ! -e "$pins" ] || die "pins are left: $(ls "$pins")"
expect 6 drover status
has "nothing is being forwarded" "$err"
expect 0 drover detach
has "nothing to take off at $pins" "$err"
node_start
serving 1 2 3
# Nobody can ask their hypervisor any more: they serve on, and that is said.
kill -KILL "$(cat "$dir/hv/run/pid")"
until_ok 20 eval 'drover vms | grep -q "running, stale .* serving"' ||
	die "not stale: $(drover vms)"
narrow
expect 0 drover vms web-1
has "stale" "$out"
expect 0 drover status
has "out of reach" "$out"
node_stop KILL
expect 0 drover detach
[ ! -e "$pins" ] || die "pins are left: $(ls "$pins")"
! ns_client "$traffic" load "$vip" 80 1 0 0 0 300 >/dev/null 2>&1 ||
	die "traffic flows after detach"
! ns_node ip -d link show u0 | grep -q xdp || die "XDP is left on u0"
say "done"
