/* SPDX-License-Identifier: Apache-2.0 */
/* The progress view, the screen and the renderings: pure functions, so each test gives events or a document and reads lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/render.h"
#include "cli/screen.h"
#include "cli/view.h"

static const struct fb_style utf8_80 = {.width = 80, .utf8 = true};
static const struct fb_style utf8_120 = {.width = 120, .utf8 = true};
static const struct fb_style ascii_80 = {.width = 80};
static const struct fb_style colour_80 = {.width = 80, .utf8 = true, .colour = true};

struct fixture {
	struct fb_view *view;
	struct fb_text out;
	int64_t seq;
};

static int set_up(void **state)
{
	struct fixture *f = fb_alloc(sizeof *f);
	f->view = fb_view_new(false);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	fb_view_free(f->view);
	fb_text_clear(&f->out);
	fb_free(f);
	return 0;
}

static struct fb_event_row event(struct fixture *f, int64_t at_ms, const char *name, const char *link, const char *summary, const char *data)
{
	return (struct fb_event_row){.seq = ++f->seq, .execution = (char *)"x", .name = (char *)(uintptr_t)name, .link = (char *)(uintptr_t)link,
				     .summary = (char *)(uintptr_t)summary, .data = (char *)(uintptr_t)data, .at_ms = at_ms};
}

static const char *feed(struct fixture *f, const struct fb_style *s, int64_t at_ms, const char *name, const char *link, const char *summary, const char *data)
{
	struct fb_event_row e = event(f, at_ms, name, link, summary, data);
	fb_text_clear(&f->out);
	fb_view_event(f->view, s, &e, &f->out);
	return f->out.p ? f->out.p : "";
}

static const char *plain(struct fixture *f, int64_t at_ms, const char *name, const char *link, const char *summary, const char *data)
{
	struct fb_event_row e = event(f, at_ms, name, link, summary, data);
	fb_text_clear(&f->out);
	fb_view_plain(f->view, &utf8_80, &e, &f->out);
	return f->out.p ? f->out.p : "";
}

static const char *live(struct fixture *f, const struct fb_style *s, int64_t now_ms, int rows)
{
	fb_text_clear(&f->out);
	fb_view_live(f->view, s, now_ms, rows, &f->out);
	return f->out.p ? f->out.p : "";
}

static int lines_of(const char *text)
{
	int n = 0;
	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void a_chain_gets_its_heading_once(void **state)
{
	struct fixture *f = *state;
	assert_string_equal(feed(f, &utf8_80, 0, "link.started", "plan/1", "", "{\"chain\":\"plan\",\"title\":\"Build\"}"), "Plan\n");
	assert_string_equal(feed(f, &utf8_80, 0, "link.started", "plan/2", "", "{\"chain\":\"plan\",\"title\":\"Test\"}"), "");
	assert_string_equal(feed(f, &utf8_80, 0, "link.started", "recovery/1", "", "{\"title\":\"Traffic Protection\"}"), "Recovery\n");
}

static void a_finished_link_is_settled_and_leaves_the_live_lines(void **state)
{
	struct fixture *f = *state;
	feed(f, &utf8_80, 1000, "link.started", "plan/1", "", "{\"title\":\"Build\",\"attempt\":1}");
	assert_non_null(strstr(live(f, &utf8_80, 3300, 0), "Build"));
	const char *line = feed(f, &utf8_80, 4200, "link.completed", "plan/1", "", "{\"elapsed_ms\":3200}");
	assert_true(fb_has_prefix(line, "  ✓ Build  "));
	assert_non_null(strstr(line, "3.2 s"));
	assert_string_equal(live(f, &utf8_80, 4300, 0), "");
}

static void parallel_links_are_live_at_the_same_time(void **state)
{
	struct fixture *f = *state;
	feed(f, &utf8_80, 0, "link.started", "recovery/4.1", "", "{\"title\":\"Cleanup Resources\"}");
	feed(f, &utf8_80, 0, "link.started", "recovery/4.2", "", "{\"title\":\"Root Cause Analysis\"}");
	const char *lines = live(f, &utf8_80, 500, 0);
	assert_int_equal(lines_of(lines), 2);
	assert_non_null(strstr(lines, "Cleanup Resources"));
	assert_non_null(strstr(lines, "Root Cause Analysis"));
}

static void a_failure_shows_its_sentence_made_harmless(void **state)
{
	struct fixture *f = *state;
	feed(f, &utf8_80, 0, "link.started", "plan/7", "", "{\"title\":\"Deploy\"}");
	const char *line = feed(f, &utf8_120, 2900, "link.failed", "plan/7", "", "{\"elapsed_ms\":2900,\"message\":\"exit code 1\\u001b]0;owned\\u0007 \\u202eabc\"}");
	assert_non_null(strstr(line, "✗ Deploy"));
	assert_non_null(strstr(line, "exit code 1\\x1b]0;owned\\x07 \\u202eabc"));
	assert_null(strchr(line, '\033'));
	assert_null(strchr(line, '\a'));
}

static void a_long_failure_is_not_cut(void **state)
{
	struct fixture *f = *state;
	feed(f, &utf8_80, 0, "link.started", "plan/7", "", "{\"title\":\"Deploy\"}");
	const char *line = feed(f, &utf8_80, 2900, "link.failed", "plan/7", "",
				"{\"elapsed_ms\":2900,\"message\":\"the command exited with 1 after 2.9 s; its last line was: Cannot find module; see the log\"}");
	assert_int_equal(lines_of(line), 3);
	assert_non_null(strstr(line, "see the log\n"));
}

static void no_line_is_wider_than_the_terminal(void **state)
{
	struct fixture *f = *state;
	for (int width = 12; width <= 130; width++) {
		struct fb_style s = {.width = width, .utf8 = width % 2 == 0, .colour = width % 3 == 0};
		feed(f, &s, 0, "link.started", "plan/1", "", "{\"title\":\"部署到生产环境 with a title that is far too long for one line of any kind\"}");
		feed(f, &s, 0, "link.progress", "plan/1", "", "{\"basis_points\":4200,\"text\":\"拉取镜像 and more words than anybody needs to read in one line of progress, really\"}");
		feed(f, &s, 0, "impact.changed", NULL, "", "{\"requests\":1234567,\"failed\":3,\"source\":\"haproxy frontend web, with a long description of the place\"}");
		char *copy = fb_strdup(live(f, &s, 1500, 0));
		for (char *line = strtok(copy, "\n"); line; line = strtok(NULL, "\n"))
			assert_in_range(fb_style_width(line), 1, width);
		fb_free(copy);
		char *ended = fb_strdup(feed(f, &s, 100, "link.failed", "plan/1", "", "{\"message\":\"a sentence 很长 that does not end before the terminal does, whatever its width may be now\"}"));
		for (char *line = strtok(ended, "\n"); line; line = strtok(NULL, "\n"))
			assert_in_range(fb_style_width(line), 1, width);
		fb_free(ended);
	}
}

static void without_utf8_everything_is_ascii(void **state)
{
	struct fixture *f = *state;
	feed(f, &ascii_80, 0, "link.started", "plan/1", "", "{\"title\":\"Größe\"}");
	struct fb_text all = {0};
	fb_text_puts(&all, live(f, &ascii_80, 700, 0));
	fb_text_puts(&all, feed(f, &ascii_80, 900, "link.completed", "plan/1", "", "{\"elapsed_ms\":900}"));
	fb_text_puts(&all, feed(f, &ascii_80, 900, "deployment.failed", NULL, "Schritt 7 schlägt fehl", NULL));
	for (const char *p = all.p; *p; p++)
		assert_in_range((unsigned char)*p, 1, 127);
	assert_non_null(strstr(all.p, "+ Gr"));
	fb_text_clear(&all);
}

static void more_links_than_rows_are_counted(void **state)
{
	struct fixture *f = *state;
	char link[32];
	for (int i = 0; i < 40; i++) {
		snprintf(link, sizeof link, "plan/1.%d", i);
		feed(f, &utf8_80, 0, "link.started", link, "", "{\"title\":\"One of many\"}");
	}
	const char *lines = live(f, &utf8_80, 100, 8);
	assert_int_equal(lines_of(lines), 8);
	assert_non_null(strstr(lines, "and 33 more at work"));
}

static void a_retry_says_when_and_why(void **state)
{
	struct fixture *f = *state;
	feed(f, &utf8_80, 0, "link.started", "plan/3", "", "{\"title\":\"Pull\",\"attempt\":1}");
	feed(f, &utf8_80, 1000, "link.retrying", "plan/3", "", "{\"attempt\":2,\"wait_ms\":5000,\"message\":\"registry answered 503\"}");
	const char *line = live(f, &utf8_120, 2000, 0);
	assert_non_null(strstr(line, "↻ Pull"));
	assert_non_null(strstr(line, "attempt 2  again in 4"));
	assert_non_null(strstr(line, "registry answered 503"));
}

static void moments_of_a_recovery_tell_the_time_since_detection(void **state)
{
	struct fixture *f = *state;
	assert_false(fb_view_recovering(f->view));
	feed(f, &utf8_80, 10000, "rollback.started", NULL, "the watch failed", NULL);
	assert_true(fb_view_recovering(f->view));
	assert_string_equal(feed(f, &utf8_80, 10012, "rollback.traffic_safe", NULL, "no user is sent to 2.1 any more", NULL),
			    "  · no user is sent to 2.1 any more (12 ms after detection)\n");
}

static void an_undo_stays_under_the_heading_of_the_recovery(void **state)
{
	struct fixture *f = *state;
	feed(f, &utf8_80, 0, "link.started", "recovery/2", "", "{\"chain\":\"recovery\",\"title\":\"Restore\",\"attempt\":1,\"undo\":false}");
	assert_string_equal(feed(f, &utf8_80, 0, "link.started", "plan/1", "", "{\"chain\":\"undo\",\"title\":\"Build\",\"attempt\":4,\"undo\":true}"), "");
	const char *line = feed(f, &utf8_80, 30, "link.undone", "plan/1", "", "{\"elapsed_ms\":30}");
	assert_true(fb_has_prefix(line, "  ↺ Undo: Build "));
	assert_null(strstr(line, "attempt"));
	feed(f, &utf8_80, 0, "link.started", "plan/2", "", "{\"chain\":\"undo\",\"title\":\"Test\",\"undo\":true}");
	assert_string_equal(feed(f, &utf8_80, 0, "link.undone", "plan/2", "", "{\"skipped\":true}"), ""); /* there was nothing to undo */
	assert_string_equal(feed(f, &utf8_80, 0, "link.started", "recovery/3", "", "{\"chain\":\"recovery\",\"title\":\"Verify\"}"), "");
}

