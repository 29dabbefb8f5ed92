// SPDX-License-Identifier: GPL-2.0-only
/*
 * Captures through the core, on a copy of the tables.
 *
 * The command reads the tables itself, daemon or not: the bytes of a capture are
 * anybody's, and are no food for a process that owns the node.
 */
#include "control/cli/explain_capture.h"

#include <errno.h>
#include <string.h>

#include "control/cli/capture.h"
#include "control/cli/clean.h"
#include "control/cli/find_vm.h"
#include "control/cli/packet.h"
#include "control/render.h"
#include "dataplane/names.h"

#define NS_PER_S   1000000000ULL
#define NICS_MAX   16
#define SUMMARY_AT 26 /* column of what a reason means */

/**
 * struct nic - a port of the VM's that the tables know.
 * @mac: of the VM there.
 */
struct nic {
	uint8_t mac[6];
	uint32_t ifindex;
};

/**
 * struct judging - a capture that is judged.
 * @nics: of the VM at whose port it was taken, @n_nics of them; 0: an uplink.
 * @began_ns: CLOCK_MONOTONIC: when the first packet is taken to come.
 * @first_ns: when it was captured; @last_ns: the latest time so far.
 * @counts: packets by reason, REASON_NONE: forwarded.
 */
struct judging {
	const struct cli *cli;
	struct dp *dp;
	struct nic nics[NICS_MAX];
	uint32_t n_nics;
	uint64_t began_ns;
	uint64_t first_ns;
	uint64_t last_ns;
	uint64_t counts[N_REASONS];
};

static int find_nics(struct judging *j, const char *vm)
{
	const struct dp_backend_status *b;
	uint8_t uuid[DP_UUID_SIZE] = { 0 };
	struct dp_status status;
	uint32_t i;
	int rc;

	if (j->cli->engine->status(j->dp, render_now_ns(), &status)) {
		fprintf(stderr, "drover: the tables can't be read\n");
		return EXIT_FAILED;
	}
	rc = find_vm(&status, vm, uuid);
	for (i = 0; !rc && i < status.n_backends; i++) {
		b = &status.backends[i];
		if (memcmp(b->uuid, uuid, sizeof(uuid)) != 0 || !b->ifindex ||
		    j->n_nics == NICS_MAX)
			continue;
		j->nics[j->n_nics].ifindex = b->ifindex;
		memcpy(j->nics[j->n_nics++].mac, b->mac, sizeof(b->mac));
	}
	dp_status_free(&status);
	if (!rc && !j->n_nics) {
		fprintf(stderr, "drover: VM \"%s\" has no port on this node\n",
			vm);
		return EXIT_UNKNOWN;
	}
	return rc;
}

/* At a VM's port what has its address as source is what it sends. */
static void find_side(const struct judging *j, struct dp_packet *packet)
{
	uint32_t i;

	if (!j->n_nics)
		return;
	packet->hook = DP_TO_VM;
	packet->ifindex = j->nics[0].ifindex;
	for (i = 0; packet->captured >= 12 && i < j->n_nics; i++) {
		if (!memcmp(packet->data + 6, j->nics[i].mac, 6))
			packet->hook = DP_FROM_VM;
		else if (memcmp(packet->data, j->nics[i].mac, 6) != 0)
			continue;
		packet->ifindex = j->nics[i].ifindex;
		return;
	}
}

static void print_packet(const struct judging *j, const struct captured *c,
			 const struct dp_judged *judged)
{
	json_t *packet = packet_json(judged);
	int64_t after_ns = (int64_t)(c->time_ns - j->first_ns);
	json_t *json;

	if (!j->cli->json) {
		cli_clean(packet);
		printf("%6llu %12.6f  ", (unsigned long long)c->number,
		       (double)after_ns / (double)NS_PER_S);
		packet_print(packet, stdout);
		json_decref(packet);
		return;
	}
	json = json_pack("{s:I,s:I}", "number", (json_int_t)c->number,
			 "after_ns", (json_int_t)after_ns);
	json_object_update(json, packet);
	json_decref(packet);
	json_dumpf(json, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(json);
}

static int judge(struct judging *j, const struct captured *c)
{
	struct dp_judged judged;
	struct dp_packet packet = {
		.data = c->data,
		.captured = c->size,
		.length = c->length,
		.hook = DP_UPLINK,
	};

	if (c->number == 1)
		j->first_ns = j->last_ns = c->time_ns;
	/* A capture may be out of order, time is not. */
	if (c->time_ns > j->last_ns)
		j->last_ns = c->time_ns;
	packet.at_ns = j->began_ns + (j->last_ns - j->first_ns);
	find_side(j, &packet);
	if (j->cli->engine->judge(j->dp, &packet, &judged)) {
		fprintf(stderr, "drover: out of memory\n");
		return EXIT_FAILED;
	}
	j->counts[judged.reason]++;
	print_packet(j, c, &judged);
	return EXIT_DONE;
}

/* What the words of the lines mean. */
static void print_summary(const struct judging *j)
{
	uint64_t n = 0;
	int i;

	for (i = 0; i < N_REASONS; i++)
		n += j->counts[i];
	printf("\n%llu packet%s\n", (unsigned long long)n, n == 1 ? "" : "s");
	for (i = 0; i < N_REASONS; i++)
		if (j->counts[i])
			printf("%8llu  %-*s %s\n",
			       (unsigned long long)j->counts[i], SUMMARY_AT,
			       i ? name_of_reason((enum reason)i) : "balanced",
			       i ? explain_reason((enum reason)i) : "");
}

static int judge_all(struct judging *j, struct capture *capture)
{
	char error[CAPTURE_ERROR_SIZE];
	struct captured packet;
	int rc = EXIT_DONE;
	int more;

	while ((more = capture_next(capture, &packet, error)) > 0 && !rc)
		rc = judge(j, &packet);
	if (!rc && !j->cli->json)
		print_summary(j);
	if (more < 0) {
		fflush(stdout);
		fprintf(stderr, "drover: %s\n", error);
		return EXIT_FAILED;
	}
	return rc;
}

/* A copy of the tables, or why there is none. */
static int tables_open(const struct cli *cli, struct dp **ret_dp)
{
	char error[DP_ERROR_SIZE] = "";
	int err = cli->engine->open_copy(cli->pin_dir, ret_dp, error);

	if (!err)
		return EXIT_DONE;
	if (err == -ENOENT) {
		fprintf(stderr,
			"drover: nothing is being forwarded: %s is not there\n"
			"  a capture is judged by the tables in force; name "
			"others with --pin-dir PATH\n",
			cli->pin_dir);
		return EXIT_NO_DAEMON;
	}
	fprintf(stderr, "drover: %s%s\n", error[0] ? error : strerror(-err),
		err == -EPERM || err == -EACCES ?
			"\n  the tables are root's; captures are judged by them "
			"and not by the daemon" :
			"");
	return EXIT_FAILED;
}

int explain_capture(const struct cli *cli, const char *path, const char *vm)
{
	struct judging j = { .cli = cli, .began_ns = render_now_ns() };
	char error[CAPTURE_ERROR_SIZE];
	struct capture *capture = capture_open(path, error);
	int rc;

	if (!capture) {
		fprintf(stderr, "drover: %s\n", error);
		return EXIT_FAILED;
	}
	rc = tables_open(cli, &j.dp);
	if (!rc && vm)
		rc = find_nics(&j, vm);
	if (!rc)
		rc = judge_all(&j, capture);
	if (j.dp)
		cli->engine->close(j.dp);
	capture_close(capture);
	return rc;
}
