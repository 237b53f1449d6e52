/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of declared options. A value of a secret option never gets into a message. Ranges hold in the unit that is kept: ms, bytes,
 * basis points, millionths of a float.
 */
#include "config/value.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "config/read.h"
#include "config/secret.h"

struct option {
	const char *name, *type, *unit;
	bool secret;
	int64_t min, max; /* both 0: no range */
	const json_t *choices;
};

static struct option option_of(const json_t *declared)
{
	return (struct option){
		.name = json_string_value(json_object_get(declared, "name")),
		.type = json_string_value(json_object_get(declared, "type")),
		.unit = json_string_value(json_object_get(declared, "unit")),
		.secret = json_is_true(json_object_get(declared, "secret")),
		.min = json_integer_value(json_object_get(declared, "min")),
		.max = json_integer_value(json_object_get(declared, "max")),
		.choices = json_object_get(declared, "choices"),
	};
}

static int64_t low(const struct option *o)
{
	return o->min || o->max ? o->min : INT64_MIN;
}

static int64_t high(const struct option *o)
{
	return o->min || o->max ? o->max : INT64_MAX;
}

static int64_t unit_ms(const char *unit)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};

	for (size_t i = 0; unit && i < sizeof units / sizeof *units; i++)
		if (strcmp(units[i].name, unit) == 0)
			return units[i].ms;
	return 0;
}

/* May this text stand here as far as secrets go? *ret_reference: it holds a reference. */
static bool check_secret(struct fb_errs *errs, const struct fb_node *node, const struct option *o, bool *ret_reference)
{
	const char *error = NULL;

	*ret_reference = fb_secret_is_reference(node->s, &error);
	if (error) {
		fb_node_error(errs, node, "%s", error);
		return false;
	}
	if (o->secret && !*ret_reference && *node->s && node->source->others_read) {
		fb_node_error(errs, node, "a secret stands in a file that every user of this machine can read: "
			      "write \"${env:NAME}\", \"${file:PATH}\" or \"${cred:NAME}\", or run 'chmod o-r %s'", node->source->path);
		return false;
	}
	return true;
}

static json_t *read_string(struct fb_errs *errs, const struct fb_node *node, const struct option *o)
{
	bool reference;

	if (node->type != FB_NODE_STRING) {
		if (o->secret && node->type != FB_NODE_BAD)
			fb_node_error(errs, node, "expected a string in quotes");
		else
			fb_read_expected(errs, node, node->type == FB_NODE_INT || node->type == FB_NODE_FLOAT ? "a string in quotes" : "a string");
		return NULL;
	}
	return check_secret(errs, node, o, &reference) ? json_string(node->s) : NULL;
}

static json_t *read_int(struct fb_errs *errs, const struct fb_node *node, const struct option *o)
{
	if (node->type != FB_NODE_INT) {
		fb_read_expected(errs, node, "a whole number");
		return NULL;
	}
	if (node->i < low(o) || node->i > high(o)) {
		fb_node_error(errs, node, "%" PRId64 " is out of range: expected %" PRId64 " to %" PRId64, node->i, low(o), high(o));
		return NULL;
	}
	return json_integer(node->i);
}

static json_t *read_float(struct fb_errs *errs, const struct fb_node *node, const struct option *o)
{
	bool range = o->min || o->max;
	double value;

	return fb_read_float(errs, node, range ? (double)o->min / 1e6 : -INFINITY, range ? (double)o->max / 1e6 : INFINITY, &value) ? json_real(value) : NULL;
}

static json_t *read_duration(struct fb_errs *errs, const struct fb_node *node, const struct option *o)
{
	int64_t ms;

	return fb_read_duration(errs, node, unit_ms(o->unit), low(o) < 0 ? 0 : low(o), high(o), &ms) ? json_integer(ms) : NULL;
}

static json_t *read_size(struct fb_errs *errs, const struct fb_node *node, const struct option *o)
{
	int64_t bytes;

	return fb_read_size(errs, node, o->unit != NULL, low(o) < 0 ? 0 : low(o), high(o), &bytes) ? json_integer(bytes) : NULL;
}

