#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Fail on any #include that the architecture does not allow.
#
#	includes.sh [TREE]	(default: the tree this script is in)
#
# The two tables are the architecture (docs/architecture.md draws it). A new
# arrow is a decision: change the table and the page, with the reason.
set -eu
cd "${1:-$(dirname "$0")/../..}"
folders='bpf config control dataplane health'
bad=0

check() { # what is wrong, offending lines
	[ -z "$2" ] || { printf '%s:\n%s\n' "$1" "$2"; bad=1; }
}

# Every #include of the project, as file:line:text.
# shellcheck disable=SC2086 # they are words
all=$(find $folders -name '*.[ch]' \
	-exec grep -HnE '^[[:space:]]*#[[:space:]]*include' {} +)

# Folder (without the folders in it), then what its includes must match. Where
# <any> stands, the second table still says which library is known there.
any='<'
while read -r dir ok; do
	case $dir in '' | '#'*) continue ;; esac
	check "$dir/ may not include" \
		"$(echo "$all" | grep -E "^$dir/[^/]*:" | grep -vE "include ($ok)" || :)"
done <<END
# The packet path knows the compiler's headers and itself: it is compiled twice.
dataplane/core <std(bool|def|int)\.h>|"dataplane/core/
# Table building is pure: no engine, no library.
dataplane $any|"dataplane/(core/)?[a-z_]+\.h"
# An engine knows the tables, not its users, not the other engine.
dataplane/xdp $any|"(dataplane/(core/|xdp/)?[a-z_]+|(lb|port|host|drops)\.skel)\.h"
# What the kernel runs.
bpf <(linux/(bpf|pkt_cls)\.h|bpf/)|"(dataplane/core/[a-z_]+|bpf/[a-z_]+\.bpf)\.h"
# These two know nobody: control ties them together.
health $any|"(health/[a-z_]+|dataplane/core/base)\.h"
config $any|"(config/[a-z_]+|dataplane/core/base)\.h"
# Drivers report to control through driver.h and log; nothing else is theirs.
control/hypervisor $any|"(control/(hypervisor/[a-z_]+|log)|dataplane/core/base)\.h"
# The daemon, through the interface of the data plane, never an engine's headers.
control $any|"(control/|config/|health/)[a-z_]+\.h"|"control/hypervisor/driver\.h"|"dataplane/(core/[a-z_]+|dataplane|names)\.h"
# The command is a client: the API's words, and the pinned state when nobody answers.
control/cli $any|"(control/(cli/[a-z_]+|render)|config/(config|text)|dataplane/(core/[a-z_]+|dataplane|names))\.h"
END

# Library, then the only files that may know it: one place to change when the
# library does. main.c names the engine and the driver, in "…" includes.
while read -r lib files; do
	case $lib in '' | '#'*) continue ;; esac
	check "<$lib> belongs in $files only" \
		"$(echo "$all" | grep -E "include <$lib" | grep -vE "^($files)" || :)"
done <<'END'
rte_ dataplane/dpdk/
bpf/ dataplane/xdp/|bpf/
linux/(bpf|if_link|pkt_cls)\.h dataplane/xdp/|bpf/
libconfig config/parse\.c
libvirt/ control/hypervisor/libvirt
libxml/ control/hypervisor/|config/xpath\.c
event2/ control/|health/
curl/ control/cli/client\.c
pcap/ control/cli/capture\.c
jansson control/
sqlite3 control/store
openssl/ health/tls
libmnl/ control/[a-z_]+\.[ch]:|dataplane/xdp/veth\.c
END
exit $bad
