/* SPDX-License-Identifier: Apache-2.0 */
/* What may go wrong around an operation, and what it must do then. */
#include <stdlib.h>
#include <string.h>

#include "cli/check/check.h"
#include "failback/plugin.h"

#define AT_ONCE_MS 2000
#define GRACE_MS 1000
#define DEADLINE_MS 300
#define LONG_MS 20 /* what takes less may be over before anything reaches it */

static int asked(const struct fb_check_run *c, const char *operation, const char *what)
{
	return (int)json_integer_value(json_object_get(json_object_get(c->asked, operation), what));
}

/* Told NO, or what nobody knows: it returns at once and has done nothing. */
static void say_no(struct fb_check_run *c, struct fb_check_host *h, const char *operation)
{
	static const struct {
		int answer;
		const char *words;
	} noes[] = {{FB_ACT_NO, "NO"}, {99, "99, which is no answer,"}};
	struct fb_check_heard heard;
	char answer[700];

	if (!asked(c, operation, "acts")) {
		fb_check_skipped(c, "no", operation, "it asked for no action");
		return;
	}
	for (size_t i = 0; i < 2; i++) {
		const struct fb_check_call call = {.operation = operation, .act = noes[i].answer};

		fb_check_make_call(c, h, &call, &heard);
		if (fb_check_common_fault(c, "no", operation, &heard))
			return;
		if (heard.refused && (heard.answer == FB_OK || heard.answer == FB_SKIP)) {
			fb_check_failed(c, "no", operation, "%s although act had answered %s: nothing was done, so answer FB_RETRY", fb_check_answer(&heard, answer, sizeof answer), noes[i].words);
			return;
		}
		if (heard.after_no_ms > AT_ONCE_MS || heard.refused > 1) {
			fb_check_failed(c, "no", operation, "went on for %lld ms and %d more actions after act had answered %s: return at once", (long long)heard.after_no_ms,
					heard.refused - 1, noes[i].words);
			return;
		}
	}
	fb_check_ok(c, "no", operation, "returned at once: %s", fb_check_answer(&heard, answer, sizeof answer));
}

/* Replies without what they should carry. */
static void say_nothing(struct fb_check_run *c, struct fb_check_host *h, const char *operation)
{
	const struct fb_check_call call = {.operation = operation, .act = FB_CHECK_NOTHING, .deaf = true};
	struct fb_check_heard heard;
	char answer[700];

	if (!asked(c, operation, "requests")) {
		fb_check_skipped(c, "broken-reply", operation, "it asked the engine for nothing");
		return;
	}
	fb_check_make_call(c, h, &call, &heard);
	if (!fb_check_common_fault(c, "broken-reply", operation, &heard))
		fb_check_ok(c, "broken-reply", operation, "%s", fb_check_answer(&heard, answer, sizeof answer));
}

/* How an operation ended that was to end, for "stop" and "deadline". */
static void judge_end(struct fb_check_run *c, const char *check, const char *operation, const struct fb_check_heard *heard, int64_t killed_after_ms)
{
	char answer[700];

	if (heard->cause == FB_CAUSE_ANSWER) {
		if (!fb_check_common_fault(c, check, operation, heard))
			fb_check_ok(c, check, operation, "returned after %lld ms, %s", (long long)heard->elapsed_ms, fb_check_answer(heard, answer, sizeof answer));
	} else if (heard->cause != FB_CAUSE_DEADLINE && heard->cause != FB_CAUSE_STOPPED) {
		fb_check_failed(c, check, operation, "%s", heard->message);
	} else if (heard->over_ms >= killed_after_ms - killed_after_ms / 10) {
		fb_check_failed(c, check, operation, "went on after SIGTERM for the whole grace and had to be killed: leave SIGTERM alone, or return when it comes");
	} else if (heard->leftover[0] || heard->changed[0]) {
		fb_check_failed(c, check, operation, "%s%s", heard->leftover[0] ? "left running: " : "changed ", heard->leftover[0] ? heard->leftover : heard->changed);
	} else {
		fb_check_ok(c, check, operation, "ended with SIGTERM after %lld ms", (long long)heard->elapsed_ms);
	}
}

