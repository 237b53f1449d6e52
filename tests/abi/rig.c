/* SPDX-License-Identifier: Apache-2.0 */
/* The tests' own engine: records frames, answers requests from a table. */
#include "rig.h"

#include <dirent.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/proc.h"

int rig_count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

int rig_count_descendants(void)
{
	struct fb_proc v[256];

	return fb_proc_descendants(getpid(), v, 256);
}

static void put_file(const char *path, const char *text, size_t n, mode_t mode)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

/* Every plugin of a folder, readable for all; the new folder's path. */
static char *copy_plugins(const struct rig *rig, const char *from)
{
	char *to = rig_path(rig, "plugins"), *text;
	struct dirent *entry;
	DIR *d = opendir(from);
	size_t n;

	assert_non_null(d);
	assert_int_equal(mkdir(to, 0755), 0);
	assert_int_equal(chmod(to, 0755), 0);
	assert_int_equal(chmod(rig->dir, 0711), 0);
	while ((entry = readdir(d))) {
		char *old = fb_asprintf("%s/%s", from, entry->d_name), *new = fb_asprintf("%s/%s", to, entry->d_name);

		if (strstr(entry->d_name, ".so") && fb_io_read_file(old, 64 << 20, &text, &n, NULL) == 0) {
			put_file(new, text, n, 0755);
			fb_free(text);
		}
		fb_free(old);
		fb_free(new);
	}
	closedir(d);
	return to;
}

static json_t *sandboxes_of(const struct rig *rig, const char *config)
{
	char *path = rig_path(rig, "failback.conf");
	struct fb_config_request request = {.file = path};
	struct fb_config *c = NULL;
	struct fb_errs errs = {0};
	struct fb_text t = {0};
	json_t *ret;

	for (const char *p = config; *p; p++)
		if (*p == '@')
			fb_text_puts(&t, rig->dir);
		else
			fb_text_add(&t, p, 1);
	put_file(path, t.p, t.n, 0600);
	if (fb_config_load(&request, &c, &errs) < 0)
		fail_msg("%s:%d: %s", errs.v[0].file, errs.v[0].line, errs.v[0].text);
	ret = fb_config_sandboxes(c, NULL);
	fb_config_free(c);
	fb_text_clear(&t);
	fb_free(path);
	return ret;
}

static void begin(struct rig *rig, const char *host_program, const char *plugins, int64_t load_timeout_ms, const char *config)
{
	char real[PATH_MAX], template[] = "/tmp/failback-test-XXXXXX";
	const char *dirs[2] = {NULL, NULL};
	json_t *sandboxes = NULL;
	struct fb_pool_options o = {.host_program = host_program, .plugin_dirs = dirs, .trusted_owner = -1, .load_timeout_ms = load_timeout_ms};
	struct fb_err err;

	memset(rig, 0, sizeof *rig);
	assert_int_equal(uv_loop_init(&rig->loop), 0); /* libuv's first loop leaves two descriptors for signals, for ever */
	assert_int_equal(uv_loop_close(&rig->loop), 0);
	rig->fds = rig_count_fds();
	rig->children = rig_count_descendants();
	assert_non_null(realpath(plugins, real));
	assert_non_null(mkdtemp(template));
	rig->dir = fb_strdup(template);
	rig->plugins = config ? copy_plugins(rig, real) : fb_strdup(real);
	sandboxes = config ? sandboxes_of(rig, config) : NULL;
	o.sandboxes = sandboxes;
	dirs[0] = rig->plugins;
	rig->pool = fb_pool_new(&o);
	json_decref(sandboxes);
	assert_int_equal(uv_loop_init(&rig->loop), 0);
	assert_int_equal(fb_pool_attach(rig->pool, &rig->loop, &err), 0);
}

void rig_start_with(struct rig *rig, const char *plugins, int64_t load_timeout_ms)
{
	begin(rig, "./failback-host", plugins, load_timeout_ms, NULL);
}

void rig_start_host(struct rig *rig, const char *host_program, const char *plugins)
{
	begin(rig, host_program, plugins, 0, NULL);
}

void rig_start_confined(struct rig *rig, const char *plugins, const char *config)
{
	begin(rig, "./failback-host", plugins, 0, config);
}

void rig_start(struct rig *rig, const char *plugins)
{
	rig_start_with(rig, plugins, 0);
}

void rig_end(struct rig *rig)
{
	fb_pool_free(rig->pool);
	uv_run(&rig->loop, UV_RUN_DEFAULT); /* handles that were closed */
	assert_int_equal(uv_loop_close(&rig->loop), 0);
	fb_io_remove_tree(rig->dir);
	fb_free(rig->dir);
	fb_free(rig->plugins);
	assert_int_equal(rig_count_descendants(), rig->children);
	assert_int_equal(rig_count_fds(), rig->fds);
}

