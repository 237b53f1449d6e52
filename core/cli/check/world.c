/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world of its own for the plugin, as far as this system gives one: a mount namespace where every folder of the root has an overlay, so that what is
 * changed lands in a folder that can be looked at, and all else is read-only; a network namespace with nothing but the loopback; a small file system
 * without room. What cannot be had is said. It knows no plugin.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/check/check.h"

#define SUBMOUNTS 256
#define OVERFLOW_UID 65534
#define MOUNT_LINE 8192

/* linux/mount.h and sys/mount.h cannot be had together on all systems; these numbers are the kernel's for ever. */
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#define ATTR_RDONLY 0x00000001
struct attributes {
	uint64_t set, clear, propagation, userns_fd;
};

static int set_read_only(const char *path, bool on, bool all)
{
#ifdef SYS_mount_setattr
	struct attributes a = {.set = on ? ATTR_RDONLY : 0, .clear = on ? 0 : ATTR_RDONLY};

	return (int)syscall(SYS_mount_setattr, AT_FDCWD, path, all ? AT_RECURSIVE : 0, &a, sizeof a);
#else
	(void)path;
	(void)on;
	(void)all;
	errno = ENOSYS;
	return -1;
#endif
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -1;
	r = fb_io_write_all(fd, text, strlen(text));
	return close(fd) == 0 ? r : -1;
}

/* A user namespace in which we are who we were; what belongs to others shows as nobody's. */
static int map_ids(uid_t uid, gid_t gid)
{
	char text[64];

	snprintf(text, sizeof text, "%u %u 1\n", (unsigned)uid, (unsigned)uid);
	if (write_text("/proc/self/uid_map", text) < 0 || write_text("/proc/self/setgroups", "deny") < 0)
		return -1;
	snprintf(text, sizeof text, "%u %u 1\n", (unsigned)gid, (unsigned)gid);
	return write_text("/proc/self/gid_map", text);
}

static void raise_loopback(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	(void)!ioctl(fd, SIOCSIFFLAGS, &lo); /* without it the loopback is down: nothing can be reached, which is safe */
	close(fd);
}

static int leave(struct fb_world *w, int spaces)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(spaces) == 0)
		return 0;
	if (unshare(spaces | CLONE_NEWUSER) < 0 || map_ids(uid, gid) < 0) {
		snprintf(w->why_not, sizeof w->why_not, "this system gives no namespaces to this user: %s", strerror(errno));
		return -1;
	}
	w->own_user = true;
	return 0;
}

/* ---- overlays ---- */

struct submount {
	char *path;
	int fd;
};

/* The mounts below folder, outermost first. At most SUBMOUNTS; returns how many, -1 when they cannot be told. */
static int list_submounts(const char *folder, struct submount *ret)
{
	char *line = fb_alloc(MOUNT_LINE), *path = fb_alloc(MOUNT_LINE);
	FILE *f = fopen("/proc/self/mountinfo", "re");
	size_t n = strlen(folder);
	int count = f ? 0 : -1;

	while (f && count >= 0 && fgets(line, MOUNT_LINE, f)) {
		if (sscanf(line, "%*d %*d %*s %*s %s", path) != 1 || strncmp(path, folder, n) != 0 || path[n] != '/')
			continue;
		if (count == SUBMOUNTS || strchr(path, '\\')) { /* a path that is written with escapes */
			for (int i = 0; i < count; i++)
				fb_free(ret[i].path);
			count = -1;
			break;
		}
		ret[count++] = (struct submount){.path = fb_strdup(path), .fd = -1};
	}
	if (f)
		fclose(f);
	fb_free(line);
	fb_free(path);
	return count;
}

static int mount_overlay(const char *folder, const char *upper, const char *work)
{
	char *options = fb_asprintf("lowerdir=%s,upperdir=%s,workdir=%s", folder, upper, work);
	int r = mkdir(upper, 0755) == 0 && mkdir(work, 0700) == 0 ? 0 : -1;
	struct stat st;

	/* the overlay's root is the upper folder: it shall look as the one below it */
	if (r == 0 && stat(folder, &st) == 0) {
		(void)!chown(upper, st.st_uid, st.st_gid);
		(void)!chmod(upper, st.st_mode & 07777);
	}
	if (r == 0)
		r = mount("failback-check", folder, "overlay", 0, options);
	fb_free(options);
	return r;
}

