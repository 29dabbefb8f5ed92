# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The lab: one pseudo-host with real VMs, and a client. To be sourced.
#
#	client namespace          host namespace
#	  cl0 10.88.0.2 ---------- up0 10.88.0.1     (Drover's uplink)
#	                           br0 10.77.0.1     (the VMs' bridge)
#	                            |  |  |
#	                           vnet0 ...          libvirtd, QEMU
#
# The host is a network, mount, PID and UTS namespace with a libvirtd of its
# own: nothing of the machine's is touched. All that is made is written to
# $LAB_DIR/state *before* it is made, so lab_down finds it even after kill -9.
# Labs of different names don't meet.
#
#	lab_missing                 what a lab needs and isn't here, if anything
#	lab_init NAME               set the variables below; makes nothing
#	lab_up                      network and libvirtd
#	lab_libvirtd NAME NETNS [LINE]...  one more hypervisor, see there
#	lab_down                    end and remove everything, also leftovers
#	lab_host CMD...             run in the host's network
#	lab_client CMD...           run in the client's network
#	lab_spawn NAME CMD...       run in the background, recorded; LOG: log/NAME
#	lab_end NAME [SIGNAL]       end what was spawned under that name
#	lab_pid NAME                its process number, if it still runs
#	lab_virsh ARG...            virsh on the host
#	lab_vm_define NAME IP [--hint] [TAG=VALUE]...
#	lab_vm_{start,shutdown,destroy,kill,panic,suspend,resume,undefine} NAME
#	lab_vm_{save,restore} NAME  to a file (that ends it), and back from it
#	lab_vm_wait NAME            until its web server answers
#	lab_vm_boot NAME...         start and wait, two at a time
#	lab_vm_tag NAME TAG=VALUE.. replace the tags of a VM
#	lab_vm_uuid NAME            lab_vm_pid NAME
#
# Functions return non-zero and say why on stderr.

LAB_HOST_IP=10.77.0.1
LAB_UPLINK=up0
LAB_UPLINK_IP=10.88.0.1
LAB_CLIENT_IP=10.88.0.2
# shellcheck disable=SC2034 # for those who source this
LAB_VIP=10.88.0.100
LAB_VM_PORT=8080
LAB_CMDLINE='console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off nokaslr
tsc=reliable no_timer_check unknown_nmi_panic random.trust_cpu=on'
lab_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

lab_say() {
	echo "lab $LAB: $*" >&2
}

lab_missing() {
	local tool
	[ "$(id -u)" = 0 ] || { echo "needs root"; return 0; }
	for tool in libvirtd virsh qemu-system-x86_64 ip ethtool jq clang; do
		command -v $tool >/dev/null || { echo "needs $tool"; return 0; }
	done
	[ -c /dev/net/tun ] || { echo "needs /dev/net/tun"; return 0; }
	return 1
}

lab_init() {
	LAB=$1
	LAB_DIR=/run/drover-lab-$LAB
	LAB_HOST_NS=drover-$LAB-host
	LAB_CLIENT_NS=drover-$LAB-client
	LAB_BPF=$LAB_DIR/bpf
	LAB_URI="qemu+unix:///system?socket=$LAB_DIR/host/run/libvirt/libvirt-sock"
}

# An XDP program that lets everything pass.
lab_pass_program() { # file
	clang -O2 -target bpf -c -x c -o "$1" - <<-'END'
		__attribute__((section("xdp"), used)) int pass(void *frame)
		{
			return 2; /* XDP_PASS */
		}
		char gpl[] __attribute__((section("license"), used)) = "GPL";
	END
}

# --- what was made ---------------------------------------------------------

# lab_record KIND WORD...
lab_record() {
	echo "$*" >>"$LAB_DIR/state"
}

# When a process started: with its number the name of a process for ever.
lab_started() {
	local stat
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
	read -ra stat <<<"${stat##*) }"
	[ "${stat[0]}" != Z ] && echo "${stat[19]}"
}

