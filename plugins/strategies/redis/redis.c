/* SPDX-License-Identifier: Apache-2.0 */
/* strategy redis: the data of a Redis server as an item of a backup: an RDB file, through redis-cli. The server reads one only when it starts. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/common/item.h"
#include "plugins/common/run.h"

#define POLL_MS 50

static const struct fb_option options[] = {
	{.name = "host", .type = FB_TYPE_STRING, .default_value = "127.0.0.1", .summary = "Where the server listens"},
	{.name = "port", .type = FB_TYPE_INT, .default_value = "6379", .min = 1, .max = 65535, .summary = "Its port"},
	{.name = "socket", .type = FB_TYPE_PATH, .summary = "Its socket, instead of host and port"},
	{.name = "user", .type = FB_TYPE_STRING, .summary = "Its user of that name"},
	{.name = "password", .type = FB_TYPE_STRING, .flags = FB_OPTION_SECRET, .summary = "The password"},
	{.name = "dump", .type = FB_TYPE_PATH, .summary = "The file that the server reads when it starts; when not set, the server is asked at each capture"},
	{.name = "stop", .type = FB_TYPE_COMMAND, .summary = "Stops the server before a restore"},
	{.name = "start", .type = FB_TYPE_COMMAND, .summary = "Starts it after, also after a restore that failed"},
	{.name = "settle", .type = FB_TYPE_DURATION, .default_value = "60s", .unit = "s", .min = 1, .max = 86400000, .summary = "How long it may take to stop, and to read its data after the start"},
	ITEM_OPTIONS("keep"),
	{0},
};

struct giving {
	const char *place; /* the first: item_restore_by */
	const char *dump;
};

static bool is(const struct fb_call *call, const char *option, const char *value)
{
	const char *s = call->host->option(call, option);

	return s && !strcmp(s, value);
}

/* redis-cli with up to three words; the password goes through the environment. */
static int ask(const struct fb_call *call, const char *a, const char *b, const char *c, char **ret_output, char line[STORE_LINE])
{
	struct store_words w = {0};
	struct run_spec spec = {0};
	int code;

	store_word(&w, "redis-cli");
	if (run_is_set(call, "socket")) {
		store_option(&w, "-s", call->host->option(call, "socket"));
	} else {
		store_option(&w, "-h", call->host->option(call, "host"));
		store_option(&w, "-p", call->host->option(call, "port"));
	}
	store_option(&w, "--user", call->host->option(call, "user"));
	store_word(&w, "-e");
	store_word(&w, a);
	if (b)
		store_word(&w, b);
	if (c)
		store_word(&w, c);
	run_add_environment(&spec, "REDISCLI_AUTH", call->host->option(call, "password"));
	spec.command.argv = (const char *const *)w.v;
	code = item_ask(call, &spec.command, ret_output, line);
	store_words_clear(&w);
	run_clear(&spec);
	return code;
}

static const char *what(const struct fb_call *call, char *buf, size_t size)
{
	const char *socket = call->host->option(call, "socket");
	char host[300];

	snprintf(host, sizeof host, "%s", socket ? socket : call->host->option(call, "host"));
	if (run_is_set(call, "socket"))
		snprintf(buf, size, "the data of Redis at %s", host);
	else
		snprintf(buf, size, "the data of Redis at %s:%s", host, call->host->option(call, "port"));
	return buf;
}

/* A setting of the server's; NULL: line says why it is not known. */
static char *setting(const struct fb_call *call, const char *name, char line[STORE_LINE])
{
	char *output, *value = NULL;

	if (!ask(call, "config", "get", name, &output, line) && strchr(output, '\n'))
		value = run_copy(strchr(output, '\n') + 1);
	free(output);
	return value;
}

static int32_t check(const struct fb_call *call)
{
	if (is(call, "on_rollback", "restore") && (!run_is_set(call, "stop") || !run_is_set(call, "start"))) {
		call->host->fail(call, "on_rollback is \"restore\", but a Redis server reads its data only when it starts: set 'stop' and 'start'");
		return FB_FATAL;
	}
	return item_check(call);
}

/* ---- capture ---- */

/* Where the data is to go back, and that it would be read from there. */
static int32_t learn(const struct fb_call *call, char line[STORE_LINE])
{
	char *folder = NULL, *name = NULL, *append = NULL, path[4200] = "";
	const char *given = call->host->option(call, "dump");
	int32_t answer = FB_OK;

	if (given)
		snprintf(path, sizeof path, "%s", given);
	else if ((folder = setting(call, "dir", line)) && (name = setting(call, "dbfilename", line)))
		snprintf(path, sizeof path, "%s/%s", folder, name);
	if (is(call, "on_rollback", "restore")) {
		append = setting(call, "appendonly", line);
		if (append && !strcmp(append, "yes")) {
			call->host->fail(call, "the server has appendonly = yes, and would not read the file that a restore puts there: set on_rollback = \"keep\", and let people restore it with appendonly off at first");
			answer = FB_FAIL;
		} else if (!*path) {
			call->host->fail(call, "the server does not say where its file is (%s): set 'dump'", line);
			answer = FB_FAIL;
		}
	}
	if (answer == FB_OK && *path && call->host->fact_set(call, FB_SCOPE_SERVICE, "dump", path)) {
		call->host->fail(call, "where the server's file is could not be recorded");
		answer = FB_FAIL;
	}
	free(append);
	free(name);
	free(folder);
	return answer;
}

static int check_rdb(const struct fb_call *call, const char *file, char line[STORE_LINE])
{
	const char *const argv[] = {"redis-check-rdb", file, NULL};
	const struct fb_command command = {.argv = argv};

	return item_ask(call, &command, NULL, line);
}

