#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The API under rough treatment: what is malformed gets a clean error, many
# clients at once are all answered, and who follows events without reading them
# is dropped before the daemon grows.
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_node.sh"

# ask METHOD PATH [BODY]: status in $status, answer in $out.
ask() {
	out=$(curl -s --max-time 10 --unix-socket "$sock" -X "$1" \
		-w '\n%{http_code}' ${3+--data-binary "$3"} "http://drover$2") || :
	status=${out##*$'\n'}
	out=${out%$'\n'*}
}

# wrong STATUS CODE METHOD PATH [BODY]: that error, as JSON.
wrong() {
	local want=$1 code=$2
	shift 2
	ask "$@"
	[ "$status" = "$want" ] || die "$*: $status, not $want: $out"
	jq -e --arg code "$code" '.schema == 1 and .error.code == $code and
		(.error.message | length > 0) and (.error.details | type) == "array"' \
		<<<"$out" >/dev/null || die "$*: $out"
}

# Bytes as they are, to the socket; what comes back.
raw() { timeout 5 socat -t 2 - "UNIX-CONNECT:$sock" 2>/dev/null || :; }

rss_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$node_pid/status"; }
open_files() { find "/proc/$node_pid/fd" -mindepth 1 | wc -l; }

command -v socat >/dev/null || skip "needs socat"
node_up 1

say "malformed requests"
wrong 404 unknown GET /
wrong 404 unknown GET /v1
wrong 404 unknown GET /v1/status/
wrong 404 unknown GET /v2/status
wrong 400 usage POST /v1/status
wrong 400 usage DELETE /v1/vms/web-1
wrong 400 usage GET '/v1/status%00'
wrong 404 unknown GET '/v1/vms/%ff%fe'
wrong 404 unknown GET "/v1/vms/$(printf 'x%.0s' {1..200})"
wrong 404 unknown GET "/v1/vms/$(printf 'x%.0s' {1..5000})"
wrong 400 usage GET '/v1/events?last=-1'
wrong 400 usage GET '/v1/events?last=1e9'
wrong 400 usage GET '/v1/events?after=x'
wrong 400 usage GET '/v1/explain'
wrong 400 usage GET '/v1/explain?client=10.0.0.1:0&service=http'
wrong 400 usage GET '/v1/explain?client=10.0.0.1:99999999999999999999&service=http'
wrong 400 usage GET '/v1/explain?client=%5B%5D:80&service=http'
wrong 400 usage GET '/v1/explain?client=10.0.0.1:1&service=http&kind=odd'
wrong 404 unknown GET '/v1/explain?client=10.0.0.1:1'
drain=/v1/vms/web-1/drain
for body in '{' '[]' '7' '{"deadline_ms":-1}' '{"deadline_ms":"soon"}' \
	'{"deadline_ms":1e3}' '{"deadline_ms":99999999999}' '{"pool":7}' \
	'{"at_deadline":"explode"}' '{"unknown":1}' '{"pool":"a","pool":"b"}' \
	'{"reason":"'"$(printf 'x%.0s' {1..300})"'"}' $'{"reason":"\xff"}'; do
	wrong 400 usage POST $drain "$body"
done
wrong 404 unknown POST $drain '{"pool":"nothing"}'
weight=/v1/vms/web-1/weight
for body in '' '{}' '{"weight":"2"}' '{"weight":-1}' '{"weight":1.5}' \
	'{"weight":1001}' '{"weight":true}' '{"weight":1,"pol":"web"}' \
	'{"weight":1,"pool":7}'; do
	wrong 400 usage POST $weight "$body"
done
wrong 404 unknown POST /v1/vms/nobody/weight '{"weight":1}'
wrong 404 unknown POST $weight '{"weight":1,"pool":"nothing"}'
wrong 404 unknown DELETE "$weight?pool=nothing"
wrong 422 refused DELETE $weight
wrong 404 unknown GET /v1/pools/nothing
wrong 404 unknown GET /v1/pools/shop/web/more
wrong 404 unknown GET /v1/services/nothing
wrong 400 usage GET /v1/services/%00
wrong 400 usage POST /v1/pools
ask GET /v1/vms/web-1
jq -e '.data.pools[0].drain == null' <<<"$out" >/dev/null ||
	die "a malformed request drained it: $out"
wrong 400 usage POST $drain "{\"reason\":\"$(head -c 100000 /dev/zero | tr '\0' x)\"}"
wrong 400 usage PUT /v1/status '{}'
wrong 404 unknown PUT /v1/inventory/hv '{"lease_ms":1000,"machines":[]}'
wrong 404 unknown GET /v1/inventory/hv
# Too much of anything is refused, too, though not in JSON: by the HTTP layer.
status=$(head -c 5000000 /dev/zero | curl -s --unix-socket "$sock" -X PUT \
	--data-binary @- -o /dev/null -w '%{http_code}' \
	http://drover/v1/inventory/hv) || :
[ "$status" = 413 ] || die "5 MB: $status"
has "400" "$(printf 'GARBAGE\r\n\r\n' | raw)"
printf 'GET /v1/status HTTP/9.9\r\n\r\n' | raw >/dev/null
printf 'GET /v1/status HTTP/1.1\r\nX: %s\r\n\r\n' \
	"$(head -c 100000 /dev/zero | tr '\0' x)" | raw >/dev/null
head -c 200000 /dev/urandom | raw >/dev/null
printf 'POST %s HTTP/1.1\r\nContent-Length: 99\r\n\r\n{"re' "$drain" | raw >/dev/null
ask GET /v1/status
[ "$status" = 200 ] || die "status after garbage: $status"
ask PATCH /v1/status
[ "$status" = 501 ] || die "PATCH: $status"

say "characters of all the world, whole and cut"
ask POST $drain '{"reason":"Kernel-Änderung, 再起動 \u0007"}'
[ "$status" = 200 ] || die "$status: $out"
# 121 times two bytes: the sentence it becomes part of ends within one of them.
for n in 118 119 120 121 122; do
	ask POST $drain "{\"reason\":\"$(printf 'x%.0s' $(seq $((n % 2 + 1))))$(
		printf 'ä%.0s' $(seq $n))\"}"
	[ "$status" = 200 ] || die "$n: $status $out"
	sleep 0.1
	ask GET /v1/vms
	jq -e '.data | length == 1' <<<"$out" >/dev/null || die "$n: $out"
	ask GET '/v1/events?last=1'
	jq -e '.data | length == 1' <<<"$out" >/dev/null || die "$n: $out"
done
ask DELETE $drain
[ "$status" = 200 ] || die "$status: $out"

say "200 clients at once"
before=$(open_files)
for i in $(seq 200); do
	curl -s --max-time 20 --unix-socket "$sock" -o "$dir/answer.$i" \
		-w '%{http_code}\n' "http://drover/v1/$([ $((i % 2)) = 0 ] &&
			echo status || echo vms)" >>"$dir/codes" &
	clients[i]=$!
