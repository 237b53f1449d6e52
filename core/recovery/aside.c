/* SPDX-License-Identifier: Apache-2.0 */
#include "recovery/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"

#define SECONDS 20 /* a child may take so long, of which as much on a processor */
#define NICE 10 /* not the least: on a busy machine that is none at all, and the engine waits */
#define IDLE_CLASS (3 << 13) /* ioprio_set(2) */
#define STEPS_MOST 100
#define LOGS_MOST 400

static pid_t warming, learning; /* 0: none */

/* With a small share of the processor and the least of the disk; it ends by itself when its time is over. */
__attribute__((noreturn)) static void become(const char *const *argv)
{
	const struct rlimit seconds = {SECONDS, SECONDS};
	sigset_t none;
	int null = open("/dev/null", O_RDWR);

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int s = 1; s < 32; s++)
		signal(s, SIG_DFL);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	close_range(3, ~0u, 0);
	setpriority(PRIO_PROCESS, 0, NICE);
	syscall(SYS_ioprio_set, 1, 0, IDLE_CLASS);
	setrlimit(RLIMIT_CPU, &seconds);
	alarm(SECONDS);
	execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

static pid_t start(const char *const *argv)
{
	pid_t pid = fork();

	if (pid == 0)
		become(argv);
	return pid > 0 ? pid : 0;
}

/* Has it ended by then? */
static bool has_ended(pid_t pid, int64_t until_ms)
{
	while (pid && waitpid(pid, NULL, WNOHANG) == 0) {
		if (fb_clock_ms() >= until_ms)
			return false;
		usleep(1000);
	}
	return true;
}

static void stop(pid_t *pid)
{
	if (!*pid)
		return;
	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

void fb_aside_settle(int64_t wait_ms)
{
	if (!has_ended(warming, 0))
		stop(&warming);
	warming = 0;
	if (has_ended(learning, fb_clock_ms() + wait_ms))
		learning = 0;
}

void fb_aside_end(void)
{
	if (!has_ended(learning, fb_clock_ms() + (SECONDS + 1) * 1000))
		stop(&learning);
	learning = 0;
}

/* failback-analyze, if it is installed and the recovery has use for it; to be freed. NULL: nothing to do. */
static char *program(const struct fb_engine *e)
{
	bool analyzes = false;
	char *path;

	for (size_t i = 0; i < e->recovery.count; i++) {
		const struct fb_link *l = &e->recovery.links[i];

		analyzes |= l->use.plugin && !strcmp(l->use.plugin, "analyze");
		for (size_t k = 0; k < l->parallel_count; k++)
			analyzes |= l->parallel[k].use.plugin && !strcmp(l->parallel[k].use.plugin, "analyze");
	}
	path = analyzes && !e->x.dry && e->x.programs ? fb_asprintf("%s/failback-analyze", e->x.programs) : NULL;
	if (path && access(path, X_OK) == 0)
		return path;
	fb_free(path);
	return NULL;
}

void fb_aside_warm(const struct fb_engine *e)
{
	char *path = program(e);
	const char *const argv[] = {path, "--warm", NULL};

	if (path && !warming)
		warming = start(argv);
	fb_free(path);
}

/* ---- what successes have in their logs */

/* <state>/known */
static char *folder(const struct fb_engine *e)
{
	const char *end = strstr(e->x.dir, "/executions/"), *next;

	while (end && (next = strstr(end + 1, "/executions/")))
		end = next;
	return end ? fb_asprintf("%.*s/known", (int)(end - e->x.dir), e->x.dir) : NULL;
}

/* One file for each step of a service in an environment: names may hold anything, so their hash stands for them. */
static char *file_of(const struct fb_engine *e, const char *into, const struct fb_link *l)
{
	char *key = fb_asprintf("%s\n%s\n%s", e->x.environment, l->service ? l->service : "", l->name), hash[FB_HASH_SIZE];

	fb_hash(key, strlen(key), hash);
	fb_free(key);
	return fb_asprintf("%s/%.32s.known", into, hash);
}

struct words {
	const char *v[2 * STEPS_MOST + 2 * LOGS_MOST + 2];
	size_t n, steps, logs;
};

static void add(struct words *w, const char *option, char *value)
{
	w->v[w->n++] = fb_strdup(option);
	w->v[w->n++] = value;
}

static void add_step(const struct fb_engine *e, struct words *w, const char *into, const struct fb_link *l)
{
	if (l->state != FB_LINK_COMPLETED || !l->log || w->steps == STEPS_MOST || w->logs == LOGS_MOST)
		return;
	add(w, "--learn", file_of(e, into, l));
	add(w, "--log", fb_asprintf("%s/%s", e->x.dir, l->log));
	w->steps++;
	w->logs++;
}

void fb_aside_learn(const struct fb_engine *e)
{
	char *path = program(e), *into = path ? folder(e) : NULL;
	struct words *w = fb_alloc(sizeof *w);
	struct fb_err err;

	w->v[w->n++] = path;
	for (size_t i = 0; into && i < e->plan.count; i++) {
		add_step(e, w, into, &e->plan.links[i]);
		for (size_t k = 0; k < e->plan.links[i].parallel_count; k++)
			add_step(e, w, into, &e->plan.links[i].parallel[k]);
	}
	if (w->steps && !learning && fb_io_make_folders(into, 0750, &err) == 0)
		learning = start(w->v);
	for (size_t i = 1; i < w->n; i++)
		fb_free((char *)(uintptr_t)w->v[i]);
	fb_free(w);
	fb_free(path);
	fb_free(into);
}

static void add_known(const struct fb_engine *e, json_t *list, const char *into, const struct fb_link *l)
{
	char *file = file_of(e, into, l);

	if (access(file, R_OK) == 0)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "link", l->id, "name", l->name, "file", file));
	fb_free(file);
}

char *fb_aside_known(const struct fb_engine *e)
{
	json_t *list = json_array(), *d;
	char *into = folder(e), *text;

	for (size_t i = 0; into && i < e->plan.count; i++) {
		add_known(e, list, into, &e->plan.links[i]);
		for (size_t k = 0; k < e->plan.links[i].parallel_count; k++)
			add_known(e, list, into, &e->plan.links[i].parallel[k]);
	}
	d = json_pack("{s:o}", "steps", list);
	text = json_dumps(d, JSON_COMPACT);
	json_decref(d);
	fb_free(into);
	return text;
}
