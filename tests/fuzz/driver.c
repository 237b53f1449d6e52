/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a libFuzzer target without libFuzzer: each file of its corpus, then mutations of them from a seeded generator. An automake test;
 * "fuzz_NAME" looks in $srcdir/tests/fuzz/corpus/NAME. FB_FUZZ_ROUNDS: how many mutations (2000 by default), FB_FUZZ_SEED: where they begin.
 * What was last tried lies in fuzz_NAME.input until the run has passed. A target names words of its language in fuzz_words.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "tests/fuzz/fuzz.h"

#define LIMIT 65536 /* bytes of an input */

struct input {
	char *p;
	size_t n;
};

static uint64_t generator;

/* xorshift64* (Marsaglia 2003, Vigna 2016) */
static uint32_t below(size_t limit)
{
	generator ^= generator >> 12;
	generator ^= generator << 25;
	generator ^= generator >> 27;
	return (uint32_t)((generator * UINT64_C(2685821657736338717)) >> 32) % (uint32_t)limit;
}

static void write_file(const char *path, const void *data, size_t size)
{
	FILE *file = fopen(path, "w");

	if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
		perror(path);
		abort();
	}
}

static void replace(struct input *in, size_t at, size_t gone, const char *with, size_t n)
{
	char *p;

	if (in->n - gone + n > LIMIT)
		return;
	p = fb_alloc(in->n - gone + n + 1);
	memcpy(p, in->p, at);
	memcpy(p + at, with, n);
	memcpy(p + at + n, in->p + at + gone, in->n - at - gone);
	fb_free(in->p);
	in->p = p;
	in->n = in->n - gone + n;
}

static void mutate(struct input *in, const struct input *other)
{
	size_t at = below(in->n + 1), words = 0, n, from;
	const char *word;
	char *piece;

	while (fuzz_words[words])
		words++;
	switch (below(6)) {
	case 0: /* a bit */
		if (at < in->n)
			in->p[at] = (char)(in->p[at] ^ (1 << below(8)));
		break;
	case 1: /* take out */
		n = below(in->n - at + 1);
		replace(in, at, n > 40 ? n % 40 : n, "", 0);
		break;
	case 2: /* say again */
		n = below(in->n - at + 1);
		piece = fb_alloc(n + 1);
		memcpy(piece, in->p + at, n);
		replace(in, below(in->n + 1), 0, piece, n);
		fb_free(piece);
		break;
	case 3: /* a piece of another */
		from = below(other->n + 1);
		n = below(other->n - from + 1);
		replace(in, at, 0, other->p + from, n);
		break;
	case 4: /* a byte */
		piece = (char[]){(char)below(256)};
		replace(in, at, at < in->n, piece, 1);
		break;
	default:
		word = fuzz_words[below(words)];
		replace(in, at, 0, word, strlen(word));
	}
}

static void run(const char *name, const struct input *in)
{
	char *file = fb_asprintf("%s.input", name), *exact = malloc(in->n ? in->n : 1);

	if (!exact)
		abort();
	write_file(file, in->p, in->n);
	memcpy(exact, in->p, in->n); /* of its very size, so that a sanitizer sees reading past it */
	LLVMFuzzerTestOneInput((const uint8_t *)exact, in->n);
	free(exact);
	fb_free(file);
}

static size_t read_corpus(const char *folder, struct input **ret)
{
	struct dirent **names;
	int count = scandir(folder, &names, NULL, alphasort); /* sorted: a seed means the same everywhere */
	size_t n = 0;

	*ret = fb_alloc((count > 0 ? (size_t)count : 1) * sizeof **ret);
	for (int i = 0; i < count; i++) {
		char *path = fb_asprintf("%s/%s", folder, names[i]->d_name);
		struct fb_err err;

		if (names[i]->d_name[0] != '.') {
			if (fb_io_read_file(path, LIMIT, &(*ret)[n].p, &(*ret)[n].n, &err) < 0) {
				fprintf(stderr, "%s\n", err.text);
				exit(1);
			}
			n++;
		}
		fb_free(path);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	return n;
}

static uint64_t number(const char *variable, uint64_t absent)
{
	const char *s = getenv(variable);

	return s && *s ? strtoull(s, NULL, 10) : absent;
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0], *top = getenv("srcdir"), *what;
	uint64_t rounds = number("FB_FUZZ_ROUNDS", 2000), seed = number("FB_FUZZ_SEED", 20260120);
	struct input *corpus;
	char *folder, *file;
	size_t n;

	name = fb_has_prefix(name, "lt-") ? name + 3 : name;
	what = fb_has_prefix(name, "fuzz_") ? name + 5 : name;
	folder = argc > 1 ? fb_strdup(argv[1]) : fb_asprintf("%s/tests/fuzz/corpus/%s", top ? top : "..", what);
	n = read_corpus(folder, &corpus);
	if (!n) {
		fprintf(stderr, "%s: there is no corpus in %s\n", name, folder);
		return 1;
	}
	for (size_t i = 0; i < n; i++)
		run(name, &corpus[i]);
	generator = seed ? seed : 1;
	for (uint64_t i = 0; i < rounds; i++) {
		const struct input *from = &corpus[below(n)];
		struct input in = {.p = fb_alloc(from->n + 1), .n = from->n};

		memcpy(in.p, from->p, from->n);
		for (uint32_t k = 1 + below(4); k; k--)
			mutate(&in, &corpus[below(n)]);
		run(name, &in);
		fb_free(in.p);
	}
	printf("%s: %zu files, %" PRIu64 " mutations from seed %" PRIu64 "\n", name, n, rounds, seed);
	file = fb_asprintf("%s.input", name);
	remove(file);
	fb_free(file);
	for (size_t i = 0; i < n; i++)
		fb_free(corpus[i].p);
	fb_free(corpus);
	fb_free(folder);
	return 0;
}
