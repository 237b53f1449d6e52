/* SPDX-License-Identifier: Apache-2.0 */
/* The fake host as tests use it: loading a plugin, calling an operation, checking what it left, asking what was recorded. */
#include "tests/fake/private.h"

#include <dlfcn.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"

static char *find_plugin(const char *name)
{
	const char *dirs[] = {getenv("FB_TEST_PLUGIN_DIR"), ".libs", "plugins/staged", NULL};

	if (strchr(name, '/'))
		return fb_strdup(name);
	for (size_t i = 0; i < 3; i++) {
		char *path = dirs[i] ? fb_asprintf("%s/%s.so", dirs[i], name) : NULL;
		if (path && !access(path, R_OK)) {
			char *real = realpath(path, NULL);
			fb_free(path);
			return real;
		}
		fb_free(path);
	}
	fail_msg("plugin %s was not found in .libs or plugins/staged: run the test in the top of the build tree", name);
	return NULL;
}

const struct fb_plugin *fake_load(const char *name)
{
	char *path = find_plugin(name);
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	fb_plugin_entry_fn entry;
	const struct fb_plugin *plugin;

	if (!handle)
		fail_msg("%s", dlerror());
	*(void **)&entry = dlsym(handle, "failback_plugin_entry");
	if (!entry)
		fail_msg("%s has no entry", path);
	plugin = entry(FB_ABI_MAJOR << 16 | FB_ABI_MINOR);
	assert_non_null(plugin);
	assert_int_equal(plugin->magic, FB_PLUGIN_MAGIC);
	assert_int_equal(plugin->abi_major, FB_ABI_MAJOR);
	assert_int_equal(plugin->struct_size, sizeof(struct fb_plugin));
	assert_true(fb_name_valid(plugin->name));
	assert_true(plugin->summary && *plugin->summary && plugin->version && plugin->license);
	free(path);
	return plugin;
}

struct fake *fake_new(const char *name, const char *options_json)
{
	return fake_new_plugin(fake_load(name), options_json);
}

static void new_records(struct fake *f)
{
	json_t **lists[] = {&f->acts, &f->logs, &f->advice, &f->progress, &f->evidence, &f->samples, &f->operated, &f->probed, &f->notified, &f->commands};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		json_decref(*lists[i]);
		*lists[i] = json_array();
	}
	json_decref(f->reports);
	f->reports = json_object();
	fb_free(f->message);
	f->message = NULL;
	f->retry_ms = -1;
	f->slept_ms = 0;
}

struct fake *fake_new_plugin(const struct fb_plugin *plugin, const char *options_json)
{
	struct fake *f = fb_alloc(sizeof(*f));
	char dir[] = "/tmp/fb-fake-XXXXXX";

	f->p = fb_alloc(sizeof(*f->p));
	f->plugin = plugin;
	assert_non_null(mkdtemp(dir));
	f->p->dir = fb_strdup(dir);
	f->p->scratch = fake_path(f, "scratch");
	f->p->archive = fake_path(f, "archive");
	assert_int_equal(mkdir(f->p->scratch, 0700), 0);
	assert_int_equal(mkdir(f->p->archive, 0700), 0);
	f->p->host = fake_table;
	f->p->answers = json_object();
	f->p->lost = json_object();
	f->p->journal = json_object();
	f->facts = json_object();
	f->documents = json_object();
	f->services = json_object();
	new_records(f);
	f->call = (struct fb_call){
		.host = &f->p->host,
		.handle = f,
		.attempt = 1,
		.execution = "deploy-test-20260120t110000z-abcd",
		.environment = "test",
		.service = "web",
		.link = "test",
		.archive = f->p->archive,
		.scratch = f->p->scratch,
		.deadline_ms = fb_clock_ms() + 30000,
	};
	fake_set_options(f, options_json);
	return f;
}

void fake_free(struct fake *f)
{
	json_t *v;
	const char *name;
	void *next;

	if (!f)
		return;
	json_object_foreach_safe(f->services, next, name, v) {
		char *copy = fb_strdup(name);
		assert_int_equal(fake_stop_service(&f->call, copy, 0), 0);
		fb_free(copy);
	}
	new_records(f);
	json_t *all[] = {f->acts,     f->logs,     f->advice,  f->progress, f->evidence, f->samples,    f->operated, f->probed,   f->notified,
			 f->commands, f->reports,  f->options, f->facts,    f->documents, f->services, f->p->answers, f->p->lost, f->p->journal};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		json_decref(all[i]);
	for (int i = 0; i <= KEPT_SPARE; i++)
		fb_free(f->p->kept[i]);
	assert_int_equal(fb_io_remove_tree(f->p->dir), 0);
	fb_free(f->p->health_text);
	fb_free(f->p->scratch);
	fb_free(f->p->archive);
	fb_free(f->p->dir);
	fb_free(f->p);
	fb_free(f);
}

