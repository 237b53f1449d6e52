/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors and files of any bytes, loaded by the real host: it takes them, refuses them with a sentence, or dies, which the engine tells. Seeded;
 * FB_FUZZ_ROUNDS says how many of each (LONG: 3000), FB_FUZZ_SEED where they begin. As root the host is another user's: what is loaded is not ours.
 */
#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "tests/abi/rig.h"

static uint64_t generator;

/* xorshift64* (Marsaglia 2003, Vigna 2016) */
static uint32_t below(size_t limit)
{
	generator ^= generator >> 12;
	generator ^= generator << 25;
	generator ^= generator >> 27;
	return (uint32_t)((generator * UINT64_C(2685821657736338717)) >> 32) % (uint32_t)limit;
}

static uint64_t number(const char *variable, uint64_t absent)
{
	const char *s = getenv(variable);

	return s && *s ? strtoull(s, NULL, 10) : absent;
}

struct bytes {
	char *p;
	size_t n;
};

static size_t read_folder(const char *folder, struct bytes *ret, size_t max)
{
	struct dirent **names;
	int count = scandir(folder, &names, NULL, alphasort);
	size_t n = 0;

	for (int i = 0; i < count; i++) {
		char *path = fb_asprintf("%s/%s", folder, names[i]->d_name);

		if (names[i]->d_name[0] != '.' && n < max) {
			assert_int_equal(fb_io_read_file(path, 1 << 20, &ret[n].p, &ret[n].n, NULL), 0);
			n++;
		}
		fb_free(path);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	return n;
}

static void put(const char *path, const struct bytes *b)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(b->p, 1, b->n, f), b->n);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0755), 0);
}

/* Up to eight bytes of the first `within` are made others. */
static void change(struct bytes *b, size_t within)
{
	static const char odd[] = {0, 1, 127, -128, -1};

	for (uint32_t k = 1 + below(8); k && b->n; k--) {
		char *p = b->p + below(b->n < within ? b->n : within);

		*p = below(2) ? odd[below(sizeof odd)] : (char)below(256);
	}
}

static const char *host_program(void)
{
	return geteuid() == 0 ? "tests/abi/host_other" : "./failback-host";
}

struct tally {
	unsigned taken, refused, died;
};

/* The engine lives, and says in words what became of it. */
static void must_be_told(const char *folder, const char *name, struct tally *tally)
{
	struct fb_err err = {0};
	struct rig rig;

	rig_start_host(&rig, host_program(), folder);
	if (fb_pool_describe(rig.pool, "phase", name, &err)) {
		tally->taken++;
	} else {
		assert_int_equal(err.code, FB_EXIT_PLUGIN);
		assert_non_null(strstr(err.text, name));
		if (strstr(err.text, "crashed while it was loaded") || strstr(err.text, "ended its host while it was loaded"))
			tally->died++;
		else
			tally->refused++;
	}
	rig_end(&rig);
}

static void tell(const char *what, const struct tally *t)
{
	print_message("  %s: %u taken, %u refused, %u cost their host\n", what, t->taken, t->refused, t->died);
}

static void any_descriptor_costs_its_own_host_at_most(void **state)
{
	const char *top = getenv("srcdir") ? getenv("srcdir") : "..";
	char template[] = "/tmp/failback-bytes-XXXXXX", *corpus = fb_asprintf("%s/tests/fuzz/corpus/descriptor", top), *file, *command;
	struct tally tally = {0};
	struct bytes all[64];
	size_t n = read_folder(corpus, all, 64);
	uint64_t rounds = number("FB_FUZZ_ROUNDS", getenv("LONG") ? 3000 : 40);

	(void)state;
	assert_true(n > 0);
	assert_non_null(mkdtemp(template));
	chmod(template, 0755);
	command = fb_asprintf("cp tests/abi/adversary/bytes/phase-fuzz.so %s/ && chmod 755 %s/phase-fuzz.so", template, template);
	assert_int_equal(system(command), 0);
	setenv("TMPDIR", template, 1);
	file = fb_asprintf("%s/descriptor", template);
	for (uint64_t i = 0; i < n + rounds; i++) {
		struct bytes b = all[i < n ? i : below(n)];

		b.p = memcpy(fb_alloc(b.n + 1), b.p, b.n);
		if (i >= n) {
			if (below(4)) /* mostly with what is before the bytes made right */
				b.p[0] = (char)below(256);
			change(&b, b.n);
		}
		put(file, &b);
		must_be_told(template, "fuzz", &tally);
		fb_free(b.p);
	}
	unsetenv("TMPDIR");
	tell("descriptors", &tally);
	assert_true(tally.taken > 0 && tally.refused > 0 && tally.died > 0);
	fb_io_remove_tree(template);
	for (size_t i = 0; i < n; i++)
		fb_free(all[i].p);
	fb_free(corpus);
	fb_free(file);
	fb_free(command);
}

static void any_file_costs_its_own_host_at_most(void **state)
{
	char template[] = "/tmp/failback-bytes-XXXXXX", *file;
	struct tally tally = {0};
	struct bytes whole;
	uint64_t rounds = number("FB_FUZZ_ROUNDS", getenv("LONG") ? 3000 : 40);

	(void)state;
	assert_int_equal(fb_io_read_file("tests/abi/built/today/phase-sample.so", 1 << 24, &whole.p, &whole.n, NULL), 0);
	assert_non_null(mkdtemp(template));
	chmod(template, 0755);
	file = fb_asprintf("%s/phase-sample.so", template);
	for (uint64_t i = 0; i < rounds; i++) {
		struct bytes b = {.p = memcpy(fb_alloc(whole.n), whole.p, whole.n), .n = whole.n};

		if (below(4) == 0)
			b.n = 1 + below(b.n - 1);
		else
			change(&b, 1024); /* headers, hashes, names: not the code */
		put(file, &b);
		must_be_told(template, "sample", &tally);
		fb_free(b.p);
	}
	tell("files", &tally);
	assert_true(tally.taken > 0 && tally.refused > 0);
	fb_io_remove_tree(template);
	fb_free(whole.p);
	fb_free(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_descriptor_costs_its_own_host_at_most),
		cmocka_unit_test(any_file_costs_its_own_host_at_most),
	};
	uint64_t seed = number("FB_FUZZ_SEED", 20260120);

	generator = seed ? seed : 1;
	print_message("  seed %" PRIu64 "\n", seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
