/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns what the figures mean (dora.dev, guides/dora-metrics, 2026): a deployment that was rolled back is a change failure, by itself or by a rollback that somebody
 * asked for after it; the recovery time is that from detection to verified; rework are the deployments between a failure and the success that mends it.
 */
#include "cli/stats.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define DAY_MS ((int64_t)86400 * 1000)
#define KINDS_MAX 64   /* of failures, for each service */
#define CAUSES_MAX 512 /* different ones that are counted */

struct times {
	int64_t *v;
	size_t n, room;
};

struct kind {
	char *type;
	int64_t count;
	struct times fix; /* from a failure of this type to the next success */
};

struct service {
	char *environment, *name;
	int64_t deployments, good, failed, changes_failed, rework, retries, retries_good;
	int64_t rollbacks, rollbacks_good, asked; /* asked: by a person, not after a failed deployment */
	int64_t impact_zero, impact_some, impact_unknown;
	struct times took, recovered;
	struct kind kinds[KINDS_MAX];
	size_t kind_count;
	int64_t failing_since; /* wall; 0: the last deployment was good */
	size_t failing_kind;
	bool live_good; /* the last deployment went well and was not taken back */
};

struct cause {
	char *type, *text;
	int64_t count, last_ms;
};

struct point {
	int64_t at_ms;
	bool failed;
};

struct fb_stats {
	int64_t since_ms, first_ms, now_ms;
	struct service *services;
	size_t n, last;
	struct cause *causes;
	size_t cause_count;
	struct point *points;
	size_t point_count, point_room;
	int64_t counted; /* the execution whose causes and points are counted */
	int64_t executions;
};

static void add_time(struct times *t, int64_t ms)
{
	if (t->n == t->room) {
		t->room = t->room ? t->room * 2 : 16;
		t->v = fb_realloc(t->v, t->room * sizeof *t->v);
	}
	t->v[t->n++] = ms;
}

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Seconds: {median, mean, p90, count}; null without any. */
static json_t *times_json(struct times *t)
{
	double sum = 0;

	if (!t->n)
		return json_null();
	qsort(t->v, t->n, sizeof *t->v, by_number);
	for (size_t i = 0; i < t->n; i++)
		sum += (double)t->v[i];
	return json_pack("{s:f, s:f, s:f, s:I}", "median", (double)(t->v[(t->n - 1) / 2] + t->v[t->n / 2]) / 2000.0, "mean", sum / (double)t->n / 1000.0, "p90",
			 (double)t->v[(t->n * 9 + 9) / 10 - 1] / 1000.0, "count", (json_int_t)t->n);
}

struct fb_stats *fb_stats_new(int64_t since_ms, int64_t now_ms)
{
	struct fb_stats *s = fb_alloc(sizeof *s);

	s->since_ms = since_ms;
	s->now_ms = now_ms;
	s->counted = -1;
	return s;
}

void fb_stats_free(struct fb_stats *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++) {
		struct service *v = &s->services[i];

		for (size_t k = 0; k < v->kind_count; k++) {
			fb_free(v->kinds[k].type);
			fb_free(v->kinds[k].fix.v);
		}
		fb_free(v->environment);
		fb_free(v->name);
		fb_free(v->took.v);
		fb_free(v->recovered.v);
	}
	for (size_t i = 0; i < s->cause_count; i++) {
		fb_free(s->causes[i].type);
		fb_free(s->causes[i].text);
	}
	fb_free(s->services);
	fb_free(s->causes);
	fb_free(s->points);
	fb_free(s);
}

static struct service *service_of(struct fb_stats *s, const struct fb_figure_row *row)
{
	if (s->last < s->n && fb_streq(s->services[s->last].name, row->service) && fb_streq(s->services[s->last].environment, row->environment))
		return &s->services[s->last];
	for (s->last = 0; s->last < s->n; s->last++)
		if (fb_streq(s->services[s->last].name, row->service) && fb_streq(s->services[s->last].environment, row->environment))
			return &s->services[s->last];
	s->services = fb_realloc(s->services, (s->n + 1) * sizeof *s->services);
	memset(&s->services[s->n], 0, sizeof *s->services);
	s->services[s->n].name = fb_strdup(row->service);
	s->services[s->n].environment = fb_strdup(row->environment);
	return &s->services[s->n++];
}

static size_t kind_of(struct service *v, const char *type)
{
	for (size_t i = 0; i < v->kind_count; i++)
		if (fb_streq(v->kinds[i].type, type))
			return i;
	if (v->kind_count == KINDS_MAX)
		return KINDS_MAX - 1; /* the last one takes the rest */
	v->kinds[v->kind_count].type = fb_strdup(v->kind_count == KINDS_MAX - 1 ? "other" : type);
	return v->kind_count++;
}