done
for i in $(seq 200); do
	wait "${clients[i]}" || die "client $i: $?"
done
[ "$(grep -c '^200$' "$dir/codes")" = 200 ] ||
	die "codes: $(sort "$dir/codes" | uniq -c)"
for i in $(seq 200); do
	jq -e '.schema == 1' "$dir/answer.$i" >/dev/null || die "answer $i"
done
until_ok 5 eval '[ "$(open_files)" -le $((before + 1)) ]' ||
	die "connections are left: $(open_files), before $before"

say "who connects and says nothing holds nobody up"
for i in $(seq 50); do
	sleep 20 | socat - "UNIX-CONNECT:$sock" >/dev/null 2>&1 &
	silent[i]=$!
done
sleep 0.5
start=$(now_ms)
expect 0 drover status
[ $(($(now_ms) - start)) -lt 2000 ] || die "status took long"
kill "${silent[@]}" 2>/dev/null || :

say "followers that go are forgotten, one too many is refused"
for i in $(seq 64); do
	curl -sN --unix-socket "$sock" -D "$dir/head.$i" \
		'http://drover/v1/events?follow=1&last=0' >/dev/null &
	followers[i]=$!
done
all_follow() { [ "$(grep -l ' 200 ' "$dir"/head.* | wc -l)" = 64 ]; }
until_ok 20 all_follow || die "not all followers are there"
wrong 422 refused GET '/v1/events?follow=1&last=0'
kill "${followers[@]}"
wait "${followers[@]}" 2>/dev/null || :
until_ok 10 eval '[ "$(open_files)" -le $((before + 1)) ]' ||
	die "followers are left: $(open_files), before $before"

say "a follower that does not read is dropped, and the daemon does not grow"
rss=$(rss_kib)
# It reads nothing: the pipe behind it is full and nobody empties it.
mkfifo "$dir/stuck"
(exec 3<>"$dir/stuck"; exec curl -sN --unix-socket "$sock" -D "$dir/follows" \
	'http://drover/v1/events?follow=1&last=1000' >&3 2>/dev/null) &
stuck=$!
# Not by the daemon's descriptors: it may have one less by now for other reasons.
until_ok 20 grep -q ' 200 ' "$dir/follows" || die "it does not follow"
# Each drain and undrain is an event; so long that a few thousand will do.
long=$(printf 'x%.0s' {1..250})
was_dropped() { grep -q 'too far behind: dropped' "$dir/droverd.log"; }
for i in $(seq 6000); do
	printf 'url = "http://drover%s"\nunix-socket = "%s"\n' "$drain" "$sock"
	printf 'data = "{\\"reason\\":\\"%s\\"}"\noutput = "/dev/null"\nnext\n' "$long"
	printf 'url = "http://drover%s"\nunix-socket = "%s"\n' "$drain" "$sock"
	printf 'request = "DELETE"\noutput = "/dev/null"\nnext\n'
done >"$dir/urls"
timeout 100 curl -s -K "$dir/urls" &
many=$!
pids+=("$many")
until_ok 100 was_dropped || die "it was not dropped"
kill $many $stuck 2>/dev/null || :
grown=$(($(rss_kib) - rss))
say "the daemon grew by $grown KiB meanwhile"
[ $grown -lt 16384 ] || die "it grew by $grown KiB"
ask GET /v1/status
[ "$status" = 200 ] || die "status: $status"
say "done"
