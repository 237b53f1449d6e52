/* SPDX-License-Identifier: Apache-2.0 */
/* Typed values; see read.h. */
#include "config/read.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

bool fb_read_expected(struct fb_errs *errs, const struct fb_node *node, const char *expected)
{
	char what[FB_NODE_WHAT];

	if (node->type != FB_NODE_BAD)
		fb_node_error(errs, node, "expected %s, found %s", expected, fb_node_what(node, what));
	return false;
}

bool fb_read_string(struct fb_errs *errs, const struct fb_node *node, const char **ret)
{
	if (node->type != FB_NODE_STRING)
		return fb_read_expected(errs, node, node->type == FB_NODE_INT || node->type == FB_NODE_FLOAT ? "a string in quotes" : "a string");
	if (!*node->s) {
		fb_node_error(errs, node, "expected a string, found an empty one");
		return false;
	}
	*ret = node->s;
	return true;
}

bool fb_read_bool(struct fb_errs *errs, const struct fb_node *node, bool *ret)
{
	if (node->type != FB_NODE_BOOL)
		return fb_read_expected(errs, node, "true or false");
	*ret = node->i != 0;
	return true;
}

bool fb_read_int(struct fb_errs *errs, const struct fb_node *node, int64_t min, int64_t max, int64_t *ret)
{
	if (node->type != FB_NODE_INT)
		return fb_read_expected(errs, node, "a whole number");
	if (node->i < min || node->i > max) {
		fb_node_error(errs, node, "%" PRId64 " is out of range: expected %" PRId64 " to %" PRId64, node->i, min, max);
		return false;
	}
	*ret = node->i;
	return true;
}

bool fb_read_float(struct fb_errs *errs, const struct fb_node *node, double min, double max, double *ret)
{
	double value = node->type == FB_NODE_INT ? (double)node->i : node->f;

	if (node->type != FB_NODE_INT && node->type != FB_NODE_FLOAT)
		return fb_read_expected(errs, node, "a number");
	if (value < min || value > max) {
		fb_node_error(errs, node, "%g is out of range: expected %g to %g", value, min, max);
		return false;
	}
	*ret = value;
	return true;
}

bool fb_read_duration(struct fb_errs *errs, const struct fb_node *node, int64_t unit_ms, int64_t min, int64_t max, int64_t *ret)
{
	char text[64], low[32], high[32];
	const char *s = text;
	struct fb_err err;
	int64_t ms;

	if (node->type == FB_NODE_STRING)
		s = node->s;
	else if (unit_ms && node->type == FB_NODE_INT)
		snprintf(text, sizeof text, "%" PRId64, node->i);
	else if (unit_ms && node->type == FB_NODE_FLOAT)
		snprintf(text, sizeof text, "%.6f", node->f);
	else if (node->type == FB_NODE_INT || node->type == FB_NODE_FLOAT)
		return fb_read_expected(errs, node, "a duration with its unit, such as \"30s\"");
	else
		return fb_read_expected(errs, node, "a duration such as \"250ms\", \"30s\" or \"5m\"");
	if (fb_duration_parse(s, unit_ms, &ms, &err) < 0) {
		fb_node_error(errs, node, "%s", err.text);
		return false;
	}
	if (ms < min || ms > max) {
		fb_node_error(errs, node, "%s is out of range: expected %s to %s", fb_duration_format(ms, text, sizeof text),
			      fb_duration_format(min, low, sizeof low), fb_duration_format(max, high, sizeof high));
		return false;
	}
	*ret = ms;
	return true;
}

bool fb_read_size(struct fb_errs *errs, const struct fb_node *node, bool bare, int64_t min, int64_t max, int64_t *ret)
{
	struct fb_err err;
	int64_t bytes;
	bool number = node->type == FB_NODE_INT;

	if (node->type == FB_NODE_STRING && !bare && *node->s && strspn(node->s, "0123456789") == strlen(node->s))
		number = true;
	if (number && !bare)
		return fb_read_expected(errs, node, "a size with its unit, such as \"4MiB\"");
	if (!number && node->type != FB_NODE_STRING)
		return fb_read_expected(errs, node, "a size such as \"4KiB\" or \"4MiB\"");
	if (node->type == FB_NODE_INT) {
		bytes = node->i;
	} else if (fb_size_parse(node->s, &bytes, &err) < 0) {
		fb_node_error(errs, node, "%s", err.text);
		return false;
	}
	if (bytes < min || bytes > max) {
		fb_node_error(errs, node, "%" PRId64 " bytes are out of range: expected %" PRId64 " to %" PRId64, bytes, min, max);
		return false;
	}
	*ret = bytes;
	return true;
}

