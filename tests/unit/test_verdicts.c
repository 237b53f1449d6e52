/* SPDX-License-Identifier: Apache-2.0 */
/* What people say of causes: kept, replaced, found again for executions of the same services, and the deployments that mended them. */
#include "journal_fixture.h"

#include <jansson.h>

#include "recovery/learned.h"

static struct fb_verdict_row word(const char *execution, const char *verdict, const char *type)
{
	char *const v[] = {(char *)(uintptr_t)execution, (char *)(uintptr_t)verdict, (char *)(uintptr_t)type};

	return (struct fb_verdict_row){.execution = v[0], .verdict = v[1], .type = v[2], .by = (char *)(uintptr_t)"user ops", .said_type = (char *)(uintptr_t)"timeout",
				       .said_signature = (char *)(uintptr_t)"wait-timeout"};
}

/* An execution that has ended, in a journal of its own. */
static void past(struct fixture *f, const char *id, const char *environment, const char *service, const char *status, const char *release, const char *cause)
{
	const char *const services[] = {service, NULL};
	const struct fb_execution_new e = {.id = id, .kind = "deploy", .environment = environment, .status = "running", .title = "Deploy", .release = release, .frozen = "{}",
					   .services = services};
	struct fb_journal *j = fixture_open(f, FB_JOURNAL_WRITE);
	struct fb_conflict unused;
	char *data = cause ? fb_asprintf("{\"reported\":{\"root_cause\":%s}}", cause) : NULL;
	struct fb_link_row l = {.id = (char *)(uintptr_t)"recovery/5", .chain = (char *)(uintptr_t)"recovery", .name = (char *)(uintptr_t)"analyze", .title = (char *)(uintptr_t)"Analyze",
				.plugin = (char *)(uintptr_t)"analyze", .status = (char *)(uintptr_t)"completed", .data = data, .seq = 1, .attempt = 1, .started_ms = 1, .ended_ms = 2};

	OK(fb_journal_start(j, &e, &unused, &f->err));
	if (cause)
		OK(fb_journal_link(j, &l, &f->err));
	OK(fb_journal_status(j, status, true, 0, &f->err));
	fb_free(data);
	fb_journal_close(j);
}

