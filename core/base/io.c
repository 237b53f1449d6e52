/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

int fb_io_read_file(const char *path, size_t limit, char **ret, size_t *ret_size, struct fb_err *err)
{
	struct fb_text t = {0};
	char buf[65536];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return fb_err_set(err, FB_EXIT_CONFIG, "cannot open %s: %s", path, strerror(errno));
	while ((n = read(fd, buf, sizeof buf)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || t.n + (size_t)n > limit)
			break;
		fb_text_add(&t, buf, (size_t)n);
	}
	if (n) {
		int saved = errno;

		close(fd);
		fb_text_clear(&t);
		if (n < 0)
			return fb_err_set(err, FB_EXIT_CONFIG, "cannot read %s: %s", path, strerror(saved));
		return fb_err_set(err, FB_EXIT_CONFIG, "%s is larger than the %zu bytes that are allowed", path, limit);
	}
	close(fd);
	if (ret_size)
		*ret_size = t.n;
	*ret = fb_text_take(&t);
	return 0;
}

int fb_io_write_all(int fd, const void *data, size_t size)
{
	const char *p = data;

	while (size) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

static int sync_folder_of(const char *path)
{
	char folder[PATH_MAX];
	char *slash;
	int fd, r;

	snprintf(folder, sizeof folder, "%s", path);
	slash = strrchr(folder, '/');
	if (!slash)
		snprintf(folder, sizeof folder, ".");
	else
		slash[slash == folder] = 0;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	r = fsync(fd);
	close(fd);
	return r;
}

int fb_io_replace_file(const char *path, const void *data, size_t size, mode_t mode, struct fb_err *err)
{
	char *temporary = fb_asprintf("%s.%d.tmp", path, (int)getpid());
	int fd, r = -1, saved;

	unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0) {
		fb_err_set(err, FB_EXIT_FAILED, "cannot create %s: %s", temporary, strerror(errno));
		goto out;
	}
	r = fb_io_write_all(fd, data, size) < 0 || fsync(fd) < 0 ? -1 : 0;
	saved = errno;
	close(fd);
	if (r == 0 && (rename(temporary, path) < 0 || sync_folder_of(path) < 0)) {
		saved = errno;
		r = -1;
	}
	if (r < 0) {
		unlink(temporary);
		fb_err_set(err, FB_EXIT_FAILED, "cannot write %s: %s", path, strerror(saved));
	}
out:
	fb_free(temporary);
	return r;
}

