/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the cursor: what is redrawn, and how without flicker (ECMA-48: CUU, EL, ED; DECTCEM for the cursor). Knows lines, not what they say. */
#include "cli/screen.h"

#include <string.h>

#include "base/io.h"

/* Rows that the lines take on a terminal of that many columns: one that was drawn on a wider one is folded now. */
static int rows_of(const char *lines, int columns)
{
	int rows = 0;
	for (const char *p = lines; p && *p;) {
		size_t n = strcspn(p, "\n");
		struct fb_text line = {0};
		fb_text_add(&line, p, n);
		int width = fb_style_width(line.p);
		rows += columns > 0 && width > columns ? (width + columns - 1) / columns : 1;
		fb_text_clear(&line);
		p += n + (p[n] == '\n');
	}
	return rows;
}

static void add_lines(struct fb_text *t, const char *lines)
{
	for (const char *p = lines; p && *p;) {
		size_t n = strcspn(p, "\n");
		fb_text_add(t, p, n);
		fb_text_puts(t, "\033[K\r\n");
		p += n + (p[n] == '\n');
	}
}

void fb_screen_compose(const struct fb_screen *s, int columns, const char *settled, const char *live, struct fb_text *t)
{
	int up = rows_of(s->drawn.p, columns);
	if (!(settled && *settled) && fb_streq(s->drawn.p ? s->drawn.p : "", live ? live : ""))
		return;
	if (up > 0)
		fb_text_printf(t, "\r\033[%dA", up);
	add_lines(t, settled);
	add_lines(t, live);
	if (up > 0)
		fb_text_puts(t, "\033[J");
}

int fb_screen_draw(struct fb_screen *s, int columns, const char *settled, const char *live)
{
	struct fb_text t = {0};
	int r = 0;
	if (!s->hidden) {
		fb_text_puts(&t, "\033[?25l");
		s->hidden = true;
	}
	fb_screen_compose(s, columns, settled, live, &t);
	if (t.n)
		r = fb_io_write_all(s->fd, t.p, t.n);
	fb_text_clear(&t);
	fb_text_clear(&s->drawn);
	fb_text_puts(&s->drawn, live ? live : "");
	return r;
}

void fb_screen_end(struct fb_screen *s, bool keep)
{
	struct fb_text t = {0};
	int rows = keep ? 0 : rows_of(s->drawn.p, fb_style_columns(s->fd));
	if (rows > 0)
		fb_text_printf(&t, "\r\033[%dA\033[J", rows);
	if (s->hidden)
		fb_text_puts(&t, "\033[?25h");
	if (t.n && fb_io_write_all(s->fd, t.p, t.n) != 0)
		s->fd = -1; /* the terminal is gone: nothing is left to put right */
	s->hidden = false;
	fb_text_clear(&t);
	fb_text_clear(&s->drawn);
}
