/* SPDX-License-Identifier: Apache-2.0 */
/* Analysis of logs: signatures, reader, findings and their order, and that every quote is what the file has. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "analysis/document.h"
#include "analysis/expression.h"
#include "analysis/index.h"
#include "analysis/lint.h"
#include "analysis/reader.h"
#include "analysis/suggest.h"
#include "analysis/trial.h"
#include "base/io.h"
#include "base/mem.h"

struct lab {
	char folder[64];
	struct fb_signatures signatures;
	struct fb_findings *findings;
	struct fb_ranking ranking;
	struct fb_errs errs, warnings;
};

static const char BASIC[] =
	"signatures = (\n"
	"  { id = \"port\"; category = \"port_in_use\"; weight = 95; parameter = \"port\"; match = \"EADDRINUSE.*:(?<port>[0-9]+)$\"; explains = [ \"crash\" ];\n"
	"    fixes = ( { priority = \"high\"; action = \"See who has port ${port}\"; command = \"ss -ltnp 'sport = :'${port}\"; } ); },\n"
	"  { id = \"died\"; category = \"crash\"; weight = 96; match = \"the server has died\"; },\n"
	"  { id = \"file\"; category = \"missing_file\"; weight = 90; parameter = \"path\"; match = \"cannot open %q(?<path>%s)%q\"; unless = \"optional\"; },\n"
	"  { id = \"tests\"; category = \"test_failure\"; role = \"wrapper\"; weight = 75; match = \"[0-9]+ tests? failed\"; },\n"
	"  { id = \"error\"; role = \"hint\"; weight = 30; match = \"\\\\berror\\\\b\"; },\n"
	"  { id = \"zero\"; role = \"noise\"; match = \"0 errors?\"; },\n"
	"  { id = \"well\"; role = \"success\"; match = \"all is well\"; },\n"
	"  { id = \"step\"; role = \"step\"; match = \"^step: \"; },\n"
	"  { id = \"exit\"; role = \"failure\"; weight = 40; match = \"exit code [1-9]\"; },\n"
	"  { id = \"end\"; role = \"end\"; match = \"^the job is over\"; } );\n";

static void write_file(const struct lab *l, const char *name, const char *text)
{
	char *path = fb_asprintf("%s/%s", l->folder, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
	fb_free(path);
}

static int open_bytes(const char *bytes, size_t n)
{
	int fd = memfd_create("log", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static int read_signatures(struct lab *l, const char *text)
{
	const char *folders[] = {l->folder, NULL};

	write_file(l, "basic.conf", text);
	return fb_signatures_read(folders, &l->signatures, &l->errs);
}

/* Analyses the bytes; green may be NULL. */
static const struct fb_candidate *analyze(struct lab *l, const char *bytes, size_t n, const char *green)
{
	int64_t size, lines;
	int fd;

	fb_findings_free(l->findings);
	assert_int_equal(fb_findings_new(&l->signatures, NULL, &l->findings, &l->errs), 0);
	if (green) {
		fd = open_bytes(green, strlen(green));
		assert_int_equal(fb_findings_learn(l->findings, fd), 0);
		close(fd);
	}
	fd = open_bytes(bytes, n);
	assert_int_equal(fb_findings_scan(l->findings, fd, &size, &lines), 0);
	close(fd);
	assert_int_equal(size, n);
	fb_rank(&l->signatures, l->findings, &l->ranking);
	for (size_t i = 0; i < l->ranking.n; i++)
		for (size_t k = 0; k < l->ranking.v[i].evidence_count; k++) {
			const struct fb_quote *q = &l->ranking.v[i].evidence[k]->quote;

			assert_true(q->offset >= 0 && (size_t)q->offset + q->length <= n);
			assert_memory_equal(q->text, bytes + q->offset, q->length);
			assert_null(memchr(q->text, 0x1b, q->length));
		}
	return l->ranking.n ? &l->ranking.v[0] : NULL;
}

static const struct fb_candidate *analyze_text(struct lab *l, const char *text)
{
	return analyze(l, text, strlen(text), NULL);
}

static int set_up(void **state)
{
	struct lab *l = fb_alloc(sizeof *l);

	strcpy(l->folder, "/tmp/fb-analysis-XXXXXX");
	assert_non_null(mkdtemp(l->folder));
	assert_int_equal(read_signatures(l, BASIC), 0);
	*state = l;
	return 0;
}

