/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of tools' messages and the lines that explain a failure: where they begin and end, and that they are what the file has. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "analysis/document.h"
#include "analysis/lint.h"
#include "base/io.h"
#include "base/mem.h"

struct lab {
	char folder[64];
	struct fb_signatures signatures;
	struct fb_findings *findings;
	struct fb_blocks *blocks;
	struct fb_ranking ranking;
	struct fb_errs errs;
};

static const char SIGNATURES[] =
	"signatures = (\n"
	"  { id = \"test\"; category = \"test_failure\"; weight = 90; match = \"wanted [0-9]+, found [0-9]+\"; },\n"
	"  { id = \"file\"; category = \"missing_file\"; weight = 90; match = \"cannot open\"; },\n"
	"  { id = \"hint\"; role = \"hint\"; weight = 30; match = \"oops\"; } );\n";

static const char BLOCKS[] =
	"blocks = (\n"
	"  { id = \"check\"; component = \"shopctl\"; level = 3; lines = 100; start = \"^check .* failed:$\"; more = \"^([ ]|$)\"; },\n"
	"  { id = \"trace\"; level = 1; start = \"^trace:\"; more = \"^ \"; lead = \"^#\"; last = \"^ end$\"; } );\n";

static void write_file(const struct lab *l, const char *name, const char *text)
{
	char *path = fb_asprintf("%s/%s", l->folder, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	fb_free(path);
}

static int set_up(void **state)
{
	struct lab *l = fb_alloc(sizeof *l);
	const char *folders[] = {l->folder, NULL};

	strcpy(l->folder, "/tmp/fb-blocks-XXXXXX");
	assert_non_null(mkdtemp(l->folder));
	write_file(l, "a.conf", SIGNATURES);
	write_file(l, "a.blocks", BLOCKS);
	assert_int_equal(fb_signatures_read(folders, &l->signatures, &l->errs), 0);
	assert_int_equal(fb_blocks_read(folders, &l->blocks, &l->errs), 0);
	assert_int_equal(fb_findings_new(&l->signatures, NULL, &l->findings, &l->errs), 0);
	fb_findings_use(l->findings, l->blocks);
	*state = l;
	return 0;
}

static int tear_down(void **state)
{
	struct lab *l = *state;

	fb_findings_free(l->findings);
	fb_blocks_free(l->blocks);
	fb_signatures_clear(&l->signatures);
	fb_errs_clear(&l->errs);
	fb_io_remove_tree(l->folder);
	fb_free(l);
	return 0;
}

static int open_bytes(const char *bytes, size_t n)
{
	int fd = memfd_create("log", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void learn(struct lab *l, const char *green)
{
	int fd = open_bytes(green, strlen(green));

	assert_int_equal(fb_findings_learn(l->findings, fd), 0);
	close(fd);
}

static const struct fb_place *analyze(struct lab *l, const char *bytes, size_t n)
{
	int64_t size, lines;
	int fd = open_bytes(bytes, n);
	const struct fb_place *b;

	fb_findings_forget(l->findings);
	assert_int_equal(fb_findings_scan(l->findings, fd, &size, &lines), 0);
	close(fd);
	fb_rank(&l->signatures, l->findings, &l->ranking);
	assert_true(l->ranking.n > 0);
	b = &l->ranking.v[0].evidence[0]->block;
	if (b->quote) {
		assert_true(b->quote->offset >= b->offset && b->quote->offset + (int64_t)b->quote->length <= b->end && (size_t)b->end <= n);
		assert_memory_equal(b->quote->text, bytes + b->quote->offset, b->quote->length);
	}
	return b;
}

static const struct fb_place *analyze_text(struct lab *l, const char *text)
{
	return analyze(l, text, strlen(text));
}

static void a_finding_is_told_with_the_block_that_it_stands_in(void **state)
{
	struct lab *l = *state;
	const struct fb_place *b = analyze_text(l, "begin\ncheck stock failed:\n\n  wanted 3, found 2\n  at stock.sh:4\n\nend\n");
	json_t *d, *e;

	assert_string_equal(b->kind->id, "check");
	assert_int_equal(b->line, 2);
	assert_int_equal(b->last_line, 5);
	assert_string_equal(b->quote->text, "check stock failed:\n\n  wanted 3, found 2\n  at stock.sh:4");
	assert_int_equal(b->quote->line, 2);
	assert_int_equal(b->quote->last_line, 5);
	d = fb_analysis_document(&l->ranking, "x", 1, 1);
	e = json_object_get(json_object_get(d, "root_cause"), "evidence");
	assert_int_equal(json_array_size(e), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(e, 0), "text")), "wanted 3, found 2");
	assert_null(json_object_get(json_array_get(e, 0), "block"));
	assert_string_equal(json_string_value(json_object_get(json_array_get(e, 1), "block")), "check");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(e, 1), "last_line")), 5);
	assert_string_equal(json_string_value(json_object_get(json_object_get(json_object_get(d, "root_cause"), "block"), "component")), "shopctl");
	json_decref(d);
}

