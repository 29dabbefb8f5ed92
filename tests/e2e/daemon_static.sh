#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Machines that no hypervisor reports: the config lists them, and they are
# probed, balanced and drained like VMs. A reload changes the list while
# connections run.
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_node.sh"

# machine NUMBER [KEYS]: an element of the list.
machine() {
	echo "{ name = \"web-$1\"; addresses = [ \"$(addr "$1")\" ]; network = \"br0\";
	  interface = \"p$1\"; mac = \"$(mac "$1")\"; tags = [ \"role=web\" ]; ${2-} }"
}

# static_conf MACHINE...
static_conf() {
	local list
	list=$(printf '%s,\n' "$@")
	node_conf
	sed -i "/^hypervisors = /d" "$conf"
	cat >>"$conf" <<-END
		hypervisors = ( { name = "racks"; driver = "static";
		  vms = ( ${list%,} ); } );
	END
}

status_of() { # NUMBER FILTER
	drover vms "racks/web-$1" --json | jq -e ".data | $2"
}

command -v jq >/dev/null || skip "needs jq"
net_up 3
trap node_cleanup EXIT

say "what the config lists is served, as it lists it"
static_conf "$(machine 1)" "$(machine 2)"
node_start
serving 1 2
json '.hypervisors[0].name == "racks"' status
uuid1=$(status_of 1 .uuid) || die "$(drover vms --all)"
load_start load "$vip" 80 4 8 0 0

say "a reload adds a machine; nobody's connections break"
static_conf "$(machine 1)" "$(machine 2)" "$(machine 3)"
expect 0 drover reload
serving 1 2 3
[ "$(status_of 1 .uuid)" = "$uuid1" ] || die "web-1 is another VM now"

say "drained and back, like a VM"
expect 0 drover drain web-2
until_ok 20 in_role leaving 2 || die "$(drover vms --all)"
expect 0 drover undrain web-2
serving 1 2 3
load_end load

say "a restart of the daemon: the same machines"
node_stop
node_start
serving 1 2 3
[ "$(status_of 1 .uuid)" = "$uuid1" ] || die "web-1 is another VM now"

say "stopped by the config; out of the list"
static_conf "$(machine 1)" "$(machine 2 'state = "stopped";')"
expect 0 drover reload
until_ok 20 eval '! drover vms web-3 --json' || die "$(drover vms --all)"
until_ok 20 eval '! has_slots 2' || die "$(drover vms --all)"
load_start load "$vip" 80 4 4 0 0
sleep 2
load_end load
serving 1
say "done"
