# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What guests are made from: Debian's kernel for clouds and a static busybox. To
# be sourced. Packages that are not installed are unpacked in $cache.

cache=${DROVER_CACHE:-/var/cache/drover}

guest_die() {
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
		) || guest_die "cannot download the package $1 (apt-get update?)"
		mkdir -p "$cache/packages"
		mv -T "$tmp/root" "$dir"
		rm -r "$tmp"
	fi
	echo "$dir"
}

# Newest cloud kernel: where its files are, and its version.
# shellcheck disable=SC2034 # read by what is sourced
find_kernel() {
	local root=/ image package
	image=$({ find /boot -name 'vmlinuz-*-cloud-amd64' || :; } 2>/dev/null |
		sort -V | tail -n 1)
	if [ -z "$image" ]; then
		package=$(apt-cache depends linux-image-cloud-amd64 |
			sed -n 's/.*Depends: \(linux-image-.*\)/\1/p' |
			head -n 1)
		[ -n "$package" ] ||
			guest_die "no package linux-image-cloud-amd64"
		root=$(unpacked "$package")
		image=$(find "$root/boot" -name 'vmlinuz-*')
	fi
	kernel_image=$image
	kernel_version=${image##*/vmlinuz-}
	kernel_modules=$root/lib/modules/$kernel_version/kernel
}

# shellcheck disable=SC2034 # read by what is sourced
find_busybox() {
	busybox=/bin/busybox
	if [ ! -x "$busybox" ] || ldd "$busybox" >/dev/null 2>&1; then
		busybox=$(unpacked busybox-static)/bin/busybox
	fi
}

# copy_libraries FILE ROOT: the libraries that a program needs.
copy_libraries() {
	local lib
	ldd "$1" 2>/dev/null | grep -o '/[^ ]*' | while read -r lib; do
		if [ ! -e "$2$lib" ]; then
			mkdir -p "$2${lib%/*}"
			cp -L "$lib" "$2$lib"
		fi
	done
}

# copy_module NAME FOLDER: a kernel module without what debuggers read.
copy_module() {
	local to=$2/${1##*/}.ko
	if [ -e "$kernel_modules/$1.ko" ]; then
		cp "$kernel_modules/$1.ko" "$to"
	else
		xz -dc "$kernel_modules/$1.ko.xz" >"$to"
	fi
	strip -g "$to"
}

# pack_initrd ROOT: as an archive, to stdout.
pack_initrd() {
	(cd "$1" && find . | "$busybox" cpio -o -H newc 2>/dev/null)
}