static void times_before_lines_do_not_hide_a_block_and_are_quoted(void **state)
{
	struct lab *l = *state;
	const struct fb_place *b = analyze_text(l, "2026-11-22T12:00:00Z check a failed:\r\n2026-11-22T12:00:01Z   wanted 3, found 2\r\n2026-11-22T12:00:02Z end\r\n");

	assert_string_equal(b->kind->id, "check");
	assert_string_equal(b->quote->text, "2026-11-22T12:00:00Z check a failed:\r\n2026-11-22T12:00:01Z   wanted 3, found 2");
}

static void lines_with_escapes_are_not_in_the_quote_and_are_in_the_block(void **state)
{
	struct lab *l = *state;
	const struct fb_place *b = analyze_text(l, "check a failed:\n  \x1b[31mred\x1b[0m\n  more\n  wanted 3, found 2\n  \x1b]0;owned\x07x\nend\n");

	assert_int_equal(b->line, 1);
	assert_int_equal(b->last_line, 5);
	assert_string_equal(b->quote->text, "  more\n  wanted 3, found 2");
	b = analyze_text(l, "check a failed:\n  \x1b[31mwanted 3, found 2\x1b[0m\nend\n");
	assert_non_null(b->kind);
	assert_null(b->quote);
}

static void what_is_above_and_the_last_line_belong_to_a_block(void **state)
{
	struct lab *l = *state;
	const struct fb_place *b = analyze_text(l, "x\n# one\n# two\ntrace:\n cannot open it\n end\n more\n");

	assert_string_equal(b->quote->text, "# one\n# two\ntrace:\n cannot open it\n end");
	b = analyze_text(l, "trace:\n end\n cannot open it\n");
	assert_null(b->kind);
}

static void the_higher_block_holds_the_lower_one(void **state)
{
	struct lab *l = *state;
	const struct fb_place *b = analyze_text(l, "check a failed:\n  first\n  trace:\n  wanted 3, found 2\n");

	assert_string_equal(b->kind->id, "check");
}

static void a_quote_has_bounds_and_holds_its_line(void **state)
{
	struct lab *l = *state;
	struct fb_text t = {0};
	const struct fb_place *b;

	fb_text_puts(&t, "check a failed:\n");
	for (int i = 0; i < 95; i++)
		fb_text_puts(&t, i == 50 ? "  wanted 3, found 2\n" : "  something else that is rather long, and says nothing of interest to anybody at all\n");
	b = analyze(l, t.p, t.n);
	assert_int_equal(b->line, 1);
	assert_int_equal(b->last_line, 96);
	assert_true(b->quote->length <= FB_SPAN_SIZE && b->quote->last_line - b->quote->line < FB_SPAN_LINES);
	assert_true(b->quote->line <= 52 && b->quote->last_line >= 52);
	assert_non_null(strstr(b->quote->text, "wanted 3, found 2"));
	fb_text_clear(&t);
}

