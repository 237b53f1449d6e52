/* SPDX-License-Identifier: Apache-2.0 */
/* Checks what a plugin declares about its options, so that a mistake in it is found when it is loaded and not in the middle of a recovery. */
#include "host/declared.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "host/abi.h"

#define NAME_LIMIT 127u
#define TEXT_LIMIT 2000u

/* Not llround: libm would be one more library to load in every host. */
int64_t fb_round(double d)
{
	return (int64_t)(d < 0 ? d - 0.5 : d + 0.5);
}

static const char *const types[] = {NULL,   "string", "int", "bool", "duration", "size",  "choice", "command",
				    "list", "map",    "url", "path", "float",    "percent", "groups"};

static const struct {
	const char *name;
	int64_t ms; /* 0: bytes */
} units[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"bytes", 0}};

const char *fb_declared_type(uint32_t type)
{
	return type < sizeof types / sizeof *types ? types[type] : NULL;
}

/* member ("." member)*, each [a-z][a-z0-9_-]* with an optional "[]" before a further member */
static bool name_is_allowed(const char *s)
{
	for (;;) {
		size_t n;

		if (*s < 'a' || *s > 'z')
			return false;
		n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-");
		s += n;
		if (!*s)
			return true;
		if (s[0] == '[' && s[1] == ']' && s[2] == '.')
			s += 2;
		if (*s++ != '.')
			return false;
	}
}

static int bare_unit(const struct fb_option *o, int64_t *ret_ms)
{
	for (size_t i = 0; o->unit && i < sizeof units / sizeof *units; i++)
		if (fb_streq(units[i].name, o->unit) && (units[i].ms == 0) == (o->type == FB_TYPE_SIZE)) {
			*ret_ms = units[i].ms;
			return 0;
		}
	return -1;
}

static int whole_number(const char *s, int64_t *ret, struct fb_err *err)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(s, &end, 10);
	if (end == s || *end || errno)
		return fb_err_set(err, FB_EXIT_CONFIG, "'%s' is not a whole number", s);
	*ret = n;
	return 0;
}

static int truth(const char *s, int64_t *ret, struct fb_err *err)
{
	if (!fb_streq(s, "true") && !fb_streq(s, "false"))
		return fb_err_set(err, FB_EXIT_CONFIG, "'%s' is neither true nor false", s);
	*ret = s[0] == 't';
	return 0;
}

/* "50%" or a ratio "0.5", in basis points */
static int percentage(const char *s, int64_t *ret, struct fb_err *err)
{
	char *end;
	double d = strtod(s, &end);

	if (end == s || !isfinite(d) || (strcmp(end, "%") != 0 && *end) || d < 0 || d > 1e6)
		return fb_err_set(err, FB_EXIT_CONFIG, "'%s' is not a percentage such as \"50%%\" or 0.5", s);
	*ret = fb_round(d * (*end ? 100 : 10000));
	return 0;
}

static int millionths(const char *s, int64_t *ret, struct fb_err *err)
{
	char *end;
	double d = strtod(s, &end);

	if (end == s || *end || !isfinite(d) || fabs(d) > 9e12)
		return fb_err_set(err, FB_EXIT_CONFIG, "'%s' is not a number", s);
	*ret = fb_round(d * 1e6);
	return 0;
}

int fb_declared_int(const struct fb_option *o, const char *text, int64_t *ret, struct fb_err *err)
{
	int64_t unit = 0;

	switch (o->type) {
	case FB_TYPE_BOOL:
		return truth(text, ret, err);
	case FB_TYPE_DURATION:
		if (bare_unit(o, &unit) < 0)
			unit = 0;
		return fb_duration_parse(text, unit, ret, err);
	case FB_TYPE_SIZE:
		return fb_size_parse(text, ret, err);
	case FB_TYPE_PERCENT:
		return percentage(text, ret, err);
	case FB_TYPE_FLOAT:
		return millionths(text, ret, err);
	default:
		return whole_number(text, ret, err);
	}
}

static bool is_number(uint32_t type)
{
	return type == FB_TYPE_INT || type == FB_TYPE_DURATION || type == FB_TYPE_SIZE || type == FB_TYPE_FLOAT || type == FB_TYPE_PERCENT;
}

static bool is_choice(const char *choices, const char *s)
{
	size_t n = strlen(s);

	for (const char *p = choices; *p;) {
		size_t m = strcspn(p, "|");

		if (m == n && memcmp(p, s, n) == 0)
			return true;
		p += m + (p[m] == '|');
	}
	return false;
}

static int check_default(const struct fb_option *o, struct fb_err *err)
{
	const char *s = o->default_value;
	int64_t n = 0;

	if (!s)
		return 0;
	if (o->flags & FB_OPTION_REQUIRED)
		return fb_err_set(err, FB_EXIT_PLUGIN, "it is required and has a default: take one of the two away");
	if (is_number(o->type) || o->type == FB_TYPE_BOOL) {
		if (fb_declared_int(o, s, &n, err) < 0)
			return fb_err_prefix(err, "its default cannot be read");
		if (is_number(o->type) && (o->min || o->max) && (n < o->min || n > o->max))
			return fb_err_set(err, FB_EXIT_PLUGIN, "its default '%s' is outside of its own range", s);
	}
	if (o->type == FB_TYPE_CHOICE && !is_choice(o->choices, s))
		return fb_err_set(err, FB_EXIT_PLUGIN, "its default '%s' is none of its choices %s", s, o->choices);
	if (o->type == FB_TYPE_PATH && s[0] != '/')
		return fb_err_set(err, FB_EXIT_PLUGIN, "its default '%s' is not an absolute path", s);
	if (o->type == FB_TYPE_URL && !fb_has_prefix(s, "http://") && !fb_has_prefix(s, "https://"))
		return fb_err_set(err, FB_EXIT_PLUGIN, "its default '%s' is neither an http nor an https URL", s);
	if (o->type == FB_TYPE_MAP || o->type == FB_TYPE_GROUPS)
		return fb_err_set(err, FB_EXIT_PLUGIN, "a %s can have no default", fb_declared_type(o->type));
	return 0;
}

