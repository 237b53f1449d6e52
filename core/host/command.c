/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fb_host.run: a command to its end, in the worker's own process group, so that a deadline reaches it too. Its environment is made here and
 * nothing of the worker's leaks into it. What it leaves running in the background is killed by the host when the worker has ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/proc.h"
#include "host/worker.h"

#define TAIL_SIZE 65536u
#define KILL_AFTER_MS 1000
#define LEFT_MAX 256

struct tail {
	char *p; /* twice TAIL_SIZE, so that it moves seldom */
	size_t n;
};

struct run {
	pid_t pid;
	int out, pidfd;
	struct tail tail;
	int64_t end_ms;  /* when its time is over */
	int64_t kill_ms; /* when it is killed after that; 0: not yet asked to end */
	bool timed_out;
};

static void tail_add(struct tail *t, const char *p, size_t n)
{
	if (!t->p)
		t->p = fb_alloc(TAIL_SIZE * 2 + 1);
	if (n > TAIL_SIZE) {
		p += n - TAIL_SIZE;
		n = TAIL_SIZE;
	}
	if (t->n + n > TAIL_SIZE * 2) {
		memmove(t->p, t->p + (t->n - TAIL_SIZE), TAIL_SIZE);
		t->n = TAIL_SIZE;
	}
	memcpy(t->p + t->n, p, n);
	t->n += n;
}

static void add_variable(char **v, size_t *n, const char *name, const char *value)
{
	if (value)
		v[(*n)++] = fb_asprintf("%s=%s", name, value);
}

/* A later one of the same name wins. */
static void set_variable(char **v, size_t *n, const char *pair)
{
	size_t name = strcspn(pair, "=");

	if (name == 0 || pair[name] != '=')
		return;
	for (size_t i = 0; i < *n; i++)
		if (strncmp(v[i], pair, name + 1) == 0) {
			fb_free(v[i]);
			v[i] = fb_strdup(pair);
			return;
		}
	v[(*n)++] = fb_strdup(pair);
}

static char **make_environment(const struct fb_worker *w, const char *const *more)
{
	const struct fb_call *call = &w->call;
	size_t room = 16, n = 0;
	char **v;

	for (const char *const *p = more; p && *p; p++)
		room++;
	v = fb_alloc(room * sizeof *v);
	add_variable(v, &n, "PATH", getenv("PATH"));
	add_variable(v, &n, "HOME", getenv("HOME"));
	add_variable(v, &n, "LANG", getenv("LANG"));
	add_variable(v, &n, "TMPDIR", getenv("TMPDIR"));
	add_variable(v, &n, "FAILBACK_EXECUTION", call->execution);
	add_variable(v, &n, "FAILBACK_ENVIRONMENT", call->environment);
	add_variable(v, &n, "FAILBACK_SERVICE", call->service);
	add_variable(v, &n, "FAILBACK_RELEASE", call->release);
	add_variable(v, &n, "FAILBACK_LAST_GOOD", call->last_good);
	add_variable(v, &n, "FAILBACK_FAILED", call->failed);
	add_variable(v, &n, "FAILBACK_REASON", call->reason);
	add_variable(v, &n, "FAILBACK_LINK", call->link);
	add_variable(v, &n, "FAILBACK_SCRATCH", call->scratch);
	for (const char *const *p = more; p && *p; p++)
		set_variable(v, &n, *p);
	if (w->marker)
		set_variable(v, &n, w->marker);
	return v;
}

static void free_environment(char **v)
{
	for (char **p = v; *p; p++)
		fb_free(*p);
	fb_free(v);
}

/* The new process, up to exec; says why it failed through `report`. */
static void __attribute__((noreturn)) become(const struct fb_worker *w, const struct fb_command *c, char **environment, int in, int out, int report)
{
	const char *const shell[] = {"/bin/sh", "-c", c->shell, NULL};
	char *const *argv = (char *const *)(uintptr_t)(c->shell ? shell : c->argv);
	struct sigaction plain = {.sa_handler = SIG_DFL};
	sigset_t none;
	int e;

	for (int s = 1; s < NSIG; s++)
		sigaction(s, &plain, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setrlimit(RLIMIT_AS, &w->memory);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || chdir(c->directory ? c->directory : "/") < 0)
		goto failed;
	if (report != 3) {
		if (dup3(report, 3, O_CLOEXEC) < 0)
			goto failed;
		report = 3;
	}
#ifdef HAVE_CLOSE_RANGE
	close_range(4, ~0u, 0);
#endif
	environ = environment;
	execvp(argv[0], argv);
failed:
	e = errno;
	while (write(report, &e, sizeof e) < 0 && errno == EINTR)
		;
	_exit(127);
}

static int open_input(const char *input)
{
	return input ? fb_worker_hold(input, strlen(input)) : open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* 0, or -1 with errno */
static int start(const struct fb_worker *w, const struct fb_command *c, struct run *r)
{
	int out[2] = {-1, -1}, report[2] = {-1, -1}, in = open_input(c->input), e = 0;
	char **environment = make_environment(w, c->environment);
	ssize_t n;

	if (in < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(report, O_CLOEXEC) < 0) {
		e = errno;
		goto out;
	}
	r->pid = fork();
	if (r->pid == 0)
		become(w, c, environment, in, out[1], report[1]);
	if (r->pid < 0) {
		e = errno;
		goto out;
	}
	close(report[1]);
	report[1] = -1;
	do
		n = read(report[0], &e, sizeof e);
	while (n < 0 && errno == EINTR);
	if (n == sizeof e) {
		waitpid(r->pid, NULL, 0);
		goto out;
	}
	e = 0;
	r->out = out[0];
	fcntl(r->out, F_SETFL, O_NONBLOCK);
	out[0] = -1;
	r->pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0);
out:
	for (int i = 0; i < 2; i++) {
		if (out[i] >= 0)
			close(out[i]);
		if (report[i] >= 0)
			close(report[i]);
	}
	if (in >= 0)
		close(in);
	free_environment(environment);
	errno = e;
	return e ? -1 : 0;
}

