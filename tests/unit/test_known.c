/* SPDX-License-Identifier: Apache-2.0 */
/* What successes had: learned, faded, damaged, bounded; and weights of people's words, which find nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "analysis/known.h"
#include "analysis/prior.h"
#include "base/io.h"
#include "base/mem.h"

struct lab {
	char folder[64], known[96], log[96];
	struct fb_err err;
};

static int set_up(void **state)
{
	struct lab *l = fb_alloc(sizeof *l);

	snprintf(l->folder, sizeof l->folder, "/tmp/failback-known-XXXXXX");
	if (!mkdtemp(l->folder))
		return -1;
	snprintf(l->known, sizeof l->known, "%s/a.known", l->folder);
	snprintf(l->log, sizeof l->log, "%s/log", l->folder);
	*state = l;
	return 0;
}

static int tear_down(void **state)
{
	struct lab *l = *state;

	fb_io_remove_tree(l->folder);
	fb_free(l);
	return 0;
}

static void put(const char *path, const void *data, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, n), n);
	close(fd);
}

static void learn(struct lab *l, const char *text)
{
	const char *logs[] = {l->log};

	put(l->log, text, strlen(text));
	assert_int_equal(fb_known_learn(l->known, logs, 1, NULL, &l->err), 0);
}

static int line(struct lab *l, const char *text)
{
	struct fb_known *k = fb_known_read(l->known, &l->err);
	int ret;

	assert_non_null(k);
	ret = fb_known_line(k, text, strlen(text));
	fb_known_free(k);
	return ret;
}

static void a_line_that_a_success_had_is_usual_whatever_its_numbers_and_a_new_word_is_told(void **state)
{
	struct lab *l = *state;

	learn(l, "WARN retry 3 of 10 at 10.0.0.1:6379 after 12ms\nlistening on 8080\n");
	assert_int_equal(line(l, "warn retry 7 of 10 at 10.9.8.7:6379 after 99ms"), FB_KNOWN_USUAL);
	assert_int_equal(line(l, "retry listening"), FB_KNOWN_NEW);
	assert_int_equal(line(l, "retry listening exploded"), FB_KNOWN_NEVER);
}

static void what_successes_no_longer_have_fades_and_is_forgotten(void **state)
{
	struct lab *l = *state;
	struct fb_known *k;

	learn(l, "old line\nalways\n");
	learn(l, "always\n");
	assert_int_equal(line(l, "old line"), FB_KNOWN_USUAL);
	learn(l, "always\n");
	assert_int_equal(line(l, "old line"), FB_KNOWN_FADING);
	learn(l, "always\n");
	assert_int_equal(line(l, "old line"), FB_KNOWN_NEVER);
	assert_int_equal(line(l, "always"), FB_KNOWN_USUAL);
	k = fb_known_read(l->known, &l->err);
	assert_int_equal(fb_known_successes(k), FB_KNOWN_SUCCESSES);
	fb_known_free(k);
}

static void a_damaged_file_is_said_not_used_and_begun_anew(void **state)
{
	struct lab *l = *state;
	const char *logs[] = {l->log};
	char *data;
	struct stat st;
	int fd;

	learn(l, "one two three\nfour five six\n");
	assert_int_equal(stat(l->known, &st), 0);
	data = fb_alloc((size_t)st.st_size + 1);
	fd = open(l->known, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, data, (size_t)st.st_size), st.st_size);
	close(fd);
	for (off_t i = 0; i < st.st_size; i += i < 110 ? 1 : 7) { /* each byte counts, also of the header */
		data[i] ^= 0x20;
		put(l->known, data, (size_t)st.st_size);
		assert_null(fb_known_read(l->known, &l->err));
		assert_int_equal(l->err.code, FB_EXIT_CONFIG);
		data[i] ^= 0x20;
	}
	for (off_t i = 0; i < st.st_size; i += 5) {
		put(l->known, data, (size_t)i);
		assert_null(fb_known_read(l->known, &l->err));
	}
	assert_non_null(strstr(l->err.text, "is not used"));
	put(l->known, "rubbish", 7);
	put(l->log, "four\n", 5);
	l->err = (struct fb_err){0};
	assert_int_equal(fb_known_learn(l->known, logs, 1, &l->err, &(struct fb_err){0}), 0);
	assert_non_null(strstr(l->err.text, "is not used"));
	assert_int_equal(line(l, "four"), FB_KNOWN_USUAL);
	fb_free(data);
}

