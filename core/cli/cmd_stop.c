/* SPDX-License-Identifier: Apache-2.0 */
/* failback stop */
#include "base/mem.h"
#include "cli/cli.h"
#include "recovery/report.h"

/* Is users' traffic being brought back right now? Then only --force stops it. 1: yes, 0: no, -1: err. */
static int in_recovery(struct fb_cli *cli, const struct fb_execution *e, struct fb_err *err)
{
	char *clocks;
	json_t *o;
	int yes = fb_streq(e->kind, "rollback");
	if (yes)
		return 1;
	clocks = fb_journal_clocks(cli->journal, e->id, err);
	if (!clocks)
		return -1;
	o = json_loads(clocks, 0, NULL);
	yes = json_is_object(json_object_get(o, "detected"));
	json_decref(o);
	fb_free(clocks);
	return yes;
}

static int stop(struct fb_cli *cli, const struct fb_execution *e)
{
	bool force = fb_cli_option(cli, "force") != NULL;
	const char *status = fb_report_status(e);
	struct fb_err err = {0};
	char actor[96];
	int recovery;
	if (e->ended_ms)
		return fb_cli_fail(cli, FB_EXIT_REFUSED, "%s has ended (%s); nothing was stopped", e->id, status);
	if (fb_streq(status, "waiting_approval"))
		return fb_cli_fail(cli, FB_EXIT_REFUSED, "%s does not run, it waits for approval: failback reject %s", e->id, e->id);
	if (fb_streq(status, "interrupted"))
		return fb_cli_fail(cli, FB_EXIT_REFUSED, "%s does not run, its engine is gone; go on with it: failback resume %s", e->id, e->id);
	recovery = in_recovery(cli, e, &err);
	if (recovery < 0)
		return fb_cli_fail_err(cli, &err);
	if (recovery && !force)
		return fb_cli_fail(cli, FB_EXIT_REFUSED, "%s is recovering; to stop that leaves things half done. To do it all the same: failback stop %s --force", e->id, e->id);
	if (fb_journal_ask_stop(cli->journal, e->id, force ? 2 : 1, fb_cli_actor(actor, sizeof actor), &err) != 0)
		return fb_cli_fail_err(cli, &err);
	if (cli->json)
		return fb_cli_print_json(cli, json_pack("{s:s, s:s, s:b}", "schema", "failback.stop/1", "execution_id", e->id, "force", force), FB_EXIT_DONE);
	printf("%s was asked to stop %s; follow it with: failback watch %s\n", e->id, force ? "at once" : "after its current action", e->id);
	return FB_EXIT_DONE;
}

int fb_cmd_stop(struct fb_cli *cli)
{
	struct fb_execution e = {0};
	int code = fb_cli_journal(cli, FB_JOURNAL_WRITE);
	if (!code)
		code = fb_cli_execution(cli, cli->operands[0], &e);
	if (!code)
		code = stop(cli, &e);
	fb_execution_clear(&e);
	return code;
}
