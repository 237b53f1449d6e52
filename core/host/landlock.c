/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock (landlock(7)) by its system calls: the build's header may be older than the running kernel. Knows paths and rights, no processes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/sandbox.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

/* include/uapi/linux/landlock.h, up to version 6 */
struct ruleset {
	uint64_t fs, net, scoped;
};
struct path_rule {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

#define CREATE_VERSION 1u
#define RULE_PATH 1
#define FS_EXECUTE (1ull << 0)
#define FS_WRITE_FILE (1ull << 1)
#define FS_READ_FILE (1ull << 2)
#define FS_READ_DIR (1ull << 3)
#define FS_MAKE_BLOCK (1ull << 11)
#define FS_VERSION_1 ((1ull << 13) - 1)
#define FS_REFER (1ull << 13)     /* 2 */
#define FS_TRUNCATE (1ull << 14)  /* 3 */
#define FS_IOCTL_DEV (1ull << 15) /* 5 */
#define FS_OF_FILES (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)
#define NET_TCP 3ull /* bind, connect: 4 */
#define SCOPE_ABSTRACT 1ull /* 6 */
#define SCOPE_SIGNAL 2ull   /* 6 */

#define DEPTH_MAX 64

/* What every plugin needs to be loaded and to find a name: programs' own files, and what says how this machine reaches others. */
static const char *const common[] = {
	"/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin", "/proc", "/sys/devices/system/cpu", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives",
	"/etc/nsswitch.conf", "/etc/resolv.conf", "/run/systemd/resolve", "/etc/hosts", "/etc/host.conf", "/etc/gai.conf", "/etc/services", "/etc/protocols", "/etc/passwd", "/etc/group",
	"/etc/localtime", "/etc/timezone", "/etc/mime.types", "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/ca-certificates", "/etc/pki/tls/certs", "/etc/pki/ca-trust", "/etc/crypto-policies",
	"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", NULL};
static const char *const sinks[] = {"/dev/null", "/dev/zero", "/dev/full", NULL};
/* Of /dev, what who reads all may read: a disk's own device has every file on it. */
static const char *const devices[] = {"/dev/tty", "/dev/ptmx", "/dev/pts", "/dev/shm", "/dev/mqueue", NULL};

struct rules {
	int fd;
	uint64_t read, write; /* rights that a path gets */
	char **hidden;
	size_t hidden_count;
	char failed[PATH_MAX + 128]; /* the last that could not be added */
};

int fb_landlock_version(void)
{
	long v = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);

	return v < 0 ? 0 : (int)v;
}

static uint64_t handled_fs(int version)
{
	return FS_VERSION_1 | (version >= 2 ? FS_REFER : 0) | (version >= 3 ? FS_TRUNCATE : 0) | (version >= 5 ? FS_IOCTL_DEV : 0);
}

static int create(int version, struct ruleset *attributes)
{
	return (int)syscall(SYS_landlock_create_ruleset, attributes, version >= 6 ? sizeof *attributes : version >= 4 ? 16 : 8, 0);
}

/* 0, or -1 with r->failed. */
static int allow(struct rules *r, const char *path, uint64_t rights)
{
	struct path_rule rule = {.allowed = rights};
	struct stat st;
	int done;

	rule.parent = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent < 0 || fstat(rule.parent, &st) < 0) {
		snprintf(r->failed, sizeof r->failed, "%s: %s", path, strerror(errno));
		if (rule.parent >= 0)
			close(rule.parent);
		return -1;
	}
	if (!S_ISDIR(st.st_mode))
		rule.allowed &= FS_OF_FILES;
	done = (int)syscall(SYS_landlock_add_rule, r->fd, RULE_PATH, &rule, 0);
	if (done < 0)
		snprintf(r->failed, sizeof r->failed, "%s: %s", path, strerror(errno));
	close(rule.parent);
	return done;
}

/* What is not there yet is hidden below the nearest folder that is. */
static void hide(struct rules *r, const char *path)
{
	char *there = fb_strdup(path), *real, *slash;

	while (!(real = realpath(there, NULL)) && (slash = strrchr(there, '/')) && slash != there)
		*slash = 0;
	if (real) {
		r->hidden = fb_realloc(r->hidden, (r->hidden_count + 1) * sizeof *r->hidden);
		r->hidden[r->hidden_count++] = fb_asprintf("%s%s", real, path + strlen(there));
	}
	free(real);
	fb_free(there);
}

/* 2: path is hidden, 1: something below it is, 0: nothing. */
static int hides(const struct rules *r, const char *path)
{
	size_t n = strcmp(path, "/") == 0 ? 0 : strlen(path);
	int found = 0;

	for (size_t i = 0; i < r->hidden_count; i++) {
		if (strcmp(r->hidden[i], path) == 0)
			return 2;
		if (strncmp(r->hidden[i], path, n) == 0 && r->hidden[i][n] == '/')
			found = 1;
	}
	return found;
}

/* All below path but what is hidden: whole folders where nothing is, else entry by entry. What is made there later is not allowed; links are followed to where they lead. */
static void allow_rest(struct rules *r, const char *path, int depth)
{
	int hidden = hides(r, path);
	struct dirent *entry;
	DIR *dir;

	if (hidden == 0)
		(void)allow(r, path, r->read);
	if (hidden != 1 || depth > DEPTH_MAX || !(dir = opendir(path)))
		return;
	while ((entry = readdir(dir))) {
		char *inner;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 || entry->d_type == DT_LNK)
			continue;
		inner = fb_asprintf("%s/%s", strcmp(path, "/") == 0 ? "" : path, entry->d_name);
		allow_rest(r, inner, depth + 1);
		fb_free(inner);
	}
	closedir(dir);
}

