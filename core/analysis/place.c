/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/place.h"

#include <string.h>

#include "base/mem.h"

void fb_places_clear(struct fb_places *p)
{
	for (size_t i = 0; i < p->n; i++)
		fb_free(p->v[i]);
	fb_free(p->v);
	*p = (struct fb_places){.blocks = p->blocks};
}

static int64_t newlines(const struct fb_log_block *b, int64_t from, int64_t to)
{
	const char *p = b->raw + (from - b->offset), *end = b->raw + (to - b->offset);
	int64_t n = 0;

	for (; p < end && (p = memchr(p, '\n', (size_t)(end - p))); p++)
		n++;
	return n;
}

static struct fb_span *own(struct fb_places *p, struct fb_span *s)
{
	if (!s)
		return NULL;
	if (p->n == p->room) {
		p->room = p->room ? 2 * p->room : 64;
		p->v = fb_realloc(p->v, p->room * sizeof *p->v);
	}
	return p->v[p->n++] = s;
}

static void look(struct fb_places *p, const struct fb_log_block *b, const struct fb_finding *f, struct fb_place *ret)
{
	const int64_t at = f->quote.offset;
	size_t from, to;

	if (!(ret->kind = fb_blocks_find(p->blocks, b->text, b->n, fb_log_text(b, at), &from, &to)))
		return;
	ret->offset = from ? fb_log_offset(b, from - 1) + 1 : b->offset; /* with what stands before the line's text */
	ret->end = to < b->n ? fb_log_offset(b, to) : b->offset + (int64_t)b->raw_n;
	ret->line = f->quote.line - newlines(b, ret->offset, at);
	ret->last_line = f->quote.line + newlines(b, at, ret->end);
	ret->quote = own(p, fb_span_take(b, (size_t)(ret->offset - b->offset), (size_t)(ret->end - b->offset), (size_t)(at - b->offset)));
	if (ret->quote) {
		int64_t end = ret->quote->offset + (int64_t)ret->quote->length;

		ret->quote->line = ret->quote->offset > at ? f->quote.line : f->quote.line - newlines(b, ret->quote->offset, at);
		ret->quote->last_line = end > at ? f->quote.line + newlines(b, at, end) : f->quote.line;
	}
}

static bool is_in(const struct fb_span *s, int64_t at)
{
	return s && at >= s->offset && at < s->offset + (int64_t)s->length;
}

void fb_places_take(struct fb_places *p, const struct fb_log_block *b, struct fb_finding *f)
{
	int64_t at = f->quote.offset;

	if (f->placed || at < b->offset || at >= b->offset + (int64_t)b->raw_n - (b->last ? 0 : (int64_t)FB_READER_AGAIN / 2))
		return;
	f->placed = true;
	if (!is_in(p->last.quote, at)) {
		p->last = (struct fb_place){0};
		look(p, b, f, &p->last);
	}
	f->block = p->last;
}

void fb_places_sweep(struct fb_places *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i]->used || p->v[i] == p->last.quote) {
			p->v[i]->used = false;
			p->v[kept++] = p->v[i];
		} else {
			fb_free(p->v[i]);
		}
	}
	p->n = kept;
}
