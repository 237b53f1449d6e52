/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile: its descriptor begins with something else. */
#include <failback/plugin.h>

static int32_t run(const struct fb_call *c)
{
	(void)c;
	return FB_OK;
}

static const struct fb_phase_ops ops = {.run = run};

FB_EXPORT const struct fb_plugin *failback_plugin_entry(uint32_t host_abi);
FB_EXPORT const struct fb_plugin *failback_plugin_entry(uint32_t host_abi)
{
	static struct fb_plugin p = {
		.magic = FB_PLUGIN_MAGIC, .abi_major = FB_ABI_MAJOR, .abi_minor = FB_ABI_MINOR, .struct_size = sizeof(struct fb_plugin), .kind = FB_KIND_PHASE,
		.sizes = {sizeof(struct fb_call), sizeof(struct fb_host), sizeof(struct fb_option), sizeof(struct fb_command), sizeof(struct fb_command_result),
			  sizeof(struct fb_health), sizeof(struct fb_wait), sizeof(struct fb_sample), sizeof(struct fb_event), sizeof(struct fb_phase_ops),
			  sizeof(struct fb_strategy_ops), sizeof(struct fb_check_ops), sizeof(struct fb_notifier_ops)},
		.name = "wrong-magic", .version = "1", .summary = "Hostile", .license = "Apache-2.0", .phase = &ops,
	};

	(void)host_abi;
	p.magic = 0x12345678;
	return &p;
}
