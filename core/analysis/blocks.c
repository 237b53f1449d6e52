/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the kinds of blocks, and finds the one that a line is in. */
#include "analysis/blocks.h"

#include <dirent.h>
#include <errno.h>
#include <libconfig.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/database.h"
#include "analysis/expression.h"
#include "base/io.h"
#include "base/mem.h"

#define FILE_LIMIT ((size_t)4 << 20)
#define KINDS_MOST 256
#define LINE_LOOK ((size_t)600) /* so many bytes of a line are looked at */
#define WINDOW (FB_BLOCK_LINES + 1)

enum { START, LEAD, MORE, END, LAST, EXPRESSIONS };

struct kind {
	struct fb_block_kind k;
	struct fb_expression *e[EXPRESSIONS]; /* made when first needed */
	bool bad[EXPRESSIONS];
};

struct start { /* which kinds may begin with a line */
	size_t at;
	uint64_t kinds[KINDS_MOST / 64];
};

struct fb_blocks {
	struct kind *v;
	size_t n;
	struct fb_signatures starts; /* the kinds as the database takes them, in the same order */
	struct fb_database *db;      /* NULL: every expression is tried on every line */
	bool tried;
	struct start window[WINDOW]; /* lines upwards from the one that is asked about */
	size_t lines, base;
};

static const char *const members[] = {"id", "component", "start", "lead", "more", "end", "last", "lines", "level", "example", "skip", "rest", NULL};

/* ---- reading ---- */

struct reading {
	struct fb_blocks *b;
	struct fb_errs *errs;
	const char *file;
	size_t first; /* of the folder that is read */
};

static void wrong(const struct reading *r, const config_setting_t *at, const char *what, const char *value)
{
	const char *near = value ? fb_nearest(value, members) : NULL;

	fb_errs_addf(r->errs, FB_EXIT_CONFIG, r->file, (int)config_setting_source_line(at), "%s%s%s%s%s", what, value ? " " : "", value ? value : "", near && !fb_streq(near, value) ? "; did you mean " : "",
		     near && !fb_streq(near, value) ? near : "");
}

static void clear(struct kind *x)
{
	char *texts[] = {x->k.id, x->k.component, x->k.start, x->k.lead, x->k.more, x->k.end, x->k.last, x->k.file};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		fb_free(texts[i]);
	for (char **p = x->k.example; p && *p; p++)
		fb_free(*p);
	fb_free(x->k.example);
	for (size_t i = 0; i < EXPRESSIONS; i++)
		fb_expression_free(x->e[i]);
	*x = (struct kind){0};
}

static char *take_text(const struct reading *r, const config_setting_t *group, const char *name)
{
	const config_setting_t *m = config_setting_get_member(group, name);

	if (!m)
		return NULL;
	if (config_setting_type(m) != CONFIG_TYPE_STRING || !*config_setting_get_string(m)) {
		wrong(r, m, "this has to be a text that is not empty:", name);
		return NULL;
	}
	return fb_strdup(config_setting_get_string(m));
}

static int take_number(const struct reading *r, const config_setting_t *group, const char *name, int otherwise, int most)
{
	const config_setting_t *m = config_setting_get_member(group, name);
	int n = otherwise;

	if (m && (!config_setting_lookup_int(group, name, &n) || n < 0 || n > most)) {
		wrong(r, m, "this has to be a number that is not too large:", name);
		n = otherwise;
	}
	return n;
}

static char **take_lines(const struct reading *r, const config_setting_t *group)
{
	const config_setting_t *m = config_setting_get_member(group, "example");
	int n = m && config_setting_is_aggregate(m) ? config_setting_length(m) : 0;
	char **ret = fb_alloc(((size_t)n + 1) * sizeof *ret);

	if (m && !n)
		wrong(r, m, "an example is a list of lines", NULL);
	for (int i = 0; i < n; i++) {
		const char *s = config_setting_get_string_elem(m, i);

		ret[i] = fb_strdup(s ? s : "");
		if (!s || strchr(s, '\n'))
			wrong(r, m, "an example is a list of lines", NULL);
	}
	return ret;
}

static void put(struct reading *r, const config_setting_t *group, struct kind *x)
{
	for (size_t i = 0; i < r->b->n; i++) {
		if (!fb_streq(r->b->v[i].k.id, x->k.id))
			continue;
		if (i >= r->first) {
			wrong(r, group, "there are two blocks of one id:", x->k.id);
			clear(x);
		} else {
			clear(&r->b->v[i]);
			r->b->v[i] = *x;
		}
		return;
	}
	if (r->b->n == KINDS_MOST) {
		wrong(r, group, "there are too many kinds of blocks; 256 are the most", NULL);
		clear(x);
		return;
	}
	r->b->v[r->b->n++] = *x;
}