const char *fb_read_hint(const char *name, const char *const *names, char *buf)
{
	const char *near = names ? fb_nearest(name, names) : NULL;

	*buf = 0;
	if (near)
		snprintf(buf, FB_READ_HINT, "; did you mean '%s'?", near);
	return buf;
}

bool fb_read_choice(struct fb_errs *errs, const struct fb_node *node, const char *const *choices, const char **ret)
{
	struct fb_text list = {0};
	char hint[FB_READ_HINT], what[FB_NODE_WHAT];

	for (size_t i = 0; choices[i]; i++) {
		if (node->type == FB_NODE_STRING && strcmp(node->s, choices[i]) == 0) {
			fb_text_clear(&list);
			*ret = choices[i];
			return true;
		}
		fb_text_printf(&list, "%s\"%s\"", !i ? "" : choices[i + 1] ? ", " : " or ", choices[i]);
	}
	if (node->type != FB_NODE_BAD)
		fb_node_error(errs, node, "expected %s, found %s%s", list.p, fb_node_what(node, what), node->s ? fb_read_hint(node->s, choices, hint) : "");
	fb_text_clear(&list);
	return false;
}

bool fb_read_name(struct fb_errs *errs, const struct fb_node *node, const char **ret)
{
	const char *s;

	if (!fb_read_string(errs, node, &s))
		return false;
	if (!fb_name_valid(s)) {
		fb_node_error(errs, node, "'%.70s' is not a name: expected at most 63 of a-z, 0-9 and '-', not beginning with '-'", s);
		return false;
	}
	*ret = s;
	return true;
}

bool fb_read_list(struct fb_errs *errs, const struct fb_node *node)
{
	return node->type == FB_NODE_LIST || fb_read_expected(errs, node, "a list");
}

bool fb_read_group(struct fb_errs *errs, const struct fb_node *node)
{
	return node->type == FB_NODE_GROUP || fb_read_expected(errs, node, "a group { … }");
}

bool fb_read_path(struct fb_errs *errs, const struct fb_node *node, const char **ret)
{
	const char *s;

	if (!fb_read_string(errs, node, &s))
		return false;
	if (*s != '/') {
		fb_node_error(errs, node, "'%.200s' is not an absolute path: it does not begin with /", s);
		return false;
	}
	*ret = s;
	return true;
}

bool fb_read_strings(struct fb_errs *errs, const struct fb_node *node, bool alone, json_t **ret)
{
	json_t *list;
	const char *s;
	bool good = true;

	if (node->type != FB_NODE_LIST && !(alone && node->type == FB_NODE_STRING))
		return fb_read_expected(errs, node, alone ? "a string or a list of strings" : "a list of strings");
	list = json_array();
	if (node->type == FB_NODE_STRING) {
		good = fb_read_string(errs, node, &s);
		if (good)
			json_array_append_new(list, json_string(s));
	} else {
		for (size_t i = 0; i < node->n; i++) {
			if (fb_read_string(errs, &node->v[i], &s))
				json_array_append_new(list, json_string(s));
			else
				good = false;
		}
	}
	if (good)
		*ret = list;
	else
		json_decref(list);
	return good;
}

bool fb_read_command(struct fb_errs *errs, const struct fb_node *node, json_t **ret)
{
	json_t *argv;

	if (node->type == FB_NODE_STRING && node->s[strspn(node->s, " \t\r\n")]) {
		*ret = json_string(node->s);
		return true;
	}
	if (node->type != FB_NODE_LIST)
		return fb_read_expected(errs, node, "a command: a string for the shell, or a list of the program and its arguments");
	if (!node->n) {
		fb_node_error(errs, node, "expected a command, found an empty list");
		return false;
	}
	argv = json_array();
	for (size_t i = 0; i < node->n; i++) {
		const struct fb_node *item = &node->v[i];

		if (item->type != FB_NODE_STRING || (!i && !*item->s)) {
			json_decref(argv);
			return fb_read_expected(errs, item, i ? "a string" : "the program's name");
		}
		json_array_append_new(argv, json_string(item->s));
	}
	*ret = argv;
	return true;
}

void fb_read_known(struct fb_errs *errs, const struct fb_node *group, const char *const *known)
{
	char hint[FB_READ_HINT];

	for (size_t i = 0; i < group->n; i++) {
		size_t k = 0;

		while (known[k] && strcmp(known[k], group->v[i].name) != 0)
			k++;
		if (!known[k])
			fb_node_error(errs, &group->v[i], "there is no such setting%s", fb_read_hint(group->v[i].name, known, hint));
	}
}

bool fb_release_valid(const char *s)
{
	size_t n = strlen(s);

	return n >= 1 && n <= 128 && s[0] != '-' &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:+@~^-") == n;
}
