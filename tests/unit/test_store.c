/* SPDX-License-Identifier: Apache-2.0 */
/* The store's parts: hashes, objects, content of many chunks, lists, keys, the pool, programs. Forms are test_store_form.c's, the whole is tests/chain/test_store*.py's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/io.h"
#include "base/mem.h"
#include "store/content.h"
#include "store/list.h"
#include "store/pool.h"
#include "store/program.h"

struct fixture {
	char dir[64], *path, *key;
	struct fb_store store;
	struct fb_object_io *io;
};

static int set_up_as(void **state, enum fb_store_encryption encryption)
{
	struct fixture *f = fb_alloc(sizeof *f);
	struct fb_key_source key = {0};
	struct fb_err err;
	char id[33];

	snprintf(f->dir, sizeof f->dir, "/tmp/failback-test-store-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->path = fb_asprintf("%s/store", f->dir);
	f->key = fb_asprintf("%s/key", f->dir);
	key.key_file = encryption == FB_STORE_NONE ? NULL : f->key;
	assert_int_equal(fb_store_init(f->path, encryption, &key, id, &err), 0);
	assert_int_equal(fb_store_open(&f->store, f->path, &key, &err), 0);
	assert_string_equal(f->store.id, id);
	f->io = fb_object_io_new(&f->store);
	*state = f;
	return 0;
}

static int set_up(void **state)
{
	return set_up_as(state, FB_STORE_NONE);
}

static int set_up_encrypted(void **state)
{
	return set_up_as(state, FB_STORE_ALL);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	fb_object_io_free(f->io);
	fb_store_close(&f->store);
	assert_int_equal(fb_io_remove_tree(f->dir), 0);
	fb_free(f->path);
	fb_free(f->key);
	fb_free(f);
	return 0;
}

static void content_has_the_name_that_sha256sum_gives_it(void **state)
{
	struct fixture *f = *state;
	struct fb_oid id, list, pieces;
	struct fb_hash hash;
	char text[FB_OID_TEXT];

	fb_object_name(&f->store, "abc", 3, 0, false, &id);
	assert_string_equal(fb_oid_text(&id, text), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"); /* printf abc | sha256sum */
	fb_object_name(&f->store, "abc", 3, 1, false, &list); /* a list never has the name of content */
	assert_memory_not_equal(&id, &list, sizeof id);
	fb_object_name(&f->store, "abc", 3, 2, false, &pieces);
	assert_memory_not_equal(&list, &pieces, sizeof id);
	fb_hash_begin(&hash, &f->store, false);
	fb_hash_add(&hash, "a", 1);
	fb_hash_add(&hash, "bc", 2);
	fb_hash_end(&hash, &pieces);
	assert_memory_equal(&id, &pieces, sizeof id);
}

/* Sizes around the borders, content that compresses and content that does not */
static void objects_come_back(void **state)
{
	static const size_t sizes[] = {1, 2, 16, 4096, FB_CHUNK - 1, FB_CHUNK};
	struct fixture *f = *state;
	bool encrypted = f->store.encryption != FB_STORE_NONE;
	uint8_t *data = fb_alloc(FB_CHUNK);
	struct fb_cost cost = {0};
	const uint8_t *got;
	struct fb_err err;
	struct fb_oid id;

	for (unsigned kind = 0; kind < 2; kind++)
		for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
			for (unsigned level = 0; level < 2; level++) {
				uint64_t written = cost.written;

				if (kind)
					randombytes_buf(data, sizes[i]);
				else
					memset(data, 'a' + (int)i, sizes[i]);
				assert_int_equal(fb_object_put(f->io, data, sizes[i], level, encrypted, &id, &cost, &err), 0);
				assert_true(cost.written > written);
				written = cost.written;
				assert_int_equal(fb_object_put(f->io, data, sizes[i], level, encrypted, &id, &cost, &err), 0);
				assert_int_equal(cost.written, written); /* it is there */
				assert_int_equal(fb_object_get(f->io, &id, level, sizes[i], encrypted, &got, &err), 0);
				assert_memory_equal(got, data, sizes[i]);
				/* not as anything else than it is */
				assert_int_equal(fb_object_get(f->io, &id, level + 1, sizes[i], encrypted, &got, &err), -1);
				assert_int_equal(fb_object_get(f->io, &id, level, sizes[i] + 1, encrypted, &got, &err), -1);
				assert_int_equal(fb_object_get(f->io, &id, level, sizes[i], !encrypted, &got, &err), -1);
			}
	fb_free(data);
}

