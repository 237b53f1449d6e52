/* SPDX-License-Identifier: Apache-2.0 */
/* Commands and services of the fake host: real processes, in groups and sessions of their own, ended by pid and start time. */
#include "tests/fake/private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/proc.h"

#define OUTPUT_LIMIT 65536

static struct fake *fake_of(const struct fb_call *call)
{
	return call->handle;
}

/* A NULL-terminated environment in which a later entry of the same name wins; entries and array to be freed by free_environment. */
static char **make_environment(const struct fb_call *call, const struct fb_command *command)
{
	size_t n = 0, given = 0;
	char **env;

	while (command->environment && command->environment[given])
		given++;
	env = calloc(given + 16, sizeof(*env));
	assert_non_null(env);
	for (size_t i = 0; i < given; i++) {
		assert_non_null(strchr(command->environment[i], '='));
		env[n++] = fb_strdup(command->environment[i]);
	}
	env[n++] = fb_asprintf("PATH=%s", getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
	env[n++] = fb_strdup("HOME=/");
	env[n++] = fb_strdup("LANG=C.UTF-8");
	if (getenv("FAILBACK_STORE"))
		env[n++] = fb_asprintf("FAILBACK_STORE=%s", getenv("FAILBACK_STORE"));
	env[n++] = fb_asprintf("FAILBACK_EXECUTION=%s", call->execution);
	env[n++] = fb_asprintf("FAILBACK_ENVIRONMENT=%s", call->environment);
	if (call->service)
		env[n++] = fb_asprintf("FAILBACK_SERVICE=%s", call->service);
	if (call->release)
		env[n++] = fb_asprintf("FAILBACK_RELEASE=%s", call->release);
	if (call->last_good)
		env[n++] = fb_asprintf("FAILBACK_LAST_GOOD=%s", call->last_good);
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n;) {
			size_t len = strcspn(env[i], "=") + 1;
			if (strncmp(env[i], env[k], len)) {
				k++;
				continue;
			}
			fb_free(env[k]);
			memmove(env + k, env + k + 1, (n - k) * sizeof(*env));
			n--;
		}
	return env;
}

static void free_environment(char **env)
{
	for (size_t i = 0; env[i]; i++)
		fb_free(env[i]);
	free(env);
}

