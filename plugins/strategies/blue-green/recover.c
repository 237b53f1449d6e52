/* SPDX-License-Identifier: Apache-2.0 */
/* The way back: users away from the failed side, the last known good live, proof that it is so, and the failed side's end. */
#include "blue-green.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Users to `good`, none to the other side: it is in rotation before the failed one leaves. Maintenance, not drain: a drained server keeps the
 * clients that carry its cookie. Requests in flight go on to their end in both. */
static int switch_to(struct bg *b, int good)
{
	struct bg_side *g = &b->side[good], *f = &b->side[!good];
	int rc = bg_switch_at_once(b, g, f);

	if (rc != BG_ERROR)
		return rc;
	if (b->changed && bg_look(b))
		return BG_ERROR;
	rc = bg_bring_in(b, g);
	if (rc >= 0)
		rc = bg_set_state(b, &f->server, "maint");
	if (rc >= 0)
		rc = bg_set_state(b, &f->spare, "maint");
	if (rc >= 0)
		rc = bg_set_weight(b, &f->server, -1);
	return rc < 0 ? rc : bg_set_state(b, &g->spare, "maint");
}

static bool is_switched(const struct bg *b, int good)
{
	const struct bg_side *g = &b->side[good], *f = &b->side[!good];

	return bg_in_rotation(&g->server) && g->server.weight == g->server.initial_weight && bg_maint(&f->server) &&
	       (!f->spare.known || bg_maint(&f->spare));
}

/* May users be sent there? HAProxy's own check is the fastest witness; where it does not check, or is against it, the health URL decides. */
static bool is_fit(const struct bg *b, int which, char text[BG_ERROR_SIZE])
{
	const struct bg_side *side = &b->side[which];
	int reached = bg_reached(side);

	int healthy;

	if (reached == 1)
		return true;
	healthy = bg_health(b, side, 500, text);
	if (healthy < 0 && reached == 0)
		snprintf(text, BG_ERROR_SIZE, "HAProxy's health check of %s/%s says %s", b->backend, side->server.name, side->server.status);
	return healthy == 1 || (healthy < 0 && reached != 0);
}

int32_t bg_protect(const struct fb_call *call)
{
	char text[BG_ERROR_SIZE];
	struct bg b;
	int good, failed;

	bg_open(&b, call);
	if (bg_look(&b))
		return FB_RETRY;
	if (!bg_sides(&b, call->last_good, &good, &failed))
		return FB_FAIL;
	if (is_switched(&b, good))
		return FB_OK;
	if (!is_fit(&b, good, text)) {
		/* A side that fails some users is better than none at all; restore brings the good one up and then switches */
		call->host->fail(call, "users were left where they are, since the %s side cannot take them yet (%s): it must be brought up first",
				 b.side[good].name, text);
		return FB_FAIL;
	}
	/* Users wait: what is remembered and HAProxy's state file are restore's, which follows */
	return bg_answer(switch_to(&b, good));
}

int32_t bg_restore(const struct fb_call *call)
{
	const char *release = call->release ? call->release : call->last_good;
	struct bg b;
	int good, failed, rc;
	int64_t left;

	bg_open(&b, call);
	if (bg_look(&b))
		return FB_RETRY;
	if (!release) {
		call->host->fail(call, "there is no last known good release to restore");
		return FB_FAIL;
	}
	if (!bg_sides(&b, release, &good, &failed))
		return FB_FAIL;
	b.changed = true; /* by protect, which leaves the state file to us */
	rc = bg_start(&b, good, release); /* nothing to do where it was prepared, or never went away */
	if (rc >= 0)
		rc = switch_to(&b, good);
	bg_save_state(&b);
	if (rc == BG_MADE && (bg_remember(&b, "live", b.side[good].name) || bg_remember_release(&b, good, release)))
		rc = BG_ERROR;
	if (rc != BG_MADE)
		return bg_answer(rc);
	if (bg_look(&b))
		return FB_RETRY;
	if (!is_switched(&b, good)) {
		call->host->fail(call, "HAProxy took all commands, but %s/%s is %s and %s/%s is %s. Its configuration or its state file holds them there",
				 b.backend, b.side[good].server.name, b.side[good].server.status, b.backend, b.side[failed].server.name,
				 b.side[failed].server.status);
		return FB_RETRY;
	}
	left = b.side[failed].server.in_flight + (b.side[failed].spare.known ? b.side[failed].spare.in_flight : 0);
	call->host->log(call, FB_LOG_INFO, "release %s on the %s side takes all traffic; %lld requests are still in flight on the %s side", release,
			b.side[good].name, (long long)left, b.side[failed].name);
	return FB_OK;
}

static int64_t requests_of(const struct bg_side *s)
{
	return s->server.requests + (s->spare.known ? s->spare.requests : 0);
}

