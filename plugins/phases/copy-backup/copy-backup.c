/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends the backup set of this execution to the copies that backup_store names, with failback-store(8). What is sent was sealed and proven before; a copy that
 * fails costs the way back nothing, so it is a warning unless it is required. A location goes to the program on its standard input: its secrets are on no command line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../phase.h"
#include "plugins/common/run.h"
#include "plugins/common/store.h"

#define PATH 96
#define MOST 16

/* The members of a location, as the core hands them over */
static const char *const texts[] = {"use", "path", "bucket", "endpoint", "region", "prefix", "style", "access_key", "secret_key", "session_token", "ca_file", "host", "user"};
static const char *const numbers[] = {"port", "timeout_ms"};

struct copy {
	char *name; /* a copy: what options and facts answer lives until the next call only */
	enum { FAILED, SENT, WOULD } state;
	json_t *answer;
	char text[STORE_LINE];
};

static const char *member(const struct fb_call *call, uint32_t i, const char *name)
{
	char path[PATH];

	snprintf(path, sizeof path, "locations[%u].%s", (unsigned)i, name);
	return call->host->option(call, path);
}

static json_t *command_of(const struct fb_call *call, uint32_t i)
{
	char path[PATH], word[PATH + 16];
	json_t *list = json_array();
	uint32_t n;

	snprintf(path, sizeof path, "locations[%u].command", (unsigned)i);
	n = call->host->option_count(call, path);
	for (uint32_t k = 0; k < n; k++) {
		snprintf(word, sizeof word, "%s[%u]", path, (unsigned)k);
		json_array_append_new(list, json_string(call->host->option(call, word)));
	}
	if (n)
		return list;
	json_decref(list);
	return call->host->option(call, path) ? json_string(call->host->option(call, path)) : NULL;
}

/* The location as a document; to be freed. It has secrets. */
static char *location_of(const struct fb_call *call, uint32_t i)
{
	json_t *o = json_object(), *command = command_of(call, i);
	const char *value;
	char *text;

	for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
		if ((value = member(call, i, texts[k])))
			json_object_set_new(o, texts[k], json_string(value));
	for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++)
		if ((value = member(call, i, numbers[k])))
			json_object_set_new(o, numbers[k], json_integer(strtoll(value, NULL, 10)));
	if (command)
		json_object_set_new(o, "command", command);
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (!text)
		abort();
	return text;
}

static bool is_wanted(const struct fb_call *call, const char *name)
{
	uint32_t n = call->host->option_count(call, "to");
	char path[PATH];

	for (uint32_t k = 0; k < n; k++) {
		const char *one;

		snprintf(path, sizeof path, "to[%u]", (unsigned)k);
		one = call->host->option(call, path);
		if (one && !strcmp(one, name))
			return true;
	}
	return !n;
}

/* For the report and for `failback backup show`: what is where. */
static void note(const struct fb_call *call, const struct copy *c, const char *state)
{
	char key[PATH];

	snprintf(key, sizeof key, "backup.copy.%s", c->name);
	if (call->host->fact_set(call, FB_SCOPE_EXECUTION, key, state))
		call->host->log(call, FB_LOG_WARNING, "it could not be recorded that the copy '%s' is: %s", c->name, state);
}

static void push(const struct fb_call *call, uint32_t i, const char *digest, struct copy *c)
{
	struct store_words w = {0};
	char *location = location_of(call, i);
	int code;

	note(call, c, "being sent");
	store_begin(&w, "push");
	store_word(&w, "-");
	store_option(&w, "--set", call->execution);
	store_option(&w, "--digest", digest);
	w.input = location;
	c->answer = store_ask(call, &w, &code, c->text);
	c->state = code ? FAILED : SENT;
	explicit_bzero(location, strlen(location));
	free(location);
	note(call, c, code ? "failed" : "sent");
}

/* FB_OK, or the answer to give at once. */
static int32_t copy_to(const struct fb_call *call, uint32_t i, const char *digest, struct copy *c)
{
	char key[PATH], text[STORE_LINE];
	int32_t answer;

	snprintf(key, sizeof key, "copy-%s", c->name);
	snprintf(text, sizeof text, "send the backup set to the copy '%s'", c->name);
	answer = call->host->act(call, key, FB_REPEAT_IDEMPOTENT, text);
	if (answer == FB_ACT_NO)
		return FB_RETRY;
	if (answer == FB_ACT_DRY) {
		c->state = WOULD;
		return FB_OK;
	}
	push(call, i, digest, c); /* also when it was recorded as done: it is looked at, and nothing is sent twice */
	return c->state == SENT && answer == FB_ACT_DO && call->host->acted(call, key, NULL) ? FB_RETRY : FB_OK;
}

static json_t *row(const struct copy *c)
{
	static const char *const states[] = {[FAILED] = "failed", [SENT] = "sent", [WOULD] = "would be sent"};

	return json_pack("{s:s, s:s, s:O?, s:O?, s:O?, s:s?}", "name", c->name, "state", states[c->state], "location", json_object_get(c->answer, "location"), "bytes",
			 json_object_get(c->answer, "bytes_sent"), "seconds", json_object_get(c->answer, "seconds"), "text", c->state == FAILED ? c->text : NULL);
}

