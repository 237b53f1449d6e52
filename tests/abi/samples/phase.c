/* SPDX-License-Identifier: Apache-2.0 */
/* The sample phase: every type of option, every service of the host. */
#include "sample.h"

static void options(const struct fb_call *c)
{
	const struct fb_host *h = c->host;
	static const char *const scalars[] = {"string", "choice", "other-choice", "url", "path", "float", "command", "group.member", "groups[1].path", "map.b", "nothing"};
	static const char *const numbers[] = {"int", "bool", "duration", "size", "percent", "groups[0].count", "nothing"};
	static const char *const counted[] = {"list", "map", "groups", "command-list", "nothing"};

	for (unsigned i = 0; i < sizeof scalars / sizeof *scalars; i++)
		SAY("option %s=%s", scalars[i], text(h->option(c, scalars[i])));
	for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++)
		SAY("option_int %s=%lld", numbers[i], (long long)h->option_int(c, numbers[i], -7));
	for (unsigned i = 0; i < sizeof counted / sizeof *counted; i++)
		SAY("option_count %s=%u", counted[i], h->option_count(c, counted[i]));
	SAY("option_key 1=%s", text(h->option_key(c, "map", 1)));
	SAY("option_key 9=%s", text(h->option_key(c, "map", 9)));
	SAY("option list[1]=%s", text(h->option(c, "list[1]")));
}

static void effects(const struct fb_call *c)
{
	const struct fb_host *h = c->host;

	SAY("fact=%s", text(h->fact(c, FB_SCOPE_EXECUTION, "colour")));
	SAY("fact_set=%d", h->fact_set(c, FB_SCOPE_OWN, "colour", "green"));
	SAY("act=%d", h->act(c, "one", FB_REPEAT_IDEMPOTENT, "first"));
	SAY("acted=%d", h->acted(c, "one", "was made"));
	SAY("act_result=%s", text(h->act_result(c, "one")));
}

static void commands(const struct fb_call *c)
{
	const struct fb_host *h = c->host;
	static const char *const argv[] = {"/bin/sh", "-c", "pwd; read a; echo \"$a $MORE\"; exit 3", NULL}, *const environment[] = {"MORE=of it", NULL};
	const struct fb_command command = {.argv = argv, .directory = "/", .environment = environment, .input = "from its input\n", .timeout_ms = 20000 GIVE_NEXT};
	const struct fb_command shell = {.shell = "kill -9 $$", .log = "other.log" GIVE_NEXT};
	GUARDED(fb_command_result, r);
	int64_t pid = 0;

	SAY("run=%d", h->run(c, &command, &r.v));
	SAY("result: exit %d signal %d timed out %d reserved %d size %llu elapsed %d guard %d", r.v.exit_code, r.v.signal, r.v.timed_out, r.v.reserved,
	    (unsigned long long)r.v.output_size, r.v.elapsed_ms >= 0 && r.v.elapsed_ms < 20000, IS_GUARDED(r));
	SAY("output: %.*s", (int)r.v.output_size, text(r.v.output));
	SAY_NEXT("result", &r.v);
	SAY("run=%d", h->run(c, &shell, &r.v));
	SAY("result: exit %d signal %d guard %d", r.v.exit_code, r.v.signal, IS_GUARDED(r));
	SAY("start_service=%d", h->start_service(c, "web", &shell, &pid));
	SAY("pid=%lld", (long long)pid);
	SAY("service_pid=%lld", (long long)h->service_pid(c, "web"));
	SAY("stop_service=%d", h->stop_service(c, "web", 100));
}

