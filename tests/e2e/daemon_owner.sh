#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Whose a VM is: by an XPath into metadata of the operator's own, by name and by
# hypervisor, never by a tag. Two tenants share a network; what the metadata says
# decides, at once and also when it changes; what two claim belongs to none.
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_node.sh"

# owner_is NUMBER TENANT: the element that the operator keeps.
owner_is() {
	virsh metadata "web-$1" urn:example:owner --key owner --live \
		--set "<of tenant='$2'/>" >/dev/null
}

in_pools() { # NUMBER POOL...
	local vm=$1
	shift
	[ "$(drover vms "web-$vm" --json | jq -r '[.data.pools[]
		| select(.role == "serving") | .pool] | sort | join(" ")')" = "$*" ]
}

claimed_twice() { # NUMBER
	[[ $(drover vms "web-$1" --json) == *"tenants shop and bank"* ]]
}

two_tenants() {
	cat >"$conf" <<-END
		node = { name = "node-a"; uplinks = [ "u0" ];
		  state_dir = "$state"; pin_dir = "$pins"; socket = "$sock";
		  limits = { slots = "256k"; flows = "16k"; direct_flows = "16k"; };
		};
		hypervisors = ( { name = "hv"; uri = "$hv_uri"; poll = "5s"; } );
		tenants = (
		  { name = "shop"; vips = [ "$vip" ]; networks = [ "br0" ];
		    metadata = ( { xpath = "o:of[@tenant='shop']";
		                   namespaces = [ "o=urn:example:owner" ]; } ); },
		  { name = "bank"; vips = [ "198.51.100.11" ]; networks = [ "br0" ];
		    metadata = ( { xpath = "$1";
		                   namespaces = [ "o=urn:example:owner" ]; } );
		    ${2:-} }
		);
		pools = (
		  { tenant = "shop"; name = "web"; select = [ "role=web" ];
		    health = { port = 80; interval = "300ms"; timeout = "300ms"; rise = 1; };
		    idle_timeout = "10s"; },
		  { tenant = "bank"; name = "web"; select = [ "role=web", "name=web-*" ];
		    health = { port = 80; interval = "300ms"; timeout = "300ms"; rise = 1; };
		    idle_timeout = "10s"; }
		);
		services = (
		  { tenant = "shop"; name = "http"; vip = "$vip"; port = 80; pool = "web"; },
		  { tenant = "bank"; name = "http"; vip = "198.51.100.11"; port = 80;
		    pool = "web"; target_port = 80; }
		);
	END
}

node_up 3

say "a tenant's VMs by metadata: the others, tagged as they are, are nobody's"
for vm in 1 2; do owner_is $vm shop; done
owner_is 3 bank
two_tenants "o:of[@tenant='bank']"
expect 0 drover reload
until_ok 20 in_pools 3 bank/web || die "web-3: $(drover vms web-3)"
until_ok 20 in_pools 1 shop/web || die "web-1: $(drover vms web-1)"
until_ok 20 in_pools 2 shop/web || die "web-2: $(drover vms web-2)"

say "its metadata changes: another tenant's, and no connection of the rest breaks"
load_start load "$vip" 80 3 0 0 0
owner_is 2 bank
until_ok 20 in_pools 2 bank/web || die "web-2: $(drover vms web-2)"
sleep 2
load_end load

say "no metadata: nobody's, whatever its tags say"
virsh metadata web-3 urn:example:owner --live --remove >/dev/null
until_ok 20 in_pools 3 || die "web-3: $(drover vms web-3)"
owner_is 3 bank
until_ok 20 in_pools 3 bank/web || die "web-3: $(drover vms web-3)"

say "two claim it: it belongs to none, and both are named"
two_tenants "o:of"
expect 0 drover reload
until_ok 20 claimed_twice 1 || die "web-1: $(drover vms web-1)"
until_ok 20 in_pools 1 || die "web-1 serves: $(drover vms web-1)"
in_pools 3 bank/web || die "web-3: $(drover vms web-3)"

say "a rule more, the name: it tells them apart"
two_tenants "o:of" 'names = [ "web-3", "other-*" ];'
expect 0 drover reload
until_ok 20 in_pools 1 shop/web || die "web-1: $(drover vms web-1)"
until_ok 20 in_pools 3 bank/web || die "web-3: $(drover vms web-3)"
until_ok 20 in_pools 2 || die "web-2: $(drover vms web-2)"
say "done"
