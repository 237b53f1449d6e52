/* SPDX-License-Identifier: Apache-2.0 */
/* A phase that does what its option "do" says, and uses every host service as an author would. For the tests of the host. */
#include <failback/plugin.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAY(...) c->host->log(c, FB_LOG_INFO, __VA_ARGS__)

static int32_t do_options(const struct fb_call *c)
{
	const struct fb_host *h = c->host;
	const char *s;

	s = h->option(c, "text");
	SAY("text=%s", s ? s : "(null)");
	s = h->option(c, "blue.server");
	SAY("blue.server=%s", s ? s : "(null)");
	s = h->option(c, "items[1].path");
	SAY("items[1].path=%s", s ? s : "(null)");
	s = h->option(c, "headers.X-Key.with.dots");
	SAY("header=%s", s ? s : "(null)");
	s = h->option(c, "ratio");
	SAY("ratio=%s", s ? s : "(null)");
	SAY("count items=%u headers=%u absent=%u", h->option_count(c, "items"), h->option_count(c, "headers"), h->option_count(c, "nothing"));
	SAY("key0=%s", h->option_key(c, "headers", 0));
	SAY("key9=%s", h->option_key(c, "headers", 9) ? "there" : "(null)");
	SAY("wait=%lld text of wait=%s", (long long)h->option_int(c, "wait", -1), h->option(c, "wait"));
	SAY("flag=%lld none=%lld", (long long)h->option_int(c, "flag", -1), (long long)h->option_int(c, "nothing", -7));
	return FB_OK;
}

static int32_t do_json(const struct fb_call *c)
{
	static const char document[] = "{\"services\":[{\"release\":\"2.1 \\\"b\\\"\",\"up\":true,\"a.b\":7}],\"load\":0.5,\"none\":null}";
	const struct fb_host *h = c->host;
	const char *v = h->json_value(c, document, "services[1].release");

	SAY("%s %s %s", h->json_string(c, "a \"b\"\n\xc3\xa4"), h->json_string(c, NULL), h->json_string(c, "\xff!"));
	SAY("%s %s %s %s", h->json_value(c, document, "services[0].release"), h->json_value(c, document, "services[0].up"), h->json_value(c, document, "services[0].a.b"),
	    h->json_value(c, document, "load"));
	SAY("%s %s", h->json_value(c, document, "services"), h->json_value(c, "[1]", ""));
	SAY("%s%s%s%s%s", v ? v : "-", h->json_value(c, document, "none") ? "there" : "-", h->json_value(c, "{", "") ? "there" : "-", h->json_value(c, NULL, "a") ? "there" : "-",
	    h->json_value(c, document, NULL) ? "there" : "-");
	return FB_OK;
}

static int32_t do_facts(const struct fb_call *c)
{
	const struct fb_host *h = c->host;
	const char *s;

	s = h->fact(c, FB_SCOPE_EXECUTION, "colour");
	SAY("fact=%s", s ? s : "(null)");
	SAY("set=%d", (int)h->fact_set(c, FB_SCOPE_SERVICE, "colour", "green"));
	SAY("act=%d", (int)h->act(c, "switch", FB_REPEAT_PROBE, "switch users over"));
	SAY("acted=%d", (int)h->acted(c, "switch", "done"));
	s = h->act_result(c, "switch");
	SAY("result=%s", s ? s : "(null)");
	SAY("service pid=%lld", (long long)h->service_pid(c, "web"));
	return FB_OK;
}

