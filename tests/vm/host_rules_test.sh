#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The host's own rules with real guests: one with libvirt's clean-traffic (and a
# client that it refuses), one with <bandwidth>, one without either. Each of
# on_port_policy's words does what the manual says: "refuse" leaves the two out
# and says why; "bypass" serves them past their rules; "stack" serves them under
# their rules, and the rules see it.
set -uo pipefail

DROVER_SOURCE=${DROVER_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tests/vm/node.sh
. "$DROVER_SOURCE/tests/vm/node.sh"

REFUSED_CLIENT=10.88.0.3

fail() { die "$*"; }

for tool in ebtables tc; do
	command -v $tool >/dev/null || { echo "needs $tool"; exit 77; }
done

# Whatever libvirt asks of tc for <bandwidth> that this kernel hasn't got is not
# what is tested: a queue that is fair, and a filter by mark to the only class
# there is. The shaping itself (htb) is the kernel's.
lend_tc() {
	local first
	ip netns add "$1-tc"
	if ip netns exec "$1-tc" tc qdisc add dev lo root sfq 2>/dev/null; then
		ip netns del "$1-tc"
		return
	fi
	ip netns del "$1-tc"
	cp "$(command -v tc)" "$LAB_DIR/real-tc"
	cat >"$LAB_DIR/tc" <<-END
		#!/bin/sh
		case " \$* " in
		*" fw "*) exit 0 ;;
		*" sfq "*) exec $LAB_DIR/real-tc qdisc add dev "\$4" parent "\$6" pfifo ;;
		esac
		exec $LAB_DIR/real-tc "\$@"
	END
	chmod +x "$LAB_DIR/tc"
	first=$(pgrep -P "$(lab_pid host)") || fail "the host has no first process"
	nsenter -t "$first" -m mount --bind "$LAB_DIR/tc" "$(readlink -f "$(command -v tc)")" ||
		fail "cannot lend tc"
	line "this kernel has no sfq: <bandwidth> goes without"
}

# define NAME IP TAGS XML-OF-THE-INTERFACE
define() {
	lab_vm_define "$1" "$2" --hint role=web "serves=$1" || fail "define $1"
	sed -i "s|<model type='virtio'/>|&$3|" "$LAB_DIR/$1.xml"
	lab_virsh define "$LAB_DIR/$1.xml" >/dev/null || fail "define $1 with $3"
}

filters() {
	local f
	for f in no-mac-spoofing no-ip-spoofing no-arp-mac-spoofing \
		no-arp-ip-spoofing no-arp-spoofing allow-arp \
		allow-incoming-ipv4 no-other-l2-traffic \
		qemu-announce-self-rarp qemu-announce-self no-other-rarp-traffic \
		allow-dhcp allow-ipv4 clean-traffic; do
		[ ! -e "/etc/libvirt/nwfilter/$f.xml" ] ||
			lab_virsh nwfilter-define "/etc/libvirt/nwfilter/$f.xml" >/dev/null ||
			fail "nwfilter $f"
	done
	cat >"$LAB_DIR/site.xml" <<-END
		<filter name='site' chain='root'>
		  <rule action='drop' direction='in' priority='-900'>
		    <ip srcipaddr='$REFUSED_CLIENT'/>
		  </rule>
		  <filterref filter='clean-traffic'/>
		</filter>
	END
	lab_virsh nwfilter-define "$LAB_DIR/site.xml" >/dev/null || fail "nwfilter site"
}

