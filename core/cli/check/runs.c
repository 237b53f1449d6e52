/* SPDX-License-Identifier: Apache-2.0 */
/* Every operation in order: first in a dry run, which tells what the operation asks for, then with something going wrong. */
#include <string.h>

#include "cli/check/check.h"
#include "failback/plugin.h"

static const char *const answers[] = {"OK", "SKIP", "RETRY", "FAIL", "FATAL"};

bool fb_check_is_plain(const char *operation)
{
	return strcmp(operation, "probe") == 0 || strcmp(operation, "notify") == 0;
}

const char *fb_check_answer(const struct fb_check_heard *heard, char *buf, size_t size)
{
	if (heard->cause != FB_CAUSE_ANSWER)
		snprintf(buf, size, "%s", heard->message);
	else
		snprintf(buf, size, "answered %s%s%s", answers[heard->answer], *heard->message ? ": " : "", heard->message);
	return buf;
}

bool fb_check_common_fault(struct fb_check_run *c, const char *check, const char *operation, const struct fb_check_heard *heard)
{
	bool failure = heard->answer == FB_RETRY || heard->answer == FB_FAIL || heard->answer == FB_FATAL;

	if (heard->cause != FB_CAUSE_ANSWER)
		fb_check_failed(c, check, operation, "%s", heard->message);
	else if (heard->fault[0])
		fb_check_failed(c, check, operation, "%s", heard->fault);
	else if (heard->leftover[0])
		fb_check_failed(c, check, operation, "left running: %s; what must outlive a call is started with start_service", heard->leftover);
	else if (heard->changed[0] && strcmp(operation, "notify") != 0)
		fb_check_failed(c, check, operation, "changed %s, though act had not answered DO", heard->changed);
	else if (failure && !heard->message[0] && (strcmp(check, "dry-run") == 0 || strcmp(check, "call") == 0 || strcmp(check, "full-disk") == 0))
		fb_check_failed(c, check, operation, "answered %s without a sentence: call fail() with what was attempted, on what, what came back, what to do next", answers[heard->answer]);
	else
		return false;
	return true;
}

/* May it be called at all? */
static bool is_safe(struct fb_check_run *c, const char *operation)
{
	if (strcmp(operation, "notify") != 0 || c->world.network_off || c->network)
		return true;
	fb_check_skipped(c, "call", operation, "it would tell somebody: the network cannot be turned off here (%s); --network has it deliver one test event", c->world.why_not);
	return false;
}

static void dry_run(struct fb_check_run *c, struct fb_check_host *h, const char *operation)
{
	bool plain = fb_check_is_plain(operation);
	const char *check = plain ? "call" : "dry-run";
	const struct fb_check_call call = {.operation = operation, .flags = plain ? 0 : FB_CALL_DRY_RUN, .act = plain ? FB_ACT_NO : FB_ACT_DRY};
	struct fb_check_heard heard;
	char answer[700], acts[64] = "";

	fb_check_make_call(c, h, &call, &heard);
	json_object_set_new(c->asked, operation, json_pack("{s:i, s:i, s:I, s:b}", "acts", heard.acts, "requests", heard.requests, "ms", (json_int_t)heard.elapsed_ms, "fine", heard.cause == FB_CAUSE_ANSWER));
	if (fb_check_common_fault(c, check, operation, &heard))
		return;
	if (heard.acts)
		snprintf(acts, sizeof acts, "; would make %d change%s", heard.acts, heard.acts == 1 ? "" : "s");
	fb_check_ok(c, check, operation, "%s%s%s%s", fb_check_answer(&heard, answer, sizeof answer), acts, heard.changed[0] ? "; it changed " : "", heard.changed);
}

void fb_check_operations(struct fb_check_run *c)
{
	struct fb_check_host *h = fb_check_host_start(c, c->host_program, 0);
	struct fb_err err;
	const char *stage;
	json_t *one;
	size_t i;

	c->asked = json_object();
	if (!fb_check_host_describe(h, &err, &stage)) { /* it has just been loaded: something of this world is in its way */
		fb_check_failed(c, "load", NULL, "in a world of its own, with HOME and TMPDIR empty: %s", err.text);
		(void)!fb_check_host_end(h);
		return;
	}
	json_array_foreach(json_object_get(c->descriptor, "operations"), i, one)
		if (is_safe(c, json_string_value(one)))
			dry_run(c, h, json_string_value(one));
	fb_check_faults(c, h);
	if (!fb_check_host_end(h))
		fb_check_failed(c, "ends", NULL, "processes that came from it were still there after its host had ended");
	else
		fb_check_ok(c, "ends", NULL, "nothing of it is left when its host has ended");
	fb_check_engine_gone(c);
}
