/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs of systemd's manager: asked for as actions, waited for until JobRemoved tells their result. A job's signal can be lost (the bus or systemd is started anew), so
 * that what became of a job is then read from the job and the unit themselves.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "plugins/strategies/systemd/systemd.h"

#define MARGIN_MS 300 /* of the deadline, to say what happened */
#define LOOK_MS 1000  /* how often a job that is waited for is looked at */

struct job {
	char path[128];
	char result[32];
	bool done;
};

char *action_key(const struct systemd *s, const struct unit *u, const char *key, char *buf, size_t size)
{
	char attempt[20] = "";

	if (s->call->attempt > 1)
		snprintf(attempt, sizeof attempt, "/%u", s->call->attempt);
	snprintf(buf, size, "%s%s%s%s", key, u && s->n > 1 ? ":" : "", u && s->n > 1 ? u->name : "", attempt);
	return buf;
}

static int on_removed(sd_bus_message *m, void *ctx, sd_bus_error *e)
{
	struct job *j = ctx;
	const char *path, *unit, *result;
	uint32_t id;

	(void)e;
	if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) < 0 || strcmp(path, j->path))
		return 0;
	snprintf(j->result, sizeof j->result, "%s", result);
	j->done = true;
	return 0;
}

/* 1: the job is there, 0: it is not, -1: nobody can be asked. */
static int job_exists(struct systemd *s, const struct job *j)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL;
	int r = sd_bus_get_property(s->bus, MANAGER_NAME, j->path, "org.freedesktop.systemd1.Job", "State", &e, &m, "s"), ret;

	ret = r >= 0 ? 1 : systemd_is_gone(&e, r) ? -1 : 0;
	sd_bus_message_unref(m);
	sd_bus_error_free(&e);
	return ret;
}

static int listen(struct systemd *s, struct job *j, sd_bus_error *e)
{
	int r = sd_bus_match_signal(s->bus, NULL, MANAGER_NAME, MANAGER_PATH, MANAGER_INTERFACE, "JobRemoved", on_removed, j);

	return r < 0 ? r : systemd_call(s, "Subscribe", NULL, e);
}

/* Signals that wait are taken. Negative: the connection is gone. */
static int drain(struct systemd *s)
{
	int r;

	do
		r = sd_bus_process(s->bus, NULL);
	while (r > 0);
	return r;
}

/* 1: connected again and listening, 0: not yet, -1: time is over. */
static int reconnect(struct systemd *s, struct job *j)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	int r;

	s->host->log(s->call, FB_LOG_WARNING, "the connection to systemd's bus was lost while a job was waited for; connecting again");
	systemd_end(s);
	if (s->host->sleep_ms(s->call, 200))
		return -1;
	r = systemd_connect(s) == FB_OK ? listen(s, j, &e) : -1;
	sd_bus_error_free(&e);
	return r >= 0;
}

/* 1: the job is over (result "" when nobody told), 0: it is not and the time is over, or a stop was asked for. */
static int wait_job(struct systemd *s, struct job *j)
{
	int64_t left = s->host->remaining_ms(s->call), look = left - LOOK_MS;
	bool missing = false;

	while (!j->done && left > MARGIN_MS) {
		int r = drain(s), there;

		if (j->done)
			break;
		if (r < 0 && reconnect(s, j) < 0)
			return 0;
		left = s->host->remaining_ms(s->call);
		if (r < 0 || left <= look) {
			there = sd_bus_is_open(s->bus) > 0 ? job_exists(s, j) : -1;
			drain(s);
			if (!there && !j->done && missing)
				return 1; /* gone for a while, and no signal: it was lost */
			missing = !there;
			look = left - (missing ? 100 : LOOK_MS);
			continue;
		}
		if (sd_bus_wait(s->bus, (uint64_t)(left < 100 ? left : 100) * 1000) < 0 && reconnect(s, j) < 0)
			return 0;
		left = s->host->remaining_ms(s->call);
	}
	return j->done;
}

static bool reached(const struct unit *u, const char *verb, const char *invocation_before)
{
	if (!strcmp(verb, "Stop"))
		return unit_is_down(u);
	if (!strcmp(verb, "Restart") && invocation_before && !strcmp(u->now.invocation, invocation_before))
		return false;
	return unit_is_up(u);
}

