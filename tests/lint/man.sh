#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Man pages that mandoc finds nothing wrong with, and that have every command
# and option of the programs.
set -eu
cd "$(dirname "$0")/../.."
bad=0

fail() { # what is wrong, offending lines
	[ -z "$2" ] || { printf '%s:\n%s\n' "$1" "$2"; bad=1; }
}

command -v mandoc >/dev/null || {
	echo "needs mandoc"
	exit 77
}

# What is installed on this machine is not the page's business.
fail 'mandoc' "$(mandoc -T lint -W warning docs/man/*.[158] 2>&1 |
	grep -vE 'outdated mandoc.db|STYLE: referenced manual not found' || :)"

# Commands are `.name = "drain"`, options rows `[OPT_POOL] = { "pool", …`.
fail 'docs/man/drover.1 does not have the command' "$(
	sed -n 's/^\t\.name = "\([a-z]*\)",$/\1/p' control/cli/cmd_*.c |
		while read -r name; do
			grep -qE "^\.It Cm $name( |\$)" docs/man/drover.1 || echo "$name"
		done)"
fail 'docs/man/drover.1 does not have the option' "$(
	sed -n 's/.*\[OPT[A-Z_]*\] = { "\([a-z-]*\)",.*/\1/p' control/cli/cmd_*.c |
		sort -u | while read -r name; do
			grep -q "Fl -$name" docs/man/drover.1 || echo "--$name"
		done)"
fail 'docs/man/droverd.8 does not have the option' "$(
	sed -n 's/^\t\t{ "\([a-z-]*\)", [a-z]*_argument,.*/\1/p' control/main.c |
		while read -r name; do
			grep -q -- "-$name" docs/man/droverd.8 || echo "--$name"
		done)"
exit $bad
