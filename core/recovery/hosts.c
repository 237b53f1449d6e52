/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin hosts of an engine: which program they are, in which sandboxes, and that they still are what an execution was checked with. */
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "recovery/internal.h"

char *fb_hosts_program(void)
{
	char self[PATH_MAX], *beside;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (n > 0) {
		self[n] = 0;
		*strrchr(self, '/') = 0;
		beside = fb_asprintf("%s/failback-host", self);
		if (access(beside, X_OK) == 0)
			return beside;
		fb_free(beside);
	}
	return fb_strdup(FB_LIBEXECDIR "/failback-host");
}

struct fb_pool *fb_hosts_pool(const struct fb_config *config, const char *host_program, const char *plan_file)
{
	json_t *sandboxes = fb_config_sandboxes(config, plan_file);
	const struct fb_pool_options options = {.host_program = host_program, .plugin_dirs = fb_config_plugin_dirs(config), .trusted_owner = fb_config_trusted_owner(config),
						.sandboxes = sandboxes};
	struct fb_pool *pool = fb_pool_new(&options);

	json_decref(sandboxes);
	return pool;
}

int fb_hosts_warm(struct fb_pool *pool, const json_t *frozen, struct fb_err *err)
{
	const json_t *plugins = json_object_get(frozen, "plugins"), *d, *now;
	size_t i;

	json_array_foreach(plugins, i, d)
		if (json_object_get(d, "sandbox")) /* not in chains of before there were any */
			fb_pool_confine(pool, json_string_value(json_object_get(d, "kind")), json_string_value(json_object_get(d, "name")), json_object_get(d, "sandbox"));
	json_array_foreach(plugins, i, d)
		fb_pool_expect(pool, json_string_value(json_object_get(d, "kind")), json_string_value(json_object_get(d, "name")));
	json_array_foreach(plugins, i, d) {
		const char *kind = json_string_value(json_object_get(d, "kind")), *name = json_string_value(json_object_get(d, "name"));

		now = fb_pool_describe(pool, kind, name, err);
		if (!now)
			return -1;
		if (!json_equal(json_object_get(now, "sha256"), json_object_get(d, "sha256")))
			return fb_err_set(err, FB_EXIT_REFUSED, "the plugin %s-%s is another file than when the execution began: put that one back, or end the execution with 'failback stop ID --force'",
					  kind, name);
	}
	return 0;
}
