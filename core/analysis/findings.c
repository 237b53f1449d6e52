/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/findings.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/known.h"
#include "analysis/reader.h"
#include "base/mem.h"

#define WINDOW_BEFORE ((size_t)4096) /* of a long line so much around the match is looked at */
#define WINDOW_AFTER ((size_t)2048)
#define OFTEN 500                    /* after so many lines of one expression only one a block is looked at */
#define FADING 20                    /* less for what only the oldest success that counts had */
#define FAMILIAR_MOST ((size_t)1 << 20)

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
	struct fb_structure structure;
	uint64_t step, failed_step; /* counted from 1; the last that failed */
	int64_t step_from, step_line;
	struct seen *seen;                  /* by number */
	struct pending *pending;
	size_t pending_count, pending_room;
	const struct fb_log_block *block;
	size_t counted; /* so many bytes of it have been looked through for ends of lines */
	int64_t counted_line;
	bool learning, failed;
	const struct fb_known *known[FB_KNOWN_MOST];
	size_t known_count;
	int64_t from; /* what is found before it does not count */
	uint64_t *familiar; /* hash table of lines' shapes, 0: free */
	size_t familiar_count, familiar_room;
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
	fb_free(f->familiar);
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
	f->structure = (struct fb_structure){.last_failure = -1, .last_success = -1, .end = -1};
	f->step = f->step_line = 1;
	f->failed_step = 0;
	f->step_from = 0;
}

const struct fb_found *fb_findings_of(const struct fb_findings *f, size_t signature)
{
	return &f->found[signature];
}

const struct fb_structure *fb_findings_structure(const struct fb_findings *f)
{
	return &f->structure;
}

/* ---- lines of logs of successes ---- */

/* The same for lines that differ in digits, hexadecimal words and blanks only. */
static uint64_t shape(const char *line, size_t n)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < n;) {
		size_t word = 0, digits = 0;
		unsigned char c = (unsigned char)line[i];

		while (i + word < n && isalnum((unsigned char)line[i + word])) {
			digits += isdigit((unsigned char)line[i + word]) != 0;
			word++;
		}
		if (word && digits) {
			h = (h ^ '0') * 1099511628211u;
		} else {
			for (size_t k = 0; k < (word ? word : 1); k++) {
				c = (unsigned char)line[i + k];
				if (!isspace(c))
					h = (h ^ (unsigned char)tolower(c)) * 1099511628211u;
			}
		}
		i += word ? word : 1;
	}
	return h ? h : 1;
}

static size_t place(const uint64_t *table, size_t room, uint64_t h)
{
	size_t i = h & (room - 1);

	while (table[i] && table[i] != h)
		i = (i + 1) & (room - 1);
	return i;
}

static void remember(struct fb_findings *f, uint64_t h)
{
	if (f->familiar_count * 2 >= f->familiar_room) {
		size_t room = f->familiar_room ? 2 * f->familiar_room : 4096;
		uint64_t *table;

		if (f->familiar_count >= FAMILIAR_MOST)
			return;
		table = fb_alloc(room * sizeof *table);
		for (size_t i = 0; i < f->familiar_room; i++)
			if (f->familiar[i])
				table[place(table, room, f->familiar[i])] = f->familiar[i];
		fb_free(f->familiar);
		f->familiar = table;
		f->familiar_room = room;
	}
	h = h ? h : 1;
	if (!f->familiar[place(f->familiar, f->familiar_room, h)]) {
		f->familiar[place(f->familiar, f->familiar_room, h)] = h;
		f->familiar_count++;
	}
}

static bool is_familiar(const struct fb_findings *f, uint64_t h)
{
	return f->familiar_room && f->familiar[place(f->familiar, f->familiar_room, h)];
}

/* ---- quotes ---- */

/* How many bytes the character of UTF-8 (RFC 3629) at p has; 0: it is none, or a control character. */
static size_t character(const unsigned char *p, size_t left)
{
	size_t n = *p >= 0x20 && *p < 0x7f ? 1 : *p == '\t' ? 1 : *p >= 0xc2 && *p <= 0xdf ? 2 : *p >= 0xe0 && *p <= 0xef ? 3 : *p >= 0xf0 && *p <= 0xf4 ? 4 : 0;

	if (!n || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) || (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f) || (*p == 0xc2 && p[1] < 0xa0))
		return 0;
	return n;
}

