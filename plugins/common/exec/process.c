/* SPDX-License-Identifier: Apache-2.0 */
/* A program and its pipes: see process.h. */
#include "plugins/common/exec/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1u << 2)
#endif

extern char **environ;

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* The new process, up to exec; says why it failed through `report`. */
static void __attribute__((noreturn)) become(const struct run_spec *spec, char *const *environment, const int *fds, int report)
{
	const char *const shell[] = {"/bin/sh", "-c", spec->shell, NULL};
	char *const *argv = (char *const *)(uintptr_t)(spec->shell ? (const void *)shell : (const void *)spec->argv);
	struct sigaction plain = {.sa_handler = SIG_DFL};
	struct rlimit memory;
	sigset_t none;
	int e;

	setpgid(0, 0);
	for (int s = 1; s < NSIG; s++)
		sigaction(s, &plain, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* The worker's own limit is not the program's, as with host->run */
	if (!getrlimit(RLIMIT_AS, &memory)) {
		memory.rlim_cur = memory.rlim_max;
		setrlimit(RLIMIT_AS, &memory);
	}
	if (dup2(fds[0], 0) >= 0 && dup2(fds[1], 1) >= 0 && dup2(fds[2], 2) >= 0 && !chdir(spec->directory ? spec->directory : "/")) {
#ifdef SYS_close_range
		syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC);
#endif
		environ = (char **)(uintptr_t)environment;
		execvp(argv[0], argv);
	}
	e = errno;
	while (write(report, &e, sizeof(e)) < 0 && errno == EINTR)
		;
	_exit(127);
}

/* A pipe whose numbers are above those of the standard three, so that dup2 to these never closes one that is still needed. */
static int make_pipe(int *ret)
{
	int raw[2];

	if (pipe2(raw, O_CLOEXEC))
		return -1;
	for (int i = 0; i < 2; i++) {
		ret[i] = fcntl(raw[i], F_DUPFD_CLOEXEC, 3);
		close(raw[i]);
	}
	return ret[0] >= 0 && ret[1] >= 0 ? 0 : -1;
}

static int wait_for_exec(int report)
{
	int e = 0;
	ssize_t n;

	do
		n = read(report, &e, sizeof(e));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(e) ? e : 0;
}

int exec_process_start(struct exec_process *p, const struct run_spec *spec, char *const *environment)
{
	int pipes[4][2] = {{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}}, e = 0;

	*p = (struct exec_process){.in = -1, .out = -1, .err = -1, .pidfd = -1};
	for (int i = 0; i < 4; i++)
		if (make_pipe(pipes[i])) {
			e = errno;
			goto out;
		}
	p->pid = fork();
	if (p->pid == 0)
		become(spec, environment, (const int[]){pipes[0][0], pipes[1][1], pipes[2][1]}, pipes[3][1]);
	if (p->pid < 0) {
		e = errno;
		p->pid = 0;
		goto out;
	}
	setpgid(p->pid, p->pid); /* whoever of us two comes first */
	close_fd(&pipes[3][1]);
	e = wait_for_exec(pipes[3][0]);
	if (e) {
		waitpid(p->pid, NULL, 0);
		p->pid = 0;
		goto out;
	}
	p->in = pipes[0][1];
	p->out = pipes[1][0];
	p->err = pipes[2][0];
	pipes[0][1] = pipes[1][0] = pipes[2][0] = -1;
	for (int i = 0; i < 3; i++)
		fcntl((const int[]){p->in, p->out, p->err}[i], F_SETFL, O_NONBLOCK);
	p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
out:
	for (int i = 0; i < 4; i++) {
		close_fd(&pipes[i][0]);
		close_fd(&pipes[i][1]);
	}
	errno = e;
	return e ? -1 : 0;
}

/* It was killed with its group: until all of that is gone, also what is ours since its parent went. */
static void reap(struct exec_process *p)
{
	while (waitpid(p->pid, &p->status, 0) < 0 && errno == EINTR)
		;
	while (waitpid(-p->pid, NULL, 0) > 0 || errno == EINTR)
		;
	p->ended = true;
}

bool exec_process_look(struct exec_process *p)
{
	siginfo_t info = {0};

	if (p->ended)
		return true;
	if (!waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT) && !info.si_pid)
		return false;
	/* While it is not reaped its number, and its group's, is nobody else's */
	exec_process_signal(p, SIGKILL);
	reap(p);
	return true;
}

void exec_process_signal(const struct exec_process *p, int signal)
{
	if (p->pid && !p->ended)
		kill(-p->pid, signal);
}

void exec_process_clear(struct exec_process *p)
{
	if (p->pid && !p->ended) {
		exec_process_signal(p, SIGKILL);
		reap(p);
	}
	close_fd(&p->in);
	close_fd(&p->out);
	close_fd(&p->err);
	close_fd(&p->pidfd);
	p->pid = 0;
}
