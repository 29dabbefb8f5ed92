#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Machines that an outside system feeds over the API: probed, balanced and
# drained like VMs. Lists that are wrong change nothing; a lease that runs out
# takes nobody out; what was fed outlives kill -9, but not its hypervisor.
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_node.sh"

# machine NUMBER [KEYS]: an element of the list.
machine() {
	echo "{ \"name\": \"web-$1\", \"addresses\": [ \"$(addr "$1")\" ],
	  \"network\": \"br0\", \"interface\": \"p$1\", \"mac\": \"$(mac "$1")\",
	  \"tags\": [ \"role=web\" ] ${2+, $2} }"
}

# list LEASE_MS MACHINE...
list() {
	local lease=$1 machines
	shift
	machines=$(printf '%s,\n' "$@")
	echo "{ \"lease_ms\": $lease, \"machines\": [ ${machines%,} ] }"
}

# ask METHOD SOURCE [BODY]: the API's answer in $answer, its status in $status.
ask() {
	local arguments=(-sS --unix-socket "$sock" -X "$1" -w '\n%{http_code}')
	[ $# -lt 3 ] || arguments+=(--data-binary @-)
	answer=$(curl "${arguments[@]}" "http://drover/v1/inventory/$2" <<<"${3-}") ||
		die "curl: $answer"
	status=${answer##*$'\n'}
	answer=${answer%$'\n'*}
}

answers() { # STATUS FILTER
	if [ "$status" != "$1" ] || ! jq -e "$2" <<<"$answer" >/dev/null; then
		die "not $1 with $2, but $status: $answer"
	fi
}

fed_conf() { # HYPERVISORS
	node_conf
	sed -i "s|^hypervisors = .*|hypervisors = ( $1 );|" "$conf"
}

vm_is() { # NUMBER FILTER
	drover vms "cloud/web-$1" --json | jq -e ".data | $2" >/dev/null
}

hypervisor_is() { # FILTER
	drover status --json | jq -e ".data.hypervisors[0] | $1" >/dev/null
}

told() { # WHAT
	drover events --json | jq -e \
		"any(.data[]; .kind == \"hypervisor\" and .what == \"$1\")" >/dev/null
}

command -v jq >/dev/null || skip "needs jq"
command -v curl >/dev/null || skip "needs curl"
net_up 3
trap node_cleanup EXIT
cloud='{ name = "cloud"; driver = "fed"; }'

say "nobody has fed anything"
fed_conf "$cloud"
node_start
until_ok 5 hypervisor_is '.state == "lost" and .error == "nothing has been fed yet"' ||
	die "$(drover status)"
ask GET cloud
answers 200 '.data == {"source":"cloud","age_ms":null,"lease_ms":null,"left_ms":null,"machines":[]}'
ask PUT nowhere "$(list 60000)"
answers 404 '.error.code == "unknown" and .error.details == ["cloud"]'

say "what is fed is served"
ask PUT cloud "$(list 60000 "$(machine 1)" "$(machine 2)")"
answers 200 '.data.added == 2 and .data.changed == 0 and .data.gone == 0 and .data.total == 2'
vm_is 1 '.state == "running" and .stale == false' || die "not known at once: $(drover vms --all)"
serving 1 2
uuid1=$(drover vms cloud/web-1 --json | jq .data.uuid)
told fed || die "$(drover events)"
load_start load "$vip" 80 4 8 0 0

say "the same again, in another order, renews the lease and nothing else"
events=$(drover events --json | jq '.data[-1].seq')
ask PUT cloud "$(list 60000 "$(machine 2)" "$(machine 1)")"
answers 200 '.data.added == 0 and .data.changed == 0 and .data.gone == 0'
[ "$(drover events --json | jq '.data[-1].seq')" = "$events" ] || die "$(drover events)"
ask GET cloud
answers 200 '.data.left_ms > 58000 and .data.lease_ms == 60000 and .data.age_ms < 2000
	and (.data.machines | length) == 2 and .data.machines[0].name == "web-2"'

say "wrong lists change nothing, and are told what is wrong"
ask PUT cloud '{ "lease_ms": 60000, "machines": [ '
answers 400 '.error.message | startswith("the body is no JSON")'
ask PUT cloud '{ "lease_ms": 60000 }'
answers 400 '.error.message | startswith("machines: ")'
ask PUT cloud '{ "lease_ms": 10, "machines": [] }'
answers 400 '.error.message | startswith("lease_ms: ")'
ask PUT cloud '{ "lease_ms": 60000, "machines": [], "mode": 1 }'
answers 400 '.error.message == "there is no field \"mode\""'
ask PUT cloud "$(list 60000 "$(machine 3)" "$(machine 3)")"
answers 400 '.error.details == ["machines[1].name: there is a VM \"web-3\" already (machines[0])"]'
ask PUT cloud '{ "lease_ms": 60000, "machines": [ { "name": "a", "addresses": [ "x" ] } ] }'
answers 400 '.error.details == ["machines[0].addresses: \"x\" is no address, one like \"192.0.2.7\" is"]'
vm_is 1 '.stale == false and .state == "running"' || die "$(drover vms --all)"
expect 3 drover vms cloud/web-3
serving 1 2

say "another machine, paused, stopped, gone"
ask PUT cloud "$(list 60000 "$(machine 1)" "$(machine 2)" "$(machine 3)")"
answers 200 '.data.added == 1 and .data.changed == 0'
serving 1 2 3
vm_is 1 ".uuid == $uuid1" || die "web-1 is another VM now"
ask PUT cloud "$(list 60000 "$(machine 1)" "$(machine 2)" "$(machine 3 '"state": "paused"')")"
answers 200 '.data.changed == 1'
until_ok 20 eval '! has_slots 3' || die "$(drover vms --all)"
ask PUT cloud "$(list 60000 "$(machine 1)" "$(machine 2)" "$(machine 3)")"
serving 1 2 3
expect 0 drover drain web-3 --wait
load_end load
ask PUT cloud "$(list 60000 "$(machine 1)" "$(machine 2)" "$(machine 3 '"state": "stopped"')")"
answers 200 '.data.changed == 1'
vm_is 3 '.state == "off"' || die "$(drover vms --all)"
ask PUT cloud "$(list 60000 "$(machine 1)" "$(machine 2)")"
answers 200 '.data.gone == 1'
expect 3 drover vms cloud/web-3

say "nothing new comes: the machines are stale, and served as before"
load_start load "$vip" 80 4 8 0 0
ask PUT cloud "$(list 1500 "$(machine 1)" "$(machine 2)")"
answers 200 '.data.changed == 0'
until_ok 5 vm_is 1 .stale || die "$(drover vms --all)"
hypervisor_is '.state == "lost" and (.error | endswith("the lease of 1500ms has run out"))' ||
	die "$(drover status)"
ask GET cloud
answers 200 '.data.left_ms == 0 and .data.age_ms >= 1500'
sleep 2
serving 1 2
load_end load

say "kill -9: the machines are there again, and their lease is still over"
node_stop KILL
load_start load "$vip" 80 4 8 0 0
node_start
until_ok 5 vm_is 1 .stale || die "$(drover vms --all)"
vm_is 1 ".uuid == $uuid1" || die "web-1 is another VM now"
hypervisor_is '.state == "lost"' || die "$(drover status)"
serving 1 2

say "fed again, all is well again"
ask PUT cloud "$(list 60000 "$(machine 1)" "$(machine 2)")"
answers 200 '.data.added == 0 and .data.changed == 0'
vm_is 1 '.stale == false' || die "$(drover vms --all)"
serving 1 2

say "kill -9 again: what is left of the lease goes on"
node_stop KILL
sleep 1
node_start
until_ok 5 vm_is 2 '.stale == false' || die "$(drover vms --all)"
ask GET cloud
answers 200 '.data.left_ms < 59000 and .data.left_ms > 30000'
serving 1 2
load_end load

say "a reload without the source takes its machines out, and forgets them"
fed_conf '{ name = "other"; driver = "fed"; }'
expect 0 drover reload
until_ok 20 eval '! drover vms web-1 --json' || die "$(drover vms --all)"
ask GET cloud
answers 404 '.error.details == ["other"]'
fed_conf "$cloud"
expect 0 drover reload
ask GET cloud
answers 200 '.data.machines == []'
expect 3 drover vms web-1
say "done"