static int32_t do_asks(const struct fb_call *c)
{
	const struct fb_host *h = c->host;
	const char *argv[] = {"/bin/sleep", "1000", NULL}, *environment[] = {"A=1", NULL}, *json = NULL, *s;
	struct fb_command command = {.argv = argv, .environment = environment};
	int64_t pid = 0;

	SAY("start=%d", (int)h->start_service(c, "web", &command, &pid));
	SAY("pid=%lld", (long long)pid);
	SAY("stop=%d", (int)h->stop_service(c, "web", 100));
	SAY("evidence=%d", (int)h->evidence(c, h->option(c, "text"), "a file"));
	SAY("evidence folder=%d", (int)h->evidence(c, "/tmp", "a folder"));
	SAY("evidence_text=%d", (int)h->evidence_text(c, "note.txt", "a note", "in memory", 9));
	SAY("report=%d bad=%d", (int)h->report(c, "items", "[1,2]"), (int)h->report(c, "items", "[1,"));
	s = h->document(c, "report");
	SAY("document=%s", s ? s : "(null)");
	SAY("operate=%d", (int)h->operate(c, FB_OP_RESTORE, NULL, 0, 0, &json));
	SAY("json=%s", json);
	SAY("operate run=%d", (int)h->operate(c, FB_OP_RUN, NULL, 0, 0, &json));
	SAY("probe=%d", (int)h->probe(c, "web", &json));
	SAY("notify=%d", (int)h->notify(c, NULL, NULL, 10, &json));
	h->progress(c, 5000, "half");
	h->advise(c, "look", "ls -l");
	h->retry_after(c, 1500);
	return FB_OK;
}

static int32_t do_run(const struct fb_call *c)
{
	const char *environment[] = {"EXTRA=more", "PATH=/bin:/usr/bin", NULL};
	struct fb_command command = {.environment = environment};
	struct fb_command_result r;
	char shell[512], input[64];
	const char *s;

	/* an option lives until the next one is asked for */
	s = c->host->option(c, "command");
	snprintf(shell, sizeof shell, "%s", s ? s : "true");
	command.shell = shell;
	s = c->host->option(c, "input");
	if (s) {
		snprintf(input, sizeof input, "%s", s);
		command.input = input;
	}
	command.timeout_ms = c->host->option_int(c, "wait", 0) == 5000 ? 0 : c->host->option_int(c, "wait", 0);
	if (c->host->run(c, &command, &r) < 0)
		return FB_FAIL;
	SAY("exit=%d signal=%d timed_out=%d", (int)r.exit_code, (int)r.signal, (int)r.timed_out);
	c->host->fail(c, "size=%llu tail=%.*s", (unsigned long long)r.output_size, (int)(r.output_size < 1000 ? r.output_size : 1000),
		      r.output + (r.output_size < 1000 ? 0 : r.output_size - 1000));
	return r.exit_code == 0 ? FB_SKIP : FB_FAIL;
}

static int32_t do_missing(const struct fb_call *c)
{
	const char *argv[] = {"/nowhere/at/all", NULL};
	struct fb_command command = {.argv = argv};
	struct fb_command_result r;

	return c->host->run(c, &command, &r) < 0 ? FB_FAIL : FB_OK;
}

/* Nobody can tell how a command ended when its end is thrown away. */
static int32_t do_careless(const struct fb_call *c)
{
	struct fb_command command = {.shell = "exit 7"};
	struct fb_command_result r = {0};

	signal(SIGCHLD, SIG_IGN);
	return c->host->run(c, &command, &r) < 0 ? FB_RETRY : r.exit_code == 0 ? FB_OK : FB_FAIL;
}

static int32_t do_sleep(const struct fb_call *c)
{
	SAY("sleeping");
	if (c->host->sleep_ms(c, 60000) < 0) {
		c->host->fail(c, "woken: remaining %lld, act %d", (long long)c->host->remaining_ms(c), (int)c->host->act(c, "a", FB_REPEAT_ONCE, "x"));
		return FB_RETRY;
	}
	return FB_OK;
}

static int32_t do_call(const struct fb_call *c)
{
	SAY("%s %s %s %s %s", c->execution, c->environment, c->service, c->release, c->last_good ? c->last_good : "(null)");
	SAY("attempt=%u flags=%u share=%u", c->attempt, c->flags, c->share);
	SAY("left=%d", c->host->remaining_ms(c) > 5000);
	return FB_OK;
}

