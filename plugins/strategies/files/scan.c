/* SPDX-License-Identifier: Apache-2.0 */
/* The disk: reading folders, copying one thing, removing. Every way goes step by step from an open folder and follows no link. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/strategies/files/files.h"

#define DEEP 100         /* folders in folders */
#define MANY 2000000u    /* in one release */
#define BLOCK (128 * 1024)
#define OPEN_FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define OPEN_FILE (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)

/* ---- looking ---- */

static int read_some(int fd, char *buf, ssize_t *ret)
{
	do
		*ret = read(fd, buf, BLOCK);
	while (*ret < 0 && errno == EINTR);
	return *ret < 0 ? -1 : 0;
}

/* Reads an open file; out: a file that gets a copy, -1: none. */
static int hash_file(struct fs *s, int fd, int out, const char *path, char ret[FS_HASH])
{
	char *buf = malloc(BLOCK);
	crypto_generichash_state state;
	unsigned char sum[32];
	ssize_t n;
	int rc = buf ? 0 : -1;

	crypto_generichash_init(&state, NULL, 0, sizeof sum);
	while (!rc && !(rc = read_some(fd, buf, &n)) && n > 0) {
		crypto_generichash_update(&state, (unsigned char *)buf, (unsigned long long)n);
		for (ssize_t at = 0, put; out >= 0 && at < n; at += put)
			if ((put = write(out, buf + at, (size_t)(n - at))) <= 0) {
				if (put < 0 && errno == EINTR) {
					put = 0;
					continue;
				}
				s->host->fail(s->call, "cannot write a copy of %s: %s", path, strerror(put < 0 ? errno : ENOSPC));
				free(buf);
				return -1;
			}
		if (fs_in_time(s, "reading files")) {
			free(buf);
			return -1;
		}
	}
	free(buf);
	if (rc)
		s->host->fail(s->call, "cannot read %s: %s", path, strerror(errno));
	crypto_generichash_final(&state, sum, sizeof sum);
	sodium_bin2hex(ret, FS_HASH, sum, sizeof sum);
	return rc;
}

static int look_file(struct fs *s, int folder, const char *name, const char *path, struct fs_entry *e)
{
	int fd = openat(folder, name, OPEN_FILE), rc;

	if (fd < 0) {
		s->host->fail(s->call, "cannot read %s: %s", path, strerror(errno));
		return -1;
	}
	e->content = calloc(1, FS_HASH);
	rc = e->content ? hash_file(s, fd, -1, path, e->content) : -1;
	close(fd);
	return rc;
}

static int look_link(struct fs *s, int folder, const char *name, const char *path, struct fs_entry *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(folder, name, target, sizeof target - 1);

	if (n < 0) {
		s->host->fail(s->call, "cannot read the link %s: %s", path, strerror(errno));
		return -1;
	}
	target[n] = 0;
	e->content = run_copy(target);
	return 0;
}

/* What has this name in an open folder; e->type is 0 where nothing has. */
static int look_at(struct fs *s, int folder, const char *name, const char *path, struct fs_entry *e)
{
	struct stat st;

	free(e->content);
	e->content = NULL;
	e->type = 0;
	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW)) {
		if (errno == ENOENT)
			return 0;
		s->host->fail(s->call, "cannot look at %s: %s", path, strerror(errno));
		return -1;
	}
	e->type = S_ISREG(st.st_mode) ? 'f' : S_ISDIR(st.st_mode) ? 'd' : S_ISLNK(st.st_mode) ? 'l' : '?';
	e->mode = st.st_mode & 07777;
	e->uid = st.st_uid;
	e->gid = st.st_gid;
	e->size = e->type == 'f' ? (uint64_t)st.st_size : 0;
	e->inode = st.st_ino;
	e->change_ns = (uint64_t)st.st_ctim.tv_sec * 1000000000u + (uint64_t)st.st_ctim.tv_nsec;
	return e->type == 'f' ? look_file(s, folder, name, path, e) : e->type == 'l' ? look_link(s, folder, name, path, e) : 0;
}

