/* SPDX-License-Identifier: Apache-2.0 */
/* Owns marks, colours and the width of text on a terminal. Knows nothing of executions. */
#include "cli/style.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int fb_style_columns(int fd)
{
	struct winsize size;
	if (!isatty(fd))
		return 0;
	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 80;
}

struct fb_style fb_style_of(int fd)
{
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
	bool terminal = isatty(fd) == 1;
	struct fb_style s = {.width = fb_style_columns(fd), .utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0};
	s.colour = terminal && (!no_color || !*no_color) && term && *term && strcmp(term, "dumb") != 0;
	return s;
}

void fb_style_on(const struct fb_style *s, struct fb_text *t, enum fb_tone tone)
{
	static const char *const codes[] = {"", "\033[32m", "\033[31m", "\033[33m", "\033[2m", "\033[1m", "\033[36m"};
	if (s->colour)
		fb_text_puts(t, codes[tone]);
}

void fb_style_off(const struct fb_style *s, struct fb_text *t)
{
	if (s->colour)
		fb_text_puts(t, "\033[0m");
}

void fb_style_put(const struct fb_style *s, struct fb_text *t, enum fb_tone tone, const char *text)
{
	fb_style_on(s, t, tone);
	fb_text_puts(t, text);
	if (tone != FB_TONE_NONE)
		fb_style_off(s, t);
}

const char *fb_style_mark(const struct fb_style *s, enum fb_mark mark)
{
	static const char *const fancy[] = {"✓", "✗", "–", "▸", "↻", "↺", "·", "›", "→"};
	static const char *const plain[] = {"+", "x", "-", ">", "~", "<", ".", ">", "->"};
	return s->utf8 ? fancy[mark] : plain[mark];
}

enum fb_tone fb_style_mark_tone(enum fb_mark mark)
{
	switch (mark) {
	case FB_MARK_OK: return FB_TONE_GOOD;
	case FB_MARK_FAIL: return FB_TONE_BAD;
	case FB_MARK_RETRY:
	case FB_MARK_UNDONE: return FB_TONE_WARN;
	case FB_MARK_RUN: return FB_TONE_ACCENT;
	case FB_MARK_SKIP:
	case FB_MARK_DOT:
	case FB_MARK_NOTE:
	case FB_MARK_ARROW: return FB_TONE_DIM;
	}
	return FB_TONE_NONE;
}

enum fb_mark fb_style_status_mark(const char *status)
{
	static const struct {
		const char *status;
		enum fb_mark mark;
	} marks[] = {{"completed", FB_MARK_OK}, {"failed_with_rollback", FB_MARK_UNDONE}, {"failed", FB_MARK_FAIL}, {"rollback_incomplete", FB_MARK_FAIL},
		     {"refused", FB_MARK_FAIL}, {"interrupted", FB_MARK_RETRY}, {"stopped", FB_MARK_SKIP}, {"skipped", FB_MARK_SKIP},
		     {"running", FB_MARK_RUN}, {"waiting_approval", FB_MARK_RETRY}, {"undone", FB_MARK_UNDONE}};
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
		if (fb_streq(status, marks[i].status))
			return marks[i].mark;
	return FB_MARK_DOT;
}

const char *fb_style_spinner(const struct fb_style *s, int64_t ms)
{
	static const char *const fancy[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
	static const char *const plain[] = {"|", "/", "-", "\\"};
	uint64_t n = (uint64_t)(ms < 0 ? 0 : ms) / 100;
	return s->utf8 ? fancy[n % 10] : plain[n % 4];
}

/* One character of UTF-8 (RFC 3629): its length, or 0 when the bytes are none. */
static int decode(const char *text, uint32_t *ret)
{
	const unsigned char *p = (const unsigned char *)text;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	if (p[0] < 0x80) {
		*ret = p[0];
		return 1;
	}
	int n = p[0] >= 0xf0 && p[0] < 0xf8 ? 4 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3 : p[0] >= 0xc0 && p[0] < 0xe0 ? 2 : 0;
	if (!n)
		return 0;
	uint32_t c = p[0] & (0xffu >> (n + 1));
	for (int i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return n;
}

static bool between(uint32_t c, const uint32_t (*ranges)[2], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c >= ranges[i][0] && c <= ranges[i][1])
			return true;
	return false;
}

/* Columns of one character; the locale's wcwidth is not asked, so that a view is the same everywhere. */
static int columns_of(uint32_t c)
{
	static const uint32_t none[][2] = {{0x300, 0x36f}, {0x483, 0x489}, {0x591, 0x5bd}, {0x610, 0x61a}, {0x64b, 0x65f}, {0x200b, 0x200f},
					   {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xe0100, 0xe01ef}};
	static const uint32_t wide[][2] = {{0x1100, 0x115f}, {0x231a, 0x231b}, {0x23e9, 0x23ec}, {0x2e80, 0x303e}, {0x3041, 0x33ff}, {0x3400, 0x4dbf},
					   {0x4e00, 0x9fff}, {0xa000, 0xa4cf}, {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe30, 0xfe6f}, {0xff00, 0xff60},
					   {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1faff}, {0x20000, 0x3fffd}};
	if (between(c, none, sizeof none / sizeof *none))
		return 0;
	return between(c, wide, sizeof wide / sizeof *wide) ? 2 : 1;
}

static bool harmless(uint32_t c)
{
	/* C0, DEL, C1, and what turns the direction of text around or hides in it */
	static const uint32_t bad[][2] = {{0, 0x1f}, {0x7f, 0x9f}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xe0000, 0xe007f}};
	return !between(c, bad, sizeof bad / sizeof *bad);
}