static int tear_down(void **state)
{
	struct lab *l = *state;

	fb_findings_free(l->findings);
	fb_signatures_clear(&l->signatures);
	fb_errs_clear(&l->errs);
	fb_errs_clear(&l->warnings);
	assert_int_equal(fb_io_remove_tree(l->folder), 0);
	fb_free(l);
	return 0;
}

static void the_cause_is_named_with_its_line_and_parameter(void **state)
{
	struct lab *l = *state;
	const struct fb_candidate *c = analyze_text(l, "begin\n\nlisten EADDRINUSE: address already in use :::3000\nend\n");

	assert_true(l->ranking.known);
	assert_string_equal(c->category, "port_in_use");
	assert_int_equal(c->evidence[0]->quote.line, 3);
	assert_int_equal(c->evidence[0]->quote.offset, 7);
	assert_string_equal(c->evidence[0]->parameters[0].value, "3000");
}

static void a_cause_explains_what_follows_from_it(void **state)
{
	struct lab *l = *state;
	const struct fb_candidate *c = analyze_text(l, "the server has died\nEADDRINUSE :::80\n");

	assert_string_equal(c->category, "port_in_use");
	c = analyze_text(l, "the server has died\n");
	assert_string_equal(c->category, "crash");
}

static void colours_and_progress_bars_are_seen_through(void **state)
{
	struct lab *l = *state;
	const struct fb_candidate *c = analyze_text(l, "10%\r20%\r\x1b[31mcannot \x1b[1mopen\x1b[0m \xe2\x80\x98/etc/shop.conf\xe2\x80\x99\r\nx\n");

	assert_string_equal(c->category, "missing_file");
	assert_string_equal(c->evidence[0]->parameters[0].value, "/etc/shop.conf");
	assert_int_equal(c->evidence[0]->quote.line, 1);
}

static void quotes_in_json_are_quotes(void **state)
{
	struct lab *l = *state;
	const struct fb_candidate *c = analyze_text(l, "{\"level\":50,\"msg\":\"cannot open \\\"/etc/a b\\\"\"}\n");

	assert_string_equal(c->evidence[0]->parameters[0].value, "/etc/a b");
}

static void a_line_that_unless_names_does_not_count(void **state)
{
	struct lab *l = *state;

	assert_null(analyze_text(l, "cannot open '/etc/x', which is optional\n"));
	assert_false(l->ranking.known);
}

static void noise_and_hints_make_no_cause(void **state)
{
	struct lab *l = *state;
	const struct fb_candidate *c = analyze_text(l, "0 error found\nan error that nobody knows\n");

	assert_false(l->ranking.known);
	assert_string_equal(c->category, "unknown");
	assert_int_equal(c->evidence_count, 1);
	assert_int_equal(c->evidence[0]->quote.line, 2);
}

static void what_successes_have_too_counts_less(void **state)
{
	struct lab *l = *state;
	const char *log = "12:01 cannot open '/etc/x' in 12 ms\n3 tests failed\n";
	const struct fb_candidate *c = analyze(l, log, strlen(log), "09:44 cannot open '/etc/x' in 9 ms\nfine\n");

	assert_false(l->ranking.known);
	c = analyze(l, log, strlen(log), NULL);
	assert_true(l->ranking.known);
	assert_string_equal(c->category, "missing_file");
}

static void a_verdict_that_all_went_well_outweighs_what_was_before_it(void **state)
{
	struct lab *l = *state;

	analyze_text(l, "cannot open '/etc/x'\nall is well\n");
	assert_false(l->ranking.known);
	analyze_text(l, "all is well\ncannot open '/etc/x'\n");
	assert_true(l->ranking.known);
	analyze_text(l, "cannot open '/etc/x'\nall is well\n3 tests failed\n");
	assert_true(l->ranking.known);
}