static int input_fd(const char *input)
{
	char path[] = "/tmp/fb-input-XXXXXX";
	int fd;

	if (!input)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	fd = mkostemp(path, O_CLOEXEC);
	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(fb_io_write_all(fd, input, strlen(input)), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* Starts it; what cannot be executed comes back as errno in *ret_error. Returns the pid. */
static pid_t spawn(const struct fb_call *call, const struct fb_command *c, int in, int out, bool session, int *ret_error)
{
	const char *shell[] = {"/bin/sh", "-c", c->shell, NULL};
	const char *const *argv = c->argv ? c->argv : shell;
	char **env = make_environment(call, c);
	int report[2];
	pid_t pid;

	*ret_error = 0;
	assert_int_equal(pipe2(report, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		int e;
		if (session)
			setsid();
		else
			setpgid(0, 0);
		if (dup2(in, 0) >= 0 && dup2(out, 1) >= 0 && dup2(out, 2) >= 0 && !chdir(c->directory ? c->directory : "/")) {
			signal(SIGPIPE, SIG_DFL);
			execvpe(argv[0], (char *const *)argv, env);
		}
		e = errno;
		if (write(report[1], &e, sizeof(e)) != (ssize_t)sizeof(e))
			_exit(126);
		_exit(127);
	}
	close(report[1]);
	if (read(report[0], ret_error, sizeof(*ret_error)) != (ssize_t)sizeof(*ret_error))
		*ret_error = 0;
	close(report[0]);
	free_environment(env);
	if (*ret_error)
		waitpid(pid, NULL, 0);
	return pid;
}

static void note_command(struct fake *f, const struct fb_command *c, const struct fb_command_result *r)
{
	json_t *o = json_pack("{s:s?,s:i,s:i,s:i,s:s?}", "shell", c->argv ? NULL : c->shell, "exit_code", r->exit_code, "signal", r->signal, "timed_out",
			      r->timed_out, "output", r->output);
	json_t *argv = json_array();

	if (!o)
		o = json_object(); /* output that is not UTF-8 */
	for (size_t i = 0; c->argv && c->argv[i]; i++)
		json_array_append_new(argv, json_string(c->argv[i]));
	json_object_set_new(o, "argv", argv);
	json_array_append_new(f->commands, o);
}

/* Reads what comes until the process is over, keeping the tail. */
static int collect(pid_t pid, int fd, int64_t until, struct fb_text *out, int *ret_status)
{
	int timed_out = 0;
	bool gone = false;
	char buf[16384];

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n = 0;
		if (poll(&p, 1, gone ? 0 : 5) > 0)
			n = read(fd, buf, sizeof(buf));
		if (n > 0) {
			fb_text_add(out, buf, (size_t)n);
			continue;
		}
		if (gone)
			return timed_out;
		if (p.revents && !n)
			fd = -1; /* poll ignores it; only the end is waited for */
		gone = waitpid(pid, ret_status, WNOHANG) == pid;
		if (!gone && fb_clock_ms() >= until) {
			timed_out = 1;
			kill(-pid, SIGKILL);
			kill(pid, SIGKILL);
		}
	}
}

int32_t fake_run(const struct fb_call *call, const struct fb_command *c, struct fb_command_result *ret)
{
	struct fake *f = fake_of(call);
	struct fb_text out = {0};
	int64_t begin = fb_clock_ms(), until = call->deadline_ms;
	int in, pipes[2], error, status = 0, rc;
	pid_t pid;

	assert_true(c->argv || c->shell);
	memset(ret, 0, sizeof(*ret));
	if (f->command && (rc = f->command(f, c, ret))) {
		if (rc > 0)
			note_command(f, c, ret);
		return rc > 0 ? 0 : -1;
	}
	if (c->timeout_ms && begin + c->timeout_ms < until)
		until = begin + c->timeout_ms;
	in = input_fd(c->input);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	pid = spawn(call, c, in, pipes[1], false, &error);
	close(in);
	close(pipes[1]);
	if (error) {
		close(pipes[0]);
		f->p->host.log(call, FB_LOG_ERROR, "'%s' could not be started: %s", c->argv ? c->argv[0] : "/bin/sh", strerror(error));
		return -1;
	}
	ret->timed_out = collect(pid, pipes[0], until, &out, &status);
	kill(-pid, SIGKILL); /* what it left in its group; nothing when there is nothing */
	close(pipes[0]);
	ret->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	ret->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	ret->elapsed_ms = fb_clock_ms() - begin;
	if (out.n > OUTPUT_LIMIT) {
		memmove(out.p, out.p + out.n - OUTPUT_LIMIT, OUTPUT_LIMIT + 1);
		out.n = OUTPUT_LIMIT;
	}
	ret->output_size = out.n;
	ret->output = fake_keep(f, KEPT_OUTPUT, fb_text_take(&out));
	note_command(f, c, ret);
	return 0;
}

static bool recorded(struct fake *f, const char *name, struct fb_proc *ret)
{
	const json_t *s = json_object_get(f->services, name);

	if (!s)
		return false;
	ret->pid = (pid_t)json_integer_value(json_object_get(s, "pid"));
	ret->start = (uint64_t)json_integer_value(json_object_get(s, "start"));
	waitpid(ret->pid, NULL, WNOHANG); /* it is our child: do not leave a zombie */
	return true;
}

int64_t fake_service_pid(const struct fb_call *call, const char *name)
{
	struct fb_proc p;

	assert_true(name && *name);
	return recorded(fake_of(call), name, &p) && fb_proc_alive(&p) ? p.pid : 0;
}

int32_t fake_start_service(const struct fb_call *call, const char *name, const struct fb_command *c, int64_t *ret_pid)
{
	struct fake *f = fake_of(call);
	struct fb_proc p;
	char *log, *path;
	int in, out, error;

	assert_true(name && *name);
	assert_true(c->argv || c->shell);
	*ret_pid = fake_service_pid(call, name);
	if (*ret_pid)
		return 0;
	log = fb_asprintf("%s.log", c->log ? c->log : name);
	path = fake_path(f, log);
	in = input_fd(c->input);
	out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_true(out >= 0);
	p.pid = spawn(call, c, in, out, true, &error);
	close(in);
	close(out);
	if (!error && !fb_proc_look(p.pid, &p)) {
		json_object_set_new(f->services, name, json_pack("{s:I,s:I,s:s}", "pid", (json_int_t)p.pid, "start", (json_int_t)p.start, "log", path));
		*ret_pid = p.pid;
	} else {
		f->p->host.log(call, FB_LOG_ERROR, "service '%s' could not be started: %s", name, strerror(error));
		error = error ? error : ESRCH;
	}
	fb_free(path);
	fb_free(log);
	return error ? -1 : 0;
}

int32_t fake_stop_service(const struct fb_call *call, const char *name, int64_t grace_ms)
{
	struct fake *f = fake_of(call);
	struct fb_proc p, members[64];
	int64_t until = fb_clock_ms() + (grace_ms > 0 ? grace_ms : 0);
	bool hard = false;
	int n;

	assert_true(name && *name);
	if (!recorded(f, name, &p))
		return 0;
	kill(p.pid, SIGTERM);
	while (fb_proc_alive(&p) || fb_proc_group(p.pid, true, members, 64) > 0) {
		if (!hard && fb_clock_ms() >= until) {
			hard = true;
			until = fb_clock_ms() + 10000;
		}
		if (hard) {
			n = fb_proc_group(p.pid, true, members, 64);
			for (int i = 0; i < n; i++)
				fb_proc_signal(&members[i], SIGKILL);
			if (fb_clock_ms() >= until)
				return -1;
		}
		waitpid(p.pid, NULL, WNOHANG);
		poll(NULL, 0, 2);
	}
	json_object_del(f->services, name);
	return 0;
}