static void count_cause(struct fb_stats *s, const char *type, const char *text, int64_t at_ms)
{
	size_t i;

	for (i = 0; i < s->cause_count; i++)
		if (fb_streq(s->causes[i].type, type) && fb_streq(s->causes[i].text, text))
			break;
	if (i == s->cause_count) {
		if (s->cause_count == CAUSES_MAX)
			return;
		s->causes = fb_realloc(s->causes, (s->cause_count + 1) * sizeof *s->causes);
		s->causes[s->cause_count++] = (struct cause){.type = fb_strdup(type), .text = fb_strdup(text)};
	}
	s->causes[i].count++;
	s->causes[i].last_ms = at_ms;
}

static void count_deployment(struct service *v, const struct fb_figure_row *row, const char *type)
{
	bool good = fb_streq(row->status, "completed"), changed = fb_streq(row->status, "failed_with_rollback") || fb_streq(row->status, "rollback_incomplete");

	v->deployments++;
	v->rework += v->failing_since > 0;
	v->retries += row->retry;
	if (good) {
		v->good++;
		v->retries_good += row->retry;
		add_time(&v->took, row->ended_ms - row->started_ms);
		if (v->failing_since)
			add_time(&v->kinds[v->failing_kind].fix, row->ended_ms - v->failing_since);
		v->failing_since = 0;
		v->live_good = true;
		return;
	}
	if (!changed && !fb_streq(row->status, "failed")) /* refused, stopped: no verdict on the release */
		return;
	v->failed++;
	v->changes_failed += changed;
	v->live_good = false;
	if (!v->failing_since) {
		v->failing_since = row->detected_ms ? row->detected_ms : row->ended_ms;
		v->failing_kind = kind_of(v, type);
	}
}

static void count_recovery(struct service *v, const struct fb_figure_row *row, const char *type)
{
	bool asked = fb_streq(row->kind, "rollback"), good = fb_streq(row->status, asked ? "completed" : "failed_with_rollback");

	if (!asked && !good && !fb_streq(row->status, "rollback_incomplete"))
		return;
	v->rollbacks++;
	v->rollbacks_good += good;
	v->asked += asked;
	v->impact_zero += fb_streq(row->impact, "ZERO");
	v->impact_some += fb_streq(row->impact, "SOME");
	v->impact_unknown += !row->impact || fb_streq(row->impact, "UNKNOWN");
	if (row->recovered_ms >= 0)
		add_time(&v->recovered, row->recovered_ms);
	if (asked && v->live_good) { /* the deployment before it has failed after all */
		v->changes_failed++;
		v->live_good = false;
		v->failing_since = row->detected_ms ? row->detected_ms : row->started_ms;
		v->failing_kind = kind_of(v, type);
	}
}

void fb_stats_take(void *stats, const struct fb_figure_row *row)
{
	struct fb_stats *s = stats;
	struct service *v = service_of(s, row);
	json_t *cause = row->root_cause ? json_loads(row->root_cause, 0, NULL) : NULL;
	const char *class = json_string_value(json_object_get(cause, "class")), *type = row->verdict_type ? row->verdict_type : class ? class : json_string_value(json_object_get(cause, "type"));
	const char *text = row->verdict_cause ? row->verdict_cause : row->verdict_type && !fb_streq(row->verdict_type, class) ? row->verdict_type : json_string_value(json_object_get(cause, "cause"));
	bool failure = row->detected_ms > 0 || fb_streq(row->status, "failed") || fb_streq(row->status, "failed_with_rollback") || fb_streq(row->status, "rollback_incomplete");

	if (!s->first_ms)
		s->first_ms = row->started_ms;
	if (!type)
		type = "unknown";
	if (failure)
		v->kinds[kind_of(v, type)].count++;
	if (fb_streq(row->kind, "deploy"))
		count_deployment(v, row, type);
	count_recovery(v, row, type);
	if (s->counted != row->n) { /* once for all services of an execution */
		s->counted = row->n;
		s->executions++;
		if (failure && text)
			count_cause(s, type, text, row->ended_ms);
		if (s->point_count == s->point_room) {
			s->point_room = s->point_room ? s->point_room * 2 : 256;
			s->points = fb_realloc(s->points, s->point_room * sizeof *s->points);
		}
		if (fb_streq(row->kind, "deploy"))
			s->points[s->point_count++] = (struct point){row->started_ms, failure};
	}
	json_decref(cause);
}

static json_t *rate(int64_t part, int64_t of)
{
	return of > 0 ? json_real((double)part / (double)of) : json_null();
}

