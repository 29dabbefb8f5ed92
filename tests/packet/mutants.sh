#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Do the tests see what they are there to see? Each line of mutants.list is a
# mistake made on purpose in a copy of dataplane/core; the vectors, and after
# them the core's unit tests, are built against the copy, and one must fail.
#
#	mutants.sh [WORD]	(only the lines with WORD in them)
#
# The tests' own files are built once, against the right core: a mistake is not
# in what is expected. What has the mistake is compiled without optimization and
# without always_inline: that takes a tenth of the time. Two at a time.
set -euo pipefail

cd "${DROVER_SOURCE:-$(dirname "$0")/../..}"
only=${1:-}
cc=${CC:-cc}
flags=(-std=gnu17 -D_GNU_SOURCE -w)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/drover-mutants.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
units=(csum flow hash limiter)
right=$scratch/right # objects

running=0 n=0 bad=0

reap() {
	wait -n || bad=$((bad + 1))
	running=$((running - 1))
}

# beside COMMAND...: in the background, when less than two run.
beside() {
	[ $running -lt 2 ] || reap
	"$@" &
	running=$((running + 1))
}

# All of it is done.
reap_all() {
	while [ $running -gt 0 ]; do
		reap
	done
}

# A copy of the core, in $at.
copy() {
	mkdir -p "$at/dataplane"
	cp -r dataplane/core "$at/dataplane/core"
	sed -i 's/^\(#define ALWAYS_INLINE inline\) .*/\1/' "$at/dataplane/core/base.h"
}

# Build a program of the copy: name, source, further objects.
build() {
	"$cc" "${flags[@]}" -O0 -I"$at" -I. "tests/$2" "${@:3}" \
		-lcmocka -lpthread -o "$at/$1"
}

# The name of the first test that fails; "none".
caught_by() {
	local unit
	if ! timeout 60 "$at/vectors" >"$at/log" 2>&1; then
		echo "$(grep -c '^\[  FAILED  \] [a-z]' "$at/log" || :) lines of vectors"
		return
	fi
	for unit in "${units[@]}"; do
		[ -x "$at/$unit" ] || build "$unit" "unit/test_core_$unit.c" \
			"$right"/{frame,ref_hash,mem_tables}.o || return
		if ! timeout 60 "$at/$unit" >"$at/log" 2>&1; then
			echo "test_core_$unit"
			return
		fi
	done
	echo none
}

# try FILE EXPRESSION: say what becomes of a mutant; fails if it is not caught.
try() {
	local file=$1 expression=$2 by i at

	at=$(mktemp -d "$scratch/mutant.XXXXXX")
	copy
	sed -i "$expression" "$at/dataplane/core/$file"
	if cmp -s "dataplane/core/$file" "$at/dataplane/core/$file"; then
		echo "changes nothing: $file $expression"
		return 1
	fi
	if ! build vectors packet/run.c "$right"/*.o 2>"$at/log" ||
		! by=$(caught_by 2>"$at/log"); then
		echo "does not compile: $file $expression"
		return 1
	fi
	# A race shows itself only when threads meet: give them time, most of
	# all on a busy machine.
	for ((i = 0; i < 30; i++)); do
		[[ $by = none && $file = flow.h ]] || break
		by=$(caught_by)
	done
	rm -rf "$at"
	if [ "$by" = none ]; then
		echo "NOT CAUGHT: $file $expression"
		return 1
	fi
	echo "ok: $file $expression: $by"
}

mkdir "$right"
for f in tests/packet/{check,frame,mem_tables,ref_hash,scene,test_core,vectors_*}.c; do
	beside "$cc" "${flags[@]}" -O1 -I. -c "$f" -o "$right/$(basename "$f" .c).o"
done
reap_all
[ $bad = 0 ] || { echo "the tests do not compile" >&2; exit 1; }

at=$scratch
copy
build vectors packet/run.c "$right"/*.o
by=$(caught_by)
[ "$by" = none ] || { echo "without any mutant: $by" >&2; cat "$at/log" >&2; exit 1; }

while read -r file expression; do
	case $file in '' | '#'*) continue ;; esac
	case "$file $expression" in *"$only"*) ;; *) continue ;; esac
	n=$((n + 1))
	beside try "$file" "$expression"
done <tests/packet/mutants.list
reap_all

echo "$n mutants, $bad not caught"
[ "$n" -gt 0 ] && [ "$bad" = 0 ]
