#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# clang-tidy over all C that is built, the kernel's, too: tidy.sh BUILD-DIR [FILE…]
#
# BUILD-DIR is a build by clang: gcc's own flags stop clang-tidy. A header is
# read through the files that include it. A source that passed is not read again
# until it, any header or the settings change; a stamp in BUILD-DIR/tidy says so.
set -eu

build=$(realpath "$1")
shift
sources=()
for f; do
	sources+=("$(realpath "$f")")
done
cd "$(dirname "$0")/../.."
if [ ${#sources[@]} = 0 ]; then
	mapfile -t sources < <(jq -r '.[] | "\(.directory)/\(.file)"' \
		"$build/compile_commands.json" | xargs realpath bpf/*.bpf.c | sort -u)
fi

mkdir -p "$build/tidy"
newest=$(find .clang-tidy bpf config control dataplane demo health tests \
	\( -name '*.h' -o -name .clang-tidy \) -printf '%T@ %p\n' |
	sort -rn | sed -n '1s/^[^ ]* //p')

todo=()
for f in "${sources[@]}"; do
	stamp=$build/tidy/$(realpath --relative-to=. "$f" | tr / _)
	[[ $stamp -nt $f && $stamp -nt $newest ]] || todo+=("$f" "$stamp")
done
echo "$((${#todo[@]} / 2)) of ${#sources[@]} sources to read"
[ ${#todo[@]} != 0 ] || exit 0

# Two at a time; all are read before the verdict. In BPF helpers return long.
# The analyzer's notes on how it got there are left out: ask it yourself with
# clang-tidy -p BUILD-DIR FILE.
read_one() { # build, source, stamp
	local said how=(-p "$1")

	case $2 in
	*.bpf.c)
		how=(--checks=-bugprone-narrowing-conversions --
			-target bpf -ffreestanding -std=gnu17 -I.
			-idirafter "/usr/include/$(gcc -print-multiarch)")
		;;
	esac
	# What it finds in bpftool's skeletons is not ours.
	if said=$(clang-tidy --quiet "$2" "${how[@]}" 2>/dev/null) ||
		{ said=$(grep -A 2 ' error: ' <<<"$said") &&
			! grep ' error: ' <<<"$said" | grep -qv '\.skel\.h:'; }; then
		touch "$3"
	else
		uniq <<<"$said"
		return 1
	fi
}
export -f read_one
# shellcheck disable=SC2016 # it is the inner shell that expands
read_all='read_one "$0" "$1" "$2"'
printf '%s\0' "${todo[@]}" | xargs -0 -P 2 -n 2 bash -c "$read_all" "$build"