static void every_flipped_bit_and_every_cut_of_an_object_is_found(void **state)
{
	struct fixture *f = *state;
	bool encrypted = f->store.encryption != FB_STORE_NONE;
	struct fb_cost cost = {0};
	char text[600], place[FB_OBJECT_PLACE], *path, *file, *wrong;
	const uint8_t *got;
	struct fb_err err;
	struct fb_oid id;
	size_t size;

	memset(text, 'x', sizeof text);
	for (size_t n = 10; n <= sizeof text; n += 590) { /* raw, and zstd */
		assert_int_equal(fb_object_put(f->io, text, n, 0, encrypted, &id, &cost, &err), 0);
		path = fb_asprintf("%s/objects/%s", f->path, fb_object_place(&id, place));
		assert_int_equal(fb_io_read_file(path, 4096, &file, &size, &err), 0);
		wrong = fb_alloc(size + 1);
		for (size_t i = 0; i < size * 8 + size; i++) {
			size_t now = i < size * 8 ? size : i - size * 8;
			int fd = open(path, O_WRONLY | O_TRUNC);

			memcpy(wrong, file, size);
			if (i < size * 8)
				wrong[i / 8] = (char)(wrong[i / 8] ^ (1 << (i % 8)));
			assert_int_equal(fb_io_write_all(fd, wrong, now), 0);
			close(fd);
			assert_int_equal(fb_object_get(f->io, &id, 0, n, encrypted, &got, &err), -1);
			assert_int_equal(err.code, FB_STORE_DAMAGED);
		}
		fb_free(wrong);
		fb_free(file);
		fb_free(path);
	}
}

static void an_encrypted_id_tells_nothing_without_the_key(void **state)
{
	struct fixture *f = *state;
	struct fb_oid plain, keyed;

	fb_object_name(&f->store, "secret", 6, 0, false, &plain);
	fb_object_name(&f->store, "secret", 6, 0, true, &keyed);
	assert_memory_not_equal(&plain, &keyed, sizeof plain);
}

/* Ids that stand for full chunks need not be there to be listed: three levels without their terabytes. */
static void content_of_many_chunks_is_listed_in_order(void **state)
{
	static const size_t counts[] = {1, 2, 3, FB_FANOUT - 1, FB_FANOUT, FB_FANOUT + 1, 2 * FB_FANOUT, 3 * FB_FANOUT + 5};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		struct fb_content_writer w = {.io = f->io, .store = &f->store};
		struct fb_content_reader r = {0};
		struct fb_oid id = {{0}}, got;
		struct fb_ref ref;
		struct fb_err err;
		size_t size, last = 77;

		for (size_t k = 0; k < counts[i]; k++) {
			memcpy(id.b, &k, sizeof k);
			assert_int_equal(fb_content_add(&w, &id, k + 1 < counts[i] ? FB_CHUNK : last, &err), 0);
		}
		assert_int_equal(fb_content_end(&w, &ref, &err), 0);
		assert_int_equal(ref.size, (counts[i] - 1) * FB_CHUNK + last);
		fb_content_clear(&w);
		assert_int_equal(fb_content_open(&r, &f->store, f->io, &ref, &err), 0);
		for (size_t k = 0; k < counts[i]; k++) {
			assert_int_equal(fb_content_next(&r, &got, &size, &err), 1);
			memcpy(id.b, &k, sizeof k);
			assert_memory_equal(&got, &id, sizeof id);
			assert_int_equal(size, k + 1 < counts[i] ? FB_CHUNK : last);
		}
		assert_int_equal(fb_content_next(&r, &got, &size, &err), 0);
		fb_content_close(&r);
		ref.size += FB_CHUNK; /* a size that does not fit the list */
		if (counts[i] > 1) {
			int more = fb_content_open(&r, &f->store, f->io, &ref, &err) < 0 ? -1 : 1;

			while (more > 0)
				more = fb_content_next(&r, &got, &size, &err);
			assert_int_equal(more, -1);
			fb_content_close(&r);
		}
	}
}

static struct fb_entry file_entry(const char *path)
{
	return (struct fb_entry){.type = 'f', .mode = 0644, .uid = 5, .gid = 6, .mtime = -7, .mtime_ns = 8, .ctime = 9, .ctime_ns = 10, .dev = 11, .ino = 12, .size = 13,
				 .stored = 14, .path = (char *)path, .link = (char *)""};
}

