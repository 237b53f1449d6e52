/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/rank.h"

#include <string.h>

#include "base/mem.h"

#define SURE 50        /* from here on a cause is named */
#define WRAPPER 30     /* less for a line that only says that something else failed */
#define SYMPTOM 12     /* less for what is often only a consequence */
#define FAMILIAR 45    /* less for a line that logs of successes have, too */
#define NOVEL 3        /* more for a line with a word that no known success had */
#define AGREE 2        /* more for each further signature that says the same */
#define AGREE_MOST 6
#define EXPLAINED 25   /* less for what another cause explains */
#define OVERCOME 60    /* less for what stands before a verdict that all went well, with none to the contrary after it */
#define OUTSIDE 30     /* less for what is in no step that failed, where some did */
#define LATER 6        /* less for what is in a step that failed after another one */
#define TESTED 18      /* less for what is told between failing tests: it is how they failed */
#define TESTED_LINES 150
#define FAR 12         /* less, at most, for what stands far before the end of the step that failed */

struct ranking { /* what the log's own marks say */
	const struct fb_structure *structure;
};

static bool is_source(const char *category)
{
	return fb_streq(category, "test_failure") || fb_streq(category, "compile_error") || fb_streq(category, "lint");
}

/* A step goes on after an error that does not end it: what stands far before its end is less likely to have ended it. Tests and compilers say much after the first. */
static int far(const struct fb_finding *f, const struct fb_window *w)
{
	int less = 0;

	if (is_source(f->signature->category))
		return 0;
	for (int64_t d = (w->last_line - f->quote.line) / 100; d > 0 && less < FAR; d /= 2)
		less += 2;
	return less;
}

static int place(const struct ranking *r, const struct fb_finding *f)
{
	const struct fb_structure *s = r->structure;

	if (!s->count)
		return 0;
	for (size_t i = 0; i < s->count; i++)
		if (f->quote.offset >= s->windows[i].from && f->quote.offset <= s->windows[i].to)
			return (i ? LATER : 0) + far(f, &s->windows[i]);
	return OUTSIDE;
}

static int score(const struct ranking *r, const struct fb_finding *f)
{
	enum fb_role role = f->signature->role;
	int less = role == FB_ROLE_WRAPPER || role == FB_ROLE_FAILURE ? WRAPPER : role == FB_ROLE_SYMPTOM ? SYMPTOM : 0;

	return f->signature->weight - less - f->penalty - (f->familiar ? FAMILIAR : 0) + (f->novel ? NOVEL : 0) - place(r, f);
}

/* Of one signature: what counts most; of equal ones the earlier. */
static const struct fb_finding *best_of(const struct ranking *r, const struct fb_found *found)
{
	const struct fb_finding *best = NULL;

	for (size_t i = 0; i < found->kept; i++)
		if (!best || score(r, &found->first[i]) > score(r, best))
			best = &found->first[i];
	for (size_t i = 0; i < found->failed_count; i++)
		if (!best || score(r, &found->failed[i]) > score(r, best))
			best = &found->failed[i];
	if (best && score(r, found->last) > score(r, best))
		best = found->last;
	return best;
}

static struct fb_candidate *candidate(struct fb_ranking *r, const char *category)
{
	for (size_t i = 0; i < r->n; i++)
		if (fb_streq(r->v[i].category, category))
			return &r->v[i];
	if (r->n == FB_CANDIDATES)
		return NULL;
	r->v[r->n] = (struct fb_candidate){.category = category};
	return &r->v[r->n++];
}

static bool before(const struct ranking *r, const struct fb_finding *a, const struct fb_finding *b)
{
	return score(r, a) != score(r, b) ? score(r, a) > score(r, b) : a->quote.offset < b->quote.offset;
}

static void add(const struct ranking *r, struct fb_candidate *c, const struct fb_finding *f)
{
	size_t i = c->evidence_count;

	for (; i > 0 && before(r, f, c->evidence[i - 1]); i--)
		if (i < FB_CANDIDATE_EVIDENCE)
			c->evidence[i] = c->evidence[i - 1];
	if (i < FB_CANDIDATE_EVIDENCE)
		c->evidence[i] = f;
	if (c->evidence_count < FB_CANDIDATE_EVIDENCE)
		c->evidence_count++;
}

