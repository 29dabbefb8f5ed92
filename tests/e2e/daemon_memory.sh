#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the tables take in the kernel: ten services, each of a pool of its own of
# ten VMs, with the default flow tables, are to need less than 16 MB. Prints each
# table and the sum, for docs/benchmarks.md.
#
# Slots have a limit that ten pools fit in; the default is for hundreds of pools.
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_node.sh"

limit_mb=16
slots=${DROVER_SLOTS:-256k}

# list FUNCTION: what it says for each of ten numbers.
list() {
	local n
	for n in $(seq 10); do
		[ "$n" = 1 ] || echo ,
		"$1" "$n"
	done
}

machine() {
	echo "{ name = \"web-$1\"; network = \"br0\"; interface = \"p$1\";
	  addresses = [ \"$(addr "$1")\" ]; mac = \"$(mac "$1")\";
	  tags = [ \"role=web\" ]; }"
}

pool() {
	echo "{ tenant = \"shop\"; name = \"web$1\"; select = [ \"role=web\" ];
	  health = { port = 80; interval = \"1s\"; timeout = \"900ms\"; rise = 1; }; }"
}

service() {
	echo "{ tenant = \"shop\"; name = \"http$1\"; vip = \"$vip\";
	  port = $((8000 + $1)); pool = \"web$1\"; target_port = $((8000 + $1)); }"
}

ten_conf() {
	cat >"$conf" <<-END
		node = { name = "node-a"; uplinks = [ "u0" ];
		  state_dir = "$state"; pin_dir = "$pins"; socket = "$sock";
		  limits = { slots = "$slots"; }; };
		hypervisors = ( { name = "racks"; driver = "static";
		  vms = ( $(list machine) ); } );
		tenants = (
		  { name = "shop"; vips = [ "$vip" ]; networks = [ "br0" ]; } );
		pools = ( $(list pool) );
		services = ( $(list service) );
	END
}

all_serve() {
	drover status --json | jq -e '[.data.pools[] | select(.slots >= 16384)] |
		length == 10'
}

# A line a table that the daemon holds: bytes, name.
tables() {
	local fd
	for fd in "/proc/$node_pid/fdinfo"/*; do
		sed -n 's/^map_id:\t*//p' "$fd"
	done 2>/dev/null | sort -un | while read -r id; do
		bpftool -j map show id "$id" | jq -r '"\(.bytes_memlock) \(.name)"'
	done
}

command -v bpftool >/dev/null || skip "needs bpftool"
command -v jq >/dev/null || skip "needs jq"
net_up 10
trap node_cleanup EXIT
ten_conf
node_start
until_ok 60 all_serve || die "not all pools have slots: $(drover status)"

tables | sort -rn >"$dir/tables"
[ "$(wc -l <"$dir/tables")" -gt 15 ] || die "few tables: $(cat "$dir/tables")"
for name in slot_map flow_map direct_map backend_map; do
	grep -q " $name$" "$dir/tables" || die "no $name: $(cat "$dir/tables")"
done
awk -v limit=$limit_mb '
	{ sum += $1 }
	$1 >= 100000 { printf "%10d %s\n", $1, $2 }
	END {
		printf "ten services of ten VMs: %.2f MB in %d tables\n",
			sum / 1e6, NR
		exit sum >= limit * 1e6
	}' "$dir/tables" || die "that is $limit_mb MB or more"
say 'all is well'
