/* SPDX-License-Identifier: Apache-2.0 */
/* The store's parts: hashes, objects, content of many chunks, lists, documents, the pool. The whole is tests/chain/test_store*.py's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/io.h"
#include "base/mem.h"
#include "store/blake2b.h"
#include "store/content.h"
#include "store/document.h"
#include "store/index.h"
#include "store/list.h"
#include "store/manifest.h"
#include "store/names.h"
#include "store/pool.h"

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

static void blake2b_is_libsodiums_for_all_lengths_keys_and_pieces(void **state)
{
	uint8_t data[1025], key[32], personal[16], ours[32], theirs[32];

	(void)state;
	randombytes_buf(data, sizeof data);
	randombytes_buf(key, sizeof key);
	randombytes_buf(personal, sizeof personal);
	for (unsigned mode = 0; mode < 4; mode++)
		for (size_t n = 0; n <= sizeof data; n++) {
			struct fb_blake2b s;
			size_t cut = n * 7 % (n + 1);

			fb_blake2b_begin(&s, mode & 1 ? key : NULL, mode & 2 ? personal : NULL);
			fb_blake2b_add(&s, data, cut);
			fb_blake2b_add(&s, data + cut, n - cut);
			fb_blake2b_end(&s, ours);
			crypto_generichash_blake2b_salt_personal(theirs, 32, data, n, mode & 1 ? key : NULL, mode & 1 ? 32 : 0, NULL, mode & 2 ? personal : NULL);
			assert_memory_equal(ours, theirs, 32);
		}
}

static void an_id_is_read_only_in_its_one_form(void **state)
{
	struct fb_oid id, again;
	char text[FB_OID_TEXT], wrong[FB_OID_TEXT + 2];

	(void)state;
	randombytes_buf(&id, sizeof id);
	assert_int_equal(fb_oid_parse(fb_oid_text(&id, text), &again), 0);
	assert_memory_equal(&id, &again, sizeof id);
	assert_int_equal(fb_oid_parse(NULL, &again), -1);
	assert_int_equal(fb_oid_parse("", &again), -1);
	snprintf(wrong, sizeof wrong, "%s0", text);
	assert_int_equal(fb_oid_parse(wrong, &again), -1);
	memcpy(wrong, text, sizeof text);
	wrong[5] = 'A';
	assert_int_equal(fb_oid_parse(wrong, &again), -1);
	wrong[5] = 'g';
	assert_int_equal(fb_oid_parse(wrong, &again), -1);
}

static void names_of_sets_and_items_cannot_leave_their_folder(void **state)
{
	static const char *const good[] = {"a", "backup-production-20260120t110000z-abcd", "A.b_c-1", "0"};
	static const char *const bad[] = {"", ".", "..", "../x", "a/b", ".hidden", "-x", "_x", "a b", "a.part", "a.gone", "a\n", "\xc3\xa4"};
	char longest[129];

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(fb_store_name_valid(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(fb_store_name_valid(bad[i]));
	memset(longest, 'a', 128);
	longest[128] = 0;
	assert_false(fb_store_name_valid(longest));
	longest[127] = 0;
	assert_true(fb_store_name_valid(longest));
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

static void a_record_comes_back(void **state)
{
	static const char xattrs[] = "user.a\0\3\0\0\0xyzuser.b\0\0\0\0"; /* and the text's own NUL ends the second size */
	struct fb_entry e = file_entry("a/b c\n\xff"), got;
	struct fb_text t = {0};
	const void *value;
	const char *name;
	struct fb_err err;
	size_t at = 0, size;

	(void)state;
	e.sparse = true;
	e.xattrs = (char *)xattrs;
	e.xattrs_size = sizeof xattrs;
	fb_entry_encode(&e, &t);
	assert_int_equal(fb_entry_decode((const uint8_t *)t.p, t.n, &got, &err), 0);
	assert_string_equal(got.path, e.path);
	assert_int_equal(got.mtime, -7);
	assert_true(got.sparse && !got.hard);
	assert_int_equal(got.stored, 14);
	assert_true(fb_entry_xattr(&got, &at, &name, &value, &size));
	assert_string_equal(name, "user.a");
	assert_int_equal(size, 3);
	assert_memory_equal(value, "xyz", 3);
	assert_true(fb_entry_xattr(&got, &at, &name, &value, &size));
	assert_int_equal(size, 0);
	assert_false(fb_entry_xattr(&got, &at, &name, &value, &size));
	for (size_t n = 0; n < t.n; n++) {
		struct fb_entry cut = {0};

		assert_int_equal(fb_entry_decode((const uint8_t *)t.p, n, &cut, &err), -1);
	}
	fb_entry_clear(&got);
	fb_text_clear(&t);
}

static void records_that_would_leave_the_tree_are_refused(void **state)
{
	static const char *const paths[] = {"/etc/passwd", "..", "../x", "a/../../x", "a//b", "a/", "./a", "a/.", "a/./b"};
	struct fb_entry e, got;
	struct fb_err err;

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof *paths + 6; i++) {
		struct fb_text t = {0};

		e = file_entry(i < sizeof paths / sizeof *paths ? paths[i] : "a");
		switch ((int)i - (int)(sizeof paths / sizeof *paths)) {
		case 0: e.type = 'b'; e.size = 0; break; /* devices */
		case 1: e.type = 'c'; e.size = 0; break;
		case 2: e.type = 'd'; break;             /* a folder with content */
		case 3: e.hard = true; e.link = (char *)"../../etc/passwd"; break;
		case 4: e.mode = 010000; break;
		case 5: e.mtime_ns = 1000000000; break;
		default: break;
		}
		fb_entry_encode(&e, &t);
		assert_int_equal(fb_entry_decode((const uint8_t *)t.p, t.n, &got, &err), -1);
		fb_text_clear(&t);
	}
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

