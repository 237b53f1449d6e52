/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/findings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/known.h"
#include "analysis/line.h"
#include "analysis/novelty.h"
#include "analysis/place.h"
#include "analysis/reader.h"
#include "analysis/steps.h"
#include "base/mem.h"

#define WINDOW_BEFORE ((size_t)4096) /* of a long line so much around the match is looked at */
#define WINDOW_AFTER ((size_t)2048)
#define OFTEN 500                    /* after so many lines of one expression only one a block is looked at */
#define FADING 20                    /* less for what only the oldest success that counts had */

struct pending { /* an expression that may match in the line that ends the text's byte `to` */
	unsigned number;
	uint32_t to;
};

struct seen {
	uint32_t line_end; /* in this block: what is found before it was found already */
	int64_t count;
};

/* What one signature has found in the step that is being read. */
struct current {
	uint64_t step;
	size_t count;
	struct fb_finding *v;
};

struct fb_findings {
	const struct fb_signatures *signatures;
	struct fb_database *db;
	struct fb_expression **expressions; /* by number; made when first needed */
	struct fb_expression ***unless;     /* by signature */
	struct fb_found *found;             /* by signature */
	struct current *current;            /* by signature */
	struct fb_steps steps;
	struct seen *seen;                  /* by number */
	struct pending *pending;
	size_t pending_count, pending_room;
	const struct fb_log_block *block;
	size_t counted; /* so many bytes of it have been looked through for ends of lines */
	int64_t counted_line;
	bool learning, failed;
	struct fb_familiar familiar; /* by logs of successes */
	const struct fb_known *known[FB_KNOWN_MOST];
	size_t known_count;
	int64_t from; /* what is found before it does not count */
	struct fb_excerpt *excerpt;  /* NULL: there was none */
	struct fb_places places;
	struct fb_meanings meanings; /* of the lines of this block that something was found in */
};

int fb_findings_new(const struct fb_signatures *s, const char *cache, struct fb_findings **ret, struct fb_errs *errs)
{
	struct fb_findings *f = fb_alloc(sizeof *f);
	unsigned n;

	f->signatures = s;
	*ret = f;
	if (fb_database_open(s, cache, &f->db, errs) < 0)
		return -1;
	n = fb_database_count(f->db) + 1;
	f->expressions = fb_alloc(n * sizeof *f->expressions);
	f->seen = fb_alloc(n * sizeof *f->seen);
	f->found = fb_alloc((s->n + 1) * sizeof *f->found);
	f->current = fb_alloc((s->n + 1) * sizeof *f->current);
	fb_findings_forget(f);
	f->unless = fb_alloc((s->n + 1) * sizeof *f->unless);
	return 0;
}

void fb_findings_free(struct fb_findings *f)
{
	if (!f)
		return;
	for (unsigned i = 0; f->expressions && i < fb_database_count(f->db); i++)
		fb_expression_free(f->expressions[i]);
	for (size_t i = 0; f->unless && i < f->signatures->n; i++) {
		for (struct fb_expression **e = f->unless[i]; e && *e; e++)
			fb_expression_free(*e);
		fb_free(f->unless[i]);
	}
	fb_free(f->expressions);
	fb_free(f->unless);
	fb_free(f->seen);
	for (size_t i = 0; f->found && i < f->signatures->n; i++)
		fb_free(f->found[i].first);
	fb_free(f->found);
	fb_free(f->current);
	fb_free(f->pending);
	fb_free(f->meanings.v);
	fb_familiar_clear(&f->familiar);
	fb_excerpt_free(f->excerpt);
	fb_places_clear(&f->places);
	fb_database_close(f->db);
	fb_free(f);
}

void fb_findings_forget(struct fb_findings *f)
{
	for (size_t i = 0; i < f->signatures->n; i++) {
		fb_free(f->found[i].first);
		f->found[i] = (struct fb_found){0};
		f->current[i] = (struct current){0};
	}
	fb_places_clear(&f->places);
	if (f->excerpt)
		fb_excerpt_forget(f->excerpt);
	fb_steps_clear(&f->steps);
}

const struct fb_found *fb_findings_of(const struct fb_findings *f, size_t signature)
{
	return &f->found[signature];
}

const struct fb_structure *fb_findings_structure(const struct fb_findings *f)
{
	return &f->steps.structure;
}

void fb_findings_use(struct fb_findings *f, struct fb_blocks *blocks)
{
	f->places.blocks = blocks;
}

const struct fb_excerpt *fb_findings_excerpt(const struct fb_findings *f)
{
	return f->excerpt;
}

/* ---- one line ---- */