static void allow_listed(struct rules *r, const json_t *list, uint64_t rights, const char *what, json_t *cannot)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		if (allow(r, json_string_value(item), rights) < 0) {
			char *text = fb_asprintf("it may %s, but that cannot be allowed now: %s", what, r->failed);

			json_array_append_new(cannot, json_string(text));
			fb_free(text);
		}
}

/* The folder of the file: libraries of its own may lie beside it. */
static int allow_file(struct rules *r, const char *file)
{
	char *real = realpath(file, NULL), *slash = real ? strrchr(real, '/') : NULL;
	int done = -1;

	if (slash) {
		slash[slash == real] = 0;
		done = allow(r, real, r->read);
	} else {
		snprintf(r->failed, sizeof r->failed, "%s: %s", file, strerror(errno));
	}
	free(real);
	return done;
}

static void say_gaps(int version, bool network, json_t *cannot)
{
	if (version < 3)
		json_array_append_new(cannot, json_string("this kernel (before 6.2) cannot keep it from truncating files that it may not write"));
	if (version < 6)
		json_array_append_new(cannot, json_string("this kernel (before 6.12) cannot keep it from signalling other processes of its user: give it a user of its own"));
	if (version < 6 && !network)
		json_array_append_new(cannot, json_string("this kernel (before 6.12) cannot keep sockets that it was given from reaching abstract addresses"));
}

int fb_landlock_prepare(const json_t *policy, const char *file, const char *scratch, json_t *cannot, int *ret, struct fb_err *err)
{
	const json_t *read = json_object_get(policy, "read"), *item;
	bool network = json_is_true(json_object_get(policy, "network")), runs = json_integer_value(json_object_get(policy, "processes")) != 0;
	int version = fb_landlock_version();
	struct ruleset attributes = {.fs = handled_fs(version), .net = version >= 4 && !network ? NET_TCP : 0, .scoped = version >= 6 ? SCOPE_SIGNAL | (network ? 0 : SCOPE_ABSTRACT) : 0};
	struct rules r = {.fd = -1};
	size_t i;
	int done = 0;

	*ret = -1;
	if (!version) {
		json_array_append_new(cannot, json_string("this kernel has no Landlock (5.13 and later, lsm=landlock): what it reads and writes is not limited, and it may trace and signal processes of its user"));
		return 0;
	}
	r.fd = create(version, &attributes);
	if (r.fd < 0)
		return fb_err_set(err, FB_EXIT_PLUGIN, "%s cannot be sandboxed: landlock_create_ruleset: %s", file, strerror(errno));
	r.read = FS_READ_FILE | FS_READ_DIR | (runs ? FS_EXECUTE : 0);
	r.write = handled_fs(version) & ~(runs ? 0 : FS_EXECUTE);
	for (i = 0; common[i]; i++)
		(void)allow(&r, common[i], r.read); /* not every machine has them all */
	for (i = 0; sinks[i]; i++)
		(void)allow(&r, sinks[i], FS_READ_FILE | FS_WRITE_FILE | (attributes.fs & FS_TRUNCATE));
	if (allow_file(&r, file) < 0 || (scratch && allow(&r, scratch, r.write) < 0))
		done = fb_err_set(err, FB_EXIT_PLUGIN, "%s cannot be sandboxed: %s", file, r.failed);
	if (json_is_array(read)) {
		allow_listed(&r, read, r.read, "read", cannot);
	} else {
		json_array_foreach(json_object_get(policy, "hidden"), i, item)
			hide(&r, json_string_value(item));
		hide(&r, "/dev");
		for (i = 0; devices[i]; i++)
			(void)allow(&r, devices[i], r.read);
		(void)allow(&r, "/", FS_READ_DIR);
		allow_rest(&r, "/", 0);
		if (json_is_string(json_object_get(policy, "gathered")))
			(void)allow(&r, json_string_value(json_object_get(policy, "gathered")), r.read);
	}
	allow_listed(&r, json_object_get(policy, "write"), r.write, "write", cannot);
	say_gaps(version, network, cannot);
	while (r.hidden_count)
		fb_free(r.hidden[--r.hidden_count]);
	fb_free(r.hidden);
	if (done < 0)
		close(r.fd);
	else
		*ret = r.fd;
	return done;
}

int fb_landlock_enter(int ruleset, struct fb_err *err)
{
	int r = ruleset < 0 ? 0 : (int)syscall(SYS_landlock_restrict_self, ruleset, 0), saved = errno;

	if (ruleset >= 0)
		close(ruleset);
	if (r < 0)
		return fb_err_set(err, FB_EXIT_PLUGIN, "its sandbox cannot be entered: landlock_restrict_self: %s%s", strerror(saved),
				  saved == EPERM ? ": set no_new_privs = true for it, or run failback as root" : "");
	return 0;
}

int fb_landlock_apart(void)
{
	int version = fb_landlock_version(), fd, r;
	/* Something must be handled: making block devices is what nobody may. Moving between folders every domain has to allow, or none does. */
	struct ruleset attributes = {.fs = FS_MAKE_BLOCK | (version >= 2 ? FS_REFER : 0), .scoped = version >= 6 ? SCOPE_SIGNAL : 0};
	struct rules rules = {0};

	rules.fd = fd = version ? create(version, &attributes) : -1;
	if (fd < 0)
		return -1;
	r = version >= 2 ? allow(&rules, "/", FS_REFER) : 0;
	if (r == 0)
		r = (int)syscall(SYS_landlock_restrict_self, fd, 0);
	close(fd);
	return r;
}