static char *a_manifest(size_t *ret_size)
{
	static const char object[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	json_t *item = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:b, s:b, s:i, s:i}", "name", "dump", "kind", "postgresql", "type", "stream", "source", "db", "object", object,
				 "hash", object, "size", 5, "encrypted", 0, "secret", 0, "start", 1, "start_ns", 2);
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:{s:s}, s:[o]}", "schema", FB_MANIFEST_SCHEMA, "store", "s", "set", "one", "created", "now", "meta", "service", "web", "items",
			      item);
	char *text = fb_document_text(o, ret_size);

	json_decref(o);
	return text;
}

static void every_flipped_bit_of_a_manifest_is_found(void **state)
{
	struct fb_manifest m;
	struct fb_err err;
	size_t size;
	char *text = a_manifest(&size);

	(void)state;
	assert_int_equal(fb_manifest_parse(text, size, "s", "one", &m, &err), 0);
	assert_int_equal(m.n, 1);
	assert_string_equal(m.items[0].name, "dump");
	fb_manifest_clear(&m);
	for (size_t i = 0; i < size * 8; i++) {
		text[i / 8] = (char)(text[i / 8] ^ (1 << (i % 8)));
		assert_int_equal(fb_manifest_parse(text, size, NULL, NULL, &m, &err), -1);
		assert_int_equal(err.code, FB_STORE_DAMAGED);
		text[i / 8] = (char)(text[i / 8] ^ (1 << (i % 8)));
	}
	for (size_t n = 0; n < size; n++)
		assert_int_equal(fb_manifest_parse(text, n, NULL, NULL, &m, &err), -1);
	assert_int_equal(fb_manifest_parse(text, size, "another", "one", &m, &err), -1);
	assert_int_equal(fb_manifest_parse(text, size, "s", "two", &m, &err), -1);
	fb_free(text);
}

static void bytes_that_are_no_text_become_one(void **state)
{
	json_t *s = fb_document_string("a\xff\xc3\xa4\xed\xa0\x80z");

	(void)state;
	assert_string_equal(json_string_value(s), "a\\xff\xc3\xa4\\xed\\xa0\\x80z");
	json_decref(s);
}

static void unchanged_is_the_same_file_with_times_before_the_backup(void **state)
{
	struct stat st = {.st_mode = S_IFREG, .st_dev = 11, .st_ino = 12, .st_size = 13, .st_mtim = {100, 8}, .st_ctim = {100, 10}};
	struct fb_entry e = file_entry("a");
	struct timespec start = {100, 11};

	(void)state;
	e.mtime = e.ctime = 100;
	assert_true(fb_index_same(&e, &st, &start));
	start.tv_nsec = 10; /* the tick of the backup's own start */
	assert_false(fb_index_same(&e, &st, &start));
	start.tv_sec = 200;
	st.st_ino++;
	assert_false(fb_index_same(&e, &st, &start));
	st.st_ino--;
	st.st_ctim.tv_nsec++;
	assert_false(fb_index_same(&e, &st, &start));
	st.st_ctim.tv_nsec = 0;
	st.st_mtim.tv_nsec = 0;
	e.ctime_ns = e.mtime_ns = 0; /* a file system without fractions of a second */
	start = (struct timespec){101, 0};
	assert_false(fb_index_same(&e, &st, &start));
	start.tv_sec = 103;
	assert_true(fb_index_same(&e, &st, &start));
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

static void names_of_one_file_are_known_again(void **state)
{
	struct fb_names v = {0};
	struct fb_entry e = file_entry("x"), got = {0};
	struct fb_name *first, *again;
	const char *path;

	(void)state;
	for (ino_t i = 1; i < 5000; i++) {
		assert_non_null(fb_names_meet(&v, 1, i, "some", &path));
		assert_null(path);
	}
	first = fb_names_meet(&v, 2, 7, "a/first", &path);
	assert_null(path);
	again = fb_names_meet(&v, 2, 7, "b", &path);
	assert_ptr_equal(first, again);
	assert_string_equal(path, "a/first");
	assert_int_equal(fb_names_ask(again, &got), -1);
	fb_names_tell(first, &e);
	assert_int_equal(fb_names_ask(again, &got), 0);
	assert_int_equal(got.size, 13);
	fb_names_clear(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blake2b_is_libsodiums_for_all_lengths_keys_and_pieces),
		cmocka_unit_test(an_id_is_read_only_in_its_one_form),
		cmocka_unit_test(names_of_sets_and_items_cannot_leave_their_folder),
		cmocka_unit_test_setup_teardown(objects_come_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(objects_come_back, set_up_encrypted, tear_down),
		cmocka_unit_test_setup_teardown(every_flipped_bit_and_every_cut_of_an_object_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_flipped_bit_and_every_cut_of_an_object_is_found, set_up_encrypted, tear_down),
		cmocka_unit_test_setup_teardown(an_encrypted_id_tells_nothing_without_the_key, set_up_encrypted, tear_down),
		cmocka_unit_test_setup_teardown(content_of_many_chunks_is_listed_in_order, set_up, tear_down),
		cmocka_unit_test(a_record_comes_back),
		cmocka_unit_test(records_that_would_leave_the_tree_are_refused),
		cmocka_unit_test_setup_teardown(a_list_is_read_only_in_order, set_up, tear_down),
		cmocka_unit_test(every_flipped_bit_of_a_manifest_is_found),
		cmocka_unit_test(bytes_that_are_no_text_become_one),
		cmocka_unit_test(unchanged_is_the_same_file_with_times_before_the_backup),
		cmocka_unit_test_setup_teardown(a_pool_gives_results_back_in_order, set_up, tear_down),
		cmocka_unit_test(names_of_one_file_are_known_again),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
