/* SPDX-License-Identifier: Apache-2.0 */
/* Which backup sets are kept: each reason by itself, and the whole against another way to say it; how far a line of progress says something has come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "cli/backup/progress.h"
#include "cli/backup/retain.h"
#include "cli/rows.h"

#define DAY INT64_C(86400000)
#define NOW (1000 * DAY)

static const char *const web[] = {"web", NULL}, *const database[] = {"database", NULL}, *const both[] = {"database", "web", NULL}, *const none[] = {NULL};

/* A set of web, so many days old, that nothing but its age speaks for. */
static struct fb_retain_row set(const char *id, int64_t days)
{
	return (struct fb_retain_row){.id = id, .environment = "production", .services = web, .created_ms = NOW - days * DAY, .readable = true, .finished = true};
}

static struct fb_retain_policy policy(int64_t days, int64_t last)
{
	return (struct fb_retain_policy){.environment = "production", .now_ms = NOW, .retention_days = days, .keep_last = last};
}

static void what_is_older_than_the_limit_goes_but_for_the_newest(void **state)
{
	struct fb_retain_row rows[] = {set("a", 50), set("b", 40), set("c", 31), set("d", 30), set("e", 1)};
	struct fb_retain_policy p = policy(30, 1);

	(void)state;
	fb_retain(rows, 5, &p);
	assert_int_equal(rows[0].reason, FB_RETAIN_OLD);
	assert_int_equal(rows[1].reason, FB_RETAIN_OLD);
	assert_int_equal(rows[2].reason, FB_RETAIN_OLD);
	assert_int_equal(rows[3].reason, FB_RETAIN_YOUNG);
	assert_int_equal(rows[4].reason, FB_RETAIN_LAST);
	assert_string_equal(rows[4].service, "web");
	assert_int_equal(rows[4].rank, 1);
	p.keep_last = 4;
	fb_retain(rows, 5, &p);
	assert_int_equal(rows[0].reason, FB_RETAIN_OLD);
	assert_int_equal(rows[1].reason, FB_RETAIN_LAST);
	assert_int_equal(rows[1].rank, 4);
	assert_int_equal(rows[3].rank, 2);
}

static void a_set_is_kept_for_any_of_its_services(void **state)
{
	struct fb_retain_row rows[] = {set("a", 100), set("b", 90), set("c", 80), set("d", 70)};
	struct fb_retain_policy p = policy(30, 1);

	(void)state;
	rows[0].services = database;
	rows[1].services = both;
	fb_retain(rows, 4, &p);
	assert_int_equal(rows[0].reason, FB_RETAIN_OLD);
	assert_int_equal(rows[1].reason, FB_RETAIN_LAST);
	assert_string_equal(rows[1].service, "database");
	assert_int_equal(rows[2].reason, FB_RETAIN_OLD);
	assert_int_equal(rows[3].reason, FB_RETAIN_LAST);
	rows[0].services = rows[1].services = none;
	fb_retain(rows, 4, &p);
	assert_int_equal(rows[0].reason, FB_RETAIN_OLD);
	assert_int_equal(rows[1].reason, FB_RETAIN_LAST);
	assert_string_equal(rows[1].service, "");
}

static void what_must_stay_stays_however_old_it_is_and_the_first_reason_is_told(void **state)
{
	struct fb_retain_row rows[] = {set("a", 900), set("b", 900), set("c", 900), set("d", 900), set("e", 900), set("f", 0), set("g", 900)};
	struct fb_retain_policy p = policy(0, 1);

	(void)state;
	rows[0].readable = false;
	rows[0].needed = true;
	rows[1].environment = "staging";
	rows[2].environment = NULL;
	rows[3].finished = false;
	rows[3].needed = true;
	rows[4].needed = true;
	fb_retain(rows, 7, &p);
	for (int i = 0; i < 6; i++)
		assert_int_equal(rows[i].reason, i);
	assert_int_equal(rows[6].reason, FB_RETAIN_OLD);
}