# One service and pool a VM, so that it is known who serves: ports 81, 82, 83.
configure() { # on_port_policy
	local vm port=81 pools='' services=''
	for vm in clean shaped plain; do
		pools+=",
		  { tenant = \"shop\"; name = \"$vm\"; select = [ \"serves=$vm\" ];
		    health = { type = \"tcp\"; port = $LAB_VM_PORT; };
		    idle_timeout = \"10s\"; }"
		services+=",
		  { tenant = \"shop\"; name = \"$vm\"; vip = \"$LAB_VIP\";
		    port = $port; pool = \"$vm\"; target_port = $LAB_VM_PORT;
		    on_port_policy = \"$1\"; }"
		port=$((port + 1))
	done
	demo_config
	sed -i '/^pools = (/,$d' "$DEMO_CONF"
	echo "pools = ( ${pools#,} ); services = ( ${services#,} );" >>"$DEMO_CONF"
}

policy() {
	configure "$1"
	drover reload >/dev/null || fail "reload with $1"
}

vm_says() { # NAME FILTER: of its one pool
	drover vms "$1" --json | jq -r ".data.pools[0] | $2"
}

serves() { [ "$(vm_says "$1" .slots)" -gt 0 ] 2>/dev/null; }
waits() { [ "$(vm_says "$1" .role)" = waiting ]; }
through() { [ "$(vm_says "$1" .stack)" = "$2" ]; }

get() { # FROM PORT [PATH]
	lab_client curl -sS -o "$LAB_DIR/answer" --max-time "${4:-3}" --interface "$1" \
		-w '%{time_total}\n' "http://$LAB_VIP:$2/${3:-}"
}

from_vm() { # PORT NAME
	get "$LAB_CLIENT_IP" "$1" >/dev/null || fail "no answer from $2"
	grep -q "^$2 .* $LAB_CLIENT_IP:" "$LAB_DIR/answer" ||
		fail "port $1 answered: $(cat "$LAB_DIR/answer")"
}

tap() { lab_virsh domiflist "$1" | awk '/vnet/ { print $1 }'; }

# Packets that libvirt's filter of the VM has seen, both ways.
filtered() {
	lab_host ebtables -t nat -L --Lc | awk -v tap="$(tap clean)" '
		/^Bridge chain:/ { mine = index($0, "-" tap ",") }
		mine { for (i = 1; i < NF; i++) if ($i == "pcnt") sum += $(i + 2) }
		END { print sum + 0 }'
}

shaped_bytes() {
	lab_host tc -s qdisc show dev "$(tap shaped)" |
		awk '/htb/ { getline; print $2; exit }'
}

is_shaped() {
	[[ $(lab_host tc qdisc show dev "$(tap shaped)") == *htb* ]]
}

node_up n
lend_tc "drover-$LAB"
filters
ip -n "$LAB_CLIENT_NS" addr add $REFUSED_CLIENT/24 dev cl0
define clean 10.77.0.11 "<filterref filter='site'><parameter name='IP' value='10.77.0.11'/></filterref>"
define shaped 10.77.0.12 "<bandwidth><inbound average='2'/></bandwidth>"
define plain 10.77.0.13 ""
lab_vm_boot clean shaped plain || fail "VMs do not boot"
is_shaped || fail "libvirt has not shaped"

line "refuse, the default: the two are left out, and it is said why"
policy refuse
lab_until 30 serves plain || fail "plain does not serve"
if ! waits clean || ! waits shaped; then
	fail "a VM with rules serves: $(drover vms)"
fi
[ "$(vm_says clean .reason)" = port_policy ] || fail "clean: $(vm_says clean .why)"
[[ $(vm_says clean .why) == *'an nwfilter; on_port_policy is "refuse"'* ]] ||
	fail "clean: $(vm_says clean .why)"
[[ $(vm_says shaped .why) == *'<bandwidth>; on_port_policy is "refuse"'* ]] ||
	fail "shaped: $(vm_says shaped .why)"
[[ $(drover vms clean) == *'nwfilter at the port'* ]] || fail "vms does not show the filter"
from_vm 83 plain
get "$LAB_CLIENT_IP" 81 >/dev/null 2>&1 && fail "clean answers"

line "bypass: both serve, past their rules"
policy bypass
for vm in clean shaped; do
	lab_until 30 serves $vm || fail "$vm does not serve: $(drover vms)"
done
from_vm 81 clean
from_vm 82 shaped
get $REFUSED_CLIENT 81 >/dev/null || fail "bypass, and the filter is met"
seen=$(filtered) sent=$(shaped_bytes)
fast=$(get "$LAB_CLIENT_IP" 82 'slow?bytes=3000000' 30) || fail "download past the shaping"
get "$LAB_CLIENT_IP" 81 'slow?bytes=1000000' 30 >/dev/null || fail "download past the filter"
# Probes do meet the rules, a few packets a second.
[ $(($(filtered) - seen)) -lt 60 ] || fail "bypass, and the filter counts"
[ $(($(shaped_bytes) - sent)) -lt 6000 ] || fail "bypass, and the shaping counts"

line "stack: both serve, under their rules"
policy stack
for vm in clean shaped; do
	lab_until 30 through $vm true ||
		fail "not through the kernel: $(drover vms $vm)"
done
through plain false || fail "plain has no rules, and goes through the kernel"
from_vm 81 clean
from_vm 82 shaped
from_vm 83 plain
seen=$(filtered) sent=$(shaped_bytes)
get "$LAB_CLIENT_IP" 81 'slow?bytes=1000000' 30 >/dev/null || fail "download under the filter"
[ $(($(filtered) - seen)) -ge 100 ] || fail "stack, and the filter sees nothing"
get $REFUSED_CLIENT 81 >/dev/null 2>&1 && fail "stack, and the refused client is served"
get $REFUSED_CLIENT 83 >/dev/null || fail "the refused client is refused elsewhere"
slow=$(get "$LAB_CLIENT_IP" 82 'slow?bytes=3000000' 60) || fail "download under the shaping"
[ $(($(shaped_bytes) - sent)) -gt 2000 ] || fail "stack, and the shaping sees nothing"
line "3 MB from the shaped VM: past its <bandwidth> $fast s, under it $slow s"
awk -v fast="$fast" -v slow="$slow" 'BEGIN { exit !(slow > 3 * fast) }' ||
	fail "not limited"

line "a filter that comes while the VM serves, and goes"
lab_virsh dumpxml plain | awk '/<interface/,/<\/interface>/' >"$LAB_DIR/nic.xml"
sed "s|<model |<filterref filter='site'><parameter name='IP' value='10.77.0.13'/></filterref>&|" \
	"$LAB_DIR/nic.xml" >"$LAB_DIR/filtered.xml"
lab_virsh update-device plain "$LAB_DIR/filtered.xml" --live >/dev/null || fail "update-device"
lab_until 20 through plain true || fail "the new filter is not seen: $(drover vms plain)"
from_vm 83 plain
get $REFUSED_CLIENT 83 >/dev/null 2>&1 && fail "the new filter is not met"
lab_virsh update-device plain "$LAB_DIR/nic.xml" --live >/dev/null || fail "update-device back"
lab_until 20 through plain false || fail "that it is gone is not seen"
get $REFUSED_CLIENT 83 >/dev/null || fail "the filter is gone, but not its effect"

line "detach"
lab_end droverd
drover detach >/dev/null || fail "detach"
[[ $(lab_host ebtables -t nat -L) == *"$(tap clean)"* ]] || fail "libvirt's filter is gone"
is_shaped || fail "libvirt's shaping is gone"
node_load
line "all is well"
