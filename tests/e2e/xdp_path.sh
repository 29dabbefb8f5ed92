#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The path over real sockets: clients of a VIP spread over VMs, addresses stay
# visible, big transfers both ways with offloads, what isn't ours passes, what
# nobody serves is refused, direct connections stay direct; and the state is
# seen without the process, found again, and taken off.
here=$(dirname "$0")
# shellcheck source-path=SCRIPTDIR source=xdp_net.sh
. "$here/xdp_net.sh"

one() { # address, port: one connection from a port of the client's choice
	TRAFFIC_FROM=$(source_to "$1") ns_client "$traffic" load "$1" "$2" \
		1 0 0 0 300 2>&1
}

net_up 3

say 'a direct connection from before the VMs are served'
load_start direct "$(addr 1)" 80 1 2 0 0

driver_start
web 1 2 3
must apply
grep -q 'uplink u0: native XDP' "$dir/driver.log" || die 'not native'

say 'the VIP answers ARP and refuses before any VM is ready'
one $vip 80 | grep -q 'Connection refused' || die 'no RST without a VM'
must 'wait hv/vm1 serving 8000'

say 'connections spread; the client sees its own address; transfers are whole'
load_start web $vip 80 4 8 100000000 20000000
load_start alt $vip 8081 1 1 0 0
must 'run 6000'
load_end web
load_end alt
for vm in 1 2 3; do
	[ "$(field "vm hv/vm$vm" openers)" -gt 20 ] ||
		die "VM $vm got no share of the connections"
	[ "$(field "vm hv/vm$vm" out)" -gt 20 ] || die "VM $vm: answers uncounted"
done
[ "$(field 'service t/http' in)" -gt 1000 ] || die 'service uncounted'

say 'explain names the VM that serves'
name=$(ns_client bash -c "exec 3<>/dev/tcp/$vip/80; echo who >&3; read -r l <&3; echo \"\$l\"")
port=${name##*:}
drive "explain 10.0.0.1 $port $vip 80" | grep -q "verdict=forward .* vm=hv/${name%% *} " ||
	die "explain does not say ${name%% *}"

say 'no service on that port: reset, counted; other addresses pass'
one $vip 443 | grep -q 'Connection refused' || die 'no RST without a service'
ns_client ping -qc 2 -i 0.2 10.0.0.2 >/dev/null || die 'ping to the node'
ns_client ping -qc 2 -i 0.2 "$(addr 2)" >/dev/null || die 'ping to a VM'
drive status >"$dir/status"
grep -q 'reason reply_rst_no_service' "$dir/status" || die 'RST uncounted'
grep -q 'reason reply_arp' "$dir/status" || die 'ARP uncounted'
grep -q 'reason pass_not_vip' "$dir/status" || die 'pass uncounted'
! grep -q 'reason drop_redirect' "$dir/status" || die 'redirects failed'

say 'a service that is gone is refused at once, and served when it is back'
must 'forget service t/alt' apply
one $vip 8081 | grep -q 'Connection refused' || die 'served after its end'
must "service t/alt $vip 8081 t/web 81" apply
# Its ports learn who is there directly, for 5 s.
must 'run 6500'
one $vip 8081 >"$dir/again" || :
grep -q 'short_failed=0' "$dir/again" || die "not back: $(cat "$dir/again")"

say 'VMs call each other directly'
ns_vm 2 "$traffic" load "$(addr 1)" 80 1 1 0 0 500 || die 'VM to VM'
load_end direct

say 'the state can be read beside the process, and a second one is refused'
printf 'read %s\nstatus\n' "$pins" | ns_node "$driver" >"$dir/read"
grep -q 'vm hv/vm3 number=3 role=serving attached=1 .* current=5461' "$dir/read" ||
	die "read beside: $(cat "$dir/read")"
! printf 'open %s u0\n' "$pins" | ns_node "$driver" 2>"$dir/second" ||
	die 'two processes own one state'
grep -q 'belongs to another daemon' "$dir/second" || die "$(cat "$dir/second")"

say 'without the process all goes on'
load_start alone $vip 80 2 4 10000000 0
driver_stop
sleep 1
printf 'read %s\nstatus\n' "$pins" | ns_node "$driver" | grep -q 'vm hv/vm1 ' ||
	die 'no status without the process'
driver_start
web 1 2 3
must 'run 1000' apply | grep -q 'slots_moved=0 ' || die 'slots moved at reopening'
must 'run 1000'
load_end alone

driver_stop
must_not=$(printf 'read %s\n' "$dir/bpf/none" | ns_node "$driver" 2>&1) &&
	die 'reads what is not there'
case $must_not in *'no forwarding state'*) ;; *) die "$must_not" ;; esac

say 'detach takes everything off, twice'
printf 'detach %s\ndetach %s\n' "$pins" "$pins" | ns_node "$driver" |
	tee "$dir/detach"
awk -F= '/took_ms/ && $2 >= 1000 { exit 1 }' "$dir/detach" || die 'detach is slow'
[ ! -e "$pins" ] || die "left: $(find "$pins")"
! ip -n "$net-n" link show u0 | grep -q xdp || die 'XDP program left'
! ns_node bpftool net show | grep -q 'tcx' || die 'TC program left'
one "$(addr 1)" 80 >/dev/null || die 'direct after detach'
say ok
