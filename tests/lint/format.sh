#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Is all C as clang-format writes it? To mend: clang-format -i FILE
set -eu
cd "$(dirname "$0")/../.."
find bpf config control dataplane demo health tests -name '*.[ch]' -print0 |
	xargs -0 clang-format --dry-run --Werror