/* When is it under way? *ret_ms: half of what it took in its dry run; 0: when it asks the engine. false: it is never seen under way, which was said. */
static bool is_under_way(struct fb_check_run *c, const char *check, const char *operation, int64_t *ret_ms)
{
	int took = asked(c, operation, "ms");

	*ret_ms = asked(c, operation, "requests") ? 0 : took / 2;
	if (asked(c, operation, "requests") || took >= LONG_MS)
		return true;
	fb_check_skipped(c, check, operation, "it asked the engine for nothing and returned after %d ms: too soon to be met under way", took);
	return false;
}

static void past_deadline(struct fb_check_run *c, struct fb_check_host *h, const char *operation)
{
	struct fb_check_call call = {.operation = operation, .flags = fb_check_is_plain(operation) ? 0 : FB_CALL_DRY_RUN, .act = FB_ACT_NO, .slow = true, .grace_ms = GRACE_MS};
	struct fb_check_heard heard;

	if (!is_under_way(c, "deadline", operation, &call.within_ms))
		return;
	if (!call.within_ms)
		call.within_ms = DEADLINE_MS;
	fb_check_make_call(c, h, &call, &heard);
	judge_end(c, "deadline", operation, &heard, GRACE_MS);
}

static void ask_to_stop(struct fb_check_run *c, struct fb_check_host *h, const char *operation)
{
	struct fb_check_call call = {.operation = operation, .flags = fb_check_is_plain(operation) ? 0 : FB_CALL_DRY_RUN, .act = FB_ACT_NO, .slow = true, .stop = true,
				     .within_ms = 10 * GRACE_MS, .grace_ms = GRACE_MS};
	struct fb_check_heard heard;

	if (!is_under_way(c, "stop", operation, &call.stop_ms))
		return;
	fb_check_make_call(c, h, &call, &heard);
	judge_end(c, "stop", operation, &heard, 2 * GRACE_MS); /* asked, after the grace SIGTERM, a second later SIGKILL */
}

void fb_check_faults(struct fb_check_run *c, struct fb_check_host *h)
{
	static void (*const all[])(struct fb_check_run *c, struct fb_check_host *h, const char *operation) = {say_no, say_nothing, past_deadline, ask_to_stop};
	const json_t *one;
	const char *operation;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		json_object_foreach(c->asked, operation, one)
			if (json_is_true(json_object_get(one, "fine")) && (strcmp(operation, "notify") != 0 || c->world.network_off))
				all[i](c, h, operation);
			else if (i == 0 && strcmp(operation, "notify") == 0)
				fb_check_skipped(c, "faults", operation, "it would tell people again and again: the network is on");
}

void fb_check_full_disk(struct fb_check_run *c)
{
	struct fb_check_host *h;
	const char *operation;
	const json_t *one;

	if (!c->world.full) {
		fb_check_skipped(c, "full-disk", NULL, "no file system can be mounted here: %s", c->world.why_not);
		return;
	}
	setenv("HOME", c->world.full, 1);
	setenv("TMPDIR", c->world.full, 1);
	h = fb_check_host_start(c, c->host_program, 0);
	json_object_foreach(c->asked, operation, one) {
		bool plain = fb_check_is_plain(operation);
		const struct fb_check_call call = {.operation = operation, .flags = plain ? 0 : FB_CALL_DRY_RUN, .act = plain ? FB_ACT_NO : FB_ACT_DRY, .deaf = true,
						   .scratch = c->world.full, .archive = c->world.full};
		struct fb_check_heard heard;
		char answer[700];

		if (!json_is_true(json_object_get(one, "fine")) || (strcmp(operation, "notify") == 0 && !c->world.network_off))
			continue;
		fb_check_make_call(c, h, &call, &heard);
		if (!fb_check_common_fault(c, "full-disk", operation, &heard))
			fb_check_ok(c, "full-disk", operation, "%s", fb_check_answer(&heard, answer, sizeof answer));
	}
	(void)!fb_check_host_end(h);
	setenv("HOME", c->world.home, 1);
	setenv("TMPDIR", c->world.tmp, 1);
}
