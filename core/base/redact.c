/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redaction by value: an automaton after Aho and Corasick (Efficient string matching, CACM 18(6), 1975) over bytes; and by look (redact_scan.h). A stream
 * holds back as many bytes as the automaton's state is deep or as a secret that has begun may cover: those, and no others. Knows bytes only.
 */
#include "base/redact.h"

#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/redact_scan.h"

#define LEAST 4         /* bytes of a value */
#define PIECE 65536 /* bytes that are looked at at once */
#define LEAST_INNER 8   /* bytes of a value that is looked for inside base64 of something longer */

/* A state: the bytes on the way from the root. Children are a list; the root's are found by table. */
struct state {
	uint32_t child, sibling; /* 0: none */
	uint32_t fail;           /* the longest proper suffix that is a state */
	uint32_t depth;
	uint32_t match; /* length of the longest pattern that ends here, suffixes counted; 0: none */
	unsigned char byte;
	bool ends; /* a pattern ends here itself */
};

struct fb_redactor {
	struct state *states; /* [0] is the root */
	size_t n, room;
	uint32_t first[256]; /* the root's children */
	size_t values;
};

static void wipe_free(void *p, size_t size)
{
	if (p)
		sodium_memzero(p, size);
	fb_free(p);
}

struct fb_redactor *fb_redactor_new(void)
{
	struct fb_redactor *r = fb_alloc(sizeof *r);

	r->room = 64;
	r->states = fb_alloc(r->room * sizeof *r->states);
	r->n = 1;
	return r;
}

void fb_redactor_free(struct fb_redactor *r)
{
	if (!r)
		return;
	wipe_free(r->states, r->room * sizeof *r->states);
	wipe_free(r, sizeof *r);
}

size_t fb_redactor_count(const struct fb_redactor *r)
{
	return r->values;
}

static uint32_t child_of(const struct fb_redactor *r, uint32_t state, unsigned char byte)
{
	uint32_t i;

	if (!state)
		return r->first[byte];
	for (i = r->states[state].child; i && r->states[i].byte != byte; i = r->states[i].sibling)
		;
	return i;
}

static uint32_t add_child(struct fb_redactor *r, uint32_t state, unsigned char byte)
{
	uint32_t i = (uint32_t)r->n;

	if (r->n == r->room) {
		struct state *more = fb_alloc(r->room * 2 * sizeof *more);

		memcpy(more, r->states, r->n * sizeof *more);
		wipe_free(r->states, r->room * sizeof *r->states); /* not realloc: it would leave a copy */
		r->states = more;
		r->room *= 2;
	}
	r->states[i] = (struct state){.byte = byte, .depth = r->states[state].depth + 1, .sibling = r->states[state].child};
	r->states[state].child = i;
	if (!state)
		r->first[byte] = i;
	r->n++;
	return i;
}

static uint32_t step(const struct fb_redactor *r, uint32_t state, unsigned char byte)
{
	uint32_t next;

	while (!(next = child_of(r, state, byte)) && state)
		state = r->states[state].fail;
	return next;
}

/* Returns whether the pattern is new. */
static bool add_pattern(struct fb_redactor *r, const char *s, size_t n)
{
	uint32_t at = 0;
	bool was;

	for (size_t i = 0; i < n; i++) {
		uint32_t next = child_of(r, at, (unsigned char)s[i]);

		at = next ? next : add_child(r, at, (unsigned char)s[i]);
	}
	was = r->states[at].ends;
	r->states[at].ends = true;
	return !was;
}

/* Sets fail and match of all states, breadth first. */
static void link_up(struct fb_redactor *r)
{
	uint32_t *queue = fb_alloc(r->n * sizeof *queue);
	size_t head = 0, tail = 0;

	queue[tail++] = 0;
	while (head < tail) {
		uint32_t at = queue[head++];

		for (uint32_t i = r->states[at].child; i; i = r->states[i].sibling) {
			struct state *s = &r->states[i];

			s->fail = at ? step(r, r->states[at].fail, s->byte) : 0;
			s->match = s->ends ? s->depth : r->states[s->fail].match;
			queue[tail++] = i;
		}
	}
	fb_free(queue);
}

/* A value in base64, as it is there when it stands `skip` bytes after a border of three: only the characters that it alone decides. */
static void add_base64(struct fb_redactor *r, const char *value, size_t n, int variant, size_t skip)
{
	size_t size = sodium_base64_ENCODED_LEN(n + skip, variant), from = skip ? skip + 1 : 0, until;
	unsigned char *plain = fb_alloc(n + skip);
	char *text = fb_alloc(size);

	memcpy(plain + skip, value, n);
	sodium_bin2base64(text, size, plain, n + skip, variant);
	until = (n + skip) * 8 / 6;
	if (!skip)
		add_pattern(r, text, strlen(text)); /* whole, with its end and padding */
	if (until > from && until - from >= LEAST && n >= LEAST_INNER)
		add_pattern(r, text + from, until - from);
	wipe_free(text, size);
	wipe_free(plain, n + skip);
}