static json_t *kinds_json(struct service *v)
{
	json_t *list = json_array();

	for (;;) {
		size_t best = KINDS_MAX;

		for (size_t i = 0; i < v->kind_count; i++)
			if (v->kinds[i].count > 0 && (best == KINDS_MAX || v->kinds[i].count > v->kinds[best].count))
				best = i;
		if (best == KINDS_MAX)
			return list;
		json_array_append_new(list, json_pack("{s:s, s:I, s:o}", "type", v->kinds[best].type, "count", (json_int_t)v->kinds[best].count, "fix_time", times_json(&v->kinds[best].fix)));
		v->kinds[best].count = 0;
	}
}

static json_t *service_json(struct fb_stats *s, struct service *v)
{
	int64_t from = s->since_ms ? s->since_ms : s->first_ms;
	double days = (double)(s->now_ms - from) / (double)DAY_MS;
	json_t *recovered = times_json(&v->recovered);
	json_t *dora = json_pack("{s:o, s:s, s:f, s:O, s:o, s:o}", "change_lead_time", json_null(), "change_lead_time_why", "the journal does not know when a change was committed",
				 "deployment_frequency_per_day", (double)v->good / (days < 1 ? 1 : days), "failed_deployment_recovery_time", recovered, "change_fail_rate",
				 rate(v->changes_failed, v->deployments), "deployment_rework_rate", rate(v->rework, v->deployments));
	json_t *deployments = json_pack("{s:I, s:o, s:o, s:o, s:o, s:o}", "count", (json_int_t)v->deployments, "success_rate", rate(v->good, v->deployments), "failure_rate",
					rate(v->failed, v->deployments), "duration", times_json(&v->took), "rollback_frequency", rate(v->rollbacks, v->deployments), "retry_success_rate",
					rate(v->retries_good, v->retries));
	json_t *rollbacks = json_pack("{s:I, s:I, s:o, s:o, s:{s:I, s:I, s:I}}", "count", (json_int_t)v->rollbacks, "asked_for", (json_int_t)v->asked, "success_rate",
				      rate(v->rollbacks_good, v->rollbacks), "recovery_time", recovered, "user_impact", "ZERO", (json_int_t)v->impact_zero, "SOME", (json_int_t)v->impact_some,
				      "UNKNOWN", (json_int_t)v->impact_unknown);

	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "service", v->name, "environment", v->environment, "dora", dora, "deployments", deployments, "rollbacks", rollbacks, "failure_types",
			 kinds_json(v));
}

static int most_first(const void *a, const void *b)
{
	const struct cause *x = a, *y = b;

	return x->count != y->count ? (x->count < y->count) - (x->count > y->count) : (x->last_ms < y->last_ms) - (x->last_ms > y->last_ms);
}

static json_t *causes_json(struct fb_stats *s)
{
	json_t *list = json_array();
	char at[FB_TIME_SIZE];

	if (s->cause_count)
		qsort(s->causes, s->cause_count, sizeof *s->causes, most_first);
	for (size_t i = 0; i < s->cause_count && i < 20; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:s}", "type", s->causes[i].type, "cause", s->causes[i].text, "count", (json_int_t)s->causes[i].count, "last",
						      fb_clock_format(s->causes[i].last_ms, at)));
	return list;
}

static json_t *trend_json(struct fb_stats *s)
{
	int64_t from = s->since_ms ? s->since_ms : s->first_ms, width = (s->now_ms - from) / FB_STATS_BUCKETS + 1;
	int64_t all[FB_STATS_BUCKETS] = {0}, failed[FB_STATS_BUCKETS] = {0};
	json_t *list = json_array();

	for (size_t i = 0; i < s->point_count; i++) {
		int64_t b = (s->points[i].at_ms - from) / width;

		if (b < 0 || b >= FB_STATS_BUCKETS)
			continue;
		all[b]++;
		failed[b] += s->points[i].failed;
	}
	for (int i = 0; i < FB_STATS_BUCKETS && s->point_count; i++) {
		char at[FB_TIME_SIZE];

		json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "from", fb_clock_format(from + i * width, at), "deployments", (json_int_t)all[i], "failed", (json_int_t)failed[i]));
	}
	return list;
}

json_t *fb_stats_json(struct fb_stats *s)
{
	int64_t from = s->since_ms ? s->since_ms : s->first_ms;
	char since[FB_TIME_SIZE], until[FB_TIME_SIZE];
	json_t *services = json_array();

	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(services, service_json(s, &s->services[i]));
	return json_pack("{s:s, s:o, s:s, s:I, s:o, s:o, s:o}", "schema", "failback.stats/1", "since", from ? json_string(fb_clock_format(from, since)) : json_null(), "until",
			 fb_clock_format(s->now_ms, until), "executions", (json_int_t)s->executions, "services", services, "causes", causes_json(s), "trend", trend_json(s));
}
