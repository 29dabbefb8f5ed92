// SPDX-License-Identifier: GPL-2.0-only
/*
 * "HTTP/1.1 200 OK": the status line by its grammar in RFC 9112, section 4.
 */
#include "health/http_answer.h"

#include <errno.h>

int http_answer_status(const char *data, size_t len)
{
	/* 9: a digit; ~: the end of the code, a blank or the end of the line */
	static const char form[] = "HTTP/1.9 999~";
	const char *c;
	int code = 0;
	size_t i;

	for (i = 0; i < sizeof(form) - 1; i++) {
		if (i == len)
			return -EAGAIN;
		c = &data[i];
		if (form[i] == '9') {
			if (*c < '0' || *c > '9')
				return -EPROTO;
			if (i > 8)
				code = code * 10 + (*c - '0');
		} else if (form[i] == '~') {
			if (*c != ' ' && *c != '\r' && *c != '\n')
				return -EPROTO;
		} else if (*c != form[i]) {
			return -EPROTO;
		}
	}
	return code >= 100 && code <= 599 ? code : -EPROTO;
}
