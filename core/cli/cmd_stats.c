/* SPDX-License-Identifier: Apache-2.0 */
/* failback stats */
#include <string.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/render.h"
#include "cli/stats.h"

/* "12.3 %", "-" for null */
static void put_rate(struct fb_text *t, const json_t *rate)
{
	if (json_is_number(rate))
		fb_text_printf(t, "%.1f %%", json_number_value(rate) * 100);
	else
		fb_text_puts(t, "-");
}

static void put_row(struct fb_text *t, const char *name)
{
	size_t from = t->n;

	fb_text_printf(t, "  %s", name);
	fb_style_pad(t, from, 36);
}

static void put_rate_row(struct fb_text *t, const char *name, const json_t *rate, const char *more)
{
	put_row(t, name);
	put_rate(t, rate);
	fb_text_printf(t, "%s\n", more);
}

static void put_times_row(struct fb_text *t, const char *name, const json_t *times)
{
	put_row(t, name);
	fb_render_seconds(json_object_get(times, "median"), t);
	if (json_is_object(times)) {
		fb_text_puts(t, " (median; 9 of 10 within ");
		fb_render_seconds(json_object_get(times, "p90"), t);
		fb_text_puts(t, ")");
	}
	fb_text_puts(t, "\n");
}

static void put_title(const struct fb_style *s, struct fb_text *t, const char *title)
{
	fb_text_puts(t, "\n");
	fb_style_on(s, t, FB_TONE_BOLD);
	fb_style_safe(s, t, title);
	fb_style_off(s, t);
	fb_text_puts(t, "\n");
}

static void put_service(const struct fb_style *s, struct fb_text *t, const json_t *v)
{
	const json_t *dora = json_object_get(v, "dora"), *d = json_object_get(v, "deployments"), *r = json_object_get(v, "rollbacks"), *impact = json_object_get(r, "user_impact");
	struct fb_text title = {0};
	size_t i;
	json_t *one;

	fb_text_printf(&title, "%s in %s", fb_render_string(v, "service", "?"), fb_render_string(v, "environment", "?"));
	put_title(s, t, title.p);
	fb_text_clear(&title);
	put_row(t, "Change lead time");
	fb_text_puts(t, "not known: the journal does not know when a change was committed\n");
	put_row(t, "Deployment frequency");
	fb_text_printf(t, "%.2f a day\n", json_number_value(json_object_get(dora, "deployment_frequency_per_day")));
	put_times_row(t, "Failed deployment recovery time", json_object_get(dora, "failed_deployment_recovery_time"));
	put_rate_row(t, "Change fail rate", json_object_get(dora, "change_fail_rate"), "");
	put_rate_row(t, "Deployment rework rate", json_object_get(dora, "deployment_rework_rate"), "");
	put_row(t, "Deployments");
	fb_text_printf(t, "%lld, ", (long long)json_integer_value(json_object_get(d, "count")));
	put_rate(t, json_object_get(d, "success_rate"));
	fb_text_puts(t, " went well\n");
	put_times_row(t, "A deployment that went well took", json_object_get(d, "duration"));
	if (json_is_number(json_object_get(d, "retry_success_rate")))
		put_rate_row(t, "Retries", json_object_get(d, "retry_success_rate"), " went well");
	put_row(t, "Rollbacks");
	fb_text_printf(t, "%lld", (long long)json_integer_value(json_object_get(r, "count")));
	if (json_integer_value(json_object_get(r, "count"))) {
		fb_text_printf(t, ", %lld asked for, ", (long long)json_integer_value(json_object_get(r, "asked_for")));
		put_rate(t, json_object_get(r, "success_rate"));
		fb_text_printf(t, " restored and verified\n");
		put_row(t, "Users felt");
		fb_text_printf(t, "nothing in %lld, something in %lld, not measured in %lld", (long long)json_integer_value(json_object_get(impact, "ZERO")),
			       (long long)json_integer_value(json_object_get(impact, "SOME")), (long long)json_integer_value(json_object_get(impact, "UNKNOWN")));
	}
	fb_text_puts(t, "\n");
	json_array_foreach(json_object_get(v, "failure_types"), i, one) {
		put_row(t, i ? "" : "Failures by type");
		fb_text_printf(t, "%5lld  ", (long long)json_integer_value(json_object_get(one, "count")));
		fb_style_safe(s, t, fb_render_string(one, "type", "?"));
		if (json_is_object(json_object_get(one, "fix_time"))) {
			fb_text_puts(t, ", mended within ");
			fb_render_seconds(json_object_get(json_object_get(one, "fix_time"), "median"), t);
		}
		fb_text_puts(t, "\n");
	}
}