static void the_scan_finds_what_an_expression_matches(void **state)
{
	struct lab *l = *state;
	static const struct {
		const char *expression, *line;
	} pairs[] = {{"[^ :]+: no", "abc: no"}, {"(?<x>[^ ]+) ended", "a ended"}, {"([^]a]+|b)c", "bc"}, {"why: .+", "why: x"}, {"why: (?<w>.*)", "why: "}, {"x(a+)?", "x"}, {"(.*)y", "y"},
		     {"a[[:digit:]^]+", "a1"}, {"c\\+", "c+"}, {"c\\\\\\\\+", "c\\\\\\\\"}, {"p (?<m>.+?)", "p q"}, {"(?=ab)a.", "ab"}, {"\\[ERROR\\]+ z", "[ERROR] z"}};

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		char *text = fb_asprintf("signatures = ( { id = \"a\"; category = \"crash\"; match = \"%s\"; example = \"%s\"; counter_example = \"-\"; } );\n", pairs[i].expression, pairs[i].line);
		struct fb_database *d;

		fb_signatures_clear(&l->signatures);
		assert_int_equal(read_signatures(l, text), 0);
		assert_int_equal(fb_database_open(&l->signatures, NULL, &d, &l->errs), 0);
		if (fb_lint(&l->signatures, d, &l->errs, &l->warnings) < 0)
			fail_msg("%s: %s", pairs[i].expression, l->errs.v[0].text);
		fb_database_close(d);
		fb_free(text);
	}
}

static void a_log_of_any_shape_is_bounded(void **state)
{
	struct lab *l = *state;
	size_t n = 5u << 20;
	char *log = malloc(n);

	assert_non_null(log);
	memset(log, 'x', n); /* one line */
	memcpy(log + 3000000, "cannot open '/a'", 16);
	analyze(l, log, n, NULL);
	assert_true(l->ranking.known);
	for (size_t i = 0; i < n; i++)
		log[i] = (char)(i * 7919 >> 3);
	analyze(l, log, n, NULL);
	for (size_t i = 0; i + 20 < n; i += 20)
		memcpy(log + i, "cannot open '/a/b'\n\n", 20);
	analyze(l, log, n, NULL);
	assert_true(l->ranking.known);
	assert_int_equal(l->ranking.v[0].evidence[0]->quote.line, 1);
	free(log);
}

static void bad_bytes_are_not_quoted(void **state)
{
	struct lab *l = *state;
	static const char log[] = "\xff\xfe\x01 cannot open '/etc/\xc3\xa4' \xed\xa0\x80 \0 z\n";
	const struct fb_candidate *c = analyze(l, log, sizeof log - 1, NULL);
	json_t *d;

	assert_string_equal(c->evidence[0]->parameters[0].value, "/etc/\xc3\xa4");
	d = fb_analysis_document(&l->ranking, "x", 1, 1);
	assert_non_null(json_object_get(d, "root_cause"));
	assert_string_equal(json_string_value(json_object_get(json_object_get(d, "root_cause"), "type")), "missing_file");
	json_decref(d);
}

static void commands_quote_what_the_log_said(void **state)
{
	struct lab *l = *state;
	const struct fb_candidate *c = analyze_text(l, "EADDRINUSE :::3000\n");
	struct fb_finding f = *c->evidence[0];
	char *command;

	strcpy(f.parameters[0].value, "1; rm -rf ~");
	command = fb_rank_fill(f.signature->fixes[0].command, &f, true);
	assert_string_equal(command, "ss -ltnp 'sport = :''1; rm -rf ~'");
	fb_free(command);
	assert_null(fb_rank_fill("${nobody}", &f, true));
}

static void all_errors_are_found_at_once(void **state)
{
	struct lab *l = *state;

	fb_signatures_clear(&l->signatures);
	assert_int_equal(read_signatures(l, "signatures = (\n { id = \"a\"; category = \"crsh\"; match = \"x\"; },\n { id = \"b\"; category = \"crash\"; matsch = \"x\"; match = \"x\"; },\n"
						 " { id = \"c\"; category = \"crash\"; role = \"cuase\"; match = \"x\"; weight = 101; } );\n"),
			 -1);
	assert_int_equal(l->errs.n, 4);
	assert_non_null(strstr(l->errs.v[0].text, "did you mean crash"));
	assert_int_equal(l->errs.v[0].line, 2);
	assert_non_null(strstr(l->errs.v[1].text, "did you mean match"));
	assert_non_null(strstr(l->errs.v[2].text, "did you mean cause"));
}

