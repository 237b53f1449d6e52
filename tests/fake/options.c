/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the fake host: checks them against what the plugin declares, fills defaults in and normalises, as the core does. Knows nothing of calls. */
#include "tests/fake/private.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

static const struct fb_option *option_at(const struct fb_plugin *plugin, size_t i)
{
	const struct fb_option *o;

	if (!plugin->options)
		return NULL;
	o = (const struct fb_option *)(const void *)((const char *)plugin->options + i * plugin->sizes[FB_SIZE_OPTION]);
	return o->name ? o : NULL;
}

static int64_t unit_ms(const char *unit)
{
	static const struct { const char *name; int64_t ms; } units[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}, {"d", 86400000}};

	for (size_t i = 0; unit && i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(units[i].name, unit))
			return units[i].ms;
	return 0;
}

static char *scalar_text(const json_t *v)
{
	if (json_is_string(v))
		return fb_strdup(json_string_value(v));
	if (json_is_integer(v))
		return fb_asprintf("%" JSON_INTEGER_FORMAT, json_integer_value(v));
	if (json_is_real(v))
		return fb_asprintf("%.17g", json_real_value(v));
	if (json_is_boolean(v))
		return fb_strdup(json_is_true(v) ? "true" : "false");
	return NULL;
}

char *fake_scalar_text(const json_t *v)
{
	return scalar_text(v);
}

static json_t *list_of_texts(const json_t *v)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(v))
		return NULL;
	json_array_foreach(v, i, item)
		if (!json_is_string(item))
			return NULL;
	return json_copy((json_t *)v);
}

static json_t *map_of_texts(const json_t *v)
{
	json_t *ret = json_object(), *item;
	const char *key;

	json_object_foreach((json_t *)v, key, item) {
		char *s = scalar_text(item);
		if (!s) {
			json_decref(ret);
			return NULL;
		}
		json_object_set_new(ret, key, json_string(s));
		fb_free(s);
	}
	return ret;
}

static json_t *number_in_range(const struct fb_option *o, int64_t n, char **ret_why)
{
	if ((o->min || o->max) && (n < o->min || n > o->max)) {
		*ret_why = fb_asprintf("option '%s': %lld is not within %lld and %lld", o->name, (long long)n, (long long)o->min, (long long)o->max);
		return NULL;
	}
	return json_integer(n);
}

static json_t *read_duration(const struct fb_option *o, const char *s, char **ret_why)
{
	struct fb_err err = {0};
	int64_t n;
	int rc = o->type == FB_TYPE_DURATION ? fb_duration_parse(s, unit_ms(o->unit), &n, &err) : fb_size_parse(s, &n, &err);

	if (rc) {
		*ret_why = fb_asprintf("option '%s': %s", o->name, err.text);
		return NULL;
	}
	return number_in_range(o, n, ret_why);
}

static json_t *read_number(const struct fb_option *o, const char *s, char **ret_why)
{
	char *end;
	double d = strtod(s, &end);
	bool percent = o->type == FB_TYPE_PERCENT && *end == '%';

	if (end == s || end[percent ? 1 : 0] || !isfinite(d)) {
		*ret_why = fb_asprintf("option '%s': '%s' is not a number", o->name, s);
		return NULL;
	}
	if (o->type == FB_TYPE_PERCENT)
		return number_in_range(o, (int64_t)(d * (percent ? 100 : 10000) + (d < 0 ? -0.5 : 0.5)), ret_why);
	if ((o->min || o->max) && (d * 1e6 < (double)o->min || d * 1e6 > (double)o->max)) {
		*ret_why = fb_asprintf("option '%s': %s is out of its range", o->name, s);
		return NULL;
	}
	return json_real(d);
}

static json_t *read_int(const struct fb_option *o, const char *s, char **ret_why)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(s, &end, 10);
	if (end == s || *end || errno) {
		*ret_why = fb_asprintf("option '%s': '%s' is not a whole number", o->name, s);
		return NULL;
	}
	return number_in_range(o, n, ret_why);
}