static void take(struct reading *r, const config_setting_t *group)
{
	struct kind x = {.k = {.file = fb_strdup(r->file), .line = (int)config_setting_source_line(group)}};
	size_t before = r->errs->n;

	for (int i = 0; config_setting_is_group(group) && i < config_setting_length(group); i++) {
		const config_setting_t *m = config_setting_get_elem(group, (unsigned)i);
		const char *const *name = members;

		while (*name && !fb_streq(*name, config_setting_name(m)))
			name++;
		if (!*name)
			wrong(r, m, "there is no setting", config_setting_name(m));
	}
	if (config_setting_is_group(group)) {
		x.k.id = take_text(r, group, "id");
		x.k.component = take_text(r, group, "component");
		x.k.start = take_text(r, group, "start");
		x.k.lead = take_text(r, group, "lead");
		x.k.more = take_text(r, group, "more");
		x.k.end = take_text(r, group, "end");
		x.k.last = take_text(r, group, "last");
		x.k.lines = take_number(r, group, "lines", FB_BLOCK_LINES, FB_BLOCK_MOST);
		x.k.level = take_number(r, group, "level", 1, 9);
		x.k.skip = take_number(r, group, "skip", 0, FB_BLOCK_MOST);
		x.k.rest = take_number(r, group, "rest", 0, FB_BLOCK_MOST);
		x.k.example = take_lines(r, group);
	}
	if (!x.k.id || !x.k.start)
		wrong(r, group, "a block has to be a group with an id and a start", NULL);
	else if (!x.k.more && !x.k.end && !x.k.last)
		wrong(r, group, "nothing says how far it goes: set more, end or last", NULL);
	if (r->errs->n > before)
		clear(&x);
	else
		put(r, group, &x);
}

static void read_file(struct reading *r, const char *path)
{
	struct fb_err err = {0};
	config_t c;
	const config_setting_t *list;
	char *text;
	size_t n;

	if (fb_io_read_file(path, FILE_LIMIT, &text, &n, &err) < 0) {
		fb_errs_add(r->errs, &err);
		return;
	}
	r->file = path;
	config_init(&c);
	if (config_read_string(&c, text) != CONFIG_TRUE) {
		fb_errs_addf(r->errs, FB_EXIT_CONFIG, path, config_error_line(&c), "%s", config_error_text(&c));
	} else if (!(list = config_lookup(&c, "blocks")) || !config_setting_is_list(list)) {
		fb_errs_addf(r->errs, FB_EXIT_CONFIG, path, 1, "there is no list 'blocks = ( … );' in this file");
	} else {
		for (int i = 0; i < config_setting_length(list); i++)
			take(r, config_setting_get_elem(list, (unsigned)i));
	}
	config_destroy(&c);
	fb_free(text);
}

static int is_blocks(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return d->d_name[0] != '.' && n > 7 && fb_streq(d->d_name + n - 7, ".blocks");
}

int fb_blocks_read(const char *const *folders, struct fb_blocks **ret, struct fb_errs *errs)
{
	struct reading r = {.b = fb_alloc(sizeof *r.b), .errs = errs};
	size_t before = errs->n;

	r.b->v = fb_alloc(KINDS_MOST * sizeof *r.b->v);
	for (; *folders; folders++) {
		struct dirent **names;
		int n = scandir(*folders, &names, is_blocks, alphasort);

		if (n < 0 && errno != ENOENT)
			fb_errs_addf(errs, FB_EXIT_CONFIG, *folders, 0, "cannot be read: %s", strerror(errno));
		r.first = r.b->n;
		for (int i = 0; i < n; i++) {
			char *path = fb_asprintf("%s/%s", *folders, names[i]->d_name);

			read_file(&r, path);
			fb_free(path);
			free(names[i]);
		}
		if (n >= 0)
			free(names);
	}
	*ret = r.b;
	return errs->n > before ? -1 : 0;
}

void fb_blocks_free(struct fb_blocks *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->n; i++)
		clear(&b->v[i]);
	fb_database_close(b->db);
	for (size_t i = 0; i < b->starts.n; i++)
		fb_free(b->starts.v[i].match);
	fb_free(b->starts.v);
	fb_free(b->v);
	fb_free(b);
}

size_t fb_blocks_count(const struct fb_blocks *b)
{
	return b->n;
}

const struct fb_block_kind *fb_blocks_kind(const struct fb_blocks *b, size_t i)
{
	return &b->v[i].k;
}

/* ---- finding ---- */

