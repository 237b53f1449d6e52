/* SPDX-License-Identifier: Apache-2.0 */
/* Captured output: redactor, head, ring, file. Knows nothing of processes. */
#include "host/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"

#define DEFAULT_LIMIT (8 * 1024 * 1024)
#define LINE_LIMIT (64u * 1024)

struct fb_capture {
	char *path;
	int fd;
	int error; /* errno of the first thing that failed; 0 */
	const struct fb_redactor *redactor;
	struct fb_redact_stream *stream; /* of the raw output */
	uint64_t head_left;
	char *ring; /* the tail; grows to ring_max */
	size_t ring_room, ring_max;
	uint64_t ring_total; /* bytes that went into it */
	bool mid_line;
};

struct fb_capture *fb_capture_new(const char *path, int64_t limit, const struct fb_redactor *redactor)
{
	struct fb_capture *c = fb_alloc(sizeof *c);

	if (limit <= 0)
		limit = DEFAULT_LIMIT;
	c->fd = -1;
	c->head_left = (uint64_t)limit - (uint64_t)limit / 2;
	c->ring_max = (size_t)limit / 2;
	if (!path)
		return c;
	c->path = fb_strdup(path);
	c->redactor = redactor;
	if (redactor)
		c->stream = fb_redact_stream_new(redactor);
	c->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0640);
	if (c->fd < 0)
		c->error = errno;
	return c;
}

static void write_out(struct fb_capture *c, const char *data, size_t size)
{
	if (c->fd >= 0 && size && !c->error && fb_io_write_all(c->fd, data, size) < 0)
		c->error = errno;
}

static void ring_put(struct fb_capture *c, const char *data, size_t size)
{
	if (c->ring_max == 0) {
		c->ring_total += size;
		return;
	}
	while (size) {
		size_t at, n;

		if (c->ring_total + size > c->ring_room && c->ring_room < c->ring_max) { /* it has not wrapped yet */
			size_t room = c->ring_room ? c->ring_room * 2 : 65536;

			while (room < c->ring_max && room < c->ring_total + size)
				room *= 2;
			c->ring_room = room < c->ring_max ? room : c->ring_max;
			c->ring = fb_realloc(c->ring, c->ring_room);
		}
		at = (size_t)(c->ring_total % c->ring_room);
		n = c->ring_room - at < size ? c->ring_room - at : size;
		memcpy(c->ring + at, data, n);
		c->ring_total += n;
		data += n;
		size -= n;
	}
}

/* Settled bytes, redacted already */
static void put(void *ctx, const char *data, size_t size)
{
	struct fb_capture *c = ctx;
	size_t n = size < c->head_left ? size : (size_t)c->head_left;

	if (c->fd < 0 || size == 0)
		return;
	c->mid_line = data[size - 1] != '\n';
	write_out(c, data, n);
	c->head_left -= n;
	ring_put(c, data + n, size - n);
}

void fb_capture_output(struct fb_capture *c, const char *data, size_t size)
{
	if (c->stream)
		fb_redact_stream_put(c->stream, data, size, put, c);
	else
		put(c, data, size);
}

void fb_capture_line(struct fb_capture *c, const char *word, const char *text)
{
	struct fb_text t = {0};
	char *whole, *p;

	if (c->fd < 0)
		return;
	p = whole = fb_strdup(text);
	if (c->redactor)
		fb_redact(c->redactor, whole, strlen(whole)); /* before it is split: a secret may have lines */
	if (c->mid_line)
		fb_text_puts(&t, "\n");
	do {
		size_t n = strcspn(p, "\n");

		fb_text_printf(&t, "[%s] %.*s\n", word, (int)(n < LINE_LIMIT ? n : LINE_LIMIT), p);
		p += n;
	} while (*p++ && *p);
	put(c, t.p, t.n);
	fb_text_clear(&t);
	fb_free(whole);
}

static void write_tail(struct fb_capture *c)
{
	uint64_t missing = c->ring_total > c->ring_max ? c->ring_total - c->ring_max : 0;
	size_t at = missing && c->ring_room ? (size_t)(c->ring_total % c->ring_room) : 0;
	char line[96];

	if (missing) {
		int n = snprintf(line, sizeof line, "\n[failback] %" PRIu64 " bytes are left out here\n", missing);

		write_out(c, line, (size_t)n);
	}
	if (!c->ring)
		return;
	if (missing) {
		write_out(c, c->ring + at, c->ring_room - at);
		write_out(c, c->ring, at);
	} else {
		write_out(c, c->ring, (size_t)c->ring_total);
	}
}

int fb_capture_end(struct fb_capture *c, struct fb_err *err)
{
	int r = 0;

	if (!c)
		return 0;
	if (c->stream)
		fb_redact_stream_end(c->stream, put, c);
	write_tail(c);
	if (c->fd >= 0)
		close(c->fd);
	if (c->error)
		r = fb_err_set(err, FB_EXIT_FAILED, "cannot write the log %s: %s", c->path, strerror(c->error));
	fb_free(c->ring);
	fb_free(c->path);
	fb_free(c);
	return r;
}
