/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/novelty.h"

#include <string.h>

#include "base/mem.h"

void fb_meanings_add(struct fb_meanings *m, size_t start, bool found, bool dull)
{
	if (m->n == m->room) {
		m->room = m->room ? 2 * m->room : 1024;
		m->v = fb_realloc(m->v, m->room * sizeof *m->v);
	}
	m->v[m->n++] = (struct fb_meaning){(uint32_t)start, found, dull};
}

static size_t line_end(const struct fb_log_block *b, size_t start)
{
	const char *p = memchr(b->text + start, '\n', b->n - start);

	return p ? (size_t)(p - b->text) : b->n;
}

void fb_novelty_learn(struct fb_familiar *f, const struct fb_log_block *b)
{
	for (size_t start = b->fresh, end; start < b->n; start = end + 1) {
		end = line_end(b, start);
		fb_familiar_learn(f, b->text + start, end - start);
	}
}

/* Where the lines of the text end in the file: asked for one after the other. */
struct cursor {
	size_t shift, raw; /* raw: the next line's first byte */
	int64_t line;
	size_t meaning;
};

static struct fb_excerpt_line next_line(const struct fb_log_block *b, const struct fb_meanings *m, struct cursor *c, size_t start, size_t end)
{
	struct fb_excerpt_line l = {.text = b->text + start, .n = end - start, .line = c->line, .offset = b->offset + (int64_t)c->raw};
	size_t raw;

	while (c->shift + 1 < b->shift_count && b->shifts[c->shift + 1].text <= end)
		c->shift++;
	raw = end == b->n ? b->raw_n : b->shift_count ? b->shifts[c->shift].raw + (end - b->shifts[c->shift].text) : end;
	l.end = b->offset + (int64_t)raw;
	while (c->meaning < m->n && m->v[c->meaning].start < start)
		c->meaning++;
	for (; c->meaning < m->n && m->v[c->meaning].start == start; c->meaning++) {
		l.found |= m->v[c->meaning].found;
		l.dull |= m->v[c->meaning].dull;
	}
	l.dull &= !l.found;
	c->line += raw < b->raw_n && b->raw[raw] == '\n';
	c->raw = raw + 1;
	return l;
}

void fb_novelty_take(struct fb_excerpt *x, const struct fb_familiar *known, const struct fb_meanings *m, const struct fb_log_block *b)
{
	struct cursor c = {.line = b->line};

	if (b->fresh) {
		c.raw = (size_t)(fb_log_offset(b, b->fresh - 1) - b->offset) + 1;
		for (const char *p = b->raw; (p = memchr(p, '\n', (size_t)(b->raw + c.raw - p))); p++)
			c.line++;
	}
	for (size_t start = b->fresh, end; start < b->n; start = end + 1) {
		struct fb_excerpt_line l;

		end = line_end(b, start);
		l = next_line(b, m, &c, start, end);
		fb_excerpt_take(x, known, &l);
	}
}