/* "50%", "12.5 %", 0.5: basis points */
static json_t *read_percent(struct fb_errs *errs, const struct fb_node *node, const struct option *o)
{
	bool range = o->min || o->max;
	int64_t least = range ? o->min : 0, most = range ? o->max : 10000;
	double value = node->type == FB_NODE_INT ? (double)node->i : node->f;
	char *end = NULL;

	if (node->type == FB_NODE_STRING && *node->s && strchr("0123456789.", *node->s)) {
		value = strtod(node->s, &end);
		end += strspn(end, " ");
		if (strcmp(end, "%") == 0)
			value /= 100;
		else if (*end)
			end = NULL;
	}
	if ((node->type == FB_NODE_STRING && !end) || (node->type != FB_NODE_STRING && node->type != FB_NODE_INT && node->type != FB_NODE_FLOAT)) {
		fb_read_expected(errs, node, "a share such as \"50%\" or 0.5");
		return NULL;
	}
	value = value * 10000;
	if (!(value >= (double)least - 0.5 && value <= (double)most + 0.5)) {
		fb_node_error(errs, node, "%g%% is out of range: expected %g%% to %g%%", value / 100, (double)least / 100, (double)most / 100);
		return NULL;
	}
	return json_integer((json_int_t)(value + 0.5));
}

static json_t *read_choice(struct fb_errs *errs, const struct fb_node *node, const struct option *o)
{
	size_t n = json_array_size(o->choices);
	const char **choices = fb_alloc((n + 1) * sizeof *choices), *value;
	json_t *ret = NULL;

	for (size_t i = 0; i < n; i++)
		choices[i] = json_string_value(json_array_get(o->choices, i));
	if (fb_read_choice(errs, node, choices, &value))
		ret = json_string(value);
	fb_free(choices);
	return ret;
}

static json_t *read_list(struct fb_errs *errs, const struct fb_node *node, const struct option *o)
{
	json_t *list;
	bool good = true;

	if (node->type != FB_NODE_LIST) {
		if (o->secret && node->type != FB_NODE_BAD)
			fb_node_error(errs, node, "expected a list of strings");
		else
			fb_read_expected(errs, node, "a list of strings");
		return NULL;
	}
	list = json_array();
	for (size_t i = 0; i < node->n; i++) {
		json_t *item = read_string(errs, &node->v[i], o);

		if (item)
			json_array_append_new(list, item);
		else
			good = false;
	}
	if (good)
		return list;
	json_decref(list);
	return NULL;
}

/* A map's value: text, or a number or truth value as its text. */
static json_t *read_map_value(struct fb_errs *errs, const struct fb_node *node, const struct option *o)
{
	char text[64];

	if (node->type == FB_NODE_INT)
		snprintf(text, sizeof text, "%" PRId64, node->i);
	else if (node->type == FB_NODE_FLOAT)
		snprintf(text, sizeof text, "%.15g", node->f);
	else if (node->type == FB_NODE_BOOL)
		snprintf(text, sizeof text, "%s", node->i ? "true" : "false");
	else
		return read_string(errs, node, o);
	return json_string(text);
}

static json_t *read_map(struct fb_errs *errs, const struct fb_node *node, const struct option *o)
{
	json_t *map;
	bool good = true;

	if (node->type != FB_NODE_GROUP) {
		if (o->secret && node->type != FB_NODE_BAD)
			fb_node_error(errs, node, "expected a group of strings { NAME = \"value\"; }");
		else
			fb_read_expected(errs, node, "a group of strings { NAME = \"value\"; }");
		return NULL;
	}
	map = json_object();
	for (size_t i = 0; i < node->n; i++) {
		json_t *value = read_map_value(errs, &node->v[i], o);

		if (value)
			json_object_set_new(map, node->v[i].name, value);
		else
			good = false;
	}
	if (good)
		return map;
	json_decref(map);
	return NULL;
}

/* Why a text is no http or https URL (RFC 3986, the parts we rely on); NULL: it is one. */
static const char *url_error(const char *s)
{
	const char *host, *end, *colon;
	size_t n;

	if (fb_has_prefix(s, "http://"))
		host = s + 7;
	else if (fb_has_prefix(s, "https://"))
		host = s + 8;
	else
		return "it does not begin with http:// or https://";
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p <= ' ' || strchr("\"<>\\^`{|}", *p))
			return "it has a character that must be percent-encoded";
	n = strcspn(host, "/?#");
	for (end = host + n; end > host && end[-1] != '@'; end--)
		;
	n -= (size_t)(end - host);
	host = end;
	colon = n && *host == '[' ? memchr(host, ']', n) : host;
	if (!colon)
		return "the address in [ ] has no end";
	colon = memchr(colon, ':', n - (size_t)(colon - host));
	if (!n || colon == host)
		return "it has no host";
	if (colon) {
		size_t digits = strspn(colon + 1, "0123456789");
		long port = digits && digits <= 5 ? strtol(colon + 1, NULL, 10) : 0;

		if (colon + 1 + digits != host + n || port < 1 || port > 65535)
			return "its port is not a number from 1 to 65535";
	}
	return NULL;
}

