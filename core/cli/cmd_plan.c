/* SPDX-License-Identifier: Apache-2.0 */
/* failback plan show: the frozen chain as it would be run, beside what the journal knows of earlier runs */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/pool.h"
#include "cli/render.h"
#include "cli/rows.h"
#include "config/offers.h"

#define RUNS 30 /* executions that a median is taken from */

struct sample {
	char *chain, *name;
	int64_t ms;
};
struct history {
	struct sample *v;
	size_t n;
};

static void history_clear(struct history *h)
{
	for (size_t i = 0; i < h->n; i++) {
		fb_free(h->v[i].chain);
		fb_free(h->v[i].name);
	}
	fb_free(h->v);
	h->v = NULL;
	h->n = 0;
}

static void add_samples(struct history *h, const struct fb_link_row *links, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int64_t ms = links[i].ended_boot_ms - links[i].started_boot_ms;
		if (!fb_streq(links[i].status, "completed") || !links[i].ended_ms || ms < 0)
			continue;
		h->v = fb_realloc(h->v, (h->n + 1) * sizeof *h->v);
		h->v[h->n++] = (struct sample){fb_strdup(links[i].chain), fb_strdup(links[i].name), ms};
	}
}

static int read_history(struct fb_cli *cli, struct history *h, struct fb_err *err)
{
	struct fb_execution_filter filter = {.environment = fb_config_environment(cli->config), .limit = RUNS};
	struct fb_execution *v;
	size_t n, link_count;
	int r = 0;
	if (fb_journal_executions(cli->journal, &filter, &v, &n, err) != 0)
		return -1;
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct fb_link_row *links;
		r = fb_journal_links(cli->journal, v[i].id, &links, &link_count, err);
		if (r == 0) {
			add_samples(h, links, link_count);
			fb_links_free(links, link_count);
		}
	}
	fb_executions_free(v, n);
	return r;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* Median of what links of this name took; -1: none was run. */
static int64_t predicted_ms(const struct history *h, const char *chain, const char *name)
{
	int64_t *v = fb_alloc((h->n + 1) * sizeof *v), median = -1;
	size_t n = 0;
	for (size_t i = 0; i < h->n; i++)
		if (fb_streq(h->v[i].chain, chain) && fb_streq(h->v[i].name, name))
			v[n++] = h->v[i].ms;
	if (n) {
		qsort(v, n, sizeof *v, compare);
		median = n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
	}
	fb_free(v);
	return median;
}

static const json_t *descriptor(const json_t *frozen, const char *kind, const char *name)
{
	size_t i;
	json_t *one;
	json_array_foreach(json_object_get(frozen, "plugins"), i, one) if (fb_streq(fb_render_string(one, "kind", ""), kind) && fb_streq(fb_render_string(one, "name", ""), name))
		return one;
	return NULL;
}

static int risk_rank(const char *risk)
{
	return fb_streq(risk, "high") ? 3 : fb_streq(risk, "medium") ? 2 : fb_streq(risk, "low") ? 1 : 0;
}

/* Does a link of this risk wait for somebody's approval? "never" ranks above all. */
static bool needs_approval(const json_t *frozen, const char *risk)
{
	const char *least = fb_render_string(json_object_get(frozen, "settings"), "approval", "never");
	return risk_rank(least) > 0 && risk_rank(risk) >= risk_rank(least);
}

static json_t *link_json(const json_t *frozen, const struct history *h, const char *chain, const json_t *link)
{
	const char *name = fb_render_string(link, "name", "?"), *risk = fb_render_string(link, "risk", NULL);
	int64_t ms = predicted_ms(h, chain, name);
	json_t *o = json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:b, s:O?, s:O?, s:b, s:o}", "name", name, "title", fb_render_string(link, "title", name), "phase",
			      fb_render_string(link, "phase", NULL), "service", fb_render_string(link, "service", NULL), "risk", risk, "needs_approval",
			      strcmp(chain, "plan") == 0 && needs_approval(frozen, risk), "timeout_ms", json_object_get(link, "timeout"), "retries", json_object_get(link, "retries"),
			      "undo", json_is_object(json_object_get(link, "undo")), "predicted", ms < 0 ? json_null() : json_real((double)ms / 1000.0));
	const json_t *parallel = json_object_get(link, "parallel");
	if (json_is_array(parallel)) {
		json_t *members = json_array(), *one;
		size_t i;
		json_array_foreach(parallel, i, one) json_array_append_new(members, link_json(frozen, h, chain, one));
		json_object_set_new(o, "parallel", members);
	}
	return o;
}

