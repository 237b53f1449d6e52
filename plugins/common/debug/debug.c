/* SPDX-License-Identifier: Apache-2.0 */
/* Misbehaviour on demand: see debug.h. Everything here is meant. */
#include "plugins/common/debug/debug.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK (1024 * 1024)
#define DESCRIPTORS 256
#define LEFT_FOR 3600 /* seconds */

static bool is(const struct fb_call *call, const char *option, const char *value)
{
	const char *s = call->host->option(call, option);

	return s && !strcmp(s, value);
}

static bool is_named(const struct fb_call *call, const char *operation)
{
	uint32_t n = call->host->option_count(call, "on");
	char item[32];

	for (uint32_t i = 0; i < n; i++) {
		snprintf(item, sizeof(item), "on[%u]", (unsigned)i);
		if (is(call, item, operation))
			return true;
	}
	return n == 0;
}

enum debug_turn debug_turn(const struct fb_call *call, const char *kind, const char *operation)
{
	int64_t times = call->host->option_int(call, "times", 0), made;
	const char *known;
	char key[256], value[32];

	if (!is_named(call, operation))
		return DEBUG_OTHER;
	if (!times)
		return DEBUG_MEANT;
	snprintf(key, sizeof(key), "debug.%s.%.63s.%.63s.%s", kind, call->service ? call->service : "", call->link && !call->service ? call->link : "", operation);
	known = call->host->fact(call, FB_SCOPE_EXECUTION, key);
	made = known ? strtoll(known, NULL, 10) : 0;
	if (made >= times)
		return DEBUG_PAST;
	snprintf(value, sizeof(value), "%lld", (long long)made + 1);
	if (call->host->fact_set(call, FB_SCOPE_EXECUTION, key, value))
		call->host->log(call, FB_LOG_WARNING, "debug could not count this call");
	return DEBUG_MEANT;
}

/* ---- what it can be told to do ---- */

static int32_t grow(const struct fb_call *call, int64_t size)
{
	for (int64_t got = 0; got < size; got += BLOCK) {
		volatile char *block = malloc(BLOCK);

		if (!block) {
			call->host->fail(call, "debug got %lld MiB of the %lld MiB that it was told to eat: %s", (long long)(got / BLOCK), (long long)(size / BLOCK), strerror(errno));
			return FB_FAIL;
		}
		for (size_t i = 0; i < BLOCK; i += 4096)
			block[i] = 1;
	}
	call->host->log(call, FB_LOG_INFO, "debug has eaten %lld MiB", (long long)(size / BLOCK));
	return FB_OK;
}

static void leave_process(bool session)
{
	if (fork() != 0)
		return;
	if (session)
		setsid();
	sleep(LEFT_FOR);
	_exit(0);
}

static void scribble(void)
{
	static const char rubbish[] = "\377\376rubbish\n{\"m\": \"done\"\n";

	for (int fd = 0; fd < DESCRIPTORS; fd++)
		if (fcntl(fd, F_GETFD) >= 0 && write(fd, rubbish, sizeof(rubbish) - 1) < 0 && errno == EINTR)
			fd--;
}

static void crash(const char *name)
{
	static const struct { const char *name; int number; } all[] = {{"SIGABRT", SIGABRT}, {"SIGBUS", SIGBUS},   {"SIGFPE", SIGFPE},  {"SIGILL", SIGILL},
								       {"SIGKILL", SIGKILL}, {"SIGSEGV", SIGSEGV}, {"SIGTERM", SIGTERM}};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!strcmp(all[i].name, name)) {
			signal(all[i].number, SIG_DFL);
			raise(all[i].number);
		}
}

static void hang(bool ignore)
{
	signal(SIGTERM, ignore ? SIG_IGN : SIG_DFL);
	for (;;)
		pause();
}

static int32_t misbehave(const struct fb_call *call)
{
	const struct fb_host *h = call->host;
	int64_t size = h->option_int(call, "grow", 0), code = h->option_int(call, "exit", -1);
	int32_t answer = size ? grow(call, size) : FB_OK;
	const char *s;

	if (h->option(call, "fork"))
		leave_process(is(call, "fork", "session"));
	if (h->option_int(call, "scribble", 0))
		scribble();
	if ((s = h->option(call, "crash")))
		crash(s);
	if (code >= 0)
		_exit((int)code);
	if (h->option(call, "hang"))
		hang(is(call, "hang", "ignore"));
	return answer;
}