/* How many bytes an escape sequence of colours and the like has; 1 for any other byte. */
static size_t escape(const unsigned char *p, size_t left)
{
	size_t n = 2;

	if (left < 2 || p[0] != 0x1b || p[1] != '[')
		return 1;
	while (n < left && p[n] >= 0x20 && p[n] <= 0x3f)
		n++;
	return n < left && p[n] >= 0x40 && p[n] <= 0x7e ? n + 1 : n;
}

static void take_longer(size_t begin, size_t end, size_t from, size_t *best_from, size_t *best_to)
{
	if (end > from && end - begin > *best_to - *best_from) {
		*best_from = begin;
		*best_to = end;
	}
}

/* Quotes of the raw bytes [start, end) a stretch of whole characters that ends after `from`. */
static bool take_quote(const struct fb_log_block *b, size_t start, size_t end, size_t from, struct fb_quote *q)
{
	const unsigned char *raw = (const unsigned char *)b->raw;
	size_t begin = start, at = start, best_from, best_to;

	if (end - start > FB_QUOTE_SIZE) { /* what is before the match is cut first */
		if (from - start > FB_QUOTE_SIZE / 4)
			start = from - FB_QUOTE_SIZE / 4;
		end = end - start > FB_QUOTE_SIZE ? start + FB_QUOTE_SIZE : end;
	}
	while (start < from && (raw[start] & 0xc0) == 0x80)
		start++;
	best_from = best_to = start;
	for (begin = at = start; at < end;) { /* stretches without what may not be quoted; the longest that is not wholly before the match */
		size_t n = character(raw + at, end - at);

		if (!n) {
			take_longer(begin, at, from, &best_from, &best_to);
			begin = at + escape(raw + at, end - at);
		}
		at += n ? n : escape(raw + at, end - at);
	}
	take_longer(begin, at, from, &best_from, &best_to);
	begin = best_from;
	at = best_to;
	while (at > begin && !character(raw + at - 1, 1) && (raw[at - 1] & 0x80) == 0)
		at--;
	while (at > begin && (raw[at - 1] == ' ' || raw[at - 1] == '\t'))
		at--;
	while (begin < at && (raw[begin] == ' ' || raw[begin] == '\t'))
		begin++;
	if (at <= begin)
		return false;
	q->offset = b->offset + (int64_t)begin;
	q->length = at - begin;
	memcpy(q->text, raw + begin, q->length);
	q->text[q->length] = 0;
	return true;
}

/* ---- one line ---- */

static int penalty(const char *line, size_t n)
{
	static const struct {
		const char *word;
		int less;
	} softer[] = {{"warn", 15}, {"info", 25}, {"debug", 25}, {"optional", 20}, {"ignored", 45}, {"ignoring", 45}, {"using default", 45}, {"falling back", 45}, {"non-fatal", 30}, {"deprecat", 30}};
	int most = 0, level = 0;

	for (size_t i = 0; i < sizeof softer / sizeof *softer; i++) {
		size_t w = strlen(softer[i].word);

		for (const char *p = line; (size_t)(p - line) + w <= n; p++) {
			if (strncasecmp(p, softer[i].word, w) || (p > line && isalnum((unsigned char)p[-1])))
				continue;
			if (i < 3 && (size_t)(p - line) > 60) /* a level stands at the beginning */
				break;
			if (i < 3)
				level = softer[i].less > level ? softer[i].less : level;
			else
				most = softer[i].less > most ? softer[i].less : most;
			break;
		}
	}
	return level + most;
}

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

