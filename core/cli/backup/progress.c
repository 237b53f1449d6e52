/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/backup/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/rows.h"
#include "cli/screen.h"

#define BAR 24

struct fb_progress {
	struct fb_style style;
	struct fb_screen screen;
	const char *doing;
	char text[200];
	uint64_t bytes, total;
	int64_t began_ms; /* with this text */
	bool gone;
};

struct fb_progress *fb_progress_new(const struct fb_style *style, int fd, const char *doing, const char *text)
{
	const char *term = getenv("TERM");
	struct fb_progress *p;

	if (isatty(fd) != 1 || !term || !*term || strcmp(term, "dumb") == 0)
		return NULL;
	p = fb_alloc(sizeof *p);
	p->style = *style;
	p->screen.fd = fd;
	p->doing = doing;
	snprintf(p->text, sizeof p->text, "%s", text);
	p->began_ms = fb_clock_ms();
	return p;
}

void fb_progress_free(struct fb_progress *p)
{
	if (!p)
		return;
	fb_screen_end(&p->screen, false);
	fb_free(p);
}

bool fb_progress_take(struct fb_progress *p, const char *line)
{
	uint64_t bytes, total;
	int n = 0;

	if (sscanf(line, "progress %" SCNu64 " %" SCNu64 " %n", &bytes, &total, &n) < 2 || n == 0)
		return false;
	if (strncmp(p->text, line + n, sizeof p->text - 1) != 0) {
		snprintf(p->text, sizeof p->text, "%s", line + n);
		p->began_ms = fb_clock_ms();
	}
	p->bytes = bytes;
	p->total = total;
	return true;
}

static void put_bar(const struct fb_style *s, uint64_t bytes, uint64_t total, struct fb_text *t)
{
	unsigned share = bytes >= total ? 1000 : (unsigned)((double)bytes * 1000 / (double)total), full = share * BAR / 1000;

	fb_style_on(s, t, FB_TONE_ACCENT);
	for (unsigned i = 0; i < BAR; i++) {
		if (i == full) {
			fb_style_off(s, t);
			fb_style_on(s, t, FB_TONE_DIM);
		}
		fb_text_puts(t, i < full ? (s->utf8 ? "━" : "#") : (s->utf8 ? "─" : "-"));
	}
	fb_style_off(s, t);
	fb_text_printf(t, " %3u %%  ", share / 10);
}

void fb_progress_line(const struct fb_style *s, const char *doing, const char *text, uint64_t bytes, uint64_t total, int64_t elapsed_ms, struct fb_text *t)
{
	struct fb_text line = {0};
	char size[FB_ROW_SIZE];

	fb_style_put(s, &line, FB_TONE_ACCENT, fb_style_spinner(s, elapsed_ms));
	fb_text_printf(&line, " %s", doing);
	if (*text) {
		fb_text_puts(&line, " ");
		fb_style_on(s, &line, FB_TONE_BOLD);
		fb_style_safe(s, &line, text);
		fb_style_off(s, &line);
	}
	fb_text_puts(&line, "  ");
	if (total)
		put_bar(s, bytes, total, &line);
	if (bytes || total)
		fb_text_puts(&line, fb_row_size(bytes, size));
	if (total)
		fb_text_printf(&line, " of %s", fb_row_size(total, size));
	if (bytes && elapsed_ms >= 500)
		fb_text_printf(&line, "  %s/s", fb_row_size((uint64_t)((double)bytes * 1000 / (double)elapsed_ms), size));
	fb_style_cut(s, t, line.p, s->width);
	fb_text_puts(t, "\n");
	fb_text_clear(&line);
}

void fb_progress_draw(struct fb_progress *p)
{
	struct fb_text t = {0};

	if (p->gone)
		return;
	p->style.width = fb_style_columns(p->screen.fd);
	fb_progress_line(&p->style, p->doing, p->text, p->bytes, p->total, fb_clock_ms() - p->began_ms, &t);
	p->gone = fb_screen_draw(&p->screen, p->style.width, NULL, t.p) != 0;
	fb_text_clear(&t);
}
