/* SPDX-License-Identifier: Apache-2.0 */
/* When there is no space: the reserve, then memory, then back to the file. Must not know what the tables mean beyond which rows are ours. */
#include "journal/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Real blocks: a sparse file would give nothing back. 0, or -1 with errno. */
int fb_reserve_make(struct fb_journal *j)
{
	struct stat st;
	int fd, code;

	if (stat(j->reserve, &st) == 0 && st.st_size >= FB_JOURNAL_RESERVE_SIZE)
		return 0;
	fd = open(j->reserve, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return -1;
	code = posix_fallocate(fd, 0, FB_JOURNAL_RESERVE_SIZE);
	close(fd);
	if (code) {
		unlink(j->reserve);
		errno = code;
		return -1;
	}
	return 0;
}

static void roll_back(struct fb_journal *j)
{
	if (!sqlite3_get_autocommit(j->db->h))
		fb_db_execute(j, j->db, "ROLLBACK", NULL, 0);
}

static int again(struct fb_journal *j, struct fb_err *err)
{
	bool proven = j->proven;
	int code = fb_db_execute(j, j->db, "BEGIN IMMEDIATE", NULL, 0);

	if (code != SQLITE_DONE)
		return fb_db_fail(j, j->db, code, "write", err);
	(void)proven;
	return fb_ops_replay(j, j->db, &j->ops, false, err);
}

int fb_degrade_retry(struct fb_journal *j, bool begun, struct fb_err *err)
{
	int code = sqlite3_errcode(j->db->h);

	(void)begun;
	roll_back(j);
	if (unlink(j->reserve) < 0)
		return fb_db_fail(j, j->db, code, "write", err);
	return again(j, err);
}

void fb_degrade_probe(struct fb_journal *j)
{
	(void)j;
}

bool fb_journal_degraded(const struct fb_journal *j)
{
	return j->db == &j->memory;
}

void fb_journal_allow_degrade(struct fb_journal *j)
{
	j->flags |= FB_JOURNAL_DEGRADE;
}