static void put_bars(const struct fb_style *s, struct fb_text *t, const json_t *trend, const char *member, enum fb_tone tone)
{
	static const char *const blocks[] = {"\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587", "\u2588"};
	json_int_t most = 1;
	size_t i;
	json_t *one;

	json_array_foreach((json_t *)(uintptr_t)trend, i, one)
		if (json_integer_value(json_object_get(one, "deployments")) > most)
			most = json_integer_value(json_object_get(one, "deployments"));
	put_row(t, strcmp(member, "failed") == 0 ? "failed" : "all");
	fb_style_on(s, t, tone);
	json_array_foreach((json_t *)(uintptr_t)trend, i, one) {
		json_int_t n = json_integer_value(json_object_get(one, member));

		if (!n)
			fb_text_puts(t, s->utf8 ? "\u00b7" : ".");
		else if (s->utf8)
			fb_text_puts(t, blocks[(n * 8 - 1) / most > 7 ? 7 : (n * 8 - 1) / most]);
		else
			fb_text_printf(t, "%d", (int)((n * 9 + most - 1) / most));
	}
	fb_style_off(s, t);
	fb_text_puts(t, "\n");
}

static void put_all(const struct fb_style *s, struct fb_text *t, const json_t *doc)
{
	size_t i;
	json_t *one;

	fb_text_printf(t, "%lld executions from %.10s to %.10s\n", (long long)json_integer_value(json_object_get(doc, "executions")), fb_render_string(doc, "since", "?"),
		       fb_render_string(doc, "until", "?"));
	json_array_foreach(json_object_get(doc, "services"), i, one) put_service(s, t, one);
	if (json_array_size(json_object_get(doc, "causes")))
		put_title(s, t, "Causes that came most often");
	json_array_foreach(json_object_get(doc, "causes"), i, one) {
		if (i == 10)
			break;
		fb_text_printf(t, "  %5lld  ", (long long)json_integer_value(json_object_get(one, "count")));
		fb_style_safe(s, t, fb_render_string(one, "cause", "?"));
		fb_text_printf(t, " (last %.10s)\n", fb_render_string(one, "last", "?"));
	}
	if (json_array_size(json_object_get(doc, "trend"))) {
		put_title(s, t, "Deployments over this time");
		put_bars(s, t, json_object_get(doc, "trend"), "deployments", FB_TONE_GOOD);
		put_bars(s, t, json_object_get(doc, "trend"), "failed", FB_TONE_BAD);
	}
}

int fb_cmd_stats(struct fb_cli *cli)
{
	const char *since_text = fb_cli_option(cli, "since");
	int64_t now = fb_clock_wall_ms(), since = 0;
	struct fb_err err = {0};
	struct fb_text t = {0};
	struct fb_stats *stats;
	json_t *doc;
	int code;

	if (since_text && fb_cli_since(since_text, now, &since) != 0)
		return fb_cli_fail(cli, FB_EXIT_USAGE, "--since '%s' is neither a date (2026-01-20, 2026-01-20T11:00:00Z) nor a time back (12h, 7d)", since_text);
	code = fb_cli_journal(cli, FB_JOURNAL_READ);
	if (code)
		return code;
	stats = fb_stats_new(since, now);
	if (fb_journal_figures(cli->journal, cli->request.environment, since, fb_stats_take, stats, &err) != 0) {
		fb_stats_free(stats);
		return fb_cli_fail_err(cli, &err);
	}
	doc = fb_stats_json(stats);
	fb_stats_free(stats);
	if (cli->json)
		return fb_cli_print_json(cli, doc, FB_EXIT_DONE);
	if (!json_integer_value(json_object_get(doc, "executions")))
		fb_text_puts(&t, "no execution has ended in this time\n");
	else
		put_all(&cli->out, &t, doc);
	json_decref(doc);
	return fb_cli_print(cli, &t, FB_EXIT_DONE);
}
