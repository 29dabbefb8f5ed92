#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Every script through shellcheck: what begins with #! and names a shell, and
# what is to be sourced (its first line says for which shell).
set -eu
cd "$(dirname "$0")/../.."
find .ci demo scripts tests -type f -exec grep -lIEZ \
	-e '^#!.*[/ ](ba|da)?sh' -e '^# shellcheck shell=' {} + |
	xargs -0 shellcheck --severity=warning