void fake_set_options(struct fake *f, const char *options_json)
{
	char *why = NULL;
	json_t *options = fake_normalise(f->plugin, options_json, &why);

	if (!options)
		fail_msg("%s %s", f->plugin->name, why);
	json_decref(f->options);
	f->options = options;
}

static int32_t (*strategy_operation(const struct fb_strategy_ops *ops, uint32_t operation))(const struct fb_call *)
{
	switch (operation) {
	case FB_OP_CHECK:
		return ops->check;
	case FB_OP_STATE:
		return ops->state;
	case FB_OP_CAPTURE:
		return ops->capture;
	case FB_OP_PROVE:
		return ops->prove;
	case FB_OP_PREPARE:
		return ops->prepare;
	case FB_OP_SHIFT:
		return ops->shift;
	case FB_OP_PROTECT:
		return ops->protect;
	case FB_OP_RESTORE:
		return ops->restore;
	case FB_OP_VERIFY:
		return ops->verify;
	case FB_OP_EVIDENCE:
		return ops->evidence;
	case FB_OP_COMMIT:
		return ops->commit;
	case FB_OP_CLEANUP:
		return ops->cleanup;
	default:
		return NULL;
	}
}

static int32_t (*operation_of(const struct fake *f, uint32_t operation))(const struct fb_call *)
{
	const struct fb_plugin *p = f->plugin;

	switch (p->kind) {
	case FB_KIND_PHASE:
		if (f->call.flags & FB_CALL_UNDO || operation == FB_OP_UNDO)
			return p->phase->undo;
		return operation == FB_OP_CHECK ? p->phase->check : operation == FB_OP_RUN ? p->phase->run : NULL;
	case FB_KIND_STRATEGY:
		return f->call.flags & FB_CALL_UNDO ? p->strategy->undo : strategy_operation(p->strategy, operation);
	case FB_KIND_CHECK:
		return operation == FB_OP_CHECK ? p->check->check : NULL;
	case FB_KIND_NOTIFIER:
		return operation == FB_OP_CHECK ? p->notifier->check : NULL;
	default:
		return NULL;
	}
}

bool fake_offers(const struct fake *f, uint32_t operation)
{
	const struct fb_plugin *p = f->plugin;

	if (p->kind == FB_KIND_CHECK && operation == FB_OP_PROBE)
		return p->check->probe || p->check->step;
	if (p->kind == FB_KIND_NOTIFIER && operation == FB_OP_NOTIFY)
		return p->notifier->notify;
	if (p->kind == FB_KIND_STRATEGY && operation == FB_OP_OBSERVE)
		return p->strategy->observe;
	return operation_of(f, operation);
}

static int32_t drive_steps(struct fake *f)
{
	const struct fb_check_ops *ops = f->plugin->check;
	struct fb_wait wait;
	void *state = NULL;
	int32_t rc;

	for (;;) {
		memset(&wait, 0, sizeof(wait));
		wait.fd = -1;
		rc = ops->step(&f->call, &state, &wait, &f->health);
		if (rc != FB_STEP_WAIT)
			break;
		int64_t now = fb_clock_ms(), left = wait.until_ms > now ? wait.until_ms - now : 0;
		struct pollfd p = {.fd = wait.fd, .events = (short)((wait.events & FB_WAIT_READ ? POLLIN : 0) | (wait.events & FB_WAIT_WRITE ? POLLOUT : 0))};
		if (now >= f->call.deadline_ms)
			break;
		assert_true(wait.fd >= 0 || wait.until_ms);
		poll(&p, 1, (int)(left > 60000 ? 60000 : left));
	}
	if (ops->end)
		ops->end(&f->call, state);
	return rc == FB_STEP_DONE ? FB_OK : FB_FAIL;
}

