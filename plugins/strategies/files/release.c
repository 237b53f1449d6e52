/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders of releases: made whole or not at all, remembered, compared with what was remembered, and retired. A release's record is its list in releases/.failback/records,
 * and counts only when its hash is the one in the journal.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/strategies/files/files.h"

#define RECORD_LIMIT (256u << 20)

char *fs_release_path(const struct fs *s, const char *release)
{
	return fs_text("%s/%s", s->releases, release);
}

bool fs_release_there(const struct fs *s, const char *release)
{
	char *path = fs_release_path(s, release);
	struct stat st;
	bool yes = lstat(path, &st) == 0 && S_ISDIR(st.st_mode);

	free(path);
	return yes;
}

/* ---- install: made beside, renamed when it is complete ---- */

static int sync_all(struct fs *s, const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = fd < 0 ? -1 : syncfs(fd);

	if (rc)
		s->host->fail(s->call, "cannot write %s to the disk: %s", folder, strerror(errno));
	if (fd >= 0)
		close(fd);
	return rc;
}

static int32_t make_folder(struct fs *s, const char *release, const char *beside, const char *path)
{
	char what[FS_TEXT];
	int32_t answer;

	if (fs_remove_all(AT_FDCWD, beside) || mkdir(beside, 0755)) {
		s->host->fail(s->call, "cannot make the folder %s anew: %s", beside, strerror(errno));
		return FB_FAIL;
	}
	snprintf(what, sizeof what, "release %s of %s could not be installed", release, s->call->service);
	answer = fs_run(s, "install", beside, release, what, "install.txt");
	if (answer != FB_OK)
		return answer;
	if (sync_all(s, beside) || fs_fact_set(s, "installed", release, s->call->execution))
		return FB_FAIL;
	if (renameat2(AT_FDCWD, beside, AT_FDCWD, path, RENAME_NOREPLACE) || fs_sync_folder(s->releases)) {
		s->host->fail(s->call, "cannot rename %s, which is complete, to %s: %s", beside, path, strerror(errno));
		return FB_FAIL;
	}
	return FB_OK;
}

static int32_t install(struct fs *s, const char *release, const char *path)
{
	char *own, *beside;
	int32_t answer = fs_leave(s, "install", "install release %s of %s to %s", release, s->call->service, path), leave = answer;

	if (leave == FB_ACT_NO)
		return FB_RETRY;
	if (leave == FB_ACT_DRY)
		return FB_OK;
	if (fs_make_own(s, "new", &own))
		return FB_FAIL;
	beside = fs_text("%s/%s", own, release);
	answer = make_folder(s, release, beside, path);
	if (answer == FB_OK)
		answer = fs_made(s, "install", leave);
	else
		fs_remove_all(AT_FDCWD, beside); /* the next try begins anew in any case */
	free(beside);
	free(own);
	return answer;
}

int32_t fs_release_install(struct fs *s, const char *release)
{
	char *path = fs_release_path(s, release), *quoted;
	int32_t answer = FB_OK;

	if (fs_release_there(s, release)) {
		answer = FB_OK;
	} else if (run_is_set(s->call, "install")) {
		answer = install(s, release, path);
	} else {
		quoted = run_quote(s->releases);
		s->host->fail(s->call, "release %s of %s is not there: %s is no folder. Put it there first, under another name until it is complete, or set 'install'", release, s->call->service, path);
		s->host->advise(s->call, "see which releases there are", quoted);
		free(quoted);
		answer = FB_FAIL;
	}
	free(path);
	return answer;
}

/* ---- what is remembered ---- */

static char *record_name(const char *own, const char *release)
{
	return fs_text("%s/%s", own, release);
}