static void plain_lines_have_a_time_and_no_escape_codes(void **state)
{
	struct fixture *f = *state;
	assert_string_equal(plain(f, 1768906800250, "link.started", "plan/1", "", "{\"title\":\"Build\\u001b[31m\",\"attempt\":1}"),
			    "2026-01-20T11:00:00.250Z plan: Build\\x1b[31m: started\n");
	assert_string_equal(plain(f, 1768906801250, "link.progress", "plan/1", "", "{\"text\":\"42 of 80\"}"), "");
	assert_string_equal(plain(f, 1768906802250, "link.failed", "plan/1", "", "{\"elapsed_ms\":2000,\"message\":\"exit code 2\"}"),
			    "2026-01-20T11:00:02.250Z plan: Build\\x1b[31m: FAILED after 2.0 s: exit code 2\n");
	assert_string_equal(plain(f, 1768906802250, "impact.changed", NULL, NULL, "{\"requests\":12344,\"failed\":0,\"source\":\"haproxy web\"}"), "");
	assert_string_equal(plain(f, 1768906802250, "impact.changed", NULL, NULL, "{\"requests\":12345,\"failed\":1,\"source\":\"haproxy web\"}"),
			    "2026-01-20T11:00:02.250Z impact: 12,345 requests, 1 failed (haproxy web)\n");
	assert_string_equal(plain(f, 1768906802250, "link.started", "plan/1", "", "{\"title\":\"Build\",\"undo\":true}"), "");
	assert_string_equal(plain(f, 1768906802250, "link.undone", "plan/1", "", "{\"skipped\":true}"), "");
}

