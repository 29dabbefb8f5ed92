#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# drover explain --pcap: what it says of captured packets is what the kernel's
# programs have counted for the same packets, reason by reason and VM by VM; at the
# uplink and at a VM's port; IPv4 and IPv6, TCP, UDP, QUIC, pings, fragments, ARP
# and neighbour discovery. Captures that are damaged are told so.
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_node.sh"

vip6=2001:db8:a::10

addr6() { echo "2001:db8:9::$((10 + $1))"; }

lab_conf() {
	node_conf "{ tenant = \"shop\"; name = \"echo\"; vip = \"$vip\"; port = 7;
		protocol = \"udp\"; pool = \"web\"; target_port = 80; }" \
		"{ tenant = \"shop\"; name = \"http6\"; vip = \"$vip6\"; port = 80;
		pool = \"web\"; }" \
		"{ tenant = \"shop\"; name = \"echo6\"; vip = \"$vip6\"; port = 7;
		protocol = \"udp\"; pool = \"web\"; target_port = 80; }" \
		"{ tenant = \"shop\"; name = \"h3\"; vip = \"$vip6\"; port = 443;
		protocol = \"quic\"; pool = \"web\"; target_port = 8443; }"
	sed -i -e "/^hypervisors = /d" \
		-e "s|vips = .*|vips = [ \"$vip\", \"$vip6\" ]; networks = [ \"br0\" ]; }|" "$conf"
	cat >>"$conf" <<-END
		hypervisors = ( { name = "racks"; driver = "static"; vms = (
		  $(machine 1), $(machine 2) ); } );
	END
}

machine() {
	echo "{ name = \"web-$1\"; network = \"br0\"; interface = \"p$1\";
	  addresses = [ \"$(addr "$1")\", \"$(addr6 "$1")\" ];
	  mac = \"$(mac "$1")\"; tags = [ \"role=web\" ]; }"
}

v6_up() {
	local vm
	ns_node sysctl -qw net.ipv6.conf.all.forwarding=1
	ip -n "$net-n" addr add 2001:db8:a::2/64 dev u0 nodad
	ip -n "$net-n" addr add 2001:db8:9::1/64 dev br0 nodad
	ip -n "$net-c" addr add 2001:db8:a::1/64 dev c0 nodad
	for vm in 1 2; do
		ip -n "$net-v$vm" addr add "$(addr6 "$vm")/64" dev e0 nodad
		ip -n "$net-v$vm" route replace default via 2001:db8:9::1
	done
}

all_serve() {
	drover vms --json | jq -e '[.data[].pools[0].families[] |
		select(.role == "serving" and .slots > 0)] | length == 4'
}

# capture NAME NAMESPACE INTERFACE in|out, until capture_end.
capture() {
	ip netns exec "$2" tcpdump -Z root -q -U -n --immediate-mode -B 16384 -i "$3" -Q "$4" -s "${5:-0}" \
		-w "$dir/$1.pcap" 2>"$dir/$1.tcpdump" &
	capture_pid=$!
	pids+=($!)
	until_ok 10 grep -q listening "$dir/$1.tcpdump" || die "tcpdump: $(cat "$dir/$1.tcpdump")"
}

capture_end() {
	sleep 0.3
	kill "$capture_pid"
	wait "$capture_pid" || :
}

# Whatever a client may send.
traffic_of_all_kinds() {
	load_start tcp4 "$vip" 80 2 2 0 0
	TRAFFIC_FROM=2001:db8:a::1 ns_client "$traffic" load "$vip6" 80 2 2 0 0 1500 \
		>/dev/null || die "load over IPv6"
	load_end tcp4
	TRAFFIC_FROM=10.0.0.1 ns_client "$traffic" echo "$vip" 7 4 700 >/dev/null
	TRAFFIC_FROM=2001:db8:a::1 ns_client "$traffic" echo "$vip6" 7 4 700 >/dev/null
	ns_client ping -q -c 2 -i 0.2 "$vip" >/dev/null
	ns_client ping -q -c 2 -i 0.2 "$vip6" >/dev/null
	# Fragments: three of a datagram; of a ping, which is none of ours.
	head -c 4000 /dev/urandom | ns_client socat -u - "UDP4:$vip:7"
	head -c 4000 /dev/urandom | ns_client socat -u - "UDP6:[$vip6]:7"
	ns_client ping -q -c 1 -W 1 -s 3000 "$vip" >/dev/null || :
	# QUIC: an Initial, then a packet with a short header.
	printf '\xc0\0\0\0\1%01200d' 0 | ns_client socat -u - "UDP6:[$vip6]:443,sourceport=4433"
	printf '\x40%0100d' 0 | ns_client socat -u - "UDP6:[$vip6]:443,sourceport=4433"
	# No service; ours no more; nobody's.
	ns_client bash -c "exec 3<>/dev/tcp/$vip/99" 2>/dev/null || :
	echo x | ns_client socat -u - "UDP4:$vip:99" 2>/dev/null || :
	ns_client ping -q -c 1 -t 1 -W 1 "$vip" >/dev/null || :
	echo x | ns_client socat -u - "UDP4:$vip:7,ttl=1" 2>/dev/null || :
	ns_client ping -q -c 1 10.0.0.2 >/dev/null
	ns_client ip neigh flush dev c0
	ns_client ping -q -c 1 "$vip" >/dev/null
	ns_client ping -q -c 1 "$vip6" >/dev/null
}

