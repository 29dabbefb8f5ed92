#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A config of several files as one: a plan says what a reload would do and what
# it costs, an error in any file leaves all of them out of force, and what is
# secret is shown nowhere. Long connections run all the while.
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_node.sh"

secret=hunter2-in-the-clear

# tenant NAME VIP PORT [KEYS OF THE POOL]: a file of one tenant.
tenant() {
	cat >"$dir/conf.d/$1.cfg" <<-END
		tenants = ( { name = "$1"; vips = [ "$2" ]; names = [ "$1-*" ]; } );
		pools = (
		  { tenant = "$1"; name = "app"; select = [ "role=$1" ];
		    health = { port = 6379; ${4-} }; } );
		services = (
		  { tenant = "$1"; name = "app"; vip = "$2"; port = $3; pool = "app"; }
		);
	END
}

planned() { expect 0 drover reload --plan; }

# nobody_changed: nothing of what was planned is in force.
nobody_changed() {
	drover services --json | jq -e '[.data[].service] == ["shop/http"]' \
		>/dev/null || die "$(drover services)"
}

node_up 3
load_start long "$vip" 80 0 12 0 0
until_ok 20 eval 'drover vms --json |
	jq -e "[.data[].pools[].flows] | add >= 12"' || die "no connections"
mkdir "$dir/conf.d"

json '.hypervisors[0] | .name == "hv" and .domain == "hv"' status

say "a plan: what would change, and nothing does"
planned
[ "$out" = "nothing changed" ] || die "$out"
tenant bank 203.0.113.99 6379 "send = \"AUTH $secret\\r\\n\";"
planned
has "+ tenants.bank" "$out"
has "+ pools.bank/app" "$out"
has "+ services.bank/app" "$out"
has "only a plan, not in force" "$out"
nobody_changed
json '.in_force == false and ([.changes[].effect] | unique == ["none"])' \
	reload --plan

say "a plan says what a change costs"
sed -i 's/target_port = 80/target_port = 81/; s/flows = "16k"/flows = "32k"/;
	s/idle_timeout = "10s"/idle_timeout = "11s"/' "$conf"
planned
grep -q '^~ services.shop/http.target_port: 80 -> 81 (cuts connections): pool shop/web has ~[1-9]' \
	<<<"$out" || die "$out"
has '~ node.limits.flows: "16k" -> "32k" (after a restart of droverd)' "$out"
grep -qx '~ pools.shop/web.idle_timeout: "10s" -> "11s"' <<<"$out" || die "$out"
has "1 of them cut connections" "$out"
has "1 of them wait for a restart of droverd" "$out"
json '[.changes[] | select(.effect == "cut") | .connections] |
	length == 1 and .[0] >= 12' reload --plan
sed -i 's/target_port = 81/target_port = 80/; s/flows = "32k"/flows = "16k"/;
	s/idle_timeout = "11s"/idle_timeout = "10s"/' "$conf"

say "an error in one file, and none is in force"
tenant late 203.0.113.98 80 'prot = 7;'
expect 4 drover reload --plan
has "conf.d/late.cfg:4: pools.app.health.prot: unknown key" "$err"
expect 4 drover reload
has "did you mean \"port\"" "$err"
has "the config in force stays" "$err"
nobody_changed
expect 1 "$DROVER_BUILD/control/droverd" --check --config "$conf"
has "conf.d/late.cfg:4: " "$out"

say "the same name in two files: both are named"
tenant late 203.0.113.98 80
sed -i 's/"late"/"bank"/g' "$dir/conf.d/late.cfg"
expect 4 drover reload
has "conf.d/late.cfg:1: tenants.bank.name: there is a tenant \"bank\" already" "$err"
has "conf.d/bank.cfg:1)" "$err"
nobody_changed

say "all files are in force at once"
tenant late 203.0.113.98 80
expect 0 drover reload
has "in force" "$out"
drover services --json | jq -e '[.data[].service] | sort ==
	["bank/app", "late/app", "shop/http"]' >/dev/null ||
	die "$(drover services)"

say "what is secret is shown nowhere"
tenant bank 203.0.113.99 6379 "send = \"AUTH another-$secret\\r\\n\";"
planned
has "~ pools.bank/app.health.send: (hidden) -> (hidden)" "$out"
[[ $out != *$secret* ]] || die "the plan shows it: $out"
expect 0 drover reload --json
[[ $out != *$secret* ]] || die "the API shows it: $out"
tenant bank 203.0.113.99 6379 "send = [ \"AUTH $secret\" ];"
expect 4 drover reload
has "pools.app.health.send: must be a string" "$err"
[[ $err != *$secret* ]] || die "the error shows it: $err"
kill -HUP "$node_pid"
until_ok 10 grep -q "is refused, the config in force stays" "$dir/droverd.log" ||
	die "the signal does nothing"
for command in status "pools bank/app" pools services "events --last 50"; do
	# shellcheck disable=SC2086 # words
	[[ $(drover $command --json) != *$secret* ]] || die "$command shows it"
done
! grep -q "$secret" "$dir/droverd.log" || die "the log shows it"

say "a file that goes takes its tenant along"
rm "$dir/conf.d/bank.cfg"
planned
has "- services.bank/app (cuts connections): pool bank/app has ~0" "$out"
expect 0 drover reload
drover services --json | jq -e '[.data[].service] | sort ==
	["late/app", "shop/http"]' >/dev/null || die "$(drover services)"
load_end long
say "done"
