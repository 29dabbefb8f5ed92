/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The frame that tells neighbours where a VIP is. Pure.
 */
#ifndef CONTROL_ANNOUNCEMENT_H
#define CONTROL_ANNOUNCEMENT_H

#include "dataplane/core/base.h"

#define ANNOUNCEMENT_MAX 86

/**
 * announcement_make() - of IPv4 a gratuitous ARP request (RFC 5227, 3: an ARP
 * announcement), of IPv6 an unsolicited neighbour advertisement (RFC 4861, 7.2.6)
 * that overrides what neighbours believed before.
 * @mac: of the interface that the VIP is at.
 * @ret_frame: from its Ethernet header on; ANNOUNCEMENT_MAX bytes of room.
 *
 * Return: its length.
 */
size_t announcement_make(const struct ip_addr *vip, const uint8_t mac[6],
			 uint8_t *ret_frame);

#endif