/* The reader gives a log in pieces: wherever one ends, a block is whole. */
static void a_block_is_found_across_the_ends_of_what_is_read(void **state)
{
	struct lab *l = *state;
	static const char block[] = "check a failed:\n  wanted 3, found 2\n  at stock.sh:4\n";
	size_t n = 3 * FB_READER_BLOCK;
	char *log = malloc(n);

	assert_non_null(log);
	for (size_t shift = 0; shift < sizeof block + 20; shift += 3) {
		const struct fb_place *b;

		memset(log, 'x', n);
		for (size_t i = 63; i < n; i += 64)
			log[i] = '\n';
		log[FB_READER_BLOCK - shift - 1] = '\n';
		memcpy(log + FB_READER_BLOCK - shift, block, sizeof block - 1);
		b = analyze(l, log, n);
		assert_string_equal(b->kind->id, "check");
		assert_int_equal(b->offset, FB_READER_BLOCK - shift);
		assert_int_equal(b->end, FB_READER_BLOCK - shift + sizeof block - 2);
		assert_string_equal(b->quote->text, "check a failed:\n  wanted 3, found 2\n  at stock.sh:4");
		assert_int_equal(b->quote->line + 1, l->ranking.v[0].evidence[0]->quote.line);
	}
	free(log);
}

static void what_is_wrong_in_a_file_of_blocks_is_said(void **state)
{
	struct lab *l = *state;
	const char *folders[] = {l->folder, NULL};
	struct fb_blocks *b;

	write_file(l, "a.blocks", "blocks = (\n { id = \"a\"; strat = \"x\"; start = \"x\"; end = \"y\"; },\n { id = \"b\"; start = \"x\"; },\n { start = \"x\"; more = \"y\"; },\n { id = \"c\"; start = \"x\"; end = \"y\"; lines = 4000; } );\n");
	assert_int_equal(fb_blocks_read(folders, &b, &l->errs), -1);
	assert_int_equal(l->errs.n, 4);
	assert_non_null(strstr(l->errs.v[0].text, "did you mean start"));
	assert_int_equal(l->errs.v[1].line, 3);
	fb_blocks_free(b);
	fb_errs_clear(&l->errs);
	write_file(l, "a.blocks", "blocks = (\n { id = \"a\"; start = \"(\"; end = \"y\"; },\n { id = \"b\"; start = \"^b\"; more = \"^ \"; example = [ \"b\", \" c\", \" d\" ]; rest = 1; },\n { id = \"c\"; start = \"^c\"; more = \"^ \"; } );\n");
	assert_int_equal(fb_blocks_read(folders, &b, &l->errs), 0);
	assert_int_equal(fb_blocks_lint(b, &l->errs), -1);
	assert_int_equal(l->errs.n, 3);
	assert_non_null(strstr(l->errs.v[1].text, "bytes 0 to 7 are found, not 0 to 4"));
	fb_blocks_free(b);
}

static size_t excerpt(struct lab *l, const char *log, const struct fb_excerpt_run **ret)
{
	int64_t left_out;
	size_t n;

	(void)analyze_text(l, log);
	*ret = fb_excerpt_runs(fb_findings_excerpt(l->findings), &n, &left_out);
	assert_int_equal(left_out, 0);
	return n;
}

static void lines_that_no_success_has_are_kept_where_an_error_is_near(void **state)
{
	struct lab *l = *state;
	const struct fb_excerpt_run *r;
	static const char log[] = "fetching stock 17\nchosen warehouse: Bern\n"
				  "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm\n"
				  "shelf is crooked\n\ncannot open the stock\n  unusual remark\nall is counted 4\nfetching stock 18\n";

	learn(l, "fetching stock 4\na\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm\nall is counted 9\n");
	assert_int_equal(excerpt(l, log, &r), 1);
	assert_int_equal(r[0].line, 16);
	assert_int_equal(r[0].last_line, 19);
	assert_int_equal(r[0].offset, strstr(log, "shelf") - log);
	assert_int_equal(r[0].end, strstr(log, "\nall is") - log);
}

