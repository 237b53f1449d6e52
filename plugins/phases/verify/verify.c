/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Phase 3 of a recovery: the restored release is stable when strategies and checks held, without one failure, for the whole window.
 * A failure starts the window anew; a blind round neither counts nor starts it anew.
 */
#include <string.h>

#include "../phase.h"

struct window {
	int64_t need_ms, interval_ms;
	int64_t held_ms;      /* seen healthy so far, from healthy round to healthy round */
	int64_t last_ms;      /* when the last healthy round ended; 0: the last one was not */
	int rounds, restarts;
	int total;            /* checks of the last round */
	bool strategies;      /* some strategy offers verify */
	bool checks;          /* there are checks */
	bool blind;           /* trouble tells what could not be seen, not what failed */
	char trouble[PHASE_TEXT + 64]; /* what failed last, or what could not be seen */
};

static void add_held(struct window *w)
{
	int64_t now = phase_now_ms();

	if (w->last_ms)
		w->held_ms += now - w->last_ms;
	w->last_ms = now;
}

static void restart(struct window *w)
{
	if (w->held_ms)
		w->restarts++;
	w->held_ms = w->last_ms = 0;
}

/* The strategies' own look. False: it failed, and trouble says how. */
static bool ask_strategies(const struct fb_call *call, struct window *w)
{
	struct phase_outcome o;
	bool ok = phase_operate(call, FB_OP_VERIFY, NULL, 0, &o);

	if (o.done || o.failed)
		w->strategies = true;
	if (!ok) {
		memcpy(w->trouble, o.failed_text, sizeof o.failed_text);
		w->blind = false;
		restart(w);
	}
	phase_outcome_clear(&o);
	return ok;
}

static void ask_checks(const struct fb_call *call, struct window *w)
{
	struct phase_round r;

	phase_probe(call, NULL, &r);
	w->total = r.total;
	w->checks = r.total > 0;
	w->rounds++;
	if (r.failed) {
		memcpy(w->trouble, r.failed_text, sizeof r.failed_text);
		w->blind = false;
		restart(w);
	} else if (r.blind) {
		memcpy(w->trouble, r.blind_text, sizeof r.blind_text);
		w->blind = true;
		w->last_ms = 0;
	} else if (w->checks) {
		add_held(w);
	}
	phase_progress(call, w->need_ms ? (int32_t)(w->held_ms >= w->need_ms ? 9900 : w->held_ms * 9900 / w->need_ms) : -1, "%d of %d checks healthy", r.healthy,
		       r.total);
	phase_report_checks(call, &r);
	phase_round_clear(&r);
}

/* Is there still time for what is left of the window? */
static bool fits(const struct fb_call *call, const struct window *w)
{
	return call->host->remaining_ms(call) > w->need_ms - w->held_ms + w->interval_ms;
}

static int32_t give_up(const struct fb_call *call, const struct window *w)
{
	char need[PHASE_DURATION], held[PHASE_DURATION];

	phase_duration(w->need_ms, need, sizeof need);
	phase_duration(w->held_ms, held, sizeof held);
	if (*w->trouble && w->blind)
		call->host->fail(call, "health could not be seen: %s (seen healthy for %s of %s). Look whether this machine reaches it", w->trouble, held, need);
	else if (*w->trouble)
		call->host->fail(call, "not stable: %s (healthy for %s of %s; begun anew %d times)", w->trouble, held, need, w->restarts);
	else
		call->host->fail(call, "healthy for %s, but %s were asked for and the time is over: give the verify phase a longer timeout or a shorter stable_for",
				 held, need);
	return FB_FAIL;
}

static int32_t nothing_to_ask(const struct fb_call *call)
{
	const char *services = call->host->document(call, "services");

	if (services && !strcmp(services, "[]")) {
		phase_say(call, "no service is involved: there was nothing to verify");
		return FB_SKIP;
	}
	if (call->host->option_int(call, "allow_unverified", 0)) {
		phase_say(call, "nothing was verified: no service involved has a check, and no strategy can look; allow_unverified lets that pass");
		return FB_SKIP;
	}
	call->host->fail(call, "nothing could be verified: no service involved has a check, and no strategy can look. Give the service a check, or set "
			       "allow_unverified = true on the verify phase");
	return FB_FAIL;
}

/* One round: true when all is well by now and the window is full. */
static bool round_done(const struct fb_call *call, struct window *w, bool *begun)
{
	if (!*begun || !w->checks) {
		if (!ask_strategies(call, w)) {
			*begun = false;
			return false;
		}
		*begun = true;
	}
	ask_checks(call, w);
	if (!w->checks)
		add_held(w);
	if (w->held_ms < w->need_ms || !w->last_ms)
		return false;
	if (!w->checks || !w->strategies)
		return true;
	*begun = ask_strategies(call, w);
	return *begun;
}

static int32_t run(const struct fb_call *call)
{
	struct window w = {.need_ms = call->host->option_int(call, "stable_for", 3000), .interval_ms = call->host->option_int(call, "interval", 200)};
	char held[PHASE_DURATION];
	bool begun = false;

	for (;;) {
		bool done = round_done(call, &w, &begun);

		if (begun && !w.checks && !w.strategies)
			return nothing_to_ask(call);
		if (call->flags & FB_CALL_DRY_RUN) {
			phase_say(call, "would verify for %s: %d checks", phase_duration(w.need_ms, held, sizeof held), w.total);
			return FB_OK;
		}
		if (done)
			break;
		if (!fits(call, &w) || call->host->sleep_ms(call, w.interval_ms))
			return give_up(call, &w);
	}
	phase_duration(w.held_ms, held, sizeof held);
	if (w.checks)
		phase_say(call, "%d of %d checks healthy for %s%s", w.total, w.total, held, w.strategies ? "; strategies agree" : "");
	else
		phase_say(call, "no checks; strategies saw the release healthy for %s", held);
	return FB_OK;
}

static const struct fb_option options[] = {
	{.name = "stable_for", .type = FB_TYPE_DURATION, .default_value = "3s", .unit = "s", .min = 0, .max = 86400000,
	 .summary = "How long everything must hold without one failure"},
	{.name = "interval", .type = FB_TYPE_DURATION, .default_value = "200ms", .unit = "s", .min = 1, .max = 3600000, .summary = "Time between two probes"},
	{.name = "allow_unverified", .type = FB_TYPE_BOOL, .default_value = "false", .summary = "Go on when there is neither a check nor a strategy that can look"},
	{0},
};

static const struct fb_phase_ops ops = {.run = run};

FB_PLUGIN(PHASE, .name = "verify", .version = "0.1.0", .summary = "Waits until what is live has been healthy for a whole window",
	  .license = "Apache-2.0", .options = options, .phase = &ops)