static void pass_on(const char *p, size_t n)
{
	while (n) {
		ssize_t done = write(1, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return; /* a worker that closed its output still gets the tail */
		p += done;
		n -= (size_t)done;
	}
}

/* Copies what is there to the worker's own output and keeps the tail. false: the other end is closed. */
static bool copy(struct run *r)
{
	char buf[16384];
	ssize_t n;

	for (int i = 0; i < 64 && (n = read(r->out, buf, sizeof buf)) != 0; i++) {
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		tail_add(&r->tail, buf, (size_t)n);
		pass_on(buf, (size_t)n);
	}
	return n != 0;
}

static void signal_tree(pid_t pid, int sig)
{
	struct fb_proc v[LEFT_MAX];
	int n = fb_proc_descendants(pid, v, LEFT_MAX);

	kill(pid, sig);
	for (int i = 0; i < n; i++)
		fb_proc_signal(&v[i], sig);
}

/* Ends it when its time is over: first asked, then killed. Returns how long to wait for the next thing to do. */
static int64_t keep_time(struct run *r)
{
	int64_t now = fb_clock_ms();

	if (!r->timed_out && now >= r->end_ms) {
		r->timed_out = true;
		r->kill_ms = now + KILL_AFTER_MS;
		signal_tree(r->pid, SIGTERM);
	} else if (r->timed_out && r->kill_ms && now >= r->kill_ms) {
		r->kill_ms = 0;
		signal_tree(r->pid, SIGKILL);
	}
	if (!r->timed_out)
		return r->end_ms - now;
	return r->kill_ms ? r->kill_ms - now : KILL_AFTER_MS;
}

/* 0, or -1 when how it ended is not to be known: somebody else in this process has waited for it. */
static int wait_for(struct run *r, int *ret_status)
{
	bool open = true;
	pid_t got;

	for (;;) {
		struct pollfd wait[2] = {{.fd = open ? r->out : -1, .events = POLLIN}, {.fd = r->pidfd, .events = POLLIN}};
		int64_t ms = keep_time(r);

		got = waitpid(r->pid, ret_status, WNOHANG);
		if (got == r->pid || (got < 0 && errno != EINTR))
			break;
		if (r->pidfd < 0 && ms > 5)
			ms = 5; /* a kernel before 5.3 */
		poll(wait, 2, (int)(ms < 0 ? 0 : ms < 60000 ? ms : 60000));
		if (open)
			open = copy(r);
	}
	copy(r); /* what it had written before it ended; a background process may hold the other end for ever */
	return got == r->pid ? 0 : -1;
}

int32_t fb_service_run(const struct fb_call *call, const struct fb_command *command, struct fb_command_result *ret)
{
	struct fb_worker *w = fb_worker_of(call);
	struct fb_command_result result = {.exit_code = -1};
	struct run r = {.pidfd = -1, .out = -1};
	int64_t began = fb_clock_ms();
	struct fb_command c;
	int status = 0;
	bool known;

	if (!command)
		return -1;
	fb_worker_take(w, FB_SIZE_COMMAND, &c, command);
	if ((!c.argv || !c.argv[0]) == !c.shell) {
		fb_worker_log(w, FB_LOG_ERROR, "run: give either argv or shell");
		return -1;
	}
	r.end_ms = c.timeout_ms > 0 && c.timeout_ms < call->deadline_ms - began ? began + c.timeout_ms : call->deadline_ms;
	fflush(stdout);
	if (start(w, &c, &r) < 0) {
		fb_worker_log(w, FB_LOG_ERROR, "cannot run %s in %s: %s", c.shell ? "/bin/sh" : c.argv[0], c.directory ? c.directory : "/", strerror(errno));
		return -1;
	}
	known = wait_for(&r, &status) == 0;
	close(r.out);
	if (r.pidfd >= 0)
		close(r.pidfd);
	if (!known) {
		fb_worker_log(w, FB_LOG_ERROR, "run: how %s ended is not known: the plugin has waited for its children itself, or ignores SIGCHLD; it must do neither while a command runs",
			      c.shell ? "/bin/sh" : c.argv[0]);
		fb_free(r.tail.p);
		return -1;
	}
	if (WIFEXITED(status))
		result.exit_code = WEXITSTATUS(status);
	else if (WIFSIGNALED(status))
		result.signal = WTERMSIG(status);
	result.timed_out = r.timed_out;
	result.elapsed_ms = fb_clock_ms() - began;
	fb_free(w->output);
	if (!r.tail.p)
		r.tail.p = fb_alloc(1);
	w->output = r.tail.p;
	result.output_size = r.tail.n < TAIL_SIZE ? r.tail.n : TAIL_SIZE;
	result.output = r.tail.p + (r.tail.n - result.output_size);
	w->output[r.tail.n] = 0;
	if (ret) /* in the author's size */
		fb_worker_put(w, FB_SIZE_COMMAND_RESULT, ret, &result);
	return 0;
}
