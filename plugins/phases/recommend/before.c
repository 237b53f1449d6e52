/* SPDX-License-Identifier: Apache-2.0 */
#include "before.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "plugins/common/run.h"
#include "plugins/common/visible.h"

#define FIXES_MOST 2 /* that people named: the newest ones */

static const char *text_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s && *s ? s : NULL;
}

static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

/* By the signature where both have one, else by the class. */
static bool is_of(const char *type, const char *signature, const json_t *cause)
{
	const char *class = text_of(cause, "class"), *now = text_of(cause, "signature");

	if (!class || !strcmp(class, "unknown"))
		return false;
	return signature && now ? !strcmp(signature, now) : same(type, class);
}

/* Or the analysis said then what it says now, and it was something else. */
static bool was_said_of(const json_t *word, const json_t *cause)
{
	return same(text_of(word, "verdict"), "corrected") && is_of(text_of(word, "said_type"), text_of(word, "said_signature"), cause);
}

static char *day_of(const json_t *o, const char *name, char *buf, size_t size)
{
	const char *at = text_of(o, name);

	snprintf(buf, size, "%.10s", at ? at : "an earlier day");
	return buf;
}

static json_t *made(const char *action, const char *description, const char *example)
{
	return json_pack("{s:s, s:s, s:s, s:s*, s:b}", "priority", "HIGH", "action", action, "description", description, "example", example, "worked_before", 1);
}

/* Takes it out of the list, so that it is not there twice. */
static json_t *take_out(json_t *list, const char *action, const char *command)
{
	json_t *e, *ret = NULL;
	size_t i;

	json_array_foreach(list, i, e) {
		const char *have = text_of(e, "action"), *example = text_of(e, "example");

		if (!(have && !strcasecmp(have, action)) && !(command && example && !strcmp(example, command)))
			continue;
		ret = json_incref(e);
		json_array_remove(list, i);
		break;
	}
	return ret;
}

/* What a person said mended it. */
static json_t *from_word(json_t *list, const json_t *word, const json_t *cause)
{
	const char *fix = text_of(word, "fix"), *command = text_of(word, "command"), *execution = text_of(word, "execution"), *by = text_of(word, "by");
	char day[16], *text = NULL;
	json_t *have, *ret;

	if (!fix || !visible_text(fix) || (command && !visible_text(command)))
		return NULL;
	if (asprintf(&text, "This worked on %s (%s%s%s)%s", day_of(word, "at", day, sizeof day), execution ? execution : "", by ? ", says " : "", by ? by : "",
		     was_said_of(word, cause) ? "; the cause was found to be another one than the log seems to say" : "") < 0)
		return NULL;
	have = take_out(list, fix, command);
	ret = made(fix, text, have && text_of(have, "example") ? text_of(have, "example") : command);
	json_decref(have);
	free(text);
	return ret;
}

/* The journal saw a deployment go well after the same cause: what differs between the two releases mended it, or nothing did and it passed by itself. */
static json_t *from_deployment(const json_t *m)
{
	const char *bad = text_of(m, "release"), *good = text_of(m, "by_release"), *execution = text_of(m, "by_execution");
	char day[16], *quoted = execution ? run_quote(execution) : NULL, *action = NULL, *text = NULL, *command = NULL;
	json_t *ret = NULL;
	int r;

	day_of(m, "mended_at", day, sizeof day);
	if (bad && good && visible_text(bad) && visible_text(good) && strcmp(bad, good))
		r = asprintf(&action, "Look what release %s changed after %s had failed of the same", good, bad);
	else if (bad && good && !strcmp(bad, good) && visible_text(good))
		r = asprintf(&action, "Deploy it again: release %s failed of the same, and went well later", good);
	else
		r = asprintf(&action, "Look at the deployment that went well after the same");
	if (r >= 0 && asprintf(&text, "It went well on %s (%s)", day, execution ? execution : "?") >= 0 && asprintf(&command, "failback report %s", quoted ? quoted : "ID") >= 0)
		ret = made(action, text, command);
	free(quoted);
	free(action);
	free(text);
	free(command);
	return ret;
}

void before_add(json_t *list, const json_t *cause, const json_t *learned)
{
	json_t *first = json_array(), *one, *new;
	size_t i;

	json_array_foreach(json_object_get(learned, "verdicts"), i, one)
		if (json_array_size(first) < FIXES_MOST && (is_of(text_of(one, "type"), text_of(one, "signature"), cause) || was_said_of(one, cause)) && (new = from_word(list, one, cause)))
			json_array_append_new(first, new);
	json_array_foreach(json_object_get(learned, "mended"), i, one)
		if (!json_array_size(first) && is_of(text_of(one, "type"), text_of(one, "signature"), cause) && (new = from_deployment(one)))
			json_array_append_new(first, new);
	json_array_extend(first, list);
	json_array_clear(list);
	json_array_extend(list, first);
	json_decref(first);
}
