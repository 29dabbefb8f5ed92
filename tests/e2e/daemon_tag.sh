#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# drover tag: tags go into the hypervisor's metadata, in what runs and in its
# definition, beside what is there already; pools follow at once. What cannot be
# tagged says why, and a hypervisor that hangs holds nobody up.
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_node.sh"

# metadata NUMBER live|config: the element of ours.
metadata() { virsh metadata "web-$1" urn:drover:vm:1 "--$2"; }

tags() { drover tag "web-$1" | paste -sd ' '; }

in_pools() { # NUMBER POOL...
	local vm=$1
	shift
	[ "$(drover vms "web-$vm" --json |
		jq -r '[.data.pools[].pool] | sort | join(" ")')" = "$*" ]
}

# tagged WANT NUMBER ARGUMENT...: after that change its tags are those, at once.
tagged() {
	local want=$1 vm=$2
	shift 2
	expect 0 drover tag "web-$vm" "$@"
	[ "$(tags "$vm")" = "$want" ] ||
		die "tag web-$vm $*: it has $(tags "$vm"), not $want: $out"
}

# rest NUMBER: its definition but for tags; libvirt orders elements and chooses
# prefixes as it likes.
rest() {
	virsh dumpxml "web-$1" --inactive | grep -v '<[a-z:]*tag ' |
		sed 's/drover://g; s/:drover=/=/; s/^ *//' | sort
}

is_left() { # NUMBER: takes nothing new, keeps what it has
	[[ $(drover vms "web-$1") == *"leaving: no longer in the pool"* ]]
}

libvirtd_pid() { cat "$dir/hv/run/pid"; }

command -v curl >/dev/null || skip "needs curl"
mkdir "$dir/conf.d"
cat >"$dir/conf.d/others.cfg" <<-END
	hypervisors = (
	  { name = "racks"; driver = "static";
	    vms = ( { name = "box"; addresses = [ "192.0.2.8" ]; } ); },
	  { name = "cloud"; driver = "fed"; }
	);
END
# shellcheck disable=SC2034 # read in node_conf
idle=1s
node_up 3

say "what a VM has"
expect 0 drover tag web-1
[ "$out" = role=web ] || die "web-1 has: $out"

say "taken out of its pool, and put back; no connection of the others breaks"
load_start load "$vip" 80 3 0 0 0
tagged none 1 --remove role
until_ok 5 is_left 1 || die "it stays: $(drover vms web-1)"
until_ok 20 in_pools 1 || die "it is never gone: $(drover vms web-1)"
tagged role=web 1 role=web
until_ok 5 in_pools 1 shop/web || die "it stays away: $(drover vms web-1)"
has "its tags are changed: role=web" "$out"
load_end load
drover events --last 50 | grep -q 'hv/web-1 .*tagged .*by the operator; now role=web' ||
	die "no event says so: $(drover events)"

say "set, add, remove; what is so already is no change"
tagged "role=web stage=test" 1 stage=test
tagged "role=web stage=prod" 1 stage=prod
tagged "role=web stage=prod stage=canary gold" 1 --add stage=canary --add gold
tagged "role=web stage=canary gold" 1 --remove stage=prod
expect 0 drover tag web-1 role=web --add gold --remove nothing
has "were so already" "$out"
tagged "role=web app=api" 1 app=api --remove stage --remove gold
json '.changed == false and .transient == false and .uuid != "" and
	.vm == "hv/web-1" and (.tags | map(.name) == ["role", "app"])' \
	tag web-1 app=api
json '.tags == [{"name": "role", "value": "web"},
	{"name": "app", "value": "api"}]' tag web-1

say "all else in the metadata is as it was"
virsh metadata web-2 urn:example:owner --key owner --config \
	--set "<of tenant='shop'/>" >/dev/null
before=$(rest 2)
metadata 2 config | grep -q "address ip=\"$(addr 2)\"" || die "$(metadata 2 config)"
tagged "role=web gold=<&'\">" 2 "gold=<&'\">"
metadata 2 live | grep -q "address ip=\"$(addr 2)\"" || die "$(metadata 2 live)"
tagged role=web 2 --remove gold
[ "$(rest 2)" = "$before" ] || die "it was $before
and is $(rest 2)"
serving 2

say "it lasts: the definition has them too, each with its own rest"
virsh metadata web-3 urn:drover:vm:1 --key vm --live \
	--set "<vm>$(tag_xml role=web only=live)<address ip='$(addr 3)'/></vm>" >/dev/null
