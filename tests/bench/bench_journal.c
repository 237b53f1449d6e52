/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a commit costs against a bare write and fdatasync, and whether the journal stays as fast when it has grown.
 *   bench_journal [EXECUTIONS [LIMIT]]      default 2000 executions of 8 links; LIMIT: the largest ratio allowed, default 4
 * Exit 1: something takes more than LIMIT times as long as with 100 executions.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "journal/journal.h"

#define ROUNDS 41

static char dir[64];
static struct fb_err err;

static void must(int r, const char *what)
{
	if (r == 0)
		return;
	fprintf(stderr, "%s: %s\n", what, err.text);
	fb_io_remove_tree(dir);
	exit(99);
}

static int compare(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

struct spread {
	int64_t p50, p99;
};

static struct spread measure(void (*work)(void *ctx, int i), void *ctx, int rounds)
{
	int64_t *v = fb_alloc((size_t)rounds * sizeof *v);
	struct spread s;

	for (int i = 0; i < rounds; i++) {
		int64_t begin = fb_clock_us();

		work(ctx, i);
		v[i] = fb_clock_us() - begin;
	}
	qsort(v, (size_t)rounds, sizeof *v, compare);
	s = (struct spread){v[rounds / 2], v[rounds * 99 / 100]};
	fb_free(v);
	return s;
}

/* ---- commits ---- */

static void bare(void *ctx, int i)
{
	static const char page[4096];
	int fd = *(int *)ctx;

	/* Over blocks that are there, as in the journal's log */
	if (pwrite(fd, page, sizeof page, (i % 256) * 4096L) != sizeof page || fdatasync(fd) < 0)
		must(-1, "write");
}

static void durable(void *ctx, int i)
{
	char value[16];

	snprintf(value, sizeof value, "%d", i);
	must(fb_journal_fact_set(ctx, "", "k", value, &err), "fact");
}

static void ordered(void *ctx, int i)
{
	(void)i;
	must(fb_journal_event(ctx, "link.progress", "plan/1", "half", "{\"basis_points\":5000}", NULL, &err), "event");
}

static void start(struct fb_journal *j, const char *id)
{
	const char *const services[] = {"web", "db", NULL};
	struct fb_conflict c;

	must(fb_journal_start(j, &(struct fb_execution_new){.id = id, .kind = "deploy", .environment = "production", .status = "running", .title = "x", .services = services}, &c, &err), "start");
}

static void commits(struct fb_journal *j)
{
	char path[96], buffer[256 * 4096] = "";
	struct spread s;
	int fd;

	snprintf(path, sizeof path, "%s/bare", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || fb_io_write_all(fd, buffer, sizeof buffer) < 0 || fsync(fd) < 0)
		must(-1, "bare");
	s = measure(bare, &fd, 500);
	printf("write + fdatasync       p50 %5" PRId64 " us  p99 %6" PRId64 " us\n", s.p50, s.p99);
	start(j, "commits");
	s = measure(durable, j, 500);
	printf("durable commit          p50 %5" PRId64 " us  p99 %6" PRId64 " us\n", s.p50, s.p99);
	fb_journal_checkpoint(j);
	s = measure(durable, j, 500);
	printf("durable commit, log kept p50 %4" PRId64 " us  p99 %6" PRId64 " us\n", s.p50, s.p99);
	s = measure(ordered, j, 2000);
	printf("ordered commit          p50 %5" PRId64 " us  p99 %6" PRId64 " us\n", s.p50, s.p99);
	must(fb_journal_status(j, "completed", true, 0, &err), "end");
	close(fd);
}

/* ---- size ---- */

static void list(void *ctx, int i)
{
	struct fb_execution *v;
	size_t n;

	(void)i;
	must(fb_journal_executions(ctx, &(struct fb_execution_filter){.limit = 20}, &v, &n, &err), "executions");
	fb_executions_free(v, n);
}

static void services(void *ctx, int i)
{
	struct fb_release_row *v;
	size_t n;

	(void)i;
	must(fb_journal_services(ctx, NULL, &v, &n, &err), "services");
	fb_releases_free(v, n);
}

static void good(void *ctx, int i)
{
	struct fb_release_row r;

	(void)i;
	must(fb_journal_last_good(ctx, "production", "web", &r, &err), "last good");
	fb_release_clear(&r);
}

static void run(void *ctx, int i)
{
	static int round;
	char id[64];

	(void)i;
	snprintf(id, sizeof id, "run-%d", round++);
	start(ctx, id);
	for (int l = 0; l < 8; l++) {
		struct fb_link_row row = {.id = id, .chain = "plan", .name = "x", .title = "x", .status = "completed", .seq = l};

		snprintf(id, sizeof id, "plan/%d", l);
		must(fb_journal_link(ctx, &row, &err), "link");
	}
	must(fb_journal_release(ctx, "production", "web", "2.0", "good", true, "{}", &err), "release");
	must(fb_journal_status(ctx, "completed", true, 0, &err), "end");
}

/* Numbers beyond those of the runs before. */
static void grow(const char *path, int from, int to)
{
	int base = from ? 1000000 : 1000;
	sqlite3 *h;
	char *text = NULL, *sql = fb_asprintf(
		"PRAGMA wal_autocheckpoint = 1000; BEGIN;"
		"INSERT INTO executions (n, id, kind, environment, status, title, services, epoch, started_ms, ended_ms, started_boot_ms, boot_id, exit_code)"
		" WITH RECURSIVE c(n) AS (SELECT %d UNION ALL SELECT n + 1 FROM c WHERE n < %d)"
		" SELECT n + %d, 'deploy-production-20260120t110000z-' || n, 'deploy', 'production', 'completed', 'Deploy web', '[\"web\",\"db\"]', 1, n, n + 1, n, 'b', 0 FROM c;"
		"INSERT INTO touched SELECT n, 'web', 'production', 1 FROM executions WHERE id LIKE 'deploy-production%%' AND n > %d;"
		"INSERT INTO links SELECT e.n, 'plan/' || v.value, v.value, 'plan', 'step', 'A step of it', 'command', 'completed', NULL, '{\"operations\":[]}', 'logs/step.log', 1, 0, 0, 1, 2, 3, 4"
		" FROM executions e JOIN json_each('[1,2,3,4,5,6,7,8]') v WHERE e.id LIKE 'deploy-production%%' AND e.n > %d;"
		"INSERT INTO releases (environment, service, release, status, execution, data, at_ms, live)"
		" SELECT 'production', 'web', '1.' || n, CASE WHEN n %% 5 THEN 'superseded' ELSE 'failed' END, n, '{}', n, 0 FROM executions WHERE id LIKE 'deploy-production%%' AND n > %d;"
		"COMMIT", from + 1, to, base, base, base, base);

	if (sqlite3_open(path, &h) != SQLITE_OK || sqlite3_exec(h, sql, NULL, NULL, &text) != SQLITE_OK) {
		snprintf(err.text, sizeof err.text, "%s", text ? text : "cannot open");
		must(-1, "fill");
	}
	sqlite3_close(h);
	fb_free(sql);
}

static const struct {
	const char *name;
	void (*work)(void *ctx, int i);
} works[] = {
	{"executions(limit 20)", list},
	{"services()", services},
	{"last_good()", good},
	{"start, 8 links, release, end", run},
};
#define WORKS (sizeof works / sizeof *works)

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 2000, bad = 0;
	double limit = argc > 2 ? atof(argv[2]) : 4;
	struct spread small[WORKS], large[WORKS];
	struct fb_journal *j;
	char path[96];

	snprintf(dir, sizeof dir, "/tmp/failback-bench-XXXXXX");
	if (count < 101 || !mkdtemp(dir))
		return 64;
	snprintf(path, sizeof path, "%s/journal.db", dir);
	must(fb_journal_open(dir, FB_JOURNAL_CREATE, &j, &err), "open");
	commits(j);
	grow(path, 0, 100);
	for (size_t i = 0; i < WORKS; i++) {
		works[i].work(j, 0);
		small[i] = measure(works[i].work, j, ROUNDS);
	}
	grow(path, 100, count);
	fb_journal_checkpoint(j);
	for (size_t i = 0; i < WORKS; i++) {
		works[i].work(j, 0);
		large[i] = measure(works[i].work, j, ROUNDS);
	}
	for (size_t i = 0; i < WORKS; i++) {
		/* Below a tenth of a millisecond the clock and the neighbours decide. */
		double ratio = (double)(large[i].p50 + 50) / (double)(small[i].p50 + 50);

		printf("%-30s %6" PRId64 " us with 100 executions, %6" PRId64 " us with %d: %.2f\n", works[i].name, small[i].p50, large[i].p50, count, ratio);
		bad |= ratio > limit;
	}
	fb_journal_close(j);
	fb_io_remove_tree(dir);
	return bad;
}
