/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/notifiers/slack/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *entity(char c)
{
	return c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : NULL;
}

char *slack_escape(const char *s, size_t max)
{
	char *clean = incident_cut(s, max), *ret = malloc(5 * strlen(clean) + 4), *out = ret;
	size_t count = 0;

	if (!ret)
		abort();
	for (const char *p = clean; *p;) {
		const char *e = entity(*p);
		size_t n = 1, more = e ? strlen(e) : 1;

		while ((p[n] & 0xc0) == 0x80)
			n++;
		if (count + more > (p[n] ? max - 1 : max)) { /* room for the sign that it was cut */
			out = stpcpy(out, "\xe2\x80\xa6");
			break;
		}
		if (e)
			out = stpcpy(out, e);
		else
			out = mempcpy(out, p, n);
		count += more;
		p += n;
	}
	*out = 0;
	free(clean);
	return ret;
}

static json_t *text_object(const char *type, const char *text)
{
	return json_pack("{s:s, s:s}", "type", type, "text", text);
}

static void add_section(json_t *blocks, char *text)
{
	json_array_append_new(blocks, json_pack("{s:s, s:o}", "type", "section", "text", text_object("mrkdwn", text)));
	free(text);
}

/* before, escaped text, after; all of it within max. To be freed. */
static char *around(const char *before, const char *text, const char *after, size_t max)
{
	char *escaped = slack_escape(text, max - strlen(before) - strlen(after)), *ret = NULL;

	if (asprintf(&ret, "%s%s%s", before, escaped, after) < 0)
		abort();
	free(escaped);
	return ret;
}

static void add_fields(json_t *blocks, const struct incident *i)
{
	json_t *fields = json_array();

	for (const struct incident_fact *f = incident_facts; f->label; f++) {
		char *text = incident_fact_text(i, f), label[64], *field;

		if (!text)
			continue;
		snprintf(label, sizeof(label), "*%s*\n", f->label);
		field = around(label, text, "", SLACK_FIELD_MAX);
		if (json_array_size(fields) < SLACK_FIELDS_MAX)
			json_array_append_new(fields, text_object("mrkdwn", field));
		free(field);
		free(text);
	}
	if (json_array_size(fields))
		json_array_append_new(blocks, json_pack("{s:s, s:O}", "type", "section", "fields", fields));
	json_decref(fields);
}

/* Text between marks cannot hold the mark. To be freed. */
static char *without_ticks(const char *s)
{
	char *ret = strdup(s);

	if (!ret)
		abort();
	for (char *p = ret; *p; p++)
		if (*p == '`')
			*p = '\'';
	return ret;
}

static void add_code(json_t *blocks, const char *label, const char *s, const char *mark)
{
	char *plain, before[64];

	if (!*s)
		return;
	plain = without_ticks(s);
	snprintf(before, sizeof(before), "*%s* %s", label, mark);
	add_section(blocks, around(before, plain, mark, SLACK_TEXT_MAX));
	free(plain);
}

static void add_context(json_t *blocks, const struct incident *i)
{
	const char *head = incident_field(i, "audit_head"), *time = incident_field(i, "time");
	char *text = NULL, *escaped;

	if (asprintf(&text, "%s%s%s%s%s", i->key, *time ? " | " : "", time, *head ? " | audit head " : "", head) < 0)
		abort();
	escaped = slack_escape(text, SLACK_FIELD_MAX);
	json_array_append_new(blocks, json_pack("{s:s, s:[o]}", "type", "context", "elements", text_object("mrkdwn", escaped)));
	free(escaped);
	free(text);
}

static json_t *blocks_of(const struct incident *i, const char *mention)
{
	json_t *blocks = json_array();
	char *title = slack_escape(i->title, SLACK_HEADER_MAX), before[300];
	const char *summary = incident_field(i, "summary");

	json_array_append_new(blocks, json_pack("{s:s, s:{s:s, s:s, s:b}}", "type", "header", "text", "type", "plain_text", "text", title, "emoji", 0));
	free(title);
	snprintf(before, sizeof(before), "%.250s%s", mention ? mention : "", mention ? " " : "");
	add_section(blocks, around(before, i->own_text || !*summary ? i->text : summary, "", SLACK_TEXT_MAX));
	if (!i->own_text) {
		add_fields(blocks, i);
		add_code(blocks, "Seen", incident_field(i, "quote"), "```");
		add_code(blocks, "Fix", incident_field(i, "fix"), "`");
		add_code(blocks, "Next", incident_field(i, "next"), "`");
	}
	add_context(blocks, i);
	return blocks;
}

json_t *slack_message(const struct incident *i, const char *mention, bool plain)
{
	char *whole = NULL, *text, before[300];
	json_t *ret;

	if (asprintf(&whole, "%s\n%s", i->title, i->text) < 0)
		abort();
	snprintf(before, sizeof(before), "%.250s%s", mention ? mention : "", mention ? " " : "");
	text = around(before, whole, "", SLACK_TEXT_MAX);
	ret = json_pack("{s:s}", "text", text);
	if (!plain)
		json_object_set_new(ret, "blocks", blocks_of(i, mention));
	free(text);
	free(whole);
	return ret;
}