static int32_t probe(struct fake *f)
{
	const struct fb_check_ops *ops = f->plugin->check;
	int32_t answer;

	f->health = (struct fb_health){.latency_us = -1, .value_u = INT64_MIN};
	answer = ops->probe ? ops->probe(&f->call, &f->health) : drive_steps(f);
	fb_free(f->p->health_text);
	f->p->health_text = fb_strdup(f->health.text);
	f->health.text = f->p->health_text;
	if (answer == FB_OK)
		assert_in_range(f->health.state, FB_HEALTH_HEALTHY, FB_HEALTH_BLIND);
	return answer;
}

/* An operation that says OK has said for every action how it ended; in an action of an answer that is not OK the next attempt finds it unknown. */
static void settle(struct fake *f, int32_t answer)
{
	const char *key;
	json_t *v;

	json_object_foreach(f->p->journal, key, v) {
		if (!json_is_true(json_object_get(v, "open")))
			continue;
		if (answer == FB_OK || answer == FB_SKIP)
			fail_msg("the operation answered OK, but acted is missing for '%s'", key);
		json_object_set_new(v, "open", json_false());
	}
	if (answer != FB_OK && answer != FB_SKIP && !f->message && !f->p->refused)
		fail_msg("the operation answered %d without a sentence (host->fail)", (int)answer);
}

int32_t fake_call(struct fake *f, uint32_t operation)
{
	int32_t (*op)(const struct fb_call *) = operation_of(f, operation);
	int32_t answer;

	if (!fake_offers(f, operation))
		fail_msg("%s does not offer operation %u", f->plugin->name, operation);
	f->call.operation = operation;
	f->p->refused = false;
	fb_free(f->message);
	f->message = NULL;
	f->retry_ms = -1;
	if (f->plugin->kind == FB_KIND_CHECK && operation == FB_OP_PROBE)
		answer = probe(f);
	else if (f->plugin->kind == FB_KIND_NOTIFIER && operation == FB_OP_NOTIFY)
		answer = f->plugin->notifier->notify(&f->call, f->event);
	else
		answer = op(&f->call);
	assert_in_range(answer, FB_OK, FB_FATAL);
	settle(f, answer);
	return answer;
}

int32_t fake_observe(struct fake *f, void **state, struct fb_wait *ret_wait)
{
	memset(ret_wait, 0, sizeof(*ret_wait));
	ret_wait->fd = -1;
	f->call.operation = FB_OP_OBSERVE;
	return f->plugin->strategy->observe(&f->call, state, ret_wait);
}

void fake_forget(struct fake *f, bool with_acts)
{
	new_records(f);
	if (with_acts)
		json_object_clear(f->p->journal);
}

void fake_answer(struct fake *f, const char *key, int32_t answer)
{
	if (answer < 0)
		json_object_del(f->p->answers, key);
	else
		json_object_set_new(f->p->answers, key, json_integer(answer));
}

void fake_lose_acted(struct fake *f, const char *key)
{
	json_object_set_new(f->p->lost, key, json_true());
}

const json_t *fake_act(const struct fake *f, const char *key)
{
	const json_t *v, *found = NULL;
	size_t i;

	json_array_foreach(f->acts, i, v)
		if (fb_streq(json_string_value(json_object_get(v, "key")), key))
			found = v;
	return found;
}

bool fake_did(const struct fake *f, const char *key)
{
	return json_is_true(json_object_get(fake_act(f, key), "acted"));
}

char *fake_act_keys(const struct fake *f)
{
	struct fb_text t = {0};
	const json_t *v;
	size_t i;

	json_array_foreach(f->acts, i, v)
		fb_text_printf(&t, "%s%s", i ? " " : "", json_string_value(json_object_get(v, "key")));
	return fb_text_take(&t);
}

const char *fake_option(struct fake *f, const char *path)
{
	return f->p->host.option(&f->call, path);
}

const char *fake_fact(const struct fake *f, int32_t scope, const char *key)
{
	char *name = fb_asprintf("%d/%s", (int)scope, key);
	const char *s = json_string_value(json_object_get(f->facts, name));

	fb_free(name);
	return s;
}

bool fake_logged(const struct fake *f, const char *part)
{
	const json_t *v;
	size_t i;

	json_array_foreach(f->logs, i, v)
		if (strstr(json_string_value(json_object_get(v, "text")), part))
			return true;
	return false;
}

int64_t fake_now_ms(void)
{
	return fb_clock_ms();
}

char *fake_path(const struct fake *f, const char *name)
{
	return fb_asprintf("%s/%s", f->p->dir, name);
}
