/* SPDX-License-Identifier: Apache-2.0 */
/* Weights in tenths of a line. A line that no success has is kept when an error that none has, either, stands near; stretches of such lines are shorter than they look. */
#include "analysis/excerpt.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"

#define NEAR 120       /* below an error */
#define NEAR_ABOVE 80  /* and above it */
#define STEP 10        /* a line that is known */
#define STEP_NEW 3     /* one that is not, or of a stack trace, below an error */
#define STEP_ABOVE 5
#define GAP 2          /* so many lines between two that are kept are kept, too, if they are blank or new */
#define RING 32        /* lines that are not yet decided: more than NEAR_ABOVE reaches */
#define LOOK ((size_t)400)

struct one {
	int64_t line, offset, end;
	int below; /* an error, by weight */
	bool is_new, is_trace, is_blank, keep;
};

struct fb_excerpt {
	struct one ring[RING];
	size_t first, n;
	int below;
	struct one gap[GAP];
	size_t gaps;
	bool open; /* the last line was kept */
	struct fb_excerpt_run runs[FB_EXCERPT_RUNS];
	size_t run_count;
	int64_t left_out;
};

/* ---- what a line is like ---- */

static const char *const troubles[] = {"abort", "assert", "breaking", "can't", "cannot", "caused by", "could n", "couldn't", "could not", "denied", "does not exist", "error", "exception", "expected", "fail",
				       "fatal", "incompatible", "invalid", "killed", "missing", "no space", "no such", "not defined", "not found", "panic", "refused", "stack trace", "timed out", "timeout",
				       "traceback", "unable", "undefined", "unexpected", "unresolved", "unsuccessful", "violation", "wrong", NULL};
/* What begins so, but for brackets, tells nothing of a failure that another line does not tell better. */
static const char *const dull[] = {"* get more help", "* try:", "* what went wrong:", "> git ", "> run with --", "> task ", "build failed in ", "commit message", "debug", "downloaded ", "downloading ",
				   "failure: build failed", "finished: ", "github issue", "head is ", "info", "notice", "npm notice", "npm warn", "process completed with exit code", "progress ", "receiving ", "remote: ",
				   "resolving ", "sending e-mails", "trace ", "warn", NULL};

static const uint8_t *first_letters(void)
{
	static uint8_t table[256];

	if (!table['a'])
		for (const char *const *t = troubles; *t; t++)
			table[(unsigned char)**t] = table[(unsigned char)**t - 0x20] = 1;
	return table;
}

static bool is_trouble(const char *line, size_t n)
{
	const uint8_t *first = first_letters();

	n = n < LOOK ? n : LOOK;
	for (size_t i = 0; i < n; i++) {
		if (!first[(unsigned char)line[i]])
			continue;
		for (const char *const *t = troubles; *t; t++) {
			size_t length = strlen(*t);

			if ((line[i] | 0x20) == **t && i + length <= n && !strncasecmp(line + i, *t, length))
				return true;
		}
	}
	return false;
}

static bool begins(const char *line, size_t n, const char *with)
{
	size_t length = strlen(with);

	return n >= length && !strncasecmp(line, with, length);
}

static bool is_dull(const char *line, size_t n)
{
	const char *end = line + n;
	int brackets = 2;

	while (line < end && (*line == ' ' || *line == '\t' || *line == '#'))
		line++;
	for (; brackets && line < end; brackets--) { /* "[INFO] ", "[main] INFO ", "##[error]Process …" */
		const char *close = *line == '[' ? memchr(line, ']', (size_t)(end - line) < 24 ? (size_t)(end - line) : 24) : NULL;

		for (const char *const *d = dull; *d; d++)
			if (begins(*line == '[' ? line + 1 : line, (size_t)(end - line) - (*line == '['), *d))
				return true;
		if (!close)
			return false;
		for (line = close + 1; line < end && *line == ' ';)
			line++;
	}
	return false;
}

