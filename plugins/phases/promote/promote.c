/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A step of a plan that makes a service's new release live: brought up where no user sees it, all traffic to it, and looked at. A release
 * that cannot be brought up is never seen by a user. There is no undo here: bringing users back is the recovery's work.
 */
#include "../phase.h"

static int32_t check(const struct fb_call *call)
{
	if (call->service)
		return FB_OK;
	call->host->fail(call, "a promote step needs the service that it promotes: write { name = \"...\"; promote = \"SERVICE\"; }");
	return FB_FATAL;
}

static const char *what(const struct fb_call *call, char *buf, size_t size)
{
	return phase_release(buf, size, call->release, "the new release");
}

/* Brings the release up. *ret_prepared: the strategy could do that out of users' sight. */
static int32_t prepare(const struct fb_call *call, bool *ret_prepared)
{
	struct phase_outcome o;
	char buf[256];
	int32_t answer = FB_OK;

	phase_progress(call, 0, "bringing up %s of %s where no user sees it", what(call, buf, sizeof buf), call->service);
	if (!phase_operate(call, FB_OP_PREPARE, call->service, 0, &o)) {
		answer = phase_answer(&o);
		call->host->fail(call, "%s did not come up, so no user was sent to it: %s", what(call, buf, sizeof buf), o.failed_text);
	}
	*ret_prepared = o.done > 0;
	phase_outcome_clear(&o);
	return answer;
}

static int32_t shift(const struct fb_call *call)
{
	struct phase_outcome o;
	char buf[256];
	int32_t answer = FB_OK;

	phase_progress(call, 5000, "all traffic to %s", what(call, buf, sizeof buf));
	if (!phase_operate(call, FB_OP_SHIFT, call->service, 0, &o)) {
		answer = phase_answer(&o);
		call->host->fail(call, "traffic could not be moved to %s: %s", what(call, buf, sizeof buf), o.failed_text);
	} else if (!o.done && !(call->flags & FB_CALL_DRY_RUN)) {
		answer = FB_FATAL;
		call->host->fail(call, "the strategy of %s cannot move traffic, so there is nothing to promote: give the service a strategy that offers shift",
				 call->service);
	}
	phase_outcome_clear(&o);
	return answer;
}

static int32_t verify(const struct fb_call *call)
{
	struct phase_outcome o;
	char buf[256];
	int32_t answer = FB_OK;

	phase_progress(call, 7000, "looking whether %s takes the traffic", what(call, buf, sizeof buf));
	if (!phase_operate(call, FB_OP_VERIFY, call->service, 0, &o)) {
		answer = phase_answer(&o) == FB_RETRY ? FB_FAIL : phase_answer(&o);
		call->host->fail(call, "%s got all traffic but is not well: %s", what(call, buf, sizeof buf), o.failed_text);
	}
	phase_outcome_clear(&o);
	return answer;
}

/*
 * Probes until every check is healthy. A release that was brought up beforehand has had its time to start: `failed_after` bad rounds in a row
 * are enough. One that starts with the shift has until ready_timeout.
 */
static int32_t wait_healthy(const struct fb_call *call, bool prepared, int *ret_total)
{
	const struct fb_host *host = call->host;
	int64_t began = phase_now_ms(), limit = host->option_int(call, "ready_timeout", 10000), interval = host->option_int(call, "interval", 200);
	int64_t failed_after = host->option_int(call, "failed_after", 3), in_row = 0;
	char buf[256], time[PHASE_DURATION];

	for (;;) {
		struct phase_round r;
		bool over;

		phase_probe(call, call->service, &r);
		*ret_total = r.total;
		in_row = r.failed ? in_row + 1 : 0;
		over = phase_now_ms() - began + interval >= limit || host->remaining_ms(call) <= interval || (prepared && in_row >= failed_after);
		if (r.healthy == r.total || over)
			phase_report_checks(call, &r);
		if (r.healthy == r.total) {
			phase_round_clear(&r);
			return FB_OK;
		}
		phase_progress(call, 8000, "%d of %d checks healthy", r.healthy, r.total);
		if (over || host->sleep_ms(call, interval)) {
			phase_duration(phase_now_ms() - began, time, sizeof time);
			if (r.failed)
				host->fail(call, "%s got all traffic, and after %s %d of %d checks fail: %s", what(call, buf, sizeof buf), time, r.failed,
					   r.total, r.failed_text);
			else
				host->fail(call, "%s got all traffic, but for %s its health could not be seen: %s. Look whether this machine reaches it",
					   what(call, buf, sizeof buf), time, r.blind_text);
			phase_round_clear(&r);
			return FB_FAIL;
		}
		phase_round_clear(&r);
	}
}

static int32_t run(const struct fb_call *call)
{
	bool prepared = false;
	int total = 0;
	char buf[256];
	int32_t answer = check(call);

	if (answer == FB_OK)
		answer = prepare(call, &prepared);
	if (answer == FB_OK)
		answer = shift(call);
	if (answer != FB_OK)
		return answer;
	if (call->flags & FB_CALL_DRY_RUN) {
		phase_say(call, "all traffic of %s would go to %s", call->service, what(call, buf, sizeof buf));
		return FB_OK;
	}
	answer = verify(call);
	if (answer == FB_OK && call->host->option_int(call, "checks", 1))
		answer = wait_healthy(call, prepared, &total);
	if (answer != FB_OK)
		return answer;
	if (total)
		phase_say(call, "all traffic on %s; %d of %d checks healthy", what(call, buf, sizeof buf), total, total);
	else
		phase_say(call, "all traffic on %s", what(call, buf, sizeof buf));
	return FB_OK;
}

static const struct fb_option options[] = {
	{.name = "checks", .type = FB_TYPE_BOOL, .default_value = "true", .summary = "Probe the service's checks after the shift until all are healthy"},
	{.name = "ready_timeout", .type = FB_TYPE_DURATION, .default_value = "10s", .unit = "s", .min = 1, .max = 86400000,
	 .summary = "How long the checks may take to become healthy after the shift"},
	{.name = "interval", .type = FB_TYPE_DURATION, .default_value = "200ms", .unit = "s", .min = 1, .max = 3600000, .summary = "Time between two probes"},
	{.name = "failed_after", .type = FB_TYPE_INT, .default_value = "3", .min = 1, .max = 1000,
	 .summary = "Failed rounds in a row that end the wait for a release that was brought up before the shift"},
	{0},
};

static const struct fb_phase_ops ops = {.check = check, .run = run};

FB_PLUGIN(PHASE, .name = "promote", .version = "0.1.0", .summary = "Makes a service's new release live", .license = "Apache-2.0", .options = options,
	  .phase = &ops)
