/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Answers without a daemon, from the forwarding state that outlives it.
 */
#include "control/cli/offline.h"

#include <errno.h>
#include <string.h>

int cli_read(const struct cli *cli, cli_offline_fn *offline,
	     const struct cli_args *args, json_t **ret_data)
{
	char error[DP_ERROR_SIZE] = "";
	struct dp *dp = NULL;
	json_t *data = NULL;
	int rc;

	rc = cli->engine->open_readonly(cli->pin_dir, &dp, error);
	if (rc == -ENOENT) {
		(void)cli_no_daemon(cli);
		fprintf(stderr,
			"  and nothing is being forwarded: %s is not "
			"there\n",
			cli->pin_dir);
		return EXIT_NO_DAEMON;
	}
	if (rc) {
		fprintf(stderr, "drover: no daemon answers, and %s\n",
			error[0] ? error : strerror(-rc));
		return EXIT_FAILED;
	}
	rc = offline(dp, cli->engine, args, &data);
	cli->engine->close(dp);
	if (rc == EXIT_FAILED)
		fprintf(stderr, "drover: %s could not be read\n", cli->pin_dir);
	if (rc)
		return rc;
	fprintf(stderr,
		"drover: no daemon answers; forwarding goes on, this "
		"is its state in %s\n",
		cli->pin_dir);
	*ret_data = data;
	return EXIT_DONE;
}