static const struct fb_expression *expression(struct fb_findings *f, unsigned number)
{
	if (!f->expressions[number]) {
		struct fb_err err = {0};
		size_t which;
		const struct fb_signature *s = fb_database_signature(f->db, number, &which);

		if (fb_expression_new(s->match[which], &f->expressions[number], &err) < 0)
			f->failed = true; /* signatures are read and checked before; nothing is found by it */
	}
	return f->expressions[number];
}

static bool vetoed(struct fb_findings *f, size_t signature, const char *line, size_t n)
{
	char **sources = f->signatures->v[signature].unless;
	size_t count = 0;

	while (sources[count])
		count++;
	if (count && !f->unless[signature]) {
		f->unless[signature] = fb_alloc((count + 1) * sizeof **f->unless);
		for (size_t i = 0, k = 0; i < count; i++) {
			struct fb_err err = {0};

			if (fb_expression_new(sources[i], &f->unless[signature][k], &err) == 0)
				k++;
			else
				f->failed = true;
		}
	}
	for (struct fb_expression **e = f->unless[signature]; e && *e; e++)
		if (fb_expression_match(*e, line, n, NULL, NULL, NULL, NULL))
			return true;
	return false;
}

struct line {
	size_t start, end; /* in the block's text */
};

static struct line line_of(const struct fb_log_block *b, size_t to)
{
	size_t at = to ? to - 1 : 0;
	const char *p;
	struct line l;

	if (at && b->text[at] == '\n')
		at--;
	p = memrchr(b->text, '\n', at);
	l.start = p ? (size_t)(p - b->text) + 1 : 0;
	p = memchr(b->text + at, '\n', b->n - at);
	l.end = p ? (size_t)(p - b->text) : b->n;
	return l;
}

/* The number of the line that has this byte of the block: counted on from where it was last asked. */
static int64_t line_number(struct fb_findings *f, size_t raw)
{
	const char *p = f->block->raw, *end = p + raw;

	if (raw < f->counted) {
		f->counted = 0;
		f->counted_line = f->block->line;
	}
	for (p += f->counted; (p = memchr(p, '\n', (size_t)(end - p))); p++)
		f->counted_line++;
	f->counted = raw;
	return f->counted_line;
}

static void judge_known(const struct fb_findings *f, const char *line, size_t n, struct fb_finding *ret)
{
	int best = FB_KNOWN_NEVER;

	for (size_t i = 0; i < f->known_count; i++) {
		int one = fb_known_line(f->known[i], line, n);

		best = one > best ? one : best;
	}
	ret->familiar |= best == FB_KNOWN_USUAL;
	ret->penalty += best == FB_KNOWN_FADING ? FADING : 0;
	ret->novel = f->known_count && best == FB_KNOWN_NEVER;
}

/* What the expression says of the line; false: it does not match after all. */
static bool look(struct fb_findings *f, const struct pending *p, struct line l, struct fb_finding *ret)
{
	const struct fb_log_block *b = f->block;
	const struct fb_expression *e = expression(f, p->number);
	struct fb_group groups[FB_GROUPS];
	size_t from, n, group_count;
	const char *line;

	if (p->to > l.start + WINDOW_BEFORE)
		l.start = p->to - WINDOW_BEFORE;
	if (l.end > p->to + WINDOW_AFTER)
		l.end = p->to + WINDOW_AFTER;
	line = b->text + l.start;
	n = l.end - l.start;
	if (!e || !fb_expression_match(e, line, n, &from, NULL, groups, &group_count))
		return false;
	*ret = (struct fb_finding){.signature = fb_database_signature(f->db, p->number, NULL)};
	if (vetoed(f, (size_t)(ret->signature - f->signatures->v), line, n))
		return false;
	fb_finding_parameters(ret, groups, group_count);
	ret->penalty = fb_finding_penalty(line, n);
	ret->familiar = fb_familiar_has(&f->familiar, fb_familiar_shape(line, n));
	judge_known(f, line, n, ret);
	ret->quote.line = line_number(f, (size_t)(fb_log_offset(b, l.start + from) - b->offset));
	if (fb_log_offset(b, l.start + from) < f->from)
		return false;
	return fb_quote_take(b, (size_t)(fb_log_offset(b, l.start) - b->offset), (size_t)(fb_log_offset(b, l.end - 1) - b->offset) + 1,
			  (size_t)(fb_log_offset(b, l.start + from) - b->offset), &ret->quote);
}

