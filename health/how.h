/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copies of what a target is asked. Inside of health/ only; pure.
 */
#ifndef HEALTH_HOW_H
#define HEALTH_HOW_H

#include "health/health.h"

/**
 * how_copy() - a copy with all it points to, in one block for free().
 *
 * Return: NULL if there is no memory.
 */
struct health_how *how_copy(const struct health_how *how);

/**
 * how_same() - do they ask the same?
 */
bool how_same(const struct health_how *a, const struct health_how *b);

/**
 * how_wants() - is that status one of the healthy ones?
 */
bool how_wants(const struct health_how *how, int status);

#endif
