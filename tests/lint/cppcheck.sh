#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# cppcheck over all C. An exception is written above the line it is for:
#	/* cppcheck-suppress ID; reason */
set -eu
cd "$(dirname "$0")/../.."
# Not asked: style (clang-tidy's work), and the headers of libraries.
exec cppcheck --quiet --error-exitcode=1 --inline-suppr -j2 \
	--enable=warning,performance,portability --std=c11 \
	--library=posix --library=tests/lint/cppcheck.cfg \
	--suppress=missingIncludeSystem -I. \
	bpf config control dataplane demo health tests
