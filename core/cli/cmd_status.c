/* SPDX-License-Identifier: Apache-2.0 */
/* failback status */
#include <string.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/rows.h"
#include "recovery/report.h"

struct status {
	struct fb_execution *open;
	struct fb_release_row *services;
	size_t open_count, service_count;
	struct fb_tally tally;
	int64_t active_rollbacks;
};

static int read_status(struct fb_cli *cli, struct status *s, struct fb_err *err)
{
	const char *environment = fb_config_environment(cli->config);
	struct fb_execution_filter open = {.environment = environment, .unfinished = true, .limit = 1000};
	if (fb_journal_executions(cli->journal, &open, &s->open, &s->open_count, err) != 0 ||
	    fb_journal_services(cli->journal, environment, &s->services, &s->service_count, err) != 0 || fb_journal_tally(cli->journal, environment, &s->tally, err) != 0)
		return -1;
	for (size_t i = 0; i < s->open_count; i++)
		s->active_rollbacks += fb_streq(s->open[i].kind, "rollback");
	return 0;
}

static bool involves(const struct fb_execution *e, const char *service)
{
	json_t *services = e->services ? json_loads(e->services, 0, NULL) : NULL, *one;
	bool yes = false;
	size_t i;
	json_array_foreach(services, i, one) yes |= fb_streq(json_string_value(one), service);
	json_decref(services);
	return yes;
}

/* Which execution has this service now; NULL: none. One that waits for approval claims nothing. */
static const char *claimed_by(const struct status *s, const char *service)
{
	for (size_t i = 0; i < s->open_count; i++)
		if (!fb_streq(s->open[i].status, "waiting_approval") && involves(&s->open[i], service))
			return s->open[i].id;
	return NULL;
}

static int last_good(struct fb_cli *cli, const struct fb_release_row *service, char **ret, struct fb_err *err)
{
	struct fb_release_row row = {0};
	int r = fb_journal_last_good(cli->journal, service->environment, service->service, &row, err);
	*ret = r == 0 ? fb_strdup(row.release) : NULL;
	fb_release_clear(&row);
	return r < 0 ? -1 : 0;
}

static int put_json(struct fb_cli *cli, const struct status *s)
{
	json_t *open = json_array(), *services = json_array();
	struct fb_err err = {0};
	for (size_t i = 0; i < s->open_count; i++)
		json_array_append_new(open, fb_row_execution_json(&s->open[i]));
	for (size_t i = 0; i < s->service_count; i++) {
		char *good;
		if (last_good(cli, &s->services[i], &good, &err) != 0) {
			json_decref(open);
			json_decref(services);
			return fb_cli_fail_err(cli, &err);
		}
		json_array_append_new(services, json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:o, s:s?}", "service", s->services[i].service, "environment", s->services[i].environment, "live",
							  s->services[i].release, "release_status", s->services[i].status, "last_good", good, "since",
							  fb_row_stamp(s->services[i].at_ms), "claimed_by", claimed_by(s, s->services[i].service)));
		fb_free(good);
	}
	return fb_cli_print_json(cli, json_pack("{s:s, s:s, s:o, s:o, s:I, s:I, s:o}", "schema", "failback.status/1", "environment", fb_config_environment(cli->config), "executions",
					       open, "services", services, "active_rollbacks", (json_int_t)s->active_rollbacks, "total_rollbacks", (json_int_t)s->tally.rollbacks,
					       "last_report_time", fb_row_stamp(s->tally.last_ended_ms)), FB_EXIT_DONE);
}

static int put_text(struct fb_cli *cli, const struct status *s)
{
	const struct fb_style *style = &cli->out;
	struct fb_text t = {0};
	struct fb_err err = {0};
	int64_t now = fb_clock_wall_ms();
	fb_style_put(style, &t, FB_TONE_BOLD, "Executions");
	fb_text_puts(&t, "\n");
	if (s->open_count == 0)
		fb_text_puts(&t, "  nothing runs, nothing waits\n");
	for (size_t i = 0; i < s->open_count; i++)
		fb_row_execution(style, &s->open[i], now, &t);
	fb_text_puts(&t, "\n");
	fb_style_put(style, &t, FB_TONE_BOLD, "Services");
	fb_text_printf(&t, " (%s)\n", fb_config_environment(cli->config));
	if (s->service_count == 0)
		fb_text_puts(&t, "  none has been deployed yet\n");
	else
		fb_text_printf(&t, "  %-20s %-20s %-20s %s\n", "service", "live", "last known good", "claimed by");
	for (size_t i = 0; i < s->service_count; i++) {
		const char *claim = claimed_by(s, s->services[i].service);
		char *good;
		if (last_good(cli, &s->services[i], &good, &err) != 0) {
			fb_text_clear(&t);
			return fb_cli_fail_err(cli, &err);
		}
		fb_text_puts(&t, "  ");
		fb_row_cell(style, &t, s->services[i].service, 20);
		fb_text_puts(&t, " ");
		fb_row_cell(style, &t, s->services[i].release ? s->services[i].release : "-", 20);
		fb_text_puts(&t, " ");
		fb_row_cell(style, &t, good ? good : "none", 20);
		fb_text_puts(&t, " ");
		fb_style_safe(style, &t, claim ? claim : "-");
		fb_text_puts(&t, "\n");
		fb_free(good);
	}
	return fb_cli_print(cli, &t, FB_EXIT_DONE);
}

int fb_cmd_status(struct fb_cli *cli)
{
	struct status s = {0};
	struct fb_err err = {0};
	int code = fb_cli_journal(cli, FB_JOURNAL_READ);
	if (code)
		return code;
	if (read_status(cli, &s, &err) != 0)
		code = fb_cli_fail_err(cli, &err);
	else
		code = cli->json ? put_json(cli, &s) : put_text(cli, &s);
	fb_executions_free(s.open, s.open_count);
	fb_releases_free(s.services, s.service_count);
	return code;
}
