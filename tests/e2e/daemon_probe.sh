#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Probes over the data path: VMs in networks that the host is not in.
#
#	br0  10.9.0.1   host    VM 1 10.9.0.11   the host reaches it itself
#	bra  no address         VM 5 10.7.0.5    serves; router 10.7.0.1
#	brb  no address         VM 6 10.7.0.5    the same address and MAC; does not
#	brv  no address         VM 7 10.6.0.7    no router; takes 169.254/16 for
#	                                         its neighbours, so it asks by ARP
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_path.sh"

vip_a=198.51.100.20
vip_b=198.51.100.30
vip_v=198.51.100.40

health() { # number, field
	drover vms "web-$1" --json | jq -r ".data.pools[0].health.$2"
}
is() { [ "$(health "$1" state)" = "$2" ]; }
via() { [ "$(health "$1" via)" = "$2" ]; }
becomes() { # number, state
	until_ok 15 is "$1" "$2" ||
		die "web-$1 is not $2: $(health "$1" state), $(health "$1" reason)"
}
becomes_via() { # number, way
	until_ok 10 via "$1" "$2" || die "web-$1 is not probed by $2: $(health "$1" via)"
}

pool() { # tenant
	echo "{ tenant = \"$1\"; name = \"web\"; select = [ \"role=web\" ];
		panic_threshold = 0; idle_timeout = \"10s\";
		health = { port = 80; interval = \"200ms\"; timeout = \"200ms\";
			   rise = 1; fall = 2; }; }"
}

conf_probe() {
	cat >"$conf" <<-END
		node = { name = "node-a"; uplinks = [ "u0" ];
		  state_dir = "$state"; pin_dir = "$pins"; socket = "$sock";
		  limits = { slots = "256k"; flows = "16k"; direct_flows = "16k"; };
		};
		hypervisors = ( { name = "hv"; uri = "$hv_uri"; poll = "5s"; } );
		tenants = (
		  { name = "shop"; vips = [ "$vip" ]; networks = [ "br0" ]; },
		  { name = "a"; vips = [ "$vip_a" ]; networks = [ "bra" ]; },
		  { name = "b"; vips = [ "$vip_b" ]; networks = [ "brb" ]; },
		  { name = "v"; vips = [ "$vip_v" ]; networks = [ "brv" ]; }
		);
		pools = ( $(pool shop), $(pool a), $(pool b), $(pool v) );
		services = (
		  { tenant = "shop"; name = "http"; vip = "$vip"; port = 80; pool = "web"; },
		  { tenant = "a"; name = "http"; vip = "$vip_a"; port = 80; pool = "web"; },
		  { tenant = "b"; name = "http"; vip = "$vip_b"; port = 80; pool = "web"; },
		  { tenant = "v"; name = "http"; vip = "$vip_v"; port = 80; pool = "web"; }
		);
	END
}

for tool in libvirtd virsh jq setpriv; do
	command -v "$tool" >/dev/null || skip "needs $tool"
done
net_up 1
trap node_cleanup EXIT
hv_up
port_mac 1
hv_define 1 role=web
hv_start 1
# Strict: what answers come by must be what they would go by.
ns_node sysctl -qw net.ipv4.conf.all.rp_filter=1
bridge_up bra
bridge_up brb
bridge_up brv
router_up bra 10.7.0.1
router_up brb 10.7.0.1
vm_at 5 bra 10.7.0.5 10.7.0.1
vm_at 6 brb 10.7.0.5 10.7.0.1
vm_at 7 brv 10.6.0.7 ""
for v in "$vip_a" "$vip_b" "$vip_v"; do
	ip -n "$net-c" route add "$v/32" dev c0
done
serve 5 80
server_5=$server
serve 7 80
conf_probe
node_start

say "a VM that the host reaches is probed by the host, others over the data path"
becomes 1 up
becomes 5 up
becomes 6 down
becomes 7 up
becomes_via 1 host
for vm in 5 6 7; do
	becomes_via "$vm" path
done
[ "$(probe_links)" = 2 ] || die "$(probe_links) ends of probe interfaces, not 2"
ip -n "$net-n" -o addr show dev bra | grep -q 'inet ' && die "bra has an address"
has "tcp 10.7.0.5:80: connection refused" "$(health 6 reason)"
[ "$(reason reply_probe_arp)" -gt 0 ] || die "VM 7 did not ask for $probes"
[ "$(reason pass_probe_answer)" -gt 0 ] || die "no answer was counted"

say "each serves its own tenant, the one that is down nobody"
serving 1 5 7
until_ok 10 answers "$vip_a" vm5 || die "tenant a: $(ask "$vip_a" 2>&1)"
answers "$vip_b" vm5 && die "tenant b is served by a"
answers "$vip_b" vm6 && die "tenant b is served"

