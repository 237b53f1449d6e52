/* SPDX-License-Identifier: Apache-2.0 */
/* Frames, captured output and the look into a shared object: what the host floor reads from strangers. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/redact.h"
#include "host/capture.h"
#include "host/elf.h"
#include "host/frame.h"
#include "host/outbox.h"

static int pair[2];

static int open_pair(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}

static int close_pair(void **state)
{
	(void)state;
	close(pair[0]);
	close(pair[1]);
	return 0;
}

static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}


static void frames_arrive_whole_and_in_order_whatever_the_pieces(void **state)
{
	static const char bytes[] = "\x07\0\0\0{\"a\":1}\x07\0\0\0{\"a\":2}";
	struct fb_frame_reader r = {0};
	json_t *frame;
	int next = 1;

	(void)state;
	for (size_t i = 0; i < sizeof bytes - 1; i++) {
		assert_int_equal(write(pair[0], bytes + i, 1), 1);
		assert_int_equal(fb_frame_fill(&r, pair[1], NULL), 1);
		while (fb_frame_next(&r, &frame, NULL) == 1) {
			assert_int_equal(json_integer_value(json_object_get(frame, "a")), next++);
			json_decref(frame);
		}
	}
	assert_int_equal(next, 3);
	assert_int_equal(fb_frame_fill(&r, pair[1], NULL), 0);
	fb_frame_reader_clear(&r);
}

static void what_is_no_frame_is_told(void **state)
{
	static const struct {
		const char *bytes, *text;
		size_t n;
	} all[] = {
		{"\x01\0\x10\0{}", "a frame of 1048577 bytes was announced, at most 1048576 are allowed", 6},
		{"\x02\0\0\0[]", "a frame is JSON but not an object", 6},
		{"\x0d\0\0\0{\"a\":1,\"a\":2}", "a frame of 13 bytes is not JSON: duplicate object key near '\"a\"'", 17},
	};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct fb_frame_reader r = {0};
		struct fb_err err;
		json_t *frame;

		assert_int_equal(write(pair[0], all[i].bytes, all[i].n), all[i].n);
		assert_int_equal(fb_frame_fill(&r, pair[1], &err), 1);
		assert_int_equal(fb_frame_next(&r, &frame, &err), -1);
		assert_string_equal(err.text, all[i].text);
		fb_frame_reader_clear(&r);
	}
}

static void a_frame_that_is_too_long_is_not_sent(void **state)
{
	char *text = fb_alloc(FB_FRAME_LIMIT + 1);
	struct fb_err err;
	json_t *frame;

	(void)state;
	memset(text, 'x', FB_FRAME_LIMIT);
	frame = json_pack("{s:s}", "a", text);
	assert_int_equal(fb_frame_send(pair[0], frame, NULL, 0, 0, &err), -1);
	assert_string_equal(err.text, "a frame of 1048584 bytes cannot be sent, at most 1048576 are allowed");
	json_decref(frame);
	fb_free(text);
}

static void descriptors_travel_and_none_is_lost(void **state)
{
	struct fb_frame_reader r = {0};
	int before = count_fds(), fd;
	json_t *frame = json_pack("{s:i}", "a", 1), *got;

	(void)state;
	assert_int_equal(fb_frame_send(pair[0], frame, (int[]){0, 1}, 2, 0, NULL), 0);
	assert_int_equal(fb_frame_fill(&r, pair[1], NULL), 1);
	assert_int_equal(fb_frame_next(&r, &got, NULL), 1);
	fd = fb_frame_take_fd(&r);
	assert_true(fd > 2);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	json_decref(got);
	fb_frame_drop_fds(&r); /* the one that nobody took */
	assert_int_equal(fb_frame_take_fd(&r), -1);
	assert_int_equal(count_fds(), before);
	/* more than may come at once */
	for (int i = 0; i < 3; i++)
		assert_int_equal(fb_frame_send(pair[0], frame, (int[]){0, 1, 2, 0}, 4, 0, NULL), 0);
	while (fb_frame_fill(&r, pair[1], NULL) == 1)
		;
	assert_true(r.ended);
	fb_frame_reader_clear(&r);
	assert_int_equal(count_fds(), before);
	json_decref(frame);
}

static void the_end_of_the_other_side_is_seen(void **state)
{
	struct fb_frame_reader r = {0};
	struct fb_err err;

	(void)state;
	shutdown(pair[0], SHUT_WR);
	assert_int_equal(fb_frame_fill(&r, pair[1], &err), -1);
	assert_true(r.ended);
	assert_string_equal(err.text, "the other side has closed the connection");
	fb_frame_reader_clear(&r);
}

static void a_reader_that_does_not_read_stops_nobody(void **state)
{
	struct fb_outbox o = {0};
	struct fb_frame_reader r = {0};
	char *text = fb_alloc(500001);
	json_t *frame, *got;
	struct fb_err err;
	size_t size;
	int n = 0, rest;

	(void)state;
	memset(text, 'x', 500000);
	frame = json_pack("{s:s}", "a", text);
	assert_int_equal(fb_frame_send(pair[0], frame, NULL, 0, 20, &err), -1);
	assert_string_equal(err.text, "cannot send a frame: the other side does not read");
	close_pair(NULL);
	assert_int_equal(open_pair(NULL), 0);
	for (int i = 0; i < 3; i++) {
		char *p = fb_frame_encode(frame, &size, NULL);

		fb_outbox_put(&o, p, size, NULL, 0);
	}
	do {
		rest = fb_outbox_send(&o, pair[0]);
		assert_true(rest >= 0);
		while (fb_frame_fill(&r, pair[1], NULL) == 1)
			while (fb_frame_next(&r, &got, NULL) == 1) {
				assert_int_equal(json_string_length(json_object_get(got, "a")), 500000);
				json_decref(got);
				n++;
			}
	} while (rest > 0);
	assert_int_equal(n, 3);
	fb_outbox_clear(&o);
	fb_frame_reader_clear(&r);
	json_decref(frame);
	fb_free(text);
}

