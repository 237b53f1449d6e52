/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host for unit tests of plugins: the table of core/failback/plugin.h in one process, with everything recorded, scripted answers, and the
 * rules of the contract checked. A plugin is called in the test's own process, so a test under ASan or valgrind sees what it does.
 *
 * A broken rule fails the test where it was broken: an act without key or text, a key asked for again while it is open, acted without act, an
 * action left open by an operation that answered FB_OK, a change after FB_ACT_NO. What a host function returns is freed when the same function is
 * called again, so that a plugin that keeps it is found by ASan and valgrind.
 *
 *	struct fake *f = fake_new("check-http", "{\"url\": \"http://127.0.0.1:1/\", \"timeout\": \"2s\"}");
 *	assert_int_equal(fake_call(f, FB_OP_PROBE), FB_OK);
 *	assert_int_equal(f->health.state, FB_HEALTH_FAILED);
 *	fake_free(f);
 */
#ifndef FB_TESTS_FAKE_HOST_H
#define FB_TESTS_FAKE_HOST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "failback/plugin.h"

struct fake {
	/* To be set by the test before a call. The operation is set by fake_call, all else stays. */
	struct fb_call call;           /* execution "deploy-test-…", environment "test", service "web", link "test", scratch and archive of its own; 30 s */
	const struct fb_event *event;  /* FB_OP_NOTIFY */
	bool stop;                     /* asked to stop: act answers NO, remaining_ms 0, sleep_ms -1 */
	bool skip_sleeps;              /* sleep_ms returns at once and brings the deadline nearer instead */
	/* Answers of operate, probe and notify. NULL: FB_OK with an empty list. ret_json: a new reference or NULL. */
	int32_t (*operate)(struct fake *f, uint32_t operation, const char *service, json_t **ret_json);
	int32_t (*probe)(struct fake *f, const char *service, json_t **ret_json);
	int32_t (*notify)(struct fake *f, const char *name, const char *summary, json_t **ret_json);
	/* Instead of running a command (NULL: it really runs). Return 1 when ret is filled, 0 to run it, -1 as if it could not be started. */
	int (*command)(struct fake *f, const struct fb_command *command, struct fb_command_result *ret);
	void *ctx;                     /* the test's own */

	/* What is known; may be read and changed by the test. */
	const struct fb_plugin *plugin;
	json_t *options;   /* as the plugin sees them: checked, defaults in, normalised (core/config/frozen.h) */
	json_t *facts;     /* "1/key" (scope/key): value */
	json_t *documents; /* name: any JSON */

	/* What was recorded. */
	json_t *acts;     /* [{"key", "repeat", "text", "answer", "acted": bool, "result"}] in the order asked */
	json_t *logs;     /* [{"level", "text"}] */
	json_t *advice;   /* [{"text", "command"}] */
	json_t *progress; /* [{"bp", "text"}] */
	json_t *evidence; /* [{"path"|"name", "title", "text"}] */
	json_t *reports;  /* member: JSON */
	json_t *samples;  /* [{"release", "source", "requests", …}] */
	json_t *operated; /* [{"operation": 38, "service": "web" or null, "share", "flags"}] */
	json_t *probed;   /* ["web" or null] */
	json_t *notified; /* [{"name", "summary", "wait_ms"}] */
	json_t *commands; /* [{"shell"|"argv", "exit_code", "signal", "timed_out", "output"}] */
	json_t *services; /* name: {"pid", "start", "log"}: started and not stopped */
	char *message;    /* of fail; NULL: it was not called */
	int64_t retry_ms; /* of retry_after; -1: it was not called */
	int64_t slept_ms;
	struct fb_health health; /* of the last probe; text is a copy */

	struct fake_private *p;
};

/* The plugin "check-http": from $FB_TEST_PLUGIN_DIR, else the build tree's .libs or plugins/staged; or a path with a slash. Fails the test
 * when it does not load, or its descriptor is not of this header. Stays loaded. */
const struct fb_plugin *fake_load(const char *name);
/* options_json: as they would stand in the configuration (NULL: {}). An option that is not declared, or of a wrong type, fails the test. */
struct fake *fake_new(const char *name, const char *options_json);
struct fake *fake_new_plugin(const struct fb_plugin *plugin, const char *options_json);
/* Ends services that still run, removes the directories. Takes NULL. */
void fake_free(struct fake *f);
/* Options anew, with the same checks. */
void fake_set_options(struct fake *f, const char *options_json);
/* Would the core refuse these? NULL: no; else the reason, to be freed. */
char *fake_refuse_options(const struct fb_plugin *plugin, const char *options_json);

/* Calls the operation of the plugin's kind, then checks what it left. With FB_CALL_UNDO in call.flags: undo of the operation. Fails the test when the
 * plugin does not offer it. A check's step form is driven with poll. */
int32_t fake_call(struct fake *f, uint32_t operation);
bool fake_offers(const struct fake *f, uint32_t operation);
/* One round of FB_OP_OBSERVE; *state as in the contract. */
int32_t fake_observe(struct fake *f, void **state, struct fb_wait *ret_wait);
/* Forgets what was recorded (not facts, not services). with_acts: also which actions were done, as for a new link. */
void fake_forget(struct fake *f, bool with_acts);

/* The answer for a key, until changed; -1: as the journal would (new: DO, open: by its repeat, done: DONE). UNSURE becomes DO after AGAIN. */
void fake_answer(struct fake *f, const char *key, int32_t answer);
/* As if the engine had died between the change and acted: acted answers -1 and the action stays open. */
void fake_lose_acted(struct fake *f, const char *key);

/* For assertions. NULL when there is none. */
const json_t *fake_act(const struct fake *f, const char *key);     /* the last one of that key */
bool fake_did(const struct fake *f, const char *key);              /* made and acted */
char *fake_act_keys(const struct fake *f);                         /* "stop start": to be freed */
const char *fake_option(struct fake *f, const char *path);
const char *fake_fact(const struct fake *f, int32_t scope, const char *key);
bool fake_logged(const struct fake *f, const char *part);          /* a log line holds it */
int64_t fake_now_ms(void);                                         /* CLOCK_BOOTTIME */
/* A path in the test's own directory, which goes with fake_free; to be freed. */
char *fake_path(const struct fake *f, const char *name);

#endif