# lab_is PID STARTED: it still is what we started.
lab_is() {
	[ "$(lab_started "$1")" = "$2" ]
}

lab_pid() {
	local kind name pid started
	while read -r kind name pid started; do
		if [ "$kind $name" = "process $1" ] && lab_is "$pid" "$started"; then
			echo "$pid"
			return 0
		fi
	done <"$LAB_DIR/state"
	return 1
} 2>/dev/null

# The process records itself before it becomes the command, so that there is
# no moment in which it runs unrecorded.
lab_spawn() {
	local name=$1
	shift
	mkdir -p "$LAB_DIR/log"
	# shellcheck disable=SC2016 # expanded by the shell that is started
	setsid bash -c '
		read -ra stat </proc/$$/stat
		echo "process $2 $$ ${stat[21]}" >>"$1"
		shift 2
		exec "$@"' lab-spawn "$LAB_DIR/state" "$name" "$@" \
		</dev/null >>"$LAB_DIR/log/$name" 2>&1 &
	disown
	lab_until 5 lab_pid "$name" >/dev/null
}

# lab_until SECONDS CMD...: try it until it succeeds.
lab_until() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@"; do
		[ "${EPOCHREALTIME/./}" -lt "$end" ] || return 1
		sleep 0.05
	done
}

lab_ended() {
	! lab_is "$@"
}

# lab_stop PID STARTED SIGNAL: end it, by force after 5 s.
lab_stop() {
	lab_is "$1" "$2" || return 0
	kill -s "$3" "$1" 2>/dev/null
	lab_until 5 lab_ended "$1" "$2" && return 0
	kill -s KILL "$1" 2>/dev/null
	lab_until 5 lab_ended "$1" "$2"
}

lab_end() {
	local pid
	pid=$(lab_pid "$1") || return 0
	lab_stop "$pid" "$(lab_started "$pid")" "${2:-TERM}"
}

# --- up and down -----------------------------------------------------------

lab_host() {
	nsenter --net="/run/netns/$LAB_HOST_NS" "$@"
}

lab_client() {
	nsenter --net="/run/netns/$LAB_CLIENT_NS" "$@"
}

# Whoever made the lab and still runs, if that is another process.
lab_owner() {
	local kind pid started
	while read -r kind pid started; do
		if [ "$kind" = owner ] && [ "$pid" != $$ ] &&
			lab_is "$pid" "$started"; then
			echo "$pid"
			return 0
		fi
	done < <(cat "$LAB_DIR/state" 2>/dev/null)
	return 1
}

# One lab of a name at a time: the folder is the lock, its owner in the state.
lab_claim() {
	if ! mkdir "$LAB_DIR" 2>/dev/null; then
		lab_down && mkdir "$LAB_DIR" || return 1
	fi
	lab_record owner $$ "$(lab_started $$)"
}

lab_network() {
	local ns
	for ns in "$LAB_HOST_NS" "$LAB_CLIENT_NS"; do
		lab_record netns "$ns"
		ip netns add "$ns"
		nsenter --net="/run/netns/$ns" sysctl -qw \
			net.ipv6.conf.{all,default}.disable_ipv6=1
		ip -n "$ns" link set lo up
	done
	lab_host sysctl -qw net.ipv4.ip_forward=1

	ip link add $LAB_UPLINK netns "$LAB_HOST_NS" address 02:00:00:88:00:01 \
		type veth peer name cl0 netns "$LAB_CLIENT_NS" \
		address 02:00:00:88:00:02
	ip -n "$LAB_HOST_NS" addr add $LAB_UPLINK_IP/24 dev $LAB_UPLINK
	ip -n "$LAB_CLIENT_NS" addr add $LAB_CLIENT_IP/24 dev cl0
	# XDP sees frames as a wire would carry them: whole checksums, no
	# segmentation left to do; and what it sends needs NAPI on the peer.
	lab_client ethtool -K cl0 tx off gro on >/dev/null
	lab_host ethtool -K $LAB_UPLINK gro on >/dev/null
	# A veth keeps what XDP answers (XDP_TX) in its ring until the next frame,
	# unless the peer has a program, too.
	lab_pass_program "$LAB_DIR/pass.o" || return 1
	ip -n "$LAB_CLIENT_NS" link set cl0 xdp object "$LAB_DIR/pass.o" \
		section xdp
	ip -n "$LAB_HOST_NS" link set $LAB_UPLINK up
	ip -n "$LAB_CLIENT_NS" link set cl0 up

	# Without a fixed MAC address the bridge takes one of each new port.
	ip -n "$LAB_HOST_NS" link add br0 address 02:00:00:77:00:01 \
		type bridge stp_state 0 forward_delay 0 mcast_snooping 0
	ip -n "$LAB_HOST_NS" addr add $LAB_HOST_IP/24 dev br0
	ip -n "$LAB_HOST_NS" link set br0 up
}