/* ---- the action ---- */

static int32_t change(const struct fb_call *call)
{
	const char *path = call->host->option(call, "file");
	char line[300];
	int fd, n;

	if (!path)
		return FB_OK;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	n = snprintf(line, sizeof(line), "%.80s %.80s %.80s\n", call->service ? call->service : "-", call->link ? call->link : "-", call->release ? call->release : "-");
	if (fd >= 0 && write(fd, line, (size_t)n) == n) {
		close(fd);
		return FB_OK;
	}
	call->host->fail(call, "debug cannot append a line to %s: %s; make it writable, or take 'file' away", call->host->option(call, "file"), strerror(errno));
	if (fd >= 0)
		close(fd);
	return FB_FAIL;
}

/* between: the misbehaviour comes between the change and its record. */
static int32_t act(const struct fb_call *call, bool between)
{
	const struct fb_host *h = call->host;
	int32_t repeat = is(call, "repeat", "probe") ? FB_REPEAT_PROBE : is(call, "repeat", "once") ? FB_REPEAT_ONCE : FB_REPEAT_IDEMPOTENT, answer, r;
	char key[128];

	snprintf(key, sizeof(key), "%.127s", h->option(call, "act"));
	answer = h->act(call, key, repeat, "what debug was told to do");
	h->log(call, FB_LOG_INFO, "the action '%s' is answered %s", key,
	       answer == FB_ACT_DO ? "do" : answer == FB_ACT_DONE ? "done" : answer == FB_ACT_UNSURE ? "unsure" : answer == FB_ACT_DRY ? "dry" : "no");
	switch (answer) {
	case FB_ACT_DO:
		break;
	case FB_ACT_UNSURE: /* it never looks: what it appends to a file can be appended again */
		if (h->act(call, key, FB_REPEAT_AGAIN, "what debug was told to do") != FB_ACT_DO)
			return FB_FAIL;
		break;
	case FB_ACT_DONE:
	case FB_ACT_DRY:
		return FB_OK;
	default:
		h->fail(call, "debug was told not to do '%s'", key);
		return FB_RETRY;
	}
	r = change(call);
	if (r == FB_OK && between)
		r = misbehave(call);
	if (r == FB_OK && h->acted(call, key, "done by debug")) {
		h->fail(call, "'%s' was done, but that could not be recorded", key);
		r = FB_FAIL;
	}
	return r;
}

int32_t debug_do(const struct fb_call *call, enum debug_turn turn)
{
	static const struct { const char *name; int32_t answer; } answers[] = {{"skip", FB_SKIP}, {"retry", FB_RETRY}, {"fail", FB_FAIL}, {"fatal", FB_FATAL}};
	const struct fb_host *h = call->host;
	int64_t delay = h->option_int(call, "delay", 0);
	const char *key = h->option(call, "act");
	bool acts = key && *key, meant = turn == DEBUG_MEANT, between = meant && acts && h->option_int(call, "between", 0);
	int32_t r = FB_OK;

	if (turn == DEBUG_OTHER)
		return FB_OK;
	if (meant && delay && h->sleep_ms(call, delay)) {
		h->fail(call, "debug was told to take %lld ms, and has less", (long long)delay);
		return FB_FAIL;
	}
	if (meant && !between)
		r = misbehave(call);
	if (r == FB_OK && acts)
		r = act(call, between);
	if (r != FB_OK || !meant)
		return r;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (is(call, "answer", answers[i].name)) {
			h->fail(call, "%s", h->option(call, "message"));
			return answers[i].answer;
		}
	return FB_OK;
}

int32_t debug_check(const struct fb_call *call)
{
	const struct fb_host *h = call->host;
	const char *key = h->option(call, "act");
	bool acts = key && *key;

	if (!acts && (h->option_int(call, "between", 0) || h->option(call, "file"))) {
		h->fail(call, "'between' and 'file' are about an action, and there is none: set 'act'");
		return FB_FATAL;
	}
	return FB_OK;
}
