#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Probes by a command under the real droverd: it decides who serves and says why,
# with traffic running; what it must not do to the node, it does not.
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_node.sh"

# The command does what the test writes into order.VM, a line for the shell; its
# arguments are for this test to see that they arrive.
check_install() {
	mkdir "$dir/check"
	chmod 1777 "$dir/check"
	cat >"$dir/check/check" <<-END
		#!/bin/sh
		cd "$dir/check"
		[ "\$#:\$1:\$2:\$3" = '3:a b;\$HOME:-v:-v' ] || exit 99
		order=\$(cat "order.\${DROVER_VM#hv/}")
		eval "\${order:-exit 0}"
	END
	chmod 755 "$dir/check/check"
	order 1 ''
	order 2 ''
}

order() { # number, line
	echo "$2" >"$dir/check/order.new"
	mv "$dir/check/order.new" "$dir/check/order.web-$1"
}

exec_conf() { # command
	node_conf
	sed -i "s|health = { port = 80;|& type = \"exec\"; $(printf %s \
		"command = [ \"$1\", \"a b;\$HOME\", \"-v\", \"-v\" ];")|" "$conf"
}

why_says() { # number, text
	[[ $(drover vms "web-$1" --json | jq -r '.data.pools[0].why') == *"$2"* ]]
}

becomes() { # number, role, reason
	until_ok 20 in_role "$2" "$1" && until_ok 5 why_says "$1" "$3" || {
		drover vms "web-$1" >&2
		die "web-$1 is not $2 because of $3"
	}
}

all_dead() { # file of process numbers
	local pid
	[ -s "$1" ] || return 1
	while read -r pid; do
		[ ! -d "/proc/$pid" ] || return 1
	done <"$1"
}

must_die() { until_ok 10 all_dead "$dir/check/$1" || die "$1: not all are dead"; }

node_up 2
check_install
load_start load "$vip" 80 4 4 0 0

say "a reload puts a command in charge; who serves goes on"
exec_conf "$dir/check/check"
expect 0 drover reload
has 'pools.shop/web.health.type: "tcp" -> "exec"' "$out"
becomes 1 serving 'exec 10.9.0.11:80: exit 0 in '
becomes 2 serving 'exec 10.9.0.12:80: exit 0 in '

say "its exit code takes a VM out, its last line says why"
order 1 'echo looking; printf "disk\\033[31m full" >&2; exit 2'
becomes 1 leaving 'exit 2 "disk.[31m full", '
expect 0 drover vms web-1
has 'disk.[31m full' "$out"
order 1 'echo well again'
becomes 1 serving 'exit 0 "well again" in '

say "it runs as nobody, with its VM in the environment and nothing of ours"
order 1 'env >env.new; id >id; ls /proc/self/fd | wc -l >fds; mv env.new env; exit 0'
until_ok 10 test -s "$dir/check/env" || die "it was not run"
order 1 ''
grep -q '^uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)$' \
	"$dir/check/id" || die "$(cat "$dir/check/id")"
for line in DROVER_ADDRESS=10.9.0.11 DROVER_PORT=80 DROVER_VM=hv/web-1 \
	"DROVER_UUID=$(uuid 1)" DROVER_POOL=shop/web DROVER_TIMEOUT_MS=300; do
	grep -qx "$line" "$dir/check/env" || die "$line: $(cat "$dir/check/env")"
done
[ "$(grep -vcE '^(DROVER_|PATH=|PWD=|OLDPWD=|_=)' "$dir/check/env")" = 0 ] ||
	die "more than that: $(cat "$dir/check/env")"
[ "$(cat "$dir/check/fds")" = 4 ] || die "descriptors of ours"

say "too slow, too loud, a brood left behind: down, and nothing stays"
# shellcheck disable=SC2016 # for the command's shell
order 1 'sleep 1000 & echo $$ >>slow; echo $! >>slow; wait'
becomes 1 leaving 'the command is not done in 300 ms'
order 1 'yes'
becomes 1 leaving 'ended, it says more than 64 KiB "y"'
must_die slow
# shellcheck disable=SC2016
order 1 'for i in 1 2 3 4 5 6 7 8; do sleep 1000 & echo $! >>brood; done; exit 0'
becomes 1 serving 'exit 0'
order 1 ''
until_ok 10 test -s "$dir/check/brood" || die "no brood"
must_die brood

say "how probes do is told"
json '.probes | .targets == 2 and .made > 20 and .failed > 3 and .late < .made' status
expect 0 drover status
has 'probes      2 targets, ' "$out"

say "a command that can't be run is told, and takes nobody out"
for case in "nowhere:No such file or directory" "plain:Permission denied"; do
	: >"$dir/check/plain"
	: >"$dir/droverd.log"
	exec_conf "$dir/check/${case%%:*}"
	expect 0 drover reload
	until_ok 15 grep -q "${case%%:*}: ${case#*:}; it stays up" \
		"$dir/droverd.log" || die "$case is not told"
	has_slots 1 2 || die "$case takes VMs out"
	in_role serving 1 2 || die "$case: not serving"
done

say "who is asked otherwise, or no more: the command ends"
exec_conf "$dir/check/check"
expect 0 drover reload
becomes 1 serving 'exit 0'
sed -i 's/timeout = "300ms"/timeout = "20s"/; s/interval = "300ms"/interval = "20s"/' "$conf"
# shellcheck disable=SC2016
order 1 'echo $$ >>reload; sleep 1000'
expect 0 drover reload
until_ok 30 test -s "$dir/check/reload" || die "it is not run"
node_conf
expect 0 drover reload
must_die reload
becomes 1 serving 'tcp 10.9.0.11:80: connected in '
load_end load

say "kill -9 of droverd takes it along"
exec_conf "$dir/check/check"
# shellcheck disable=SC2016
order 2 'echo $$ >>kill; exec sleep 1000'
sed -i 's/timeout = "300ms"/timeout = "20s"/; s/interval = "300ms"/interval = "20s"/' "$conf"
expect 0 drover reload
until_ok 30 test -s "$dir/check/kill" || die "it is not run"
node_stop KILL
must_die kill
say "done"