# What libvirt learns about QEMU takes it seconds; kept from lab to lab.
lab_libvirt_cache() { # load|save, folder of the host
	local cache=${DROVER_CACHE:-/var/cache/drover}/libvirt
	local live=$2/var/cache/libvirt tmp
	case $1 in
	load)
		[ ! -d "$cache" ] || cp -a "$cache/." "$live/"
		;;
	save)
		[ ! -d "$cache" ] || return 0
		tmp=$(mktemp -d "$cache.XXXXXX") || return 1
		cp -a "$live/." "$tmp/"
		# Another lab may have been first.
		mv -T "$tmp" "$cache" 2>/dev/null || rm -rf "$tmp"
		;;
	esac
}

# lab_libvirtd NAME NETNS [LINE...]: a libvirtd with all that is its own in
# $LAB_DIR/NAME, in a network namespace. It listens at its socket there, and for
# others as the lines for its libvirtd.conf say. LAB_URI must lead to it.
lab_libvirtd() {
	local name=$1 netns=$2 host=$LAB_DIR/$1 id listen=()
	shift 2
	mkdir -p "$host"/{run,etc/libvirt/qemu,var/{lib,cache,log}/libvirt}
	id=$(lab_vm_uuid "host $name of $LAB")
	if [ $# = 0 ]; then
		set -- 'listen_tls = 0'
	else
		listen=(--listen)
	fi
	{
		cat <<-END
			auth_unix_ro = "none"
			auth_unix_rw = "none"
			unix_sock_group = "root"
			unix_sock_rw_perms = "0700"
			log_level = 3
			log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
			host_uuid = "$id"
		END
		printf '%s\n' "$@"
	} >"$host/etc/libvirt/libvirtd.conf"
	cat >"$host/etc/libvirt/qemu.conf" <<-END
		stdio_handler = "file"
		security_driver = "none"
		user = "root"
		group = "root"
		dynamic_ownership = 0
		remember_owner = 0
	END
	lab_libvirt_cache load "$host"
	lab_spawn "$name" ip netns exec "$netns" unshare --mount --uts \
		--pid --fork --kill-child --mount-proc --propagation private \
		"$lab_here/host-init.sh" "$LAB_DIR" "$LAB-$name" "$name" \
		"${listen[@]}"
	if ! lab_until 40 lab_virsh -q list >/dev/null 2>&1; then
		lab_say "libvirtd does not answer; see $LAB_DIR/log/$name and" \
			"$host/var/log/libvirt/libvirtd.log"
		return 1
	fi
	lab_virsh domcapabilities >/dev/null && lab_libvirt_cache save "$host"
}

lab_up() {
	lab_claim || return 1
	LAB_GUEST=$("$lab_here/guest/build.sh") || return 1
	LAB_TYPE=$(lab_domain_type) || return 1
	mkdir -p "$LAB_BPF" "$LAB_DIR/console"
	lab_record mount "$LAB_BPF"
	mount -t bpf bpf "$LAB_BPF" || return 1
	(set -e; lab_network) || return 1
	lab_libvirtd host "$LAB_HOST_NS"
}

# When the first process of its PID namespace is killed, the kernel ends all the
# others there, and only then is it gone; what waits for it outside ends last.
lab_stop_host() {
	local first
	lab_is "$@" && first=$(pgrep -P "$1") || return 0
	kill -s KILL "$first"
	lab_until 5 lab_ended "$@" || lab_stop "$@" KILL
}

# Undo the state file from its end; what is not there any more is no error. A
# lab whose owner is another process that runs is left alone.
lab_down() {
	local kind a b c bad=0
	[ -d "$LAB_DIR" ] || return 0
	if a=$(lab_owner); then
		lab_say "in use by process $a"
		return 1
	fi
	while read -r kind a b c; do
		case $kind in
		process)
			[ ! -e "$LAB_DIR/$a/etc/libvirt" ] ||
				lab_stop_host "$b" "$c"
			lab_stop "$b" "$c" TERM ||
				{ lab_say "$a ($b) does not end"; bad=1; }
			;;
		netns)
			[ ! -e "/run/netns/$a" ] || ip netns del "$a" || bad=1
			;;
		mount)
			! mountpoint -q "$a" || umount "$a" ||
				{ lab_say "cannot unmount $a"; bad=1; }
			;;
		esac
	done < <(tac "$LAB_DIR/state" 2>/dev/null)
	if [ $bad = 0 ]; then
		rm -rf --one-file-system "$LAB_DIR"
	fi
	return $bad
}

