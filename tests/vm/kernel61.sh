#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Debian 12's own kernel (6.1) with what was just built: every BPF program goes
# through its verifier, the packet vectors through the programs, and clients
# talk with VMs by the clsact path, by the engine alone and under droverd.
#
#	kernel61.sh [TEST...]	all of kernel61_init's tests, or only these
#
# The guest is an initramfs with the machine's own programs and their libraries;
# kernel61_init runs in it and says each verdict on the console.
set -euo pipefail

DROVER_SOURCE=${DROVER_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
DROVER_BUILD=${DROVER_BUILD:-$DROVER_SOURCE/build}
here=$DROVER_SOURCE/tests/vm
limit_s=${KERNEL61_LIMIT_S:-540}

# What scripts in the guest call; busybox is there for the kernel's modules.
programs=(
	awk bash basename bpftool cat chmod chown cmp cut curl date dirname env ethtool find grep head
	id ip jq kill ln ls mkdir mkfifo mktemp mount mountpoint mv nsenter ping
	printf rm rmdir sed seq setpriv sleep sort stat sysctl tail tc tee timeout
	touch tr umount uname wc xargs
)
# Of what was built.
built=(
	control/droverd control/cli/drover
	tests/e2e/xdp_{driver,pass,sizes,traffic} tests/packet/test_kernel
)
sources=('tests/e2e/*.sh' 'tests/vm/kernel61_*.sh' tests/bench/counts)
# In load order; the rest of the kernel is built in.
modules=(
	drivers/net/veth net/sched/{sch_ingress,cls_bpf}
	net/llc/llc net/802/stp net/bridge/bridge
)

# shellcheck source=demo/guest/kernel.sh
. "$DROVER_SOURCE/demo/guest/kernel.sh"
# shellcheck source=demo/lab.sh
. "$DROVER_SOURCE/demo/lab.sh"

die() {
	echo "FAILED: $*" >&2
	exit 1
}

# with_libraries FILE TARGET: a program and what it is linked with.
with_libraries() {
	mkdir -p "$root${2%/*}"
	cp -L "$1" "$root$2"
	copy_libraries "$1" "$root"
}

pack() {
	local p file
	mkdir -p "$root"/{bin,dev,etc,proc,run/netns,sys,tmp,var/tmp,lib/modules}
	cp -L "$busybox" "$root/bin/busybox"
	for p in "${programs[@]}"; do
		file=$(PATH=$PATH:/usr/sbin:/sbin type -P "$p") ||
			die "no $p on this machine"
		with_libraries "$file" "/bin/$p"
	done
	ln -s bash "$root/bin/sh"
	for p in "${built[@]}"; do
		with_libraries "$DROVER_BUILD/$p" "/build/$p"
	done
	for p in "${sources[@]}"; do
		mkdir -p "$root/src/${p%/*}"
		cp "$DROVER_SOURCE"/$p "$root/src/${p%/*}"
	done
	find "$root/build" -type f -exec strip -g {} +
	for p in "${modules[@]}"; do
		copy_module "$p" "$root/lib/modules"
	done
	install -m 755 "$here/kernel61_init" "$root/init"
	pack_initrd "$root" >"$dir/initrd"
}

# boot TEST...: the guest from its start to its end; it writes $dir/console.
boot() {
	local accel=tcg status=0
	LAB_GUEST=$("$DROVER_SOURCE/demo/guest/build.sh")
	[ "$(lab_domain_type)" = qemu ] || accel=kvm
	timeout -k 5 "$limit_s" qemu-system-x86_64 -machine pc,hpet=off \
		-accel $accel -cpu max -smp 2 -m 640 \
		-nodefaults -no-user-config -display none -no-reboot \
		-serial "file:$dir/console.raw" -kernel "$kernel_image" \
		-initrd "$dir/initrd" \
		-append "${LAB_CMDLINE//$'\n'/ } ${KERNEL61_CMDLINE:-} tests=$(IFS=,; echo "$*")" \
		</dev/null || status=$?
	tr -d '\r' <"$dir/console.raw" >"$dir/console"
	[ $status = 0 ] || {
		tail -n 300 "$dir/console"
		die "the guest did not end in $limit_s s (qemu: $status)"
	}
}

# Its lines "RESULT name code seconds"; fails unless all were run and passed.
judge() {
	local name code seconds bad=0
	grep -v '^RESULT ' "$dir/console"
	grep -q "^KERNEL 6\.1\." "$dir/console" ||
		die "the guest's kernel is no 6.1: $(grep ^KERNEL "$dir/console")"
	while read -r name code seconds; do
		case $code in
		0) echo "passed: $name, $seconds s" ;;
		*)
			echo "FAILED: $name, exit code $code, $seconds s"
			bad=1
			;;
		esac
	done < <(sed -n 's/^RESULT //p' "$dir/console")
	grep -q '^ALL DONE' "$dir/console" || die "the guest died on the way"
	return $bad
}

[ "$(id -u)" = 0 ] || {
	echo "skipped: needs root"
	exit 77
}
dir=$(mktemp -d "${TMPDIR:-/tmp}/kernel61.XXXXXX")
root=$dir/root
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$cache"
find_kernel
find_busybox
pack
echo "kernel $kernel_version, initramfs $(($(stat -c %s "$dir/initrd") >> 20)) MiB"
boot "$@"
judge
