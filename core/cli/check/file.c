/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with the file, its descriptor and its table of options, before any operation is called. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/check/check.h"
#include "host/elf.h"
#include "host/load.h"

static const char *const kinds[] = {"phase", "strategy", "check", "notifier", NULL};

/* "notifier-mine.so" to kind and name. */
static bool split_name(struct fb_check_run *c)
{
	const char *file = strrchr(c->path, '/') + 1, *dash = strchr(file, '-'), *end = file + strlen(file) - 3;
	char *kind = dash ? fb_asprintf("%.*s", (int)(dash - file), file) : NULL, *name = NULL;
	bool known = false;

	for (const char *const *k = kinds; *k; k++)
		known |= kind && strcmp(*k, kind) == 0;
	if (known && end > dash + 1 && strcmp(end, ".so") == 0)
		name = fb_asprintf("%.*s", (int)(end - dash - 1), dash + 1);
	if (!name || !fb_name_valid(name)) {
		const char *near = kind ? fb_nearest(kind, kinds) : NULL;

		fb_check_failed(c, "file-name", NULL, "%s is not named <kind>-<name>.so%s%s%s; kinds are phase, strategy, check and notifier, a name has a-z, 0-9 and '-'", file,
				near && !known ? "; did you mean " : "", near && !known ? near : "", near && !known ? "-…?" : "");
		fb_free(kind);
		fb_free(name);
		return false;
	}
	c->kind = kind;
	c->name = name;
	fb_check_ok(c, "file-name", NULL, "%s: a %s named %s", file, kind, name);
	return true;
}

static bool check_trust(struct fb_check_run *c)
{
	struct fb_err err = {0};

	if (fb_io_safe_path(c->path, c->trusted < 0 ? (uid_t)-1 : (uid_t)c->trusted, &err) < 0) {
		fb_check_failed(c, "file-trust", NULL, "%s; failback loads no plugin that others may change", err.text);
		return false;
	}
	fb_check_ok(c, "file-trust", NULL, "the file and every folder above it belong to root or you, and nobody else may write them");
	return true;
}

static bool check_object(struct fb_check_run *c)
{
	struct fb_err err = {0};
	bool entry;

	if (fb_elf_check_file(c->path, FB_ENTRY, &err) == 0) {
		fb_check_ok(c, "object", NULL, "a shared object of this machine");
		fb_check_ok(c, "entry", NULL, "exports %s", FB_ENTRY);
		return true;
	}
	entry = strstr(err.text, " does not export ") != NULL;
	if (entry)
		fb_check_ok(c, "object", NULL, "a shared object of this machine");
	fb_check_failed(c, entry ? "entry" : "object", NULL, "%s", err.text);
	return false;
}

bool fb_check_file(struct fb_check_run *c)
{
	struct stat st;

	if (stat(c->path, &st) == 0 && !S_ISREG(st.st_mode)) {
		fb_check_failed(c, "object", NULL, "%s is not a regular file: give the plugin itself", c->path);
		return false;
	}
	return split_name(c) && check_trust(c) && check_object(c);
}

/* A licence is an SPDX expression: its words are what SPDX identifiers are made of. */
static void check_texts(struct fb_check_run *c)
{
	const char *license = json_string_value(json_object_get(c->descriptor, "license")), *summary = json_string_value(json_object_get(c->descriptor, "summary"));
	size_t n = strlen(summary);

	if (!*license)
		fb_check_failed(c, "license", NULL, "it is empty: set .license to an SPDX expression such as \"Apache-2.0\"");
	else if (strspn(license, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.+-:() ") != strlen(license))
		fb_check_failed(c, "license", NULL, "'%s' is no SPDX expression, such as \"Apache-2.0\" or \"MIT OR GPL-2.0-only\"", license);
	else
		fb_check_ok(c, "license", NULL, "%s", license);
	if (n == 0 || strchr(summary, '\n') || summary[n - 1] == '.')
		fb_check_failed(c, "summary", NULL, n == 0 ? "it is empty: one line that says what the plugin does" : "'%s': one line without a full stop, please", summary);
	else
		fb_check_ok(c, "summary", NULL, "%s", summary);
}

static void check_options(struct fb_check_run *c)
{
	const json_t *options = json_object_get(c->descriptor, "options"), *o;
	struct fb_text bad = {0};
	int required = 0, secret = 0;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)options, i, o) {
		const char *summary = json_string_value(json_object_get(o, "summary"));
		size_t n = summary ? strlen(summary) : 0;

		required += json_is_true(json_object_get(o, "required"));
		secret += json_is_true(json_object_get(o, "secret"));
		if (n == 0 || strchr(summary, '\n') || summary[n - 1] == '.')
			fb_text_printf(&bad, "%s'%s'", bad.n ? ", " : "", json_string_value(json_object_get(o, "name")));
	}
	fb_check_ok(c, "options", NULL, "%zu declared, %d required, %d secret: names, types, defaults and ranges fit", json_array_size(options), required, secret);
	if (bad.n)
		fb_check_failed(c, "options-summary", NULL, "the summary of %s should be one line, not empty and without a full stop: users read it in plugin show", bad.p);
	else
		fb_check_ok(c, "options-summary", NULL, "each option says in a line what it is for");
	fb_text_clear(&bad);
}

/* What the host had not come to when it refused. */
static void refused(struct fb_check_run *c, const char *stage, const char *why)
{
	static const char *const stages[] = {"load", "descriptor", "options", NULL};
	int i = 0;

	while (stages[i] && strcmp(stages[i], stage) != 0) {
		fb_check_ok(c, stages[i], NULL, "no fault");
		i++;
	}
	fb_check_failed(c, stages[i] ? stages[i] : "load", NULL, "%s", why);
	while (stages[i] && stages[++i])
		fb_check_skipped(c, stages[i], NULL, "the host has refused the plugin");
}

bool fb_check_descriptor(struct fb_check_run *c)
{
	struct fb_check_host *h = fb_check_host_start(c, c->host_program, 0);
	struct fb_err err = {0};
	const char *stage;
	const json_t *d = fb_check_host_describe(h, &err, &stage);
	char *refused_at = fb_strdup(stage); /* it is the host's */

	if (d)
		c->descriptor = json_deep_copy(d);
	if (!fb_check_host_end(h))
		fb_check_failed(c, "load", NULL, "processes that it started while it was loaded were still there after its host had ended");
	if (!c->descriptor)
		refused(c, refused_at, err.text);
	fb_free(refused_at);
	if (!c->descriptor)
		return false;
	fb_check_ok(c, "load", NULL, "a host has loaded it: no thread, no exit, no foreign descriptor touched");
	fb_check_ok(c, "descriptor", NULL, "ABI %s, magic and sizes fit; version %s, kind and name are the file's", json_string_value(json_object_get(c->descriptor, "abi")),
		    json_string_value(json_object_get(c->descriptor, "version")));
	check_texts(c);
	check_options(c);
	return true;
}
