/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must outlive its call: processes started by the engine itself, each in a session of its own, recorded before the program runs in it, with
 * a log file. They are known later by pid and start time, from this execution or any other.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "chain/task.h"

extern char **environ;

#define POLL_MS 5

/* The recorded process of a name, if it still runs. 1: found. */
static int find(struct fb_task *t, const char *name, struct fb_proc *ret)
{
	struct fb_context *x = t->spec.context;
	struct fb_process_row *rows;
	struct fb_err err;
	size_t n;
	int found = 0;

	if (!t->spec.service || !name || fb_journal_processes(x->journal, NULL, "service", x->environment, t->spec.service, name, &rows, &n, &err) < 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(rows[i].boot_id, fb_clock_boot_id()) && fb_proc_alive(&rows[i].proc)) {
			*ret = rows[i].proc;
			found = 1;
		} else if (!x->dry && !x->is_lost && fb_journal_process_gone(x->journal, &rows[i].proc, &err) < 0) {
			fb_context_lost(x, &err);
		}
	}
	fb_processes_free(rows, n);
	return found;
}

static const char **strings_of(const json_t *array)
{
	const char **v = fb_alloc((json_array_size(array) + 1) * sizeof *v);
	const json_t *item;
	size_t i;

	json_array_foreach(array, i, item)
		v[i] = json_string_value(item) ? json_string_value(item) : "";
	return v;
}

/* PATH, HOME, LANG, the FAILBACK_ variables and the request's own; an array to be freed with its texts. */
static char **environment_of(const struct fb_task *t, const json_t *extra)
{
	const struct fb_context *x = t->spec.context;
	const char *path = getenv("PATH"), *home = getenv("HOME");
	char **v = fb_alloc((json_array_size(extra) + 7) * sizeof *v);
	const json_t *item;
	size_t n = 0, i;

	v[n++] = fb_asprintf("PATH=%s", path ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	v[n++] = fb_asprintf("HOME=%s", home ? home : "/");
	v[n++] = fb_strdup("LANG=C.UTF-8");
	v[n++] = fb_asprintf("FAILBACK_EXECUTION=%s", x->id);
	v[n++] = fb_asprintf("FAILBACK_ENVIRONMENT=%s", x->environment);
	v[n++] = fb_asprintf("FAILBACK_SERVICE=%s", t->spec.service);
	json_array_foreach(extra, i, item)
		v[n++] = fb_strdup(json_string_value(item) ? json_string_value(item) : "");
	return v;
}

/* In the child: waits until it has been recorded (a byte), or ends when the engine is gone (end of file). */
__attribute__((noreturn)) static void become(int gate, int failure, int log, const char *directory, const char **argv, char **environment)
{
	sigset_t none;
	char byte;
	int saved;

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int s = 1; s < 32; s++)
		signal(s, SIG_DFL);
	if (read(gate, &byte, 1) != 1)
		_exit(127);
	dup2(open("/dev/null", O_RDONLY), 0);
	dup2(log, 1);
	dup2(log, 2);
	umask(022);
	if (chdir(directory ? directory : "/") == 0) {
		/* failure closes itself when the program runs */
		dup2(failure, 3);
		fcntl(3, F_SETFD, FD_CLOEXEC);
		close_range(4, ~0u, 0);
		failure = 3;
		environ = environment;
		execvp(argv[0], (char *const *)argv);
	}
	saved = errno;
	if (write(failure, &saved, sizeof saved) < 0)
		_exit(126);
	_exit(127);
}

static int open_log(struct fb_task *t, const char *name, struct fb_err *err)
{
	struct fb_context *x = t->spec.context;
	char *folder = fb_asprintf("%s/%s", x->service_logs, t->spec.service), *path = NULL;
	int fd = -1;

	if (strchr(name, '/') || !strcmp(name, "..") || fb_io_make_folders(folder, 0750, err) < 0) {
		if (strchr(name, '/'))
			fb_err_set(err, FB_EXIT_FAILED, "the name '%s' of a log file has a slash", name);
		goto out;
	}
	/* One file for each execution that starts it, so that what is read as evidence is of the release in question. */
	path = fb_asprintf("%s/%s.%s.log", folder, name, x->id);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		fb_err_set(err, FB_EXIT_FAILED, "cannot open the log %s: %s", path, strerror(errno));
out:
	fb_free(folder);
	fb_free(path);
	return fd;
}

