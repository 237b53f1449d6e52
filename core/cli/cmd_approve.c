/* SPDX-License-Identifier: Apache-2.0 */
/* failback approve, failback reject */
#include "base/io.h"
#include "cli/follow.h"

static int decide(struct fb_cli *cli, bool approved, const char *text, char id[FB_ID_SIZE])
{
	struct fb_execution e = {0};
	struct fb_err err = {0};
	char actor[96];
	int code = fb_cli_journal(cli, FB_JOURNAL_WRITE | (approved ? FB_JOURNAL_ROOM : 0)), r;
	if (!code)
		code = fb_cli_execution(cli, cli->operands[0], &e);
	if (code)
		return code;
	snprintf(id, FB_ID_SIZE, "%s", e.id);
	fb_execution_clear(&e);
	r = fb_journal_approval_decide(cli->journal, id, approved, fb_cli_actor(actor, sizeof actor), text, &err);
	if (r > 0)
		code = fb_cli_fail(cli, FB_EXIT_REFUSED, "%s", *err.text ? err.text : "it does not wait for approval");
	else if (r < 0)
		code = fb_cli_fail_err(cli, &err);
	fb_journal_close(cli->journal); /* no database may be open when the engine is forked */
	cli->journal = NULL;
	return code;
}

int fb_cmd_approve(struct fb_cli *cli)
{
	char id[FB_ID_SIZE];
	struct fb_engine_request request = {.kind = "approved", .execution = id};
	int code = decide(cli, true, NULL, id);
	return code ? code : fb_follow_launch(cli, &request);
}

int fb_cmd_reject(struct fb_cli *cli)
{
	char id[FB_ID_SIZE];
	const char *reason = fb_cli_option(cli, "reason");
	int code = decide(cli, false, reason, id);
	if (code)
		return code;
	if (cli->json)
		return fb_cli_print_json(cli, json_pack("{s:s, s:s, s:s, s:s?}", "schema", "failback.decision/1", "execution_id", id, "decision", "rejected", "reason", reason),
					 FB_EXIT_DONE);
	printf("%s is rejected; nothing was changed\n", id);
	return FB_EXIT_DONE;
}
