# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What tests/e2e/daemon_*.sh share; sourced, not run: the lab of xdp_net.sh with
# a hypervisor and the real droverd on its node.
#
# The hypervisor is a libvirtd of our own, unprivileged, with libvirt's test
# driver: its domains are only said to be there, and behind their ports, which
# are ends of veths, are xdp_net.sh's namespaces. A port has the MAC address
# that libvirt gives a tap: the guest's, its first byte replaced.
#
# shellcheck disable=SC2154 # dir, net, pins, pids, vip are xdp_net.sh's
. "${BASH_SOURCE[0]%/*}/xdp_net.sh"

conf=$dir/drover.cfg
sock=$dir/run/drover.sock
state=$dir/state
hv_uri="test+unix:///default?socket=$dir/hv/run/libvirt/libvirt-sock"
export DROVER_SOCKET=$sock DROVER_PIN_DIR=$pins

# until_ok SECONDS CMD...: again and again until it succeeds.
until_ok() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "${EPOCHREALTIME/./}" -lt "$end" ] || return 1
		sleep 0.05
	done
}

now_ms() { echo "$((${EPOCHREALTIME/./} / 1000))"; }

# --- the hypervisor ----------------------------------------------------------

virsh() { command virsh -q -c "$hv_uri" "$@"; }

# The test driver's domains live as long as somebody is connected.
hv_up() {
	mkdir -p "$dir/hv/run" "$dir/hv/home"
	chmod 755 "$dir" "$dir/hv"
	chown 65534:65534 "$dir/hv/run" "$dir/hv/home"
	echo 'log_outputs = "3:stderr"' >"$dir/hv/libvirtd.conf"
	(
		cd /
		exec setpriv --reuid 65534 --regid 65534 --clear-groups \
			env -i PATH="$PATH" HOME="$dir/hv/home" \
			XDG_RUNTIME_DIR="$dir/hv/run" libvirtd \
			--config "$dir/hv/libvirtd.conf" \
			--pid-file "$dir/hv/run/pid" >"$dir/hv.log" 2>&1
	) &
	pids+=($!)
	until_ok 20 virsh version || {
		tail -3 "$dir/hv.log" >&2
		die "libvirtd does not answer"
	}
	coproc HOLD { command virsh -q -c "$hv_uri"; } >/dev/null 2>&1
	pids+=("$HOLD_PID")
	printf '%s\n' 'destroy test' 'undefine test' >&"${HOLD[1]}"
	until_ok 10 hv_empty || die "the test driver's own domain stays"
}

hv_empty() { [ -z "$(virsh list --all --name)" ]; }

# 11111111-..., 22222222-..., up to ffffffff-...
uuid() { printf '%08x-0000-4000-8000-000000000000' "$((0x11111111 * $1))"; }

tag_xml() { # TAG=VALUE...
	local tag
	for tag; do
		printf "<tag name='%s' value='%s'/>" "${tag%%=*}" "${tag#*=}"
	done
}

# hv_define NUMBER TAG=VALUE...: a VM of that number, off.
hv_define() {
	local vm=$1
	shift
	cat >"$dir/vm$vm.xml" <<-END
		<domain type='test'>
		  <name>web-$vm</name>
		  <uuid>$(uuid "$vm")</uuid>
		  <memory>65536</memory>
		  <os><type>hvm</type></os>
		  <metadata>
		    <vm xmlns='urn:drover:vm:1'>
		      $(tag_xml "$@")
		      <address ip='$(addr "$vm")'/>
		    </vm>
		  </metadata>
		  <devices>
		    <interface type='bridge'>
		      <mac address='$(mac "$vm")'/>
		      <source bridge='br0'/>
		      <target dev='p$vm'/>
		    </interface>
		  </devices>
		</domain>
	END
	virsh define "$dir/vm$vm.xml" >/dev/null
}

hv_start() { virsh start "web-$1" >/dev/null; }
hv_destroy() { virsh destroy "web-$1" >/dev/null; }

hv_tag() { # number, TAG=VALUE...
	local vm=$1
	shift
	virsh metadata "web-$vm" urn:drover:vm:1 --key vm --live \
		--set "<vm>$(tag_xml "$@")<address ip='$(addr "$vm")'/></vm>" \
		>/dev/null
}

# A port as libvirt makes it.
port_mac() {
	ip -n "$net-n" link set "p$1" address "$(mac "$1" | sed 's/^02/fe/')"
}

# --- the node ----------------------------------------------------------------