/* For the tests of an engine that dies: says who it is and goes on for long. */
static int32_t do_linger(const struct fb_call *c)
{
	struct fb_command command = {.shell = "sleep 5 & setsid sleep 5 & (setsid sh -c 'sleep 5; sleep 5' &) ; sleep 5"};
	struct fb_command_result r;

	return c->host->run(c, &command, &r);
}

static int32_t do_flood(const struct fb_call *c)
{
	char line[1025];

	memset(line, 'x', sizeof line);
	line[1023] = '\n';
	line[1024] = 0;
	for (int i = 0; i < 40000; i++)
		fputs(line, stdout);
	for (int i = 0; i < 20000; i++)
		SAY("line %d", i);
	return FB_OK;
}

static int32_t do_print(const struct fb_call *c)
{
	const char *s = c->host->option(c, "text");

	/* in two pieces, so that what is secret crosses their border */
	fwrite(s, 1, strlen(s) / 2, stdout);
	fflush(stdout);
	c->host->sleep_ms(c, 30);
	fputs(s + strlen(s) / 2, stdout);
	SAY("log %s", s);
	c->host->fail(c, "fail %s", s);
	return FB_FAIL;
}

static int32_t run(const struct fb_call *c)
{
	static const struct {
		const char *name;
		int32_t (*f)(const struct fb_call *c);
	} all[] = {{"options", do_options}, {"json", do_json}, {"careless", do_careless}, {"facts", do_facts}, {"asks", do_asks},     {"run", do_run},     {"missing", do_missing}, {"sleep", do_sleep},
		   {"call", do_call},       {"flood", do_flood}, {"linger", do_linger}, {"print", do_print}};
	const char *what = c->host->option(c, "do");

	for (size_t i = 0; what && i < sizeof all / sizeof *all; i++)
		if (strcmp(all[i].name, what) == 0)
			return all[i].f(c);
	return FB_OK;
}

static int32_t undo(const struct fb_call *c)
{
	c->host->fail(c, "undone");
	return FB_SKIP;
}

static const struct fb_phase_ops ops = {.run = run, .undo = undo};
static const struct fb_option options[] = {
	{.name = "do", .type = FB_TYPE_STRING, .summary = "What to do"},
	{.name = "text", .type = FB_TYPE_STRING, .default_value = "plain", .summary = "A text"},
	{.name = "wait", .type = FB_TYPE_DURATION, .default_value = "5s", .min = 10, .max = 60000, .summary = "A time"},
	{.name = "flag", .type = FB_TYPE_BOOL, .summary = "Yes or no"},
	{.name = "ratio", .type = FB_TYPE_FLOAT, .summary = "A number"},
	{.name = "mode", .type = FB_TYPE_CHOICE, .choices = "a|b", .default_value = "a", .alias = "way", .summary = "One of two"},
	{.name = "token", .type = FB_TYPE_STRING, .flags = FB_OPTION_SECRET, .summary = "A secret"},
	{.name = "blue.server", .type = FB_TYPE_STRING, .summary = "A member"},
	{.name = "items", .type = FB_TYPE_GROUPS, .summary = "A list of groups"},
	{.name = "items[].path", .type = FB_TYPE_PATH, .flags = FB_OPTION_REQUIRED, .summary = "A member of each"},
	{.name = "headers", .type = FB_TYPE_MAP, .summary = "A map"},
	{.name = "command", .type = FB_TYPE_COMMAND, .summary = "A command"},
	{.name = "input", .type = FB_TYPE_STRING, .summary = "Its standard input"},
	{0},
};

FB_PLUGIN(PHASE, .name = "tame", .version = "1.2.3", .summary = "Does what it is told", .license = "Apache-2.0", .options = options, .phase = &ops)
