/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin's options: are wrong ones refused by what it declares, and which are it called with? */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/redact.h"
#include "cli/check/check.h"
#include "cli/cli.h"
#include "config/secret.h"

#define FILE_LIMIT (1024 * 1024)

static const char *text_of(const json_t *o, const char *member)
{
	const char *s = json_string_value(json_object_get(o, member));

	return s ? s : "";
}

/* ---- refusals ---- */

/* Is the text of settings refused, and does the sentence name the option? */
static bool is_refused(const struct fb_check_run *c, const char *settings, const char *about)
{
	/* in the group "options" no name means anything else */
	char *text = fb_asprintf("options = { %s };", settings);
	struct fb_errs errs = {0};
	json_t *options = NULL;
	bool found = false;

	if (fb_config_options("test", text, c->descriptor, &options, &errs) == 0)
		json_decref(options);
	for (size_t i = 0; i < errs.n; i++)
		found |= strstr(errs.v[i].text, about) != NULL;
	fb_errs_clear(&errs);
	fb_free(text);
	return found;
}

/* A value that no option of the type takes, at the option's own place: "blue = { server = …; }", "items = ( { path = …; } )". */
static char *wrong_setting(const json_t *o)
{
	const char *type = text_of(o, "type");
	bool group = strcmp(type, "map") == 0;
	struct fb_text open = {0}, close = {0};
	char *ret;

	for (const char *p = text_of(o, "name"); *p;) {
		size_t n = strcspn(p, ".[");

		fb_text_printf(&open, "%.*s = ", (int)n, p);
		p += n;
		if (fb_has_prefix(p, "[].")) {
			char *more = fb_asprintf("; } )%s", close.p ? close.p : "");

			fb_text_puts(&open, "( { ");
			fb_text_clear(&close);
			fb_text_puts(&close, more);
			fb_free(more);
			p += 3;
		} else if (*p == '.') {
			char *more = fb_asprintf("; }%s", close.p ? close.p : "");

			fb_text_puts(&open, "{ ");
			fb_text_clear(&close);
			fb_text_puts(&close, more);
			fb_free(more);
			p++;
		}
	}
	ret = fb_asprintf("%s%s%s;", open.p ? open.p : "", group ? "7" : "{ failback_check = 7; }", close.p ? close.p : "");
	fb_text_clear(&open);
	fb_text_clear(&close);
	return ret;
}

static void check_missing(struct fb_check_run *c)
{
	const json_t *o;
	struct fb_text taken = {0};
	int n = 0;
	size_t i;

	json_array_foreach(json_object_get(c->descriptor, "options"), i, o) {
		if (!json_is_true(json_object_get(o, "required")) || strpbrk(text_of(o, "name"), ".["))
			continue; /* a member of a group is required only where the group is given */
		n++;
		if (!is_refused(c, "", text_of(o, "name")))
			fb_text_printf(&taken, "%s'%s'", taken.n ? ", " : "", text_of(o, "name"));
	}
	if (taken.n)
		fb_check_failed(c, "refuses-missing", NULL, "a configuration without %s is taken", taken.p);
	else if (n)
		fb_check_ok(c, "refuses-missing", NULL, "each of %d required options is missed", n);
	else
		fb_check_skipped(c, "refuses-missing", NULL, "no option is required by itself");
	fb_text_clear(&taken);
}

static void check_types(struct fb_check_run *c)
{
	const json_t *o;
	struct fb_text taken = {0};
	size_t i, n = json_array_size(json_object_get(c->descriptor, "options"));

	json_array_foreach(json_object_get(c->descriptor, "options"), i, o) {
		const char *name = text_of(o, "name"), *last = strrchr(name, '.');
		char *settings = wrong_setting(o);

		if (!is_refused(c, settings, last ? last + 1 : name))
			fb_text_printf(&taken, "%s'%s'", taken.n ? ", " : "", name);
		fb_free(settings);
	}
	if (taken.n)
		fb_check_failed(c, "refuses-type", NULL, "a value of another type is taken for %s: it is declared too loosely", taken.p);
	else if (n)
		fb_check_ok(c, "refuses-type", NULL, "a value of another type is refused for each of %zu", n);
	else
		fb_check_skipped(c, "refuses-type", NULL, "no options");
	fb_text_clear(&taken);
}

void fb_check_refusals(struct fb_check_run *c)
{
	struct fb_errs errs = {0};
	json_t *options = NULL;

	if (is_refused(c, "failback_check_no_such_option = 1;", "failback_check_no_such_option"))
		fb_check_ok(c, "refuses-unknown", NULL, "an option that is not declared is refused");
	else
		fb_check_failed(c, "refuses-unknown", NULL, "an option that is not declared is taken");
	check_missing(c);
	check_types(c);
	if (fb_config_options("test", "", c->descriptor, &options, &errs) == 0)
		json_decref(options);
	for (size_t i = 0; i < errs.n; i++)
		if (strstr(errs.v[i].text, "own default"))
			fb_check_failed(c, "defaults", NULL, "%s", errs.v[i].text);
	fb_errs_clear(&errs);
}

/* ---- values ---- */

static const json_t *declared(const struct fb_check_run *c, const char *name)
{
	const json_t *o;
	size_t i;

	json_array_foreach(json_object_get(c->descriptor, "options"), i, o)
		if (fb_streq(text_of(o, "name"), name) || fb_streq(json_string_value(json_object_get(o, "alias")), name))
			return o;
	return NULL;
}

