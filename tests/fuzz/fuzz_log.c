/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a log: what is quoted are bytes of it that are harmless on a terminal, in lines that it has. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "analysis/rank.h"
#include "analysis/reader.h"
#include "base/io.h"
#include "tests/fuzz/fuzz.h"

const char *const fuzz_words[] = {"\n", "\r", "\x1b[31m", "\x1b]0;", "\x07", "\xe2\x80\x98", "\xff", "\\\"", "2026-11-22T12:34:56.1Z ", "[12:34:56] ", "#12 3.4 ", "web-1  | ", "\t", "error: ", "cannot open 'x'",
				  "step: ", "exit code 1", "all is well", "over", "0 errors", NULL};

static const char SIGNATURES[] = "signatures = (\n"
				 "  { id = \"a\"; category = \"missing_file\"; parameter = \"path\"; match = \"cannot open %q(?<path>%s)%q\"; unless = \"optional\"; explains = [ \"crash\" ]; },\n"
				 "  { id = \"b\"; category = \"crash\"; role = \"wrapper\"; weight = 90; match = \"error: (?<what>.+)\"; },\n"
				 "  { id = \"c\"; role = \"hint\"; weight = 30; match = \"[a-z]\"; },\n"
				 "  { id = \"d\"; role = \"noise\"; match = \"0 errors\"; },\n"
				 "  { id = \"e\"; role = \"success\"; match = \"all is well\"; },\n"
				 "  { id = \"f\"; role = \"step\"; match = \"^step: \"; },\n"
				 "  { id = \"g\"; role = \"failure\"; match = \"exit code 1\"; },\n"
				 "  { id = \"h\"; role = \"end\"; match = \"^over\"; } );\n";

static const char BLOCKS[] = "blocks = ( { id = \"a\"; start = \"^[a-m]\"; more = \"^[ \\t]\"; lead = \"^#\"; }, { id = \"b\"; level = 2; lines = 9; start = \"error\"; end = \"^$\"; last = \"z\"; } );\n";

struct input {
	const uint8_t *data;
	size_t size;
	int64_t offset; /* so far the log was given */
};

static void on_block(void *ctx, const struct fb_log_block *b)
{
	struct input *in = ctx;
	int64_t before = -1;

	if (b->offset > in->offset || b->line < 1 || b->fresh > b->n || memcmp(b->raw, in->data + b->offset, b->raw_n) || memchr(b->text, 0, b->n) || memchr(b->text, 0x1b, b->n))
		abort();
	for (size_t i = 0; i < b->n; i++) {
		int64_t at = fb_log_offset(b, i);

		if (at <= before || at < b->offset || (size_t)at >= (size_t)b->offset + b->raw_n || (b->text[i] >= 'A' && b->text[i] != (char)in->data[at]))
			abort();
		before = at;
	}
	if (b->offset + (int64_t)b->raw_n < in->offset || (b->fresh < b->n && b->fresh && fb_log_offset(b, b->fresh) < in->offset))
		abort();
	for (size_t i = 0; i < b->n; i++)
		if (fb_log_text(b, fb_log_offset(b, i)) != i)
			abort();
	in->offset = b->offset + (int64_t)b->raw_n;
}

static void check(const struct input *in, const struct fb_finding *f)
{
	const struct fb_quote *q = &f->quote;

	if (q->offset < 0 || !q->length || (size_t)q->offset + q->length > in->size || memcmp(q->text, in->data + q->offset, q->length) || strlen(q->text) != q->length || q->line < 1)
		abort();
	for (size_t i = 0; i < q->length; i++)
		if (((unsigned char)q->text[i] < 0x20 && q->text[i] != '\t') || q->text[i] == 0x7f)
			abort();
}

static void check_block(const struct input *in, const struct fb_finding *f)
{
	const struct fb_place *b = &f->block;
	const struct fb_span *q = b->quote;

	if (b->kind && (b->offset < 0 || b->end <= b->offset || (size_t)b->end > in->size || b->line < 1 || b->last_line < b->line))
		abort();
	if (q && (q->offset < b->offset || q->offset + (int64_t)q->length > b->end || q->length > FB_SPAN_SIZE || memcmp(q->text, in->data + q->offset, q->length) || q->line < b->line || q->last_line > b->last_line ||
		  memchr(q->text, 0x1b, q->length) || memchr(q->text, 0, q->length)))
		abort();
}

static void check_excerpt(const struct input *in, const struct fb_excerpt *x)
{
	int64_t before = -1, left_out;
	size_t n;
	const struct fb_excerpt_run *r = fb_excerpt_runs(x, &n, &left_out);

	for (size_t i = 0; i < n; i++) {
		if (r[i].offset <= before || r[i].end < r[i].offset || (size_t)r[i].end > in->size || r[i].line < 1 || r[i].last_line < r[i].line)
			abort();
		before = r[i].end;
	}
}

static void learn(struct fb_findings *f)
{
	static const char green[] = "step: build\nall is well\n";
	int fd = memfd_create("green", MFD_CLOEXEC);

	if (fd < 0 || write(fd, green, sizeof green - 1) != (ssize_t)sizeof green - 1 || lseek(fd, 0, SEEK_SET) || fb_findings_learn(f, fd) < 0)
		abort();
	close(fd);
}

static struct fb_findings *make(struct fb_signatures *s)
{
	char folder[] = "/tmp/fuzz-log-XXXXXX", path[64];
	const char *folders[] = {folder, NULL};
	struct fb_errs errs = {0};
	struct fb_findings *f = NULL;
	struct fb_blocks *blocks;
	FILE *file;

	if (!mkdtemp(folder))
		abort();
	snprintf(path, sizeof path, "%s/a.conf", folder);
	if (!(file = fopen(path, "w")) || fputs(SIGNATURES, file) < 0 || fclose(file))
		abort();
	snprintf(path, sizeof path, "%s/a.blocks", folder);
	if (!(file = fopen(path, "w")) || fputs(BLOCKS, file) < 0 || fclose(file))
		abort();
	if (fb_signatures_read(folders, s, &errs) < 0 || fb_findings_new(s, NULL, &f, &errs) < 0 || fb_blocks_read(folders, &blocks, &errs) < 0)
		abort();
	fb_findings_use(f, blocks);
	learn(f);
	fb_io_remove_tree(folder);
	return f;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fb_signatures signatures;
	static struct fb_findings *findings;
	struct input in = {.data = data, .size = size};
	struct fb_ranking ranking;
	int64_t bytes, lines;
	int fd = memfd_create("log", MFD_CLOEXEC);

	if (!findings)
		findings = make(&signatures);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) || fb_log_read(fd, on_block, &in, &bytes, &lines) < 0 || bytes != (int64_t)size)
		abort();
	fb_findings_forget(findings);
	if (lseek(fd, 0, SEEK_SET) || fb_findings_scan(findings, fd, &bytes, &lines) < 0)
		abort();
	close(fd);
	fb_rank(&signatures, findings, &ranking);
	for (size_t i = 0; i < ranking.n; i++)
		for (size_t k = 0; k < ranking.v[i].evidence_count; k++)
			check(&in, ranking.v[i].evidence[k]), check_block(&in, ranking.v[i].evidence[k]);
	check_excerpt(&in, fb_findings_excerpt(findings));
	return 0;
}
