// SPDX-License-Identifier: GPL-2.0-only
/*
 * libpcap's files.
 */
#include "control/cli/capture.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#define NS_PER_S 1000000000ULL

struct capture {
	pcap_t *pcap;
	uint64_t n_packets;
};

/* What can be said of frames of another kind. */
static void refuse_link(int link, const char *path, char *error)
{
	const char *name = pcap_datalink_val_to_name(link);
	const char *text = pcap_datalink_val_to_description(link);

	(void)snprintf(error, CAPTURE_ERROR_SIZE,
		       "%s has packets of link type %s (%s), not Ethernet%s",
		       path, name ? name : "unknown",
		       text ? text : "no description",
		       link == DLT_LINUX_SLL || link == DLT_LINUX_SLL2 ?
			       ": capture on one interface, not on `any`" :
			       "");
}

struct capture *capture_open(const char *path, char *error)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	struct capture *c = calloc(1, sizeof(*c));

	if (!c) {
		(void)snprintf(error, CAPTURE_ERROR_SIZE, "out of memory");
		return NULL;
	}
	c->pcap = pcap_open_offline_with_tstamp_precision(
		path, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!c->pcap) {
		(void)snprintf(error, CAPTURE_ERROR_SIZE,
			       "%s is no capture that can be read: %s", path,
			       why);
	} else if (pcap_datalink(c->pcap) != DLT_EN10MB) {
		refuse_link(pcap_datalink(c->pcap), path, error);
		pcap_close(c->pcap);
		c->pcap = NULL;
	}
	if (c->pcap)
		return c;
	free(c);
	return NULL;
}

int capture_next(struct capture *c, struct captured *ret_packet, char *error)
{
	struct pcap_pkthdr *header = NULL;
	const u_char *data = NULL;
	int rc = pcap_next_ex(c->pcap, &header, &data);

	if (rc == PCAP_ERROR_BREAK)
		return 0;
	if (rc != 1) {
		(void)snprintf(error, CAPTURE_ERROR_SIZE, "packet %llu: %s",
			       (unsigned long long)c->n_packets + 1,
			       pcap_geterr(c->pcap));
		return -EIO;
	}
	*ret_packet = (struct captured){
		.number = ++c->n_packets,
		/* Its microseconds are nanoseconds, as asked for. */
		.time_ns = (uint64_t)header->ts.tv_sec * NS_PER_S +
			   (uint64_t)header->ts.tv_usec,
		.data = data,
		.size = header->caplen,
		.length = header->len < header->caplen ? header->caplen :
							 header->len,
	};
	return 1;
}

void capture_close(struct capture *c)
{
	if (!c)
		return;
	pcap_close(c->pcap);
	free(c);
}
