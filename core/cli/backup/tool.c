/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/backup/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "cli/backup/progress.h"

#define TICK_MS 100
#define ERROR_LIMIT 4096
#define ANSWER_LIMIT ((size_t)256 << 20)

extern char **environ;

struct run {
	struct fb_cli *cli;
	const struct fb_tool_call *call;
	struct fb_tool_answer *ret;
	struct fb_progress *progress;
	pid_t pid;
	int out, err, input;
	struct fb_text answer, words, error; /* words: of standard error, not yet a whole line */
	bool too_large;
};

static volatile sig_atomic_t got_signal;

static void on_signal(int number)
{
	got_signal = number;
}

bool fb_tool_has_store(const struct fb_cli *cli)
{
	char *path = fb_asprintf("%s/store.json", fb_config_backup_store(cli->config)->path);
	bool is = access(path, F_OK) == 0 || errno != ENOENT;

	fb_free(path);
	return is;
}

/* ---- starting it ---- */

/* NULL: none, or it is not there: the store may remember another place, and says itself when it needs a key that it does not find. */
static const char *key_of(const struct fb_backup_store *store)
{
	const char *file = store->key_file ? store->key_file : store->passphrase_file;

	return file && (access(file, F_OK) == 0 || errno != ENOENT) ? file : NULL;
}

static const char **make_argv(const struct run *r)
{
	const struct fb_backup_store *store = fb_config_backup_store(r->cli->config);
	const char *key = r->call->key ? key_of(store) : NULL, **v;
	size_t n = 0, room = 8;

	while (r->call->args[n])
		n++;
	v = fb_alloc((n + room) * sizeof *v);
	n = 0;
	v[n++] = "failback-store";
	v[n++] = "--store";
	v[n++] = store->path;
	if (key) {
		v[n++] = store->key_file ? "--key-file" : "--passphrase-file";
		v[n++] = key;
	}
	if (r->progress)
		v[n++] = "--progress";
	for (const char *const *a = r->call->args; *a; a++)
		v[n++] = *a;
	return v;
}

static int spawn_with(struct run *r, const char *program, const int out[2], const int err[2])
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	const char **argv = make_argv(r);
	sigset_t usual;
	int code;

	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	posix_spawnattr_init(&how);
	posix_spawnattr_setsigdefault(&how, &usual);
	posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_init(&files);
	if (r->input >= 0)
		posix_spawn_file_actions_adddup2(&files, r->input, STDIN_FILENO);
	else
		posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, err[1], STDERR_FILENO);
	code = posix_spawn(&r->pid, program, &files, &how, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&how);
	fb_free(argv);
	return code;
}

/* A pipe with all of it: no file has it, and nobody has to go on writing. */
static int hold_input(const char *text, int *ret)
{
	int fds[2];
	ssize_t n;

	*ret = -1;
	if (!text)
		return 0;
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return errno;
	n = write(fds[1], text, strlen(text));
	close(fds[1]);
	if (n != (ssize_t)strlen(text)) {
		close(fds[0]);
		return E2BIG;
	}
	fcntl(fds[0], F_SETFL, 0);
	*ret = fds[0];
	return 0;
}

static int start(struct run *r)
{
	const char *program = fb_cli_store_program();
	int out[2], err[2], code = hold_input(r->call->input, &r->input);

	if (code) {
		/* said below */
	} else if (pipe2(out, O_CLOEXEC) < 0) {
		code = errno;
	} else if (pipe2(err, O_CLOEXEC) < 0) {
		code = errno;
		close(out[0]);
		close(out[1]);
	} else {
		code = spawn_with(r, program, out, err);
		close(out[1]);
		close(err[1]);
		if (r->input >= 0)
			close(r->input);
		r->input = -1;
		if (code == 0) {
			r->out = out[0];
			r->err = err[0];
			return 0;
		}
		close(out[0]);
		close(err[0]);
	}
	if (r->input >= 0)
		close(r->input);
	if (code == ENOENT)
		fb_text_printf(&r->error, "%s is not there: install the package failback-store (apt-get install failback-store)", program);
	else
		fb_text_printf(&r->error, "cannot start %s: %s", program, strerror(code));
	return -1;
}

/* ---- what it says ---- */

static void take_word(struct run *r, const char *line)
{
	static const char self[] = "failback-store: ";

	if (r->progress && fb_progress_take(r->progress, line))
		return;
	if (fb_has_prefix(line, self))
		line += sizeof self - 1;
	if (r->error.n < ERROR_LIMIT)
		fb_text_printf(&r->error, "%s%.1000s", r->error.n ? "\n" : "", line);
}

static void take_line(struct run *r, const char *line)
{
	if (r->call->line)
		r->call->line(r->call->ctx, line);
}

/* Gives the whole lines of t to take, and keeps the rest. */
static void cut_lines(struct run *r, struct fb_text *t, void (*take)(struct run *, const char *), bool all)
{
	char *from = t->p, *end;

	while (from && (end = strchr(from, '\n'))) {
		*end = 0;
		take(r, from);
		from = end + 1;
	}
	if (!from)
		return;
	if (all && *from) {
		take(r, from);
		from += strlen(from);
	}
	t->n -= (size_t)(from - t->p);
	memmove(t->p, from, t->n + 1);
}

