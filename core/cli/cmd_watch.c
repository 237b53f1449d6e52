/* SPDX-License-Identifier: Apache-2.0 */
/* failback watch */
#include "base/io.h"
#include "cli/follow.h"

int fb_cmd_watch(struct fb_cli *cli)
{
	struct fb_execution e = {0};
	char id[FB_ID_SIZE] = "";
	int code = fb_cli_journal(cli, FB_JOURNAL_READ);
	if (!code)
		code = fb_cli_execution(cli, cli->operands[0], &e);
	if (code)
		return code;
	snprintf(id, sizeof id, "%s", e.id);
	fb_execution_clear(&e);
	return fb_follow_execution(cli, id);
}
