/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing: the folder, its file system, the file and its modes, the settings of the connection. */
#include "journal/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"

/* Magic numbers of statfs(2) where locks or shared memory between processes cannot be relied on. */
static const struct {
	unsigned long magic;
	const char *name;
} unfit[] = {
	{0x6969, "NFS"},	 {0x517b, "SMB"},      {0xff534d42, "CIFS"}, {0xfe534d42, "SMB"}, {0x65735546, "FUSE"},
	{0x01021997, "9P"},	 {0x00c36400, "Ceph"}, {0x5346414f, "AFS"},  {0x6b414653, "AFS"}, {0x73757245, "Coda"},
	{0x564c, "NCP"},	 {0x19830326, "BeeGFS"}, {0x0bd00bd0, "Lustre"}, {0x01161970, "GFS2"},
};

static int check_file_system(const char *dir, struct fb_err *err)
{
	struct statfs fs;

	if (statfs(dir, &fs) < 0)
		return fb_err_set(err, FB_EXIT_JOURNAL, "cannot look at the state directory %s: %s: the first deployment makes it; name another with --state-dir", dir, strerror(errno));
	for (size_t i = 0; i < sizeof unfit / sizeof *unfit; i++)
		if ((unsigned long)(unsigned)fs.f_type == unfit[i].magic)
			return fb_err_set(err, FB_EXIT_JOURNAL,
					  "the state directory %s is on a %s file system, where locks and shared memory between processes cannot be relied on: put it on a local disk (--state-dir)",
					  dir, unfit[i].name);
	return 0;
}

/* The folder and an empty file with the right modes, whatever the umask. SQLite gives the file's mode to those it makes beside it. */
static int make_places(struct fb_journal *j, struct fb_err *err)
{
	bool fresh = access(j->dir, F_OK) < 0 && errno == ENOENT;
	int fd;

	if (fresh && fb_io_make_folders(j->dir, 0750, err) < 0) {
		if (err)
			err->code = FB_EXIT_JOURNAL;
		return -1;
	}
	if (fresh && chmod(j->dir, 0750) < 0)
		return fb_err_set(err, FB_EXIT_JOURNAL, "cannot set the mode of %s: %s", j->dir, strerror(errno));
	/* O_EXCL: to open and close a database that another connection of this process has open would drop its locks (fcntl(2)). */
	fd = open(j->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0 && errno != EEXIST)
		return fb_err_set(err, FB_EXIT_JOURNAL, "cannot make the journal %s: %s: run this as the user that owns the state directory, or name another with --state-dir", j->path,
				  strerror(errno));
	if (fd >= 0) {
		if (fchmod(fd, 0640) < 0)
			fb_err_set(err, FB_EXIT_JOURNAL, "cannot set the mode of %s: %s", j->path, strerror(errno));
		close(fd);
	}
	return 0;
}

static int check_access(struct fb_journal *j, struct fb_err *err)
{
	const char *user = "run this as the user that owns the state directory, or ask failbackd";

	if (access(j->path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR))
		return fb_err_set(err, FB_EXIT_JOURNAL, "there is no journal %s: %s: nothing was recorded here yet, or the state directory is another (--state-dir)", j->path, strerror(errno));
	if (access(j->path, R_OK) < 0)
		return fb_err_set(err, FB_EXIT_JOURNAL, "cannot read the journal %s: %s: %s", j->path, strerror(errno), user);
	if (!(j->flags & FB_JOURNAL_WRITE))
		return 0;
	if (access(j->path, W_OK) < 0 || access(j->dir, W_OK | X_OK) < 0)
		return fb_err_set(err, FB_EXIT_JOURNAL, "cannot write the journal %s: %s: %s", j->path, strerror(errno),
				  errno == EROFS ? "its file system is mounted read-only; mount it writable, or name another state directory (--state-dir)" : user);
	return 0;
}

static int wal(struct fb_journal *j, struct fb_err *err)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(j->file.h, "PRAGMA journal_mode = WAL", -1, &s, NULL);
	bool yes = false;

	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		yes = fb_db_text_is(s, 0, "wal");
	sqlite3_finalize(s);
	if (code != SQLITE_ROW)
		return fb_db_fail(j, &j->file, code, "open", err);
	if (!yes)
		return fb_err_set(err, FB_EXIT_JOURNAL,
				  "shared memory or locks do not work on the file system of %s, so that the journal cannot be shared between processes: put the state directory on a local disk (--state-dir)",
				  j->dir);
	return 0;
}

