/* SPDX-License-Identifier: Apache-2.0 */
/* failback rollback, and its list of releases to go back to */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/redact.h"
#include "cli/follow.h"

#define LAST 5

static void put_releases(struct fb_text *t, const char *service, const struct fb_release_row *v, size_t n)
{
	char at[FB_TIME_SIZE];
	fb_text_printf(t, "%s: the last releases\n", service);
	if (n == 0)
		fb_text_puts(t, "  none is known\n");
	for (size_t i = 0; i < n; i++)
		fb_text_printf(t, "  %-24s %-11s %s%s\n", v[i].release ? v[i].release : "?", v[i].status, fb_clock_format(v[i].at_ms, at), v[i].live ? "  live" : "");
}

static json_t *releases_json(const char *service, const struct fb_release_row *v, size_t n)
{
	json_t *list = json_array();
	char at[FB_TIME_SIZE];
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s?, s:s, s:s, s:b}", "release", v[i].release, "status", v[i].status, "at", fb_clock_format(v[i].at_ms, at), "live", v[i].live));
	return json_pack("{s:s, s:o}", "service", service, "releases", list);
}

/* S183: --to without a value shows what there is to choose from, and is a usage error all the same. */
static int list_releases(struct fb_cli *cli)
{
	struct fb_err err = {0};
	struct fb_text t = {0};
	json_t *all = json_array();
	int code = fb_cli_journal(cli, FB_JOURNAL_READ);
	const char *const *names = cli->operand_count ? (const char *const *)cli->operands : code ? NULL : fb_config_services(cli->config);
	for (; !code && names && *names; names++) {
		struct fb_release_row *v;
		size_t n;
		if (fb_journal_releases(cli->journal, fb_config_environment(cli->config), *names, NULL, LAST, &v, &n, &err) != 0) {
			code = fb_cli_fail_err(cli, &err);
			break;
		}
		put_releases(&t, *names, v, n);
		json_array_append_new(all, releases_json(*names, v, n));
		fb_releases_free(v, n);
	}
	if (!code && cli->json)
		code = fb_cli_print_json(cli, json_pack("{s:s, s:[s], s:i, s:O}", "schema", "failback.error/1", "errors", "--to needs a release", "exit_code", FB_EXIT_USAGE,
						       "services", all), FB_EXIT_USAGE);
	else if (!code) {
		struct fb_text safe = {0};
		fb_style_safe_lines(&cli->err, &safe, t.p ? t.p : "no service is known\n", 0);
		fprintf(stderr, "failback: --to needs a release: failback rollback SERVICE --to RELEASE --reason TEXT\n%s\n", safe.p ? safe.p : "");
		fb_text_clear(&safe);
		code = FB_EXIT_USAGE;
	}
	fb_text_clear(&t);
	json_decref(all);
	return code;
}

/* It goes into the journal as it is: what looks like a secret must not. */
static char *without_secrets(const char *reason)
{
	struct fb_redactor *r = fb_redactor_new();
	char *said = fb_strdup(reason);

	fb_redact(r, said, strlen(said));
	fb_redactor_free(r);
	return said;
}

int fb_cmd_rollback(struct fb_cli *cli)
{
	char *said;
	int code;
	const char *to = fb_cli_option(cli, "to"), *reason = fb_cli_option(cli, "reason");
	struct fb_engine_request request = {.kind = "rollback", .release = to, .services = (const char *const *)cli->operands};
	if (to && !*to)
		return list_releases(cli);
	if (!reason || !reason[strspn(reason, " \t\n")])
		return fb_cli_fail(cli, FB_EXIT_USAGE, "a rollback needs a reason for those who read of it later: --reason \"…\"");
	request.reason = said = without_secrets(reason);
	code = fb_follow_launch(cli, &request);
	fb_free(said);
	return code;
}