static void events_that_are_not_understood_do_no_harm(void **state)
{
	struct fixture *f = *state;
	assert_string_equal(feed(f, &utf8_80, 0, "link.completed", "plan/9", NULL, "not json"), "  ✓ plan/9                            0 ms\n");
	assert_string_equal(feed(f, &utf8_80, 0, "link.something-new", "plan/9", NULL, NULL), "");
	assert_string_equal(feed(f, &utf8_80, 0, "something.new", NULL, NULL, NULL), "");
	assert_string_equal(feed(f, &utf8_80, 0, "link.progress", NULL, NULL, "{}"), "");
	assert_string_equal(feed(f, &utf8_80, 0, "link.retrying", NULL, NULL, "[]"), "");
}

static void colours_are_closed_and_take_no_columns(void **state)
{
	(void)state;
	struct fb_text t = {0}, cut = {0};
	fb_style_put(&colour_80, &t, FB_TONE_BAD, "hello world");
	assert_int_equal(fb_style_width(t.p), 11);
	fb_style_cut(&colour_80, &cut, t.p, 6);
	assert_string_equal(cut.p, "\033[31mhello…\033[0m");
	fb_text_clear(&t);
	fb_text_clear(&cut);
}

static void wide_characters_take_two_columns_and_are_not_split(void **state)
{
	(void)state;
	struct fb_text cut = {0};
	assert_int_equal(fb_style_width("日本"), 4);
	assert_int_equal(fb_style_width("e\u0301"), 1);
	fb_style_cut(&utf8_80, &cut, "日本語", 4);
	assert_string_equal(cut.p, "日…");
	fb_text_clear(&cut);
}

