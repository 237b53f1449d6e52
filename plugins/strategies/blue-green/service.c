/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a side: is it healthy, start it, stop it once nobody waits for it; and what is remembered about the sides. */
#include "blue-green.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGUMENTS 64

int bg_remember(struct bg *b, const char *key, const char *value)
{
	const char *now = b->host->fact(b->call, FB_SCOPE_SERVICE, key);

	if (b->call->flags & FB_CALL_DRY_RUN || (now && !strcmp(now, value)))
		return BG_MADE;
	if (b->host->fact_set(b->call, FB_SCOPE_SERVICE, key, value) == 0)
		return BG_MADE;
	b->host->fail(b->call, "that '%s' is '%s' could not be recorded in the journal", key, value);
	return BG_ERROR;
}

int bg_remember_release(struct bg *b, int which, const char *release)
{
	char key[32];

	snprintf(key, sizeof key, "release.%s", b->side[which].name);
	snprintf(b->side[which].release, sizeof b->side[which].release, "%s", release);
	return bg_remember(b, key, release);
}

static size_t ignore_body(char *data, size_t size, size_t n, void *ctx)
{
	(void)data;
	(void)ctx;
	return size * n;
}

int bg_health(const struct bg *b, const struct bg_side *side, int64_t wait_ms, char text[BG_ERROR_SIZE])
{
	CURL *curl;
	CURLcode rc;
	char reason[CURL_ERROR_SIZE] = "";
	long status = 0;

	(void)b;
	if (!side->health_url[0]) {
		snprintf(text, BG_ERROR_SIZE, "no health URL is configured");
		return -1;
	}
	curl = curl_easy_init();
	if (!curl) {
		snprintf(text, BG_ERROR_SIZE, "out of memory");
		return 0;
	}
	curl_easy_setopt(curl, CURLOPT_URL, side->health_url);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(wait_ms < 1 ? 1 : wait_ms));
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore_body);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "failback-blue-green");
	rc = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(curl);
	if (rc == CURLE_OK)
		snprintf(text, BG_ERROR_SIZE, "GET %s: status %ld", side->health_url, status);
	else
		snprintf(text, BG_ERROR_SIZE, "GET %s: %s", side->health_url, reason[0] ? reason : curl_easy_strerror(rc));
	return rc == CURLE_OK && status == 200;
}

/* A command option with the storage that its struct points into. */
struct command {
	struct fb_command c;
	char *texts[ARGUMENTS + 1], target[64], release[BG_NAME + 32];
	const char *environment[3];
};

static void command_clear(struct command *c)
{
	for (int i = 0; c->texts[i]; i++)
		free(c->texts[i]);
	*c = (struct command){0};
}

/* The option as a command; false when it is not set. A list is its arguments, a text is for the shell. */
static bool command_of(const struct bg *b, const struct bg_side *side, const char *name, const char *release, struct command *ret)
{
	char path[64], item[96];
	uint32_t count;

	*ret = (struct command){0};
	snprintf(path, sizeof path, "%s.%s", side->name, name);
	count = b->host->option_count(b->call, path);
	for (uint32_t i = 0; i < count && i < ARGUMENTS; i++) {
		const char *s;

		snprintf(item, sizeof item, "%s[%u]", path, i);
		s = b->host->option(b->call, item);
		if (!s || !(ret->texts[i] = strdup(s)))
			return command_clear(ret), false;
	}
	if (count > 0) {
		ret->c.argv = (const char *const *)ret->texts;
	} else {
		const char *s = b->host->option(b->call, path);

		if (!s || !(ret->texts[0] = strdup(s)))
			return false;
		ret->c.shell = ret->texts[0];
	}
	snprintf(ret->target, sizeof ret->target, "FAILBACK_TARGET=%s", side->name);
	snprintf(ret->release, sizeof ret->release, "FAILBACK_RELEASE=%s", release);
	ret->environment[0] = ret->target;
	ret->environment[1] = ret->release;
	ret->c.environment = ret->environment;
	return true;
}