struct text {
	const char *p;
	size_t n;
};

static const char *source(const struct kind *x, int which)
{
	const char *const all[EXPRESSIONS] = {x->k.start, x->k.lead, x->k.more, x->k.end, x->k.last};

	return all[which];
}

/* What is not there, or not well-formed, matches nothing. */
static bool matches(struct kind *x, int which, const char *line, size_t n)
{
	struct fb_err err = {0};

	if (!x->e[which] && source(x, which) && !x->bad[which] && fb_expression_new(source(x, which), &x->e[which], &err) < 0)
		x->bad[which] = true;
	return x->e[which] && fb_expression_match(x->e[which], line, n < LINE_LOOK ? n : LINE_LOOK, NULL, NULL, NULL, NULL);
}

static size_t end_of(const struct text *t, size_t at)
{
	const char *p = memchr(t->p + at, '\n', t->n - at);

	return p ? (size_t)(p - t->p) : t->n;
}

static size_t start_of(const struct text *t, size_t at)
{
	const char *p = at ? memrchr(t->p, '\n', at) : NULL;

	return p ? (size_t)(p - t->p) + 1 : 0;
}

static bool line_matches(struct kind *x, int which, const struct text *t, size_t at)
{
	return matches(x, which, t->p + at, end_of(t, at) - at);
}

int fb_blocks_open(struct fb_blocks *b, const char *cache, struct fb_errs *errs)
{
	struct fb_text all = {0};

	b->tried = true;
	if (!b->n || b->db)
		return 0;
	b->starts.v = fb_alloc(b->n * sizeof *b->starts.v);
	for (b->starts.n = 0; b->starts.n < b->n; b->starts.n++) {
		struct fb_signature *s = &b->starts.v[b->starts.n];
		const struct fb_block_kind *k = &b->v[b->starts.n].k;

		*s = (struct fb_signature){.id = k->id, .file = k->file, .line = k->line, .match = fb_alloc(2 * sizeof *s->match)};
		s->match[0] = k->start;
		fb_text_add(&all, k->start, strlen(k->start) + 1);
	}
	fb_hash(all.p, all.n, b->starts.hash);
	fb_text_clear(&all);
	return fb_database_open(&b->starts, cache, &b->db, errs);
}

static int on_start(unsigned number, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
	struct fb_blocks *b = ctx;
	size_t at = b->base + (to ? (size_t)to - 1 : 0), low = 0, high = b->lines;

	(void)from;
	(void)flags;
	while (low < high) { /* the lines go upwards */
		size_t middle = low + (high - low) / 2;

		if (b->window[middle].at <= at)
			high = middle;
		else
			low = middle + 1;
	}
	if (low < b->lines)
		b->window[low].kinds[number / 64] |= (uint64_t)1 << number % 64;
	return 0;
}

/* Which kinds may begin with one of the lines from the one at `line` upwards. */
static void look_up(struct fb_blocks *b, const struct text *t, size_t line)
{
	struct fb_errs errs = {0};
	size_t p = line;

	if (!b->tried && fb_blocks_open(b, NULL, &errs) < 0)
		fb_errs_clear(&errs); /* lint says why */
	for (b->lines = 0; b->lines < WINDOW; p = start_of(t, p - 1)) {
		b->window[b->lines++] = (struct start){.at = p};
		if (!p)
			break;
	}
	b->base = b->window[b->lines - 1].at;
	if (b->db && fb_database_scan(b->db, t->p + b->base, end_of(t, line) - b->base, on_start, b) == 0)
		return;
	for (size_t i = 0; i < b->lines; i++)
		memset(b->window[i].kinds, 0xff, sizeof b->window[i].kinds);
}

/* Does the block that begins at `from` hold the line at `at`, which is `lines` below it? */
static bool holds(struct kind *x, const struct text *t, size_t from, size_t at, int lines)
{
	if (lines >= x->k.lines)
		return false;
	for (size_t p = from; p < at;) {
		if (p != from && x->k.last && line_matches(x, LAST, t, p))
			return false;
		p = end_of(t, p) + 1;
		if ((x->k.end && line_matches(x, END, t, p)) || (x->k.more && !line_matches(x, MORE, t, p) && !(x->k.last && line_matches(x, LAST, t, p))))
			return false;
	}
	return true;
}

static bool is_blank(const struct text *t, size_t at)
{
	size_t end = end_of(t, at);

	while (at < end && (t->p[at] == ' ' || t->p[at] == '\t'))
		at++;
	return at == end;
}