static void keep(struct fb_findings *f, const struct fb_finding *one)
{
	struct fb_found *found = &f->found[one->signature - f->signatures->v];

	size_t i = (size_t)(one->signature - f->signatures->v);
	struct current *c = &f->current[i];

	if (!found->count++) { /* one piece of memory for all that is kept of it */
		found->first = fb_alloc((FB_FINDINGS_FIRST + 1 + 2 * FB_FINDINGS_FAILED) * sizeof *found->first);
		found->last = found->first + FB_FINDINGS_FIRST;
		found->failed = found->last + 1;
		c->v = found->failed + FB_FINDINGS_FAILED;
	}
	if (found->kept < FB_FINDINGS_FIRST)
		found->first[found->kept++] = *one;
	*found->last = *one;
	if (c->step != f->steps.step) {
		c->step = f->steps.step;
		c->count = 0;
	}
	if (c->count < FB_FINDINGS_FAILED) /* the first ones of the step, and its last */
		c->count++;
	c->v[c->count - 1] = *one;
}

/* ---- steps ---- */

/* What was found in the step that was read, if it has failed. */
static void keep_failed(struct fb_findings *f)
{
	for (size_t i = 0; f->steps.failed == f->steps.step && i < f->signatures->n; i++) {
		struct fb_found *found = &f->found[i];

		if (f->current[i].step == f->steps.step)
			for (size_t k = 0; k < f->current[i].count && found->failed_count < FB_FINDINGS_FAILED; k++)
				found->failed[found->failed_count++] = f->current[i].v[k];
	}
}

static void begin_step(struct fb_findings *f, int64_t offset, int64_t line)
{
	keep_failed(f);
	fb_steps_begin(&f->steps, offset, line);
}

static bool is_structure(const struct fb_signature *s)
{
	return s->role >= FB_ROLE_SUCCESS;
}

/* A line may say that a step failed and, by that, that the next one begins. */
static void take_marks(struct fb_findings *f, unsigned marks, const struct fb_quote *q)
{
	if (marks & 1u << FB_ROLE_SUCCESS)
		f->steps.structure.last_success = q->offset;
	if (marks & 1u << FB_ROLE_FAILURE)
		fb_steps_fail(&f->steps, q->offset, q->line);
	if (marks & 1u << FB_ROLE_STEP)
		begin_step(f, q->offset, q->line);
	if (marks & 1u << FB_ROLE_END)
		f->steps.structure.end = q->offset;
}

/* Which of two that found the same line says more? */
static bool better(const struct fb_finding *a, const struct fb_finding *b)
{
	if ((a->signature->role == FB_ROLE_NOISE) != (b->signature->role == FB_ROLE_NOISE))
		return a->signature->role == FB_ROLE_NOISE;
	if (a->signature->weight != b->signature->weight)
		return a->signature->weight > b->signature->weight;
	return a->parameter_count > b->parameter_count;
}

static int by_place(const void *a, const void *b)
{
	const struct pending *x = a, *y = b;

	return x->to < y->to ? -1 : x->to > y->to ? 1 : x->number < y->number ? -1 : x->number > y->number;
}

/* What the expressions of pending[from, to) say of the line that they may all match: what says most is kept, a line has one meaning; marks of steps are taken as well. */
static void settle_line(struct fb_findings *f, size_t from, size_t to)
{
	struct line l = line_of(f->block, f->pending[from].to);
	struct fb_finding best, one;
	struct fb_quote mark = {0};
	unsigned marks = 0;
	bool have = false, other = false;

	for (size_t i = from; i < to; i++)
		other |= fb_database_signature(f->db, f->pending[i].number, NULL)->role != FB_ROLE_NOISE;
	for (size_t i = from; other && i < to; i++) { /* noise alone needs no second look */
		const struct fb_signature *s = fb_database_signature(f->db, f->pending[i].number, NULL);

		if (!look(f, &f->pending[i], l, &one))
			continue;
		marks |= is_structure(s) ? 1u << s->role : 0;
		mark = is_structure(s) ? one.quote : mark;
		if ((!is_structure(s) || s->role == FB_ROLE_FAILURE) && (!have || better(&one, &best))) {
			best = one;
			have = true;
		}
	}
	if (marks && !(marks & 1u << FB_ROLE_FAILURE))
		take_marks(f, marks, &mark);
	if (have)
		keep(f, &best);
	if (marks & 1u << FB_ROLE_FAILURE)
		take_marks(f, marks, &mark);
	if (f->excerpt)
		fb_meanings_add(&f->meanings, l.start, have && best.signature->role != FB_ROLE_NOISE, marks && !have);
}

static void settle(struct fb_findings *f)
{
	struct line l = {0, 0};
	size_t from = 0;

	if (f->pending_count) {
		qsort(f->pending, f->pending_count, sizeof *f->pending, by_place);
		l = line_of(f->block, f->pending[0].to);
	}
	for (size_t i = 1; i <= f->pending_count; i++) {
		if (i < f->pending_count && f->pending[i].to <= l.end + 1)
			continue;
		settle_line(f, from, i);
		from = i;
		if (i < f->pending_count)
			l = line_of(f->block, f->pending[i].to);
	}
	f->pending_count = 0;
}