static json_t *read_place(struct fb_errs *errs, const struct fb_node *node, const struct option *o, bool url)
{
	const char *expected = url ? "a URL such as \"https://example.org/path\"" : "an absolute path", *why = NULL;
	bool reference;

	if (node->type != FB_NODE_STRING) {
		fb_read_expected(errs, node, expected);
		return NULL;
	}
	if (!check_secret(errs, node, o, &reference))
		return NULL;
	if (!reference) {
		if (url)
			why = url_error(node->s);
		else if (node->s[0] != '/')
			why = "it does not begin with /";
	}
	if (!why)
		return json_string(node->s);
	if (o->secret)
		fb_node_error(errs, node, "expected %s: %s", expected, why);
	else
		fb_node_error(errs, node, "'%.200s' is not %s: %s", node->s, expected, why);
	return NULL;
}

static json_t *read_command(struct fb_errs *errs, const struct fb_node *node)
{
	json_t *command;

	return fb_read_command(errs, node, &command) ? command : NULL;
}

json_t *fb_value_read(struct fb_errs *errs, const struct fb_node *node, const json_t *declared)
{
	struct option o = option_of(declared);
	bool b;

	if (fb_streq(o.type, "string"))
		return read_string(errs, node, &o);
	if (fb_streq(o.type, "int"))
		return read_int(errs, node, &o);
	if (fb_streq(o.type, "bool"))
		return fb_read_bool(errs, node, &b) ? json_boolean(b) : NULL;
	if (fb_streq(o.type, "duration"))
		return read_duration(errs, node, &o);
	if (fb_streq(o.type, "size"))
		return read_size(errs, node, &o);
	if (fb_streq(o.type, "choice"))
		return read_choice(errs, node, &o);
	if (fb_streq(o.type, "command"))
		return read_command(errs, node);
	if (fb_streq(o.type, "list"))
		return read_list(errs, node, &o);
	if (fb_streq(o.type, "map"))
		return read_map(errs, node, &o);
	if (fb_streq(o.type, "url") || fb_streq(o.type, "path"))
		return read_place(errs, node, &o, *o.type == 'u');
	if (fb_streq(o.type, "float"))
		return read_float(errs, node, &o);
	if (fb_streq(o.type, "percent"))
		return read_percent(errs, node, &o);
	fb_node_error(errs, node, "the plugin declares a type that is not known, '%s'", o.type ? o.type : "");
	return NULL;
}

/* A default's text as the node that it would be in a file; composed ones through the parser. */
static struct fb_tree *default_node(const char *type, const char *text)
{
	struct fb_text t = {0};
	struct fb_errs none = {0};
	struct fb_tree *tree;
	bool bare = fb_streq(type, "int") || fb_streq(type, "bool") || fb_streq(type, "float") || (*text && strchr("[({", *text) && strcmp(type, "string") != 0);

	fb_text_puts(&t, "d = ");
	if (bare) {
		fb_text_puts(&t, text);
		if (fb_streq(type, "int") && *text && !strchr(text, 'L'))
			fb_text_puts(&t, "L");
	} else {
		fb_text_puts(&t, "\"");
		for (const char *p = text; *p; p++)
			fb_text_printf(&t, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
		fb_text_puts(&t, "\"");
	}
	fb_text_puts(&t, ";");
	tree = fb_tree_from_text("default", t.p, &none);
	fb_text_clear(&t);
	fb_errs_clear(&none);
	return tree;
}

json_t *fb_value_default(struct fb_errs *errs, const struct fb_node *node, const json_t *declared)
{
	const char *text = json_string_value(json_object_get(declared, "default")), *type = json_string_value(json_object_get(declared, "type"));
	const char *name = json_string_value(json_object_get(declared, "name"));
	struct fb_tree *tree;
	struct fb_errs inner = {0};
	json_t *value = NULL;

	if (!text || !type)
		return NULL;
	tree = default_node(type, text);
	if (tree && tree->root.n == 1)
		value = fb_value_read(&inner, &tree->root.v[0], declared);
	if (!value)
		fb_node_error(errs, node, "the plugin's own default for '%s' is not of its type: \"%s\" is no %s; tell its author, and set it here", name, text, type);
	fb_errs_clear(&inner);
	fb_tree_free(tree);
	return value;
}