/* Where it ends; without blank lines. */
static size_t extent(struct kind *x, const struct text *t, size_t from)
{
	size_t p = from, to = end_of(t, from);

	for (int i = 1; i < x->k.lines && end_of(t, p) + 1 < t->n; i++) {
		p = end_of(t, p) + 1;
		if (x->k.last && line_matches(x, LAST, t, p))
			return end_of(t, p);
		if ((x->k.end && line_matches(x, END, t, p)) || (x->k.more && !line_matches(x, MORE, t, p)))
			break;
		to = is_blank(t, p) ? to : end_of(t, p);
	}
	return to;
}

static size_t lead(struct kind *x, const struct text *t, size_t from)
{
	for (int i = 0; x->k.lead && from && i < x->k.lines; i++) {
		size_t above = start_of(t, from - 1);

		if (above == from || !line_matches(x, LEAD, t, above))
			break;
		from = above;
	}
	return from;
}

/* Of blocks of one level the nearest; of those of one kind the one that begins first, and so holds the others. */
const struct fb_block_kind *fb_blocks_find(struct fb_blocks *b, const char *text, size_t n, size_t at, size_t *ret_from, size_t *ret_to)
{
	struct text t = {text, n};
	struct kind *best = NULL;
	size_t line = start_of(&t, at);

	if (!b->n)
		return NULL;
	look_up(b, &t, line);
	for (size_t up = 0; up < b->lines; up++) {
		const struct start *s = &b->window[up];

		for (size_t i = 0; i < b->n; i++) {
			struct kind *x = &b->v[i];

			if (!(s->kinds[i / 64] >> i % 64 & 1) || (best && best != x && best->k.level >= x->k.level) || !line_matches(x, START, &t, s->at) || !holds(x, &t, s->at, line, (int)up))
				continue;
			best = x;
			*ret_from = s->at;
		}
	}
	if (!best)
		return NULL;
	*ret_to = extent(best, &t, *ret_from);
	*ret_from = lead(best, &t, *ret_from);
	if (*ret_to < line) /* the line is a blank one at its end */
		return NULL;
	return &best->k;
}

/* ---- lint ---- */

static void say(struct fb_errs *errs, const struct fb_block_kind *k, const char *what)
{
	fb_errs_addf(errs, FB_EXIT_CONFIG, k->file, k->line, "block '%s': %s", k->id, what);
}

/* The example's block has to be the lines that it says, whichever of them is asked for. */
static void lint_example(struct fb_blocks *b, const struct fb_block_kind *k, struct fb_errs *errs)
{
	struct fb_text t = {0};
	size_t lines = 0, from = 0, to = 0, wanted_from = 0, wanted_to = 0, ask = 0;
	const struct fb_block_kind *found;

	while (k->example[lines])
		lines++;
	for (size_t i = 0; i < lines; i++) {
		if (i == (size_t)k->skip)
			wanted_from = t.n;
		fb_text_puts(&t, k->example[i]);
		if (i + 1 + (size_t)k->rest == lines) {
			wanted_to = t.n;
			ask = t.n ? t.n - 1 : 0;
		}
		fb_text_puts(&t, "\n");
	}
	if (!lines || (size_t)k->skip + (size_t)k->rest >= lines) {
		say(errs, k, "it has no example, or all of it is left out");
	} else {
		found = fb_blocks_find(b, t.p, t.n, ask, &from, &to);
		if (found != k)
			fb_errs_addf(errs, FB_EXIT_CONFIG, k->file, k->line, "block '%s': the last line of its example is in %s%s", k->id, found ? "the block " : "no block", found ? found->id : "");
		else if (from != wanted_from || to != wanted_to)
			fb_errs_addf(errs, FB_EXIT_CONFIG, k->file, k->line, "block '%s': of its example the bytes %zu to %zu are found, not %zu to %zu", k->id, from, to, wanted_from, wanted_to);
	}
	fb_text_clear(&t);
}

int fb_blocks_lint(struct fb_blocks *b, struct fb_errs *errs)
{
	size_t before = errs->n;
	bool bad[KINDS_MOST] = {false};

	for (size_t i = 0; i < b->n; i++)
		for (int w = 0; w < EXPRESSIONS; w++) {
			struct fb_expression *e = NULL;
			struct fb_err err = {0};

			if (source(&b->v[i], w) && fb_expression_new(source(&b->v[i], w), &e, &err) < 0) {
				say(errs, &b->v[i].k, err.text);
				bad[i] = true;
			}
			fb_expression_free(e);
		}
	if (errs->n == before)
		(void)fb_blocks_open(b, NULL, errs);
	for (size_t i = 0; i < b->n; i++)
		if (!bad[i])
			lint_example(b, &b->v[i].k, errs);
	return errs->n > before ? -1 : 0;
}