static void a_stack_trace_is_kept_although_successes_have_its_lines(void **state)
{
	struct lab *l = *state;
	const struct fb_excerpt_run *r;

	learn(l, "warm up\n\tat shop.Cart.total(Cart.java:9)\n\tat shop.Main.main(Main.java:4)\n");
	assert_int_equal(excerpt(l, "warm up\nfatal: cannot open the drawer\n\tat shop.Cart.total(Cart.java:9)\n\tat shop.Main.main(Main.java:4)\nwarm up\n", &r), 1);
	assert_int_equal(r[0].line, 2);
	assert_int_equal(r[0].last_line, 4);
}

static void the_document_has_the_excerpt_and_its_reasons(void **state)
{
	struct lab *l = *state;
	json_t *x, *one;
	static const char log[] = "quiet\ncheck a failed:\n  wanted 3, found 2\nquiet\n";

	(void)analyze_text(l, log);
	x = fb_analysis_excerpt(&l->ranking, fb_findings_excerpt(l->findings), "the.log"); /* without a success: the block */
	assert_int_equal(json_array_size(x), 1);
	one = json_array_get(x, 0);
	assert_string_equal(json_string_value(json_object_get(one, "why")), "cause");
	assert_string_equal(json_string_value(json_object_get(one, "file")), "the.log");
	assert_int_equal(json_integer_value(json_object_get(one, "line")), 2);
	assert_int_equal(json_integer_value(json_object_get(one, "last_line")), 3);
	assert_int_equal(json_integer_value(json_object_get(one, "offset")), 6);
	assert_int_equal(json_integer_value(json_object_get(one, "length")), strlen(log) - 6 - 7);
	json_decref(x);
	learn(l, log);
	(void)analyze_text(l, log);
	x = fb_analysis_excerpt(&l->ranking, fb_findings_excerpt(l->findings), "the.log"); /* nothing is new */
	assert_int_equal(json_array_size(x), 0);
	json_decref(x);
}

static void what_was_learned_is_bounded_and_tells_lines_but_for_numbers(void **state)
{
	struct fb_familiar f = {0};
	char line[64];

	(void)state;
	fb_familiar_learn(&f, "Took 12 ms in /tmp/a1b2", 23);
	assert_true(fb_familiar_has(&f, fb_familiar_shape("took  3456 ms in /tmp/x9", 24)));
	assert_false(fb_familiar_has(&f, fb_familiar_shape("Took 12 s in /tmp/a1b2", 22)));
	assert_false(fb_familiar_new_word(&f, "in took tmp 7", 13));
	assert_true(fb_familiar_new_word(&f, "in took tmps", 12));
	for (int i = 0; i < 1200000; i++) {
		int n = i, k = 0;

		do
			line[k++] = (char)('a' + n % 26);
		while ((n /= 26));
		fb_familiar_learn(&f, line, (size_t)k);
	}
	assert_true(f.count <= FB_FAMILIAR_MOST && f.room <= 4 * FB_FAMILIAR_MOST);
	fb_familiar_clear(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_finding_is_told_with_the_block_that_it_stands_in, set_up, tear_down),
		cmocka_unit_test_setup_teardown(times_before_lines_do_not_hide_a_block_and_are_quoted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lines_with_escapes_are_not_in_the_quote_and_are_in_the_block, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_above_and_the_last_line_belong_to_a_block, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_higher_block_holds_the_lower_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_quote_has_bounds_and_holds_its_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_block_is_found_across_the_ends_of_what_is_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_wrong_in_a_file_of_blocks_is_said, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lines_that_no_success_has_are_kept_where_an_error_is_near, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_stack_trace_is_kept_although_successes_have_its_lines, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_document_has_the_excerpt_and_its_reasons, set_up, tear_down),
		cmocka_unit_test(what_was_learned_is_bounded_and_tells_lines_but_for_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
