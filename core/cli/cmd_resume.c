/* SPDX-License-Identifier: Apache-2.0 */
/* failback resume */
#include "base/mem.h"
#include "cli/follow.h"
#include "recovery/report.h"

/* The newest execution whose engine is gone; its id is to be freed. */
static int find_interrupted(struct fb_cli *cli, char **ret)
{
	struct fb_execution_filter filter = {.unfinished = true, .environment = cli->request.environment, .limit = 100};
	struct fb_execution *v;
	struct fb_err err = {0};
	size_t n;
	if (fb_journal_executions(cli->journal, &filter, &v, &n, &err) != 0)
		return fb_cli_fail_err(cli, &err);
	for (size_t i = 0; i < n && !*ret; i++)
		if (fb_streq(fb_report_status(&v[i]), "interrupted"))
			*ret = fb_strdup(v[i].id);
	fb_executions_free(v, n);
	return *ret ? 0 : fb_cli_fail(cli, FB_EXIT_REFUSED, "nothing is interrupted; 'failback status' shows what runs");
}

int fb_cmd_resume(struct fb_cli *cli)
{
	struct fb_engine_request request = {.kind = "resume"};
	struct fb_execution e = {0};
	char *id = NULL;
	int code = fb_cli_journal(cli, FB_JOURNAL_READ);
	if (code)
		return code;
	if (cli->operand_count == 0) {
		code = find_interrupted(cli, &id);
	} else {
		code = fb_cli_execution(cli, cli->operands[0], &e);
		if (!code && e.ended_ms)
			code = fb_cli_fail(cli, FB_EXIT_REFUSED, "%s has ended (%s); there is nothing to go on with", e.id, e.status);
		else if (!code && fb_streq(e.status, "waiting_approval"))
			code = fb_cli_fail(cli, FB_EXIT_REFUSED, "%s waits for approval: failback approve %s", e.id, e.id);
		else if (!code && e.owner_alive)
			code = fb_cli_fail(cli, FB_EXIT_REFUSED, "%s runs (engine %d); follow it with: failback watch %s", e.id, (int)e.owner.pid, e.id);
		else if (!code)
			id = fb_strdup(e.id);
		fb_execution_clear(&e);
	}
	fb_journal_close(cli->journal); /* no database may be open when the engine is forked */
	cli->journal = NULL;
	request.execution = id;
	if (!code)
		code = fb_follow_launch(cli, &request);
	fb_free(id);
	return code;
}
