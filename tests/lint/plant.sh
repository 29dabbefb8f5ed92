#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Does the include test see what it must? In a scratch copy, each forbidden
# arrow is planted by itself and has to be caught; each allowed one has to pass.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/drover-plant.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
for dir in bpf config control dataplane health; do
	[ ! -d "$here/../../$dir" ] || cp -r "$here/../../$dir" "$scratch/"
done

if ! "$here/includes.sh" "$scratch"; then
	echo 'the tree as it is does not pass, so planting proves nothing'
	exit 1
fi
n=0 bad=0
while read -r want file include; do
	case $want in '' | '#'*) continue ;; esac
	printf '#include %s\n' "$include" >"$scratch/$file"
	if "$here/includes.sh" "$scratch" >/dev/null; then got=allowed; else got=caught; fi
	rm "$scratch/$file"
	n=$((n + 1))
	[ "$got" = "$want" ] || {
		bad=1
		echo "$file: #include $include: $got, wanted $want"
	}
done <<'END'
caught dataplane/core/planted.h "config/config.h"
caught dataplane/core/planted.h "dataplane/dataplane.h"
caught dataplane/core/planted.h <string.h>
caught dataplane/core/planted.h <rte_ether.h>
caught dataplane/planted.c "dataplane/xdp/maps.h"
caught dataplane/planted.c "config/config.h"
caught dataplane/planted.c "lb.skel.h"
caught dataplane/planted.c <bpf/libbpf.h>
caught dataplane/xdp/planted.c "control/log.h"
caught dataplane/xdp/planted.c "dataplane/dpdk/port.h"
caught bpf/planted.bpf.c "dataplane/dataplane.h"
caught bpf/planted.bpf.c <string.h>
caught health/planted.c "control/log.h"
caught health/planted.c "config/config.h"
caught health/planted.c "dataplane/core/state.h"
caught health/planted.c <libvirt/libvirt.h>
caught config/planted.c "health/health.h"
caught config/planted.c <event2/event.h>
caught config/planted.c <libconfig.h>
caught control/planted.c "dataplane/xdp/maps.h"
caught control/planted.c "dataplane/maglev.h"
caught control/planted.c <bpf/libbpf.h>
caught control/planted.c <libvirt/libvirt.h>
caught control/planted.c <libconfig.h>
caught control/planted.c <sqlite3.h>
caught control/planted.c <rte_eal.h>
caught control/planted.c <openssl/ssl.h>
caught health/planted.c <libmnl/libmnl.h>
caught control/hypervisor/planted.c "control/reconcile.h"
caught control/hypervisor/planted.c "config/config.h"
caught control/cli/planted.c "control/store.h"
caught control/cli/planted.c "health/health.h"

allowed dataplane/core/planted.h <stdint.h>
allowed dataplane/planted.c "dataplane/core/state.h"
allowed dataplane/xdp/planted.c "lb.skel.h"
allowed dataplane/xdp/planted.c <bpf/libbpf.h>
allowed bpf/planted.bpf.c <bpf/bpf_helpers.h>
allowed bpf/planted.bpf.c "dataplane/core/forward.h"
allowed health/planted.c <event2/event.h>
allowed config/planted.c "dataplane/core/base.h"
allowed config/parse.c <libconfig.h>
allowed control/planted.c "dataplane/dataplane.h"
allowed control/planted.c "config/config.h"
allowed control/hypervisor/libvirt_planted.c <libvirt/libvirt.h>
allowed control/cli/planted.c "dataplane/dataplane.h"
END
[ "$bad" = 0 ] && echo "$n planted includes, each judged right"
exit $bad
