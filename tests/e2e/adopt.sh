#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# docs/adopt.md, walked with traffic running: a real HAProxy whose VIP a real
# keepalived holds; Drover beside it, instead of it, and off again. What was open
# at a change may be reset, as the page says; nothing else fails, and nothing
# fails while Drover only looks on.
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_node.sh"

WORKERS=4

for tool in haproxy keepalived libvirtd virsh jq setpriv; do
	command -v $tool >/dev/null || skip "needs $tool"
done

# --- what serves today -------------------------------------------------------

haproxy_up() {
	local vm
	cat >"$dir/haproxy.cfg" <<-END
		global
		  stats socket $dir/haproxy.sock mode 600 level admin
		  user root
		defaults
		  mode tcp
		  timeout connect 2s
		  timeout client 30s
		  timeout server 30s
		frontend http
		  bind $vip:80
		  default_backend web
		backend web
		  balance roundrobin
		$(for vm in 1 2 3; do
			echo "  server vm$vm $(addr $vm):80 check inter 500ms"
		done)
	END
	# Not by a function: the process itself must hear our signals.
	ip netns exec "$net-n" haproxy -db -f "$dir/haproxy.cfg" >"$dir/haproxy.log" 2>&1 &
	haproxy_pid=$!
	pids+=("$haproxy_pid")
	until_ok 5 ask_haproxy 'show info' || die "HAProxy: $(cat "$dir/haproxy.log")"
}

ask_haproxy() { echo "$1" | socat "$dir/haproxy.sock" - | grep .; }

# Connections that its frontend has taken.
haproxy_taken() {
	ask_haproxy 'show stat' | awk -F, '$1 == "http" && $2 == "FRONTEND" { print $8 }'
}

keepalived_up() {
	cat >"$dir/keepalived.conf" <<-END
		global_defs {
		  router_id drover_test
		}
		vrrp_instance site {
		  interface u0
		  state MASTER
		  virtual_router_id 51
		  priority 100
		  advert_int 1
		  virtual_ipaddress {
		    $vip/32 dev u0
		  }
		}
	END
	ip netns exec "$net-n" keepalived -n -l -P -f "$dir/keepalived.conf" -p "$dir/ka.pid" \
		-r "$dir/ka-vrrp.pid" >"$dir/keepalived.log" 2>&1 &
	keepalived_pid=$!
	pids+=("$keepalived_pid")
	until_ok 15 has_vip || die "keepalived: $(tail -3 "$dir/keepalived.log")"
}

has_vip() { ns_node ip addr show dev u0 | grep -qF "$vip/32"; }
no_vip() { ! has_vip; }

# --- the steps ---------------------------------------------------------------

observe() { # true|false
	sed -i "s/pool = \"web\"; target_port = 80;.*/pool = \"web\"; target_port = 80; observe = $1; }/" "$conf"
}

service() { # FIELD
	drover services --json | jq -r ".data[] | select(.service == \"shop/http\") | .$1"
}

short() { # LOAD FIELD
	sed -n "s/.*short_$2=\([0-9]*\).*/\1/p" "$dir/$1"
}

# A load that begins now: all that is new gets through.
new_connections() { # NAME
	load_start "$1" "$vip" 80 $WORKERS 0 0 0
	sleep 2
	load_end "$1" || die "$2"
}

export TRAFFIC_PROXY=1
net_up 3
trap node_cleanup EXIT
hv_up
for vm in 1 2 3; do
	port_mac $vm
	hv_define $vm role=web
	hv_start $vm
done
ns_node sysctl -qw net.ipv4.ip_nonlocal_bind=1
haproxy_up
keepalived_up
load_start whole "$vip" 80 $WORKERS 0 0 0
load_start open "$vip" 80 0 2 0 0
sleep 1

say "1: a config that observes"
node_conf
observe true
ns_node "$DROVER_BUILD/control/droverd" --check --config "$conf" || die "the config"

say "2: beside HAProxy, which serves as before; Drover counts"
before=$(haproxy_taken)
load_start beside "$vip" 80 $WORKERS 0 0 0
node_start
serving 1 2 3
sleep 2
load_end beside || die "a connection failed while Drover only looked on"
taken=$(($(haproxy_taken) - before))
[ "$taken" -ge "$(short beside ok)" ] || die "HAProxy took $taken connections only"
[ "$(service observed)" = true ] || die "the service is not observed"
opened=$(service openers)
say "HAProxy took $taken connections meanwhile, Drover would have had $opened"
[ "$opened" -gt 100 ] || die "Drover does not count connections"
[ "$(service out_packets)" -gt 100 ] || die "Drover does not count answers"
[ "$opened" -le $((taken + WORKERS)) ] || die "Drover counts what was not there"
for vm in 1 2 3; do
	[ "$(drover vms web-$vm --json | jq .data.pools[0].openers)" -gt 10 ] ||
		die "nothing would have gone to web-$vm"
done
out=$(drover explain "10.0.0.1:40000" shop/http)
has "passes as it came; else it would go to hv/web-" "$out"
has "only observed" "$(drover services)"
drover counters --json | jq -e '[.data.reasons[] | select(.reason | test("^(drop|reply)_")) | .packets] | add == 0' >/dev/null ||
	die "it dropped or answered: $(drover counters)"

say "3: taken over"
observe false
from=$(now_ms)
out=$(drover reload)
has 'observe: true -> false' "$out"
say "reload took $(($(now_ms) - from)) ms"
before=$(haproxy_taken)
new_connections taken_over "after the take-over"

say "4: HAProxy has nothing to do, and is still there"
[ "$(haproxy_taken)" = "$before" ] || die "HAProxy still takes connections"
[ "$(service observed)" = false ] || die "still observed"

say "back in one step"
from=$(now_ms)
drover detach || die "detach"
took=$(($(now_ms) - from))
say "detach took $took ms"
[ "$took" -lt 1000 ] || die "detach took $took ms"
wait "$node_pid" || die "droverd ended with $?"
new_connections back "after the way back"
[ "$(haproxy_taken)" -gt "$before" ] || die "HAProxy does not serve again"
load_stop whole || :
load_stop open || :
failed=$(short whole failed)
say "of $(short whole ok) connections $failed failed at the two changes"
[ "$failed" -le $((2 * WORKERS)) ] || die "more failed than were open"
broken=$(sed -n 's/.*long_broken=\([0-9]*\).*/\1/p' "$dir/open")
say "of 2 that stayed open $broken were reset at the two changes"
[ "$broken" -le 4 ] || die "an open connection broke at other times"

say "5: once more, then HAProxy and keepalived end; no connection fails"
node_start
serving 1 2 3
load_start farewell "$vip" 80 $WORKERS 2 0 0
sleep 1
kill "$keepalived_pid"
until_ok 10 no_vip || die "keepalived leaves its VIP"
kill "$haproxy_pid"
wait "$haproxy_pid" 2>/dev/null || :
sleep 3
ns_client ip neigh flush all
sleep 1
load_end farewell || die "without HAProxy and keepalived"

say "and back from there: they first, then Drover off"
haproxy_up
keepalived_up
drover detach || die "detach"
wait "$node_pid" || :
new_connections home "on the old way"
say ok
