/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The HTTP/JSON API on a unix socket; docs/api.md is its manual.
 */
#ifndef CONTROL_API_H
#define CONTROL_API_H

#include "dataplane/core/base.h"

struct api;
struct daemon;

/**
 * api_start() - listen.
 * @path: of the socket; one that a dead daemon left is replaced, one that is
 *        answered is not (-EADDRINUSE).
 */
MUST_CHECK int api_start(struct daemon *daemon, const char *path,
			 struct api **ret_api);

/* Stop, and take the socket away. NULL is fine. */
void api_stop(struct api *api);

#endif