bool bg_can_start(const struct bg *b, const struct bg_side *side)
{
	struct command c;
	bool can = command_of(b, side, "start", "", &c);

	command_clear(&c);
	return can;
}

static bool has_stop(const struct bg *b, const struct bg_side *side)
{
	struct command c;
	bool has = command_of(b, side, "stop", "", &c);

	command_clear(&c);
	return has;
}

/* Runs the side's command to its end, as those with a service manager do. */
static int run(struct bg *b, const struct bg_side *side, const char *what, const char *release)
{
	struct fb_command_result r = {0};
	struct command c;
	int rc;

	if (!command_of(b, side, what, release, &c))
		return BG_ERROR;
	rc = b->host->run(b->call, &c.c, &r);
	if (rc)
		b->host->fail(b->call, "the command '%s.%s' could not be started; the log says why", side->name, what);
	else if (r.timed_out)
		b->host->fail(b->call, "the command '%s.%s' did not end within its time", side->name, what);
	else if (r.exit_code != 0)
		b->host->fail(b->call, "the command '%s.%s' ended with %s %d; its last words: %.200s", side->name, what, r.signal ? "signal" : "exit code",
			      r.signal ? r.signal : r.exit_code, r.output && r.output_size ? r.output + (r.output_size > 200 ? r.output_size - 200 : 0) : "(none)");
	command_clear(&c);
	return rc || r.timed_out || r.exit_code != 0 ? BG_ERROR : BG_MADE;
}

static int launch(struct bg *b, int which, const char *release)
{
	struct bg_side *side = &b->side[which];
	char base[64], key[BG_NAME];
	struct command c;
	int64_t pid = 0;
	int rc;

	snprintf(base, sizeof base, "start-%s", side->name);
	rc = bg_may(b, base, FB_REPEAT_IDEMPOTENT, key, "start release %s on the %s side, where no user sees it", release, side->name);
	if (rc != BG_MADE)
		return rc;
	if (has_stop(b, side)) {
		rc = run(b, side, "start", release);
	} else if (command_of(b, side, "start", release, &c)) {
		rc = b->host->start_service(b->call, side->name, &c.c, &pid) ? BG_ERROR : BG_MADE;
		if (rc)
			b->host->fail(b->call, "release %s could not be started on the %s side; the log says why", release, side->name);
		command_clear(&c);
	}
	if (rc == BG_MADE && b->host->fact_set(b->call, FB_SCOPE_OWN, "started", release)) {
		b->host->fail(b->call, "that release %s was started could not be recorded in the journal", release);
		rc = BG_ERROR;
	}
	if (bg_done(b, key, rc == BG_MADE ? NULL : "failed") != BG_MADE)
		return BG_STOP;
	return rc;
}

/* Waits for the health URL, or without one for the process to be there. */
static int wait_healthy(struct bg *b, int which, const char *release)
{
	struct bg_side *side = &b->side[which];
	int64_t left = b->host->option_int(b->call, "validation_timeout", 300000), pause = 5;
	bool own = !has_stop(b, side) && b->host->service_pid(b->call, side->name) > 0;
	char text[BG_ERROR_SIZE];

	for (;;) {
		int healthy = bg_health(b, side, left < 2000 ? left : 2000, text);

		if (healthy != 0)
			return BG_MADE;
		if (own && b->host->service_pid(b->call, side->name) == 0) {
			b->host->fail(b->call, "release %s on the %s side ended before it was healthy (%s). Its log says why", release, side->name, text);
			return BG_ERROR;
		}
		if (left <= 0 || b->host->sleep_ms(b->call, pause)) {
			b->host->fail(b->call, "release %s on the %s side did not become healthy in time; the last answer was: %s", release, side->name, text);
			return BG_ERROR;
		}
		left -= pause;
		pause = pause < 100 ? pause * 2 : 100;
	}
}