# Counters as lines NAME N: by reason, and by VM in the direction asked for.
counters() { # in_packets | out_packets
	drover counters --json | jq -r --arg way "$1" '.data |
		(.reasons[] | select(.reason | test("^pass_|_probe") | not) |
			"\(.reason) \(.packets)"),
		(.backends | group_by(.name)[] |
			"\(.[0].name) \(map(.[$way]) | add)")' | sort
}

# What was counted between two of these.
grown() { # BEFORE AFTER
	join "$1" "$2" | awk '$3 > $2 { print $1, $3 - $2 }'
}

# The same of what explain says.
told() { # FILE
	jq -rs '(.[] | select(.reason != "") | .reason |
			select(test("^pass_|_probe") | not)),
		(.[] | select(.verdict == "forward") | .vm)' "$1" |
		sort | uniq -c | awk '{ print $2, $1 }'
}

same() { # WHAT COUNTED TOLD
	diff -u "$2" "$3" >"$dir/diff" || die "$1: counted (-), explained (+):
$(cat "$dir/diff")"
}

for tool in tcpdump jq socat; do
	command -v $tool >/dev/null || skip "needs $tool"
done
net_up 2
trap node_cleanup EXIT
v6_up
lab_conf
node_start
until_ok 40 all_serve || die "$(drover vms --all)"

say "at the uplink: as the kernel has counted it"
capture uplink "$net-c" c0 out
counters in_packets >"$dir/before"
traffic_of_all_kinds
sleep 0.3
counters in_packets >"$dir/after"
capture_end
grown "$dir/before" "$dir/after" >"$dir/counted"
expect 0 drover explain --pcap "$dir/uplink.pcap" --json
echo "$out" >"$dir/told.json"
told "$dir/told.json" >"$dir/told"
same "uplink" "$dir/counted" "$dir/told"
for reason in racks/web-1 racks/web-2 reply_echo reply_arp reply_nd drop_icmp \
	reply_rst_no_service reply_icmp_no_service reply_icmp_ttl; do
	grep -q "^$reason " "$dir/told" || die "none of $reason among them"
done

say "it says what each was, who it went to, and why"
has_packet() { # FILTER
	jq -es "map(select($1)) | length > 0" "$dir/told.json" >/dev/null ||
		die "no packet with $1"
}
has_packet '.protocol == "tcp" and .kind == "opener" and .detail == "SYN" and
	.service == "shop/http" and .rule == "steady" and .how == "slot" and
	.destination == "'"$vip"':80" and (.target | test("^10.9.0.1[12]:80$"))'
has_packet '.family == "ipv6" and .service == "shop/http6" and .verdict == "forward"'
has_packet '.service == "shop/h3" and .kind == "opener"'
has_packet '.service == "shop/h3" and .kind == "other"'
has_packet '.fragment == "first" and .service == "shop/echo" and .verdict == "forward"'
has_packet '.fragment == "later" and .service == "shop/echo" and .verdict == "forward"'
has_packet '.fragment == "later" and .family == "ipv6" and .verdict == "forward"'
has_packet '.protocol == "arp" and .verdict == "reply"'
has_packet '.protocol == "icmpv6" and .reason == "reply_nd"'
has_packet '.number == 1 and .after_ns == 0 and .hook == "uplink"'
expect 0 drover explain --pcap "$dir/uplink.pcap"
has " tcp SYN " "$out"
has "(shop/http, steady)" "$out"
has "reply_echo" "$out"
has "ping to a VIP, answered" "$out"
[ "$(grep -c '^ *[0-9]* *[0-9]*\.[0-9]\{6\}  ' <<<"$out")" = "$(jq -s length "$dir/told.json")" ] ||
	die "not a line a packet: $(head -5 <<<"$out")"