static int list_of(struct fixture *f, const char *const *paths, struct fb_err *err)
{
	struct fb_list_writer w;
	struct fb_list_reader r;
	struct fb_ref ref;
	struct fb_entry e;
	int got = 0;

	assert_int_equal(fb_list_begin(&w, &f->store, f->io, false, err), 0);
	for (; *paths; paths++) {
		e = file_entry(*paths);
		if (**paths == '/' || !**paths)
			e = (struct fb_entry){.type = **paths ? 'R' : 'd', .path = (char *)*paths};
		assert_int_equal(fb_list_add(&w, &e, err), 0);
	}
	assert_int_equal(fb_list_end(&w, &ref, err), 0);
	fb_list_clear(&w);
	assert_int_equal(fb_list_open(&r, &f->store, f->io, &ref, err), 0);
	while ((got = fb_list_next(&r, &e, err)) > 0)
		fb_entry_clear(&e);
	fb_list_close(&r);
	return got;
}

static void a_list_is_read_only_in_order(void **state)
{
	static const char *const good[] = {"/root", "", "a", "a/b", "a/b/c", "a!", "a.c", "b", "/other", "", "a", NULL};
	static const char *const twice[] = {"/root", "", "a", "a", NULL}, *const back[] = {"/root", "", "b", "a", NULL}, *const rootless[] = {"a", NULL};
	static const char *const split[] = {"/root", "", "a", "a!", "a/b", NULL}, *const headless[] = {"/root", "a", NULL};
	struct fb_err err = {0};

	assert_int_equal(list_of(*state, good, &err), 0);
	assert_int_equal(list_of(*state, twice, &err), -1);
	assert_int_equal(list_of(*state, back, &err), -1);
	assert_int_equal(list_of(*state, rootless, &err), -1);
	assert_int_equal(list_of(*state, split, &err), -1);
	assert_int_equal(list_of(*state, headless, &err), -1);
	assert_int_equal(err.code, FB_STORE_DAMAGED);
}

static void a_changed_key_opens_the_same_keys_and_the_old_one_none(void **state)
{
	struct fixture *f = *state;
	char *other = fb_asprintf("%s/other", f->dir), *phrase = fb_asprintf("%s/phrase", f->dir);
	struct fb_key_source old = {.key_file = f->key}, file = {.key_file = other}, words = {.passphrase_file = phrase}, none = {0};
	json_t *kept, *anew, *last;
	struct fb_keys a, b;
	struct fb_err err;

	assert_int_equal(fb_io_replace_file(phrase, "correct horse\n", 14, 0600, &err), 0);
	assert_int_equal(fb_keys_make(&old, "here", &kept, &err), 0);
	assert_int_equal(fb_keys_open(kept, &old, "here", &a, &err), 1);
	assert_int_equal(fb_keys_open(kept, &old, "there", &b, &err), -1); /* what was bound to one store is no other's */
	assert_int_equal(err.code, FB_STORE_DENIED);
	assert_int_equal(fb_keys_change(kept, &none, &file, "here", &anew, &err), 0); /* the old one is remembered, the new one is made */
	assert_int_equal(fb_keys_open(anew, &file, "here", &b, &err), 1);
	assert_memory_equal(&a, &b, sizeof a);
	assert_int_equal(fb_keys_open(anew, &old, "here", &b, &err), -1);
	assert_int_equal(err.code, FB_STORE_DENIED);
	assert_int_equal(fb_keys_change(anew, &old, &words, "here", &last, &err), -1);
	assert_int_equal(fb_keys_change(anew, &file, &words, "here", &last, &err), 0);
	assert_int_equal(fb_keys_open(last, &words, "here", &b, &err), 1);
	assert_memory_equal(&a, &b, sizeof a);
	json_decref(kept);
	json_decref(anew);
	json_decref(last);
	fb_free(other);
	fb_free(phrase);
}

static int run_program(const char *const *argv, char *said, size_t size, struct fb_err *err)
{
	struct fb_program_form form = {.argv = (char *const *)argv, .umask = 027};
	struct fb_program p;
	size_t n = 0;
	ssize_t got;

	*said = 0;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &form.files), 0);
	if (fb_program_start(&p, &form, false, err) < 0)
		return -1;
	while (n < size - 1 && (got = read(p.fd, said + n, size - 1 - n)) > 0)
		n += (size_t)got;
	said[n] = 0;
	return fb_program_finish(&p, err);
}