static void any_bytes_become_text(void **state)
{
	json_t *t = fb_frame_text("a\xff\xc3\xa4\xed\xa0\x80z", 100);

	(void)state;
	assert_string_equal(json_string_value(t), "a\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
	json_decref(t);
	t = fb_frame_text("abcdef", 3);
	assert_string_equal(json_string_value(t), "abc");
	json_decref(t);
	assert_true(json_is_null(fb_frame_text(NULL, 3)));
}

/* Captures what `text` repeated says, in pieces of `piece`; returns the file. */
static char *captured(const char *data, size_t size, size_t piece, int64_t limit, const struct fb_redactor *redactor)
{
	char path[] = "/tmp/failback-test-XXXXXX", *text;
	struct fb_capture *c;
	struct fb_err err;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	c = fb_capture_new(path, limit, redactor);
	for (size_t at = 0; at < size; at += piece)
		fb_capture_output(c, data + at, size - at < piece ? size - at : piece);
	assert_int_equal(fb_capture_end(c, &err), 0);
	assert_int_equal(fb_io_read_file(path, 1 << 24, &text, NULL, NULL), 0);
	unlink(path);
	return text;
}

static void a_log_within_its_limit_is_whole(void **state)
{
	(void)state;
	for (size_t size = 0; size <= 100; size++) {
		char data[101], *text;

		for (size_t i = 0; i < size; i++)
			data[i] = (char)('a' + i % 26);
		text = captured(data, size, 7, 100, NULL);
		assert_int_equal(strlen(text), size);
		assert_memory_equal(text, data, size);
		fb_free(text);
	}
}

static void a_long_log_keeps_head_and_tail_and_says_how_much_is_missing(void **state)
{
	size_t size = 1000000;
	char *data = fb_alloc(size);

	(void)state;
	for (size_t i = 0; i < size; i++)
		data[i] = (char)('a' + i % 26);
	for (size_t piece = 1000; piece <= 400000; piece = piece * 3 + 1) {
		char *text = captured(data, size, piece, 200001, NULL);

		assert_memory_equal(text, data, 100001);
		assert_memory_equal(text + 100001, "\n[failback] 799999 bytes are left out here\n", 43);
		assert_memory_equal(text + strlen(text) - 100000, data + size - 100000, 100000);
		assert_int_equal(strlen(text), 200001 + 43);
		fb_free(text);
	}
	fb_free(data);
}

static void a_log_that_cannot_be_written_is_told_at_its_end(void **state)
{
	struct fb_capture *c = fb_capture_new("/nowhere/at/all", 0, NULL);
	struct fb_err err;

	(void)state;
	fb_capture_output(c, "x", 1);
	fb_capture_line(c, "info", "y");
	assert_int_equal(fb_capture_end(c, &err), -1);
	assert_string_equal(err.text, "cannot write the log /nowhere/at/all: No such file or directory");
}

static void a_damaged_shared_object_is_refused_and_harms_nobody(void **state)
{
	uint64_t generator = 88172645463325252ULL;
	char *good, *bad;
	size_t size;
	struct fb_err err;
	int refused = 0;

	(void)state;
	assert_int_equal(fb_io_read_file("tests/abi/tame/.libs/phase-tame.so", 64 << 20, &good, &size, &err), 0);
	assert_int_equal(fb_elf_check(good, size, "x", "failback_plugin_entry", &err), 0);
	assert_int_equal(fb_elf_check(good, size, "x", "failback_plugin_entr", &err), -1);
	assert_int_equal(fb_elf_check(good, size, "x", "printf", &err), -1); /* used, not defined */
	for (size_t n = 0; n < size / 2; n += n < 128 ? 1 : size / 64) /* the table of sections stands at the end */
		assert_int_equal(fb_elf_check(good, n, "x", "failback_plugin_entry", &err), -1);
	bad = fb_alloc(size);
	for (int i = 0; i < 3000; i++) {
		memcpy(bad, good, size);
		for (int k = 0; k < 4; k++) {
			size_t span = k == 0 ? 64 : k == 1 ? 2048 : 4096, at;

			generator ^= generator << 13;
			generator ^= generator >> 7;
			generator ^= generator << 17;
			at = (size_t)(generator >> 8) % (span < size ? span : size);
			if (k >= 2)
				at = size - 1 - at % size; /* the section headers stand at the end */
			bad[at] = (char)generator;
		}
		refused += fb_elf_check(bad, size, "x", "failback_plugin_entry", &err) < 0;
	}
	assert_true(refused > 100);
	fb_free(bad);
	fb_free(good);
	assert_int_equal(fb_elf_check_file("/dev/null", "x", &err), -1);
	assert_string_equal(err.text, "/dev/null is not a regular file: put the plugin itself there");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(frames_arrive_whole_and_in_order_whatever_the_pieces, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(what_is_no_frame_is_told, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_frame_that_is_too_long_is_not_sent, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(descriptors_travel_and_none_is_lost, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(the_end_of_the_other_side_is_seen, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_reader_that_does_not_read_stops_nobody, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(any_bytes_become_text, open_pair, close_pair),
		cmocka_unit_test(a_log_within_its_limit_is_whole),
		cmocka_unit_test(a_long_log_keeps_head_and_tail_and_says_how_much_is_missing),
		cmocka_unit_test(a_log_that_cannot_be_written_is_told_at_its_end),
		cmocka_unit_test(a_damaged_shared_object_is_refused_and_harms_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