/* Why a job whose result is known did not do it */
static int32_t tell_result(struct systemd *s, struct unit *u, const char *doing, const char *result)
{
	static const struct { const char *result, *text; int32_t answer; } known[] = {
		{"canceled", "its job was canceled: another job or person wanted something else of the unit; see systemctl list-jobs and who did it in the journal", FB_RETRY},
		{"timeout", "its job was not done in the time that the unit's JobTimeoutSec= gives it", FB_FAIL},
		{"failed", "the job failed", FB_FAIL},
		{"dependency", "a unit that it depends on failed: see systemctl --failed, mend that one first", FB_FAIL},
		{"skipped", "systemd skipped the job, for it does not apply to the state that the unit is in", FB_FAIL},
		{"assert", "an Assert…= of its unit file does not hold", FB_FAIL},
		{"unsupported", "this system does not support units of its kind", FB_FATAL},
		{"collected", "the unit was unloaded while the job waited", FB_RETRY},
		{"once", "it is a unit that starts only once, and it has", FB_FATAL},
	};
	const char *why = "the job ended in a way that is not known here";
	char words[500], line[400], command[400];
	int32_t answer = FB_FAIL;

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strcmp(known[i].result, result)) {
			why = known[i].text;
			answer = known[i].answer;
		}
	if (unit_look(s, u) != FB_OK)
		return FB_FAIL;
	evidence_last_line(s, u, line, sizeof line);
	s->host->fail(s->call, "could not %s: %s (job result %s); the unit is %s%s%s; %s", doing, why, result, unit_words(u, words, sizeof words),
		      *line ? "; it wrote last: " : "", line, systemd_command(s, "status --no-pager", u->name, command, sizeof command));
	return answer;
}

static int32_t tell_unfinished(struct systemd *s, struct unit *u, const char *doing)
{
	char words[500], line[400];

	if (unit_look(s, u) != FB_OK)
		return FB_FAIL;
	evidence_last_line(s, u, line, sizeof line);
	s->host->fail(s->call, "could not %s in the time of this link: its job is not done, and the unit is %s%s%s; is it waiting for READY=1 (Type=notify)? "
		      "Give the link more time, or the unit a shorter TimeoutStartSec= or TimeoutStopSec=",
		      doing, unit_words(u, words, sizeof words), *line ? "; it wrote last: " : "", line);
	return FB_FAIL;
}

/* Waits for j, which is under way, and tells. */
static int32_t follow(struct systemd *s, struct unit *u, struct job *j, const char *verb, const char *doing, const char *before)
{
	int32_t answer;

	if (!wait_job(s, j))
		return tell_unfinished(s, u, doing);
	if (*j->result && strcmp(j->result, "done"))
		return tell_result(s, u, doing, j->result);
	answer = unit_look(s, u);
	if (answer != FB_OK || *j->result || reached(u, verb, before))
		return answer;
	return tell_result(s, u, doing, "lost");
}

static int32_t ask_and_follow(struct systemd *s, struct unit *u, const char *verb, const char *doing, const char *before)
{
	const char *mode, *path;
	sd_bus_error e = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL;
	struct job j = {.done = false};
	char method[32];
	int32_t answer = systemd_connect(s);
	int r;

	if (answer != FB_OK)
		return answer;
	snprintf(method, sizeof method, "%sUnit", verb);
	r = listen(s, &j, &e);
	mode = s->host->option(s->call, "mode");
	if (r >= 0)
		r = sd_bus_call_method(s->bus, MANAGER_NAME, MANAGER_PATH, MANAGER_INTERFACE, method, &e, &m, "ss", u->name, mode ? mode : "replace");
	if (r >= 0)
		r = sd_bus_message_read(m, "o", &path);
	if (r >= 0)
		snprintf(j.path, sizeof j.path, "%s", path);
	answer = r < 0 ? systemd_refused(s, doing, u->name, &e, r) : follow(s, u, &j, verb, doing, before);
	sd_bus_message_unref(m);
	sd_bus_error_free(&e);
	systemd_end(s); /* with it the match, which points at j */
	return answer;
}

/* A job of an earlier attempt that is still under way is followed to its end. FB_SKIP: there is none. */
static int32_t join(struct systemd *s, struct unit *u, const char *verb, const char *doing, const char *before)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	struct job j = {.done = false};
	int32_t answer;

	if (!*u->now.job)
		return FB_SKIP;
	snprintf(j.path, sizeof j.path, "%s", u->now.job);
	s->host->log(s->call, FB_LOG_INFO, "%s: a job of %s is under way; waiting for it", doing, u->name);
	answer = listen(s, &j, &e) < 0 ? FB_SKIP : follow(s, u, &j, verb, doing, before);
	sd_bus_error_free(&e);
	systemd_end(s);
	return answer;
}

/* What an interrupted attempt has left: FB_OK it was made, FB_SKIP it was not. */
static int32_t look_back(struct systemd *s, struct unit *u, const char *verb, const char *doing, const char *before)
{
	int32_t answer = join(s, u, verb, doing, before);

	if (answer != FB_SKIP)
		return answer == FB_OK && reached(u, verb, before) ? FB_OK : FB_SKIP;
	return strcmp(verb, "Reload") && reached(u, verb, before) ? FB_OK : FB_SKIP; /* that a reload was made leaves no trace */
}

