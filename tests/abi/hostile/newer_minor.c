/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile: built with a newer minor ABI: all its structs are larger; it must work all the same. */
#include <failback/plugin.h>

#include <string.h>

struct newer_call {
	struct fb_call c;
	const char *added[16];
};
struct newer_host {
	struct fb_host h;
	void (*added[16])(void);
};
struct newer_option {
	struct fb_option o;
	const char *added[2];
};
struct newer_result {
	struct fb_command_result r;
	int64_t added[4];
};
struct newer_ops {
	struct fb_phase_ops o;
	int32_t (*added[4])(const struct fb_call *c);
};
struct newer_plugin {
	struct fb_plugin p;
	const char *added[8];
};

static int32_t run(const struct fb_call *call)
{
	const struct newer_call *c = (const struct newer_call *)call;
	const struct newer_host *h = (const struct newer_host *)call->host;
	const char *argv[] = {"/bin/echo", "hi", NULL};
	struct fb_command command = {.argv = argv};
	struct newer_result r;

	for (int i = 0; i < 16; i++)
		if (c->added[i] || h->added[i])
			return FB_FATAL; /* what the host does not have reads as NULL */
	memset(&r, 0x5a, sizeof r);
	if (h->h.run(call, &command, &r.r) < 0 || r.r.exit_code != 0)
		return FB_FAIL;
	for (int i = 0; i < 4; i++)
		if (r.added[i] != 0)
			return FB_RETRY;
	return strcmp(h->h.option(call, "second"), "two") == 0 ? FB_OK : FB_SKIP;
}

static const struct newer_ops ops = {.o = {.run = run}};
static const struct newer_option options[] = {
	{.o = {.name = "first", .type = FB_TYPE_STRING, .summary = "One"}, .added = {"x", "y"}},
	{.o = {.name = "second", .type = FB_TYPE_STRING, .default_value = "two", .summary = "Two"}, .added = {"x", "y"}},
	{.o = {0}},
};

FB_EXPORT const struct fb_plugin *failback_plugin_entry(uint32_t host_abi);
FB_EXPORT const struct fb_plugin *failback_plugin_entry(uint32_t host_abi)
{
	static const struct newer_plugin p = {
		.p = {.magic = FB_PLUGIN_MAGIC, .abi_major = FB_ABI_MAJOR, .abi_minor = 9, .struct_size = sizeof(struct newer_plugin), .kind = FB_KIND_PHASE,
		      .sizes = {sizeof(struct newer_call), sizeof(struct newer_host), sizeof(struct newer_option), sizeof(struct fb_command), sizeof(struct newer_result),
				0, 0, 0, 0, sizeof(struct newer_ops)},
		      .name = "newer-minor", .version = "1", .summary = "Newer", .license = "Apache-2.0", .options = &options[0].o, .phase = &ops.o},
		.added = {"unknown", "to", "us"},
	};

	(void)host_abi;
	return &p.p;
}
