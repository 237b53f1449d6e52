/* SPDX-License-Identifier: Apache-2.0 */
/* failback deploy */
#include "cli/follow.h"
#include "cli/pool.h"

int fb_cmd_deploy(struct fb_cli *cli)
{
	struct fb_engine_request request = {
		.kind = "deploy",
		.plan_file = cli->operands[0],
		.release = fb_cli_option(cli, "release"),
		.deployment_id = fb_cli_option(cli, "deployment-id"),
		.approve = fb_cli_option(cli, "approve") != NULL,
	};
	struct fb_errs errs = {0};
	/* When something is wrong, everything that is wrong is told. */
	if (fb_config_load(&cli->request, &cli->config, &errs) != 0) {
		int code = fb_cli_check_all(cli, 1);
		if (code == 0)
			code = fb_cli_fail_errs(cli, &errs, FB_EXIT_CONFIG); /* it was mended in between */
		fb_errs_clear(&errs);
		return code;
	}
	return fb_follow_launch(cli, &request);
}
