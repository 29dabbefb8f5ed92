#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A run of one fuzz target: run.sh PROGRAM CORPUS RUNS, or SECONDSs ("600s"),
# of which $DROVER_FUZZ_S makes another number.
#
# What it finds on the way goes to a scratch directory, so that the corpus in
# the tree holds only what somebody put there; a failing input is printed.
set -eu

program=$1 corpus=$2 runs=$3

[ -d "$corpus" ] || { echo "no corpus: $corpus" >&2; exit 1; }
scratch=$(mktemp -d "${TMPDIR:-/tmp}/drover-fuzz.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
mkdir "$scratch/found"

# The same seed every time: a run in CI is a test, not a search. A long one is.
case $runs in
*s) limit="-max_total_time=${DROVER_FUZZ_S:-${runs%s}} -print_final_stats=1" ;;
*) limit="-runs=$runs -seed=1" ;;
esac
# Words of the language that the input is in, if somebody wrote them down.
dict=${corpus%/*/*}/${corpus##*/}.dict
[ -f "$dict" ] && limit="$limit -dict=$dict"
# shellcheck disable=SC2086 # words
if "$program" $limit -timeout=10 -rss_limit_mb=2048 \
	-artifact_prefix="$scratch/" "$scratch/found" "$corpus"; then
	exit 0
fi
for f in "$scratch"/crash-* "$scratch"/leak-* "$scratch"/timeout-* "$scratch"/oom-*; do
	[ -f "$f" ] || continue
	echo "input that fails (put it into $corpus once it is mended):"
	base64 "$f"
done
exit 1