# --- how guests run --------------------------------------------------------

# kvm or qemu: /dev/kvm may open and still not run a guest, so one is booted.
lab_domain_type() {
	local cache=${DROVER_CACHE:-/var/cache/drover} key file
	if [ -n "${DROVER_DEMO_ACCEL:-}" ]; then
		case $DROVER_DEMO_ACCEL in
		kvm) echo kvm ;;
		tcg | qemu) echo qemu ;;
		*)
			lab_say "DROVER_DEMO_ACCEL is kvm or tcg"
			return 1
			;;
		esac
		return 0
	fi
	if [ ! -e /dev/kvm ]; then
		echo qemu
		return 0
	fi
	key=$({ uname -r; grep -m 1 '^model name' /proc/cpuinfo; } | sha256sum)
	file=$cache/accel-${key:0:16}
	if [ ! -e "$file" ]; then
		if timeout 8 qemu-system-x86_64 -accel kvm -cpu max -m 128 \
			-nodefaults -no-user-config -display none -no-reboot \
			-serial stdio -kernel "$LAB_GUEST/vmlinuz" \
			-initrd "$LAB_GUEST/initrd.gz" \
			-append "${LAB_CMDLINE//$'\n'/ } vm.probe=1" \
			</dev/null 2>/dev/null | grep '^READY' >/dev/null; then
			echo kvm >"$file"
		else
			echo qemu >"$file"
		fi
	fi
	cat "$file"
}

# --- VMs -------------------------------------------------------------------

# In a session without a terminal: else each virsh starts a polkit agent for it.
lab_virsh() {
	setsid --wait virsh -q -c "$LAB_URI" "$@"
}

# The same name in the same lab is the same VM, as long as the lab's name is.
lab_vm_uuid() {
	local h
	h=$(printf '%s/%s' "$LAB" "$1" | sha256sum)
	echo "${h:0:8}-${h:8:4}-4${h:13:3}-8${h:17:3}-${h:20:12}"
}

lab_vm_tags() {
	local tag
	for tag in "$@"; do
		echo "<tag name='${tag%%=*}' value='${tag#*=}'/>"
	done
}

