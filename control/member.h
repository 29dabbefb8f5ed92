/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One member of a pool: what is known of it, judged. Part of reconcile.
 */
#ifndef CONTROL_MEMBER_H
#define CONTROL_MEMBER_H

#include "control/reconcile.h"

/**
 * member_locate() - where the VM is: name, address, MAC, port.
 * @nic: index of the NIC that is in the tenant's network.
 */
void member_locate(struct rec_member *m, const struct inv_vm *vm, size_t nic);

/* Does a slot or a live flow entry name it? */
bool member_is_used(const struct dp_backend_status *status);

/**
 * member_facts() - all that counts, but for the pool's panic.
 * @vm: NULL: nobody knows the VM any more.
 * @owner: whose it is.
 * @policy: of the pool's services, should the host have rules at the port.
 */
void member_facts(struct rec_member *m, const struct inv_vm *vm,
		  const struct inv_owner *owner, const struct rec_input *in,
		  enum conf_port_policy policy);

/**
 * member_judge() - verdict, role and reason.
 * @panic_text: why the pool is in panic.
 */
void member_judge(struct rec_member *m, const struct inv_vm *vm,
		  const struct rec_input *in, const char *panic_text);

/**
 * member_weight() - weight now, and when it will be another (slow start).
 * @alone: nobody else of the pool serves: no slow start.
 */
void member_weight(struct rec_member *m, const struct inv_vm *vm,
		   const struct rec_input *in, bool alone,
		   uint64_t *ret_wake_ns);

/* How it is probed: as its own pool says. @m->pool is not NULL. */
static inline const struct conf_health *
member_health(const struct rec_member *m)
{
	return m->as_backup && m->pool->backup ? &m->pool->backup->health :
						 &m->pool->health;
}

#endif
