/* SPDX-License-Identifier: Apache-2.0 */
#include "store/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store.h"

#define GRACE_MS 2000 /* between SIGTERM and SIGKILL */

/* Has it ended within so many ms? It stays a zombie, so that its number is nobody else's. */
static bool ended(const struct fb_program *p, int ms)
{
	struct pollfd look = {.fd = p->pidfd, .events = POLLIN};
	int n;

	while ((n = poll(&look, 1, ms)) < 0 && errno == EINTR)
		;
	return n > 0;
}

/* It and what it started: its session is one group unless one of them made another. */
static void end(const struct fb_program *p)
{
	kill(-p->pid, SIGTERM);
	ended(p, GRACE_MS);
	kill(-p->pid, SIGKILL);
	ended(p, -1);
}

/* A signal that ends us ends the program first. */
static void *watch(void *arg)
{
	const struct fb_program *p = arg;
	struct pollfd look[] = {{.fd = p->signalfd, .events = POLLIN}, {.fd = p->over, .events = POLLIN}};
	struct signalfd_siginfo info;
	sigset_t one;
	int sig;

	while (poll(look, 2, -1) < 0 && errno == EINTR)
		;
	if (read(p->signalfd, &info, sizeof info) != sizeof info)
		return NULL;
	sig = (int)info.ssi_signo;
	end(p);
	fprintf(stderr, "failback-store: ended by %s, and %s with it: nothing is kept of this item\n", strsignal(sig), p->name);
	signal(sig, SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, sig);
	pthread_sigmask(SIG_UNBLOCK, &one, NULL);
	raise(sig);
	return NULL;
}

/* The signals that would end us now: one that is ignored (nohup) stays so. */
static void choose_signals(struct fb_program *p)
{
	static const int which[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
	struct sigaction is;

	sigemptyset(&p->signals);
	for (size_t i = 0; i < sizeof which / sizeof *which; i++)
		if (sigaction(which[i], NULL, &is) == 0 && is.sa_handler == SIG_DFL)
			sigaddset(&p->signals, which[i]);
}

static _Noreturn void run(const struct fb_program *p, const struct fb_program_form *form, bool give, int end, int failed, pid_t parent)
{
	int null = give ? -1 : open("/dev/null", O_RDONLY | O_CLOEXEC), saved;

	setsid();
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(127);
	if (dup2(give ? end : null, STDIN_FILENO) >= 0 && dup2(give ? STDERR_FILENO : end, STDOUT_FILENO) >= 0) {
		close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC);
		signal(SIGPIPE, SIG_DFL);
		setrlimit(RLIMIT_NOFILE, &form->files);
		umask(form->umask);
		sigprocmask(SIG_SETMASK, &p->old, NULL);
		execvp(form->argv[0], form->argv);
	}
	saved = errno;
	if (write(failed, &saved, sizeof saved) < 0)
		_exit(126);
	_exit(127);
}

static int cannot_run(const char *name, int why, struct fb_err *err)
{
	return fb_err_set(err, why == ENOENT ? FB_STORE_ABSENT : why == EACCES ? FB_STORE_DENIED : FB_STORE_IO, "cannot run %s: %s%s", name, strerror(why),
			  why == ENOENT && !strchr(name, '/') ? "; it is in no folder of PATH: name it with its full path" : "");
}

/* ours: our end of its pipe; its: the other one. Closes its. */
static int start(struct fb_program *p, const struct fb_program_form *form, bool give, int its, struct fb_err *err)
{
	int failed[2], why = 0;
	pid_t parent = getpid();

	if (pipe2(failed, O_CLOEXEC) < 0) {
		why = errno;
		close(its);
		return cannot_run(p->name, why, err);
	}
	p->pid = fork();
	if (p->pid == 0)
		run(p, form, give, its, failed[1], parent);
	why = p->pid < 0 ? errno : 0;
	close(failed[1]);
	close(its);
	if (p->pid > 0) {
		ssize_t n;

		while ((n = read(failed[0], &why, sizeof why)) < 0 && errno == EINTR)
			;
		p->pidfd = n > 0 ? -1 : (int)syscall(SYS_pidfd_open, p->pid, 0);
		why = n > 0 ? why : p->pidfd < 0 ? errno : 0;
		if (why) {
			kill(p->pid, SIGKILL);
			waitpid(p->pid, NULL, 0);
		}
	}
	close(failed[0]);
	return why ? cannot_run(p->name, why, err) : 0;
}

static void close_all(struct fb_program *p)
{
	int *fds[] = {&p->fd, &p->pidfd, &p->signalfd, &p->over};

	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
	pthread_sigmask(SIG_SETMASK, &p->old, NULL);
}

int fb_program_start(struct fb_program *p, const struct fb_program_form *form, bool give, struct fb_err *err)
{
	int fds[2], failed;

	*p = (struct fb_program){.name = form->argv[0], .pidfd = -1, .signalfd = -1, .over = -1, .fd = -1};
	if (pipe2(fds, O_CLOEXEC) < 0)
		return cannot_run(p->name, errno, err);
	p->fd = fds[give];
	choose_signals(p);
	pthread_sigmask(SIG_BLOCK, &p->signals, &p->old);
	if (give)
		signal(SIGPIPE, SIG_IGN); /* that it reads no more is told by EPIPE */
	p->signalfd = signalfd(-1, &p->signals, SFD_CLOEXEC | SFD_NONBLOCK);
	p->over = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->signalfd < 0 || p->over < 0) {
		cannot_run(p->name, errno, err);
		close(fds[!give]);
	} else if (start(p, form, give, fds[!give], err) == 0) {
		failed = pthread_create(&p->watcher, NULL, watch, p);
		if (failed == 0)
			return 0;
		end(p);
		waitpid(p->pid, NULL, 0);
		cannot_run(p->name, failed, err);
	}
	close_all(p);
	return -1;
}

/* It has ended: lets go of all. Returns its status. A signal that is on its way ends us here. */
static int let_go(struct fb_program *p)
{
	const uint64_t one = 1;
	int status = 0;

	if (write(p->over, &one, sizeof one) < 0)
		fprintf(stderr, "failback-store: cannot write to an eventfd: %s\n", strerror(errno)); /* it cannot be: nobody else writes to it */
	pthread_join(p->watcher, NULL);
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	close_all(p);
	return status;
}

int fb_program_finish(struct fb_program *p, struct fb_err *err)
{
	int status;

	close(p->fd);
	p->fd = -1;
	ended(p, -1);
	status = let_go(p);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status))
		return fb_err_set(err, FB_STORE_PROGRAM, "%s failed with exit code %d: what it said is above; mend that and try again", p->name, WEXITSTATUS(status));
	return fb_err_set(err, FB_STORE_PROGRAM, "%s was killed by signal %d (%s): find out by whom (out of memory?) and try again", p->name, WTERMSIG(status), strsignal(WTERMSIG(status)));
}

void fb_program_stop(struct fb_program *p)
{
	end(p);
	let_go(p);
}
