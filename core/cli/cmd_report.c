/* SPDX-License-Identifier: Apache-2.0 */
/* failback report */
#include <string.h>

#include "cli/cli.h"
#include "cli/render.h"
#include "recovery/report.h"

int fb_cmd_report(struct fb_cli *cli)
{
	const char *format = fb_cli_option(cli, "format");
	struct fb_execution e = {0};
	struct fb_err err = {0};
	struct fb_text t = {0};
	json_t *report;
	int code;
	if (!format)
		format = cli->json ? "json" : "text";
	if (strcmp(format, "text") != 0 && strcmp(format, "json") != 0 && strcmp(format, "markdown") != 0)
		return fb_cli_fail(cli, FB_EXIT_USAGE, "there is no format '%s'; there are text, json and markdown", format);
	if (cli->json && strcmp(format, "json") != 0)
		return fb_cli_fail(cli, FB_EXIT_USAGE, "--json and --format %s ask for two different things", format);
	code = fb_cli_journal(cli, FB_JOURNAL_READ);
	if (!code)
		code = fb_cli_execution(cli, cli->operands[0], &e);
	if (code)
		return code;
	report = fb_report_build(cli->journal, e.id, &err);
	fb_execution_clear(&e);
	if (!report)
		return fb_cli_fail_err(cli, &err);
	if (strcmp(format, "json") == 0)
		return fb_cli_print_json(cli, report, FB_EXIT_DONE);
	if (strcmp(format, "markdown") == 0)
		fb_render_markdown(report, &t);
	else
		fb_render_text(&cli->out, report, &t);
	json_decref(report);
	return fb_cli_print(cli, &t, FB_EXIT_DONE);
}
