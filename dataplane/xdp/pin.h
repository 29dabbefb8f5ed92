/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pin directory: where a node's maps and links outlive the daemon.
 *
 *	PIN_DIR/maps/<name of the map>
 *	PIN_DIR/links/uplink-<ifindex>, port-in-<ifindex>, port-out-<ifindex>
 */
#ifndef DATAPLANE_XDP_PIN_H
#define DATAPLANE_XDP_PIN_H

#include "dataplane/core/base.h"

#define PIN_PATH_SIZE 4096

/**
 * struct pin - an open pin directory.
 * @maps, @links: its folders.
 * @lock_fd: held while this process owns the directory; -1 = not.
 */
struct pin {
	char dir[PIN_PATH_SIZE];
	char maps[PIN_PATH_SIZE];
	char links[PIN_PATH_SIZE];
	int lock_fd;
};

/* Fill in the paths; nothing is opened. -ENAMETOOLONG. */
MUST_CHECK int pin_paths(const char *dir, struct pin *ret_pin);

/**
 * pin_open() - make the directory if need be, and lock it.
 *
 * Return: 0; -EBUSY: another process owns it; -EMEDIUMTYPE: not in a bpffs;
 * -errno.
 */
MUST_CHECK int pin_open(const char *dir, struct pin *ret_pin);

/* Give the lock back. */
void pin_close(struct pin *pin);

/* Remove the maps' pins, and the folders and the directory if they are empty. */
void pin_remove_maps(const struct pin *pin);
void pin_remove_dirs(const struct pin *pin);

#endif
