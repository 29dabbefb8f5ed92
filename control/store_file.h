/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The store's file: is it ours, is it whole, which schema has it. store.c has
 * what is in it.
 */
#ifndef CONTROL_STORE_FILE_H
#define CONTROL_STORE_FILE_H

#include <sqlite3.h>

#include "control/store.h"

#define STORE_FILE_NAME "drover.db"

/**
 * store_file_prepare() - make sure that the store in @dir can be used.
 * @dir: the state directory; made if only its last part is missing.
 * @ret_dir_fd: the directory, locked against a second daemon until closed.
 * @ret_path: path of the file, for free().
 * @error: STORE_ERROR_SIZE bytes; filled on failure.
 *
 * Looks without writing; a file that is refused stays as it was.
 *
 * Return: 0 or as store_open().
 */
MUST_CHECK int store_file_prepare(const char *dir, int *ret_dir_fd,
				  char **ret_path, char *error);

/**
 * store_file_connect() - a connection to a file that was prepared.
 * @sync: how hard: "FULL" (each commit is synced) or "NORMAL".
 * @ret_db: for sqlite3_close().
 */
MUST_CHECK int store_file_connect(const char *path, const char *sync,
				  sqlite3 **ret_db, char *error);

/**
 * store_file_migrate() - bring the schema to STORE_SCHEMA, in one transaction.
 */
MUST_CHECK int store_file_migrate(const char *path, sqlite3 *db, char *error);

/**
 * store_errno() - negative errno for a result of SQLite's; 0 for SQLITE_OK.
 */
int store_errno(int result);

#endif
