/* SPDX-License-Identifier: Apache-2.0 */
/* From a plugin's name to a running host: finds the file, proves it, takes its hash, starts the program. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "host/pool.h"

int fb_pool_locate(struct fb_plugin_host *h, char **ret_path, struct fb_err *err)
{
	struct fb_text looked = {0};
	int r = -1;

	if (!fb_name_valid(h->name)) {
		fb_err_set(err, FB_EXIT_PLUGIN, "'%s' is no name of a plugin: use a-z, 0-9 and '-', not '-' first, at most 63", h->name);
		return -1;
	}
	for (char **dir = h->pool->dirs; *dir; dir++) {
		char *path = fb_asprintf("%s/%s.so", *dir, h->label);

		if (access(path, F_OK) == 0) {
			r = fb_io_safe_path(path, h->pool->trusted_owner < 0 ? (uid_t)-1 : (uid_t)h->pool->trusted_owner, err);
			if (r == 0)
				*ret_path = path;
			else
				fb_free(path);
			goto out;
		}
		fb_text_printf(&looked, "%s%s", looked.n ? ", " : "", *dir);
		fb_free(path);
	}
	fb_err_set(err, FB_EXIT_PLUGIN, "there is no %s named '%s': %s.so is not in %s; 'failback plugin list' shows those that are", h->kind, h->name, h->label,
		   looked.n ? looked.p : "any plugin folder (none is set)");
out:
	fb_text_clear(&looked);
	return r;
}

/* The same file as before, or the first. A plugin that changes in the middle of an execution is not the one that it was frozen with. */
static int prove(struct fb_plugin_host *h, struct fb_err *err)
{
	char hash[FB_HASH_SIZE], *path;

	if (fb_pool_locate(h, &path, err) < 0)
		return -1;
	if (fb_hash_file(path, hash, err) < 0) {
		fb_free(path);
		err->code = FB_EXIT_PLUGIN;
		return -1;
	}
	if (h->sha256[0] && !fb_streq(h->sha256, hash)) {
		fb_err_set(err, FB_EXIT_PLUGIN, "%s has changed since it was first loaded (sha256 %.12s…, now %.12s…): put the old file back, or start anew", path, h->sha256, hash);
		fb_free(path);
		return -1;
	}
	memcpy(h->sha256, hash, sizeof h->sha256);
	fb_free(h->path);
	h->path = path;
	return 0;
}

static char **clean_environment(const char *marker)
{
	static const char *const kept[] = {"PATH", "HOME", "TMPDIR"};
	char **v = fb_alloc(8 * sizeof *v);
	size_t n = 0;

	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
		if (getenv(kept[i]))
			v[n++] = fb_asprintf("%s=%s", kept[i], getenv(kept[i]));
	if (!getenv("PATH"))
		v[n++] = fb_strdup("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	v[n++] = fb_strdup("LANG=C.UTF-8");
	v[n++] = fb_asprintf("FAILBACK_HOST=%s", marker);
#ifdef FB_SANITIZED
	if (getenv("ASAN_OPTIONS"))
		v[n++] = fb_asprintf("ASAN_OPTIONS=%s", getenv("ASAN_OPTIONS"));
#endif
	return v;
}

static int spawn(struct fb_plugin_host *h, int control, pid_t *ret_pid)
{
	char *argv[] = {h->pool->host_program, h->path, h->kind, h->name, h->marker, NULL}, **environment = clean_environment(h->marker);
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	sigset_t all, none;
	int r;

	sigfillset(&all);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, control, 3);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
#ifndef FB_SANITIZED
	posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
#endif
	posix_spawnattr_init(&how);
	posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
	posix_spawnattr_setsigdefault(&how, &all);
	posix_spawnattr_setsigmask(&how, &none);
	r = posix_spawn(ret_pid, h->pool->host_program, &files, &how, argv, environment);
	posix_spawnattr_destroy(&how);
	posix_spawn_file_actions_destroy(&files);
	for (char **p = environment; *p; p++)
		fb_free(*p);
	fb_free(environment);
	return r;
}

static void make_marker(char *ret)
{
	unsigned char random[16];

	randombytes_buf(random, sizeof random);
	sodium_bin2hex(ret, 33, random, sizeof random);
}

void fb_pool_start(struct fb_plugin_host *h)
{
	int pair[2], r;
	pid_t pid;

	h->state = FB_HOST_REFUSED;
	if (prove(h, &h->refusal) < 0)
		return;
	h->state = FB_HOST_IDLE; /* what goes wrong from here on is not the plugin's fault: the next one may try again */
	if (fb_confine_begin(h, &h->refusal) < 0)
		return;
	make_marker(h->marker);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		fb_err_set(&h->refusal, FB_EXIT_PLUGIN, "cannot start the host of %s: socketpair: %s", h->path, strerror(errno));
		fb_confine_end(h);
		return;
	}
	r = spawn(h, pair[1], &pid);
	close(pair[1]);
	if (r) {
		close(pair[0]);
		fb_err_set(&h->refusal, FB_EXIT_PLUGIN, "cannot start %s for %s: %s", h->pool->host_program, h->path, strerror(r));
		fb_confine_end(h);
		return;
	}
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	h->control = pair[0];
	if (fb_proc_look(pid, &h->proc) < 0)
		h->proc = (struct fb_proc){.pid = pid};
	h->load_end_ms = fb_clock_ms() + h->pool->load_timeout_ms;
	h->guarded = false;
	h->state = FB_HOST_STARTING;
	h->refusal = (struct fb_err){0};
	fb_pool_watch(h);
	r = fb_pool_tell(h, fb_confine_order(h), NULL, 0);
	(void)r; /* one that is gone already is seen by its socket */
}
