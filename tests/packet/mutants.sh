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
# in what is expected.
set -euo pipefail

source_dir=${DROVER_SOURCE:-$(dirname "$0")/../..}
cd "$source_dir"
only=${1:-}
cc=${CC:-cc}
flags=(-std=gnu17 -D_GNU_SOURCE -O1 -w)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/drover-mutants.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

right=(check frame mem_tables ref_hash scene test_core)
for f in tests/packet/vectors_*.c; do
	right+=("$(basename "$f" .c)")
done
units=(csum flow hash limiter)
mkdir -p "$scratch/right"

for f in "${right[@]}"; do
	"$cc" "${flags[@]}" -I. -c "tests/packet/$f.c" -o "$scratch/right/$f.o"
done

# Build a program of the copy: name, source, further objects and libraries.
build() {
	"$cc" "${flags[@]}" -I"$scratch" -I. "tests/$2" "${@:3}" \
		-lcmocka -lpthread -o "$scratch/$1"
}

build_vectors() {
	build vectors packet/run.c "${right[@]/#/$scratch/right/}"
}

# The name of the first test that fails; "none".
caught_by() {
	local unit
	if ! timeout 60 "$scratch/vectors" >"$scratch/log" 2>&1; then
		echo "$(grep -c '^\[  FAILED  \] [a-z]' "$scratch/log" || :) lines of vectors"
		return
	fi
	for unit in "${units[@]}"; do
		build unit "unit/test_core_$unit.c" \
			"$scratch"/right/{frame,ref_hash,mem_tables}.o
		if ! timeout 60 "$scratch/unit" >"$scratch/log" 2>&1; then
			echo "test_core_$unit"
			return
		fi
	done
	echo none
}

restore() {
	rm -rf "$scratch/dataplane"
	mkdir -p "$scratch/dataplane"
	cp -r dataplane/core "$scratch/dataplane/core"
}

right=("${right[@]/%/.o}")
restore
build_vectors
by=$(caught_by)
[ "$by" = none ] || { echo "without any mutant: $by" >&2; cat "$scratch/log" >&2; exit 1; }

n=0 bad=0
while read -r file expression; do
	case $file in '' | '#'*) continue ;; esac
	case "$file $expression" in *"$only"*) ;; *) continue ;; esac
	n=$((n + 1))
	restore
	sed -i "$expression" "$scratch/dataplane/core/$file"
	if cmp -s "dataplane/core/$file" "$scratch/dataplane/core/$file"; then
		echo "changes nothing: $file $expression"
		bad=$((bad + 1))
		continue
	fi
	if ! build_vectors 2>"$scratch/log"; then
		echo "does not compile: $file $expression"
		bad=$((bad + 1))
		continue
	fi
	by=$(caught_by)
	# A race shows itself only when threads meet: give them time, most of
	# all on a busy machine.
	for ((i = 0; i < 30; i++)); do
		[[ $by = none && $file = flow.h ]] || break
		by=$(caught_by)
	done
	if [ "$by" = none ]; then
		echo "NOT CAUGHT: $file $expression"
		bad=$((bad + 1))
	else
		echo "ok: $file $expression: $by"
	fi
done <tests/packet/mutants.list

echo "$n mutants, $bad not caught"
[ "$n" -gt 0 ] && [ "$bad" = 0 ]