/* Marks and noise are looked at however many there are: others may be told by them. */
static bool may_be_many(const struct fb_signature *s)
{
	return s->role >= FB_ROLE_NOISE;
}

static int on_found(unsigned number, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
	struct fb_findings *f = ctx;
	struct seen *s = &f->seen[number];
	const char *end;

	(void)from;
	(void)flags;
	to += f->block->fresh;
	if (to <= s->line_end)
		return 0;
	end = memchr(f->block->text + (to ? to - 1 : 0), '\n', f->block->n - (to ? to - 1 : 0));
	s->line_end = (s->count++ < OFTEN || may_be_many(fb_database_signature(f->db, number, NULL))) && end ? (uint32_t)(end - f->block->text) + 1 : (uint32_t)f->block->n;
	if (f->pending_count == f->pending_room) {
		f->pending_room = f->pending_room ? 2 * f->pending_room : 4096;
		f->pending = fb_realloc(f->pending, f->pending_room * sizeof *f->pending);
	}
	f->pending[f->pending_count++] = (struct pending){number, (uint32_t)to};
	return 0;
}

/* ---- blocks of the log ---- */

static void each_finding(struct fb_findings *f, void (*take)(struct fb_findings *f, struct fb_finding *one))
{
	for (size_t i = 0; i < f->signatures->n; i++) {
		struct fb_found *found = &f->found[i];

		if (!found->count || f->signatures->v[i].role >= FB_ROLE_NOISE)
			continue;
		for (size_t k = 0; k < found->kept; k++)
			take(f, &found->first[k]);
		if (f->block->last) /* before that, it is seldom the last for long; nor is that of a step */
			take(f, found->last);
		for (size_t k = 0; k < found->failed_count; k++)
			take(f, &found->failed[k]);
		for (size_t k = 0; k < f->current[i].count && (f->block->last || k + 1 < FB_FINDINGS_FAILED); k++)
			take(f, &f->current[i].v[k]);
	}
}

static void take_place(struct fb_findings *f, struct fb_finding *one)
{
	fb_places_take(&f->places, f->block, one);
}

static void use_place(struct fb_findings *f, struct fb_finding *one)
{
	(void)f;
	if (one->block.quote)
		one->block.quote->used = true;
}

static void take_places(struct fb_findings *f)
{
	if (!f->places.blocks)
		return;
	each_finding(f, take_place);
	if (f->places.n > FB_PLACES_MANY) {
		each_finding(f, use_place);
		fb_places_sweep(&f->places);
	}
}

static void on_block(void *ctx, const struct fb_log_block *block)
{
	struct fb_findings *f = ctx;

	f->block = block;
	if (f->learning) {
		fb_novelty_learn(&f->familiar, block);
		return;
	}
	f->counted = 0;
	f->counted_line = block->line;
	f->meanings.n = 0;
	for (unsigned i = 0; i < fb_database_count(f->db); i++)
		f->seen[i].line_end = 0;
	if (block->fresh < block->n && fb_database_scan(f->db, block->text + block->fresh, block->n - block->fresh, on_found, f) < 0)
		f->failed = true;
	settle(f);
	take_places(f);
	if (f->excerpt)
		fb_novelty_take(f->excerpt, &f->familiar, &f->meanings, block);
}

static int read_log(struct fb_findings *f, int fd, bool learning, int64_t *ret_bytes, int64_t *ret_lines)
{
	f->learning = learning;
	for (unsigned i = 0; i < fb_database_count(f->db); i++)
		f->seen[i].count = 0;
	if (fb_log_read(fd, on_block, f, ret_bytes, ret_lines) < 0)
		return -1;
	if (learning)
		return 0;
	keep_failed(f);
	if (f->excerpt)
		fb_excerpt_end(f->excerpt);
	if (f->failed) {
		errno = ENOTRECOVERABLE;
		return -1;
	}
	return 0;
}

int fb_findings_learn(struct fb_findings *f, int fd)
{
	int64_t bytes, lines;

	if (!f->excerpt)
		f->excerpt = fb_excerpt_new();
	return read_log(f, fd, true, &bytes, &lines);
}

int fb_findings_scan(struct fb_findings *f, int fd, int64_t *ret_bytes, int64_t *ret_lines)
{
	return read_log(f, fd, false, ret_bytes, ret_lines);
}

void fb_findings_know(struct fb_findings *f, const struct fb_known *known)
{
	if (f->known_count < FB_KNOWN_MOST)
		f->known[f->known_count++] = known;
}

void fb_findings_from(struct fb_findings *f, int64_t offset)
{
	f->from = offset;
}