/* Puts an overlay over a folder and everything that is mounted below it back in place. false: it stays as it was. */
static bool overlay(struct fb_world *w, const char *folder)
{
	struct submount *below = fb_alloc(SUBMOUNTS * sizeof *below);
	int n = list_submounts(folder, below);
	char *upper = fb_asprintf("%s/upper%s", w->base, folder), *work = fb_asprintf("%s/work%s", w->base, folder);
	bool done = false;

	for (int i = 0; i < n; i++)
		below[i].fd = open(below[i].path, O_PATH | O_CLOEXEC);
	if (n >= 0 && mount_overlay(folder, upper, work) == 0) {
		done = true;
		for (int i = 0; i < n; i++) {
			char from[64];

			snprintf(from, sizeof from, "/proc/self/fd/%d", below[i].fd);
			if (below[i].fd < 0 || mount(from, below[i].path, NULL, MS_BIND, NULL) < 0)
				done = done && strcmp(below[i].path, w->base) != 0; /* others are hidden, which changes nothing outside */
		}
		if (!done)
			(void)!umount2(folder, MNT_DETACH);
	}
	for (int i = 0; i < n; i++) {
		if (below[i].fd >= 0)
			close(below[i].fd);
		fb_free(below[i].path);
	}
	fb_free(below);
	fb_free(work);
	if (done && w->tree_count < FB_CHECK_TREES) {
		w->trees[w->tree_count].path = fb_strdup(folder);
		w->trees[w->tree_count++].seen = upper;
	} else {
		fb_free(upper);
	}
	return done;
}

static void overlay_all(struct fb_world *w)
{
	static const char *const left_out[] = {"proc", "sys", "dev", "lost+found"};
	DIR *root = opendir("/");
	struct dirent *e;

	while (root && (e = readdir(root))) {
		char path[300];
		struct stat st;
		bool skip = e->d_name[0] == '.' || strpbrk(e->d_name, ",:\\") != NULL;

		for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
			skip |= strcmp(e->d_name, left_out[i]) == 0;
		snprintf(path, sizeof path, "/%s", e->d_name);
		if (!skip && lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
			overlay(w, path);
	}
	if (root)
		closedir(root);
}

/* ---- folders ---- */

static char *folder(const struct fb_world *w, const char *name)
{
	char *path = fb_asprintf("%s/%s", w->base, name);

	(void)!mkdir(path, 0700);
	return path;
}

static void watch_own(struct fb_world *w, const char *path)
{
	if (w->tree_count == FB_CHECK_TREES)
		return;
	w->trees[w->tree_count].path = fb_strdup(path);
	w->trees[w->tree_count++].seen = fb_strdup(path);
}

/* A file system of a few pages, filled to the last. */
static char *make_full(const struct fb_world *w)
{
	char *path = folder(w, "full"), *file = fb_asprintf("%s/filler", path), block[4096] = {0};
	int fd;

	if (mount("failback-check", path, "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,mode=0700") < 0) {
		fb_free(path);
		path = NULL;
	} else {
		fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		while (fd >= 0 && write(fd, block, sizeof block) == sizeof block)
			;
		if (fd >= 0)
			close(fd);
	}
	fb_free(file);
	return path;
}

static bool enter_mounts(struct fb_world *w)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("failback-check", w->base, "tmpfs", MS_NOSUID | MS_NODEV, "size=256m,mode=0700") < 0) {
		snprintf(w->why_not, sizeof w->why_not, "no file system can be mounted here: %s", strerror(errno));
		return false;
	}
	return true;
}

static void close_off(struct fb_world *w)
{
	w->read_only = set_read_only("/", true, true) == 0;
	if (!w->read_only)
		snprintf(w->why_not, sizeof w->why_not, "the rest cannot be made read-only: %s", strerror(errno));
	else
		for (int i = -1; i < w->tree_count; i++)
			w->read_only &= set_read_only(i < 0 ? w->base : w->trees[i].path, false, false) == 0;
	w->full = make_full(w);
}