static int32_t capture(const struct fb_call *call)
{
	bool dry = call->flags & FB_CALL_DRY_RUN;
	char *place = dry ? NULL : item_place(call, "copy"), *version = NULL, file[4200] = "/", line[STORE_LINE], buf[600], tool[200];
	struct store_words w = {0};
	int32_t answer = dry || place ? FB_OK : FB_FAIL;

	if (place) {
		snprintf(file, sizeof file, "%s/dump.rdb", place);
		if (mkdir(place, 0700) || ask(call, "--rdb", file, NULL, NULL, line) || check_rdb(call, file, line)) {
			call->host->fail(call, "%s could not be backed up: %s", what(call, buf, sizeof buf), line);
			answer = FB_FAIL;
		}
		if (answer == FB_OK)
			answer = learn(call, line);
		if (answer == FB_OK && !ask(call, "--version", NULL, NULL, &version, line)) {
			snprintf(tool, sizeof tool, "tool=%.150s", version);
			store_option(&w, "--meta", tool);
		}
		free(version);
	}
	store_option(&w, "--file", file);
	if (answer == FB_OK)
		answer = item_capture(call, "redis", what(call, buf, sizeof buf), &w);
	store_words_clear(&w);
	item_clear(place);
	return answer;
}

static int32_t look(const struct fb_call *call, const char *place)
{
	char file[4200], line[STORE_LINE], buf[600];

	snprintf(file, sizeof file, "%s/dump.rdb", place ? place : "");
	if (!place || !check_rdb(call, file, line))
		return FB_OK;
	call->host->fail(call, "the backup of %s cannot be relied on: redis-check-rdb says of it: %s", what(call, buf, sizeof buf), line);
	return FB_FAIL;
}

static int32_t prove(const struct fb_call *call)
{
	return item_prove_with(call, look);
}

/* ---- restore ---- */

/* Until the server answers, with all data, or answers no more. */
static bool await(const struct fb_call *call, bool up)
{
	int64_t left = call->host->option_int(call, "settle", 60000);
	char line[STORE_LINE], *output;
	bool is_up;

	for (;; left -= POLL_MS) {
		is_up = !ask(call, "ping", NULL, NULL, &output, line) && !strcmp(output, "PONG");
		free(output);
		if (is_up == up)
			return true;
		if (left <= 0 || call->host->sleep_ms(call, POLL_MS))
			return false;
	}
}

/* cp and mv: with the mode and owner of the one that is there. */
static int32_t give(const struct fb_call *call, void *ctx)
{
	static const char script[] = "set -e; cp \"$NEW\" \"$DUMP.restored\"; if test -e \"$DUMP\"; then chmod --reference=\"$DUMP\" \"$DUMP.restored\"; chown --reference=\"$DUMP\" \"$DUMP.restored\";"
				     " ln -f \"$DUMP\" \"$DUMP.replaced\"; else chown --reference=\"$(dirname \"$DUMP\")\" \"$DUMP.restored\"; fi; sync \"$DUMP.restored\"; mv \"$DUMP.restored\" \"$DUMP\"";
	struct giving *g = ctx;
	char file[4200], line[STORE_LINE], buf[600];
	struct run_spec spec = {0};
	int failed;

	snprintf(file, sizeof file, "%s/dump.rdb", g->place);
	if (!await(call, false)) {
		call->host->fail(call, "%s is not brought back: the server still answers after 'stop', and would write over the file", what(call, buf, sizeof buf));
		return FB_FAIL;
	}
	run_add_environment(&spec, "NEW", file);
	run_add_environment(&spec, "DUMP", g->dump);
	spec.command.shell = script;
	failed = item_ask(call, &spec.command, NULL, line);
	if (failed)
		call->host->fail(call, "%s could not be put into %s: %s", what(call, buf, sizeof buf), g->dump, line);
	spec.command.shell = NULL;
	run_clear(&spec);
	return failed ? FB_FAIL : FB_OK;
}

static int32_t restore(const struct fb_call *call)
{
	struct giving g = {0};
	const char *known = run_is_set(call, "dump") ? call->host->option(call, "dump") : call->host->fact(call, FB_SCOPE_SERVICE, "dump");
	char *dump = run_copy(known), buf[600];
	int32_t answer = FB_OK, started;

	what(call, buf, sizeof buf);
	if (item_stays(call, buf)) {
		answer = FB_SKIP;
	} else if (!dump || !run_is_set(call, "stop") || !run_is_set(call, "start")) {
		call->host->fail(call, "%s is not brought back: set 'stop', 'start' and 'dump', or copy the file with failback backup restore while the server is stopped", buf);
		answer = FB_FAIL;
	} else if ((answer = item_command(call, "stop", "the data is as it was, for the server could not be stopped")) == FB_OK) {
		g.dump = dump;
		answer = item_restore_by(call, buf, give, &g);
		started = item_command(call, "start", answer == FB_OK ? "the data is back, but start failed" : "the data is not back, and start failed");
		if (answer == FB_OK)
			answer = started;
		if (answer == FB_OK && !(call->flags & FB_CALL_DRY_RUN) && !await(call, true)) {
			call->host->fail(call, "the data is back, but the server does not answer after 'start': look at its log; the file before is %s.replaced", dump);
			answer = FB_FAIL;
		}
	}
	free(dump);
	return answer;
}

static const struct fb_strategy_ops ops = {.check = check, .state = item_state, .capture = capture, .prove = prove, .restore = restore};

FB_PLUGIN(STRATEGY, .name = "redis", .version = "0.1.0", .summary = "Backs up the data of a Redis server, and puts it back while the server is stopped", .license = "Apache-2.0",
	  .options = options, .strategy = &ops)
