/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/common/incident.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/common/run.h"
#include "plugins/common/utf8.h"

const struct incident_fact incident_facts[] = {
	{"Services", "releases", NULL}, {"Environment", "environment", NULL}, {"Severity", "severity", NULL}, {"Cause", "cause", "cause_type"},
	{"User impact", "impact", "impact_detail"}, {"System", "system", NULL}, {0}};

static const char *or_else(const char *s, const char *other)
{
	return s && *s ? s : other;
}

bool incident_read(const struct fb_call *call, const struct fb_event *event, struct incident *ret)
{
	const json_t *word;

	memset(ret, 0, sizeof(*ret));
	ret->data = json_loads(event->data ? event->data : "{}", 0, NULL);
	if (!ret->data) {
		call->host->fail(call, "event %s cannot be told: its data is not a JSON document", event->name);
		return false;
	}
	word = json_object_get(ret->data, "word");
	ret->fields = json_object_get(word, "fields");
	ret->title = or_else(json_string_value(json_object_get(word, "title")), or_else(event->name, "event"));
	ret->text = or_else(json_string_value(json_object_get(word, "text")), or_else(event->summary, ret->title));
	ret->state = or_else(json_string_value(json_object_get(word, "state")), "news");
	ret->severity = or_else(event->severity, "info");
	ret->key = or_else(event->incident, or_else(call->execution, event->id));
	ret->own_title = json_is_true(json_object_get(word, "own_title"));
	ret->own_text = json_is_true(json_object_get(word, "own_text"));
	ret->final = json_is_true(json_object_get(word, "final"));
	return true;
}

void incident_clear(struct incident *i)
{
	json_decref(i->data);
	i->data = NULL;
}

const char *incident_field(const struct incident *i, const char *name)
{
	return or_else(json_string_value(json_object_get(i->fields, name)), "");
}

char *incident_fact_text(const struct incident *i, const struct incident_fact *f)
{
	const char *value = incident_field(i, f->field), *more = f->more ? incident_field(i, f->more) : "";
	char *ret = NULL;

	if (!*value)
		return NULL;
	if (asprintf(&ret, "%s%s%s%s", value, *more ? " (" : "", more, *more ? ")" : "") < 0)
		abort();
	return ret;
}

char *incident_cut(const char *s, size_t max)
{
	const char *p = s, *end = s + strlen(s);
	char *ret = malloc(strlen(s) + 4), *out = ret, *last = ret; /* last: where the last character that may stay before "…" ends */
	size_t count = 0;

	if (!ret)
		abort();
	while (*p && count < max) {
		size_t n = utf8_character(p, (size_t)(end - p));

		if (count + 1 == max)
			last = out;
		if (n == 0 || (n == 1 && ((unsigned char)*p < ' ' || *p == 0x7f) && *p != '\n' && *p != '\t')) {
			*out++ = '?';
			p++;
		} else {
			memcpy(out, p, n);
			out += n;
			p += n;
		}
		count++;
	}
	if (*p && max) {
		memcpy(last, "\xe2\x80\xa6", 3);
		out = last + 3;
	}
	*out = 0;
	return ret;
}

void incident_preview(const struct fb_call *call, const char *method, const char *to, const char *body)
{
	json_t *parsed = json_loads(body, 0, NULL), *all = json_pack("{s:s, s:s, s:o}", "method", method, "to", to, "body", parsed ? parsed : json_string(body));
	char *text = json_dumps(all, JSON_COMPACT);

	if (text)
		call->host->report(call, "preview", text);
	free(text);
	json_decref(all);
}
