/* SPDX-License-Identifier: Apache-2.0 */
/* One line of a program: is it one of the protocol's messages, whole and at its time? Only then it is carried out (services.c). */
#include "plugins/common/exec/session.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#define MEMBERS (sizeof(exec_messages[0].members) / sizeof(exec_messages[0].members[0]))

/* "c repeat idempotent|probe" has the name "repeat" */
static bool is_named(const char *member, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(member + 2, name, n) && (!member[2 + n] || member[2 + n] == ' ');
}

static bool is_word_of(const char *words, const json_t *v)
{
	const char *s = json_string_value(v);
	size_t n = s ? strlen(s) : 0;

	for (const char *p = words; n && p && *p;) {
		size_t m = strcspn(p, "|");

		if (m == n && !memcmp(p, s, n))
			return true;
		p += m + (p[m] == '|');
	}
	return false;
}

static bool all_texts(const json_t *v)
{
	const char *key;
	json_t *item;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)v, i, item)
		if (!json_is_string(item))
			return false;
	json_object_foreach((json_t *)(uintptr_t)v, key, item)
		if (!json_is_string(item))
			return false;
	return true;
}

static bool member_fits(const char *member, const json_t *v)
{
	const char *words = strchr(member + 2, ' ');

	if (!v || json_is_null(v))
		return member[0] == 'v' ? v != NULL : strchr("SIVCblm", member[0]) != NULL;
	switch (member[0]) {
	case 's':
	case 'S':
		return json_is_string(v);
	case 'i':
	case 'I':
		return json_is_integer(v);
	case 'b':
		return json_is_boolean(v);
	case 'l':
		return json_is_array(v) && all_texts(v);
	case 'm':
		return json_is_object(v) && all_texts(v);
	case 'c':
	case 'C':
		return is_word_of(words + 1, v);
	default:
		return true;
	}
}

/* What a member must be, in words. Returns buf. */
static char *expected(const char *member, char *buf, size_t size)
{
	static const char *const types = "sSiIvVblmcC";
	static const char *const words[] = {"a text", "a text", "a whole number", "a whole number", "there", "there", "true or false", "a list of texts", "an object of texts"};
	const char *choices = strchr(member + 2, ' ');

	if (choices)
		snprintf(buf, size, "one of %s", choices + 1);
	else
		snprintf(buf, size, "%s", words[strchr(types, member[0]) - types]);
	return buf;
}

static char *known_members(const struct exec_message *m, char *buf, size_t size)
{
	size_t at = 0;

	snprintf(buf, size, "none");
	for (size_t i = 0; i < MEMBERS && m->members[i] && at < size; i++) {
		size_t n = strcspn(m->members[i] + 2, " ");
		int done = snprintf(buf + at, size - at, "%s%.*s", i ? ", " : "", (int)n, m->members[i] + 2);

		at += done > 0 ? (size_t)done : 0;
	}
	return buf;
}

/* Its members are those that it may have, and all that it must have. */
static bool members_fit(struct exec *x, const struct exec_message *m, json_t *message)
{
	char list[300], name[32], words[200];
	const char *key;
	json_t *v;

	json_object_foreach(message, key, v) {
		bool known = !strcmp(key, m->asks ? "ask" : "tell");

		for (size_t i = 0; i < MEMBERS && m->members[i] && !known; i++)
			known = is_named(m->members[i], key);
		if (!known) {
			exec_bad(x, "sent '%s' with a member '%.40s', which it does not have; it has: %s", m->name, key, known_members(m, list, sizeof(list)));
			return false;
		}
	}
	for (size_t i = 0; i < MEMBERS && m->members[i]; i++) {
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(m->members[i] + 2, " "), m->members[i] + 2);
		if (member_fits(m->members[i], json_object_get(message, name)))
			continue;
		exec_bad(x, "sent '%s' with a wrong or missing '%s': it must be %s", m->name, name, expected(m->members[i], words, sizeof(words)));
		return false;
	}
	return true;
}

static const struct exec_message *find(struct exec *x, const json_t *message, const char *quote)
{
	const char *ask = json_string_value(json_object_get(message, "ask")), *tell = json_string_value(json_object_get(message, "tell")), *name = ask ? ask : tell;
	const struct exec_message *m = exec_messages;

	if (!name || (ask && tell)) {
		exec_bad(x, "sent a line that has not one member 'ask' or 'tell' with a text: '%s'", quote);
		return NULL;
	}
	while (m->name && strcmp(m->name, name))
		m++;
	if (!m->name)
		exec_bad(x, "sent '%.40s', which is nothing that a program can %s: '%s'", name, ask ? "ask for" : "tell", quote);
	else if (m->asks != (ask != NULL))
		exec_bad(x, m->asks ? "told '%s', which must be asked: {\"ask\": \"%s\", ...} and then the answer is read" : "asked '%s', which has no answer: {\"tell\": \"%s\", ...}", name, name);
	else if (m->kinds && !(m->kinds & 1u << x->kind))
		exec_bad(x, "sent '%s', which is not for a %s", name, exec_kind_name(x->kind));
	else
		return m;
	return NULL;
}

/* Between a question and its answer a program says nothing. */
static bool is_silent(struct exec *x, const struct exec_message *m)
{
	struct pollfd more = {.fd = x->process.out, .events = POLLIN};
	char quote[120];
	const char *rest;
	size_t size;

	exec_lines_rest(&x->lines, &size);
	if (!size && poll(&more, 1, 0) > 0 && more.revents & POLLIN && exec_lines_fill(&x->lines, x->process.out) < 0)
		return true;
	rest = exec_lines_rest(&x->lines, &size);
	if (!size)
		return true;
	exec_bad(x, "did not wait for the answer to '%s', and sent '%s'", m->name, exec_quote(rest, strcspn(rest, "\n") < size ? strcspn(rest, "\n") : size, quote, sizeof(quote)));
	return false;
}

/* Has it read the last answer? What it was sent and has not read still lies in the pipe. */
static bool has_read(const struct exec *x)
{
	int unread = 0;

	return !x->asked || x->dropped || (x->send_at >= x->send_n && (ioctl(x->process.in, FIONREAD, &unread) || unread == 0));
}

void exec_take_line(struct exec *x, const char *line, size_t size)
{
	const struct exec_message *m;
	json_error_t error;
	json_t *message = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error);
	char quote[120];

	exec_quote(line, size, quote, sizeof(quote));
	if (!has_read(x)) {
		exec_bad(x, "did not wait for the answer to '%s', and sent '%s'", x->asked, quote);
	} else if (!json_is_object(message)) {
		if (message)
			exec_bad(x, "sent a line that is no JSON object: '%s'", quote);
		else
			exec_bad(x, "sent a line that is not JSON (%s): '%s'; what is not for failback goes to standard error", error.text, quote);
	} else if ((m = find(x, message, quote)) && members_fit(x, m, message) && (!m->asks || is_silent(x, m))) {
		m->take(x, message);
		x->asked = m->asks ? m->name : NULL;
	}
	json_decref(message);
}