static json_t *chain_json(const json_t *frozen, const struct history *h, const char *chain)
{
	json_t *list = json_array(), *one;
	size_t i;
	json_array_foreach(json_object_get(json_object_get(frozen, "chains"), chain), i, one) json_array_append_new(list, link_json(frozen, h, chain, one));
	return list;
}

/* What `plan show` says, as one document; the text is made from it. */
static json_t *plan_document(const json_t *frozen, const struct history *h)
{
	json_t *services = json_array(), *one;
	size_t i;
	json_array_foreach(json_object_get(frozen, "services"), i, one) {
		const char *use = fb_render_string(json_object_get(one, "strategy"), "use", NULL);
		const json_t *d = descriptor(frozen, "strategy", use), *options = json_object_get(json_object_get(one, "strategy"), "options");
		json_array_append_new(services, json_pack("{s:s, s:O?, s:s?, s:b, s:O?, s:b, s:b, s:i}", "name", fb_render_string(one, "name", "?"), "depends_on",
							  json_object_get(one, "depends_on"), "release", fb_render_string(one, "release", NULL), "deploys",
							  json_is_true(json_object_get(one, "deploys")), "strategy", json_object_get(json_object_get(one, "strategy"), "use"),
							  "zero_downtime", fb_offers_feature(d, options, "zero-downtime"), "can_prepare", fb_offers(d, options, "prepare"), "checks",
							  (int)json_array_size(json_object_get(one, "checks"))));
	}
	return json_pack("{s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:O?, s:o, s:o, s:o, s:o}", "schema", "failback.plan/1", "name", fb_render_string(frozen, "name", NULL), "title",
			 fb_render_string(frozen, "title", NULL), "environment", fb_render_string(frozen, "environment", NULL), "release", fb_render_string(frozen, "release", NULL),
			 "executor", fb_render_string(frozen, "executor", NULL), "settings", json_object_get(frozen, "settings"), "services", services, "backup",
			 chain_json(frozen, h, "backup"), "plan", chain_json(frozen, h, "plan"), "recovery", chain_json(frozen, h, "recovery"));
}

static void put_link(const struct fb_style *s, const json_t *link, int indent, int number, struct fb_text *t)
{
	const json_t *parallel = json_object_get(link, "parallel"), *predicted = json_object_get(link, "predicted");
	const char *risk = fb_render_string(link, "risk", NULL), *service = fb_render_string(link, "service", NULL);
	char bound[32];
	size_t i;
	json_t *one;
	if (json_is_array(parallel)) {
		fb_text_printf(t, "%*sat the same time:\n", indent, "");
		json_array_foreach(parallel, i, one) put_link(s, one, indent + 2, 0, t);
		return;
	}
	if (number)
		fb_text_printf(t, "%*s%2d ", indent, "", number);
	else
		fb_text_printf(t, "%*s%s ", indent, "", fb_style_mark(s, FB_MARK_DOT));
	fb_row_cell(s, t, fb_render_string(link, "title", "?"), 37 - indent - (number ? 3 : 2)); /* so that what follows is one column */
	fb_text_puts(t, " ");
	size_t from = t->n;
	if (json_is_number(predicted)) {
		fb_text_puts(t, s->utf8 ? "≈ " : "~ ");
		fb_render_seconds(predicted, t);
	} else if (json_is_integer(json_object_get(link, "timeout_ms"))) {
		fb_text_printf(t, "at most %s", fb_duration_format(json_integer_value(json_object_get(link, "timeout_ms")), bound, sizeof bound));
	}
	if (number) {
		fb_style_pad(t, from, 16);
		fb_text_puts(t, " ");
		fb_style_on(s, t, fb_streq(risk, "high") ? FB_TONE_BAD : fb_streq(risk, "medium") ? FB_TONE_WARN : FB_TONE_DIM);
		fb_style_safe(s, t, risk ? risk : "no risk given");
		fb_style_off(s, t);
		if (json_is_true(json_object_get(link, "needs_approval")))
			fb_text_puts(t, ", needs approval");
		if (json_is_true(json_object_get(link, "undo")))
			fb_text_puts(t, ", can be undone");
		if (service) {
			fb_text_puts(t, ", ");
			fb_style_safe(s, t, service);
		}
	}
	fb_text_puts(t, "\n");
}

static void put_links(const struct fb_style *s, const char *title, const json_t *links, bool numbered, struct fb_text *t)
{
	size_t i;
	json_t *one;
	fb_text_puts(t, "\n");
	fb_style_put(s, t, FB_TONE_BOLD, title);
	fb_text_puts(t, json_array_size(links) ? "\n" : "\n  none\n");
	json_array_foreach(links, i, one) put_link(s, one, 2, numbered ? (int)i + 1 : 0, t);
}