static int start(struct fb_task *t, const char *name, const json_t *frame, struct fb_proc *ret, struct fb_err *err)
{
	struct fb_context *x = t->spec.context;
	const char *shell = json_string_value(json_object_get(frame, "shell")), *log_name = json_string_value(json_object_get(frame, "log"));
	const char *by_shell[] = {"/bin/sh", "-c", shell, NULL}, **given = strings_of(json_object_get(frame, "argv")), **argv = shell ? by_shell : given;
	char **environment = environment_of(t, json_object_get(frame, "environment"));
	int gate[2] = {-1, -1}, failure[2] = {-1, -1}, log = -1, saved = 0, r = -1;
	pid_t pid;

	if (!argv[0]) {
		fb_err_set(err, FB_EXIT_FAILED, "start_service '%s' was given no command", name);
		goto out;
	}
	log = open_log(t, log_name ? log_name : name, err);
	if (log < 0)
		goto out;
	if (pipe2(gate, O_CLOEXEC) < 0 || pipe2(failure, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		fb_err_set(err, FB_EXIT_FAILED, "cannot start a process: %s", strerror(errno));
		goto out;
	}
	if (pid == 0) {
		close(gate[1]);
		become(gate[0], failure[1], log, json_string_value(json_object_get(frame, "directory")), argv, environment);
	}
	close(failure[1]);
	failure[1] = -1;
	if (fb_proc_look(pid, ret) < 0 || fb_journal_process(x->journal, "service", x->environment, t->spec.service, name, ret, err) < 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		fb_context_lost(x, err);
		goto out;
	}
	if (write(gate[1], "", 1) != 1 || read(failure[0], &saved, sizeof saved) > 0) {
		fb_err_set(err, FB_EXIT_FAILED, "cannot run %s: %s", argv[0], strerror(saved));
		waitpid(pid, NULL, 0);
		goto out;
	}
	r = 0;
out:
	for (int i = 0; i < 2; i++) {
		if (gate[i] >= 0)
			close(gate[i]);
		if (failure[i] >= 0)
			close(failure[i]);
	}
	if (log >= 0)
		close(log);
	for (char **e = environment; *e; e++)
		fb_free(*e);
	fb_free(environment);
	fb_free(given);
	return r;
}

/* Services run as we do, in no sandbox: who starts them is out of his own. */
static bool is_confined(struct fb_task *t, const char *what)
{
	const json_t *sandbox = json_object_get(t->spec.use->descriptor, "sandbox");

	if (!json_is_object(sandbox) || json_is_true(json_object_get(sandbox, "start_service")))
		return false;
	fb_host_call_refuse(t->call, what);
	fb_task_reply(t, json_pack("{s:i, s:i}", "value", -1, "pid", 0));
	return true;
}

void fb_task_start_service(struct fb_task *t, const json_t *frame)
{
	const char *name = json_string_value(json_object_get(frame, "name"));
	struct fb_err err = {0};
	struct fb_proc p;

	if (is_confined(t, "to start a service (start_service = true allows it)"))
		return;
	if (!name || !t->spec.service || t->spec.context->dry || t->spec.context->is_lost)
		fb_err_set(&err, FB_EXIT_FAILED, t->spec.context->dry ? "nothing is started in a dry run" : "start_service needs a name, and a call that is about a service");
	else if (find(t, name, &p) || start(t, name, frame, &p, &err) == 0)
		err.code = 0;
	if (err.code) {
		fb_host_call_note(t->call, err.text);
		fb_task_reply(t, json_pack("{s:i}", "value", -1));
	} else {
		fb_task_reply(t, json_pack("{s:i, s:I}", "value", 0, "pid", (json_int_t)p.pid));
	}
}

void fb_task_service_pid(struct fb_task *t, const json_t *frame)
{
	struct fb_proc p = {0};

	if (!find(t, json_string_value(json_object_get(frame, "name")), &p))
		p.pid = 0;
	fb_task_reply(t, json_pack("{s:I}", "value", (json_int_t)p.pid));
}

/* ---- ending one: asked, waited for, killed ---- */

struct ending {
	uv_timer_t timer;
	struct fb_task *task; /* NULL: it has ended before us; we go on, so that nothing half-stopped stays */
	struct fb_proc proc;
	int64_t kill_at_ms;
};

static void free_ending(uv_handle_t *handle)
{
	fb_free(handle->data);
}

static void forget(void *waiting)
{
	((struct ending *)waiting)->task = NULL;
}

static void look(uv_timer_t *timer)
{
	struct ending *e = timer->data;
	struct fb_proc rest[64];
	struct fb_err err;
	int n;

	waitpid(e->proc.pid, NULL, WNOHANG);
	n = fb_proc_group(e->proc.pid, true, rest, 64);
	if (n > 0 && (fb_clock_ms() >= e->kill_at_ms || !fb_proc_alive(&e->proc)))
		for (int i = 0; i < n; i++)
			fb_proc_signal(&rest[i], SIGKILL);
	if (n > 0)
		return;
	if (e->task) {
		struct fb_context *x = e->task->spec.context;
		int r = x->is_lost ? -1 : fb_journal_process_gone(x->journal, &e->proc, &err);

		if (r < 0 && !x->is_lost)
			fb_context_lost(x, &err);
		fb_task_reply(e->task, json_pack("{s:i}", "value", r));
	}
	uv_close((uv_handle_t *)timer, free_ending);
}

void fb_task_stop_service(struct fb_task *t, const json_t *frame)
{
	int64_t grace = json_integer_value(json_object_get(frame, "grace_ms"));
	struct fb_proc p;
	struct ending *e;

	if (is_confined(t, "to stop a service (start_service = true allows it)"))
		return;
	if (t->spec.context->dry || t->spec.context->is_lost || !find(t, json_string_value(json_object_get(frame, "name")), &p)) {
		fb_task_reply(t, json_pack("{s:i}", "value", t->spec.context->dry || t->spec.context->is_lost ? -1 : 0));
		return;
	}
	e = fb_alloc(sizeof *e);
	e->task = t;
	e->proc = p;
	e->kill_at_ms = fb_clock_ms() + (grace > 0 ? grace : 0);
	t->waiting = e;
	t->cancel = forget;
	fb_proc_signal(&p, SIGTERM);
	uv_timer_init(t->spec.context->loop, &e->timer);
	e->timer.data = e;
	uv_timer_start(&e->timer, look, 0, POLL_MS);
}
