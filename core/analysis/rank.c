/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/rank.h"

#include <string.h>

#include "base/mem.h"

#define SURE 50        /* from here on a cause is named */
#define WRAPPER 30     /* less for a line that only says that something else failed */
#define SYMPTOM 12     /* less for what is often only a consequence */
#define FAMILIAR 45    /* less for a line that logs of successes have, too */
#define AGREE 2        /* more for each further signature that says the same */
#define AGREE_MOST 6
#define EXPLAINED 25   /* less for what another cause explains */
#define OVERCOME 45    /* less for what stands before a verdict that all went well, with none to the contrary after it */

static int score(const struct fb_finding *f)
{
	int role = f->signature->role == FB_ROLE_WRAPPER ? WRAPPER : f->signature->role == FB_ROLE_SYMPTOM ? SYMPTOM : 0;

	return f->signature->weight - role - f->penalty - (f->familiar ? FAMILIAR : 0);
}

/* Of one signature: what counts most; of equal ones the earlier. */
static const struct fb_finding *best_of(const struct fb_found *found)
{
	const struct fb_finding *best = NULL;

	for (size_t i = 0; i < found->kept; i++)
		if (!best || score(&found->first[i]) > score(best))
			best = &found->first[i];
	if (best && score(&found->last) > score(best))
		best = &found->last;
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

static bool before(const struct fb_finding *a, const struct fb_finding *b)
{
	return score(a) != score(b) ? score(a) > score(b) : a->quote.offset < b->quote.offset;
}

static void add(struct fb_candidate *c, const struct fb_finding *f)
{
	size_t i = c->evidence_count;

	for (; i > 0 && before(f, c->evidence[i - 1]); i--)
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

		if (s->v[i].role == role && found->count && found->last.quote.offset > last)
			last = found->last.quote.offset;
	}
	return last;
}

static void gather(const struct fb_signatures *s, const struct fb_findings *f, struct fb_ranking *r)
{
	int64_t well = last_of(s, f, FB_ROLE_SUCCESS);

	for (size_t i = 0; i < s->n; i++) {
		const struct fb_found *found = fb_findings_of(f, i);
		const struct fb_finding *best = best_of(found);
		struct fb_candidate *c;

		if (!best || s->v[i].role >= FB_ROLE_NOISE || !(c = candidate(r, s->v[i].role == FB_ROLE_HINT ? "unknown" : s->v[i].category)))
			continue;
		add(c, best);
	}
	if (well > last_of(s, f, FB_ROLE_WRAPPER))
		for (size_t i = 0; i < r->n; i++)
			r->v[i].overcome = r->v[i].evidence[0]->quote.offset < well;
	for (size_t i = 0; i < r->n; i++) {
		struct fb_candidate *c = &r->v[i];
		int agree = AGREE * (int)(c->evidence_count - 1);

		c->score = score(c->evidence[0]) - (c->overcome ? OVERCOME : 0);
		if (c->score >= SURE)
			c->score += agree < AGREE_MOST ? agree : AGREE_MOST;
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

void fb_rank(const struct fb_signatures *s, const struct fb_findings *f, struct fb_ranking *ret)
{
	*ret = (struct fb_ranking){.n = 0};
	gather(s, f, ret);
	explain(ret);
	for (size_t i = 1; i < ret->n; i++) {
		struct fb_candidate c = ret->v[i];
		size_t k = i;

		for (; k > 0 && stands_before(&c, &ret->v[k - 1]); k--)
			ret->v[k] = ret->v[k - 1];
		ret->v[k] = c;
	}
	ret->known = ret->n && ret->v[0].score >= SURE && !fb_streq(ret->v[0].category, "unknown");
}

double fb_rank_confidence(int score)
{
	return score <= 0 ? 0.0 : score > 98 ? 0.98 : score / 100.0;
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