static void bytes_that_are_not_utf8_become_visible(void **state)
{
	(void)state;
	struct fb_text t = {0};
	fb_style_safe(&utf8_80, &t, "a\xff" "b\xc0\xaf\xe2\x82" "c\xc2\x9b" "d\r\ne\tf");
	assert_string_equal(t.p, "a\\xffb\\xc0\\xaf\\xe2\\x82c\\x9bd e f");
	fb_text_clear(&t);
}

static void a_frame_moves_up_over_what_it_drew(void **state)
{
	(void)state;
	struct fb_screen s = {.fd = -1};
	struct fb_text t = {0};
	fb_text_puts(&s.drawn, "one\ntwo\n");
	fb_screen_compose(&s, 80, "done\n", "two\n", &t);
	assert_string_equal(t.p, "\r\033[2Adone\033[K\r\ntwo\033[K\r\n\033[J");
	fb_text_clear(&t);
	fb_text_clear(&s.drawn);
}

static void a_frame_counts_lines_that_a_narrower_terminal_has_folded(void **state)
{
	(void)state;
	struct fb_screen s = {.fd = -1};
	struct fb_text t = {0};
	fb_text_puts(&s.drawn, "0123456789\nshort\n");
	fb_screen_compose(&s, 4, "", "x\n", &t);
	assert_true(fb_has_prefix(t.p, "\r\033[5A"));
	fb_text_clear(&t);
	fb_text_clear(&s.drawn);
}

static void an_unchanged_frame_writes_nothing(void **state)
{
	(void)state;
	struct fb_screen s = {.fd = -1};
	struct fb_text t = {0};
	fb_text_puts(&s.drawn, "one\n");
	fb_screen_compose(&s, 80, "", "one\n", &t);
	assert_int_equal(t.n, 0);
	fb_text_clear(&t);
	fb_text_clear(&s.drawn);
}