say "it is asked, and changes nothing"
counters in_packets >"$dir/later"
same "counters" "$dir/after" "$dir/later"

say "headers alone suffice"
capture short "$net-c" c0 out 96
counters in_packets >"$dir/before"
for _ in 1 2 3 4 5 6; do
	head -c 1400 /dev/urandom | ns_client socat -u - "UDP4:$vip:7"
done
sleep 0.3
counters in_packets >"$dir/after"
capture_end
grown "$dir/before" "$dir/after" >"$dir/counted"
drover explain --pcap - --json <"$dir/short.pcap" >"$dir/told.json"
told "$dir/told.json" >"$dir/told"
same "snaplen" "$dir/counted" "$dir/told"

say "at a VM's port: answers, and what goes past the VIP"
capture port "$net-n" p1 in
counters out_packets >"$dir/before"
load_start tcp4 "$vip" 80 2 2 1000 0
TRAFFIC_FROM=10.0.0.3 ns_client "$traffic" load "$(addr 1)" 80 1 0 0 0 800 >/dev/null
TRAFFIC_FROM=2001:db8:a::1 ns_client "$traffic" echo "$vip6" 7 4 700 >/dev/null
load_end tcp4
sleep 0.3
counters out_packets >"$dir/after"
capture_end
grown "$dir/before" "$dir/after" | grep web-1 >"$dir/counted"
expect 0 drover explain --pcap "$dir/port.pcap" --port web-1 --json
echo "$out" >"$dir/told.json"
told "$dir/told.json" | grep web-1 >"$dir/told"
same "port" "$dir/counted" "$dir/told"
has_packet '.hook == "from_vm" and .verdict == "forward" and .service == "shop/http"'
has_packet '.hook == "from_vm" and .reason == "pass_port_direct"'
has_packet '.protocol == "udp" and .family == "ipv6" and .verdict == "forward"'
expect 0 drover explain --pcap "$dir/port.pcap" --port racks/web-1
has "<- racks/web-1 (shop/http" "$out"
expect 3 drover explain --pcap "$dir/port.pcap" --port web-9
has "web-9" "$err"

say "moving slots: by entries, as the packets of the capture would leave them"
capture moving "$net-c" c0 out
load_start tcp4 "$vip" 80 2 2 0 0
sleep 0.5
load_end tcp4
capture_end
expect 0 drover drain web-2
until_ok 20 eval '! has_slots 2 || in_role leaving 2' || die "$(drover vms)"
until_ok 10 eval 'drover explain --pcap "$dir/moving.pcap" | grep -q moving' ||
	die "$(drover explain --pcap "$dir/moving.pcap" | tail -30)"
expect 0 drover explain --pcap "$dir/moving.pcap"
has "moving, gets an entry" "$out"
has "moving, by its entry" "$out"
expect 0 drover undrain web-2

say "without a daemon"
node_stop
expect 0 drover explain --pcap "$dir/uplink.pcap"
has "(shop/http" "$out"

say "what can't be read is said, with the packet"
head -c 3000 "$dir/uplink.pcap" >"$dir/cut.pcap"
expect 1 drover explain --pcap "$dir/cut.pcap"
has "drover: packet " "$err"
has "     1     0.000000  " "$out"
expect 1 drover explain --pcap "$conf"
has "is no capture that can be read" "$err"
expect 1 drover explain --pcap "$dir/nothing.pcap"
has "nothing.pcap" "$err"
ns_client timeout 2 tcpdump -Z root -q -i any -w "$dir/any.pcap" 2>/dev/null || :
expect 1 drover explain --pcap "$dir/any.pcap"
has "not Ethernet: capture on one interface" "$err"
expect 2 drover explain --pcap "$dir/uplink.pcap" 10.0.0.1:1 http
expect 2 drover explain --port web-1
expect 2 drover explain 10.0.0.1:1
expect 6 drover explain --pcap "$dir/uplink.pcap" --pin-dir /sys/fs/bpf/none
say "done"
