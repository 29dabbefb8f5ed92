#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What happens to VMs while they serve: nothing at all, another address, a second
# service on the same port, a hypervisor that is reached another way.
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_node.sh"

generation() { drover status --json | jq .data.dataplane.generation; }

# vm_is NUMBER FILTER: of its JSON.
vm_is() { drover vms "web-$1" --json | jq -e ".data | $2"; }

# hv_address NUMBER IP TAG=VALUE...: what its metadata say from now on.
hv_address() {
	local vm=$1 ip=$2
	shift 2
	virsh metadata "web-$vm" urn:drover:vm:1 --key vm --live \
		--set "<vm>$(tag_xml "$@")<address ip='$ip'/></vm>" >/dev/null
}

in_pool() { # NUMBER POOL FILTER
	vm_is "$1" ".pools[] | select(.pool == \"$2\") | $3"
}

# A second pool whose service uses the same port of its VMs.
mkdir "$dir/conf.d"
cat >"$dir/conf.d/api.cfg" <<-END
	pools = (
	  { tenant = "shop"; name = "api"; select = [ "app=api" ];
	    health = { port = 80; interval = "300ms"; timeout = "300ms";
	               rise = 1; };
	    idle_timeout = "1s"; }
	);
	services = (
	  { tenant = "shop"; name = "api"; vip = "$vip"; port = 8080;
	    pool = "api"; target_port = 80; }
	);
END
# shellcheck disable=SC2034 # read in node_conf
idle=1s
node_up 2
load_start load "$vip" 80 4 8 0 0

say "while nothing changes nothing is published, but for a repair now and then"
sleep 2
before=$(generation)
sleep 6
after=$(generation)
[ $((after - before)) -le 1 ] || die "$((after - before)) publishes in 6 s"

say "two services on one port of a VM: who had it keeps it"
hv_tag 1 role=web app=api
until_ok 5 in_pool 1 shop/api '.role == "waiting" and .reason == "conflict"' ||
	die "no conflict: $(drover vms web-1)"
in_pool 1 shop/api '.why | contains("service shop/http has port 80 of it")' \
	>/dev/null || die "$(drover vms web-1)"
in_pool 1 shop/web '.role == "serving" and .slots > 0' >/dev/null ||
	die "the one that had it lost it: $(drover vms web-1)"
drover status --json | jq -e '.data.warnings == []' >/dev/null ||
	die "it disturbs the tables: $(drover status)"
sleep 1
load_end load

say "when it lets go, the other has it"
hv_tag 1 app=api
until_ok 30 in_pool 1 shop/api '.role == "serving" and .slots > 0' ||
	die "it is not handed over: $(drover vms web-1)"
load_start load "$vip" 8080 2 2 0 0
sleep 1
load_end load

say "another address: traffic follows it"
ns_vm 2 sysctl -qw net.ipv4.conf.all.promote_secondaries=1
ip -n "$net-v2" addr add 10.9.0.77/24 dev e0
hv_address 2 10.9.0.77 role=web
until_ok 5 vm_is 2 '.address == "10.9.0.77"' || die "$(drover vms web-2)"
ip -n "$net-v2" addr del "$(addr 2)/24" dev e0
until_ok 5 in_pool 2 shop/web '.role == "serving" and .slots > 0' ||
	die "$(drover vms web-2)"
drover events | grep -q 'web-2.*10.9.0.12.* -> 10.9.0.77' ||
	die "no event says so: $(drover events | grep web-2)"
load_start load "$vip" 80 2 2 0 0
sleep 1
load_end load

say "another way to the hypervisor: its VMs go on meanwhile"
load_start load "$vip" 80 4 4 0 0
sed -i 's|\(uri = "[^"]*\)"|\1\&no_tty=1"|; s|poll = "5s"|poll = "4s"|' "$conf"
expect 0 drover reload
until_ok 10 vm_is 2 '.stale | not' || die "$(drover status)"
drover events | grep -q 'web-2.*stale.* yes' ||
	die "it was never stale: $(drover events | tail)"
sleep 1
load_end load
