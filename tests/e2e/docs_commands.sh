#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Every command line that README, docs, man pages, the example config and the
# command's own help show, typed as it stands against a real daemon.
#
# docs_commands.awk finds them. One has to end with 0, or as docs_commands.list
# says, which also names those that cannot run here, with the reason. A name in
# a text, `drover drain`, has to be a command. The node is made to look like the
# documents' one: its config and socket where they say, VMs web-1 to web-4,
# and a hypervisor that is fed.
#
# shellcheck disable=SC2154 # variables of the lab
. "${0%/*}/daemon_node.sh"

root=$DROVER_SOURCE
tests=$root/tests/e2e
# shellcheck disable=SC2034 # the lab's: a drain with --wait ends soon
idle=1s
# shellcheck disable=SC2034 # the lab's: one that is fed
more_hvs=', { name = "cloud"; driver = "fed"; }'

# --- how lines are found -----------------------------------------------------

texts() {
	find "$root/README.md" "$root/docs" "$root/config/drover.cfg.example" \
		-type f \( -name '*.md' -o -name '*.[1-8]' -o -name '*.example' \) \
		! -path '*/evidence/*' | sort
}

# Examples of `drover COMMAND --help`, in the form of the others.
help_lines() {
	local command
	for command in $(commands); do
		drover "$command" --help |
			sed -n '/^examples\?:$/,$ s/^  //p' |
			sed "s/^/block\thelp:$command\t/"
	done
}

commands() {
	drover --help | sed -n '/^commands:/,/^$/ s/^  \([a-z]*\) .*/\1/p'
}