say "the same address in two tenants: the verdicts swap"
kill "$server_5"
serve 6 80
server_6=$server
becomes 5 down
becomes 6 up
is 7 up || die "web-7 changed with them"
is 1 up || die "web-1 changed with them"
serving 6
until_ok 10 answers "$vip_b" vm6 || die "tenant b: $(ask "$vip_b" 2>&1)"
kill "$server_6"
becomes 6 down
is 5 down || die "web-5 is $(health 5 state)"
serve 5 80
becomes 5 up

say "a VM reaches nothing of the host by the address that probes come from"
ip netns exec "$net-n" "$traffic" serve 2222 host &
pids+=($!)
until_ok 5 ns_node bash -c 'exec 3<>/dev/tcp/127.0.0.1/2222'
before=$(reason drop_probe_answer)
local_addr=$(ip -n "$net-n" -o -4 addr | awk '$2 ~ /^drp/ { sub("/.*", "", $4); print $4 }')
for to in "$probes" "$local_addr"; do
	! ns_vm 5 timeout 1 bash -c "exec 3<>/dev/tcp/$to/2222" 2>/dev/null ||
		die "VM 5 reaches the host at $to"
done
! ns_vm 5 ping -c 1 -W 1 "$probes" >/dev/null 2>&1 || die "VM 5 pings $probes"
[ "$(reason drop_probe_answer)" -gt "$before" ] || die "nothing was dropped by name"
is 5 up || die "web-5 is $(health 5 state) after that"

say "nobody but the daemon reaches a VM by the addresses of probes"
# Those of targets follow the interface's own, in the order they were asked for.
reached() { # command that goes there
	local last
	for last in 2 3 4 5 6 7 8 9; do
		! "$@" timeout 1 bash -c \
			"exec 3<>/dev/tcp/${local_addr%.*}.$last/80" 2>/dev/null || return 0
	done
	return 1
}
reached ns_node || die "root does not reach a VM: the test is no test"
before=$(reason drop_probe)
reached ns_node setpriv --reuid 65534 --regid 65534 --clear-groups &&
	die "another user reaches a VM"
ns_node iptables -t nat -A POSTROUTING -s 10.9.0.0/24 -j MASQUERADE
ns_vm 1 ping -c 1 -W 2 10.0.0.1 >/dev/null || die "VM 1 is not masqueraded"
reached ns_vm 1 && die "a VM reaches another tenant's"
ns_node iptables -t nat -F POSTROUTING
[ "$(reason drop_probe)" -gt "$((before + 10))" ] || die "nothing was dropped by name"

say "kill -9 and back: probes go on, nothing is left twice"
node_stop KILL
node_start
becomes 5 up
becomes 7 up
becomes 6 down
[ "$(probe_links)" = 2 ] || die "$(probe_links) ends of probe interfaces, not 2"

say "somebody deletes the interface: it is made anew"
ip -n "$net-n" link del "$(ip -n "$net-n" -o link | sed -n 's/.*: \(drp[0-9a-f]*\)@.*/\1/p' | head -n 1)"
until_ok 5 eval '[ "$(probe_links)" = 2 ]' || die "it was not made anew"
before=$(reason pass_probe_answer)
until_ok 3 eval '[ "$(reason pass_probe_answer)" -gt "$((before + 20))" ]' ||
	die "no probe goes on"
is 5 up || die "web-5 is $(health 5 state): $(health 5 reason)"

say "the host gets an address in a VM's network, and loses it"
ip -n "$net-n" addr add 10.7.0.254/24 dev bra
becomes_via 5 host
becomes 5 up
# The same network on another bridge: nobody knows any more whose it is.
ip -n "$net-n" addr add 10.7.0.253/24 dev brb
becomes_via 5 path
becomes_via 6 path
becomes 5 up
becomes 6 down
ip -n "$net-n" addr del 10.7.0.253/24 dev brb
ip -n "$net-n" addr del 10.7.0.254/24 dev bra
becomes_via 5 path
becomes 5 up

say "it ends with the daemon; detach leaves nothing"
node_stop
[ "$(probe_links)" = 0 ] || die "the probe interface outlives the daemon"
node_start
becomes 5 up
kill -KILL "$node_pid"
wait "$node_pid" 2>/dev/null || :
[ "$(probe_links)" = 2 ] || die "there is no probe interface"
expect 0 ns_node "$DROVER_BUILD/control/cli/drover" --pin-dir "$pins" --socket "$dir/none" detach
[ "$(probe_links)" = 0 ] || die "detach leaves the probe interface"
say "done"