static void words(const struct fb_call *c)
{
	const struct fb_host *h = c->host;
	const char *json = NULL;

	SAY("evidence=%d", h->evidence(c, "/proc/self/there-is-none", "none"));
	SAY("evidence_text=%d", h->evidence_text(c, "note", "a note", "12345", 5));
	SAY("report=%d", h->report(c, "items", "[1]"));
	SAY("document=%s", text(h->document(c, "services")));
	h->progress(c, 2500, "a quarter");
	h->advise(c, "look", "ls");
	SAY("remaining_ms=%d", h->remaining_ms(c) > 0);
	SAY("sleep_ms=%d", h->sleep_ms(c, 1));
	SAY("operate=%d", h->operate(c, FB_OP_VERIFY, "web", 0, FB_CALL_UNDO, &json));
	SAY("operated: %s", text(json));
	SAY("probe=%d", h->probe(c, NULL, &json));
	SAY("probed: %s", text(json));
	SAY("notify=%d", h->notify(c, "rollback.started", "it has begun", 5, &json));
	SAY("notified: %s", text(json));
#ifdef FB_NEXT
	SAY("next service: %d", h->next_service ? h->next_service(c, "hello") : -1);
#endif
}

static int32_t run(const struct fb_call *c)
{
	say_call(c);
	options(c);
	effects(c);
	commands(c);
	words(c);
	c->host->fail(c, "failed as it %s", "should");
	return FB_RETRY;
}

OPERATION(check)
OPERATION(undo)
#ifdef FB_NEXT
OPERATION(next)
#endif

static const struct fb_phase_ops ops = {
	.check = do_check,
	.run = run,
	.undo = do_undo,
#ifdef FB_NEXT
	.next_operation = do_next,
#endif
};

static const struct fb_option declared[] = {
	{.name = "string", .type = FB_TYPE_STRING, .flags = FB_OPTION_SECRET, .summary = "A text" GIVE_NEXT},
	{.name = "int", .type = FB_TYPE_INT, .flags = FB_OPTION_REQUIRED, .min = 1, .max = 10, .summary = "A number" GIVE_NEXT},
	{.name = "bool", .type = FB_TYPE_BOOL, .default_value = "true", .summary = "Yes or no" GIVE_NEXT},
	{.name = "duration", .type = FB_TYPE_DURATION, .default_value = "5s", .unit = "s", .min = 1, .max = 60000, .summary = "A time" GIVE_NEXT},
	{.name = "size", .type = FB_TYPE_SIZE, .default_value = "4KiB", .unit = "bytes", .summary = "A size" GIVE_NEXT},
	{.name = "choice", .type = FB_TYPE_CHOICE, .default_value = "b", .choices = "a|b", .alias = "other-choice", .summary = "One of two" GIVE_NEXT},
	{.name = "command", .type = FB_TYPE_COMMAND, .summary = "A command" GIVE_NEXT},
	{.name = "command-list", .type = FB_TYPE_COMMAND, .summary = "Another" GIVE_NEXT},
	{.name = "list", .type = FB_TYPE_LIST, .summary = "A list" GIVE_NEXT},
	{.name = "map", .type = FB_TYPE_MAP, .summary = "A map" GIVE_NEXT},
	{.name = "url", .type = FB_TYPE_URL, .default_value = "http://localhost/", .summary = "An address" GIVE_NEXT},
	{.name = "path", .type = FB_TYPE_PATH, .default_value = "/etc", .summary = "A path" GIVE_NEXT},
	{.name = "float", .type = FB_TYPE_FLOAT, .default_value = "0.5", .summary = "A fraction" GIVE_NEXT},
	{.name = "percent", .type = FB_TYPE_PERCENT, .default_value = "50%", .summary = "A share" GIVE_NEXT},
	{.name = "group.member", .type = FB_TYPE_STRING, .summary = "A member" GIVE_NEXT},
	{.name = "groups", .type = FB_TYPE_GROUPS, .summary = "A list of groups" GIVE_NEXT},
	{.name = "groups[].path", .type = FB_TYPE_PATH, .flags = FB_OPTION_REQUIRED, .summary = "A member of each" GIVE_NEXT},
	{.name = "groups[].count", .type = FB_TYPE_INT, .default_value = "3", .summary = "Another" GIVE_NEXT},
	{0},
};

#ifdef FB_NEXT
#define MORE , .next_text = "told by the plugin"
#else
#define MORE
#endif

FB_PLUGIN(PHASE, .needs_minor = 0, .name = "sample", .version = "1.2", .summary = "A sample", .license = "Apache-2.0", .options = declared, .phase = &ops MORE)
