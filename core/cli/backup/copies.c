/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/backup/copies.h"

#include <stdlib.h>
#include <string.h>

#include "config/secret.h"

const char *fb_copy_name(const json_t *copy)
{
	return json_string_value(json_object_get(copy, "name"));
}

const json_t *fb_copy_find(struct fb_cli *cli, const char *name, int *ret_code)
{
	const json_t *copies = fb_config_backup_store(cli->config)->copies, *one;
	const char **names = fb_alloc((json_array_size(copies) + 1) * sizeof *names), *near;
	struct fb_text all = {0};
	size_t i;

	json_array_foreach(copies, i, one) {
		names[i] = fb_copy_name(one);
		if (fb_streq(names[i], name)) {
			fb_free(names);
			fb_text_clear(&all);
			return one;
		}
		fb_text_printf(&all, "%s%s", i ? ", " : "", names[i]);
	}
	near = fb_nearest(name, names);
	*ret_code = fb_cli_fail(cli, FB_EXIT_USAGE, "no copy is named '%s'%s%s%s%s", name, near ? "; did you mean '" : all.n ? "; there are " : ": backup_store has no copies (failback.conf(5))",
				near ? near : all.n ? all.p : "", near ? "'?" : "", "");
	fb_text_clear(&all);
	fb_free(names);
	return NULL;
}

char *fb_copy_location(struct fb_cli *cli, const json_t *copy, int *ret_code)
{
	json_t *declared = json_pack("[{s:s, s:s}]", "name", "command", "type", "command");
	struct fb_err err = {0};
	json_t *resolved = fb_secret_resolve(copy, declared, NULL, &err);
	char *text = resolved ? json_dumps(resolved, JSON_COMPACT) : NULL;

	json_decref(resolved);
	json_decref(declared);
	if (!text) {
		fb_err_prefix(&err, "the copy '%s' in backup_store cannot be reached", fb_copy_name(copy));
		*ret_code = fb_cli_fail_err(cli, &err);
	}
	return text;
}

void fb_copy_location_end(char *text)
{
	if (!text)
		return;
	explicit_bzero(text, strlen(text));
	free(text);
}