static void a_program_is_good_only_when_it_exits_with_0(void **state)
{
	static const char *const good[] = {"sh", "-c", "cat; umask; echo out", NULL}, *const bad[] = {"sh", "-c", "echo out; exit 3", NULL};
	static const char *const killed[] = {"sh", "-c", "echo out; kill -9 $$", NULL}, *const absent[] = {"failback-no-such-program", NULL}, *const folder[] = {"/", NULL};
	char said[100];
	struct fb_err err;

	(void)state;
	assert_int_equal(run_program(good, said, sizeof said, &err), 0);
	assert_string_equal(said, "0027\nout\n"); /* its input is empty, its mask the caller's */
	assert_int_equal(run_program(bad, said, sizeof said, &err), -1);
	assert_string_equal(said, "out\n");
	assert_int_equal(err.code, FB_STORE_PROGRAM);
	assert_non_null(strstr(err.text, "sh failed with exit code 3"));
	assert_int_equal(run_program(killed, said, sizeof said, &err), -1);
	assert_non_null(strstr(err.text, "sh was killed by signal 9"));
	assert_int_equal(run_program(absent, said, sizeof said, &err), -1);
	assert_int_equal(err.code, FB_STORE_ABSENT);
	assert_non_null(strstr(err.text, "cannot run failback-no-such-program"));
	assert_int_equal(run_program(folder, said, sizeof said, &err), -1);
	assert_int_equal(err.code, FB_STORE_DENIED);
}

struct sum {
	size_t taken, wrong, fail_at;
};
struct number {
	size_t n, doubled;
};

static void twice(void *job, struct fb_object_io *io)
{
	struct number *j = job;

	(void)io;
	if (j->n % 97 == 0)
		usleep(500); /* some take longer: the order must not tell */
	j->doubled = 2 * j->n;
}

static int take_number(void *ctx, void *job, struct fb_err *err)
{
	struct sum *s = ctx;
	const struct number *j = job;

	s->wrong += j->n != s->taken++ || (j->n % 3 ? j->doubled != 2 * j->n : j->doubled != 0);
	return err && s->fail_at && j->n == s->fail_at ? fb_err_set(err, 7, "at %zu", j->n) : err ? 0 : -1;
}

static size_t give_numbers(struct fixture *f, struct sum *s, int *ret_drained, struct fb_err *err)
{
	struct fb_pool_form form = {.slots = 16, .job_size = sizeof(struct number), .work = twice, .take = take_number, .ctx = s, .store = &f->store};
	struct fb_pool *p = fb_pool_new(&form);
	size_t n;

	for (n = 0; n < 5000; n++) {
		struct number *j = fb_pool_slot(p, err);

		if (!j)
			break;
		*j = (struct number){.n = n};
		if (n % 3)
			fb_pool_submit(p);
		else
			fb_pool_pass(p);
	}
	*ret_drained = fb_pool_drain(p, err);
	fb_pool_free(p, NULL);
	return n;
}

static void a_pool_gives_results_back_in_order(void **state)
{
	struct fb_err err = {0};
	struct sum s = {0};
	int drained;

	assert_int_equal(give_numbers(*state, &s, &drained, &err), 5000);
	assert_int_equal(drained, 0);
	assert_int_equal(s.taken, 5000);
	assert_int_equal(s.wrong, 0);
	s = (struct sum){.fail_at = 1000};
	assert_true(give_numbers(*state, &s, &drained, &err) < 1100);
	assert_int_equal(drained, -1);
	assert_string_equal(err.text, "at 1000");
	assert_int_equal(s.wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(content_has_the_name_that_sha256sum_gives_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(objects_come_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(objects_come_back, set_up_encrypted, tear_down),
		cmocka_unit_test_setup_teardown(every_flipped_bit_and_every_cut_of_an_object_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_flipped_bit_and_every_cut_of_an_object_is_found, set_up_encrypted, tear_down),
		cmocka_unit_test_setup_teardown(an_encrypted_id_tells_nothing_without_the_key, set_up_encrypted, tear_down),
		cmocka_unit_test_setup_teardown(content_of_many_chunks_is_listed_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_list_is_read_only_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_pool_gives_results_back_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_changed_key_opens_the_same_keys_and_the_old_one_none, set_up_encrypted, tear_down),
		cmocka_unit_test(a_program_is_good_only_when_it_exits_with_0),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
