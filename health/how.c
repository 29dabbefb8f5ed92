// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a target is asked: copied, compared.
 */
#include "health/how.h"

#include <stdlib.h>
#include <string.h>

#define N_TEXTS 4

/* Its single texts, NULL where there is none. */
static void texts_of(struct health_how *how, const char **ret_texts[N_TEXTS])
{
	const char **const texts[N_TEXTS] = { &how->path, &how->host, &how->sni,
					      &how->ca_file };

	memcpy(ret_texts, texts, sizeof(texts));
}

static size_t text_size(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static const char *put(char **at, const char *text)
{
	char *put = *at;

	if (!text)
		return NULL;
	memcpy(put, text, strlen(text) + 1);
	*at += strlen(text) + 1;
	return put;
}

static void put_bytes(char **at, struct health_bytes *bytes)
{
	if (bytes->len)
		memcpy(*at, bytes->data, bytes->len);
	bytes->data = *at;
	*at += bytes->len;
}

static size_t list_size(const struct health_list *list)
{
	size_t i, size = list->n * sizeof(*list->text);

	for (i = 0; i < list->n; i++)
		size += text_size(list->text[i]);
	return size;
}

/* The pointers first, as they have to be aligned. */
static void put_pointers(char **at, struct health_list *list)
{
	const char **text = (const char **)(void *)*at;

	if (list->n)
		memcpy(text, list->text, list->n * sizeof(*text));
	list->text = text;
	*at += list->n * sizeof(*text);
}

static void put_list(char **at, struct health_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		list->text[i] = put(at, list->text[i]);
}

struct health_how *how_copy(const struct health_how *how)
{
	struct health_how model = *how, *copy;
	const char **texts[N_TEXTS];
	size_t i, size;
	uint32_t *status;
	char *at;

	texts_of(&model, texts);
	size = sizeof(*copy) + list_size(&how->argv) + list_size(&how->env) +
	       how->n_status * sizeof(*how->status) + how->send.len +
	       how->expect.len;
	for (i = 0; i < N_TEXTS; i++)
		size += text_size(*texts[i]);
	copy = malloc(size);
	if (!copy)
		return NULL;
	at = (char *)(copy + 1);
	put_pointers(&at, &model.argv);
	put_pointers(&at, &model.env);
	status = (uint32_t *)(void *)at;
	if (how->n_status)
		memcpy(status, how->status, how->n_status * sizeof(*status));
	model.status = status;
	at += how->n_status * sizeof(*status);
	put_list(&at, &model.argv);
	put_list(&at, &model.env);
	for (i = 0; i < N_TEXTS; i++)
		*texts[i] = put(&at, *texts[i]);
	put_bytes(&at, &model.send);
	put_bytes(&at, &model.expect);
	*copy = model;
	return copy;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_bytes(const struct health_bytes *a,
		       const struct health_bytes *b)
{
	return a->len == b->len &&
	       (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static bool same_list(const struct health_list *a, const struct health_list *b)
{
	size_t i;

	if (a->n != b->n)
		return false;
	for (i = 0; i < a->n; i++)
		if (!same_text(a->text[i], b->text[i]))
			return false;
	return true;
}

bool how_same(const struct health_how *a, const struct health_how *b)
{
	struct health_how x = *a, y = *b;
	const char **xs[N_TEXTS], **ys[N_TEXTS];
	size_t i;

	texts_of(&x, xs);
	texts_of(&y, ys);
	for (i = 0; i < N_TEXTS; i++)
		if (!same_text(*xs[i], *ys[i]))
			return false;
	if (!same_bytes(&a->send, &b->send) ||
	    !same_bytes(&a->expect, &b->expect))
		return false;
	if (a->verify != b->verify || a->n_status != b->n_status)
		return false;
	for (i = 0; i < a->n_status; i++)
		if (a->status[i] != b->status[i])
			return false;
	return same_list(&a->argv, &b->argv) && same_list(&a->env, &b->env);
}

bool how_wants(const struct health_how *how, int status)
{
	size_t i;

	for (i = 0; i < how->n_status; i++)
		if (how->status[i] == (uint32_t)status)
			return true;
	return how->n_status == 0 && status >= 200 && status <= 299;
}