static int started(void *ctx, struct fb_host_call *call, const struct fb_proc *worker, struct fb_err *err)
{
	struct heard *h = ctx;

	(void)call;
	h->worker = *worker;
	if (h->refuse_start)
		return fb_err_set(err, FB_EXIT_JOURNAL, "the journal is full");
	return 0;
}

static bool is_request(const char *m)
{
	static const char *const told[] = {"log", "progress", "advise", "report", "sample", "retry_after"};

	for (size_t i = 0; i < sizeof told / sizeof *told; i++)
		if (fb_streq(told[i], m))
			return false;
	return true;
}

static void frame(void *ctx, struct fb_host_call *call, const char *method, json_t *f, int fd)
{
	struct heard *h = ctx;
	json_t *reply = json_object_get(h->replies, method);

	json_array_append(h->frames, f);
	if (fd >= 0) {
		char path[64];

		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		fb_free(h->evidence);
		assert_int_equal(fb_io_read_file(path, 1 << 24, &h->evidence, NULL, NULL), 0);
		close(fd);
	}
	if (h->on_frame)
		h->on_frame(h, method, f);
	if (!is_request(method) || json_is_false(reply)) /* false: leave it waiting */
		return;
	reply = reply ? json_incref(reply) : json_pack("{s:i}", "value", 0);
	fb_host_call_reply(call, reply, fb_streq(method, "document") ? h->document_fd : -1);
	json_decref(reply);
}

static void done(void *ctx, struct fb_host_call *call, const struct fb_call_result *r)
{
	struct heard *h = ctx;

	(void)call;
	h->done = true;
	h->r = *r;
	snprintf(h->message, sizeof h->message, "%s", r->message ? r->message : "");
	h->r.message = h->message;
	h->health = json_incref(r->health);
	h->leftovers = json_incref(r->leftovers);
}

struct heard *rig_begin(struct rig *rig, const struct ask *ask)
{
	struct heard *h = fb_alloc(sizeof *h);
	struct fb_call_spec spec = {
		.kind = ask->kind ? ask->kind : "phase",
		.name = ask->name,
		.operation = ask->operation ? ask->operation : "run",
		.flags = ask->flags,
		.attempt = 1,
		.share = ask->share,
		.deadline_ms = fb_clock_ms() + (ask->within_ms ? ask->within_ms : 10000),
		.grace_ms = ask->grace_ms,
		.context = ask->context ? json_loads(ask->context, 0, NULL) : json_object(),
		.options = ask->options ? json_loads(ask->options, 0, NULL) : json_object(),
		.redactor = ask->redactor,
		.log_path = ask->log_path,
		.log_limit = ask->log_limit,
		.started = started,
		.frame = frame,
		.done = done,
		.ctx = h,
	};

	assert_non_null(spec.context);
	assert_non_null(spec.options);
	h->rig = rig;
	h->frames = json_array();
	h->replies = json_object();
	h->document_fd = -1;
	h->call = fb_host_call(rig->pool, &spec);
	json_decref(spec.context);
	json_decref(spec.options);
	return h;
}

static void on_time(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

bool rig_until(struct rig *rig, bool (*is)(void *ctx), void *ctx)
{
	int64_t end = fb_clock_ms() + 60000;
	uv_timer_t tick;

	uv_timer_init(&rig->loop, &tick);
	uv_timer_start(&tick, on_time, 50, 50);
	while (!is(ctx) && fb_clock_ms() < end)
		uv_run(&rig->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&tick, NULL);
	uv_run(&rig->loop, UV_RUN_NOWAIT);
	return is(ctx);
}

static bool is_done(void *ctx)
{
	return ((struct heard *)ctx)->done;
}

void rig_wait(struct heard *h)
{
	assert_true(rig_until(h->rig, is_done, h));
}

struct heard *rig_call(struct rig *rig, const struct ask *ask)
{
	struct heard *h = rig_begin(rig, ask);

	rig_wait(h);
	return h;
}

void rig_forget(struct heard *h)
{
	json_decref(h->frames);
	json_decref(h->replies);
	json_decref(h->health);
	json_decref(h->leftovers);
	fb_free(h->evidence);
	fb_free(h);
}

json_t *rig_frame(const struct heard *h, const char *method, size_t n)
{
	json_t *f;
	size_t i;

	json_array_foreach(h->frames, i, f)
		if (fb_streq(json_string_value(json_object_get(f, "m")), method) && n-- == 0)
			return f;
	return NULL;
}

char *rig_path(const struct rig *rig, const char *name)
{
	return fb_asprintf("%s/%s", rig->dir, name);
}

char *rig_read(const char *path)
{
	char *text;

	return fb_io_read_file(path, 64 << 20, &text, NULL, NULL) == 0 ? text : fb_strdup("");
}
