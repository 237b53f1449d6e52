/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sample plugins share. They are compiled against every frozen header, today's, and one that is not yet (FB_NEXT), and say in their log what
 * they see: each member, each answer. Of libc they use nothing, so that their binaries can be kept.
 */
#ifndef TESTS_ABI_SAMPLE_H
#define TESTS_ABI_SAMPLE_H

#include <failback/plugin.h>

#define SAY(...) c->host->log(c, FB_LOG_INFO, __VA_ARGS__)

static inline const char *text(const char *s)
{
	return s ? s : "-";
}

/* A struct that the host fills, with a guard behind it: a host that takes it for larger than its author has, steps on that. */
#define GUARD 0x5a5a5a5a5a5a5a5aull
#define GUARDED(type, name)              \
	struct {                         \
		struct type v;           \
		volatile uint64_t guard; \
	} name = {.guard = GUARD}
#define IS_GUARDED(name) ((name).guard == GUARD)

/* What a next minor adds: as the plugin sees it in what the host hands out. */
#ifdef FB_NEXT
#define SAY_NEXT(what, s) SAY("next %s: %s %d %d", what, text((s)->next_text), (int)(s)->next_number, (int)(s)->next_more[4])
#define GIVE_NEXT , .next_number = 11, .next_text = "told by the plugin"
#else
#define SAY_NEXT(what, s) ((void)0)
#define GIVE_NEXT
#endif

static inline void say_call(const struct fb_call *c)
{
	SAY("call: operation %u flags %u attempt %u share %u", c->operation, c->flags, c->attempt, c->share);
	SAY("call: %s %s %s %s %s %s %s", text(c->execution), text(c->environment), text(c->service), text(c->release), text(c->last_good), text(c->failed), text(c->link));
	SAY("call: %s %s %s deadline %d", text(c->reason), text(c->archive), text(c->scratch), c->deadline_ms > 0);
	SAY_NEXT("call", c);
}

#define OPERATION(name)                                \
	static int32_t do_##name(const struct fb_call *c) \
	{                                              \
		SAY(#name);                            \
		say_call(c);                           \
		return FB_OK;                          \
	}

#endif