static void lint_tries_examples_and_names(void **state)
{
	struct lab *l = *state;

	struct fb_database *d;

	assert_int_equal(fb_database_open(&l->signatures, NULL, &d, &l->errs), 0);
	assert_int_equal(fb_lint(&l->signatures, d, &l->errs, &l->warnings), 0);
	fb_database_close(d);
	assert_int_equal(l->warnings.n, 10);
	fb_signatures_clear(&l->signatures);
	assert_int_equal(read_signatures(l, "signatures = ( { id = \"a\"; category = \"crash\"; match = [ \"ab+c\", \"(\" ]; parameter = \"who\"; cause = \"${what}\"; explains = [ \"nobody\" ];\n"
						 " example = [ \"abbc\", \"ac\" ]; counter_example = [ \"abc\", \"x\" ]; } );\n"),
			 0);
	assert_int_equal(fb_lint(&l->signatures, NULL, &l->errs, &l->warnings), -1);
	assert_int_equal(l->errs.n, 6);
}

static void a_later_folder_takes_the_place(void **state)
{
	struct lab *l = *state;
	char *own = fb_asprintf("%s/own", l->folder), *path = fb_asprintf("%s/own/mine.conf", l->folder);
	const char *folders[] = {l->folder, own, NULL};
	struct fb_err err = {0};
	static const char text[] = "signatures = ( { id = \"port\"; category = \"lock\"; match = \"EADDRINUSE\"; } );";

	fb_signatures_clear(&l->signatures);
	assert_int_equal(fb_io_make_folders(own, 0700, &err), 0);
	assert_int_equal(fb_io_replace_file(path, text, strlen(text), 0600, &err), 0);
	assert_int_equal(fb_signatures_read(folders, &l->signatures, &l->errs), 0);
	assert_int_equal(l->signatures.n, 10);
	assert_string_equal(fb_signatures_find(&l->signatures, "port")->category, "lock");
	assert_null(fb_signatures_find(&l->signatures, "nobody"));
	fb_free(own);
	fb_free(path);
}

static void the_database_is_kept_and_a_damaged_one_is_not_used(void **state)
{
	struct lab *l = *state;
	char *cache = fb_asprintf("%s/cache", l->folder), *command;
	struct fb_database *d;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(fb_database_open(&l->signatures, cache, &d, &l->errs), 0);
		assert_int_equal(fb_database_count(d), 10);
		fb_database_close(d);
		command = fb_asprintf("set -e; cd %s; test $(ls | wc -l) = 1; %s", cache, i == 1 ? "f=$(ls); printf x | dd of=$f bs=1 seek=200 conv=notrunc status=none" : ":");
		assert_int_equal(system(command), 0);
		fb_free(command);
	}
	fb_free(cache);
}

static void what_is_outside_the_failed_step_counts_less(void **state)
{
	struct lab *l = *state;
	const struct fb_candidate *c = analyze_text(l, "step: one\nlisten EADDRINUSE: :::80\nstep: two\ncannot open 'cart.conf'\nexit code 2\nstep: clean up\nthe server has died\n");

	assert_string_equal(c->category, "missing_file");
	assert_true(l->ranking.known);
	c = analyze_text(l, "step: one\nlisten EADDRINUSE: :::80\nstep: two\nnothing is said\nexit code 2\n");
	assert_true(l->ranking.v[0].score < 90);
	c = analyze_text(l, "step: one\ncannot open 'cart.conf'\nexit code 2\nexit code 1\nstep: two\nlisten EADDRINUSE: :::80\nexit code 1\n");
	assert_int_equal(fb_findings_structure(l->findings)->count, 2);
	assert_int_equal(fb_findings_structure(l->findings)->windows[0].last_line, 4);
	assert_int_equal(fb_findings_structure(l->findings)->windows[1].line, 5);
	assert_non_null(c);
}

static void what_only_the_failed_step_has_is_found_however_often_others_have_it(void **state)
{
	struct lab *l = *state;
	struct fb_text t = {0};

	for (int i = 0; i < 50; i++)
		fb_text_puts(&t, "cannot open 'other.conf'\n");
	fb_text_puts(&t, "step: two\ncannot open 'cart.conf'\nexit code 2\nstep: three\ncannot open 'last.conf'\n");
	analyze(l, t.p, t.n, NULL);
	assert_true(l->ranking.known);
	assert_int_equal(l->ranking.v[0].evidence[0]->quote.line, 52);
	fb_text_clear(&t);
}

static void a_job_that_ends_without_a_failed_step_names_no_cause(void **state)
{
	struct lab *l = *state;

	analyze_text(l, "step: one\nlisten EADDRINUSE: :::80\nthe job is over\n");
	assert_false(l->ranking.known);
	analyze_text(l, "step: one\nlisten EADDRINUSE: :::80\nexit code 1\nthe job is over\n");
	assert_true(l->ranking.known);
}