static const char report_json[] =
	"{\"schema\":\"failback.report/1\",\"execution_id\":\"deploy-production-20260120t110000z-k3fa\",\"kind\":\"deploy\",\"title\":\"Deploy web | to <production>\","
	"\"environment\":\"production\",\"services\":[\"web\",\"api\"],\"status\":\"failed_with_rollback\",\"timestamp\":\"2026-01-20T11:00:00.000Z\",\"duration\":6.1,"
	"\"backup_created\":true,"
	"\"deployment\":{\"failed_at_step\":7,\"failed_step\":\"Deploy\",\"error\":\"Missing config file\",\"steps\":[{\"phase\":\"Deploy\",\"status\":\"failed\",\"duration\":2.9,"
	"\"message\":\"Missing config file\",\"attempts\":1}]},"
	"\"rollback\":{\"total_duration\":3.8,\"user_impact\":\"ZERO\",\"user_impact_detail\":{\"requests\":1204,\"failed\":0,\"source\":\"haproxy web\"},\"system_status\":\"STABLE\","
	"\"phases\":[{\"phase\":\"Traffic Protection\",\"status\":\"completed\",\"duration\":0.012,\"attempts\":1}]},"
	"\"clocks\":{\"traffic_safe\":{\"after_detection\":0.012},\"restored\":{\"after_detection\":0.05}},"
	"\"root_cause\":{\"type\":\"missing_file\",\"cause\":\"config/production.json is not there\",\"component\":\"web\",\"confidence\":0.93,"
	"\"evidence\":[{\"file\":\"logs/plan-7.log\",\"line\":12,\"offset\":345,\"length\":20,\"text\":\"Cannot find \\u001b[2J module\"}]},"
	"\"recommendations\":[{\"priority\":\"HIGH\",\"action\":\"Add config/production.json\",\"example\":\"echo '{\\\"port\\\": 3000}' > config/production.json\\ngit add config\"},"
	"{\"priority\":\"MEDIUM\",\"action\":\"Commit and push\",\"example\":\"a ``` fence\"}],"
	"\"members\":[],\"way_out\":[],\"evidence\":[],\"audit_head\":\"abc\"}";

static void the_summary_says_what_the_seeds_say(void **state)
{
	(void)state;
	json_t *r = json_loads(report_json, 0, NULL);
	struct fb_text t = {0};
	assert_non_null(r);
	fb_render_summary(&utf8_80, r, &t);
	assert_non_null(strstr(t.p, "Failed and rolled back: Deploy web"));
	assert_non_null(strstr(t.p, "Step 7 failed: Missing config file"));
	assert_non_null(strstr(t.p, "Rollback complete in 3.8 s"));
	assert_non_null(strstr(t.p, "User impact     ZERO: 0 of 1204 requests failed (haproxy web)"));
	assert_non_null(strstr(t.p, "System status   STABLE"));
	assert_non_null(strstr(t.p, "[HIGH] Add config/production.json\n      echo '{\"port\": 3000}' > config/production.json\n      git add config\n"));
	assert_non_null(strstr(t.p, "[MEDIUM] Commit and push"));
	fb_text_clear(&t);
	json_decref(r);
}

static void the_text_report_cites_its_evidence_harmlessly(void **state)
{
	(void)state;
	json_t *r = json_loads(report_json, 0, NULL);
	struct fb_text t = {0};
	fb_render_text(&utf8_80, r, &t);
	assert_non_null(strstr(t.p, "logs/plan-7.log:12 (20 bytes at 345)"));
	assert_non_null(strstr(t.p, "Cannot find \\x1b[2J module"));
	assert_non_null(strstr(t.p, "missing_file in web, confidence 93 %"));
	assert_non_null(strstr(t.p, "After detection users safe 12 ms, restored 50 ms"));
	assert_null(strchr(t.p, '\033'));
	fb_text_clear(&t);
	fb_render_text(&colour_80, r, &t);
	assert_non_null(strchr(t.p, '\033'));
	fb_text_clear(&t);
	json_decref(r);
}

