#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Does every header stand alone? Each is compiled by itself: it includes what it
# uses. The packet path's are compiled for the kernel, too.
set -eu
cd "$(dirname "$0")/../.."
bad=0

alone() { # header, compiler and flags
	header=$1
	shift
	"$@" -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only -I. \
		-x c -include "$header" /dev/null || {
		echo "^ $header"
		bad=1
	}
}

while read -r header; do
	case $header in
	dataplane/core/*) alone "$header" clang -target bpf -ffreestanding ;;
	esac
	# shellcheck disable=SC2046 # flags are words
	alone "$header" gcc $(pkg-config --cflags libxml-2.0)
done <<END
$(find config control dataplane demo health tests -name '*.h')
END
exit $bad
