/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A journal that was damaged gives an error or what is left of it, never a crash. The input is a list of changes to a whole database: four bytes of
 * place (little endian, modulo its size), one byte of value. With FB_FUZZ_STANDALONE this file brings its own main, which makes seeded inputs:
 *   fuzz_journal [RUNS [SEED]]
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "failback/plugin.h"
#include "journal/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[64], path[96];
static char *whole;
static size_t whole_size;
static unsigned opened, refused, failed;

static void must(int r, const struct fb_err *err)
{
	if (r == 0)
		return;
	fprintf(stderr, "fuzz_journal: %s\n", err->text);
	abort();
}

static void remove_all(void)
{
	fb_io_remove_tree(dir);
}

/* A journal with something in each table. */
static void make_whole(void)
{
	const char *const services[] = {"web", "db", NULL};
	struct fb_link_row link = {.id = "plan/1", .chain = "plan", .name = "x", .title = "x", .plugin = "command", .status = "failed", .message = "m", .data = "{}", .log = "l"};
	struct fb_action_key key = {"plan/1", "web", "run", false, "k"};
	struct fb_proc proc = {4711, 12};
	struct fb_conflict c;
	struct fb_journal *j;
	struct fb_err err;

	snprintf(dir, sizeof dir, "/tmp/failback-fuzz-XXXXXX");
	if (!mkdtemp(dir))
		abort();
	atexit(remove_all);
	snprintf(path, sizeof path, "%s/journal.db", dir);
	must(fb_journal_open(dir, FB_JOURNAL_CREATE, &j, &err), &err);
	for (int i = 0; i < 6; i++) {
		char id[32];

		snprintf(id, sizeof id, "deploy-%d", i);
		must(fb_journal_start(j, &(struct fb_execution_new){.id = id, .alias = "a", .kind = "deploy", .environment = "production", .status = "running", .title = "t", .frozen = "{}",
								    .services = services},
				      &c, &err),
		     &err);
		must(fb_journal_link(j, &link, &err), &err);
		must(fb_journal_attempt(j, "plan/1", 1, 0, "m", 1, 2, &err), &err);
		must(fb_journal_act(j, &key, FB_REPEAT_PROBE, "t", false, &err) != FB_ACT_DO, &err);
		must(fb_journal_acted(j, &key, "r", &err), &err);
		must(fb_journal_fact_set(j, "", "k", "v", &err), &err);
		must(fb_journal_memory_set(j, "production", "web", "k", "v", &err), &err);
		must(fb_journal_release(j, "production", "web", id, "good", true, "{}", &err), &err);
		must(fb_journal_process(j, "host", NULL, NULL, "x", &proc, &err), &err);
		must(fb_journal_event(j, "link.started", "plan/1", "s", "{}", NULL, &err), &err);
		must(fb_journal_outbox_add(j, "slack", "rollback.started", id, "{}", &err), &err);
		must(fb_journal_approval_ask(j, NULL, "high", &err), &err);
		must(fb_journal_document_set(j, "impact", "{}", &err), &err);
		must(fb_journal_clock(j, "detected", 1, 2, &err), &err);
		must(fb_journal_audit(j, id, "engine", "x", "d", &err), &err);
		if (i < 5)
			must(fb_journal_status(j, "completed", true, 0, &err), &err);
	}
	fb_journal_close(j);
	must(fb_io_read_file(path, 1 << 24, &whole, &whole_size, &err), &err);
}

static void put(const char *bytes, size_t size)
{
	static const char *const beside[] = {"-wal", "-shm"};
	char name[112];
	int fd;

	for (size_t i = 0; i < 2; i++) {
		snprintf(name, sizeof name, "%s%s", path, beside[i]);
		unlink(name);
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0 || fb_io_write_all(fd, bytes, size) < 0)
		abort();
	close(fd);
}

/* Every failure has a code and a sentence. */
static void judge(int r, const struct fb_err *err)
{
	if (r < 0 && (err->code == 0 || !err->text[0])) {
		fprintf(stderr, "fuzz_journal: a failure without a sentence\n");
		abort();
	}
	failed += r < 0;
}

#define LIST(type, call, free_them)                   \
	do {                                          \
		type *v = NULL;                       \
		size_t n = 0;                         \
		int r;                                \
		memset(&err, 0, sizeof err);          \
		r = call;                             \
		judge(r, &err);                       \
		free_them(v, n);                      \
	} while (0)