static int32_t say(const struct fb_call *call, const struct copy *v, size_t n)
{
	char good[PHASE_TEXT / 2] = "", bad[PHASE_TEXT / 2] = "";
	json_t *rows = json_array();
	size_t failed = 0;

	for (size_t i = 0; i < n; i++) {
		char *to = v[i].state == FAILED ? bad : good;
		size_t used = strlen(to);

		json_array_append_new(rows, row(&v[i]));
		failed += v[i].state == FAILED;
		if (v[i].state == FAILED)
			snprintf(to + used, PHASE_TEXT / 2 - used, "%s%s: %s", used ? "; " : "", v[i].name, v[i].text);
		else
			snprintf(to + used, PHASE_TEXT / 2 - used, "%s%s", used ? ", " : "", v[i].name);
	}
	phase_report(call, "copies", rows);
	if (failed && call->host->option_int(call, "required", 0)) {
		call->host->fail(call, "the backup was not copied: %s. The set in the store is whole; send it with 'failback backup copy %s'", bad, call->execution);
		return FB_FAIL;
	}
	if (failed)
		call->host->log(call, FB_LOG_WARNING, "the backup was not copied: %s; 'failback backup copy %s' tries again", bad, call->execution);
	if (failed == n) {
		phase_say(call, "not copied: %s", bad);
		return FB_SKIP;
	}
	phase_say(call, "backup %s %s%s%s", call->flags & FB_CALL_DRY_RUN ? "would be copied to" : "copied to", good, failed ? "; not copied: " : "", bad);
	return FB_OK;
}

static int32_t run(const struct fb_call *call)
{
	const char *fact = call->host->fact(call, FB_SCOPE_EXECUTION, "backup.digest");
	char *digest = fact ? run_copy(fact) : NULL;
	uint32_t count = call->host->option_count(call, "locations");
	struct copy v[MOST] = {0};
	int32_t answer = FB_OK;
	size_t n = 0;

	if (!count) {
		call->host->fail(call, "there is nowhere to copy the backup to: name copies in backup_store (failback.conf(5))");
		free(digest);
		return FB_FATAL;
	}
	if (!digest && !(call->flags & FB_CALL_DRY_RUN)) {
		phase_say(call, "nothing to copy: this execution has put nothing into the store of backups");
		return FB_SKIP;
	}
	for (uint32_t i = 0; answer == FB_OK && i < count && n < MOST; i++) {
		const char *said = member(call, i, "name");
		char *name = said ? run_copy(said) : NULL;

		if (!name || !is_wanted(call, name)) {
			free(name);
			continue;
		}
		v[n].name = name;
		phase_progress(call, (int32_t)(10000 * i / count), "copying the backup to %s", v[n].name);
		answer = copy_to(call, i, digest, &v[n++]);
	}
	if (answer == FB_OK && !n) {
		call->host->fail(call, "none of the copies in backup_store is named as 'to' says");
		answer = FB_FATAL;
	}
	if (answer == FB_OK)
		answer = say(call, v, n);
	for (size_t i = 0; i < n; i++) {
		json_decref(v[i].answer);
		free(v[i].name);
	}
	free(digest);
	return answer;
}

#define LOCATION "of a location"
static const struct fb_option options[] = {
	{.name = "required", .type = FB_TYPE_BOOL, .default_value = "false", .summary = "A copy that fails is a failure; false: a warning"},
	{.name = "to", .type = FB_TYPE_LIST, .summary = "Names of the copies to send to; all where it is not set"},
	{.name = "locations", .type = FB_TYPE_GROUPS, .summary = "Where to; the copies of backup_store where it is not set"},
	{.name = "locations[].name", .type = FB_TYPE_STRING, .flags = FB_OPTION_REQUIRED, .summary = "What the copy is called"},
	{.name = "locations[].use", .type = FB_TYPE_CHOICE, .choices = "directory|s3|ssh", .flags = FB_OPTION_REQUIRED, .summary = "How it is reached"},
	{.name = "locations[].path", .type = FB_TYPE_PATH, .summary = "Folder " LOCATION},
	{.name = "locations[].bucket", .type = FB_TYPE_STRING, .summary = "Bucket " LOCATION},
	{.name = "locations[].endpoint", .type = FB_TYPE_STRING, .summary = "Where the service is, https://HOST"},
	{.name = "locations[].region", .type = FB_TYPE_STRING, .summary = "Region of the bucket"},
	{.name = "locations[].prefix", .type = FB_TYPE_STRING, .summary = "What the names of all objects begin with"},
	{.name = "locations[].style", .type = FB_TYPE_CHOICE, .choices = "path|virtual", .summary = "Where the bucket's name stands"},
	{.name = "locations[].access_key", .type = FB_TYPE_STRING, .summary = "Id of the key"},
	{.name = "locations[].secret_key", .type = FB_TYPE_STRING, .flags = FB_OPTION_SECRET, .summary = "The key"},
	{.name = "locations[].session_token", .type = FB_TYPE_STRING, .flags = FB_OPTION_SECRET, .summary = "Token of a temporary key"},
	{.name = "locations[].ca_file", .type = FB_TYPE_PATH, .summary = "Authorities of certificates that are trusted"},
	{.name = "locations[].host", .type = FB_TYPE_STRING, .summary = "SSH host"},
	{.name = "locations[].user", .type = FB_TYPE_STRING, .summary = "User there"},
	{.name = "locations[].port", .type = FB_TYPE_INT, .min = 1, .max = 65535, .summary = "Port there"},
	{.name = "locations[].command", .type = FB_TYPE_COMMAND, .summary = "What reaches an SFTP server instead of ssh"},
	{.name = "locations[].timeout_ms", .type = FB_TYPE_INT, .min = 100, .max = 3600000, .summary = "Milliseconds without an answer after which a request is made again"},
	{0},
};

static const struct fb_phase_ops ops = {.run = run};

FB_PLUGIN(PHASE, .name = "copy-backup", .version = "0.1.0", .summary = "Sends the backup set to copies elsewhere", .license = "Apache-2.0", .options = options, .phase = &ops)