int fb_io_make_folders(const char *path, mode_t mode, struct fb_err *err)
{
	char *copy = fb_strdup(path);
	int r = 0;

	for (char *p = copy + 1; r == 0; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		*p = 0;
		if (mkdir(copy, c ? 0755 & (mode | 0111) : mode) < 0 && errno != EEXIST)
			r = fb_err_set(err, FB_EXIT_FAILED, "cannot create the folder %s: %s", copy, strerror(errno));
		*p = c;
		if (!c)
			break;
	}
	fb_free(copy);
	return r;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int fb_io_remove_tree(const char *path)
{
	return nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void fb_hash(const void *data, size_t size, char *ret)
{
	unsigned char sum[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(sum, data, size);
	sodium_bin2hex(ret, FB_HASH_SIZE, sum, sizeof sum);
}

int fb_hash_file(const char *path, char *ret, struct fb_err *err)
{
	unsigned char sum[crypto_hash_sha256_BYTES], *buf = fb_alloc(65536);
	crypto_hash_sha256_state state;
	ssize_t n = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd >= 0) {
		crypto_hash_sha256_init(&state);
		while ((n = read(fd, buf, 65536)) > 0 || (n < 0 && errno == EINTR))
			if (n > 0)
				crypto_hash_sha256_update(&state, buf, (unsigned long long)n);
		crypto_hash_sha256_final(&state, sum);
		sodium_bin2hex(ret, FB_HASH_SIZE, sum, sizeof sum);
	}
	if (n < 0)
		fb_err_set(err, FB_EXIT_FAILED, "cannot read %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	fb_free(buf);
	return n < 0 ? -1 : 0;
}

char *fb_id_new(const char *kind, const char *environment, int64_t wall_ms, char *buf)
{
	static const char base32[] = "abcdefghijklmnopqrstuvwxyz234567";
	time_t seconds = (time_t)(wall_ms / 1000);
	char date[32], random[4];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(date, sizeof date, "%Y%m%dt%H%M%Sz", &tm);
	randombytes_buf(random, sizeof random);
	snprintf(buf, FB_ID_SIZE, "%.20s-%.63s-%s-%c%c%c%c", kind, environment, date, base32[random[0] & 31], base32[random[1] & 31], base32[random[2] & 31],
		 base32[random[3] & 31]);
	return buf;
}

/* The uid that stands for owners who have none in this user namespace. */
static uid_t nobody_here(void)
{
	char buf[32];
	int fd = open("/proc/sys/kernel/overflowuid", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof buf - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return 65534;
	buf[n] = 0;
	return (uid_t)strtoul(buf, NULL, 10);
}

/* One file or folder of the chain. `inner` is the owner of what lies in it, for sticky folders. */
static int check_one(const char *path, const struct stat *st, uid_t trusted, uid_t inner, struct fb_err *err)
{
	uid_t me = geteuid();
	bool sticky = S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) && (inner == 0 || inner == me || inner == trusted);

	if (st->st_uid != 0 && st->st_uid != me && st->st_uid != trusted)
		return fb_err_set(err, FB_EXIT_PLUGIN, "%s belongs to user %u, expected root or the running user (%u): chown it, or set trusted_owner%s", path, (unsigned)st->st_uid,
				  (unsigned)me, st->st_uid == nobody_here() ? " (in a container, files of the machine's own root show so)" : "");
	if ((st->st_mode & 022) && !sticky)
		return fb_err_set(err, FB_EXIT_PLUGIN, "%s can be written by others (mode %04o): chmod go-w %s", path, (unsigned)(st->st_mode & 07777), path);
	return 0;
}

/* A path on its way: what has been walked, all folders without links, and what is still to come. */
struct walk {
	char done[PATH_MAX], rest[2 * PATH_MAX];
	int links;
};

static int too_long(const char *path, struct fb_err *err)
{
	return fb_err_set(err, FB_EXIT_PLUGIN, "cannot find %s: %s", path, strerror(ENAMETOOLONG));
}

/* The link that stands at w->done/name: its target comes before the rest. */
static int follow(struct walk *w, const char *link, const char *path, struct fb_err *err)
{
	char target[PATH_MAX], rest[2 * PATH_MAX];
	ssize_t n = readlink(link, target, sizeof target - 1);

	if (n < 0)
		return fb_err_set(err, FB_EXIT_PLUGIN, "cannot look at %s: %s", link, strerror(errno));
	target[n] = 0;
	if (++w->links > 40)
		return fb_err_set(err, FB_EXIT_PLUGIN, "cannot find %s: %s", path, strerror(ELOOP));
	if (strlen(target) + strlen(w->rest) + 2 > sizeof rest)
		return too_long(path, err);
	strcpy(rest, target);
	strcat(strcat(rest, "/"), w->rest);
	memcpy(w->rest, rest, strlen(rest) + 1);
	if (*target == '/')
		*w->done = 0;
	return 0;
}

/* Takes one name of the rest. Whoever may write the folder in which it stands, a link too, decides where it leads. */
static int step(struct walk *w, const char *path, uid_t trusted, struct fb_err *err)
{
	char name[PATH_MAX], next[2 * PATH_MAX + 1];
	char *p = w->rest + strspn(w->rest, "/");
	size_t n = strcspn(p, "/");
	struct stat st, folder;

	if (n >= sizeof name)
		return too_long(path, err);
	memcpy(name, p, n);
	name[n] = 0;
	memmove(w->rest, p + n, strlen(p + n) + 1);
	if (!*name || strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0) {
		char *slash = strrchr(w->done, '/');

		*(slash ? slash : w->done) = 0;
		return 0;
	}
	snprintf(next, sizeof next, "%s/%s", w->done, name);
	if (lstat(next, &st) < 0)
		return fb_err_set(err, FB_EXIT_PLUGIN, "cannot find %s: %s", path, strerror(errno));
	if (stat(*w->done ? w->done : "/", &folder) < 0)
		return fb_err_set(err, FB_EXIT_PLUGIN, "cannot look at %s: %s", *w->done ? w->done : "/", strerror(errno));
	if (check_one(*w->done ? w->done : "/", &folder, trusted, st.st_uid, err) < 0)
		return -1;
	if (S_ISLNK(st.st_mode))
		return follow(w, next, path, err);
	if (strlen(next) >= sizeof w->done)
		return too_long(path, err);
	memcpy(w->done, next, strlen(next) + 1);
	return 0;
}

int fb_io_safe_path(const char *path, uid_t trusted, struct fb_err *err)
{
	struct walk *w = fb_alloc(sizeof *w);
	struct stat st;
	int r = -1;

	if (*path != '/' && !getcwd(w->rest, PATH_MAX)) {
		fb_err_set(err, FB_EXIT_PLUGIN, "cannot find %s: %s", path, strerror(errno));
		goto out;
	}
	if (strlen(path) + strlen(w->rest) + 2 > sizeof w->rest) {
		too_long(path, err);
		goto out;
	}
	if (*w->rest)
		strcat(w->rest, "/");
	strcat(w->rest, path);
	do
		r = step(w, path, trusted, err);
	while (r == 0 && *w->rest);
	if (r == 0 && stat(*w->done ? w->done : "/", &st) < 0)
		r = fb_err_set(err, FB_EXIT_PLUGIN, "cannot look at %s: %s", w->done, strerror(errno));
	if (r == 0)
		r = check_one(*w->done ? w->done : "/", &st, trusted, (uid_t)-1, err);
out:
	fb_free(w);
	return r;
}
