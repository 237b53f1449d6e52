/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another file in the place of a database. A process that has the old one open would go on with a file that has no name, and lose what it writes: so nobody may
 * have it open. A write-ahead log of the old one beside the new one would destroy it: so it is written back into the old one first, under an exclusive lock that
 * is held until the new one has the name.
 */
#include "plugins/strategies/sqlite/database.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4200

static const char *const beside[] = {"-wal", "-shm", "-journal"};

static int cannot(char text[DATABASE_TEXT], const char *what, const char *file)
{
	snprintf(text, DATABASE_TEXT, "cannot %s %s: %s", what, file, strerror(errno));
	return -1;
}

/* Does the process have that file open? */
static bool has_open(const char *pid, const struct stat *file)
{
	char path[300];
	struct dirent *e;
	struct stat st;
	bool found = false;
	DIR *d;

	snprintf(path, sizeof path, "/proc/%s/fd", pid);
	d = opendir(path);
	while (d && !found && (e = readdir(d)))
		found = !fstatat(dirfd(d), e->d_name, &st, 0) && st.st_dev == file->st_dev && st.st_ino == file->st_ino;
	if (d)
		closedir(d);
	return found;
}

/* A process that has it open, by what may be seen of processes: -1 with text. */
static int is_free(const char *database, char text[DATABASE_TEXT])
{
	char path[300], name[64] = "?";
	struct dirent *e;
	struct stat st;
	int pid = 0;
	DIR *d;
	FILE *f;

	if (stat(database, &st))
		return errno == ENOENT ? 0 : cannot(text, "look at", database);
	d = opendir("/proc");
	while (d && !pid && (e = readdir(d)))
		if (*e->d_name >= '1' && *e->d_name <= '9' && atoi(e->d_name) != getpid() && has_open(e->d_name, &st))
			pid = atoi(e->d_name);
	if (d)
		closedir(d);
	if (!pid)
		return 0;
	snprintf(path, sizeof path, "/proc/%d/comm", pid);
	f = fopen(path, "re");
	if (f && fgets(name, sizeof name, f))
		name[strcspn(name, "\n")] = 0;
	if (f)
		fclose(f);
	snprintf(text, DATABASE_TEXT,
		 "process %d (%s) has %s open, and would go on with the old one: let 'stop' end it and 'start' start it, or set by = \"transaction\"", pid, name, database);
	return -1;
}

/*
 * Locks the old one and makes it one file. *ret: held until closed; NULL: it is no database any more, and nothing can hold it. 0, or -1: it is locked.
 */
static int hold(const struct fb_call *call, const char *database, int64_t lock_ms, sqlite3 **ret, char text[DATABASE_TEXT])
{
	int rc = sqlite3_open_v2(database, ret, SQLITE_OPEN_READWRITE, NULL);

	if (rc == SQLITE_OK)
		sqlite3_busy_timeout(*ret, (int)lock_ms);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(*ret, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(*ret, "BEGIN EXCLUSIVE", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		return 0;
	if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED) {
		snprintf(text, DATABASE_TEXT, "%s is locked by another process: let 'stop' end it, raise lock_timeout, or set by = \"transaction\"", database);
		sqlite3_close(*ret);
		return -1;
	}
	call->host->log(call, FB_LOG_WARNING, "%s cannot be opened any more (%s): it is replaced as it is", database, sqlite3_errmsg(*ret));
	sqlite3_close(*ret);
	*ret = NULL;
	return 0;
}

static int copy_bytes(int in, int out)
{
	static char buf[1 << 16];
	ssize_t n;

	while ((n = read(in, buf, sizeof buf)) > 0)
		for (ssize_t at = 0, done; at < n; at += done) {
			done = write(out, buf + at, (size_t)(n - at));
			if (done < 0)
				return -1;
		}
	return n < 0 ? -1 : 0;
}

/* A copy of new beside the database, with its mode and owner, on the disk. */
static int write_beside(const char *new, const char *file, char text[DATABASE_TEXT])
{
	int in = open(new, O_RDONLY | O_CLOEXEC), out = -1, failed;
	struct stat st;

	if (in < 0 || fstat(in, &st)) {
		failed = cannot(text, "read", new);
		if (in >= 0)
			close(in);
		return failed;
	}
	unlink(file);
	out = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	failed = out < 0 || copy_bytes(in, out) || (geteuid() == 0 && fchown(out, st.st_uid, st.st_gid)) || fchmod(out, st.st_mode & 07777) || fsync(out);
	if (failed)
		cannot(text, "write", file);
	if (out >= 0 && close(out) && !failed)
		failed = cannot(text, "write", file);
	close(in);
	if (failed)
		unlink(file);
	return failed ? -1 : 0;
}

/* What was there is kept: by a second name, so that there is a database at each moment. */
static int keep_old(const char *database, char text[DATABASE_TEXT])
{
	char from[PATH_SIZE], to[PATH_SIZE];

	snprintf(to, sizeof to, "%s.replaced", database);
	if ((unlink(to) && errno != ENOENT) || (link(database, to) && errno != ENOENT))
		return cannot(text, "keep the old database as", to);
	/* where it could be opened these are gone; else they belong to what is kept, and not beside the new one */
	for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
		snprintf(from, sizeof from, "%s%s", database, beside[i]);
		snprintf(to, sizeof to, "%s.replaced%s", database, beside[i]);
		unlink(to);
		if (rename(from, to) && errno != ENOENT)
			return cannot(text, "put away", from);
	}
	return 0;
}

static int sync_folder(const char *file, char text[DATABASE_TEXT])
{
	char *folder = strdup(file), *slash = folder ? strrchr(folder, '/') : NULL;
	int fd, failed;

	if (slash)
		slash[slash == folder] = 0;
	fd = slash ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	failed = fd < 0 || fsync(fd) ? cannot(text, "sync the folder of", file) : 0;
	if (fd >= 0)
		close(fd);
	free(folder);
	return failed;
}

int database_replace(const struct fb_call *call, const char *database, const char *new, int64_t lock_ms, char text[DATABASE_TEXT])
{
	bool there = !access(database, F_OK);
	char file[PATH_SIZE];
	sqlite3 *old = NULL;
	int failed;

	snprintf(file, sizeof file, "%s.restored", database);
	if (is_free(database, text) || write_beside(new, file, text))
		return -1;
	failed = there && hold(call, database, lock_ms, &old, text);
	if (!failed)
		failed = is_free(database, text) || keep_old(database, text);
	if (!failed && rename(file, database))
		failed = cannot(text, "rename what was restored to", database);
	if (failed)
		unlink(file);
	if (old)
		sqlite3_close(old);
	return failed ? -1 : sync_folder(database, text);
}