int fs_parent(int folder, const char *path, const char **ret_name)
{
	int at = openat(folder, ".", OPEN_FOLDER);
	const char *slash;
	char *part;

	for (; at >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
		int next;

		part = strndup(path, (size_t)(slash - path));
		if (!part)
			abort();
		next = openat(at, part, OPEN_FOLDER);
		free(part);
		close(at);
		at = next;
	}
	*ret_name = path;
	return at;
}

int fs_look(struct fs *s, int folder, const char *path, struct fs_entry *e)
{
	const char *name;
	int parent = fs_parent(folder, path, &name), rc;

	if (parent < 0) {
		free(e->content);
		e->content = NULL;
		e->type = 0;
		if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
			return 0;
		s->host->fail(s->call, "cannot open the folder of %s: %s", path, strerror(errno));
		return -1;
	}
	rc = look_at(s, parent, name, path, e);
	close(parent);
	return rc;
}

static int scan_folder(struct fs *s, const char *root, int fd, const char *below, int deep, struct fs_list *ret);

static int scan_one(struct fs *s, const char *root, int folder, const char *name, const char *below, int deep, struct fs_list *ret)
{
	char *path = *below ? fs_text("%s/%s", below, name) : run_copy(name), *full;
	struct fs_entry *e;
	int rc, fd;

	if (fs_match_option(s->call, "ignore", path)) {
		free(path);
		return 0;
	}
	full = fs_text("%s/%s", root, path);
	e = fs_list_add(ret, path);
	rc = look_at(s, folder, name, full, e);
	if (!rc && e->type == '?') {
		s->host->fail(s->call, "%s is neither file, folder nor link: a release cannot have it. Name it in 'ignore' if it is not a part of the release", full);
		rc = -1;
	}
	if (!rc && e->type == 'd') {
		fd = openat(folder, name, OPEN_FOLDER);
		if (fd < 0)
			s->host->fail(s->call, "cannot open the folder %s: %s", full, strerror(errno));
		rc = fd < 0 ? -1 : scan_folder(s, root, fd, path, deep + 1, ret);
	}
	free(full);
	free(path);
	return rc;
}

/* Takes fd. */
static int scan_folder(struct fs *s, const char *root, int fd, const char *below, int deep, struct fs_list *ret)
{
	DIR *d = fdopendir(fd);
	struct dirent *one;
	int rc = 0;

	if (!d || deep > DEEP || ret->n > MANY) {
		s->host->fail(s->call, "cannot read the folder %s/%s: %s", root, below, d ? "there are too many folders in one another, or too many files" : strerror(errno));
		if (d)
			closedir(d);
		else
			close(fd);
		return -1;
	}
	while (!rc && (errno = 0, one = readdir(d))) {
		if (!strcmp(one->d_name, ".") || !strcmp(one->d_name, ".."))
			continue;
		rc = fs_in_time(s, "reading the files of a release") ? -1 : scan_one(s, root, fd, one->d_name, below, deep, ret);
	}
	if (!rc && errno) {
		s->host->fail(s->call, "cannot read the folder %s/%s: %s", root, below, strerror(errno));
		rc = -1;
	}
	closedir(d);
	return rc;
}

int fs_scan(struct fs *s, const char *folder, struct fs_list *ret)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	memset(ret, 0, sizeof *ret);
	if (fd < 0) {
		s->host->fail(s->call, "cannot open the folder %s: %s", folder, strerror(errno));
		return -1;
	}
	rc = scan_folder(s, folder, fd, "", 0, ret);
	if (rc)
		fs_list_clear(ret);
	fs_list_sort(ret);
	return rc;
}

/* ---- making ---- */

/* Owner and permissions, as far as they can be had. */
static int dress(struct fs *s, int fd, const struct fs_entry *e)
{
	return (s->owners && fchown(fd, e->uid, e->gid)) || fchmod(fd, e->mode) ? -1 : 0;
}

