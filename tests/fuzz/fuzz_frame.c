/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as what a worker writes on its socket, in pieces: what is taken as a frame is an object that can be sent and read again. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/frame.h"
#include "tests/fuzz/fuzz.h"

const char *const fuzz_words[] = {"{\"m\":\"done\"}", "\"", "{", "}", "[", "]", "\\u0000", "\\ud800", "\x02\x00\x00\x00{}", "\xff", "1e999", "null", NULL};

static void must_survive_a_round_trip(const json_t *frame)
{
	struct fb_frame_reader reader = {0};
	struct fb_err err;
	json_t *again;
	int pair[2];

	if (!json_is_object(frame) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		abort();
	if (fb_frame_send(pair[0], frame, NULL, 0, 0, &err) == 0) { /* a large one may not fit into the socket at once */
		while (fb_frame_next(&reader, &again, &err) == 0)
			if (fb_frame_fill(&reader, pair[1], &err) <= 0)
				abort();
		if (!json_equal(frame, again))
			abort();
		json_decref(again);
	}
	fb_frame_reader_clear(&reader);
	close(pair[0]);
	close(pair[1]);
}

static int take(struct fb_frame_reader *reader)
{
	struct fb_err err = {0};
	json_t *frame;
	int r;

	while ((r = fb_frame_next(reader, &frame, &err)) > 0) {
		must_survive_a_round_trip(frame);
		json_decref(frame);
	}
	if (r < 0 && !err.text[0])
		abort();
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fb_frame_reader reader = {0};
	struct fb_err err;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		abort();
	for (size_t at = 0, n; at < size; at += n) {
		n = 1 + (size_t)data[at] * 16;
		if (n > size - at)
			n = size - at;
		if (send(pair[0], data + at, n, 0) != (ssize_t)n)
			abort();
		if (fb_frame_fill(&reader, pair[1], &err) != 1)
			abort();
		if (take(&reader) < 0)
			break;
	}
	fb_frame_reader_clear(&reader);
	close(pair[0]);
	close(pair[1]);
	{
		char *text = fb_alloc(size + 1);
		json_t *json;

		memcpy(text, data, size);
		json = fb_frame_text(text, size); /* any bytes become a text */
		if (!json_is_string(json))
			abort();
		json_decref(json);
		fb_free(text);
	}
	return 0;
}
