/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VM that the tables know, by what the operator calls it; for commands that read
 * the tables themselves.
 */
#ifndef CONTROL_CLI_FIND_VM_H
#define CONTROL_CLI_FIND_VM_H

#include "dataplane/dataplane.h"

/**
 * find_vm() - the VM of a word: name, hypervisor/name, UUID or the beginning of
 * one that no other has (four characters at least).
 * @ret_uuid: DP_UUID_SIZE bytes.
 *
 * Return: EXIT_DONE, or EXIT_UNKNOWN after the error was printed, with those that
 * it may be.
 */
MUST_CHECK int find_vm(const struct dp_status *status, const char *word,
		       uint8_t *ret_uuid);

#endif