/* "    at shop.Cart.total(Cart.java:4)", "... 3 more", "Caused by:" */
static bool is_trace(const char *line, size_t n)
{
	size_t i = 0;

	if (begins(line, n, "[ERROR]"))
		i = 7;
	while (i < n && (line[i] == ' ' || line[i] == '\t'))
		i++;
	line += i;
	n -= i;
	return (i && (begins(line, n, "at ") || begins(line, n, "... "))) || begins(line, n, "caused by") || begins(line, n, "suppressed:");
}

static bool is_blank(const char *line, size_t n)
{
	if (begins(line, n, "[ERROR]")) {
		line += 7;
		n -= 7;
	}
	while (n && (*line == ' ' || *line == '\t')) {
		line++;
		n--;
	}
	return !n;
}

/* ---- what is kept ---- */

static void keep(struct fb_excerpt *x, const struct one *o)
{
	struct fb_excerpt_run *run = x->run_count ? &x->runs[x->run_count - 1] : NULL;

	if (x->open && run) {
		run->last_line = o->line;
		run->end = o->end;
	} else if (x->run_count < FB_EXCERPT_RUNS) {
		x->runs[x->run_count++] = (struct fb_excerpt_run){.line = o->line, .last_line = o->line, .offset = o->offset, .end = o->end};
		x->open = true;
	} else {
		x->left_out++;
	}
}

/* Nothing that comes later changes what the line is. */
static void settle(struct fb_excerpt *x, const struct one *o)
{
	if (o->keep || (o->is_trace && x->open && !x->gaps)) {
		keep(x, o);
		x->gaps = 0;
	} else if (x->open && x->gaps < GAP && (o->is_blank || o->is_new)) {
		x->gap[x->gaps++] = *o;
	} else {
		x->open = false;
		x->gaps = 0;
	}
}

static struct one *at(struct fb_excerpt *x, size_t i)
{
	return &x->ring[(x->first + i) % RING];
}

/* The last line is an error that no success has: those above that are near and new are kept with it. */
static void look_up(struct fb_excerpt *x)
{
	int above = 0;

	for (size_t i = x->n - 1; i-- > 0;) {
		struct one *o = at(x, i);

		above += o->is_new ? STEP_ABOVE : STEP;
		if (above > NEAR_ABOVE)
			break;
		o->keep |= o->is_new;
	}
}

void fb_excerpt_take(struct fb_excerpt *x, const struct fb_familiar *known, const struct fb_excerpt_line *l)
{
	struct one o = {.line = l->line, .offset = l->offset, .end = l->end, .is_blank = is_blank(l->text, l->n), .is_trace = is_trace(l->text, l->n)};
	bool error;

	o.is_new = !o.is_blank && !fb_familiar_has(known, fb_familiar_shape(l->text, l->n)) && fb_familiar_new_word(known, l->text, l->n) && !l->dull && !is_dull(l->text, l->n);
	error = o.is_new && (l->found || is_trouble(l->text, l->n));
	x->below = error ? 0 : x->below + (o.is_new || o.is_trace ? STEP_NEW : STEP);
	if (x->below > 2 * NEAR)
		x->below = 2 * NEAR;
	o.keep = o.is_new && x->below <= NEAR;
	if (x->n == RING) {
		settle(x, at(x, 0));
		x->first = (x->first + 1) % RING;
		x->n--;
	}
	*at(x, x->n++) = o;
	if (error)
		look_up(x);
}

void fb_excerpt_end(struct fb_excerpt *x)
{
	for (size_t i = 0; i < x->n; i++)
		settle(x, at(x, i));
	x->n = x->gaps = 0;
	x->open = false;
}

struct fb_excerpt *fb_excerpt_new(void)
{
	struct fb_excerpt *x = fb_alloc(sizeof *x);

	fb_excerpt_forget(x);
	return x;
}

void fb_excerpt_free(struct fb_excerpt *x)
{
	fb_free(x);
}

void fb_excerpt_forget(struct fb_excerpt *x)
{
	x->first = x->n = x->gaps = x->run_count = 0;
	x->left_out = 0;
	x->open = false;
	x->below = 2 * NEAR;
}

const struct fb_excerpt_run *fb_excerpt_runs(const struct fb_excerpt *x, size_t *ret_n, int64_t *ret_left_out)
{
	*ret_n = x->run_count;
	*ret_left_out = x->left_out;
	return x->runs;
}
