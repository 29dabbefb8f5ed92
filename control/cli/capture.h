/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files of captured packets (pcap, pcapng), read one packet at a time.
 */
#ifndef CONTROL_CLI_CAPTURE_H
#define CONTROL_CLI_CAPTURE_H

#include "dataplane/core/base.h"

struct capture;

#define CAPTURE_ERROR_SIZE 512

/**
 * struct captured - a packet.
 * @number: from 1 on.
 * @time_ns: of its capture, since 1970; what the file says.
 * @data: @size bytes of its frame; valid until the next one is read.
 * @length: what it was on the wire; never less than @size.
 */
struct captured {
	uint64_t number;
	uint64_t time_ns;
	const uint8_t *data;
	uint32_t size;
	uint32_t length;
};

/**
 * capture_open() - open a capture of Ethernet frames.
 * @path: "-" is the standard input.
 * @error: CAPTURE_ERROR_SIZE bytes; filled on failure, as of capture_next().
 *
 * Return: NULL: it can't be read, is none, or is one of other frames.
 */
struct capture *capture_open(const char *path, char *error);

/**
 * capture_next() - the next packet.
 *
 * Return: 1; 0: there are no more; -EIO: the file is damaged there.
 */
MUST_CHECK int capture_next(struct capture *c, struct captured *ret_packet,
			    char *error);

/* NULL is fine. */
void capture_close(struct capture *c);

#endif