/* Where the last line of this role begins; -1: there is none. */
static int64_t last_of(const struct fb_signatures *s, const struct fb_findings *f, enum fb_role role)
{
	int64_t last = -1;

	for (size_t i = 0; i < s->n; i++) {
		const struct fb_found *found = fb_findings_of(f, i);

		if (s->v[i].role == role && found->count && found->last->quote.offset > last)
			last = found->last->quote.offset;
	}
	return last;
}

/* Did all go well in the end? A verdict that it did, with none to the contrary after it; or the end of a job of which no step has failed. */
static int64_t went_well(const struct fb_signatures *s, const struct fb_findings *f)
{
	const struct fb_structure *t = fb_findings_structure(f);
	int64_t wrapper = last_of(s, f, FB_ROLE_WRAPPER);

	if (t->last_success > t->last_failure && t->last_success > wrapper)
		return t->last_success;
	return t->end >= 0 && t->last_failure < 0 ? t->end : -1;
}

static void gather(const struct ranking *k, const struct fb_signatures *s, const struct fb_findings *f, struct fb_ranking *r)
{
	int64_t well = went_well(s, f);

	for (size_t i = 0; i < s->n; i++) {
		const struct fb_finding *best = best_of(k, fb_findings_of(f, i));
		struct fb_candidate *c;

		if (!best || (s->v[i].role >= FB_ROLE_NOISE && s->v[i].role != FB_ROLE_FAILURE))
			continue;
		if ((c = candidate(r, s->v[i].role == FB_ROLE_HINT ? "unknown" : s->v[i].category)))
			add(k, c, best);
	}
	for (size_t i = 0; i < r->n; i++) {
		struct fb_candidate *c = &r->v[i];
		int agree = AGREE * (int)(c->evidence_count - 1);

		c->overcome = c->evidence[0]->quote.offset < well;
		c->score = score(k, c->evidence[0]) - (c->overcome ? OVERCOME : 0);
		if (c->score >= SURE)
			c->score += agree < AGREE_MOST ? agree : AGREE_MOST;
	}
}

/* What a test that fails may well be told by; other categories keep a test from being run at all. */
static bool is_told_by_tests(const char *category)
{
	static const char *const names[] = {"auth", "config_syntax", "crash", "database", "lock", "missing_file", "network", "permission", "port_in_use", "probe_failure", "quota_limit", "timeout",
					    "tls", NULL};

	for (const char *const *n = names; *n; n++)
		if (fb_streq(category, *n))
			return true;
	return false;
}

static void weigh_tests(struct fb_ranking *r)
{
	int64_t first = INT64_MAX, last = -1;

	for (size_t i = 0; i < r->n; i++) {
		const struct fb_candidate *c = &r->v[i];

		if (!fb_streq(c->category, "test_failure") || c->score < SURE)
			continue;
		for (size_t k = 0; k < c->evidence_count; k++) {
			first = c->evidence[k]->quote.line < first ? c->evidence[k]->quote.line : first;
			last = c->evidence[k]->quote.line > last ? c->evidence[k]->quote.line : last;
		}
	}
	for (size_t i = 0; i < r->n && last >= 0; i++) {
		int64_t line = r->v[i].evidence[0]->quote.line;

		if (is_told_by_tests(r->v[i].category) && line > first - TESTED_LINES && line < last + TESTED_LINES)
			r->v[i].score -= TESTED;
	}
}

static bool explains(const struct fb_finding *f, const struct fb_candidate *c)
{
	for (char **e = f->signature->explains; *e; e++)
		if (fb_streq(*e, c->category) || fb_streq(*e, c->evidence[0]->signature->id))
			return true;
	return false;
}