static int write_record(struct fs *s, const char *path, const char *text, size_t size)
{
	char *temporary = fs_text("%s.new", path);
	FILE *f = fopen(temporary, "we");
	int bad = !f || fwrite(text, 1, size, f) != size || fflush(f) || fsync(fileno(f));

	if (f && fclose(f))
		bad = 1;
	if (bad || rename(temporary, path)) {
		s->host->fail(s->call, "cannot write %s: %s", path, strerror(errno));
		bad = 1;
	}
	free(temporary);
	return bad ? -1 : 0;
}

int fs_release_remember(struct fs *s, const char *release, const struct fs_list *l)
{
	char digest[FS_HASH], *own, *path, *text, *key;
	int32_t leave;
	size_t size;
	int rc;

	fs_list_digest(s->call, l, NULL, digest);
	key = fs_text("record/%s", release);
	leave = fs_leave(s, key, "record what is in release %s of %s", release, s->call->service);
	if (leave == FB_ACT_NO || leave == FB_ACT_DRY || fs_make_own(s, "records", &own)) {
		free(key);
		return leave == FB_ACT_DRY ? 0 : -1;
	}
	path = record_name(own, release);
	text = fs_list_write(l, &size);
	rc = write_record(s, path, text, size) || fs_sync_folder(own) || fs_fact_set(s, "digest", release, digest) || fs_made(s, key, leave) != FB_OK ? -1 : 0;
	free(text);
	free(path);
	free(own);
	free(key);
	return rc;
}

static char *read_whole(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	struct stat st;

	if (f && fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size < RECORD_LIMIT && (text = calloc(1, (size_t)st.st_size + 1)) &&
	    fread(text, 1, (size_t)st.st_size, f) != (size_t)st.st_size) {
		free(text);
		text = NULL;
	}
	if (f)
		fclose(f);
	return text;
}

static bool recorded(struct fs *s, const char *release, struct fs_list *ret)
{
	char *own = fs_text("%s/" FS_OWN "/records", s->releases), *path = record_name(own, release), *text = read_whole(path), sum[FS_HASH];
	const char *digest = fs_fact(s, "digest", release);
	bool good = false;

	if (text && digest) {
		fs_hash(text, strlen(text), sum);
		good = !strcmp(sum, digest) && fs_list_read(text, ret);
	}
	free(text);
	free(path);
	free(own);
	return good;
}

int fs_release_known(struct fs *s, const char *release, struct fs_list *ret)
{
	char *path;
	int rc;

	memset(ret, 0, sizeof *ret);
	if (recorded(s, release, ret))
		return 0;
	path = fs_release_path(s, release);
	rc = fs_scan(s, path, ret);
	free(path);
	return rc;
}

int32_t fs_release_look(struct fs *s, const char *release, struct fs_list *ret)
{
	char *digest = run_copy(fs_fact(s, "digest", release)), now[FS_HASH], said[FS_TEXT] = "", *path = fs_release_path(s, release);
	struct fs_list then = {0};
	int32_t answer = FB_OK;

	if (fs_scan(s, path, ret)) {
		answer = FB_FAIL;
	} else if (!digest) {
		answer = FB_SKIP;
	} else {
		fs_list_digest(s->call, ret, NULL, now);
		if (strcmp(now, digest)) {
			if (recorded(s, release, &then))
				fs_diff_say(&then, ret, said, sizeof said);
			s->host->fail(s->call, "%s is not what it was when release %s was recorded: %s", path, release, *said ? said : "which of its files differ is not known, for the record is gone");
			answer = FB_FAIL;
		}
	}
	fs_list_clear(&then);
	free(path);
	free(digest);
	return answer;
}

/* ---- the end of a release ---- */

/* Out of the way by one rename, so that what is half removed is never taken for a release. */
static int move_away(struct fs *s, const char *release, const char *to, char **ret_where)
{
	char *path = fs_release_path(s, release), *own;
	int rc = -1;

	*ret_where = NULL;
	if (!fs_make_own(s, to, &own)) {
		*ret_where = strcmp(to, "failed") ? fs_text("%s/%s", own, release) : fs_text("%s/%s.%s", own, release, s->call->execution);
		rc = fs_remove_all(AT_FDCWD, *ret_where) || (rename(path, *ret_where) && errno != ENOENT) || fs_sync_folder(s->releases) ? -1 : 0;
		if (rc)
			s->host->fail(s->call, "cannot move %s to %s: %s", path, *ret_where, strerror(errno));
		free(own);
	}
	free(path);
	return rc;
}

