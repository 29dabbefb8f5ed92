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
cache=${DROVER_CACHE:-/var/cache/drover}
agent=${1:-}

# Load order is init's; these are all that it names.
modules=(
	drivers/virtio/{virtio_ring,virtio,virtio_pci_legacy_dev}
	drivers/virtio/{virtio_pci_modern_dev,virtio_pci,virtio_balloon}
	net/core/failover drivers/net/{net_failover,virtio_net}
	drivers/char/virtio_console
	drivers/misc/pvpanic/{pvpanic,pvpanic-mmio}
	drivers/acpi/button drivers/input/evdev
)

die() {
	echo "guest: $*" >&2
	exit 1
}

# unpacked PACKAGE: a folder with the package's files.
unpacked() {
	local dir=$cache/packages/$1 tmp
	if [ ! -d "$dir" ]; then
		tmp=$(mktemp -d "$cache/tmp.XXXXXX")
		(
			cd "$tmp"
			apt-get -qq -o APT::Sandbox::User=root download "$1" >&2
			dpkg-deb -x ./*.deb root
		) || die "cannot download the package $1 (apt-get update?)"
		mkdir -p "$cache/packages"
		mv -T "$tmp/root" "$dir"
		rm -r "$tmp"
	fi
	echo "$dir"
}

# Newest cloud kernel: where its files are, and its version.
find_kernel() {
	local root=/ image package
	image=$({ find /boot -name 'vmlinuz-*-cloud-amd64' || :; } 2>/dev/null |
		sort -V | tail -n 1)
	if [ -z "$image" ]; then
		package=$(apt-cache depends linux-image-cloud-amd64 |
			sed -n 's/.*Depends: \(linux-image-.*\)/\1/p' |
			head -n 1)
		[ -n "$package" ] || die "no package linux-image-cloud-amd64"
		root=$(unpacked "$package")
		image=$(find "$root/boot" -name 'vmlinuz-*')
	fi
	kernel_image=$image
	kernel_version=${image##*/vmlinuz-}
	kernel_modules=$root/lib/modules/$kernel_version/kernel
}

find_busybox() {
	busybox=/bin/busybox
	if [ ! -x "$busybox" ] || ldd "$busybox" >/dev/null 2>&1; then
		busybox=$(unpacked busybox-static)/bin/busybox
	fi
}

# add_agent ROOT: qemu-ga and the libraries that it needs.
add_agent() {
	local ga lib
	ga=$(command -v qemu-ga || echo "$(unpacked qemu-guest-agent)/usr/sbin/qemu-ga")
	cp "$ga" "$1/bin/qemu-ga"
	ldd "$ga" | grep -o '/[^ ]*' | while read -r lib; do
		mkdir -p "$1${lib%/*}"
		cp -L "$lib" "$1$lib"
	done
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
		m=$kernel_modules/$m.ko
		if [ -e "$m" ]; then
			cp "$m" "$root/lib/modules/"
		else
			xz -dc "$m.xz" >"$root/lib/modules/${m##*/}"
		fi
	done
	strip -g "$root"/lib/modules/*.ko
	cc -std=gnu17 -D_GNU_SOURCE -O2 -static -I "$here/../.." -o "$root/bin/httpd" \
		"$here/httpd.c"
	strip "$root/bin/httpd"
	[ "$agent" != --agent ] || add_agent "$root"
	(cd "$root" && find . | "$busybox" cpio -o -H newc 2>/dev/null) |
		gzip -9 >"$1/initrd.gz"
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
	cat "$here"/{init,build.sh,httpd.c} "$here/../pattern.h"
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
