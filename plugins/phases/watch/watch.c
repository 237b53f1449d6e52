/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last link of a plan: looks at the new release for a while. A check that fails several times in a row fails the deployment; blindness
 * never does. The engine, which sees what users felt, may end it sooner by stopping it.
 */
#include <stdio.h>
#include <string.h>

#include "../phase.h"

struct seen {
	json_t *in_row; /* "service/check" -> failures in a row */
	int64_t limit;
	int checks, rounds;
	int64_t probes, failed, blind;
	char fatal[PHASE_TEXT]; /* the check that reached the limit, and what it said */
};

static void count_one(struct seen *s, const json_t *entry)
{
	const char *service = json_string_value(json_object_get(entry, "service")), *check = json_string_value(json_object_get(entry, "check"));
	const char *text = json_string_value(json_object_get(entry, "text"));
	int state = phase_entry_state(entry);
	char key[256];
	json_int_t n;

	snprintf(key, sizeof key, "%s/%s", service ? service : "?", check ? check : "?");
	s->probes++;
	s->failed += state == FB_HEALTH_FAILED;
	s->blind += state == FB_HEALTH_BLIND;
	if (state == FB_HEALTH_BLIND)
		return;
	n = state == FB_HEALTH_FAILED ? json_integer_value(json_object_get(s->in_row, key)) + 1 : 0;
	json_object_set_new(s->in_row, key, json_integer(n));
	if (n >= s->limit && !*s->fatal)
		snprintf(s->fatal, sizeof s->fatal, "%s failed %lld times in a row: %s", key, (long long)n, text ? text : "no reason given");
}

static void look(const struct fb_call *call, struct seen *s)
{
	struct phase_round r;
	json_t *entry;
	size_t i;

	phase_probe(call, NULL, &r);
	json_array_foreach(r.checks, i, entry)
		count_one(s, entry);
	s->checks = r.total;
	s->rounds++;
	if (r.total && !json_array_size(r.checks)) {
		s->probes++;
		s->blind++;
	}
	phase_report_checks(call, &r);
	phase_round_clear(&r);
}

static int32_t finish(const struct fb_call *call, const struct seen *s, int64_t elapsed_ms)
{
	char time[PHASE_DURATION];

	phase_duration(elapsed_ms, time, sizeof time);
	if (!s->checks)
		phase_say(call, "watched for %s; no checks are configured, so only what users felt was watched", time);
	else if (s->blind == s->probes)
		phase_say(call, "watched for %s, but nothing could be seen: none of the %lld probes could be made", time, (long long)s->probes);
	else if (s->failed || s->blind)
		phase_say(call, "held for %s: %lld of %lld probes healthy, %lld failed, %lld blind", time, (long long)(s->probes - s->failed - s->blind),
			  (long long)s->probes, (long long)s->failed, (long long)s->blind);
	else
		phase_say(call, "%d of %d checks healthy for %s (%lld probes)", s->checks, s->checks, time, (long long)s->probes);
	if (s->checks && s->blind == s->probes)
		call->host->log(call, FB_LOG_WARNING, "the release was not seen healthy: look whether this machine reaches what the checks ask");
	return FB_OK;
}

static int32_t watch(const struct fb_call *call, struct seen *s)
{
	const struct fb_host *host = call->host;
	int64_t began = phase_now_ms(), span = host->option_int(call, "for", 30000), interval = host->option_int(call, "interval", 1000), elapsed;
	char time[PHASE_DURATION], of[PHASE_DURATION];

	for (;;) {
		look(call, s);
		elapsed = phase_now_ms() - began;
		if (*s->fatal) {
			host->fail(call, "after %s of watching %s", phase_duration(elapsed, time, sizeof time), s->fatal);
			return FB_FAIL;
		}
		if (elapsed >= span)
			return finish(call, s, elapsed);
		phase_progress(call, (int32_t)(elapsed * 10000 / span), "watching: %s of %s", phase_duration(elapsed, time, sizeof time),
			       phase_duration(span, of, sizeof of));
		if (host->sleep_ms(call, interval < span - elapsed ? interval : span - elapsed)) {
			elapsed = phase_now_ms() - began;
			host->fail(call, "the watch ended after %s of %s: it was stopped, or its time was over", phase_duration(elapsed, time, sizeof time),
				   phase_duration(span, of, sizeof of));
			return FB_FAIL;
		}
	}
}

static int32_t run(const struct fb_call *call)
{
	struct seen s = {.limit = call->host->option_int(call, "failed_after", 3)};
	char time[PHASE_DURATION];
	int32_t answer;

	if (call->flags & FB_CALL_DRY_RUN) {
		phase_say(call, "would watch for %s", phase_duration(call->host->option_int(call, "for", 30000), time, sizeof time));
		return FB_OK;
	}
	s.in_row = json_object();
	answer = watch(call, &s);
	json_decref(s.in_row);
	return answer;
}

static const struct fb_option options[] = {
	{.name = "for", .type = FB_TYPE_DURATION, .default_value = "30s", .unit = "s", .min = 0, .max = 604800000, .summary = "How long to watch"},
	{.name = "interval", .type = FB_TYPE_DURATION, .default_value = "1s", .unit = "s", .min = 1, .max = 3600000, .summary = "Time between two probes"},
	{.name = "failed_after", .type = FB_TYPE_INT, .default_value = "3", .min = 1, .max = 1000,
	 .summary = "Failures of one check in a row that fail the deployment"},
	{0},
};

static const struct fb_phase_ops ops = {.run = run};

FB_PLUGIN(PHASE, .name = "watch", .version = "0.1.0", .summary = "Watches a new release for a while", .license = "Apache-2.0", .options = options,
	  .phase = &ops)
