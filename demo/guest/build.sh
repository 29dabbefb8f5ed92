#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Build the demo's guest: a Debian kernel and an initramfs with busybox and
# httpd.c. Prints the folder that holds `vmlinuz` and `initrd.gz`.
#
#	demo/guest/build.sh [--agent]
#
# The result is kept in ${DROVER_CACHE:-/var/cache/drover}, named by a hash of
# everything that goes into it, so a second call costs nothing. Packages that
# are not installed are downloaded and unpacked, never installed. --agent adds
# the QEMU guest agent with its libraries.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
agent=${1:-}
# shellcheck source=demo/guest/kernel.sh
. "$here/kernel.sh"

# Load order is init's; these are all that it names.
modules=(
	drivers/virtio/{virtio_ring,virtio,virtio_pci_legacy_dev}
	drivers/virtio/{virtio_pci_modern_dev,virtio_pci,virtio_balloon}
	net/core/failover drivers/net/{net_failover,virtio_net}
	drivers/char/virtio_console
	drivers/misc/pvpanic/{pvpanic,pvpanic-mmio}
	drivers/acpi/button drivers/input/evdev
)

# add_agent ROOT: qemu-ga and the libraries that it needs.
add_agent() {
	local ga
	ga=$(command -v qemu-ga || echo "$(unpacked qemu-guest-agent)/usr/sbin/qemu-ga")
	cp "$ga" "$1/bin/qemu-ga"
	copy_libraries "$ga" "$1"
	mkdir -p "$1/sbin"
	printf '#!/bin/sh\n%s\n%s\n' \
		'case "$*" in *-r*) exec /bin/busybox reboot -f ;; esac' \
		'exec /bin/busybox poweroff -f' >"$1/sbin/shutdown"
	chmod 755 "$1/sbin/shutdown"
}

# build DIR: make the guest in DIR.
build() {
	local root=$1/root m
	mkdir -p "$root"/{bin,dev,proc,sys,run,tmp,lib/modules,etc/acpi/PWRF}
	cp "$kernel_image" "$1/vmlinuz"
	cp "$busybox" "$root/bin/busybox"
	ln -s busybox "$root/bin/sh"
	install -m 755 "$here/init" "$root/init"
	printf '#!/bin/sh\nexec /bin/busybox poweroff -f\n' \
		>"$root/etc/acpi/PWRF/00000080"
	chmod 755 "$root/etc/acpi/PWRF/00000080"
	for m in "${modules[@]}"; do
		copy_module "$m" "$root/lib/modules"
	done
	cc -std=gnu17 -D_GNU_SOURCE -O2 -static -I "$here/../.." -o "$root/bin/httpd" \
		"$here/httpd.c"
	strip "$root/bin/httpd"
	[ "$agent" != --agent ] || add_agent "$root"
	pack_initrd "$root" | gzip -9 >"$1/initrd.gz"
	rm -r "$root"
	chmod 755 "$1"
}

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
find_kernel
find_busybox
key=$({
	echo "$kernel_version $agent"
	cat "$here"/{init,build.sh,kernel.sh,httpd.c} "$here/../pattern.h"
} | sha256sum | cut -c 1-16)
guest=$cache/guest-$key
if [ ! -d "$guest" ]; then
	tmp=$(mktemp -d "$cache/tmp.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	build "$tmp"
	mv -T "$tmp" "$guest"
	rm -rf "$cache/packages" # a hundred megabytes that nobody needs now
fi
echo "$guest"
