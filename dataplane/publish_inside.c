// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clients inside: which VMs may call VIPs, and that our programs are at their
 * ports. The engine's table is the book; here is a copy of it, in order, so that
 * a publish asks the kernel only for what has changed.
 */
#include "dataplane/publish_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int order(const void *a, const void *b)
{
	const struct client_key *one = a;
	const struct client_key *other = b;

	if (one->ifindex != other->ifindex)
		return one->ifindex < other->ifindex ? -1 : 1;
	return memcmp(&one->addr, &other->addr, sizeof(one->addr));
}

/* The first client of a port or behind it. */
static uint32_t place_of(const struct clients *c, uint32_t ifindex)
{
	uint32_t low = 0;
	uint32_t high = c->n;
	uint32_t middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (c->key[middle].ifindex < ifindex)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool inside_keeps_port(const struct publish *p, uint32_t ifindex)
{
	uint32_t at = place_of(&p->clients, ifindex);

	return at < p->clients.n && p->clients.key[at].ifindex == ifindex;
}

static int put(struct publish *p, const struct client_key *key, bool is_new)
{
	int err = is_new ? p->ops.attach_port(p->e, key->ifindex) : 0;

	wrote(p);
	if (!err)
		err = p->ops.set_client(p->e, key, true);
	wrote(p);
	return err;
}

static void drop(struct publish *p, const struct client_key *key)
{
	(void)p->ops.set_client(p->e, key, false);
	wrote(p);
}

static int wanted(const struct dp_snapshot *snapshot, struct clients *ret)
{
	uint32_t n = 0;
	uint32_t i;

	ret->key = calloc(snapshot->n_clients + 1ULL, sizeof(*ret->key));
	if (!ret->key)
		return -ENOMEM;
	for (i = 0; i < snapshot->n_clients; i++)
		ret->key[i] = (struct client_key){
			.addr = snapshot->clients[i].addr,
			.ifindex = snapshot->clients[i].ifindex,
		};
	qsort(ret->key, snapshot->n_clients, sizeof(*ret->key), order);
	for (i = 0; i < snapshot->n_clients; i++)
		if (!n || order(&ret->key[n - 1], &ret->key[i]) != 0)
			ret->key[n++] = ret->key[i];
	ret->n = n;
	return 0;
}

/* One that its port keeps from being a client is only in the list that is wanted:
 * it is tried again. */
static bool same(const struct clients *now, const struct clients *next)
{
	return now->n == next->n &&
	       (!now->n ||
		!memcmp(now->key, next->key, now->n * sizeof(*now->key)));
}

/*
 * From the old list to the new one, both in order. A port that takes no program
 * keeps its VM from being a client; that is tried again each time.
 */
static void change(struct publish *p, const struct clients *now,
		   struct clients *next)
{
	uint32_t refused = 0;
	uint32_t n = 0;
	uint32_t i = 0;
	uint32_t k;
	int at;

	for (k = 0; k < next->n; k++) {
		at = 1;
		while (i < now->n &&
		       (at = order(&now->key[i], &next->key[k])) < 0)
			drop(p, &now->key[i++]);
		if (i < now->n && !at) {
			i++;
		} else if (next->key[k].ifindex == refused ||
			   put(p, &next->key[k],
			       !inside_keeps_port(p, next->key[k].ifindex))) {
			refused = next->key[k].ifindex;
			continue;
		}
		next->key[n++] = next->key[k];
	}
	while (i < now->n)
		drop(p, &now->key[i++]);
	next->n = n;
}

/* Ports that had clients, and have none now. */
static void ports_let_go(struct publish *p, const struct clients *before)
{
	uint32_t i;

	for (i = 0; i < before->n; i++)
		if (!i || before->key[i].ifindex != before->key[i - 1].ifindex)
			port_let_go(p, before->key[i].ifindex);
}

int inside_put(struct publish *p, const struct dp_snapshot *snapshot)
{
	struct clients before = p->clients;
	struct clients next;
	int err;

	err = wanted(snapshot, &next);
	if (err)
		return err;
	if (same(&before, &next)) {
		free(next.key);
		return 0;
	}
	change(p, &before, &next);
	p->clients = next;
	ports_let_go(p, &before);
	free(before.key);
	return 0;
}

void inside_port_lost(struct publish *p, uint32_t ifindex)
{
	struct clients *c = &p->clients;
	uint32_t first = place_of(c, ifindex);
	uint32_t end = first;

	while (end < c->n && c->key[end].ifindex == ifindex)
		drop(p, &c->key[end++]);
	memmove(&c->key[first], &c->key[end], (c->n - end) * sizeof(*c->key));
	c->n -= end - first;
	if (end != first)
		port_let_go(p, ifindex);
}

int inside_restore(struct publish *p)
{
	struct clients *c = &p->clients;
	struct client_key *grown;
	uint32_t max = 0;

	while (true) {
		if (c->n == max) {
			max = max ? 2 * max : 64;
			grown = realloc(c->key, max * sizeof(*grown));
			if (!grown)
				return -ENOMEM;
			c->key = grown;
		}
		if (p->ops.next_client(p->e, c->n ? &c->key[c->n - 1] : NULL,
				       &c->key[c->n]))
			break;
		c->n++;
	}
	qsort(c->key, c->n, sizeof(*c->key), order);
	return 0;
}

/* Programs stay at the ports; after an upgrade they are the new ones. */
void inside_attach(struct publish *p)
{
	const struct clients *c = &p->clients;
	uint32_t i;

	for (i = 0; i < c->n; i++)
		if (!i || c->key[i].ifindex != c->key[i - 1].ifindex)
			(void)p->ops.attach_port(p->e, c->key[i].ifindex);
}
