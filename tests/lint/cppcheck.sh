#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# cppcheck over all C. An exception is written above the line it is for:
#	/* cppcheck-suppress ID; reason */
set -eu
cd "$(dirname "$0")/../.."
# Not asked: style (clang-tidy's work); dangling pointers and uninitialised
# values (function pointers confuse it; gcc and clang find the real ones); the
# headers of libraries, but for one whose macros shape our code. readdir() is
# safe in glibc, and readdir_r() is deprecated there.
queue=/usr/include/$(gcc -print-multiarch)/sys/queue.h
exec cppcheck --quiet --error-exitcode=1 --inline-suppr -j2 \
	--enable=warning,performance,portability --std=c11 \
	--library=posix --library=tests/lint/cppcheck.cfg \
	--include="$queue" --suppress="*:$queue" --suppress=missingIncludeSystem \
	--suppress=returnDanglingLifetime --suppress=uninitvar \
	--suppress=readdirCalled -I. \
	bpf config control dataplane demo health tests
