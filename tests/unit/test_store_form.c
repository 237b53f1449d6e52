/* SPDX-License-Identifier: Apache-2.0 */
/* The forms of what a store keeps: ids, names, records of lists, manifests; and what is known again of files. They need no store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "base/mem.h"
#include "store/document.h"
#include "store/index.h"
#include "store/list.h"
#include "store/manifest.h"
#include "store/names.h"

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

/* With the sum made to fit: what someone could write who may write to the store */
static int parse_file_item(const char *path)
{
	static const char object[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	json_t *item = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:b, s:b, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:s}", "name", "file", "kind", "files", "type", "file", "source", "x",
				 "object", object, "hash", object, "size", 5, "encrypted", 0, "secret", 0, "start", 1, "start_ns", 2, "mode", 0644, "uid", 0, "gid", 0, "mtime", 1, "mtime_ns",
				 0, "path", path);
	struct fb_item ret;
	struct fb_err err;
	int r = fb_item_parse(item, &ret, &err);

	json_decref(item);
	return r;
}

static void a_files_own_place_cannot_lead_elsewhere(void **state)
{
	static const char *const bad[] = {"etc/passwd", "/a/../etc/passwd", "/..", "/a/.", "/a//b", "/", ""};

	(void)state;
	assert_int_equal(parse_file_item("/srv/app/file"), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(parse_file_item(bad[i]), -1);
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
		cmocka_unit_test(an_id_is_read_only_in_its_one_form),
		cmocka_unit_test(names_of_sets_and_items_cannot_leave_their_folder),
		cmocka_unit_test(a_record_comes_back),
		cmocka_unit_test(records_that_would_leave_the_tree_are_refused),
		cmocka_unit_test(every_flipped_bit_of_a_manifest_is_found),
		cmocka_unit_test(a_files_own_place_cannot_lead_elsewhere),
		cmocka_unit_test(bytes_that_are_no_text_become_one),
		cmocka_unit_test(unchanged_is_the_same_file_with_times_before_the_backup),
		cmocka_unit_test(names_of_one_file_are_known_again),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
