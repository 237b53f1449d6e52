/* SPDX-License-Identifier: Apache-2.0 */
/* layout = "link": a symbolic link names the release that is live, and is replaced as a whole. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/strategies/files/files.h"

/* The folder that holds the link, to be freed. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == path ? run_copy("/") : fs_text("%.*s", (int)(slash - path), path);
}

static char *target_of(const struct fs *s)
{
	char target[PATH_MAX];
	ssize_t n = readlink(s->live_at, target, sizeof target - 1);

	if (n < 0)
		return NULL;
	target[n] = 0;
	return run_copy(target);
}

char *fs_link_live(struct fs *s)
{
	char *target = target_of(s), *folder = folder_of(s->live_at), *path, *last, *real = NULL, *releases = NULL, *ret = NULL;

	if (target) {
		path = *target == '/' ? run_copy(target) : fs_text("%s/%s", folder, target);
		for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
			path[n - 1] = 0;
		last = strrchr(path, '/');
		ret = run_copy(last + 1);
		*last = 0;
		real = realpath(*path ? path : "/", NULL);
		releases = realpath(s->releases, NULL);
		if (!real || !releases || strcmp(real, releases) || !*ret || *ret == '.') {
			free(ret);
			ret = NULL;
		}
		free(path);
	}
	free(real);
	free(releases);
	free(folder);
	free(target);
	return ret;
}

int32_t fs_link_check(struct fs *s)
{
	struct stat st;
	char *folder;
	int32_t answer = FB_OK;

	if (!s->live_at) {
		s->host->fail(s->call, "layout \"link\" needs 'link': the symbolic link that names the live release");
		return FB_FATAL;
	}
	folder = folder_of(s->live_at);
	if (lstat(s->live_at, &st) == 0 && !S_ISLNK(st.st_mode)) {
		s->host->fail(s->call, "%s is not a symbolic link: move what is there to %s/NAME, and make it a link to that", s->live_at, s->releases);
		answer = FB_FATAL;
	} else if (access(folder, W_OK | X_OK)) {
		s->host->fail(s->call, "the link %s cannot be replaced: %s: %s", s->live_at, folder, strerror(errno));
		answer = FB_FATAL;
	} else if (!s->live && lstat(s->live_at, &st) == 0) {
		char *target = target_of(s);

		s->host->log(s->call, FB_LOG_WARNING, "%s goes to %s, which is no release in %s", s->live_at, target ? target : "(unknown)", s->releases);
		free(target);
	}
	free(folder);
	return answer;
}

/* Short where it can be, so that the folder may be moved or mounted elsewhere as a whole. */
static char *text_for(const struct fs *s, const char *release, const char *folder)
{
	size_t n = strlen(folder);

	return !strncmp(s->releases, folder, n) && s->releases[n] == '/' ? fs_text("%s/%s", s->releases + n + 1, release) : fs_text("%s/%s", s->releases, release);
}

static int replace(const struct fs *s, const char *release, const char *folder)
{
	char *beside = fs_text("%s/.%s.failback", folder, strrchr(s->live_at, '/') + 1), *text = text_for(s, release, folder);
	int rc;

	unlink(beside); /* of an attempt that was killed */
	rc = symlink(text, beside) || rename(beside, s->live_at) || fs_sync_folder(folder) ? -1 : 0;
	free(text);
	free(beside);
	return rc;
}

int32_t fs_link_go(struct fs *s, const char *release)
{
	int32_t leave, answer = FB_OK;
	char *folder, *key;

	if (s->live && !strcmp(s->live, release))
		return FB_OK;
	key = fs_text("switch/%s", release);
	leave = fs_leave(s, key, "point %s at release %s", s->live_at, release);
	folder = folder_of(s->live_at);
	if (leave == FB_ACT_NO) {
		answer = FB_RETRY;
	} else if (leave != FB_ACT_DRY && replace(s, release, folder)) {
		s->host->fail(s->call, "cannot point %s at release %s: %s", s->live_at, release, strerror(errno));
		answer = FB_FAIL;
	} else if (leave != FB_ACT_DRY) {
		answer = fs_made(s, key, leave);
	}
	free(folder);
	free(key);
	return answer;
}