/* RFC 3986, section 2: all but unreserved characters as %XX; plus: a blank as '+' (HTML forms). */
static void add_percent(struct fb_redactor *r, const char *value, size_t n, const char *format, bool plus)
{
	size_t size = n * 3 + 1, k = 0;
	char *text = fb_alloc(size);

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)value[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~", c))
			text[k++] = (char)c;
		else if (c == ' ' && plus)
			text[k++] = '+';
		else
			k += (size_t)snprintf(text + k, 4, *format == 'X' ? "%%%02X" : "%%%02x", c);
	}
	if (k != n)
		add_pattern(r, text, k);
	wipe_free(text, size);
}

int fb_redactor_add(struct fb_redactor *r, const char *value)
{
	static const int variants[] = {sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_ORIGINAL_NO_PADDING, sodium_base64_VARIANT_URLSAFE,
				       sodium_base64_VARIANT_URLSAFE_NO_PADDING};
	size_t n = strlen(value);

	if (n < LEAST)
		return 1;
	if (!add_pattern(r, value, n))
		return 0;
	r->values++;
	for (size_t i = 0; i < sizeof variants / sizeof *variants; i++)
		for (size_t skip = 0; skip < 3; skip++)
			add_base64(r, value, n, variants[i], skip);
	add_percent(r, value, n, "X", false);
	add_percent(r, value, n, "x", false);
	add_percent(r, value, n, "X", true);
	link_up(r);
	return 0;
}

/* Covers the values in text, which held `from` bytes before: what it covers may reach back before them. Returns the state after it. */
static uint32_t cover_values(const struct fb_redactor *r, uint32_t at, char *text, const char *original, size_t from, size_t size)
{
	if (!r->values)
		return 0;
	for (size_t i = from; i < size; i++) {
		uint32_t match;

		at = step(r, at, (unsigned char)original[i - from]);
		match = r->states[at].match;
		if (match)
			memset(text + i + 1 - match, '*', match);
	}
	return at;
}

void fb_redact_values(const struct fb_redactor *r, char *text, size_t size)
{
	uint32_t at = 0;

	for (size_t i = 0; r->values && i < size; i++) {
		uint32_t match;

		at = step(r, at, (unsigned char)text[i]);
		match = r->states[at].match;
		memset(text + i + 1 - match, '*', match);
	}
}

static void cover_text(void *ctx, uint64_t from, uint64_t to, char by)
{
	memset((char *)ctx + from, by, (size_t)(to - from));
}

/* What is looked at is the text as it came: what one kind covers must not hide the next. */
void fb_redact(const struct fb_redactor *r, char *text, size_t size)
{
	struct fb_scan scan;
	char *original = fb_alloc(size + 1);

	memcpy(original, text, size);
	fb_scan_begin(&scan, true);
	fb_scan_put(&scan, original, size, cover_text, text);
	fb_scan_end(&scan, cover_text, text);
	cover_values(r, 0, text, original, 0, size);
	wipe_free(original, size + 1);
}

struct fb_redact_stream {
	const struct fb_redactor *r;
	struct fb_scan scan;
	uint32_t at;
	char *held;
	size_t n, room;
	uint64_t base; /* position in the stream of held[0] */
};

struct fb_redact_stream *fb_redact_stream_new(const struct fb_redactor *r)
{
	struct fb_redact_stream *s = fb_alloc(sizeof *s);

	s->r = r;
	s->room = 8192;
	s->held = fb_alloc(s->room);
	fb_scan_begin(&s->scan, false);
	return s;
}

static void make_room(struct fb_redact_stream *s, size_t size)
{
	size_t room = s->room;
	char *more;

	while (room < s->n + size)
		room *= 2;
	if (room == s->room)
		return;
	more = fb_alloc(room);
	memcpy(more, s->held, s->n);
	wipe_free(s->held, s->room);
	s->held = more;
	s->room = room;
}

static void let_go(struct fb_redact_stream *s, size_t keep, void (*out)(void *ctx, const char *data, size_t size), void *ctx)
{
	size_t n = s->n - keep;

	if (!n)
		return;
	out(ctx, s->held, n);
	memmove(s->held, s->held + n, keep);
	s->n = keep;
	s->base += n;
}

static void cover_held(void *ctx, uint64_t from, uint64_t to, char by)
{
	struct fb_redact_stream *s = ctx;

	memset(s->held + (from - s->base), by, (size_t)(to - from));
}

static size_t unsettled(const struct fb_redact_stream *s)
{
	size_t values = s->r->states[s->at].depth, look = (size_t)(s->scan.position - fb_scan_settled(&s->scan));

	return values > look ? values : look;
}

void fb_redact_stream_put(struct fb_redact_stream *s, const char *data, size_t size, void (*out)(void *ctx, const char *data, size_t size), void *ctx)
{
	while (size) {
		size_t n = size < PIECE ? size : PIECE, from = s->n;

		make_room(s, n);
		memcpy(s->held + from, data, n);
		s->n += n;
		fb_scan_put(&s->scan, data, n, cover_held, s);
		s->at = cover_values(s->r, s->at, s->held, data, from, s->n);
		let_go(s, unsettled(s), out, ctx);
		data += n;
		size -= n;
	}
}

void fb_redact_stream_end(struct fb_redact_stream *s, void (*out)(void *ctx, const char *data, size_t size), void *ctx)
{
	fb_scan_end(&s->scan, cover_held, s);
	let_go(s, 0, out, ctx);
	wipe_free(s->held, s->room);
	wipe_free(s, sizeof *s);
}