static void put_services(const struct fb_style *s, const json_t *services, struct fb_text *t)
{
	size_t i;
	json_t *one;
	fb_text_puts(t, "\n");
	fb_style_put(s, t, FB_TONE_BOLD, "Services, in order");
	fb_text_puts(t, "\n");
	json_array_foreach(services, i, one) {
		fb_text_puts(t, "  ");
		fb_row_cell(s, t, fb_render_string(one, "name", "?"), 18);
		fb_text_puts(t, " ");
		fb_style_safe(s, t, fb_render_string(one, "strategy", "?"));
		fb_text_puts(t, json_is_true(json_object_get(one, "zero_downtime")) ? ", zero downtime" : ", users may notice");
		if (!json_is_true(json_object_get(one, "deploys")))
			fb_text_puts(t, ", not deployed (depends on one that is)");
		else if (fb_render_string(one, "release", NULL)) {
			fb_text_puts(t, ", release ");
			fb_style_safe(s, t, fb_render_string(one, "release", ""));
		}
		if (!json_is_true(json_object_get(one, "can_prepare")))
			fb_text_puts(t, ", its way back cannot be made ready beforehand: goes last in a recovery");
		if (json_integer_value(json_object_get(one, "checks")) == 0)
			fb_text_puts(t, ", no checks");
		fb_text_puts(t, "\n");
	}
}

static void put_plan(const struct fb_style *s, const json_t *d, struct fb_text *t)
{
	const json_t *settings = json_object_get(d, "settings");
	const char *approval = fb_render_string(settings, "approval", "never");
	fb_style_on(s, t, FB_TONE_BOLD);
	fb_style_safe(s, t, fb_render_string(d, "title", fb_render_string(d, "name", "?")));
	fb_style_off(s, t);
	fb_text_puts(t, "\n  environment ");
	fb_style_safe(s, t, fb_render_string(d, "environment", "?"));
	fb_text_puts(t, ", executor ");
	fb_style_safe(s, t, fb_render_string(d, "executor", "?"));
	fb_text_printf(t, ", automatic rollback %s", json_is_false(json_object_get(settings, "auto_rollback_enabled")) ? "OFF" : "on");
	fb_text_printf(t, ", approval %s%s\n", fb_streq(approval, "never") ? "never asked" : "asked from risk ", fb_streq(approval, "never") ? "" : approval);
	put_services(s, json_object_get(d, "services"), t);
	put_links(s, "Backup, before the first step", json_object_get(d, "backup"), false, t);
	put_links(s, "Steps", json_object_get(d, "plan"), true, t);
	put_links(s, "Recovery, if a step or the watch fails", json_object_get(d, "recovery"), false, t);
}

static int freeze(struct fb_cli *cli, json_t **ret)
{
	struct fb_freeze_request request = {.kind = "deploy", .plan_file = cli->operands[0]};
	struct fb_errs errs = {0};
	struct fb_catalog_fn catalog;
	struct fb_pool *pool = fb_cli_pool(cli);
	int code = 0;
	catalog = fb_pool_catalog(pool);
	if (fb_config_freeze(cli->config, &request, &catalog, ret, &errs) != 0)
		code = fb_cli_fail_errs(cli, &errs, FB_EXIT_CONFIG);
	fb_errs_clear(&errs);
	fb_pool_free(pool);
	return code;
}

int fb_cmd_plan_show(struct fb_cli *cli)
{
	struct history h = {0};
	struct fb_err err = {0};
	struct fb_text t = {0};
	json_t *frozen = NULL, *document;
	int code = fb_cli_config(cli);
	if (!code)
		code = freeze(cli, &frozen);
	if (code)
		return code;
	/* before the first deployment there is no journal: then nothing can be predicted, and that is no error */
	if (fb_journal_open(fb_config_state_dir(cli->config), FB_JOURNAL_READ, &cli->journal, &err) == 0 && read_history(cli, &h, &err) != 0)
		code = fb_cli_fail_err(cli, &err);
	if (!code) {
		document = plan_document(frozen, &h);
		if (!document)
			code = fb_cli_fail(cli, FB_EXIT_BUG, "the plan could not be shown: the frozen chain has not the shape that is promised");
		else if (cli->json)
			code = fb_cli_print_json(cli, document, FB_EXIT_DONE);
		else {
			put_plan(&cli->out, document, &t);
			json_decref(document);
			code = fb_cli_print(cli, &t, FB_EXIT_DONE);
		}
	}
	history_clear(&h);
	json_decref(frozen);
	return code;
}