int32_t bg_verify(const struct fb_call *call)
{
	const char *release = call->release ? call->release : call->last_good;
	int64_t window = call->host->option_int(call, "verify_window", 150), good_before, other_before, grown;
	char text[BG_ERROR_SIZE] = "";
	struct bg_side *good, *other;
	struct bg b;
	int which;

	bg_open(&b, call);
	if (bg_look(&b))
		return FB_RETRY;
	which = bg_side_of(&b, release);
	if (which == BG_NONE)
		which = bg_live(&b);
	if (which == BG_NONE) {
		call->host->fail(call, "release %s is on neither side", release ? release : "(none)");
		return FB_FAIL;
	}
	good = &b.side[which];
	other = &b.side[!which];
	if (!bg_in_rotation(&good->server)) {
		call->host->fail(call, "HAProxy does not send users to %s/%s: its state is %s", b.backend, good->server.name, good->server.status);
		return FB_RETRY;
	}
	if (bg_health(&b, good, 2000, text) == 0) {
		call->host->fail(call, "release %s on the %s side is not healthy: %s", release ? release : "(unknown)", good->name, text);
		return FB_RETRY;
	}
	good_before = requests_of(good);
	other_before = requests_of(other);
	if (call->host->sleep_ms(call, window)) {
		call->host->fail(call, "told to stop, or out of time, while HAProxy's counters were watched for %lld ms", (long long)window);
		return FB_RETRY;
	}
	if (bg_look(&b))
		return FB_RETRY;
	if (requests_of(good) < good_before - 1 || requests_of(other) < other_before) {
		call->host->fail(call, "HAProxy was restarted while its counters were watched: try again");
		return FB_RETRY;
	}
	if (call->failed && requests_of(other) > other_before) {
		call->host->fail(call, "%lld requests still reached the failed release on the %s side within %lld ms",
				 (long long)(requests_of(other) - other_before), other->name, (long long)window);
		return FB_RETRY;
	}
	grown = requests_of(good) - good_before;
	if (grown > 0)
		call->host->log(call, FB_LOG_INFO, "%lld requests went to %s/%s within %lld ms, %lld to the other side", (long long)grown, b.backend,
				good->server.name, (long long)window, (long long)(requests_of(other) - other_before));
	else
		call->host->log(call, FB_LOG_INFO, "no request came within %lld ms: that users are served was seen at the health URL and in HAProxy's state only",
				(long long)window);
	return FB_OK;
}

int32_t bg_cleanup(const struct fb_call *call)
{
	bool preserve = call->flags & FB_CALL_PRESERVE || call->host->option_int(call, "preserve_failed_environment", 1);
	int64_t left;
	struct bg b;
	int good, failed, rc;

	bg_open(&b, call);
	if (bg_look(&b))
		return FB_RETRY;
	if (!bg_sides(&b, call->last_good, &good, &failed))
		return FB_FAIL;
	if (!bg_in_rotation(&b.side[good].server)) {
		call->host->fail(call, "the %s side was left alone: the %s side does not take users (%s)", b.side[failed].name, b.side[good].name,
				 b.side[good].server.status);
		return FB_FAIL;
	}
	rc = bg_set_state(&b, &b.side[failed].server, "maint");
	if (rc >= 0)
		rc = bg_set_state(&b, &b.side[failed].spare, "maint");
	if (rc == BG_MADE && preserve) {
		left = bg_wait_idle(&b, failed);
		if (left < 0)
			rc = BG_ERROR;
		else
			call->host->log(call, FB_LOG_INFO, "release %s stays on the %s side for people to look at, out of users' way; %lld requests are in flight there",
					call->failed ? call->failed : "(unknown)", b.side[failed].name, (long long)left);
	} else if (rc >= 0 && !preserve) {
		rc = bg_stop(&b, failed, "since it failed");
		if (rc == BG_MADE)
			rc = bg_remember_release(&b, failed, "");
	}
	bg_save_state(&b);
	return bg_answer(rc);
}

int32_t bg_evidence(const struct fb_call *call)
{
	char error[BG_ERROR_SIZE], command[BG_NAME + 32], path[64], file[BG_PATH], title[BG_PATH + 64], *text;
	struct bg b;
	int which;
	uint32_t count;
	const char *s;

	bg_open(&b, call);
	which = bg_side_of(&b, call->failed ? call->failed : call->release);
	if (which == BG_NONE && bg_look(&b) == 0)
		which = bg_live(&b);
	for (int i = 0; i < 2; i++) { /* both where it is not known which one failed */
		if (which != BG_NONE && i != which)
			continue;
		snprintf(path, sizeof path, "%s.logs", b.side[i].name);
		count = call->host->option_count(call, path);
		for (uint32_t n = 0; n < count; n++) {
			snprintf(path, sizeof path, "%s.logs[%u]", b.side[i].name, n);
			s = call->host->option(call, path);
			snprintf(file, sizeof file, "%s", s ? s : "");
			snprintf(title, sizeof title, "log of the %s side (release %s): %s", b.side[i].name, b.side[i].release[0] ? b.side[i].release : "unknown", file);
			if (!s || call->host->evidence(call, file, title))
				call->host->log(call, FB_LOG_WARNING, "%s could not be archived", file);
		}
	}
	s = call->host->option(call, "haproxy_log");
	snprintf(file, sizeof file, "%s", s ? s : "");
	if (file[0] && call->host->evidence(call, file, "HAProxy's log"))
		call->host->log(call, FB_LOG_WARNING, "%s could not be archived", file);
	for (int i = 0; i < 2; i++) {
		snprintf(command, sizeof command, i ? "show servers state %s" : "show stat %s 7 -1", b.backend);
		if (bg_haproxy_ask(b.socket, command, bg_wait_ms(&b), &text, error)) {
			call->host->log(call, FB_LOG_WARNING, "%s", error);
			continue;
		}
		snprintf(title, sizeof title, "HAProxy: %s", command);
		call->host->evidence_text(call, i ? "haproxy-servers-state.txt" : "haproxy-stat.csv", title, text, strlen(text));
		free(text);
	}
	return FB_OK;
}
