/* SPDX-License-Identifier: Apache-2.0 */
/* failback deploy */
#include "cli/follow.h"

int fb_cmd_deploy(struct fb_cli *cli)
{
	struct fb_engine_request request = {
		.kind = "deploy",
		.plan_file = cli->operands[0],
		.release = fb_cli_option(cli, "release"),
		.deployment_id = fb_cli_option(cli, "deployment-id"),
		.approve = fb_cli_option(cli, "approve") != NULL,
	};
	return fb_follow_launch(cli, &request);
}