static int check_strings(const struct fb_option *o, struct fb_err *err)
{
	const struct {
		const char *what, *text;
	} all[] = {{"default", o->default_value}, {"choices", o->choices}, {"unit", o->unit}, {"alias", o->alias}, {"summary", o->summary}};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		json_t *text;

		if (!all[i].text)
			continue;
		if (strnlen(all[i].text, TEXT_LIMIT + 1) > TEXT_LIMIT)
			return fb_err_set(err, FB_EXIT_PLUGIN, "its %s is longer than %u bytes", all[i].what, TEXT_LIMIT);
		text = json_string(all[i].text);
		if (!text)
			return fb_err_set(err, FB_EXIT_PLUGIN, "its %s is not UTF-8", all[i].what);
		json_decref(text);
	}
	return o->summary ? 0 : fb_err_set(err, FB_EXIT_PLUGIN, "it has no summary: one line that says what it is for");
}

static int check_option(const struct fb_option *o, struct fb_err *err)
{
	int64_t unit;

	if (!fb_declared_type(o->type))
		return fb_err_set(err, FB_EXIT_PLUGIN, "its type %u is none that this failback knows (1 to 14): it may need a newer failback", o->type);
	if (check_strings(o, err) < 0)
		return -1;
	if (o->flags & ~(FB_OPTION_REQUIRED | FB_OPTION_SECRET))
		return fb_err_set(err, FB_EXIT_PLUGIN, "its flags 0x%x hold some that this failback does not know: it may need a newer failback", o->flags);
	if (o->type == FB_TYPE_CHOICE && (!o->choices || !*o->choices))
		return fb_err_set(err, FB_EXIT_PLUGIN, "it is a choice without choices: set .choices = \"a|b\"");
	if (o->unit && bare_unit(o, &unit) < 0)
		return fb_err_set(err, FB_EXIT_PLUGIN, "its unit '%s' is none for a %s: ms, s, min for durations, bytes for sizes", o->unit, fb_declared_type(o->type));
	if (o->alias && !name_is_allowed(o->alias))
		return fb_err_set(err, FB_EXIT_PLUGIN, "its alias '%s' is no name of an option", o->alias);
	if (o->min > o->max)
		return fb_err_set(err, FB_EXIT_PLUGIN, "its range is empty (%lld to %lld)", (long long)o->min, (long long)o->max);
	return check_default(o, err);
}

static const struct fb_option *by_name(const struct fb_loaded *l, const char *name)
{
	for (int i = 0; name && i < l->option_count; i++)
		if (fb_streq(l->options[i].name, name) || fb_streq(l->options[i].alias, name))
			return &l->options[i];
	return NULL;
}

int fb_declared_take(struct fb_loaded *l, const char *path, struct fb_err *err)
{
	const char *p = (const char *)l->plugin.options;
	size_t stride = l->plugin.sizes[FB_SIZE_OPTION];

	for (int i = 0; p; i++, p += stride) {
		struct fb_option o;

		fb_abi_take(&fb_abi_structs[FB_SIZE_OPTION], &o, p, stride);
		if (!o.name)
			break;
		if (i >= FB_OPTIONS_LIMIT)
			return fb_err_set(err, FB_EXIT_PLUGIN, "%s declares more than %d options: end the array with a zero entry, {0}", path, FB_OPTIONS_LIMIT);
		if (strnlen(o.name, NAME_LIMIT + 1) > NAME_LIMIT || !name_is_allowed(o.name))
			return fb_err_set(err, FB_EXIT_PLUGIN, "%s: the name of option %d, '%.*s', is not allowed: use a-z, 0-9, '_', '-', with '.' and '[].' between members", path, i + 1,
					  (int)NAME_LIMIT, o.name);
		if (check_option(&o, err) < 0) {
			if (err)
				err->code = FB_EXIT_PLUGIN; /* a default that cannot be read is the plugin's fault, not the configuration's */
			return fb_err_prefix(err, "%s: option '%s'", path, o.name);
		}
		if (by_name(l, o.name) || by_name(l, o.alias))
			return fb_err_set(err, FB_EXIT_PLUGIN, "%s: option '%s' is declared twice", path, by_name(l, o.name) ? o.name : o.alias);
		l->options[l->option_count++] = o;
	}
	return 0;
}

const struct fb_option *fb_declared_find(const struct fb_loaded *l, const char *path)
{
	char name[NAME_LIMIT + 1];
	size_t n = 0;

	for (const char *p = path; *p && n < sizeof name - 1; p++) {
		name[n++] = *p;
		if (*p == '[')
			p += strspn(p + 1, "0123456789");
	}
	name[n] = 0;
	return by_name(l, name);
}