int32_t job_act(struct systemd *s, struct unit *u, const char *verb)
{
	const struct fb_host *h = s->host;
	char key[UNIT_NAME_MAX + 40], fact[UNIT_NAME_MAX + 60], doing[UNIT_NAME_MAX + 20], word[16], *before;
	int32_t answer;

	snprintf(word, sizeof word, "%s", verb);
	*word = (char)(*word | 0x20);
	snprintf(doing, sizeof doing, "%s %s", word, u->name);
	action_key(s, u, word, key, sizeof key);
	snprintf(fact, sizeof fact, "before-%u/%s", (unsigned)s->call->operation, key);
	before = run_copy(h->fact(s->call, FB_SCOPE_OWN, fact));
	switch (h->act(s->call, key, FB_REPEAT_PROBE, doing)) {
	case FB_ACT_DRY:
		answer = FB_OK;
		break;
	case FB_ACT_DONE: /* by an attempt before this one: does it still hold? */
		answer = reached(u, verb, NULL) ? FB_OK : ask_and_follow(s, u, verb, doing, NULL);
		break;
	case FB_ACT_UNSURE:
		answer = look_back(s, u, verb, doing, before);
		if (answer == FB_SKIP)
			answer = h->act(s->call, key, FB_REPEAT_AGAIN, doing) == FB_ACT_DO ? ask_and_follow(s, u, verb, doing, before) : FB_FAIL;
		if (answer == FB_OK && h->acted(s->call, key, u->now.active))
			answer = FB_FAIL;
		break;
	case FB_ACT_DO:
		if (h->fact_set(s->call, FB_SCOPE_OWN, fact, u->now.invocation)) /* an attempt after this one sees by it whether the job was done */
			h->log(s->call, FB_LOG_WARNING, "%s: what ran before could not be recorded", doing);
		answer = ask_and_follow(s, u, verb, doing, NULL);
		if (answer == FB_OK && h->acted(s->call, key, u->now.active)) {
			h->fail(s->call, "%s: it was done, but that could not be recorded", doing);
			answer = FB_FAIL;
		}
		break;
	default:
		answer = FB_FAIL; /* why is the host's to say */
	}
	free(before);
	return answer;
}

int32_t manager_act(struct systemd *s, struct unit *u, const char *method, const char *name, const char *text)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	char key[UNIT_NAME_MAX + 40];
	int32_t answer = FB_OK, act;
	int r;

	action_key(s, u, name, key, sizeof key);
	act = s->host->act(s->call, key, FB_REPEAT_IDEMPOTENT, text);
	if (act == FB_ACT_DRY)
		return FB_OK;
	if (act != FB_ACT_DO && act != FB_ACT_DONE)
		return FB_FAIL;
	answer = systemd_connect(s);
	if (answer != FB_OK)
		return answer;
	r = systemd_call(s, method, u ? u->name : NULL, &e);
	if (r < 0)
		answer = systemd_refused(s, text, u ? u->name : NULL, &e, r);
	else if (act == FB_ACT_DO && s->host->acted(s->call, key, NULL))
		answer = FB_FAIL;
	sd_bus_error_free(&e);
	return answer;
}

/* What it was when its job was done, and whether it still is. */
static int32_t steady(struct systemd *s, struct unit *u, const struct status *first)
{
	char words[500], line[400], why[120];

	if (unit_is_up(u) && !strcmp(u->now.invocation, first->invocation) && u->now.restarts == first->restarts)
		return FB_OK;
	evidence_last_line(s, u, line, sizeof line);
	if (u->now.restarts != first->restarts || strcmp(u->now.invocation, first->invocation) || !strcmp(u->now.sub, "auto-restart"))
		snprintf(why, sizeof why, "does not stay up: systemd has started it again %u times since", (unsigned)u->now.restarts);
	else
		snprintf(why, sizeof why, "did not stay up");
	s->host->fail(s->call, "%s was started but %s; it is %s%s%s", u->name, why, unit_words(u, words, sizeof words), *line ? "; it wrote last: " : "", line);
	return FB_FAIL;
}

int32_t units_settle(struct systemd *s)
{
	int64_t left = s->host->option_int(s->call, "settle", 2000), time_left = s->host->remaining_ms(s->call), pause;
	struct status *first = calloc(s->n, sizeof *first);
	int32_t answer;

	if (!first)
		abort();
	answer = units_look(s);
	for (size_t i = 0; i < s->n; i++)
		first[i] = s->units[i].now;
	if (answer == FB_OK && left + MARGIN_MS > time_left)
		s->host->log(s->call, FB_LOG_WARNING, "settle is %.1f s, but this link has only %.1f s left: it may be cut short, and fail", (double)left / 1000, (double)time_left / 1000);
	while (answer == FB_OK) {
		for (size_t i = 0; i < s->n && answer == FB_OK; i++)
			answer = steady(s, &s->units[i], &first[i]);
		if (answer != FB_OK || left <= 0)
			break;
		pause = left < 100 ? left : 100;
		if (s->host->remaining_ms(s->call) <= MARGIN_MS || s->host->sleep_ms(s->call, pause)) {
			s->host->fail(s->call, "%s came up, but the time of this link was over %.1f s before 'settle' had passed: give the link more time", s->units[0].name,
				      (double)left / 1000);
			answer = FB_FAIL;
			break;
		}
		left -= pause;
		answer = units_look(s);
	}
	free(first);
	return answer;
}