void fb_world_enter(struct fb_world *w, bool network, long *ret_owner)
{
	bool mounts = leave(w, CLONE_NEWNS | (network ? 0 : CLONE_NEWNET)) == 0;

	*ret_owner = w->own_user ? OVERFLOW_UID : -1;
	w->network_off = mounts && !network;
	if (w->network_off)
		raise_loopback();
	mounts = mounts && enter_mounts(w);
	if (mounts) {
		fb_free(folder(w, "upper"));
		fb_free(folder(w, "work"));
		/* A socket that is a file cannot be reached through an overlay; who wants the network wants those too. */
		if (!network && !strpbrk(w->base, ",:\\"))
			overlay_all(w);
		close_off(w);
	}
	w->home = folder(w, "home");
	w->tmp = folder(w, "tmp");
	w->archive = folder(w, "archive");
	w->scratch = folder(w, "scratch");
	watch_own(w, w->home);
	watch_own(w, w->tmp);
	watch_own(w, w->archive);
	setenv("HOME", w->home, 1);
	setenv("TMPDIR", w->tmp, 1);
}

void fb_world_clear(struct fb_world *w)
{
	for (int i = 0; i < w->tree_count; i++) {
		fb_free(w->trees[i].path);
		fb_free(w->trees[i].seen);
	}
	fb_free(w->home);
	fb_free(w->tmp);
	fb_free(w->archive);
	fb_free(w->scratch);
	fb_free(w->full);
}

/* ---- looking ---- */

static struct fb_text *into; /* nftw passes nothing on */

static int note(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)type;
	if (ftw->level > 0) /* what a folder holds is seen by its own lines; its times change with them */
		fb_text_printf(into, "%s\t%o %lld %lld.%09ld %llu\n", path, (unsigned)st->st_mode, S_ISDIR(st->st_mode) ? 0LL : (long long)st->st_size,
			       S_ISDIR(st->st_mode) ? 0LL : (long long)st->st_mtim.tv_sec, S_ISDIR(st->st_mode) ? 0L : st->st_mtim.tv_nsec, (unsigned long long)st->st_ino);
	return 0;
}

char *fb_world_snapshot(const struct fb_world *w)
{
	struct fb_text t = {0};

	into = &t;
	for (int i = 0; i < w->tree_count; i++)
		(void)!nftw(w->trees[i].seen, note, 16, FTW_PHYS);
	return fb_text_take(&t);
}

/* The path of the line as the plugin sees it: what lies in an upper folder lies in the folder that it covers. */
static char *as_seen(const struct fb_world *w, const char *line, size_t n)
{
	for (int i = 0; i < w->tree_count; i++) {
		size_t m = strlen(w->trees[i].seen);

		if (n > m && strncmp(line, w->trees[i].seen, m) == 0 && line[m] == '/')
			return fb_asprintf("%s%.*s", w->trees[i].path, (int)(n - m), line + m);
	}
	return fb_asprintf("%.*s", (int)n, line);
}

/* Is the line one of a folder? Its mode stands after the tab, in octal digits. */
static bool is_folder(const char *line)
{
	return S_ISDIR(strtoul(line + strcspn(line, "\t"), NULL, 8));
}

/* The first line of a that b does not have, of folders or of other files; NULL. */
static const char *missing_line(const char *a, const char *b, bool folders)
{
	while (*a) {
		size_t n = strcspn(a, "\n");
		const char *p = b;
		bool found = is_folder(a) != folders;

		while (*p && !found) {
			size_t m = strcspn(p, "\n");

			found = m == n && memcmp(a, p, n) == 0;
			p += m + (p[m] == '\n');
		}
		if (!found)
			return a;
		a += n + (a[n] == '\n');
	}
	return NULL;
}

char *fb_world_difference(const struct fb_world *w, const char *before, const char *after)
{
	const char *line;

	if (strcmp(before, after) == 0)
		return NULL;
	/* A folder shows as changed when something in it is: what lies in it is told first. */
	line = missing_line(after, before, false);
	line = line ? line : missing_line(before, after, false);
	line = line ? line : missing_line(after, before, true);
	line = line ? line : missing_line(before, after, true);
	return line ? as_seen(w, line, strcspn(line, "\t")) : NULL;
}