tagged "role=web only=live lasting" 3 lasting
metadata 3 config | grep -q 'only' && die "$(metadata 3 config)"
hv_destroy 3
until_ok 10 eval '[ "$(tags 3)" = "role=web lasting" ]' || die "it has $(tags 3)"
tagged "role=web lasting off" 3 off
hv_start 3
until_ok 10 eval '[ "$(tags 3)" = "role=web lasting off" ]' || die "it has $(tags 3)"
serving 3

say "a transient VM has only what runs"
virsh undefine web-3 >/dev/null
tagged "role=web lasting off brief" 3 brief
has "it is transient" "$out"
virsh define "$dir/vm3.xml" >/dev/null

say "names of all kinds, and what is none"
for name in hv/web-2 "$(uuid 2)" 2222; do
	expect 0 drover tag "$name" role=web
done
expect 3 drover tag web-9 role=web
has 'no VM "web-9"' "$err"
expect 3 drover tag web-9
expect 2 drover tag
for word in =web 'a b' 'a=b c' "$(printf 'x%.0s' {1..64})" "v=$(printf 'x%.0s' {1..256})" 'ü' '' $'\xff'; do
	expect 2 drover tag web-2 "$word"
done
expect 2 drover tag web-2 role=a role=b
has "role is set twice" "$err"
expect 2 drover tag web-2 --add
# shellcheck disable=SC2046 # words
{
	expect 0 drover tag web-2 $(printf -- '--add x%s ' {1..32})
	expect 4 drover tag web-2 $(printf -- '--add y%s ' {1..32})
	expect 0 drover tag web-2 $(printf -- '--remove x%s ' {1..32})
}
curl_tags() { # BODY: the error's code
	curl -s --unix-socket "$sock" -d "$1" http://d/v1/vms/web-2/tags |
		jq -r '.error.code // "done"'
}
for body in '{}' '{"set":[]}' '{"set":{}}' '{"set":[{"name":"a"}]}' '{"put":["a"]}' \
	'{"add":["a b"]}' '{"add":[""]}' '{"remove":["=b"]}' '{"remove":[1]}'; do
	[ "$(curl_tags "$body")" = usage ] || die "$body: $(curl_tags "$body")"
done
[ "$(tags 2)" = role=web ] || die "web-2 has $(tags 2)"

say "what has its tags from elsewhere"
expect 4 drover tag box role=web
has "from the config" "$err"
curl -sf --unix-socket "$sock" -X PUT http://d/v1/inventory/cloud \
	-d '{"lease_ms":60000,"machines":[{"name":"far","addresses":["192.0.2.9"]}]}' >/dev/null
expect 4 drover tag far role=web
has "PUT /v1/inventory/cloud" "$err"

say "a hypervisor that hangs: an answer after 5 s, and the daemon goes on"
kill -STOP "$(libvirtd_pid)"
begun=$(now_ms)
expect 5 drover tag web-1 late=1 &
waiting=$!
sleep 0.5
expect 4 drover tag web-2 late=2
has "busy with another change" "$err"
drover vms web-1 >/dev/null || die "the daemon hangs, too"
wait "$waiting" || die "not given up"
took=$(($(now_ms) - begun))
[ $((took / 1000)) = 5 ] || [ $((took / 1000)) = 6 ] || die "after $took ms"
# A client that hangs up before its answer.
timeout 1 "$DROVER_BUILD/control/cli/drover" tag web-1 late=3 && die "it did not wait"
sleep 4.5
expect 5 drover tag web-1 late=4
has "hv did not answer within 5 s" "$err"
expect 4 drover tag web-1 late=5
[[ $err == *"hv hangs"* || $err == *"hv is out of reach"* ]] || die "$err"
kill -CONT "$(libvirtd_pid)"
until_ok 30 eval 'drover tag web-2 back=1' || die "it is never back: $err"
[ "$(tags 1)" = "role=web app=api" ] || die "written late: $(tags 1)"
tagged "role=web" 2 --remove back

say "one that is gone"
kill -9 "$(libvirtd_pid)"
until_ok 10 eval 'drover status --json | jq -e ".data.hypervisors[0].state == \"lost\""' ||
	die "$(drover status)"
expect 4 drover tag web-1 role=web
has "hv is out of reach" "$err"
say "done"