static int copy_content(struct fs *s, int in, int out, const struct fs_entry *e, const char *from)
{
	char sum[FS_HASH], *path = fs_text("%s/%s", from, e->path);
	int rc = hash_file(s, in, out, path, sum);

	if (!rc && strcmp(sum, e->content)) {
		s->host->fail(s->call, "%s is not what it was when it was recorded: it was changed, or it is damaged. It is not put in place", path);
		rc = -1;
	}
	if (!rc && (dress(s, out, e) || fsync(out))) {
		s->host->fail(s->call, "cannot write a copy of %s: %s", path, strerror(errno));
		rc = -1;
	}
	free(path);
	return rc;
}

static int copy_file(struct fs *s, int folder, const char *from, const struct fs_entry *e, int to, const char *name)
{
	const char *last;
	int parent = fs_parent(folder, e->path, &last), in = parent < 0 ? -1 : openat(parent, last, OPEN_FILE), out = -1, rc = -1;

	if (in >= 0)
		out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out >= 0)
		rc = copy_content(s, in, out, e, from);
	else
		s->host->fail(s->call, "cannot %s %s/%s: %s", in < 0 ? "read" : "write a copy of", from, e->path, strerror(errno));
	if (out >= 0 && close(out) && !rc) {
		s->host->fail(s->call, "cannot write a copy of %s/%s: %s", from, e->path, strerror(errno));
		rc = -1;
	}
	if (out >= 0 && rc)
		unlinkat(to, name, 0);
	if (in >= 0)
		close(in);
	if (parent >= 0)
		close(parent);
	return rc;
}

int fs_copy(struct fs *s, const char *from, const struct fs_entry *e, int to, const char *name)
{
	int folder, rc;

	if (e->type == 'f') {
		folder = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (folder < 0) {
			s->host->fail(s->call, "cannot open the folder %s: %s", from, strerror(errno));
			return -1;
		}
		rc = copy_file(s, folder, from, e, to, name);
		close(folder);
		return rc;
	}
	if (e->type == 'd')
		rc = mkdirat(to, name, 0700);
	else
		rc = symlinkat(e->content, to, name) || (s->owners && fchownat(to, name, e->uid, e->gid, AT_SYMLINK_NOFOLLOW)) ? -1 : 0;
	if (rc)
		s->host->fail(s->call, "cannot make the %s %s: %s", e->type == 'd' ? "folder" : "link", e->path, strerror(errno));
	return rc;
}

static int remove_folder(int folder, const char *name, int deep)
{
	int fd = openat(folder, name, OPEN_FOLDER), rc = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *one;

	if (!d || deep > 2 * DEEP) {
		if (d)
			closedir(d);
		else if (fd >= 0)
			close(fd);
		return -1;
	}
	fchmod(fd, 0700); /* what cannot be removed says so below */
	while (!rc && (one = readdir(d))) {
		if (!strcmp(one->d_name, ".") || !strcmp(one->d_name, ".."))
			continue;
		if (unlinkat(fd, one->d_name, 0))
			rc = errno == EISDIR || errno == EPERM ? remove_folder(fd, one->d_name, deep + 1) : errno == ENOENT ? 0 : -1;
	}
	closedir(d);
	return rc ? rc : unlinkat(folder, name, AT_REMOVEDIR);
}

int fs_remove_all(int folder, const char *name)
{
	if (!unlinkat(folder, name, 0) || errno == ENOENT)
		return 0;
	return errno == EISDIR || errno == EPERM ? remove_folder(folder, name, 0) : -1;
}

int fs_sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (fd < 0)
		return -1;
	rc = fsync(fd);
	close(fd);
	return rc;
}

int fs_make_own(struct fs *s, const char *below, char **ret_path)
{
	char *path = below ? fs_text("%s/" FS_OWN "/%s", s->releases, below) : fs_text("%s/" FS_OWN, s->releases);

	for (char *p = path + strlen(s->releases) + 1; p; *p = '/') {
		p = strchr(p + 1, '/');
		if (p)
			*p = 0;
		if (mkdir(path, 0700) && errno != EEXIST) {
			s->host->fail(s->call, "cannot make the folder %s: %s", path, strerror(errno));
			free(path);
			return -1;
		}
		if (!p)
			break;
	}
	*ret_path = path;
	return 0;
}