lab_vm_define() {
	local name=$1 ip=$2 uuid mac hint='' xml
	shift 2
	if [ "${1:-}" = --hint ]; then
		hint="<address ip='$ip'/>"
		shift
	fi
	uuid=$(lab_vm_uuid "$name")
	printf -v mac '52:54:00:77:%02x:%02x' "$((RANDOM & 255))" "${ip##*.}"
	xml=$LAB_DIR/$name.xml
	cat >"$xml" <<-END
		<domain type='$LAB_TYPE'>
		  <name>$name</name>
		  <uuid>$uuid</uuid>
		  <metadata>
		    <vm xmlns='urn:drover:vm:1'>$(lab_vm_tags "$@")$hint</vm>
		  </metadata>
		  <memory unit='MiB'>128</memory>
		  <vcpu>1</vcpu>
		  <os>
		    <type arch='x86_64' machine='pc'>hvm</type>
		    <kernel>$LAB_GUEST/vmlinuz</kernel>
		    <initrd>$LAB_GUEST/initrd.gz</initrd>
		    <cmdline>${LAB_CMDLINE//$'\n'/ } vm.name=$name vm.uuid=$uuid vm.ip=$ip/24 vm.gw=$LAB_HOST_IP vm.port=$LAB_VM_PORT</cmdline>
		  </os>
		  <features><acpi/></features>
		  <cpu mode='maximum'/>
		  <clock offset='utc'><timer name='hpet' present='no'/></clock>
		  <on_poweroff>destroy</on_poweroff>
		  <on_reboot>restart</on_reboot>
		  <on_crash>destroy</on_crash>
		  <devices>
		    <emulator>/usr/bin/qemu-system-x86_64</emulator>
		    <controller type='usb' model='none'/>
		    <interface type='bridge'>
		      <mac address='$mac'/>
		      <source bridge='br0'/>
		      <model type='virtio'/>
		      <rom enabled='no'/>
		    </interface>
		    <serial type='file'>
		      <source path='$LAB_DIR/console/$name' append='off'/>
		    </serial>
		    <channel type='unix'>
		      <target type='virtio' name='org.qemu.guest_agent.0'/>
		    </channel>
		    <memballoon model='virtio'/>
		    <panic model='isa'/>
		  </devices>
		</domain>
	END
	lab_virsh define "$xml" >/dev/null
}

lab_vm_start() { lab_virsh start "$1" >/dev/null; }
lab_vm_shutdown() { lab_virsh shutdown --mode acpi "$1" >/dev/null; }
lab_vm_destroy() { lab_virsh destroy "$1" >/dev/null; }
lab_vm_suspend() { lab_virsh suspend "$1" >/dev/null; }
lab_vm_resume() { lab_virsh resume "$1" >/dev/null; }
lab_vm_panic() { lab_virsh inject-nmi "$1" >/dev/null; }
lab_vm_save() { lab_virsh save "$1" "$LAB_DIR/$1.saved" >/dev/null; }
lab_vm_restore() { lab_virsh restore "$LAB_DIR/$1.saved" >/dev/null; }
lab_vm_undefine() { lab_virsh undefine "$1" >/dev/null; }

lab_vm_tag() {
	local name=$1
	shift
	lab_virsh metadata "$name" urn:drover:vm:1 --live --config --key drover \
		--set "<vm>$(lab_vm_tags "$@")</vm>" >/dev/null
}

# The QEMU process: only the host's own PID namespace is searched.
lab_vm_pid() { # NAME [HOST]
	local host first
	host=$(lab_pid "${2:-host}") || return 1
	first=$(pgrep -P "$host") || return 1
	pgrep --ns "$first" --nslist pid -f -- "-name guest=$1,"
}

lab_vm_kill() {
	local pid
	pid=$(lab_vm_pid "$1") && kill -s KILL "$pid"
}

lab_vm_ready() {
	grep -q '^READY' "$LAB_DIR/console/$1" 2>/dev/null
}

lab_vm_wait() {
	lab_until 60 lab_vm_ready "$1" && return 0
	lab_say "$1 did not boot; see $LAB_DIR/console/$1"
	return 1
}

lab_vm_boot() {
	while [ $# -gt 0 ]; do
		lab_vm_start "$1" || return 1
		[ $# -lt 2 ] || lab_vm_start "$2" || return 1
		lab_vm_wait "$1" || return 1
		[ $# -lt 2 ] || lab_vm_wait "$2" || return 1
		shift $(($# < 2 ? 1 : 2))
	done
}
