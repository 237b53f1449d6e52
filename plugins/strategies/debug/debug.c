/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strategy debug: a service that exists in failback's memory only. What is live is a fact of the service; deployments and recoveries of it are whole, and each
 * operation misbehaves as the options say. See plugins/common/debug.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/common/debug/debug.h"

#define ALL "[ \"state\", \"capture\", \"prove\", \"prepare\", \"shift\", \"protect\", \"restore\", \"verify\", \"evidence\", \"commit\", \"cleanup\", \"undo\" ]"
#define LIVE "debug.live"

static const struct fb_option options[] = {
	{.name = "on", .type = FB_TYPE_LIST, .summary = "In which operations: \"restore\"; in all when not set, in others it does what a good strategy does"},
	{.name = "operations", .type = FB_TYPE_LIST, .default_value = ALL, .summary = "What it offers"},
	{.name = "zero_downtime", .type = FB_TYPE_BOOL, .default_value = "true", .summary = "It says that it serves users all through"},
	DEBUG_OPTIONS,
	DEBUG_ACT_OPTIONS,
	{0},
};

/* FB_OK: go on with what a good strategy does. */
static int32_t first(const struct fb_call *call, const char *operation)
{
	return debug_do(call, debug_turn(call, "strategy", operation));
}

static int32_t put_live(const struct fb_call *call)
{
	const struct fb_host *h = call->host;
	char text[200], key[40];
	int32_t answer;

	snprintf(key, sizeof(key), "live/%u", call->attempt);
	snprintf(text, sizeof(text), "make release %.80s of %.60s live", call->release ? call->release : "?", call->service ? call->service : "?");
	answer = h->act(call, key, FB_REPEAT_IDEMPOTENT, text);
	if (answer == FB_ACT_DRY)
		return FB_OK;
	if (answer != FB_ACT_DO && answer != FB_ACT_DONE) {
		h->fail(call, "debug was told not to %s", text);
		return FB_RETRY;
	}
	if (h->fact_set(call, FB_SCOPE_SERVICE, LIVE, call->release ? call->release : "") || (answer == FB_ACT_DO && h->acted(call, key, NULL))) {
		h->fail(call, "debug could not record that it did %s", text);
		return FB_FAIL;
	}
	return FB_OK;
}

static int32_t state(const struct fb_call *call)
{
	const struct fb_host *h = call->host;
	int32_t r = first(call, "state");
	const char *live = h->fact(call, FB_SCOPE_SERVICE, LIVE);
	char json[300];

	if (r != FB_OK)
		return r;
	/* the name of a release needs no escape: it is checked where it comes in */
	snprintf(json, sizeof(json), live && *live ? "{\"release\": \"%.200s\", \"target\": null}" : "{\"release\": null, \"target\": null}", live);
	if (!h->report(call, "state", json))
		return FB_OK;
	h->fail(call, "debug could not report its state");
	return FB_FAIL;
}

static int32_t verify(const struct fb_call *call)
{
	const struct fb_host *h = call->host;
	int32_t r = first(call, "verify");
	const char *live = h->fact(call, FB_SCOPE_SERVICE, LIVE);

	if (r != FB_OK || (live && call->release && !strcmp(live, call->release)))
		return r;
	h->fail(call, "release %s is live, not %s", live && *live ? live : "none", call->release ? call->release : "none");
	return FB_FAIL;
}

static int32_t shift(const struct fb_call *call)
{
	int32_t r = first(call, "shift");

	return r == FB_OK && call->share == 10000 ? put_live(call) : r;
}

static int32_t restore(const struct fb_call *call)
{
	int32_t r = first(call, "restore");

	return r == FB_OK ? put_live(call) : r;
}

#define PLAIN(operation)                                                                                                                                 \
	static int32_t operation(const struct fb_call *call)                                                                                             \
	{                                                                                                                                                \
		return first(call, #operation);                                                                                                          \
	}
PLAIN(capture)
PLAIN(prove)
PLAIN(prepare)
PLAIN(protect)
PLAIN(evidence)
PLAIN(commit)
PLAIN(cleanup)
PLAIN(undo)

static const struct fb_strategy_ops ops = {
	.check = debug_check,
	.state = state,
	.capture = capture,
	.prove = prove,
	.prepare = prepare,
	.shift = shift,
	.protect = protect,
	.restore = restore,
	.verify = verify,
	.evidence = evidence,
	.commit = commit,
	.cleanup = cleanup,
	.undo = undo,
};

FB_PLUGIN(STRATEGY, .features = FB_FEATURE_ZERO_DOWNTIME | FB_FEATURE_BY_OPTIONS, .name = "debug", .version = "0.1.0",
	  .summary = "A service in memory, whose operations misbehave as its options say", .license = "Apache-2.0", .options = options, .strategy = &ops)