static void take_parameters(struct fb_finding *ret, const struct fb_group *groups, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct fb_parameter *p = &ret->parameters[ret->parameter_count];
		size_t from = 0, to = groups[i].n < sizeof p->value ? groups[i].n : sizeof p->value - 1;

		while (to > from && strchr(" ,;:.", groups[i].text[to - 1]))
			to--;
		for (size_t k = from; k < to;) {
			size_t c = character((const unsigned char *)groups[i].text + k, to - k);

			if (!c) {
				to = k;
				break;
			}
			k += c;
		}
		if (to <= from)
			continue;
		memcpy(p->name, groups[i].name, sizeof p->name);
		memcpy(p->value, groups[i].text + from, to - from);
		p->value[to - from] = 0;
		ret->parameter_count++;
	}
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
	take_parameters(ret, groups, group_count);
	ret->penalty = penalty(line, n);
	ret->familiar = is_familiar(f, shape(line, n));
	judge_known(f, line, n, ret);
	ret->quote.line = line_number(f, (size_t)(fb_log_offset(b, l.start + from) - b->offset));
	if (fb_log_offset(b, l.start + from) < f->from)
		return false;
	return take_quote(b, (size_t)(fb_log_offset(b, l.start) - b->offset), (size_t)(fb_log_offset(b, l.end - 1) - b->offset) + 1,
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
	if (c->step != f->step) {
		c->step = f->step;
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
	for (size_t i = 0; f->failed_step == f->step && i < f->signatures->n; i++) {
		struct fb_found *found = &f->found[i];

		if (f->current[i].step == f->step)
			for (size_t k = 0; k < f->current[i].count && found->failed_count < FB_FINDINGS_FAILED; k++)
				found->failed[found->failed_count++] = f->current[i].v[k];
	}
}

static void begin_step(struct fb_findings *f, int64_t offset, int64_t line)
{
	keep_failed(f);
	f->step++;
	f->step_from = offset;
	f->step_line = line;
}

/* The step that is being read has failed. */
static void fail_step(struct fb_findings *f, int64_t offset, int64_t line)
{
	struct fb_structure *s = &f->structure;

	s->last_failure = offset;
	if (f->failed_step == f->step) { /* says so once more */
		s->windows[s->count - 1].to = offset;
		s->windows[s->count - 1].last_line = line;
	} else if (s->count < FB_WINDOWS) {
		s->windows[s->count++] = (struct fb_window){f->step_from, offset, f->step_line, line};
		f->failed_step = f->step;
	}
}

static bool is_structure(const struct fb_signature *s)
{
	return s->role >= FB_ROLE_SUCCESS;
}

/* A line may say that a step failed and, by that, that the next one begins. */
static void take_marks(struct fb_findings *f, unsigned marks, const struct fb_quote *q)
{
	if (marks & 1u << FB_ROLE_SUCCESS)
		f->structure.last_success = q->offset;
	if (marks & 1u << FB_ROLE_FAILURE)
		fail_step(f, q->offset, q->line);
	if (marks & 1u << FB_ROLE_STEP)
		begin_step(f, q->offset, q->line);
	if (marks & 1u << FB_ROLE_END)
		f->structure.end = q->offset;
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

	if (f->learning) {
		remember(f, shape(f->block->text + l.start, l.end - l.start));
		return;
	}
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

static void on_block(void *ctx, const struct fb_log_block *block)
{
	struct fb_findings *f = ctx;

	f->block = block;
	f->counted = 0;
	f->counted_line = block->line;
	for (unsigned i = 0; i < fb_database_count(f->db); i++)
		f->seen[i].line_end = 0;
	if (fb_database_scan(f->db, block->text, block->n, on_found, f) < 0)
		f->failed = true;
	settle(f);
}

static int read_log(struct fb_findings *f, int fd, bool learning, int64_t *ret_bytes, int64_t *ret_lines)
{
	f->learning = learning;
	for (unsigned i = 0; i < fb_database_count(f->db); i++)
		f->seen[i].count = 0;
	if (fb_log_read(fd, on_block, f, ret_bytes, ret_lines) < 0)
		return -1;
	keep_failed(f);
	if (f->failed) {
		errno = ENOTRECOVERABLE;
		return -1;
	}
	return 0;
}

int fb_findings_learn(struct fb_findings *f, int fd)
{
	int64_t bytes, lines;

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