# Is a line of a block, without a prompt, something that one would type?
is_command() {
	local words word
	[[ $1 != [[:space:]]* ]] || return 1
	read -ra words <<<"$1"
	while [[ ${words[0]-} =~ ^[A-Z_]+=[^=]*$ ]]; do
		words=("${words[@]:1}")
	done
	word=${words[0]-}
	[ "${words[1]-}" != = ] || return 1
	case $word in
	drover | droverd | scripts/* | tests/* | build*/* | .ci/*) return 0 ;;
	# Also what the lab has a function for.
	*) [ "$(type -t "$word")" != keyword ] && type -P "$word" >/dev/null ;;
	esac
}

# --- how they are run --------------------------------------------------------

# Placeholders of forms, as `drover vms VM`.
fill_in() {
	sed -E "s/\<VM\>/web-1/g; s/\<POOL\>/shop\/web/g; s/\<SERVICE\>/shop\/http/g
		s/([a-z]+\.pcap)\>/\/run\/\1/g
		s/\<FILE\>/\/etc\/drover\/drover.cfg/g; s/ drover\.cfg\>/ \/etc\/drover\/drover.cfg/g" <<<"$1"
}

# A mount namespace in which files are where the documents say; its own etc so
# that nothing is left behind.
make_place() {
	mkdir "$dir/etc" "$dir/etc.work" "$dir/rundir" "$dir/bin"
	unshare --mount --propagation private sleep infinity &
	place=$!
	pids+=("$place")
	# shellcheck disable=SC2016 # the inner shell's
	until_ok 5 eval '[ "$(readlink /proc/$place/ns/mnt)" != "$(readlink /proc/self/ns/mnt)" ]'
	nsenter --mount="/proc/$place/ns/mnt" sh -c "
		mount -t overlay overlay -o lowerdir=/etc,upperdir=$dir/etc,workdir=$dir/etc.work /etc
		mkdir -p /etc/drover && ln -s $conf /etc/drover/drover.cfg
		mount --bind $dir/rundir /run && ln -s $dir/run /run/drover"
	ln -s "$DROVER_BUILD/control/cli/drover" "$DROVER_BUILD/control/droverd" "$dir/bin"
}

typed() { # SECONDS LINE
	timeout "$1" env -u DROVER_SOCKET PATH="$dir/bin:$PATH" \
		nsenter --mount="/proc/$place/ns/mnt" --net="/run/netns/$net-n" \
		bash -o pipefail -c "$2"
}

# Captures as the documents' reader has them: of a client, and of a VM's port.
make_captures() {
	local at
	for at in "$net-c c0 clients" "$net-n p2 port"; do
		# shellcheck disable=SC2086 # three words
		set -- $at
		timeout 20 ip netns exec "$1" tcpdump -Z root -q -n --immediate-mode \
			-i "$2" -c 5 -w "$dir/rundir/$3.pcap" 2>"$dir/tcpdump" &
		at=$!
		until_ok 10 grep -q listening "$dir/tcpdump" || die "$(cat "$dir/tcpdump")"
		load_start load "$vip" 80 2 2 0 0
		wait "$at"
		load_end load
	done
}

# What the list says of a line: its exit code, or skip.
documented() {
	local what pattern
	while IFS='|' read -r what pattern _; do
		what=${what//[[:space:]]/}
		pattern=${pattern# }
		pattern=${pattern% }
		case $what in '' | '#'*) continue ;; esac
		# shellcheck disable=SC2053 # a pattern
		[[ $1 == $pattern ]] || continue
		echo "$pattern" >>"$dir/used"
		echo "$what"
		return
	done <"$tests/docs_commands.list"
	echo 0
}

# As the documents find it: a daemon, nothing drained.
tidy_up() {
	local vm
	if ! drover version --json | jq -e '.data.droverd' >/dev/null; then
		node_start
	fi
	for vm in $(seq 4); do
		drover undrain "web-$vm" >/dev/null 2>&1 || :
		drover weight "web-$vm" default >/dev/null 2>&1 || :
	done
}

run_line() { # PLACE LINE
	local want got=0 seconds=60
	want=$(documented "$2")
	if [ "$want" = skip ]; then
		skipped=$((skipped + 1))
		return
	fi
	# It never ends, so its end is ours.
	if [[ $2 == *--follow* ]]; then
		want=124
		seconds=2
	fi
	out=$(typed "$seconds" "$(fill_in "$2")" 2>&1 </dev/null) || got=$?
	n=$((n + 1))
	[ "$got" = "$want" ] || {
		echo "FAILED: $1: $2
  ends with $got, documented is $want: $out"
		bad=$((bad + 1))
	}
}

run_span() { # PLACE LINE
	local words
	read -ra words <<<"$2"
	case ${#words[@]} in
	1) ;; # a name
	2)
		# A mention of a command, or of an option.
		[ "${words[0]}" = droverd ] || [[ ${words[1]} == -* ]] ||
			drover "${words[1]}" --help >/dev/null 2>&1 || {
			echo "FAILED: $1: $2: there is no such command"
			bad=$((bad + 1))
		}
		n=$((n + 1))
		;;
	*) run_line "$1" "$2" ;;
	esac
}

run_all() {
	local kind at line file=''
	while IFS=$'\t' read -r kind at line; do
		[ "${at%:*}" = "$file" ] || tidy_up
		file=${at%:*}
		line=$(sed -E 's/[ \t]+#( .*)?$//' <<<"$line") # a remark
		case $kind:$line in
		block:'$ '* | block:'# '*) run_line "$at" "${line:2}" ;;
		block:*) ! is_command "$line" || run_line "$at" "$line" ;;
		span:drover\ * | span:droverd\ *) run_span "$at" "$line" ;;
		esac
	done <"$dir/lines"
}

n=0
bad=0
skipped=0
node_up 4
make_place
make_captures
# Somebody to look at.
load_start load "$vip" 80 1 0 0 0
typed 5 'drover status' >/dev/null || die "the place is not as documented"
{
	# shellcheck disable=SC2046 # no blanks in our names
	(cd "$root" && awk -f "$tests/docs_commands.awk" \
		$(texts | sed "s|^$root/||"))
	help_lines
} >"$dir/lines"
run_all
say "$n command lines run, $skipped listed as not to run"
sed -n 's/^[a-z0-9]* *| \(.*\) |.*/\1/p' "$tests/docs_commands.list" |
	grep -vxFf "$dir/used" | sed 's/^/# listed, but nowhere shown: /' || :
[ "$n" -gt 40 ] || die "too few: they are not found any more"
[ "$bad" = 0 ] || die "$bad of them do not work as documented"