/* 1: more may come; 0: that was the end. */
static int take_input(struct run *r, int fd)
{
	struct fb_text *t = fd == r->out ? &r->answer : &r->words;
	char buf[65536];
	ssize_t n = read(fd, buf, sizeof buf);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 1;
	if (n > 0 && fd == r->out && !r->call->line && t->n + (size_t)n > ANSWER_LIMIT)
		r->too_large = true;
	if (n > 0 && !r->too_large)
		fb_text_add(t, buf, (size_t)n);
	if (fd == r->err)
		cut_lines(r, t, take_word, n <= 0);
	else if (r->call->line)
		cut_lines(r, t, take_line, n <= 0);
	return n > 0;
}

static void listen_to(struct run *r)
{
	struct pollfd fds[2] = {{.fd = r->out, .events = POLLIN}, {.fd = r->err, .events = POLLIN}};
	bool passed = false;

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		int n = poll(fds, 2, TICK_MS);

		if (got_signal && !passed) {
			passed = true;
			kill(r->pid, SIGTERM);
		}
		if (n < 0 && errno != EINTR)
			break;
		for (int i = 0; n > 0 && i < 2; i++)
			if (fds[i].fd >= 0 && fds[i].revents && !take_input(r, fds[i].fd))
				fds[i].fd = -1;
		if (r->progress)
			fb_progress_draw(r->progress);
	}
	close(r->out);
	close(r->err);
}

static void settle(struct run *r, int status)
{
	r->ret->interrupted = got_signal != 0;
	r->ret->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	if (WIFSIGNALED(status) && !r->ret->interrupted)
		fb_text_printf(&r->error, "%sfailback-store was ended by signal %d (%s)", r->error.n ? "\n" : "", WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (r->ret->code == 127 && !r->error.n)
		fb_text_puts(&r->error, "failback-store could not be run");
	if (!r->call->line && r->answer.n && !r->too_large)
		r->ret->json = json_loadb(r->answer.p, r->answer.n, JSON_REJECT_DUPLICATES, NULL);
	if (r->ret->code == 0 && !r->call->line && !r->ret->json) {
		r->ret->code = -1;
		fb_text_puts(&r->error, r->too_large ? "its answer is too large" : "it gave no answer");
	}
}

void fb_tool_run(struct fb_cli *cli, const struct fb_tool_call *call, struct fb_tool_answer *ret)
{
	struct sigaction ours = {.sa_handler = on_signal}, before[2];
	struct run r = {.cli = cli, .call = call, .ret = ret};
	int status = 0;

	*ret = (struct fb_tool_answer){.code = -1};
	if (call->doing && !cli->json)
		r.progress = fb_progress_new(&cli->err, STDERR_FILENO, call->doing, call->about ? call->about : "");
	got_signal = 0;
	sigaction(SIGINT, &ours, &before[0]);
	sigaction(SIGTERM, &ours, &before[1]);
	if (start(&r) == 0) {
		listen_to(&r);
		while (waitpid(r.pid, &status, 0) < 0 && errno == EINTR)
			;
		settle(&r, status);
	}
	sigaction(SIGINT, &before[0], NULL);
	sigaction(SIGTERM, &before[1], NULL);
	fb_progress_free(r.progress);
	fb_text_clear(&r.answer);
	fb_text_clear(&r.words);
	ret->error = fb_text_take(&r.error);
}

void fb_tool_clear(struct fb_tool_answer *a)
{
	json_decref(a->json);
	fb_free(a->error);
	*a = (struct fb_tool_answer){0};
}

/* ---- its errors in our words ---- */

static const char *next_step(int code)
{
	switch (code) {
	case FB_TOOL_DAMAGED: return "'failback backup verify SET' says of each item what is damaged; use another set ('failback backup list')";
	case FB_TOOL_BUSY: return "a deployment or another command uses the store; try again when it has ended";
	case FB_TOOL_DENIED: return "run this as the user that owns the store, and look at key_file and passphrase_file of backup_store (failback.conf(5))";
	case FB_TOOL_IO: return "look at the disk, make room if it is full, and run it again";
	}
	return NULL;
}

static int our_code(int code, int least)
{
	switch (code) {
	case FB_TOOL_USAGE:
	case FB_TOOL_ABSENT: return FB_EXIT_USAGE;
	case FB_TOOL_EXISTS:
	case FB_TOOL_BUSY: return FB_EXIT_REFUSED;
	case FB_EXIT_BUG: return FB_EXIT_BUG;
	}
	return least;
}

int fb_tool_fail(struct fb_cli *cli, const struct fb_tool_answer *a, int least, const char *what)
{
	const char *next = next_step(a->code);

	if (a->interrupted)
		return fb_cli_fail(cli, FB_EXIT_STOPPED, "%s: interrupted", what);
	return fb_cli_fail(cli, our_code(a->code, least), "%s: %s%s%s", what, *a->error ? a->error : "failback-store gave no reason", next ? "\n" : "", next ? next : "");
}
