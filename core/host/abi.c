/* SPDX-License-Identifier: Apache-2.0 */
/* One table of sizes and three copies. `first` names the last member of the first release, not sizeof: ours may grow, the first release's may not. */
#include "host/abi.h"

#include <string.h>

#include "base/mem.h"

#ifdef FB_ABI_CUT /* a host of the tests, cut down to what an older release had: its table of sizes (tests/abi/RELEASE/sizes.h) */
#include FB_ABI_CUT
#else
#define OURS(type) sizeof(struct type)
#define OUR_MINOR FB_ABI_MINOR
#endif

#define END_OF(type, member) (offsetof(struct type, member) + sizeof(((struct type *)0)->member))
#define STRUCT(type, last, who) {.first = END_OF(type, last), .ours = OURS(type), .room = sizeof(struct type), .what = "struct " #type, .kinds = (who)}

#define EVERY 0x1eu
#define PHASE (1u << FB_KIND_PHASE)
#define STRATEGY (1u << FB_KIND_STRATEGY)
#define CHECK (1u << FB_KIND_CHECK)
#define NOTIFIER (1u << FB_KIND_NOTIFIER)

const uint32_t fb_abi_minor = OUR_MINOR;

const struct fb_abi_struct fb_abi_plugin = STRUCT(fb_plugin, notifier, EVERY);

const struct fb_abi_struct fb_abi_structs[FB_SIZES] = {
	[FB_SIZE_CALL] = STRUCT(fb_call, deadline_ms, EVERY),
	[FB_SIZE_HOST] = STRUCT(fb_host, retry_after, EVERY),
	[FB_SIZE_OPTION] = STRUCT(fb_option, summary, EVERY),
	[FB_SIZE_COMMAND] = STRUCT(fb_command, log, EVERY),
	[FB_SIZE_COMMAND_RESULT] = STRUCT(fb_command_result, elapsed_ms, EVERY),
	[FB_SIZE_HEALTH] = STRUCT(fb_health, text, CHECK),
	[FB_SIZE_WAIT] = STRUCT(fb_wait, until_ms, CHECK | STRATEGY),
	[FB_SIZE_SAMPLE] = STRUCT(fb_sample, reset, STRATEGY),
	[FB_SIZE_EVENT] = STRUCT(fb_event, report, NOTIFIER),
	[FB_SIZE_PHASE_OPS] = STRUCT(fb_phase_ops, undo, PHASE),
	[FB_SIZE_STRATEGY_OPS] = STRUCT(fb_strategy_ops, observe, STRATEGY),
	[FB_SIZE_CHECK_OPS] = STRUCT(fb_check_ops, end, CHECK),
	[FB_SIZE_NOTIFIER_OPS] = STRUCT(fb_notifier_ops, notify, NOTIFIER),
};

static size_t both(const struct fb_abi_struct *s, size_t theirs)
{
	return theirs < s->ours ? theirs : s->ours;
}

void fb_abi_take(const struct fb_abi_struct *s, void *ours, const void *theirs, size_t theirs_size)
{
	memset(ours, 0, s->room);
	memcpy(ours, theirs, both(s, theirs_size));
}

void fb_abi_put(const struct fb_abi_struct *s, void *theirs, size_t theirs_size, const void *ours)
{
	memset(theirs, 0, theirs_size);
	memcpy(theirs, ours, both(s, theirs_size));
}

void *fb_abi_give(const struct fb_abi_struct *s, size_t theirs_size, const void *ours)
{
	void *theirs = fb_alloc(theirs_size > s->room ? theirs_size : s->room);

	memcpy(theirs, ours, both(s, theirs_size));
	return theirs;
}
