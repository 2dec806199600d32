/* fuzz_seeds.c - writes a body of every message into a folder, for the fuzzer to start from. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/proto/sample.h"

static void write_seed(const char *folder, const char *name, int by_hand,
                       const struct weft__buf *body)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s.%d", folder, name, by_hand);
	FILE *file = fopen(path, "wb");
	if (!file || fwrite(body->data, 1, body->len, file) != body->len || fclose(file)) {
		perror(path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	static struct sample sample;
	struct weft__rng r;
	struct weft__buf body = {0};
	if (argc != 2) {
		fprintf(stderr, "usage: fuzz_seeds FOLDER\n");
		return 2;
	}
	weft__rng_init(&r, 1);
	for (size_t i = 0; i < weft__msg_ntypes; i++) {
		sample_fill(&sample, &weft__msg_types[i], &r, SAMPLE_NONE);
		body.len = 0;
		if (weft__msg_encode_body(&body, &sample.m, NULL))
			return 1;
		write_seed(argv[1], weft__msg_types[i].name, 0, &body);
		body.len = 0;
		sample_pack(&body, &sample.m, SAMPLE_NONE, NULL, 0);
		write_seed(argv[1], weft__msg_types[i].name, 1, &body);
	}
	weft__buf_fini(&body);
	return 0;
}