/* The value as it stands in a configuration: what is a word for people gets quotes, what is libconfig already stays. */
static void put_value(struct fb_text *t, const json_t *o, const char *value)
{
	const char *type = text_of(o, "type");
	bool bare = strchr("[({\"", *value) && *value;
	char *end;

	if (strcmp(type, "int") == 0 || strcmp(type, "bool") == 0 || strcmp(type, "float") == 0 || strcmp(type, "map") == 0 || strcmp(type, "groups") == 0 || strcmp(type, "list") == 0)
		bare = true;
	if (strcmp(type, "duration") == 0 || strcmp(type, "size") == 0 || strcmp(type, "percent") == 0)
		bare |= (strtod(value, &end), end != value && !*end);
	if (bare) {
		fb_text_puts(t, value);
		return;
	}
	fb_text_puts(t, "\"");
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			fb_text_puts(t, "\\");
		fb_text_add(t, value, 1);
	}
	fb_text_puts(t, "\"");
}

/* Adds all of sets (name: value text) that begin with prefix, those of one group together. */
static void put_sets(const struct fb_check_run *c, const json_t *sets, const char *prefix, struct fb_text *t)
{
	json_t *groups = json_object();
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)sets, name, value) {
		const char *rest = name + strlen(prefix);
		size_t n;

		if (!fb_has_prefix(name, prefix))
			continue;
		n = strcspn(rest, ".");
		if (!rest[n]) {
			fb_text_printf(t, "%s = ", rest);
			put_value(t, declared(c, name), json_string_value(value));
			fb_text_puts(t, ";\n");
		} else {
			char *group = fb_asprintf("%.*s", (int)n, rest), *inner = fb_asprintf("%s%s.", prefix, group);

			if (!json_object_get(groups, group)) {
				json_object_set_new(groups, group, json_true());
				fb_text_printf(t, "%s = {\n", group);
				put_sets(c, sets, inner, t);
				fb_text_puts(t, "};\n");
			}
			fb_free(group);
			fb_free(inner);
		}
	}
	json_decref(groups);
}

/* What --set says, as settings. NULL: a word was wrong, and told. */
static char *settings_of_sets(struct fb_check_run *c)
{
	json_t *sets = json_object();
	struct fb_text t = {0};
	bool good = true;

	for (int i = 0; i < c->cli->value_count; i++) {
		const char *set = c->cli->values[i].value, *equals;
		char *name;

		if (strcmp(c->cli->values[i].name, "set") != 0)
			continue;
		equals = strchr(set, '=');
		name = equals ? fb_asprintf("%.*s", (int)(equals - set), set) : NULL;
		if (!name || !*name || !isalpha((unsigned char)*name) || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-.") != strlen(name)) {
			fb_check_failed(c, "values", NULL, "--set '%s' is not NAME=VALUE", set);
			good = false;
		} else if (!equals[1]) {
			fb_check_failed(c, "values", NULL, "--set '%s' gives no value: leave it out for the default", set);
			good = false;
		} else {
			json_object_set_new(sets, name, json_string(equals + 1));
		}
		fb_free(name);
	}
	fb_text_puts(&t, "options = {\n");
	put_sets(c, sets, "", &t);
	fb_text_puts(&t, "};\n");
	json_decref(sets);
	if (good)
		return fb_text_take(&t);
	fb_text_clear(&t);
	return NULL;
}

/* "--set url=ADDRESS (address to ask)" for each that is missing. */
static void tell_missing(struct fb_check_run *c, const struct fb_errs *errs)
{
	struct fb_text pass = {0};
	const json_t *o;
	size_t i;

	json_array_foreach(json_object_get(c->descriptor, "options"), i, o) {
		char *words = fb_asprintf("'%s' is missing", text_of(o, "name"));

		for (size_t k = 0; k < errs->n; k++)
			if (strstr(errs->v[k].text, words)) {
				fb_text_printf(&pass, "%s--set %s=%s", pass.n ? " " : "", text_of(o, "name"), text_of(o, "type"));
				break;
			}
		fb_free(words);
	}
	fb_check_failed(c, "values", NULL, "its operations were not called, for want of values: pass %s, or --options FILE with such settings", pass.n ? pass.p : "values with --set");
	fb_text_clear(&pass);
}

static bool read_values(struct fb_check_run *c, const char *place, const char *text)
{
	struct fb_errs errs = {0};
	struct fb_err err = {0};
	json_t *options = NULL;
	bool missing = true;

	if (fb_config_options(place, text, c->descriptor, &options, &errs) < 0) {
		for (size_t i = 0; i < errs.n; i++)
			if (!strstr(errs.v[i].text, "is missing: ")) {
				char buf[sizeof errs.v[i].text + sizeof errs.v[i].file + 16];

				missing = false;
				fb_check_failed(c, "values", NULL, "%s", fb_err_format(&errs.v[i], buf, sizeof buf));
			}
		if (missing)
			tell_missing(c, &errs);
		fb_errs_clear(&errs);
		return false;
	}
	c->redactor = fb_redactor_new();
	c->options = fb_secret_resolve(options, json_object_get(c->descriptor, "options"), c->redactor, &err);
	json_decref(options);
	if (!c->options)
		fb_check_failed(c, "values", NULL, "%s", err.text);
	else
		fb_check_ok(c, "values", NULL, "%zu are set, defaults with them", json_object_size(c->options));
	return c->options != NULL;
}

bool fb_check_values(struct fb_check_run *c)
{
	const char *file = fb_cli_option(c->cli, "options");
	char *text = NULL;
	struct fb_err err = {0};
	bool good = false;

	if (file && fb_cli_option(c->cli, "set"))
		fb_check_failed(c, "values", NULL, "give the options with --options or with --set, not with both");
	else if (file && fb_io_read_file(file, FILE_LIMIT, &text, NULL, &err) < 0)
		fb_check_failed(c, "values", NULL, "%s", err.text);
	else if (file || (text = settings_of_sets(c)))
		good = read_values(c, file ? file : "--set", text);
	fb_free(text);
	return good;
}