static void what_runners_put_before_a_line_is_not_there(void **state)
{
	static const char *const prefixes[] = {"2026-11-22T12:34:56.1234567Z ", "2026-11-22T12:34:56.123456Z 01O ", "[12:34:56] ", "[2026-11-22T12:34:56.789Z] ", "12:34:56 ", "#12 3.456 ",
					       "web-1  | ", "build\tRun make\t2026-11-22T12:34:56.1234567Z ", "\357\273\2772026-11-22T12:34:56+01:00 ", "2026-11-22T12:34:56.1Z #12 3.456 "};
	struct lab *l = *state;

	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
		char *log = fb_asprintf("%sstep: one\n%scannot open 'cart.conf'\n%sexit code 1\n", prefixes[i], prefixes[i], prefixes[i]);

		analyze(l, log, strlen(log), NULL);
		assert_int_equal(fb_findings_structure(l->findings)->count, 1);
		assert_int_equal(fb_findings_structure(l->findings)->windows[0].line, 1);
		assert_string_equal(l->ranking.v[0].evidence[0]->quote.text, "cannot open 'cart.conf'");
		fb_free(log);
	}
}

static void hostile_bytes_are_bounded_and_harmless(void **state)
{
	static const char start[] = "\x1b]0;title\x07\x1b[2J\0\xff\xfe\xe2\x80 cannot open '\x1b[31mcart.conf\x1b[0m' \x1bP never ended";
	struct lab *l = *state;
	size_t n = 5u << 20;
	char *log = malloc(n);

	assert_non_null(log);
	memset(log, '\xe2', n);
	memcpy(log, start, sizeof start);
	memcpy(log + n - 80, "\nthe server has died\n", 21);
	analyze(l, log, n, NULL); /* checks each quote against the bytes */
	assert_true(l->ranking.n > 0);
	assert_string_equal(l->ranking.v[0].category, "crash");
	for (size_t i = 0; i < n; i++)
		log[i] = "\x1b[\0\r\x9c'\"\\"[i % 8];
	analyze(l, log, n, NULL);
	free(log);
}

static void a_drafted_signature_has_no_error_and_finds_its_line_with_other_numbers(void **state)
{
	static const char *const lines[] = {"ERROR: the frobnicator \"alpha\" at /srv/frob/x.conf is 12 units (of 100%) out of tune [code 7]", "panic: can't tune C:\\frob\\x $HOME ^2 {a} `b'", "fatal: 0xdeadbeef1 is no tuner"};
	struct lab *l = *state;

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		char *draft = fb_suggest(lines[i]);

		assert_non_null(draft);
		fb_signatures_clear(&l->signatures);
		if (read_signatures(l, draft) < 0)
			fail_msg("%s\n%s", l->errs.v[0].text, draft);
		assert_int_equal(fb_lint(&l->signatures, NULL, &l->errs, &l->warnings), 0);
		assert_int_equal(l->warnings.n, 0);
		fb_free(draft);
	}
	analyze_text(l, "fatal: 0x12 is no tuner\n");
	assert_int_equal(l->ranking.n, 1);
	assert_null(fb_suggest("12 34 /a/b/c"));
}

static void signatures_are_kept_as_they_were_read_until_a_file_changes(void **state)
{
	struct lab *l = *state;
	char *cache = fb_asprintf("%s/cache", l->folder), *file = fb_asprintf("%s/basic.conf", l->folder), *command;
	const char *folders[] = {l->folder, NULL};
	struct fb_signatures s;
	time_t deadline = time(NULL) + 30;

	/* a file that is younger than two seconds is not trusted to have another time when it changes again */
	assert_int_equal(fb_index_read(folders, cache, &s, &l->errs), 0);
	while (!s.map && time(NULL) < deadline) {
		fb_signatures_clear(&s);
		usleep(50000);
		assert_int_equal(fb_index_read(folders, cache, &s, &l->errs), 0);
	}
	assert_non_null(s.map);
	assert_int_equal(s.n, l->signatures.n);
	assert_string_equal(s.hash, l->signatures.hash);
	for (size_t i = 0; i < s.n; i++) {
		assert_string_equal(s.v[i].id, l->signatures.v[i].id);
		assert_string_equal(s.v[i].match[0], l->signatures.v[i].match[0]);
		assert_int_equal(s.v[i].role, l->signatures.v[i].role);
		assert_int_equal(s.v[i].weight, l->signatures.v[i].weight);
	}
	fb_signatures_clear(&s);
	command = fb_asprintf("for f in %s/*.index; do printf x | dd of=$f bs=1 seek=100 conv=notrunc status=none; done", cache);
	assert_int_equal(system(command), 0);
	assert_int_equal(fb_index_read(folders, cache, &s, &l->errs), 0);
	assert_null(s.map);
	fb_signatures_clear(&s);
	write_file(l, "basic.conf", "signatures = ( { id = \"other\"; category = \"crash\"; match = \"x\"; } );\n");
	assert_int_equal(fb_index_read(folders, cache, &s, &l->errs), 0);
	assert_int_equal(s.n, 1);
	fb_signatures_clear(&s);
	fb_free(command);
	fb_free(file);
	fb_free(cache);
}

