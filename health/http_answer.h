/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The status code of an HTTP answer, read as it comes in. Pure.
 */
#ifndef HEALTH_HTTP_ANSWER_H
#define HEALTH_HTTP_ANSWER_H

#include "dataplane/core/base.h"

/**
 * http_answer_status() - what the status line says so far.
 * @data: first bytes of the answer.
 * @len: their number. Thirteen suffice.
 *
 * Return: the code, 100 to 599; -EAGAIN if more bytes have to tell; -EPROTO if
 * no more bytes can make this an answer of HTTP/1.
 */
MUST_CHECK int http_answer_status(const char *data, size_t len);

#endif
