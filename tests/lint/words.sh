#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What grep can say about style: licence lines, header guards, and words that
# belong in certain folders only or nowhere.
set -eu
cd "$(dirname "$0")/../.."
bad=0

fail() { # what is wrong, offending lines
	[ -z "$2" ] || { printf '%s:\n%s\n' "$1" "$2"; bad=1; }
}

sources() {
	find bpf config control dataplane demo health tests \
		-path '*/build*' -prune -o -name '*.[ch]' -print
}

# Every file that somebody wrote names the licence in its first lines.
fail 'no SPDX-License-Identifier: GPL-2.0-only in the first two lines' "$(
	for f in $(sources) $(find . -path './build*' -prune -o \
		-path ./.git -prune -o \( -name meson.build -o -name '*.sh' \) -print) \
		scripts/* .ci/* meson_options.txt .clang-format .clang-tidy; do
		[ -f "$f" ] || continue
		head -n 2 "$f" | grep -q 'SPDX-License-Identifier: GPL-2.0-only' || echo "$f"
	done)"

# Guards say where the header is: dataplane/core/base.h -> DATAPLANE_CORE_BASE_H.
fail 'header guard is not FOLDER_FILE_H' "$(
	for f in $(sources | grep '\.h$'); do
		guard=$(echo "$f" | tr 'a-z/.-' 'A-Z___')
		grep -q "^#ifndef $guard\$" "$f" || echo "$f: want $guard"
	done)"

# It ends at the first match; its writer dies of SIGPIPE and pipefail says "no".
# shellcheck disable=SC2046 # words
fail 'with pipefail it is grep >/dev/null, which reads to the end, not grep -q' "$(
	grep -nE '\| *grep [^|]*-[a-zA-Z]*q' $(grep -rlE 'pipefail' demo scripts \
		tests/e2e tests/vm --include='*.sh') scripts/demo scripts/test \
		demo/*.sh || :)"

# pattern; TAB; files that may have it (none: a dash); TAB; why not elsewhere
tab=$(printf '\t')
while IFS="$tab" read -r pattern files why; do
	case $pattern in '' | '#'*) continue ;; esac
	fail "$why" "$(sources | xargs grep -nE "$pattern" /dev/null |
		grep -vE "^($files)" || :)"
done <<'END'
\<(atoi|atol|strcpy|strcat|sprintf|vsprintf|gets|strtok)\(	tests/	no bounds or no errors: use strtol, snprintf, memcpy
\<(printf|puts|perror)\(|\<stderr\>	control/|tests/|demo/	only the program speaks: modules return errors
\<(_?exit|abort)\(	control/main\.c|control/cli/|control/hypervisor/libvirt_loop\.c|health/spawn\.c|tests/|demo/	only main() exits; and the command, which does one thing; who cannot stop a thread; and a child
\<(gettimeofday|clock_gettime|time)\((CLOCK|NULL|&)	control/|health/wheel\.c|dataplane/xdp/xdp\.c|tests/|demo/	time enters as an argument, but for who ties a module to the world
__bpf__	-	the core is shared by arguments, not by #ifdef
^#if 0	-	no dead code
\<(TODO|FIXME|XXX)\>	-	no open ends in the source: finish it or file it
END
exit $bad
