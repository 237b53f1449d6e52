/* SPDX-License-Identifier: Apache-2.0 */
/* Before anything is changed: what is live, what we would return to, could it work at all. A resumed execution looks anew, and goes on where its
 * journal stands. */

#include "base/clock.h"
#include "base/mem.h"
#include "failback/plugin.h"
#include "recovery/aside.h"
#include "recovery/internal.h"
#include "recovery/targets.h"

static void refuse(struct fb_engine *e, const char *text)
{
	fb_engine_set_failure(e, text);
	e->status = "refused";
	e->exit_code = FB_EXIT_REFUSED;
	fb_engine_conclude(e);
}

/* What is to be done is known, and people are told that it begins: from here on, a resumed engine does not choose anew. */
static bool record_start(struct fb_engine *e)
{
	struct fb_err err;

	if (!fb_engine_begin_record(e))
		return false;
	if (fb_targets_store(e, &err) < 0)
		fb_context_lost(&e->x, &err);
	if (e->deploys) {
		char *text = fb_asprintf("%s has begun", json_string_value(json_object_get(e->x.frozen, "title")));

		fb_engine_tell(e, "deployment.started", text);
		fb_free(text);
	}
	return fb_engine_end_record(e);
}

static void ready(struct fb_engine *e)
{
	if (!record_start(e))
		return;
	fb_observe_start(e);
	if (e->deploys)
		fb_aside_warm(e);
	if (e->deploys)
		fb_engine_begin_backup(e);
	else
		fb_engine_begin_recovery(e, NULL, e->x.reason ? e->x.reason : "asked for");
}

static void checked(void *owner, int answer, json_t *results)
{
	struct fb_engine *e = owner;
	json_t *one;
	size_t i;

	if (e->x.is_lost)
		return;
	json_array_foreach(json_object_get(results, "services"), i, one) {
		const char *message = json_string_value(json_object_get(one, "message"));
		char *text;

		if (answer <= FB_SKIP || json_integer_value(json_object_get(one, "answer")) <= FB_SKIP)
			continue;
		text = fb_asprintf("the strategy of '%s' cannot work: %s", json_string_value(json_object_get(one, "service")), message ? message : "it did not say why");
		/* A recovery is not refused for a finding: it does what it can. */
		if (e->deploys) {
			refuse(e, text);
			fb_free(text);
			return;
		}
		fb_context_note(&e->x, NULL, FB_LOG_WARNING, text);
		fb_free(text);
	}
	ready(e);
}

static void ask_strategies(struct fb_engine *e, unsigned operation, void (*done)(void *, int, json_t *))
{
	struct fb_operation_spec spec = {.engine = e, .operation = operation, .link = "preflight", .link_name = "preflight", .deadline_ms = fb_clock_ms() + 10000,
					 .silent = operation != FB_OP_CHECK, .done = done, .owner = e};

	fb_operate(&spec);
}

static void adopted(void *owner, int answer, json_t *results)
{
	struct fb_engine *e = owner;
	struct fb_err err;

	(void)answer;
	if (e->x.is_lost)
		return;
	if (fb_targets_adopt(e, results, &err) < 0)
		fb_context_lost(&e->x, &err);
	else
		ask_strategies(e, FB_OP_CHECK, checked);
}

static void looked(void *owner, int answer, json_t *results)
{
	struct fb_engine *e = owner;
	struct fb_err err = {0};

	(void)answer;
	if (e->x.is_lost)
		return;
	fb_targets_states(e, results);
	if (e->x.resumed && fb_targets_restore(e)) {
		if (e->stage == FB_STAGE_RECOVERY) {
			fb_observe_start(e);
			fb_engine_begin_recovery(e, e->failed_link, e->failure);
		} else {
			fb_observe_start(e);
			fb_engine_begin_backup(e);
		}
		return;
	}
	switch (fb_targets_choose(e, &err)) {
	case FB_TARGETS_CHOSEN:
		ask_strategies(e, FB_OP_CHECK, checked);
		break;
	case FB_TARGETS_ADOPT:
		ask_strategies(e, FB_OP_VERIFY, adopted);
		break;
	case FB_TARGETS_NONE:
		refuse(e, err.text);
		break;
	default:
		fb_context_lost(&e->x, &err);
	}
}

void fb_engine_preflight(struct fb_engine *e)
{
	ask_strategies(e, FB_OP_STATE, looked);
}
