// SPDX-License-Identifier: GPL-2.0-only
/*
 * Seeds for fuzz_core: each packet vector as an input, so that a search starts
 * from packets that reach every corner: fuzz_core_seeds DIRECTORY
 *
 * corpus/core/ is what is left of them, and of what searches kept, after
 *
 *	fuzz_core_seeds SEEDS && fuzz_core -merge=1 corpus/core SEEDS FOUND
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz_core_input.h"
#include "tests/packet/run.h"

/* An input as it is written. */
struct seed {
	uint8_t byte[FRAME_SIZE_MAX + 64];
	size_t size;
};

static void put(struct seed *s, int n_bytes, uint32_t v)
{
	int i;

	for (i = 0; i < n_bytes; i++)
		s->byte[s->size++] = (uint8_t)(v >> (8 * i));
}

static void make_seed(const struct vector *v, struct seed *ret_seed)
{
	const struct scene_flow flow = vector_flow(v);
	struct seed *s = ret_seed;
	struct frame f;

	s->size = 0;
	put(s, 1, v->scene.slot);
	put(s, 1, v->scene.entry);
	put(s, 1, v->scene.entry_vm);
	put(s, 1, v->scene.entry_class);
	put(s, 1, v->scene.fill);
	put(s, 1, v->scene.direct);
	put(s, 4, v->scene.flags);
	put(s, 1, flow.v6);
	put(s, 4, flow.client);
	put(s, 2, flow.client_port);
	put(s, 4, flow.vip);
	put(s, 2, flow.vip_port);
	put(s, 1, 0); /* no patches */
	vector_frame(v, &f);
	put(s, 1, v->hook);
	put(s, 1, v->vm_port ? v->vm_port : 1);
	put(s, 1, 0);
	put(s, 2, (uint32_t)f.size);
	memcpy(s->byte + s->size, f.byte, f.size);
	s->size += f.size;
}

static int write_seed(const char *directory, const struct vector *v)
{
	char path[512];
	struct seed s;
	FILE *f;
	size_t n;
	int ret;

	make_seed(v, &s);
	ret = snprintf(path, sizeof(path), "%s/%s", directory, v->name);
	if (ret < 0 || (size_t)ret >= sizeof(path))
		return -1;
	f = fopen(path, "we");
	if (!f)
		return -1;
	n = fwrite(s.byte, 1, s.size, f);
	return fclose(f) || n != s.size ? -1 : 0;
}

int main(int argc, char **argv)
{
	const struct vector_table *tables;
	size_t n_tables = 0;
	size_t i;
	size_t j;

	if (argc != 2) {
		(void)fprintf(stderr, "usage: fuzz_core_seeds DIRECTORY\n");
		return EXIT_FAILURE;
	}
	tables = vector_tables(&n_tables);
	for (i = 0; i < n_tables; i++) {
		for (j = 0; j < tables[i].n; j++) {
			if (write_seed(argv[1], &tables[i].vector[j])) {
				perror(argv[1]);
				return EXIT_FAILURE;
			}
		}
	}
	return EXIT_SUCCESS;
}