static void those_of_another_environment_do_not_count_as_newer_ones(void **state)
{
	struct fb_retain_row rows[] = {set("a", 90), set("b", 80), set("c", 70), set("d", 60)};
	struct fb_retain_policy p = policy(30, 2);

	(void)state;
	rows[1].environment = "staging";
	rows[2].environment = NULL;
	rows[3].readable = false;
	fb_retain(rows, 4, &p);
	assert_int_equal(rows[0].reason, FB_RETAIN_LAST);
	assert_int_equal(rows[0].rank, 1);
}

static void orphans_go_by_their_age_when_they_are_asked_for(void **state)
{
	struct fb_retain_row rows[] = {set("a", 31), set("b", 30)};
	struct fb_retain_policy p = policy(30, 5);

	(void)state;
	rows[0].environment = rows[1].environment = NULL;
	p.orphans = true;
	fb_retain(rows, 2, &p);
	assert_int_equal(rows[0].reason, FB_RETAIN_OLD);
	assert_int_equal(rows[1].reason, FB_RETAIN_YOUNG);
}

static void for_the_size_the_oldest_of_the_young_go_and_nothing_else(void **state)
{
	struct fb_retain_row rows[] = {set("a", 40), set("b", 3), set("c", 5), set("d", 4), set("e", 1), set("f", 6)};
	struct fb_retain_policy p = policy(30, 1);

	(void)state;
	rows[5].needed = true;
	p.for_size = 2;
	fb_retain(rows, 6, &p);
	assert_int_equal(rows[0].reason, FB_RETAIN_OLD);
	assert_int_equal(rows[1].reason, FB_RETAIN_YOUNG);
	assert_int_equal(rows[2].reason, FB_RETAIN_SIZE);
	assert_int_equal(rows[3].reason, FB_RETAIN_SIZE);
	assert_int_equal(rows[4].reason, FB_RETAIN_LAST);
	assert_int_equal(rows[5].reason, FB_RETAIN_NEEDED);
	p.for_size = 100;
	fb_retain(rows, 6, &p);
	assert_int_equal(rows[1].reason, FB_RETAIN_SIZE);
	assert_int_equal(rows[4].reason, FB_RETAIN_LAST);
}

static void a_clock_that_was_set_back_makes_nothing_old(void **state)
{
	struct fb_retain_row rows[] = {set("a", -5), set("b", -3)};
	struct fb_retain_policy p = policy(0, 1);

	(void)state;
	fb_retain(rows, 2, &p);
	assert_int_equal(rows[0].reason, FB_RETAIN_LAST);
	assert_int_equal(rows[1].reason, FB_RETAIN_YOUNG);
}

/* ---- against an oracle: what the manual says, rule by rule, for one set at a time and without an order ---- */

static bool newer(const struct fb_retain_row *a, const struct fb_retain_row *b)
{
	return a->created_ms > b->created_ms || (a->created_ms == b->created_ms && strcmp(a->id, b->id) > 0);
}

static bool shares(const struct fb_retain_row *a, const char *service)
{
	if (!a->services[0])
		return !*service;
	for (int i = 0; a->services[i]; i++)
		if (!strcmp(a->services[i], service))
			return true;
	return false;
}

static bool ours(const struct fb_retain_row *r, const struct fb_retain_policy *p)
{
	return r->environment && !strcmp(r->environment, p->environment);
}

static bool protected(const struct fb_retain_row *v, size_t n, size_t i, const struct fb_retain_policy *p)
{
	static const char *const services[] = {"", "database", "web"};

	if (!v[i].readable || (v[i].environment && (!ours(&v[i], p) || !v[i].finished)) || (!v[i].environment && !p->orphans) || v[i].needed)
		return true;
	if (!v[i].environment)
		return false;
	for (int s = 0; s < 3; s++) {
		int64_t before = 0;

		if (!shares(&v[i], services[s]))
			continue;
		for (size_t k = 0; k < n; k++)
			before += v[k].readable && ours(&v[k], p) && shares(&v[k], services[s]) && newer(&v[k], &v[i]);
		if (before < p->keep_last)
			return true;
	}
	return false;
}

static bool oracle(const struct fb_retain_row *v, size_t n, size_t i, const struct fb_retain_policy *p)
{
	size_t older = 0;

	if (protected(v, n, i, p))
		return false;
	if (p->now_ms - v[i].created_ms > p->retention_days * DAY)
		return true;
	for (size_t k = 0; k < n; k++)
		older += !protected(v, n, k, p) && p->now_ms - v[k].created_ms <= p->retention_days * DAY && newer(&v[i], &v[k]);
	return older < p->for_size;
}