/* A deployment starts its release anew, even if one of that name runs there: what it read at its start may have changed since. A recovery does not: users may be on it. */
static bool must_be_fresh(const struct bg *b, const char *release)
{
	const char *started = b->host->fact(b->call, FB_SCOPE_OWN, "started");

	return !b->call->failed && !(b->call->flags & FB_CALL_RECOVERY) && !(started && !strcmp(started, release)) && bg_can_start(b, &b->side[BG_BLUE]);
}

int bg_start(struct bg *b, int which, const char *release)
{
	struct bg_side *side = &b->side[which];
	char text[BG_ERROR_SIZE];
	bool there = !strcmp(side->release, release) && !must_be_fresh(b, release);
	int healthy = there ? bg_health(b, side, 1000, text) : 0, rc;

	if (healthy == 1 || (there && healthy < 0 && bg_reached(side) == 1))
		return BG_MADE;
	if (!bg_can_start(b, side)) {
		if (!there && bg_health(b, side, 1000, text) == 1) /* someone else starts it: what runs there is what was deployed there */
			return bg_remember_release(b, which, release);
		b->host->fail(b->call, "release %s does not run on the %s side, and there is no '%s.start' to start it with. Start it by hand and try again",
			      release, side->name, side->name);
		return BG_ERROR;
	}
	rc = bg_stop(b, which, "to make room for the release that is to start there");
	if (rc == BG_MADE)
		rc = bg_remember_release(b, which, release);
	if (rc == BG_MADE)
		rc = launch(b, which, release);
	return rc == BG_MADE ? wait_healthy(b, which, release) : rc;
}

int64_t bg_wait_idle(struct bg *b, int which)
{
	struct bg_side *side = &b->side[which];
	int64_t left = b->host->option_int(b->call, "drain_timeout", 10000), pause = 2;

	for (;;) {
		int64_t n;

		if (bg_look(b))
			return -1;
		n = side->server.in_flight + (side->spare.known ? side->spare.in_flight : 0);
		if (n == 0 || left <= 0 || b->host->sleep_ms(b->call, pause))
			return n;
		left -= pause;
		pause = pause < 50 ? pause * 2 : 50;
	}
}

int bg_stop(struct bg *b, int which, const char *why)
{
	struct bg_side *side = &b->side[which];
	bool own = !has_stop(b, side);
	char base[64], key[BG_NAME];
	int64_t left;
	int rc;

	if (own && b->host->service_pid(b->call, side->name) == 0)
		return BG_MADE;
	if (bg_in_rotation(&side->server)) {
		b->host->fail(b->call, "the %s side was not stopped: HAProxy still sends users to server %s/%s", side->name, b->backend, side->server.name);
		return BG_ERROR;
	}
	left = b->call->flags & FB_CALL_DRY_RUN ? 0 : bg_wait_idle(b, which);
	if (left < 0)
		return BG_ERROR;
	if (left > 0)
		b->host->log(b->call, FB_LOG_WARNING, "%lld requests were still in flight on the %s side when its drain time was over", (long long)left, side->name);
	snprintf(base, sizeof base, "stop-%s", side->name);
	rc = bg_may(b, base, FB_REPEAT_IDEMPOTENT, key, "stop the %s side (release %s) %s", side->name, side->release[0] ? side->release : "unknown", why);
	if (rc != BG_MADE)
		return rc;
	if (!own)
		rc = run(b, side, "stop", side->release);
	else if (b->host->stop_service(b->call, side->name, b->host->option_int(b->call, "stop_grace", 5000))) {
		b->host->fail(b->call, "the %s side could not be stopped; the log says why", side->name);
		rc = BG_ERROR;
	}
	if (bg_done(b, key, rc == BG_MADE ? NULL : "failed") != BG_MADE)
		return BG_STOP;
	return rc;
}