static const char *text(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

static void a_word_is_recorded_once_and_a_later_one_takes_its_place(void **state)
{
	struct fixture *f = *state;
	struct fb_verdict_row *v, w = word("a", "confirmed", "timeout");
	json_t *d;
	size_t n;

	past(f, "a", "production", "web", "failed_with_rollback", "2", NULL);
	OK(fb_journal_verdict(f->j, &w, &f->err));
	assert_int_equal(fb_journal_verdict(f->j, &w, &f->err), 1);
	w = word("a", "corrected", "disk_full");
	w.fix = (char *)(uintptr_t)"empty /var";
	OK(fb_journal_verdict(f->j, &w, &f->err));
	assert_int_equal(fb_journal_verdict(f->j, &w, &f->err), 1);
	w.fix = (char *)(uintptr_t)"empty /tmp";
	OK(fb_journal_verdict(f->j, &w, &f->err));
	OK(fb_journal_verdicts(f->j, "a", &v, &n, &f->err));
	assert_int_equal(n, 3);
	assert_string_equal(v[0].fix, "empty /tmp");
	assert_string_equal(v[2].verdict, "confirmed");
	assert_string_equal(v[0].said_signature, "wait-timeout");
	assert_string_equal(v[0].by, "user ops");
	assert_true(v[0].at_ms > 0);
	fb_verdicts_free(v, n);
	d = fb_learned_verdict(f->j, "a", &f->err);
	assert_string_equal(text(d, "type"), "disk_full");
	assert_int_equal(json_array_size(json_object_get(d, "earlier")), 2);
	json_decref(d);
	d = fb_learned_verdict(f->j, "nothing", &f->err);
	assert_true(json_is_null(d));
	json_decref(d);
}

static void a_word_of_an_execution_that_is_not_there_is_refused(void **state)
{
	struct fixture *f = *state;
	struct fb_verdict_row w = word("nope", "confirmed", "timeout");

	assert_int_equal(fb_journal_verdict(f->j, &w, &f->err), -1);
	assert_int_equal(f->err.code, FB_EXIT_USAGE);
	assert_non_null(strstr(f->err.text, "there is no execution 'nope'"));
}

static void each_word_is_in_the_audit_which_stays_whole(void **state)
{
	struct fixture *f = *state;
	struct fb_verdict_row w = word("a", "confirmed", "timeout");
	char head[65];
	int64_t before, after;

	past(f, "a", "production", "web", "failed", NULL, NULL);
	OK(fb_journal_audit_head(f->j, head, &before, &f->err));
	OK(fb_journal_verdict(f->j, &w, &f->err));
	assert_int_equal(fb_journal_verdict(f->j, &w, &f->err), 1);
	assert_int_equal(fb_journal_audit_verify(f->j, NULL, &after, head, &f->err), 0);
	assert_int_equal(after, before + 1);
}

static void the_words_of_the_same_service_and_environment_are_near_and_no_others(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *id, *environment, *service;
	} all[] = {{"a", "production", "web"}, {"b", "production", "database"}, {"c", "staging", "web"}, {"d", "production", "web"}};
	json_t *learned, *list;

	for (size_t i = 0; i < 4; i++) {
		struct fb_verdict_row w = word(all[i].id, "confirmed", "timeout");

		past(f, all[i].id, all[i].environment, all[i].service, "failed_with_rollback", "2", NULL);
		OK(fb_journal_verdict(f->j, &w, &f->err));
		if (i == 3) { /* of an execution over the service, but of another one's step */
			w.service = (char *)(uintptr_t)"database";
			OK(fb_journal_verdict(f->j, &(struct fb_verdict_row){.execution = w.execution, .verdict = w.verdict, .type = (char *)(uintptr_t)"tls", .service = w.service, .by = w.by},
					      &f->err));
		}
	}
	past(f, "now", "production", "web", "failed", "3", NULL);
	learned = fb_learned(f->j, "now", &f->err);
	list = json_object_get(learned, "verdicts");
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(text(json_array_get(list, 0), "execution"), "a");
	json_decref(learned);
	learned = fb_learned(f->j, "a", &f->err); /* its own word is not from before */
	assert_int_equal(json_array_size(json_object_get(learned, "verdicts")), 0);
	json_decref(learned);
}

static void a_deployment_that_went_well_after_a_failure_mended_it(void **state)
{
	struct fixture *f = *state;
	struct fb_verdict_row w = word("bad", "corrected", "disk_full");
	json_t *learned, *one;

	past(f, "bad", "production", "web", "failed_with_rollback", "2.0", "{\"class\":\"timeout\",\"signature\":\"wait-timeout\"}");
	past(f, "other", "production", "database", "completed", "7", NULL);
	past(f, "good", "production", "web", "completed", "2.1", NULL);
	past(f, "bad2", "production", "web", "failed", "2.2", "{\"class\":\"crash\"}"); /* not mended yet */
	past(f, "now", "production", "web", "failed_with_rollback", "2.3", "{\"class\":\"timeout\"}");
	learned = fb_learned(f->j, "now", &f->err);
	assert_int_equal(json_array_size(json_object_get(learned, "mended")), 1);
	one = json_array_get(json_object_get(learned, "mended"), 0);
	assert_string_equal(text(one, "execution"), "bad");
	assert_string_equal(text(one, "type"), "timeout");
	assert_string_equal(text(one, "by_execution"), "good");
	assert_string_equal(text(one, "by_release"), "2.1");
	json_decref(learned);
	OK(fb_journal_verdict(f->j, &w, &f->err)); /* it was something else */
	learned = fb_learned(f->j, "now", &f->err);
	one = json_array_get(json_object_get(learned, "mended"), 0);
	assert_string_equal(text(one, "type"), "disk_full");
	json_decref(learned);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
	const struct CMUnitTest tests[] = {
		T(a_word_is_recorded_once_and_a_later_one_takes_its_place),
		T(a_word_of_an_execution_that_is_not_there_is_refused),
		T(each_word_is_in_the_audit_which_stays_whole),
		T(the_words_of_the_same_service_and_environment_are_near_and_no_others),
		T(a_deployment_that_went_well_after_a_failure_mended_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