static void a_trial_counts_right_and_wrong_by_category(void **state)
{
	struct lab *l = *state;
	struct fb_err err = {0};
	json_t *d;

	write_file(l, "labels.tsv", "id\tcategory\talso_accepted\na\tport_in_use\t\nb\tcrash\tport_in_use\nc\tcrash\t\n");
	write_file(l, "a.log", "listen EADDRINUSE: :::80\n");
	write_file(l, "b.log", "listen EADDRINUSE: :::80\n");
	write_file(l, "c.log", "cannot open 'cart.conf'\n");
	assert_int_equal(fb_findings_new(&l->signatures, NULL, &l->findings, &l->errs), 0);
	d = fb_trial(&l->signatures, l->findings, l->folder, &err);
	assert_non_null(d);
	assert_int_equal(json_integer_value(json_object_get(d, "right")), 2);
	assert_int_equal(json_integer_value(json_object_get(d, "logs")), 3);
	assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(d, "wrong"), 0), "found")), "missing_file");
	json_decref(d);
	write_file(l, "labels.tsv", "id\tcategory\n../a\tcrash\n");
	assert_null(fb_trial(&l->signatures, l->findings, l->folder, &err));
	assert_non_null(strstr(err.text, "no slash"));
	write_file(l, "labels.tsv", "name\tcategory\n");
	assert_null(fb_trial(&l->signatures, l->findings, l->folder, &err));
	assert_non_null(strstr(err.text, "first line"));
}

static void an_expression_that_takes_too_long_does_not_match(void **state)
{
	struct fb_expression *e;
	struct fb_err err = {0};
	char line[4000];

	(void)state;
	assert_int_equal(fb_expression_new("(a+)+$", &e, &err), 0);
	memset(line, 'a', sizeof line);
	line[sizeof line - 1] = 'b';
	assert_false(fb_expression_match(e, line, sizeof line, NULL, NULL, NULL, NULL));
	fb_expression_free(e);
	assert_int_equal(fb_expression_new("(", &e, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_cause_is_named_with_its_line_and_parameter, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_cause_explains_what_follows_from_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(colours_and_progress_bars_are_seen_through, set_up, tear_down),
		cmocka_unit_test_setup_teardown(quotes_in_json_are_quotes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_line_that_unless_names_does_not_count, set_up, tear_down),
		cmocka_unit_test_setup_teardown(noise_and_hints_make_no_cause, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_successes_have_too_counts_less, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_verdict_that_all_went_well_outweighs_what_was_before_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_scan_finds_what_an_expression_matches, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_log_of_any_shape_is_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bad_bytes_are_not_quoted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(commands_quote_what_the_log_said, set_up, tear_down),
		cmocka_unit_test_setup_teardown(all_errors_are_found_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lint_tries_examples_and_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_later_folder_takes_the_place, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_database_is_kept_and_a_damaged_one_is_not_used, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_outside_the_failed_step_counts_less, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_only_the_failed_step_has_is_found_however_often_others_have_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_job_that_ends_without_a_failed_step_names_no_cause, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_runners_put_before_a_line_is_not_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hostile_bytes_are_bounded_and_harmless, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_drafted_signature_has_no_error_and_finds_its_line_with_other_numbers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(signatures_are_kept_as_they_were_read_until_a_file_changes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_trial_counts_right_and_wrong_by_category, set_up, tear_down),
		cmocka_unit_test(an_expression_that_takes_too_long_does_not_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
