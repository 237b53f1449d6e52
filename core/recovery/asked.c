/* SPDX-License-Identifier: Apache-2.0 */
/* A phase asks for an operation over services: what it may ask, and what the engine makes of the answer. */
#include <string.h>

#include "base/mem.h"
#include "failback/plugin.h"
#include "recovery/internal.h"

struct request {
	struct fb_engine *engine;
	struct fb_task *caller; /* NULL: it has ended */
	unsigned operation;
	bool undo;
};

static void forget(void *waiting)
{
	((struct request *)waiting)->caller = NULL;
}

/* Was it done for each service that is deployed? */
static bool is_whole(struct fb_context *x, const json_t *results)
{
	size_t i, good = 0, wanted = 0;
	const json_t *one;

	for (i = 0; i < x->service_count; i++)
		wanted += x->services[i].deploys;
	json_array_foreach(json_object_get(results, "services"), i, one) {
		const struct fb_service *s = fb_context_service(x, json_string_value(json_object_get(one, "service")));

		good += s && !s->item_of && json_integer_value(json_object_get(one, "answer")) == FB_OK;
	}
	return good == wanted;
}

static void answer(void *owner, int code, json_t *results)
{
	struct request *r = owner;
	struct fb_engine *e = r->engine;

	if (code <= FB_SKIP && e->x.recovering && !r->undo)
		fb_engine_operated(e, r->operation, is_whole(&e->x, results), r->caller);
	if (r->caller)
		fb_task_reply(r->caller, json_pack("{s:i, s:O}", "value", code, "json", results));
	fb_free(r);
}

void fb_engine_operate(struct fb_context *x, struct fb_task *caller, unsigned operation, const char *service, uint32_t share, uint32_t flags)
{
	struct request *r;
	struct fb_operation_spec spec = {.engine = x->owner, .operation = operation, .service = service, .share = share, .link = caller->spec.link, .link_name = caller->spec.link_name,
					 .deadline_ms = caller->spec.deadline_ms, .done = answer};

	if (service && !fb_context_service(x, service)) {
		fb_task_reply(caller, json_pack("{s:i, s:{s:[]}}", "value", FB_FATAL, "json", "services"));
		return;
	}
	spec.undo = (flags & FB_CALL_UNDO) != 0;
	spec.preserve = (flags & FB_CALL_PRESERVE) != 0;
	r = fb_alloc(sizeof *r);
	r->engine = x->owner;
	r->caller = caller;
	r->operation = operation;
	r->undo = spec.undo;
	caller->waiting = r;
	caller->cancel = forget;
	spec.owner = r;
	fb_operate(&spec);
}