static bool is_choice(const char *choices, const char *s)
{
	size_t n = strlen(s);

	for (const char *p = choices; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
		if (!strncmp(p, s, n) && (p[n] == '|' || !p[n]))
			return true;
	return false;
}

static json_t *read_text(const struct fb_option *o, const char *s, char **ret_why)
{
	const char *what = NULL;

	if (o->type == FB_TYPE_CHOICE && !is_choice(o->choices, s))
		what = "is not one of its choices";
	else if (o->type == FB_TYPE_URL && !fb_has_prefix(s, "http://") && !fb_has_prefix(s, "https://"))
		what = "is not an http or https address";
	else if (o->type == FB_TYPE_PATH && *s != '/')
		what = "is not an absolute path";
	if (!what)
		return json_string(s);
	*ret_why = fb_asprintf("option '%s': '%s' %s", o->name, s, what);
	return NULL;
}

/* The value as the plugin shall see it: a new reference, or NULL with a reason. */
static json_t *normalise(const struct fb_option *o, const json_t *v, char **ret_why)
{
	char *s = NULL;
	json_t *ret = NULL;

	if (o->type == FB_TYPE_LIST || (o->type == FB_TYPE_COMMAND && json_is_array(v)))
		ret = list_of_texts(v);
	else if (o->type == FB_TYPE_MAP && json_is_object(v))
		ret = map_of_texts(v);
	else if (o->type == FB_TYPE_BOOL && json_is_boolean(v))
		ret = json_copy((json_t *)v);
	else if ((s = scalar_text(v)) && o->type != FB_TYPE_BOOL && o->type != FB_TYPE_MAP)
		switch (o->type) {
		case FB_TYPE_INT:
			ret = json_is_integer(v) ? read_int(o, s, ret_why) : NULL;
			break;
		case FB_TYPE_DURATION:
		case FB_TYPE_SIZE:
			ret = json_is_string(v) || o->unit ? read_duration(o, s, ret_why) : NULL;
			break;
		case FB_TYPE_FLOAT:
		case FB_TYPE_PERCENT:
			ret = read_number(o, s, ret_why);
			break;
		default:
			ret = json_is_string(v) ? read_text(o, s, ret_why) : NULL;
		}
	if (!ret && !*ret_why)
		*ret_why = fb_asprintf("option '%s' is of another type", o->name);
	fb_free(s);
	return ret;
}

/* A default is written as it would stand in the configuration; libconfig's lists in parentheses are read as JSON's. */
static json_t *read_default(const struct fb_option *o)
{
	json_t *v = NULL;

	if (o->type == FB_TYPE_STRING || o->type == FB_TYPE_CHOICE || o->type == FB_TYPE_URL || o->type == FB_TYPE_PATH || o->type == FB_TYPE_DURATION ||
	    o->type == FB_TYPE_SIZE || (o->type == FB_TYPE_COMMAND && *o->default_value != '['))
		return json_string(o->default_value);
	v = json_loads(o->default_value, JSON_DECODE_ANY, NULL);
	return v ? v : json_string(o->default_value);
}

static json_t *take(json_t *group, const char *name, size_t n)
{
	char *key = strndup(name, n);
	json_t *v = json_object_get(group, key);

	json_incref(v);
	json_object_del(group, key);
	free(key);
	return v;
}

/* name within the group given and the group made; both are walked for "a.b". Takes the value out of given, so that what is left is unknown. */
static int one_option(const struct fb_option *o, const char *name, json_t *given, json_t *made, char **ret_why)
{
	const char *dot = strchr(name, '.');
	json_t *v, *n;
	int rc = 0;

	if (dot) {
		char *head = strndup(name, (size_t)(dot - name));
		json_t *g = json_object_get(given, head), *m = json_object_get(made, head);
		json_t *nothing = json_object();
		if (!m) {
			m = json_object();
			json_object_set_new(made, head, m);
		}
		rc = one_option(o, dot + 1, json_is_object(g) ? g : nothing, m, ret_why);
		if (json_is_object(g) && !json_object_size(g))
			json_object_del(given, head);
		if (!json_object_size(m))
			json_object_del(made, head);
		json_decref(nothing);
		free(head);
		return rc;
	}
	v = take(given, name, strlen(name));
	if (!v && o->alias)
		v = take(given, o->alias, strlen(o->alias));
	if (!v && o->default_value)
		v = read_default(o);
	if (v) {
		n = normalise(o, v, ret_why);
		rc = n ? json_object_set_new(made, name, n) : -1;
	} else if (o->flags & FB_OPTION_REQUIRED) {
		*ret_why = fb_asprintf("option '%s' is required", o->name);
		rc = -1;
	}
	json_decref(v);
	return rc;
}

/* All options "prefix[].x", for each group of the list. */
static int groups(const struct fb_plugin *plugin, const char *name, json_t *given, json_t *made, char **ret_why)
{
	char *prefix = fb_asprintf("%s[].", name);
	json_t *list = take(given, name, strlen(name)), *out = json_array(), *item;
	const struct fb_option *o;
	size_t i;
	int rc = 0;

	json_array_foreach(list, i, item) {
		json_t *m = json_object();
		for (size_t k = 0; !rc && (o = option_at(plugin, k)); k++)
			if (fb_has_prefix(o->name, prefix))
				rc = one_option(o, o->name + strlen(prefix), item, m, ret_why);
		if (!rc && json_object_size(item)) {
			*ret_why = fb_asprintf("'%s' has a member that is not declared", name);
			rc = -1;
		}
		json_array_append_new(out, m);
		if (rc)
			break;
	}
	if (json_array_size(out))
		json_object_set(made, name, out);
	json_decref(out);
	json_decref(list);
	fb_free(prefix);
	return rc;
}

json_t *fake_normalise(const struct fb_plugin *plugin, const char *options_json, char **ret_why)
{
	json_error_t error;
	json_t *given = json_loads(options_json ? options_json : "{}", 0, &error), *made = json_object();
	const struct fb_option *o;
	int rc = 0;

	*ret_why = NULL;
	if (!given) {
		*ret_why = fb_asprintf("the test's options are not JSON: %s", error.text);
		rc = -1;
	}
	for (size_t i = 0; !rc && (o = option_at(plugin, i)); i++) {
		if (o->type == FB_TYPE_GROUPS)
			rc = groups(plugin, o->name, given, made, ret_why);
		else if (!strstr(o->name, "[]"))
			rc = one_option(o, o->name, given, made, ret_why);
	}
	if (!rc && json_object_size(given)) {
		*ret_why = fb_asprintf("option '%s' is not declared", json_object_iter_key(json_object_iter(given)));
		rc = -1;
	}
	json_decref(given);
	if (!rc)
		return made;
	json_decref(made);
	return NULL;
}

char *fake_refuse_options(const struct fb_plugin *plugin, const char *options_json)
{
	char *why;

	json_decref(fake_normalise(plugin, options_json, &why));
	return why;
}

const json_t *fake_find(const json_t *v, const char *path)
{
	while (v && *path) {
		size_t n = strcspn(path, ".[");
		if (n) {
			char *key = strndup(path, n);
			v = json_object_get(v, key);
			free(key);
			path += n;
		} else if (*path == '[') {
			char *end;
			unsigned long i = strtoul(path + 1, &end, 10);
			if (end == path + 1 || *end != ']')
				return NULL;
			v = json_array_get(v, i);
			path = end + 1;
		}
		if (*path == '.')
			path++;
	}
	return v;
}
