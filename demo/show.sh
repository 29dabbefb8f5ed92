# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# How the demo talks: phases with the time, lines under them, a table at the
# end. To be sourced; colours and progress only on a terminal.

show_start=$SECONDS
show_bold='' show_dim='' show_good='' show_bad='' show_off='' show_clear=''
if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ]; then
	show_clear=$'\r\033[K'
	if [ -z "${NO_COLOR:-}" ]; then
		show_bold=$'\033[1m' show_dim=$'\033[2m' show_off=$'\033[0m'
		show_good=$'\033[32m' show_bad=$'\033[31m'
	fi
fi

# phase TITLE [WHY]: a new part of the story, and a line why it is told.
phase() {
	local passed=$((SECONDS - show_start))
	printf '\n%s[%d:%02d] %s%s\n' "$show_bold" $((passed / 60)) \
		$((passed % 60)) "$1" "$show_off"
	[ $# -lt 2 ] || printf '       %s%s%s\n' "$show_dim" "$2" "$show_off"
}

# line TEXT: something that is so.
line() {
	printf '%s       %s\n' "$show_clear" "$*"
}

# doing TEXT: what is waited for, on a terminal only; the next line replaces it.
doing() {
	[ -z "$show_clear" ] || printf '%s       %s ...' "$show_clear" "$*"
}

# die TEXT: the demo cannot go on.
die() {
	printf '%s%sdemo: %s%s\n' "$show_clear" "$show_bad" "$*" "$show_off" >&2
	exit 1
}

# row WHAT VALUE [MUST ok|bad]: a row of the table at the end.
row() {
	local mark=''
	case ${4:-} in
	ok) mark="${show_good}ok$show_off" ;;
	bad) mark="${show_bad}NOT MET$show_off" ;;
	esac
	printf '  %-36s %14s   %-9s %s\n' "$1" "$2" "${3:-}" "$mark" |
		sed 's/ *$//'
}

table_head() {
	printf '\n%s  %-36s %14s   %s%s\n' "$show_bold" "$1" "$2" "$3" "$show_off"
}

# seconds MS: 1.2 s
seconds() {
	local ms
	printf -v ms %.0f "$1"
	printf '%d.%d s' $((ms / 1000)) $((ms % 1000 / 100))
}