# node_conf [LINES...]: lines go behind the pools and services there always are.
# shellcheck disable=SC2120 # those who source this have lines to add
node_conf() {
	cat >"$conf" <<-END
		node = { name = "node-a"; uplinks = [ "u0" ];
		  state_dir = "$state"; pin_dir = "$pins"; socket = "$sock";
		  log_level = "${log_level:-info}";
		  limits = { slots = "256k"; flows = "16k"; direct_flows = "16k"; };
		};
		hypervisors = ( { name = "hv"; uri = "$hv_uri"; poll = "5s"; }${more_hvs-} );
		tenants = (
		  { name = "shop"; vips = [ "$vip" ]; networks = [ "br0" ]; }
		);
		pools = (
		  { tenant = "shop"; name = "web"; select = [ "role=web" ];
		    health = { port = 80; interval = "${probe:-300ms}";
		               timeout = "300ms"; rise = 1; };
		    idle_timeout = "${idle:-10s}"; }
		);
		services = (
		  { tenant = "shop"; name = "http"; vip = "$vip"; port = 80;
		    pool = "web"; target_port = 80; }$(printf ',\n%s' "$@" |
			sed '$ s/^,$//')
		);
	END
}

drover() { "$DROVER_BUILD/control/cli/drover" "$@"; }

node_answers() { drover version --json | jq -e '.data.droverd'; }

node_spawn() {
	nsenter --net="/run/netns/$net-n" \
		"$DROVER_BUILD/control/droverd" --config "$conf" \
		>>"$dir/droverd.log" 2>&1 &
	node_pid=$!
	pids+=("$node_pid")
}

node_start() {
	node_spawn
	until_ok "${NODE_START_S:-30}" node_answers || die "droverd does not answer"
}

# node_stop [SIGNAL]
node_stop() {
	kill -s "${1:-TERM}" "$node_pid"
	wait "$node_pid" || [ "${1:-TERM}" != TERM ] ||
		die "droverd ended with $?"
}

in_role() { # ROLE NUMBER...
	local role=$1 vm
	shift
	for vm; do
		[ "$(drover vms "web-$vm" --json |
			jq -r '.data.pools[0].role')" = "$role" ] || return 1
	done
}

has_slots() { # NUMBER...
	local vm
	for vm; do
		drover vms "web-$vm" --json |
			jq -e '.data.pools[0].slots > 0' || return 1
	done
}

# New connections reach them: slots come when a port has learned, for 5 s.
serving() { # NUMBER...
	until_ok 40 has_slots "$@" && in_role serving "$@" || {
		drover vms --all >&2
		die "$* do not serve"
	}
}

# No slot is on its way to another VM.
are_still() {
	drover status --json | jq -e '[.data.pools[] |
		.claiming + .moving + .settling] | add == 0'
}

# A slot keeps its mark for as long as a connection lives that began while it
# moved: traffic that lasts is for still tables.
still() {
	until_ok "$1" are_still || die "slots do not settle: $(
		drover status --json | jq -c '.data.pools[] |
			{ pool, slots, claiming, moving, settling }')"
}

# The log is what one wants to see when something failed.
node_cleanup() {
	local status=$?
	trap '' INT TERM
	set +e
	if [ "$status" != 0 ] && [ "$status" != 77 ]; then
		tail -n 40 "$dir/droverd.log" >&2
	fi
	(exit "$status")
	cleanup
}

# node_up VMS: the lab, a hypervisor with that many VMs, droverd; all serve, also
# if their ports have learned one after the other.
node_up() {
	local vm
	for vm in libvirtd virsh jq setpriv; do
		command -v "$vm" >/dev/null || skip "needs $vm"
	done
	net_up "$1"
	trap node_cleanup EXIT
	hv_up
	for vm in $(seq "$1"); do
		port_mac "$vm"
		hv_define "$vm" role=web
		hv_start "$vm"
	done
	node_conf
	node_start
	# shellcheck disable=SC2046 # numbers
	serving $(seq "$1")
	still 60
}

# --- judging -----------------------------------------------------------------

# expect CODE COMMAND...: its exit code; output in $out, what it said in $err.
expect() {
	local want=$1 got=0
	shift
	out=$("$@" 2>"$dir/err") || got=$?
	err=$(cat "$dir/err")
	[ "$got" = "$want" ] ||
		die "$*: exit code $got, not $want: $out
$err"
}

# json FILTER COMMAND...: the envelope, and a filter that must hold for its data.
json() {
	local filter=$1
	shift
	expect 0 drover "$@" --json
	jq -e ".schema == 1 and (.data | $filter)" <<<"$out" >/dev/null ||
		die "drover $* --json: not $filter: $out"
}

# has TEXT WHAT: is TEXT part of it?
has() {
	[[ $2 == *"$1"* ]] || die "\"$1\" is not in: $2"
}
