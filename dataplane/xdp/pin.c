// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pin directory: made, locked, emptied.
 *
 * The lock is flock() on the directory itself: a bpffs has no other files, and
 * the kernel gives it back with the process.
 */
#include "dataplane/xdp/pin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

int pin_paths(const char *dir, struct pin *ret_pin)
{
	*ret_pin = (struct pin){ .lock_fd = -1 };
	/* Room for the folder's and the pin's name. */
	if (strlen(dir) + 64 > sizeof(ret_pin->dir))
		return -ENAMETOOLONG;
	(void)snprintf(ret_pin->dir, sizeof(ret_pin->dir), "%s", dir);
	(void)snprintf(ret_pin->maps, sizeof(ret_pin->maps), "%s/maps", dir);
	(void)snprintf(ret_pin->links, sizeof(ret_pin->links), "%s/links", dir);
	return 0;
}

/* Make a directory and those above it. */
static int make_dirs(const char *dir)
{
	char path[PIN_PATH_SIZE];
	char *slash;

	(void)snprintf(path, sizeof(path), "%s", dir);
	for (slash = strchr(path + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (mkdir(path, 0700) && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

static int pin_lock(struct pin *pin)
{
	struct statfs fs;

	pin->lock_fd = open(pin->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (pin->lock_fd < 0 || fstatfs(pin->lock_fd, &fs))
		return -errno;
	if (fs.f_type != BPF_FS_MAGIC)
		return -EMEDIUMTYPE;
	if (flock(pin->lock_fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	if ((mkdir(pin->maps, 0700) && errno != EEXIST) ||
	    (mkdir(pin->links, 0700) && errno != EEXIST))
		return -errno;
	return 0;
}

int pin_open(const char *dir, struct pin *ret_pin)
{
	struct pin pin;
	int err;

	err = pin_paths(dir, &pin);
	if (!err)
		err = make_dirs(dir);
	if (!err)
		err = pin_lock(&pin);
	if (err)
		pin_close(&pin);
	else
		*ret_pin = pin;
	return err;
}

void pin_close(struct pin *pin)
{
	if (pin->lock_fd >= 0)
		close(pin->lock_fd);
	pin->lock_fd = -1;
}

void pin_remove_maps(const struct pin *pin)
{
	char path[2 * PIN_PATH_SIZE];
	struct dirent *entry;
	DIR *d = opendir(pin->maps);

	while (d && (entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", pin->maps,
			       entry->d_name);
		(void)unlink(path);
	}
	if (d)
		closedir(d);
}

void pin_remove_dirs(const struct pin *pin)
{
	(void)rmdir(pin->maps);
	(void)rmdir(pin->links);
	(void)rmdir(pin->dir);
}
