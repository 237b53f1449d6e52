/* SPDX-License-Identifier: Apache-2.0 */
#include "store/s3_xml.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/store.h"

#define PATH_LIMIT 512

struct reader {
	const char *p, *end;
	struct fb_text path, text;
	size_t at[FB_S3_XML_DEPTH]; /* where each open element's name begins in path */
	unsigned depth;
	bool inner, over; /* the element that ended last was in the one that is open; the root has ended */
	int (*leaf)(void *ctx, const char *path, const char *text, struct fb_err *err);
	void *ctx;
	struct fb_err *err;
};

static int broken(struct reader *r, const char *why)
{
	return fb_err_set(r->err, FB_STORE_IO, "the answer is no XML that can be read: %s", why);
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == ':';
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool begins(const struct reader *r, const char *s)
{
	return (size_t)(r->end - r->p) >= strlen(s) && !memcmp(r->p, s, strlen(s));
}

/* Past the next s. */
static int skip(struct reader *r, const char *s)
{
	const char *at = memmem(r->p, (size_t)(r->end - r->p), s, strlen(s));

	if (!at)
		return broken(r, "it was cut short");
	r->p = at + strlen(s);
	return 0;
}

static void add_character(struct fb_text *t, unsigned long c)
{
	char u[4];
	size_t n = 0;

	if (c < 0x80) {
		u[n++] = (char)c;
	} else if (c < 0x800) {
		u[n++] = (char)(0xc0 | c >> 6);
		u[n++] = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		u[n++] = (char)(0xe0 | c >> 12);
		u[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		u[n++] = (char)(0x80 | (c & 0x3f));
	} else {
		u[n++] = (char)(0xf0 | c >> 18);
		u[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		u[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		u[n++] = (char)(0x80 | (c & 0x3f));
	}
	fb_text_add(t, u, n);
}

static int entity(struct reader *r)
{
	static const struct {
		const char *name;
		char c;
	} known[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
	unsigned long c = 0;
	const char *p;
	int base = 10;

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (begins(r, known[i].name)) {
			fb_text_add(&r->text, &known[i].c, 1);
			r->p += strlen(known[i].name);
			return 0;
		}
	if (!begins(r, "&#"))
		return broken(r, "an entity is not known");
	p = r->p + 2;
	if (p < r->end && *p == 'x') {
		base = 16;
		p++;
	}
	for (const char *from = p; p < r->end && *p != ';'; p++) {
		int digit = *p >= '0' && *p <= '9' ? *p - '0' : base == 16 && *p >= 'a' && *p <= 'f' ? *p - 'a' + 10 : base == 16 && *p >= 'A' && *p <= 'F' ? *p - 'A' + 10 : -1;

		if (digit < 0 || p - from > 7)
			return broken(r, "a character's number is wrong");
		c = c * (unsigned long)base + (unsigned long)digit;
	}
	if (p == r->end || !c || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return broken(r, "a character's number is wrong");
	add_character(&r->text, c);
	r->p = p + 1;
	return 0;
}

static int opened(struct reader *r)
{
	const char *name = ++r->p;
	bool empty = false;

	while (r->p < r->end && is_name(*r->p))
		r->p++;
	if (r->p == name || r->over)
		return broken(r, r->over ? "something follows its end" : "a tag has no name");
	if (r->depth == FB_S3_XML_DEPTH || r->path.n + (size_t)(r->p - name) > PATH_LIMIT)
		return broken(r, "it is too deep");
	r->at[r->depth++] = r->path.n;
	if (r->path.n)
		fb_text_puts(&r->path, "/");
	fb_text_add(&r->path, name, (size_t)(r->p - name));
	while (r->p < r->end && *r->p != '>') { /* attributes say nothing that we need */
		if (*r->p == '"' || *r->p == '\'') {
			const char *close = memchr(r->p + 1, *r->p, (size_t)(r->end - r->p - 1));

			if (!close)
				return broken(r, "it was cut short");
			r->p = close;
		} else if (*r->p == '<') {
			return broken(r, "a tag does not end");
		}
		empty = *r->p++ == '/';
	}
	if (r->p == r->end)
		return broken(r, "it was cut short");
	r->p++;
	fb_text_clear(&r->text);
	r->inner = false;
	return empty;
}

static int closed(struct reader *r)
{
	int code;

	if (r->text.n && memchr(r->text.p, 0, r->text.n))
		return broken(r, "it has a zero byte");
	code = r->leaf(r->ctx, r->path.p, r->inner ? NULL : r->text.n ? r->text.p : "", r->err);
	r->path.n = r->at[--r->depth];
	r->path.p[r->path.n] = 0;
	fb_text_clear(&r->text);
	r->inner = true;
	r->over = r->depth == 0;
	return code;
}

static int close_tag(struct reader *r)
{
	const char *name = r->p + 2, *own;

	for (r->p = name; r->p < r->end && is_name(*r->p);)
		r->p++;
	if (!r->depth)
		return broken(r, "an end has no beginning");
	own = r->path.p + r->at[r->depth - 1] + (r->at[r->depth - 1] ? 1 : 0);
	if (strlen(own) != (size_t)(r->p - name) || memcmp(own, name, strlen(own)) != 0)
		return broken(r, "an end is not that of its beginning");
	while (r->p < r->end && is_space(*r->p))
		r->p++;
	if (r->p == r->end || *r->p != '>')
		return broken(r, "it was cut short");
	r->p++;
	return closed(r);
}

static int step(struct reader *r)
{
	int code;

	if (begins(r, "<?"))
		return skip(r, "?>");
	if (begins(r, "<!--"))
		return skip(r, "-->");
	if (begins(r, "<!"))
		return broken(r, "it has a declaration that is not taken");
	if (begins(r, "</"))
		return close_tag(r);
	if (*r->p == '<') {
		code = opened(r);
		return code > 0 ? closed(r) : code;
	}
	if (!r->depth)
		return is_space(*r->p) ? (r->p++, 0) : broken(r, "there is text outside of it");
	if (*r->p == '&')
		return entity(r);
	fb_text_add(&r->text, r->p++, 1);
	return 0;
}

int fb_s3_xml_read(const char *data, size_t size, int (*leaf)(void *ctx, const char *path, const char *text, struct fb_err *err), void *ctx, struct fb_err *err)
{
	struct reader r = {.p = data, .end = data + size, .leaf = leaf, .ctx = ctx, .err = err};
	int code = 0;

	if (size >= 3 && !memcmp(data, "\xef\xbb\xbf", 3))
		r.p += 3;
	while (code == 0 && r.p < r.end)
		code = step(&r);
	if (code == 0 && !r.over)
		code = broken(&r, size ? "it was cut short" : "it is empty");
	fb_text_clear(&r.path);
	fb_text_clear(&r.text);
	return code;
}
