/* SPDX-License-Identifier: Apache-2.0 */
#include "phase.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t phase_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

char *phase_duration(int64_t ms, char *buf, size_t size)
{
	if (ms < 100)
		snprintf(buf, size, "%" PRId64 " ms", ms < 0 ? 0 : ms);
	else if (ms < 60000)
		snprintf(buf, size, "%" PRId64 ".%d s", ms / 1000, (int)(ms % 1000 / 100));
	else
		snprintf(buf, size, "%" PRId64 " min %d s", ms / 60000, (int)(ms % 60000 / 1000));
	return buf;
}

const char *phase_release(char *buf, size_t size, const char *release, const char *fallback)
{
	if (!release)
		return fallback;
	snprintf(buf, size, "release %s", release);
	return buf;
}

/* Cuts at a whole character: what is half of one is not UTF-8, and would be refused on the way. */
static void trim_utf8(char *s)
{
	size_t n = strlen(s), i = n;

	while (i && n - i < 4 && ((unsigned char)s[i - 1] & 0xc0) == 0x80)
		i--;
	if (i && (unsigned char)s[i - 1] >= 0xc0) {
		unsigned char lead = (unsigned char)s[i - 1];
		size_t need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;

		if (n - (i - 1) < need)
			s[i - 1] = '\0';
	}
}

void phase_report(const struct fb_call *call, const char *member, json_t *value)
{
	char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;

	if (!text || call->host->report(call, member, text))
		call->host->log(call, FB_LOG_WARNING, "the report did not take this link's \"%s\": it is missing there", member);
	free(text);
	json_decref(value);
}

void phase_say(const struct fb_call *call, const char *format, ...)
{
	char text[PHASE_TEXT];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	trim_utf8(text);
	call->host->log(call, FB_LOG_INFO, "%s", text);
	call->host->progress(call, 10000, text);
	phase_report(call, "summary", json_pack("{s:s}", "text", text));
}

void phase_progress(const struct fb_call *call, int32_t basis_points, const char *format, ...)
{
	char text[PHASE_TEXT];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	trim_utf8(text);
	call->host->progress(call, basis_points, text);
}

/* Adds "separator" and a text to a list of bounded length. */
static void append(char *list, const char *separator, const char *format, ...) FB_FORMAT(3, 4);
static void append(char *list, const char *separator, const char *format, ...)
{
	size_t n = strlen(list);
	va_list args;

	if (n && n < PHASE_TEXT - 1) {
		snprintf(list + n, PHASE_TEXT - n, "%s", separator);
		n = strlen(list);
	}
	va_start(args, format);
	vsnprintf(list + n, PHASE_TEXT - n, format, args);
	va_end(args);
	trim_utf8(list);
}

/* The named array of a document; empty when there is none, so that callers need not ask. */
static json_t *take_array(const char *text, const char *member)
{
	json_t *doc = text ? json_loads(text, 0, NULL) : NULL, *array = json_object_get(doc, member);

	array = json_is_array(array) ? json_incref(array) : json_array();
	json_decref(doc);
	return array;
}

static const char *get(const json_t *entry, const char *member, const char *fallback)
{
	const char *s = json_string_value(json_object_get(entry, member));

	return s && *s ? s : fallback;
}

/* The word's place in a list, from 0; -1: none of them. */
static int word_index(const char *word, const char *const *words)
{
	for (int i = 0; word && words[i]; i++)
		if (!strcmp(word, words[i]))
			return i;
	return -1;
}

int32_t phase_entry_answer(const json_t *entry)
{
	static const char *const words[] = {"ok", "skip", "retry", "fail", "fatal", NULL};
	json_t *v = json_object_get(entry, "answer");
	int i = json_is_integer(v) ? (int)json_integer_value(v) : word_index(json_string_value(v), words);

	return i < FB_OK || i > FB_FATAL ? FB_FATAL : i;
}

bool phase_entry_skipped(const json_t *entry)
{
	return json_is_true(json_object_get(entry, "skipped")) || phase_entry_answer(entry) == FB_SKIP;
}

bool phase_operate(const struct fb_call *call, uint32_t operation, const char *service, uint32_t flags, struct phase_outcome *ret)
{
	const char *text = NULL;
	size_t i;
	json_t *entry;

	memset(ret, 0, sizeof *ret);
	ret->answer = call->host->operate(call, operation, service, operation == FB_OP_SHIFT ? 10000 : 0, flags, &text);
	ret->services = take_array(text, "services");
	json_array_foreach(ret->services, i, entry) {
		const char *name = get(entry, "service", "?");

		if (phase_entry_skipped(entry)) {
			ret->skipped++;
		} else if (phase_entry_answer(entry) == FB_OK) {
			ret->done++;
			ret->items += strchr(name, '.') != NULL;
			append(strchr(name, '.') ? ret->items_text : ret->done_text, ", ", "%s", name);
		} else {
			ret->failed++;
			append(ret->failed_text, "; ", "%s: %s", name, get(entry, "message", "failed without a word; see the log of this link"));
		}
	}
	if (ret->answer != FB_OK && ret->answer != FB_SKIP && !ret->failed)
		append(ret->failed_text, "; ", "the operation could not be carried out; see the log of this link");
	return (ret->answer == FB_OK || ret->answer == FB_SKIP) && !ret->failed;
}

void phase_outcome_clear(struct phase_outcome *o)
{
	json_decref(o->services);
	o->services = NULL;
}

int32_t phase_answer(const struct phase_outcome *o)
{
	return o->answer == FB_RETRY || o->answer == FB_FATAL ? o->answer : FB_FAIL;
}

int phase_entry_state(const json_t *entry)
{
	static const char *const words[] = {"", "healthy", "warning", "failed", "blind", NULL};
	json_t *v = json_object_get(entry, "state");
	int i = json_is_integer(v) ? (int)json_integer_value(v) : word_index(json_string_value(v), words);

	return i < FB_HEALTH_HEALTHY || i > FB_HEALTH_BLIND ? FB_HEALTH_BLIND : i;
}

void phase_probe(const struct fb_call *call, const char *service, struct phase_round *ret)
{
	const char *text = NULL;
	int32_t answer;
	size_t i;
	json_t *entry;

	memset(ret, 0, sizeof *ret);
	answer = call->host->probe(call, service, &text);
	ret->checks = take_array(text, "checks");
	json_array_foreach(ret->checks, i, entry) {
		int state = phase_entry_state(entry);
		char *list = state == FB_HEALTH_FAILED ? ret->failed_text : state == FB_HEALTH_BLIND ? ret->blind_text : NULL;

		ret->total++;
		*(state == FB_HEALTH_FAILED ? &ret->failed : state == FB_HEALTH_BLIND ? &ret->blind : &ret->healthy) += 1;
		if (list)
			append(list, "; ", "%s/%s: %s", get(entry, "service", "?"), get(entry, "check", "?"), get(entry, "text", "no reason given"));
	}
	if (answer != FB_OK && answer != FB_SKIP && !ret->failed && !ret->blind) {
		ret->blind = ret->total = 1;
		append(ret->blind_text, "; ", "the checks could not be made");
	}
}

void phase_round_clear(struct phase_round *r)
{
	json_decref(r->checks);
	r->checks = NULL;
}

void phase_report_checks(const struct fb_call *call, const struct phase_round *r)
{
	phase_report(call, "checks", json_incref(r->checks));
}
