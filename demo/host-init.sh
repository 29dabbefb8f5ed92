#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# First process of a lab's pseudo-host; lab.sh starts it in namespaces of its
# own (mount, PID, UTS, network).
#
#	host-init.sh LAB_DIR NAME FOLDER [OPTION...]
#
# Gives libvirtd private folders in LAB_DIR/FOLDER, then waits for it and reaps
# every QEMU that it leaves behind: libvirt waits for the zombie, and the process
# 1 of a small machine may be slow. When this process ends, the kernel ends all
# of the host. While there is a LAB_DIR/FOLDER/hold, no libvirtd is started.
set -euo pipefail

lab=$1
host=$1/$3
hostname "$2"
shift 3

# The lab itself must stay visible in the host's own /run, which hides the
# machine's (its D-Bus, its libvirt).
mkdir -p "$host/run/${lab##*/}" "$host/run/libvirt"
mount --bind "$lab" "$host/run/${lab##*/}"
mount --rbind "$host/run" /run
for d in /etc/libvirt /var/{lib,cache,log}/libvirt; do
	mount --bind "$host$d" "$d"
done
host=/run/${lab##*/}/${host##*/}

# As a service manager would: a libvirtd that dies is started again, and its
# QEMUs never notice.
ending=
trap 'ending=1; kill -TERM "$libvirtd" 2>/dev/null' TERM
until [ -n "$ending" ]; do
	libvirtd "$@" &
	libvirtd=$!
	while kill -0 "$libvirtd" 2>/dev/null; do
		wait "$libvirtd" || :
	done
	[ -n "$ending" ] || sleep 1
	while [ -z "$ending" ] && [ -e "$host/hold" ]; do sleep 0.1; done
done
