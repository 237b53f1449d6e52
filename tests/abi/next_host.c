/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host of the next minor (next.awk) would do with its new members, wrapped around today's own code by the linker (--wrap): it sets those that it
 * hands out and shows those that it gets in an old member, where a test can see them.
 */
#include <string.h>

#include "base/mem.h"
#include "host/abi.h"
#include "host/worker.h"

const struct fb_host *__wrap_fb_services(void);
const struct fb_host *__real_fb_services(void);
void *__wrap_fb_abi_give(const struct fb_abi_struct *s, size_t theirs_size, const void *ours);
void *__real_fb_abi_give(const struct fb_abi_struct *s, size_t theirs_size, const void *ours);
void __wrap_fb_abi_put(const struct fb_abi_struct *s, void *theirs, size_t theirs_size, const void *ours);
void __real_fb_abi_put(const struct fb_abi_struct *s, void *theirs, size_t theirs_size, const void *ours);
void __wrap_fb_abi_take(const struct fb_abi_struct *s, void *ours, const void *theirs, size_t theirs_size);
void __real_fb_abi_take(const struct fb_abi_struct *s, void *ours, const void *theirs, size_t theirs_size);

static int32_t next_service(const struct fb_call *call, const char *text)
{
	fb_worker_log(fb_worker_of(call), FB_LOG_INFO, "the host was asked: %s", text);
	return 42;
}

const struct fb_host *__wrap_fb_services(void)
{
	static struct fb_host table;

	table = *__real_fb_services();
	table.next_service = next_service;
	return &table;
}

#define TOLD "told by the host"
#define TELL(type)                                                            \
	do {                                                                  \
		struct type *v = memcpy(fb_alloc(s->room), ours, s->room);    \
		v->next_text = TOLD;                                          \
		v->next_number = 7;                                           \
		v->next_more[4] = 9;                                          \
		return v;                                                     \
	} while (0)

/* A copy with the new members set; to be freed. */
static void *tell(const struct fb_abi_struct *s, const void *ours)
{
	switch (s - fb_abi_structs) {
	case FB_SIZE_CALL:
		TELL(fb_call);
	case FB_SIZE_EVENT:
		TELL(fb_event);
	case FB_SIZE_WAIT:
		TELL(fb_wait);
	case FB_SIZE_HEALTH:
		TELL(fb_health);
	case FB_SIZE_COMMAND_RESULT:
		TELL(fb_command_result);
	default:
		return memcpy(fb_alloc(s->room), ours, s->room);
	}
}

void *__wrap_fb_abi_give(const struct fb_abi_struct *s, size_t theirs_size, const void *ours)
{
	void *told = tell(s, ours), *given = __real_fb_abi_give(s, theirs_size, told);

	fb_free(told);
	return given;
}

void __wrap_fb_abi_put(const struct fb_abi_struct *s, void *theirs, size_t theirs_size, const void *ours)
{
	void *told = tell(s, ours);

	__real_fb_abi_put(s, theirs, theirs_size, told);
	fb_free(told);
}

void __wrap_fb_abi_take(const struct fb_abi_struct *s, void *ours, const void *theirs, size_t theirs_size)
{
	__real_fb_abi_take(s, ours, theirs, theirs_size);
	if (s == &fb_abi_plugin) {
		struct fb_plugin *p = ours;

		p->summary = p->next_text ? p->next_text : p->summary;
		return;
	}
	switch (s - fb_abi_structs) {
	case FB_SIZE_OPTION: {
		struct fb_option *o = ours;

		o->summary = o->name && o->next_text ? o->next_text : o->summary;
		break;
	}
	case FB_SIZE_SAMPLE: {
		struct fb_sample *v = ours;

		v->source = v->next_text ? v->next_text : v->source;
		break;
	}
	case FB_SIZE_HEALTH: {
		struct fb_health *v = ours;

		v->text = v->next_text && v->next_number == 11 ? v->next_text : v->text;
		break;
	}
	case FB_SIZE_COMMAND: {
		struct fb_command *v = ours;

		v->log = v->next_text ? v->next_text : v->log;
		break;
	}
	case FB_SIZE_WAIT: {
		struct fb_wait *v = ours;

		if (v->next_text && v->next_number != 11)
			v->until_ms = INT64_MAX; /* the plugin's own must have come: the test would wait for ever */
		break;
	}
	default:
		break;
	}
}
