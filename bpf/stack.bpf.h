/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The note that XDP at an uplink leaves in front of a packet for TC there.
 */
#ifndef BPF_STACK_BPF_H
#define BPF_STACK_BPF_H

#include "dataplane/core/base.h"

#define STACK_MAGIC 0x4b415453U /* "STAK" */

/**
 * struct stack_note - a packet that goes to its VM through the kernel.
 * @magic: STACK_MAGIC.
 * @bridge: the bridge that it enters; 0 = it is on its way there already.
 */
struct stack_note {
	uint32_t magic;
	uint32_t bridge;
};

#endif
