# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What tests of probes over the data path share; sourced, not run: the lab of
# daemon_node.sh with VMs on bridges where the host has no address.
#
# shellcheck disable=SC2154 # variables of the lab
. "${BASH_SOURCE[0]%/*}/daemon_node.sh"

# What VMs see, by the config's defaults.
# shellcheck disable=SC2034 # for who sources this
probes=169.254.255.1
probes6=fde1:8b48:f15::a9fe:ff01

# vm_at NUMBER BRIDGE ADDR GATEWAY [ADDR6 GATEWAY6]: a VM there; with GATEWAY "" it
# takes what probes come from for a neighbour.
vm_at() {
	local vm=$1 bridge=$2 addr=$3 gateway=$4 addr6=${5-} gateway6=${6-} ns=$net-v$1
	ip netns add "$ns"
	ip -n "$net-n" link add "p$vm" type veth peer name e0 netns "$ns"
	# One MAC address for all of them: nothing may hang on it.
	ip -n "$ns" link set e0 address "$(mac 5)"
	ip -n "$net-n" link set "p$vm" address "$(mac 5 | sed 's/^02/fe/')"
	ip -n "$ns" addr add "$addr/24" dev e0
	ns_vm "$vm" ethtool -K e0 gro on
	ip -n "$ns" link set lo up
	ip -n "$ns" link set e0 up
	if [ "$gateway" ]; then
		ip -n "$ns" route add default via "$gateway"
	else
		ip -n "$ns" route add 169.254.0.0/16 dev e0
	fi
	if [ "$addr6" ]; then
		ip -n "$ns" addr add "$addr6/64" dev e0 nodad
		if [ "$gateway6" ]; then
			ip -n "$ns" route add default via "$gateway6"
		else
			ip -n "$ns" route add "${probes6%::*}::/48" dev e0
		fi
	fi
	ip -n "$net-n" link set "p$vm" master "$bridge" up
	cat >"$dir/vm$vm.xml" <<-END
		<domain type='test'>
		  <name>web-$vm</name>
		  <uuid>$(uuid "$vm")</uuid>
		  <memory>65536</memory>
		  <os><type>hvm</type></os>
		  <metadata>
		    <vm xmlns='urn:drover:vm:1'>$(tag_xml role=web)
		      <address ip='$addr'/>${addr6:+<address ip='$addr6'/>}</vm>
		  </metadata>
		  <devices>
		    <interface type='bridge'>
		      <mac address='$(mac 5)'/>
		      <source bridge='$bridge'/>
		      <target dev='p$vm'/>
		    </interface>
		  </devices>
		</domain>
	END
	virsh define "$dir/vm$vm.xml" >/dev/null
	hv_start "$vm"
}

bridge_up() { # name
	ip -n "$net-n" link add "$1" type bridge
	ip -n "$net-n" link set "$1" up
}

# A router in a network of VMs: what they send to it is its own business.
router_up() { # bridge, address [, address of IPv6]
	ip netns add "$net-r$1"
	ip -n "$net-n" link add "r$1" type veth peer name e0 netns "$net-r$1"
	ip -n "$net-r$1" addr add "$2/24" dev e0
	[ -z "${3-}" ] || ip -n "$net-r$1" addr add "$3/64" dev e0 nodad
	ip -n "$net-r$1" link set e0 up
	ip -n "$net-n" link set "r$1" master "$1" up
}

# A process, not a function: it must hear our signal.
serve() { # number, port
	ip netns exec "$net-v$1" "$traffic" serve "$2" "vm$1" &
	server=$!
	pids+=("$server")
}

ask() { # address: who answers the client there
	ns_client timeout 3 bash -c "exec 3<>/dev/tcp/$1/80 && echo who >&3 &&
		read -r -u 3 name rest && echo \"\$name\""
}
answers() { [ "$(ask "$1" 2>/dev/null)" = "$2" ]; }

reason() { # name: how many packets
	drover counters --json | jq "[.data.reasons[] |
		select(.reason == \"$1\") | .packets] | add // 0"
}

probe_links() {
	ip -n "$net-n" -o link | grep -c ': drp' || :
}
