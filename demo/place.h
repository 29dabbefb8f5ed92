/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the pinned tables say, for those who measure Drover from outside: where
 * a connection would go, and what was steered to a VM so far.
 *
 * Reads what is in force, with or without the daemon, and changes nothing.
 */
#ifndef DEMO_PLACE_H
#define DEMO_PLACE_H

#include <netinet/in.h>

#include "dataplane/core/base.h"

#define PLACE_UUID_SIZE 37

struct place;

/**
 * place_open() - open the tables pinned in a directory.
 *
 * Return: 0; -ENOENT if there are none; another negative errno, with the reason
 * on stderr.
 */
MUST_CHECK int place_open(const char *pin_dir, struct place **ret_place);

void place_close(struct place *p);

/**
 * place_flow() - where a SYN would go now.
 * @client: its address; @client_port: its port, host byte order.
 * @service: where it goes.
 * @ret_uuid: the VM's, PLACE_UUID_SIZE bytes; "" if no VM would get it.
 */
void place_flow(struct place *p, const struct sockaddr_in *client,
		uint16_t client_port, const struct sockaddr_in *service,
		char *ret_uuid);

/**
 * struct place_vm - a VM as the tables number it.
 * @number: 0 = they don't know it.
 */
struct place_vm {
	uint16_t number;
};

/**
 * place_find() - look a VM up.
 *
 * Return: 0, or -ENOENT if the tables don't know it.
 */
MUST_CHECK int place_find(struct place *p, const char *uuid,
			  struct place_vm *ret_vm);

/**
 * struct place_look - what can be steered to a VM this moment.
 * @reachable: a slot names it, or flow entries that name it count.
 * @packets: that were steered to it so far and reached its port.
 */
struct place_look {
	bool reachable;
	uint64_t packets;
};

/**
 * place_look() - can a packet be steered to a VM now?
 *
 * Some microseconds; the answer does not depend on there being traffic.
 */
void place_look(struct place *p, const struct place_vm *vm,
		struct place_look *ret_look);

#endif