/* What is sure enough by itself explains others away. */
static void explain(struct fb_ranking *r)
{
	int before_that[FB_CANDIDATES];

	for (size_t i = 0; i < r->n; i++)
		before_that[i] = r->v[i].score;
	for (size_t i = 0; i < r->n; i++) {
		bool done = false;

		for (size_t k = 0; k < r->n && !done; k++)
			if (k != i && before_that[k] >= SURE && explains(r->v[k].evidence[0], &r->v[i]))
				done = true;
		if (done)
			r->v[i].score -= EXPLAINED;
	}
}

static bool stands_before(const struct fb_candidate *a, const struct fb_candidate *b)
{
	bool x = fb_streq(a->category, "unknown"), y = fb_streq(b->category, "unknown");

	if (x != y)
		return x ? b->score < SURE : a->score >= SURE;
	return a->score != b->score ? a->score > b->score : a->evidence[0]->quote.offset < b->evidence[0]->quote.offset;
}

static void order(struct fb_ranking *ret)
{
	for (size_t i = 1; i < ret->n; i++) {
		struct fb_candidate c = ret->v[i];
		size_t k = i;

		for (; k > 0 && stands_before(&c, &ret->v[k - 1]); k--)
			ret->v[k] = ret->v[k - 1];
		ret->v[k] = c;
	}
	ret->known = ret->n && ret->v[0].score >= SURE && !fb_streq(ret->v[0].category, "unknown");
}

void fb_rank(const struct fb_signatures *s, const struct fb_findings *f, struct fb_ranking *ret)
{
	struct ranking log = {.structure = fb_findings_structure(f)};

	*ret = (struct fb_ranking){.n = 0};
	gather(&log, s, f, ret);
	weigh_tests(ret);
	explain(ret);
	order(ret);
}

void fb_rank_weigh(struct fb_ranking *r, int (*weight)(const void *ctx, const struct fb_candidate *c), const void *ctx)
{
	for (size_t i = 0; i < r->n; i++) {
		struct fb_candidate *c = &r->v[i];
		int more = fb_streq(c->category, "unknown") ? 0 : weight(ctx, c);

		c->score = more > 0 && c->score < SURE && c->score + more >= SURE ? SURE - 1 : c->score + more;
	}
	order(r);
}

/* The curve 1 / (1 + exp(-(0.358 + 1.121 * logit))) of the score, fitted by tests/bench/analysis/evaluate.py --cross; what is not sure enough to be named stays below one half. */
double fb_rank_confidence(int score)
{
	static const struct {
		int score;
		double right;
	} points[] = {{0, 0}, {10, 0.11}, {20, 0.23}, {30, 0.36}, {40, 0.47}, {SURE - 1, 0.49}, {SURE, 0.59}, {60, 0.69}, {70, 0.79}, {80, 0.87}, {90, 0.94}, {95, 0.975}, {100, 0.99}};
	size_t i = 1;

	if (score <= 0)
		return 0;
	if (score >= 100)
		return 0.99;
	while (points[i].score < score)
		i++;
	return points[i - 1].right + (points[i].right - points[i - 1].right) * (score - points[i - 1].score) / (points[i].score - points[i - 1].score);
}

char *fb_rank_fill(const char *text, const struct fb_finding *f, bool shell)
{
	struct fb_text t = {0};

	for (const char *p = text; *p;) {
		const char *end = p[0] == '$' && p[1] == '{' ? strchr(p, '}') : NULL;
		size_t i = 0;

		if (!end) {
			fb_text_add(&t, p++, 1);
			continue;
		}
		while (i < f->parameter_count && (strlen(f->parameters[i].name) != (size_t)(end - p) - 2 || memcmp(f->parameters[i].name, p + 2, (size_t)(end - p) - 2)))
			i++;
		if (i == f->parameter_count) {
			fb_text_clear(&t);
			return NULL;
		}
		if (shell)
			fb_text_shell_quote(&t, f->parameters[i].value);
		else
			fb_text_puts(&t, f->parameters[i].value);
		p = end + 1;
	}
	return fb_text_take(&t);
}