static void read_lists(struct fb_journal *j)
{
	struct fb_err err;

	LIST(struct fb_execution, fb_journal_executions(j, &(struct fb_execution_filter){.limit = 20}, &v, &n, &err), fb_executions_free);
	LIST(struct fb_execution, fb_journal_executions(j, &(struct fb_execution_filter){.service = "web", .unfinished = true}, &v, &n, &err), fb_executions_free);
	LIST(struct fb_link_row, fb_journal_links(j, "deploy-5", &v, &n, &err), fb_links_free);
	LIST(struct fb_action_row, fb_journal_actions(j, "deploy-5", &v, &n, &err), fb_actions_free);
	LIST(struct fb_release_row, fb_journal_releases(j, "production", "web", NULL, 0, &v, &n, &err), fb_releases_free);
	LIST(struct fb_release_row, fb_journal_services(j, NULL, &v, &n, &err), fb_releases_free);
	LIST(struct fb_process_row, fb_journal_processes(j, NULL, NULL, NULL, NULL, NULL, &v, &n, &err), fb_processes_free);
	LIST(struct fb_event_row, fb_journal_events(j, NULL, 0, 0, &v, &n, &err), fb_events_free);
	LIST(struct fb_event_row, fb_journal_events(j, "deploy-5", 0, 0, &v, &n, &err), fb_events_free);
	LIST(struct fb_outbox_row, fb_journal_outbox(j, NULL, false, &v, &n, &err), fb_outbox_free);
	LIST(struct fb_approval_row, fb_journal_approvals(j, NULL, &v, &n, &err), fb_approvals_free);
}

static void read_singles(struct fb_journal *j)
{
	struct fb_release_row release;
	struct fb_execution e;
	struct fb_err err = {0};
	char head[65];
	int64_t rows;
	int r;

	r = fb_journal_execution(j, "deploy-5", &e, &err);
	judge(r, &err);
	if (r == 0)
		fb_execution_clear(&e);
	r = fb_journal_execution(j, NULL, &e, &err);
	judge(r, &err);
	if (r == 0)
		fb_execution_clear(&e);
	r = fb_journal_last_good(j, "production", "web", &release, &err);
	judge(r, &err);
	if (r == 0)
		fb_release_clear(&release);
	judge(fb_journal_audit_verify(j, NULL, &rows, head, &err), &err);
	judge(fb_journal_audit_head(j, head, &rows, &err), &err);
	fb_free(fb_journal_facts(j, "deploy-5", &err));
	fb_free(fb_journal_clocks(j, "deploy-5", &err));
	fb_free(fb_journal_document(j, "deploy-5", "impact"));
	fb_free(fb_journal_memory(j, "production", "web", "k"));
	(void)fb_journal_version(j);
}

/* What an engine does first with it. */
static void write_some(struct fb_journal *j)
{
	const char *const services[] = {"cache", NULL};
	struct fb_conflict c;
	struct fb_err err = {0};
	int r = fb_journal_take_over(j, "deploy-5", &c, &err);

	judge(r, &err);
	if (r == 0)
		judge(fb_journal_status(j, "failed", true, 1, &err), &err);
	judge(fb_journal_start(j, &(struct fb_execution_new){.id = "new", .kind = "deploy", .environment = "production", .status = "running", .services = services}, &c, &err), &err);
	judge(fb_journal_audit(j, NULL, "engine", "x", NULL, &err), &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fb_err err = {0};
	struct fb_journal *j = NULL;
	char *damaged;

	if (!whole)
		make_whole();
	damaged = fb_alloc(whole_size);
	memcpy(damaged, whole, whole_size);
	for (size_t i = 0; i + 5 <= size; i += 5) {
		size_t at = (size_t)data[i] | (size_t)data[i + 1] << 8 | (size_t)data[i + 2] << 16 | (size_t)data[i + 3] << 24;

		damaged[at % whole_size] = (char)data[i + 4];
	}
	put(damaged, whole_size);
	fb_free(damaged);
	if (fb_journal_open(dir, size % 2 ? FB_JOURNAL_WRITE : FB_JOURNAL_READ, &j, &err) < 0) {
		judge(-1, &err);
		refused++;
		return 0;
	}
	opened++;
	read_lists(j);
	read_singles(j);
	if (size % 2)
		write_some(j);
	fb_journal_close(j);
	return 0;
}

#ifdef FB_FUZZ_STANDALONE
int main(int argc, char **argv)
{
	int runs = argc > 1 ? atoi(argv[1]) : 200;
	unsigned seed = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 20260120;

	printf("%d runs, seed %u\n", runs, seed);
	for (int i = 0; i < runs; i++) {
		uint8_t data[5 * 400];
		/* Few or many changes; every second input lies in the pages' headers, where the structure is. */
		size_t n = (size_t)(rand_r(&seed) % (i % 3 ? 20 : 400)) + 1;

		for (size_t b = 0; b < n * 5; b++)
			data[b] = (uint8_t)rand_r(&seed);
		for (size_t c = 0; i % 2 && c < n; c++) {
			data[c * 5] = (uint8_t)(rand_r(&seed) % 64);
			data[c * 5 + 1] &= 0xf0;
		}
		/* A spare byte makes it a writer. */
		LLVMFuzzerTestOneInput(data, n * 5 - (n * 5 % 2 == (size_t)(i / 2 % 2) ? 0 : 1));
	}
	printf("opened %u, refused %u, failures %u\n", opened, refused, failed);
	/* A sample that never got past the door, or never met damage, has shown nothing. */
	return runs >= 100 && (!opened || !failed);
}
#endif
