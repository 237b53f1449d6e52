/* SPDX-License-Identifier: Apache-2.0 */
/* failback audit verify */
#include <ctype.h>
#include <string.h>

#include "cli/cli.h"

static bool is_head(const char *s)
{
	size_t n = 0;
	while (isxdigit((unsigned char)s[n]))
		n++;
	return n == 64 && !s[n];
}

int fb_cmd_audit_verify(struct fb_cli *cli)
{
	const char *head = fb_cli_option(cli, "head");
	struct fb_err err = {0};
	int64_t rows = 0;
	char newest[65] = "";
	int code, r;
	if (head && !is_head(head))
		return fb_cli_fail(cli, FB_EXIT_USAGE, "--head '%s' is not a head: 64 hexadecimal digits, as at the end of a report", head);
	code = fb_cli_journal(cli, FB_JOURNAL_READ);
	if (code)
		return code;
	r = fb_journal_audit_verify(cli->journal, head, &rows, newest, &err);
	if (r < 0)
		return fb_cli_fail_err(cli, &err);
	code = r == 0 ? FB_EXIT_DONE : FB_EXIT_FAILED;
	if (cli->json)
		return fb_cli_print_json(cli, json_pack("{s:s, s:b, s:I, s:s, s:s?, s:s?}", "schema", "failback.audit/1", "whole", r == 0, "rows", (json_int_t)rows, "head", newest,
						       "asked_head", head, "error", r ? err.text : NULL), code);
	if (r)
		return fb_cli_fail(cli, code, "the audit trail is broken: %s", err.text);
	printf("the audit trail is whole: %lld rows, head %s\n", (long long)rows, *newest ? newest : "(none)");
	return code;
}