static void a_log_of_very_many_different_lines_gives_a_small_file(void **state)
{
	struct lab *l = *state;
	FILE *f = fopen(l->log, "we");
	const char *logs[] = {l->log};
	struct stat st;

	assert_non_null(f);
	for (int i = 0; i < 300000; i++) {
		char word[16];
		int n = i;

		for (int k = 0; k < 8; k++, n /= 26)
			word[k] = (char)('a' + n % 26);
		word[8] = 0;
		fprintf(f, "%s is %s\n", word, word);
	}
	assert_int_equal(fclose(f), 0);
	assert_int_equal(fb_known_learn(l->known, logs, 1, NULL, &l->err), 0);
	assert_int_equal(fb_known_learn(l->known, logs, 1, NULL, &l->err), 0);
	assert_int_equal(stat(l->known, &st), 0);
	assert_true(st.st_size > 500000 && st.st_size <= (1 << 20) + 4096);
	assert_int_equal(line(l, "aaaaaaaa is aaaaaaaa"), FB_KNOWN_USUAL);
}

static void the_folder_is_bounded_and_the_oldest_goes_first(void **state)
{
	struct lab *l = *state;
	char path[128], *much = fb_alloc((size_t)1 << 20);

	for (int i = 0; i < 40; i++) {
		const struct timespec times[2] = {{1000 + i, 0}, {1000 + i, 0}};

		snprintf(path, sizeof path, "%s/%d.known", l->folder, i);
		put(path, much, (size_t)1 << 20);
		assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	}
	learn(l, "x\n");
	snprintf(path, sizeof path, "%s/8.known", l->folder);
	assert_int_not_equal(access(path, F_OK), 0);
	snprintf(path, sizeof path, "%s/10.known", l->folder);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(access(l->known, F_OK), 0);
	fb_free(much);
}

static void secrets_and_words_cannot_be_read_back(void **state)
{
	struct lab *l = *state;
	char data[4096];
	int fd;
	ssize_t n;

	learn(l, "the password of the database is hunterhunter\n");
	fd = open(l->known, O_RDONLY | O_CLOEXEC);
	n = read(fd, data, sizeof data);
	close(fd);
	assert_true(n > 0);
	assert_null(memmem(data, (size_t)n, "hunter", 6));
	assert_null(memmem(data, (size_t)n, "password", 8));
}

/* ---- weights */

static struct fb_signature signatures[] = {{.id = (char *)(uintptr_t)"one", .category = (char *)(uintptr_t)"timeout"}, {.id = (char *)(uintptr_t)"two", .category = (char *)(uintptr_t)"disk_full"}};
static struct fb_finding findings[] = {{.signature = &signatures[0]}, {.signature = &signatures[1]}};

static struct fb_ranking ranking(int first, int second)
{
	return (struct fb_ranking){.v = {{.category = "timeout", .evidence = {&findings[0]}, .evidence_count = 1, .score = first},
					 {.category = "disk_full", .evidence = {&findings[1]}, .evidence_count = 1, .score = second}},
				   .n = 2, .known = first >= 50};
}

static void weigh(struct lab *l, const char *weights, struct fb_ranking *r)
{
	struct fb_prior *p;

	put(l->log, weights, strlen(weights));
	p = fb_prior_read(l->log, &l->err);
	assert_non_null(p);
	fb_prior_apply(p, r);
	fb_prior_free(p);
}

static void what_was_corrected_loses_and_what_was_said_instead_gains_within_bounds(void **state)
{
	struct lab *l = *state;
	struct fb_ranking r = ranking(70, 66);

	weigh(l, "{\"signatures\": {\"one\": -1000, \"two\": 1000}}", &r);
	assert_string_equal(r.v[0].category, "disk_full");
	assert_int_equal(r.v[0].score, 66 + FB_PRIOR_MOST);
	assert_int_equal(r.v[1].score, 70 + FB_PRIOR_LEAST);
	r = ranking(70, 66);
	weigh(l, "{\"signatures\": {\"three\": 6}, \"types\": {\"tls\": 6}}", &r);
	assert_string_equal(r.v[0].category, "timeout");
	assert_int_equal(r.v[0].score, 70);
	r = ranking(70, 66);
	weigh(l, "{\"types\": {\"disk_full\": 6}}", &r);
	assert_string_equal(r.v[0].category, "disk_full");
}

static void no_weight_names_what_was_too_unsure(void **state)
{
	struct lab *l = *state;
	struct fb_ranking r = ranking(48, 20);

	weigh(l, "{\"signatures\": {\"one\": 6}}", &r);
	assert_false(r.known);
	r = ranking(52, 20);
	weigh(l, "{\"signatures\": {\"one\": -15}}", &r);
	assert_false(r.known);
	put(l->log, "[]", 2);
	assert_null(fb_prior_read(l->log, &l->err));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(a_line_that_a_success_had_is_usual_whatever_its_numbers_and_a_new_word_is_told),
		T(what_successes_no_longer_have_fades_and_is_forgotten),
		T(a_damaged_file_is_said_not_used_and_begun_anew),
		T(a_log_of_very_many_different_lines_gives_a_small_file),
		T(the_folder_is_bounded_and_the_oldest_goes_first),
		T(secrets_and_words_cannot_be_read_back),
		T(what_was_corrected_loses_and_what_was_said_instead_gains_within_bounds),
		T(no_weight_names_what_was_too_unsure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
