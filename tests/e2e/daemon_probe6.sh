#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Probes over the data path by IPv6, beside IPv4 in the same pools, and of kinds
# that speak: VMs in networks that the host is not in.
#
#	bra  VM 5  10.7.0.5, 2001:db8:7::5   TCP; router 10.7.0.1, 2001:db8:7::1
#	brb  VM 6  the same addresses        HTTPS
#	brv  VM 7  10.6.0.7, 2001:db8:6::7   UDP; no router: it takes what probes come
#	                                     from for neighbours, asks by ARP and ND
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_path.sh"

vip6=2001:db8:a::1
declare -A serving_pid=()

family() { # number, family, field of its health
	drover vms "web-$1" --json |
		jq -r ".data.pools[0].families[] | select(.family == \"$2\").health.$3"
}
is() { [ "$(family "$1" "$2" state) by $(family "$1" "$2" via)" = "$3 by path" ]; }
becomes() { # number, state [, family]
	local family
	for family in ${3:-ipv4 ipv6}; do
		until_ok 15 is "$1" "$family" "$2" || die "$family of web-$1 is not $2: $(
			family "$1" "$family" state), $(family "$1" "$family" reason)"
	done
}

# The tenants' VIPs: a has 20, b has 30, v has 40 at their ends.
services() { # tenant, end of its VIPs
	echo "{ tenant = \"$1\"; name = \"http\"; vip = \"198.51.100.$2\"; port = 80; pool = \"web\"; },
	  { tenant = \"$1\"; name = \"http6\"; vip = \"$vip6$2\"; port = 80; pool = \"web\"; }"
}

pool() { # tenant, keys of health
	echo "{ tenant = \"$1\"; name = \"web\"; select = [ \"role=web\" ];
		panic_threshold = 0; idle_timeout = \"10s\";
		health = { $2 interval = \"400ms\"; timeout = \"400ms\"; rise = 1; fall = 2; }; }"
}

tenant() { # name, end of its VIPs
	echo "{ name = \"$1\"; vips = [ \"198.51.100.$2\", \"$vip6$2\" ]; networks = [ \"br$1\" ]; }"
}

conf_probe() { # keys of node
	cat >"$conf" <<-END
		node = { name = "node-a"; uplinks = [ "u0" ];
		  state_dir = "$state"; pin_dir = "$pins"; socket = "$sock"; $1
		  limits = { slots = "256k"; flows = "16k"; direct_flows = "16k"; };
		};
		hypervisors = ( { name = "hv"; uri = "$hv_uri"; poll = "5s"; } );
		tenants = ( $(tenant a 20), $(tenant b 30), $(tenant v 40) );
		pools = ( $(pool a "port = 80;"),
		  $(pool b "type = \"https\"; port = 443; path = \"/ready\"; verify = false;"),
		  $(pool v "type = \"udp\"; port = 80; send = \"who\"; expect = \"vm7\";") );
		services = ( $(services a 20), $(services b 30), $(services v 40) );
	END
}

# What the VMs serve; VM 6's HTTPS is for its probes alone.
plain() { # number, port
	serve "$@"
	serving_pid[$1]=$server
}
secure() { # number
	ip netns exec "$net-v$1" socat \
		"OPENSSL-LISTEN:443,pf=ip6,ipv6only=0,reuseaddr,fork,verify=0,cert=$dir/cert.pem" \
		"SYSTEM:$dir/answer" 2>/dev/null &
	serving_pid[$1]=$!
	pids+=($!)
}
ends() { kill "${serving_pid[$1]}"; }

# both NUMBER END: it answers at both VIPs of that end.
both() {
	until_ok 40 answers "198.51.100.$2" "vm$1" || die "IPv4 of $2: $(ask "198.51.100.$2" 2>&1)"
	until_ok 10 answers "$vip6$2" "vm$1" || die "IPv6 of $2: $(ask "$vip6$2" 2>&1)"
}

for tool in libvirtd virsh jq openssl socat; do
	command -v "$tool" >/dev/null || skip "needs $tool"
done
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=vm6 \
	-keyout "$dir/key" -out "$dir/cert" 2>/dev/null
cat "$dir/cert" "$dir/key" >"$dir/cert.pem"
cat >"$dir/answer" <<-'END'
	#!/bin/sh
	while read -r line && [ "$line" != "$(printf '\r')" ]; do :; done
	printf 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
END
chmod +x "$dir/answer"
net_up 0
trap node_cleanup EXIT
hv_up
ns_node sysctl -qw net.ipv6.conf.all.forwarding=1
ip -n "$net-n" addr add 2001:db8:a::2/64 dev u0 nodad
ip -n "$net-c" addr add 2001:db8:a::99/64 dev c0 nodad
for bridge in bra brb brv; do
	bridge_up $bridge
done
router_up bra 10.7.0.1 2001:db8:7::1
router_up brb 10.7.0.1 2001:db8:7::1
vm_at 5 bra 10.7.0.5 10.7.0.1 2001:db8:7::5 2001:db8:7::1
vm_at 6 brb 10.7.0.5 10.7.0.1 2001:db8:7::5 2001:db8:7::1
vm_at 7 brv 10.6.0.7 "" 2001:db8:6::7 ""
for end in 20 30 40; do
	ip -n "$net-c" route add "198.51.100.$end/32" dev c0
done
plain 5 80
plain 6 80
plain 7 80
secure 6
conf_probe ""
node_start

say "TCP, HTTPS and UDP, by both families, where the host has no address"
for vm in 5 6 7; do
	becomes $vm up
done
for bridge in bra brb brv; do
	ip -n "$net-n" -o addr show dev $bridge | grep -v 'inet6 fe80' | grep 'inet' &&
		die "$bridge has an address"
done
has "tcp [2001:db8:7::5]:80: connected in " "$(family 5 ipv6 reason)"
has "https [2001:db8:7::5]:443: HTTP 200 in " "$(family 6 ipv6 reason)"
has "udp [2001:db8:6::7]:80: answered as expected in " "$(family 7 ipv6 reason)"
[ "$(reason reply_probe_nd)" -gt 0 ] || die "VM 7 did not ask for $probes6"
[ "$(reason reply_probe_arp)" -gt 0 ] || die "VM 7 did not ask for $probes"
# The kernel of a router says twice that it is one (MLD), and nothing else.
[ "$(reason drop_probe)" -le 2 ] || die "$(reason drop_probe) packets were no probes"

say "the same addresses in two tenants: each by its own, and served so"
both 5 20
both 6 30
ends 6
becomes 6 down
becomes 5 up
secure 6
becomes 6 up
both 6 30

say "one family of a VM fails: the other does not notice"
ip -n "$net-v5" addr del 2001:db8:7::5/64 dev e0
becomes 5 down ipv6
becomes 5 up ipv4
becomes 6 up
ip -n "$net-v5" addr add 2001:db8:7::5/64 dev e0 nodad
becomes 5 up

say "a datagram that nobody answers"
ends 7
becomes 7 down
has "no answer" "$(family 7 ipv6 reason)"
plain 7 80
becomes 7 up

say "a VM reaches nothing of the host by the address that probes come from"
ip netns exec "$net-n" "$traffic" serve 2222 host &
pids+=($!)
until_ok 5 ns_node bash -c 'exec 3<>/dev/tcp/::1/2222'
local6=$(ip -n "$net-n" -o -6 addr | awk '$2 ~ /^drp/ { sub("/.*", "", $4); print $4 }')
has "100::" "$local6"
before=$(reason drop_probe_answer)
for to in "$probes6" "$local6"; do
	! ns_vm 5 timeout 1 bash -c "exec 3<>/dev/tcp/$to/2222" 2>/dev/null ||
		die "VM 5 reaches the host at $to"
done
! ns_vm 5 ping -c 1 -W 1 "$probes6" >/dev/null 2>&1 || die "VM 5 pings $probes6"
[ "$(reason drop_probe_answer)" -gt "$((before + 1))" ] || die "nothing was dropped by name"

say "nobody but the daemon reaches a VM by the addresses of probes"
reached() { # command that goes there
	local last
	for last in 2 3 4 5 6 7 8 9; do
		! "$@" timeout 1 bash -c \
			"exec 3<>/dev/tcp/${local6%:*}:$last/80" 2>/dev/null || return 0
	done
	return 1
}
reached ns_node || die "root does not reach a VM: the test is no test"
reached ns_node setpriv --reuid 65534 --regid 65534 --clear-groups &&
	die "another user reaches a VM"
becomes 5 up

say "another source, a link-local one: VMs ask for it, whatever their routes"
probes6=fe80::5:a9fe:ff01
conf_probe "probe_source6 = \"$probes6\";"
before=$(reason reply_probe_nd)
node_stop
node_start
becomes 5 up
becomes 6 up
until_ok 10 eval '[ "$(reason reply_probe_nd)" -gt "$((before + 1))" ]' ||
	die "nobody asked for $probes6"
# A server of UDP answers that by its own link-local address, which isn't probed.
becomes 7 down ipv6
becomes 7 up ipv4
both 5 20
both 6 30
say "done"