static void add_safe(const struct fb_style *s, struct fb_text *t, const char *text, int newline_indent)
{
	for (const char *p = text; p && *p;) {
		uint32_t c;
		int n = decode(p, &c);
		if (n == 0) {
			fb_text_printf(t, "\\x%02x", (unsigned char)*p);
			n = 1;
		} else if (c == '\n' && newline_indent >= 0) {
			if (p[1])
				fb_text_printf(t, "\n%*s", newline_indent, "");
		} else if (c == '\n' || c == '\t') {
			fb_text_puts(t, " ");
		} else if (c == '\r') {
			if (p[1] && p[1] != '\n')
				fb_text_puts(t, "\\r");
		} else if (!harmless(c)) {
			fb_text_printf(t, c < 0x100 ? "\\x%02x" : "\\u%04x", c);
		} else if (c >= 0x80 && !s->utf8) {
			fb_text_puts(t, "?");
		} else {
			fb_text_add(t, p, (size_t)n);
		}
		p += n;
	}
}

void fb_style_safe(const struct fb_style *s, struct fb_text *t, const char *text)
{
	add_safe(s, t, text, -1);
}

void fb_style_safe_lines(const struct fb_style *s, struct fb_text *t, const char *text, int indent)
{
	add_safe(s, t, text, indent);
}

/* Length of an escape code of ours ("\033[…m") at p; 0: none. */
static int code_length(const char *p)
{
	if (p[0] != '\033' || p[1] != '[')
		return 0;
	int n = 2;
	while (p[n] && p[n] != 'm')
		n++;
	return p[n] ? n + 1 : n;
}

/* One unit of text: its bytes, and its columns in *ret. */
static int unit(const char *p, int *ret_columns)
{
	uint32_t c;
	int n = code_length(p);
	*ret_columns = 0;
	if (n)
		return n;
	n = decode(p, &c);
	*ret_columns = n ? columns_of(c) : 1;
	return n ? n : 1;
}

int fb_style_width(const char *text)
{
	int width = 0, columns;
	for (const char *p = text; p && *p; width += columns)
		p += unit(p, &columns);
	return width;
}

void fb_style_cut(const struct fb_style *s, struct fb_text *t, const char *text, int columns)
{
	int room = columns - (s->utf8 ? 1 : columns >= 8 ? 3 : 0), used = 0, w;
	if (columns <= 0 || fb_style_width(text) <= columns) {
		fb_text_puts(t, text);
		return;
	}
	bool full = false;
	for (const char *p = text; *p;) {
		int n = unit(p, &w);
		if (w && used + w > room)
			full = true;
		if (!full || code_length(p))
			fb_text_add(t, p, (size_t)n);
		if (full && w && used >= 0) {
			fb_text_puts(t, s->utf8 ? "…" : columns >= 8 ? "..." : "");
			used = -1;
		} else if (used >= 0) {
			used += w;
		}
		p += n;
	}
}

void fb_style_pad(struct fb_text *t, size_t from, int columns)
{
	int have = t->p ? fb_style_width(t->p + from) : 0;
	if (have < columns)
		fb_text_printf(t, "%*s", columns - have, "");
}

void fb_style_wrap(const struct fb_style *s, struct fb_text *t, const char *text, int indent)
{
	int width = s->width > 0 ? s->width : 100, at = indent;
	bool first = true;
	struct fb_text safe = {0}, word = {0};
	fb_style_safe(s, &safe, text);
	for (const char *p = safe.p; p && *p;) {
		size_t n = strcspn(p, " ");
		word.n = 0;
		fb_text_add(&word, p, n);
		int w = n ? fb_style_width(word.p) : 0;
		if (n) {
			if (!first && at + 1 + w > width) {
				fb_text_printf(t, "\n%*s", indent, "");
				at = indent;
			} else if (!first) {
				fb_text_puts(t, " ");
				at++;
			}
			for (const char *q = word.p; *q;) { /* a word wider than the line is broken, not hidden */
				int columns, bytes = unit(q, &columns);
				if (at + columns > width && at > indent) {
					fb_text_printf(t, "\n%*s", indent, "");
					at = indent;
				}
				fb_text_add(t, q, (size_t)bytes);
				at += columns;
				q += bytes;
			}
			first = false;
		}
		p += n + strspn(p + n, " ");
	}
	fb_text_clear(&safe);
	fb_text_clear(&word);
}
