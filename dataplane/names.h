/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Printable names of what the packet path says: the same words in the code, in
 * `drover counters`, in the API and in the metrics.
 *
 * All functions are pure, return static strings and never NULL; a value that
 * is out of range (read from another version's state) is "unknown".
 */
#ifndef DATAPLANE_NAMES_H
#define DATAPLANE_NAMES_H

#include "dataplane/core/pkt.h"
#include "dataplane/core/state.h"
#include "dataplane/dataplane.h"

/**
 * name_of_reason() - "pass_not_vip", "reply_arp", "drop_no_service", …: the
 * enum's own name, lower case; its first word is what became of the packet.
 */
const char *name_of_reason(enum reason reason);

/* One line for people: what such a packet was. */
const char *explain_reason(enum reason reason);

/**
 * reason_by_name() - the reason that has a name.
 *
 * Return: it, or -1 if none has.
 */
int reason_by_name(const char *name);

/* "pass", "drop", "reply", "forward". */
const char *name_of_verdict(enum verdict verdict);

/* "opener", "other", "udp". */
const char *name_of_flow_kind(enum flow_kind kind);

/* "embryonic", "unconfirmed", "confirmed". */
const char *name_of_flow_class(enum flow_class class);

/* "steady", "claiming", "moving", "settling": what a slot's word says. */
const char *name_of_slot(uint32_t slot);

/* "slot", "entry", "made", "refused"; "" where no slot was asked. */
const char *name_of_how(enum pick_how how);

/* What said which VM a packet goes to, in a few words; "" where nothing did. */
const char *explain_how(uint32_t slot, enum pick_how how);

/* "flow", "source". */
const char *name_of_affinity(enum affinity affinity);

/* "reset", "drop". */
const char *name_of_when_empty(enum when_empty when_empty);

/* "warm", "serving", "leaving", "gone". */
const char *name_of_role(enum dp_role role);

#endif
