/* SPDX-License-Identifier: Apache-2.0 */
/* failback report */
#include <string.h>

#include "cli/cli.h"
#include "cli/render.h"
#include "recovery/report.h"

static bool is_format(const char *format)
{
	static const char *const formats[] = {"text", "json", "markdown", "html", "junit"};

	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		if (strcmp(format, formats[i]) == 0)
			return true;
	return false;
}

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
	if (!is_format(format))
		return fb_cli_fail(cli, FB_EXIT_USAGE, "there is no format '%s'; there are text, json, markdown, html and junit", format);
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
	else if (strcmp(format, "html") == 0)
		fb_render_html(report, &t);
	else if (strcmp(format, "junit") == 0)
		fb_render_junit(report, &t);
	else
		fb_render_text(&cli->out, report, &t);
	json_decref(report);
	return fb_cli_print(cli, &t, FB_EXIT_DONE);
}