static void the_markdown_is_a_rollback_log_entry(void **state)
{
	(void)state;
	json_t *r = json_loads(report_json, 0, NULL);
	struct fb_text t = {0};
	fb_render_markdown(r, &t);
	assert_true(fb_has_prefix(t.p, "### 2026-01-20 11:00 - Deploy web \\| to &lt;production&gt;\n"));
	assert_non_null(strstr(t.p, "- **Trigger**: Missing config file\n"));
	assert_non_null(strstr(t.p, "- **Severity**: Medium\n"));
	assert_non_null(strstr(t.p, "- **Scope**: web, api in production\n"));
	assert_non_null(strstr(t.p, "- **Rollback Time**: 3.8 s\n"));
	assert_non_null(strstr(t.p, "- **Downtime**: none: 0 of 1204 requests failed\n"));
	assert_non_null(strstr(t.p, "- **Root Cause**: config/production.json is not there\n"));
	assert_non_null(strstr(t.p, "- **Prevention**: Add config/production.json\n"));
	assert_non_null(strstr(t.p, "| Traffic Protection | completed | 12 ms |  |\n"));
	assert_non_null(strstr(t.p, "  ````\n  a ``` fence\n  ````\n"));
	fb_text_clear(&t);
	json_decref(r);
}

/* What is not measured is not said: an empty report must neither crash nor claim. */
static void an_empty_report_claims_nothing(void **state)
{
	(void)state;
	json_t *r = json_pack("{s:{}, s:{}, s:n}", "rollback", "deployment", "root_cause");
	struct fb_text t = {0};
	fb_render_text(&utf8_80, r, &t);
	fb_render_summary(&ascii_80, r, &t);
	fb_render_markdown(r, &t);
	assert_null(strstr(t.p, "ZERO"));
	assert_null(strstr(t.p, "STABLE"));
	assert_non_null(strstr(t.p, "UNKNOWN: no counters were there to measure it"));
	assert_non_null(strstr(t.p, "- **Downtime**: not measured\n"));
	fb_text_clear(&t);
	json_decref(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_chain_gets_its_heading_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_finished_link_is_settled_and_leaves_the_live_lines, set_up, tear_down),
		cmocka_unit_test_setup_teardown(parallel_links_are_live_at_the_same_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_failure_shows_its_sentence_made_harmless, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_long_failure_is_not_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_line_is_wider_than_the_terminal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_utf8_everything_is_ascii, set_up, tear_down),
		cmocka_unit_test_setup_teardown(more_links_than_rows_are_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_retry_says_when_and_why, set_up, tear_down),
		cmocka_unit_test_setup_teardown(moments_of_a_recovery_tell_the_time_since_detection, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_undo_stays_under_the_heading_of_the_recovery, set_up, tear_down),
		cmocka_unit_test_setup_teardown(plain_lines_have_a_time_and_no_escape_codes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(events_that_are_not_understood_do_no_harm, set_up, tear_down),
		cmocka_unit_test(colours_are_closed_and_take_no_columns),
		cmocka_unit_test(wide_characters_take_two_columns_and_are_not_split),
		cmocka_unit_test(bytes_that_are_not_utf8_become_visible),
		cmocka_unit_test(a_frame_moves_up_over_what_it_drew),
		cmocka_unit_test(a_frame_counts_lines_that_a_narrower_terminal_has_folded),
		cmocka_unit_test(an_unchanged_frame_writes_nothing),
		cmocka_unit_test(the_summary_says_what_the_seeds_say),
		cmocka_unit_test(the_text_report_cites_its_evidence_harmlessly),
		cmocka_unit_test(the_markdown_is_a_rollback_log_entry),
		cmocka_unit_test(an_empty_report_claims_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
