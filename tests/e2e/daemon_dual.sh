# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The lab of daemon_node.sh with IPv6 beside IPv4, its VMs from a static list;
# sourced, not run.
#
#	client 2001:db8:a::1 --- u0 2001:db8:a::2  node  br0 2001:db8:9::1 --- VMs ::11 ...
#	VIP 2001:db8:a::10: on the client's link, beside those of the IPv4 lab
#
# shellcheck disable=SC2154 # variables of the lab
. "${BASH_SOURCE[0]%/*}/daemon_node.sh"

vip6=2001:db8:a::10

addr6() { echo "2001:db8:9::$((10 + $1))"; }

v6_vm() { # number
	ip -n "$net-v$1" addr add "$(addr6 "$1")/64" dev e0 nodad
	ip -n "$net-v$1" route replace default via 2001:db8:9::1
}

v6_up() { # numbers of VMs
	local vm
	ns_node sysctl -qw net.ipv6.conf.all.forwarding=1
	ip -n "$net-n" addr add 2001:db8:a::2/64 dev u0 nodad
	ip -n "$net-n" addr add 2001:db8:9::1/64 dev br0 nodad
	ip -n "$net-c" addr add 2001:db8:a::1/64 dev c0 nodad
	for vm; do
		v6_vm "$vm"
	done
}

# machine NUMBER [ADDRESS]
machine() {
	echo "{ name = \"web-$1\"; network = \"br0\"; interface = \"p$1\";
	  addresses = [ \"$(addr "$1")\"${2:+, \"$2\"} ];
	  mac = \"$(mac "$1")\"; tags = [ \"role=web\" ]; }"
}

# dual_conf SERVICES MACHINE...
dual_conf() {
	local list
	list=$(printf '%s,\n' "${@:2}")
	node_conf "$1"
	sed -i -e "/^hypervisors = /d" \
		-e "s|vips = .*|vips = [ \"$vip\", \"$vip6\" ]; networks = [ \"br0\" ]; }|" "$conf"
	cat >>"$conf" <<-END
		hypervisors = ( { name = "racks"; driver = "static";
		  vms = ( ${list%,} ); } );
	END
}

# How VM NUMBER stands in a FAMILY: a filter that must hold for that object.
family_is() { # NUMBER FAMILY FILTER
	drover vms "racks/web-$1" --json |
		jq -e ".data.pools[0].families[] | select(.family == \"$2\") | $3"
}

both_serve() {
	local vm family
	for vm; do
		for family in ipv4 ipv6; do
			until_ok 40 family_is "$vm" $family '.role == "serving" and .slots > 0' ||
				die "$vm: $(drover vms "racks/web-$vm")"
		done
	done
}