static int forget(struct fs *s, const char *release)
{
	char *record = fs_text("%s/" FS_OWN "/records/%s", s->releases, release);
	int rc = fs_fact_set(s, "digest", release, NULL) || fs_fact_set(s, "installed", release, NULL) ? -1 : 0;

	unlink(record); /* without its fact it counts for nothing */
	free(record);
	return rc;
}

int32_t fs_release_retire(struct fs *s, const char *release, bool preserve)
{
	char *key = fs_text("retire/%s", release), *where = NULL;
	int32_t answer, leave;

	leave = fs_leave(s, key, "%s release %s of %s", preserve ? "put away" : "remove", release, s->call->service);
	answer = leave == FB_ACT_NO ? FB_RETRY : FB_OK;
	if (leave == FB_ACT_DO || leave == FB_ACT_DONE) {
		answer = move_away(s, release, preserve ? "failed" : "gone", &where) || forget(s, release) ? FB_FAIL : FB_OK;
		if (answer == FB_OK && preserve)
			s->host->log(s->call, FB_LOG_INFO, "release %s of %s is kept at %s", release, s->call->service, where);
		else if (answer == FB_OK && fs_remove_all(AT_FDCWD, where)) {
			s->host->fail(s->call, "cannot remove %s: %s", where, strerror(errno));
			answer = FB_FAIL;
		}
		if (answer == FB_OK)
			answer = fs_made(s, key, leave);
	}
	free(where);
	free(key);
	return answer;
}

struct known {
	char *name;
	struct timespec when;
};

static int newest_first(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	if (x->when.tv_sec != y->when.tv_sec)
		return x->when.tv_sec < y->when.tv_sec ? 1 : -1;
	return x->when.tv_nsec < y->when.tv_nsec ? 1 : x->when.tv_nsec > y->when.tv_nsec ? -1 : strcmp(x->name, y->name);
}

/* Releases that were made ready here, newest first. */
static struct known *list_known(struct fs *s, size_t *ret_n)
{
	char *own = fs_text("%s/" FS_OWN "/records", s->releases);
	struct known *v = NULL;
	DIR *d = opendir(own);
	struct dirent *one;
	struct stat st;
	size_t n = 0;

	while (d && (one = readdir(d))) {
		if (*one->d_name == '.' || !fs_release_there(s, one->d_name) || !fs_fact(s, "digest", one->d_name) || fstatat(dirfd(d), one->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		v = realloc(v, (n + 1) * sizeof *v);
		if (!v)
			abort();
		v[n].name = run_copy(one->d_name);
		v[n++].when = st.st_mtim;
	}
	if (d)
		closedir(d);
	free(own);
	if (n)
		qsort(v, n, sizeof *v, newest_first);
	*ret_n = n;
	return v;
}

int32_t fs_release_prune(struct fs *s)
{
	int64_t keep = s->host->option_int(s->call, "keep", 0);
	int32_t answer = FB_SKIP;
	struct known *v;
	size_t n;

	if (!keep)
		return FB_SKIP;
	v = list_known(s, &n);
	for (size_t i = 0; i < n; i++) {
		const char *name = v[i].name;
		bool needed = (int64_t)i < keep || (s->live && !strcmp(name, s->live)) || (s->call->release && !strcmp(name, s->call->release)) ||
			      (s->call->last_good && !strcmp(name, s->call->last_good));

		if (!needed && answer <= FB_SKIP)
			answer = fs_release_retire(s, name, false);
	}
	for (size_t i = 0; i < n; i++)
		free(v[i].name);
	free(v);
	return answer;
}