static unsigned draw(unsigned *seed, unsigned below)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 16) % below;
}

static void a_hundred_thousand_drawn_stores_are_decided_as_the_rules_say(void **state)
{
	static const char *const *const services[] = {web, database, both, none};
	static const char *const environments[] = {"production", "production", "production", "staging", NULL};
	static const char *const ids[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};
	unsigned seed = 20260120;

	(void)state;
	for (int round = 0; round < 100000; round++) {
		struct fb_retain_policy p = policy(draw(&seed, 8), 1 + draw(&seed, 4));
		struct fb_retain_row rows[12];
		size_t n = draw(&seed, 13);

		p.orphans = draw(&seed, 2);
		p.for_size = draw(&seed, 4);
		for (size_t i = 0; i < n; i++)
			rows[i] = (struct fb_retain_row){.id = ids[i], .environment = environments[draw(&seed, 5)], .services = services[draw(&seed, 4)],
							 .created_ms = NOW - (int64_t)draw(&seed, 10) * DAY - (int64_t)draw(&seed, 2), .readable = draw(&seed, 8) > 0, .finished = draw(&seed, 6) > 0,
							 .needed = draw(&seed, 6) == 0};
		fb_retain(rows, n, &p);
		for (size_t i = 0; i < n; i++)
			if (fb_retain_removes(&rows[i]) != oracle(rows, n, i, &p))
				fail_msg("round %d, set %s: reason %d, the rules say %s", round, rows[i].id, (int)rows[i].reason, oracle(rows, n, i, &p) ? "remove" : "keep");
	}
}

/* ---- what a terminal shows ---- */

static void sizes_are_short_and_never_longer_than_their_column(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = {{0, "0 B"}, {999, "999 B"}, {1000, "1.0 KiB"}, {1024, "1.0 KiB"}, {10188, "9.9 KiB"}, {10240, "10 KiB"}, {1022976, "999 KiB"}, {1023500, "1.0 MiB"},
		     {UINT64_C(21474836480), "20 GiB"}, {UINT64_MAX, "16 EiB"}};
	char buf[FB_ROW_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		assert_string_equal(fb_row_size(sizes[i].bytes, buf), sizes[i].text);
}

static void a_line_of_progress_says_what_how_far_and_how_fast(void **state)
{
	struct fb_style style = {.width = 100};
	struct fb_text t = {0};

	(void)state;
	fb_progress_line(&style, "verifying", "web.config", UINT64_C(1) << 30, UINT64_C(4) << 30, 2000, &t);
	assert_string_equal(t.p, "| verifying web.config  ######------------------  25 %  1.0 GiB of 4.0 GiB  512 MiB/s\n");
	t.n = 0;
	fb_progress_line(&style, "restoring", "evil\033[2J", 0, 0, 100, &t);
	assert_string_equal(t.p, "/ restoring evil\\x1b[2J  \n");
	t.n = 0;
	style.width = 40;
	fb_progress_line(&style, "verifying", "web.config", 5, 4, 2000, &t);
	assert_true(fb_style_width(t.p) <= 41);
	fb_text_clear(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_older_than_the_limit_goes_but_for_the_newest),
		cmocka_unit_test(a_set_is_kept_for_any_of_its_services),
		cmocka_unit_test(what_must_stay_stays_however_old_it_is_and_the_first_reason_is_told),
		cmocka_unit_test(those_of_another_environment_do_not_count_as_newer_ones),
		cmocka_unit_test(orphans_go_by_their_age_when_they_are_asked_for),
		cmocka_unit_test(for_the_size_the_oldest_of_the_young_go_and_nothing_else),
		cmocka_unit_test(a_clock_that_was_set_back_makes_nothing_old),
		cmocka_unit_test(a_hundred_thousand_drawn_stores_are_decided_as_the_rules_say),
		cmocka_unit_test(sizes_are_short_and_never_longer_than_their_column),
		cmocka_unit_test(a_line_of_progress_says_what_how_far_and_how_fast),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