static int set_up_writer(struct fb_journal *j, struct fb_err *err)
{
	static const char settings[] = "PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 16777216; PRAGMA recursive_triggers = ON; PRAGMA cell_size_check = ON";
	int keep = 1, code;

	if (wal(j, err) < 0)
		return -1;
	code = sqlite3_exec(j->file.h, settings, NULL, NULL, NULL);
	if (code != SQLITE_OK)
		return fb_db_fail(j, &j->file, code, "open", err);
	/* The log and its index stay when the last writer leaves: readers who may not make files can open the journal, and a full disk
	 * finds blocks that are there already. */
	sqlite3_file_control(j->file.h, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
	if (fb_txn_sync(&j->file, true) != SQLITE_OK)
		return fb_db_fail(j, &j->file, sqlite3_errcode(j->file.h), "open", err);
	return 0;
}

static int try_open(struct fb_journal *j, struct fb_err *err)
{
	bool write = j->flags & FB_JOURNAL_WRITE;
	int code;

	errno = 0;
	if (fb_db_open(&j->file, j->path, write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY, err) < 0)
		return -1;
	if (write && set_up_writer(j, err) < 0)
		return -1;
	/* The first read finds out whether the log's index can be used. */
	code = sqlite3_exec(j->file.h, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
	if (code != SQLITE_OK && !write && ((code & 0xff) == SQLITE_CANTOPEN || (code & 0xff) == SQLITE_READONLY))
		return fb_err_set(err, FB_EXIT_JOURNAL,
				  "cannot read the journal %s as this user: its log's index (%s-shm) is not there and may not be made by you: run this as the user that owns the state directory, or ask failbackd",
				  j->path, j->path);
	if (code != SQLITE_OK)
		return fb_db_fail(j, &j->file, code, "read", err);
	return 0;
}

int fb_open_file(struct fb_journal *j, struct fb_err *err)
{
	int r = try_open(j, err);

	j->file.number = r < 0 ? errno : 0;
	return r;
}

static struct fb_journal *allocate(const char *state_dir, unsigned flags)
{
	struct fb_journal *j = fb_alloc(sizeof *j);
	const char *boot = fb_clock_boot_id();

	j->dir = fb_strdup(state_dir);
	j->path = fb_asprintf("%s/%s", state_dir, FB_JOURNAL_FILE);
	j->reserve = fb_asprintf("%s/%s", state_dir, FB_JOURNAL_RESERVE);
	j->flags = flags;
	j->db = &j->file;
	j->file.full = j->memory.full = -1;
	strncpy(j->boot, boot, sizeof j->boot - 1);
	return j;
}

/* A dry run: the file is read if there is one, and everything is written in memory. */
static int open_shadow(struct fb_journal *j, struct fb_err *err)
{
	bool there = access(j->path, F_OK) == 0;

	j->flags = FB_JOURNAL_READ;
	if (there && (check_file_system(j->dir, err) < 0 || fb_open_file(j, err) < 0 || fb_schema_settle(j, err) < 0))
		return -1;
	j->flags = FB_JOURNAL_WRITE;
	return fb_degrade_shadow(j, there, err);
}

/* A recovery where the file system is mounted read-only: what was recorded is read, and the rest is kept in memory until it can be written. */
static int open_read_only(struct fb_journal *j, const struct fb_err *why, struct fb_err *err)
{
	unsigned flags = j->flags;
	struct statvfs fs;
	int r;

	if (!(flags & FB_JOURNAL_DEGRADE) || statvfs(j->dir, &fs) < 0 || !(fs.f_flag & ST_RDONLY))
		return -1;
	j->flags = FB_JOURNAL_READ;
	r = fb_open_file(j, err) < 0 || fb_schema_settle(j, err) < 0 ? -1 : 0;
	j->flags = flags;
	return r < 0 ? -1 : fb_degrade_read_only(j, why, err);
}

static int check_space(struct fb_journal *j, struct fb_err *err)
{
	struct statvfs fs;

	if (statvfs(j->dir, &fs) < 0 || (uint64_t)fs.f_bavail * fs.f_frsize >= FB_JOURNAL_LEAST_SPACE)
		return 0;
	return fb_err_set(err, FB_EXIT_JOURNAL, "no space is left for the journal %s: its file system has %llu KiB, and %d KiB must be free to begin; free some space", j->path,
			  (unsigned long long)((uint64_t)fs.f_bavail * fs.f_frsize / 1024), FB_JOURNAL_LEAST_SPACE / 1024);
}

int fb_journal_open(const char *state_dir, unsigned flags, struct fb_journal **ret, struct fb_err *err)
{
	struct fb_journal *j = allocate(state_dir, flags);
	struct fb_err why;

	if (!err)
		err = &why;
	if (fb_proc_look(getpid(), &j->self) < 0) {
		fb_err_set(err, FB_EXIT_JOURNAL, "cannot read /proc/%d/stat, by which the owner of an execution is known: mount /proc", (int)getpid());
		goto bad;
	}
	if (flags & FB_JOURNAL_SHADOW) {
		if (open_shadow(j, err) < 0)
			goto bad;
		*ret = j;
		return 0;
	}
	if ((flags & FB_JOURNAL_CREATE) == FB_JOURNAL_CREATE && make_places(j, err) < 0)
		goto bad;
	if (check_file_system(j->dir, err) < 0)
		goto bad;
	if (check_access(j, err) < 0) {
		why = *err;
		if (open_read_only(j, &why, err) < 0)
			goto bad;
		*ret = j;
		return 0;
	}
	if ((flags & FB_JOURNAL_ROOM) && check_space(j, err) < 0)
		goto bad;
	if (fb_open_file(j, err) < 0 && (!(flags & FB_JOURNAL_WRITE) || fb_degrade_open(j, err) < 0))
		goto bad;
	if (j->db == &j->file && fb_schema_settle(j, err) < 0)
		goto bad;
	if ((flags & FB_JOURNAL_WRITE) && fb_reserve_make(j) < 0 && !(flags & FB_JOURNAL_DEGRADE)) {
		fb_err_set(err, FB_EXIT_JOURNAL, "cannot set aside %d MiB for the journal in %s: %s: free some space on its file system", FB_JOURNAL_RESERVE_SIZE / 1048576, j->reserve,
			   strerror(errno));
		goto bad;
	}
	*ret = j;
	return 0;
bad:
	fb_journal_close(j);
	return -1;
}

void fb_journal_close(struct fb_journal *j)
{
	if (!j)
		return;
	if (j->depth > 0 && j->self.pid == getpid())
		fb_db_roll_back(j, j->db);
	fb_ops_clear(&j->ops);
	fb_ops_clear(&j->owed);
	fb_db_close(&j->memory);
	fb_db_close(&j->file);
	fb_free(j->execution);
	fb_free(j->before_execution);
	fb_free(j->dir);
	fb_free(j->path);
	fb_free(j->reserve);
	fb_free(j);
}

/* A passive checkpoint keeps the log's blocks for the next writes; a log that has grown large is cut. */
void fb_journal_checkpoint(struct fb_journal *j)
{
	int frames = 0, moved = 0;

	if (j->depth > 0 || j->db != &j->file || !(j->flags & FB_JOURNAL_WRITE))
		return;
	if (sqlite3_wal_checkpoint_v2(j->file.h, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, &moved) != SQLITE_OK || frames < 4096 || moved < frames)
		return;
	sqlite3_busy_timeout(j->file.h, 0);
	sqlite3_wal_checkpoint_v2(j->file.h, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_busy_timeout(j->file.h, FB_JOURNAL_BUSY_MS);
}

int64_t fb_journal_version(struct fb_journal *j)
{
	struct fb_err err;
	sqlite3_stmt *s = j->file.h ? fb_db_statement(j, &j->file, "PRAGMA data_version", &err) : NULL;
	int64_t data = j->seen_data, changes = sqlite3_total_changes64(j->db->h);

	if (s && sqlite3_step(s) == SQLITE_ROW)
		data = sqlite3_column_int64(s, 0);
	fb_db_done(s);
	if (data != j->seen_data || changes != j->seen_changes)
		j->version++;
	j->seen_data = data;
	j->seen_changes = changes;
	return j->version;
}
