/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kill -9 for the simulator: at the n-th store into the tables the code under
 * test is left for good, and what it had allocated is gone.
 */
#ifndef TESTS_SIM_KILL_H
#define TESTS_SIM_KILL_H

#include <setjmp.h>
#include <stdint.h>

/**
 * kill_arm() - kill at the @n_stores-th store from now; 0 = don't.
 * @where: gets control then, by longjmp(); must be of a caller still active.
 */
void kill_arm(uint32_t n_stores, jmp_buf *where);

/* Free all that the code under test has allocated. */
void kill_memory(void);

#endif
