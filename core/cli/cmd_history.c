/* SPDX-License-Identifier: Apache-2.0 */
/* failback history */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/rows.h"

#define MOST 100000

int fb_cli_since(const char *text, int64_t now_ms, int64_t *ret_ms)
{
	struct tm tm = {0};
	struct fb_err err = {0};
	int64_t back;
	const char *end = strptime(text, "%Y-%m-%d", &tm);
	if (end && (*end == 'T' || *end == ' '))
		end = strptime(end + 1, "%H:%M:%S", &tm);
	if (end && (*end == 0 || strcmp(end, "Z") == 0)) {
		*ret_ms = (int64_t)timegm(&tm) * 1000;
		return 0;
	}
	if (fb_duration_parse(text, 0, &back, &err) != 0)
		return -1;
	*ret_ms = now_ms - back;
	return 0;
}

static int read_limit(const char *text, int *ret)
{
	char *end;
	errno = 0;
	long n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < 1 || n > MOST)
		return -1;
	*ret = (int)n;
	return 0;
}

int fb_cmd_history(struct fb_cli *cli)
{
	const char *limit_text = fb_cli_option(cli, "limit"), *since_text = fb_cli_option(cli, "since");
	struct fb_execution_filter filter = {.environment = cli->request.environment, .service = fb_cli_option(cli, "service"), .limit = 20};
	struct fb_execution *v;
	struct fb_err err = {0};
	struct fb_text t = {0};
	int64_t now = fb_clock_wall_ms(), since = 0;
	json_t *list;
	size_t n;
	int code;
	if (limit_text && read_limit(limit_text, &filter.limit) != 0)
		return fb_cli_fail(cli, FB_EXIT_USAGE, "--limit '%s' is not a number from 1 to %d", limit_text, MOST);
	if (since_text && fb_cli_since(since_text, now, &since) != 0)
		return fb_cli_fail(cli, FB_EXIT_USAGE, "--since '%s' is neither a date (2026-01-20, 2026-01-20T11:00:00Z) nor a time back (12h, 7d)", since_text);
	code = fb_cli_journal(cli, FB_JOURNAL_READ);
	if (code)
		return code;
	if (fb_journal_executions(cli->journal, &filter, &v, &n, &err) != 0)
		return fb_cli_fail_err(cli, &err);
	list = json_array();
	for (size_t i = 0; i < n && v[i].started_ms >= since; i++) { /* newest first */
		if (cli->json)
			json_array_append_new(list, fb_row_execution_json(&v[i]));
		else
			fb_row_execution(&cli->out, &v[i], now, &t);
	}
	fb_executions_free(v, n);
	if (cli->json)
		return fb_cli_print_json(cli, json_pack("{s:s, s:o}", "schema", "failback.history/1", "executions", list), FB_EXIT_DONE);
	json_decref(list);
	if (t.n == 0)
		fb_text_puts(&t, "no such execution\n");
	return fb_cli_print(cli, &t, FB_EXIT_DONE);
}
