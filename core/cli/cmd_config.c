/* SPDX-License-Identifier: Apache-2.0 */
/* failback config check */
#include <string.h>

#include "cli/cli.h"
#include "cli/pool.h"

struct fb_pool *fb_cli_pool(struct fb_cli *cli)
{
	json_t *sandboxes = fb_config_sandboxes(cli->config, NULL);
	struct fb_pool_options options = {
		.host_program = fb_cli_host_program(),
		.plugin_dirs = fb_config_plugin_dirs(cli->config),
		.trusted_owner = fb_config_trusted_owner(cli->config),
		.sandboxes = sandboxes,
		.loads_only = true,
	};
	struct fb_pool *pool = fb_pool_new(&options);
	json_decref(sandboxes);
	return pool;
}

int fb_cli_check_all(struct fb_cli *cli, int plan_count)
{
	struct fb_errs errs = {0};
	struct fb_catalog_fn catalog;
	struct fb_pool *pool;
	bool bad;
	int code = 0;
	bad = fb_config_load_all(&cli->request, &cli->config, &errs) != 0;
	pool = fb_cli_pool(cli);
	catalog = fb_pool_catalog(pool);
	bad |= fb_config_check(cli->config, &catalog, &errs) != 0;
	for (int i = 0; i < plan_count; i++)
		bad |= fb_config_check_plan(cli->config, cli->operands[i], &catalog, &errs) != 0;
	fb_pool_free(pool);
	if (bad) {
		code = fb_cli_fail_errs(cli, &errs, FB_EXIT_CONFIG);
		fb_config_free(cli->config); /* not fit to be used */
		cli->config = NULL;
	}
	fb_errs_clear(&errs);
	return code;
}

int fb_cmd_config_check(struct fb_cli *cli)
{
	int code = fb_cli_check_all(cli, cli->operand_count);
	if (code)
		return code;
	if (cli->json)
		return fb_cli_print_json(cli, json_pack("{s:s, s:s, s:[], s:i}", "schema", "failback.config/1", "environment", fb_config_environment(cli->config), "errors", "plans",
						       cli->operand_count), FB_EXIT_DONE);
	printf("the configuration is right (environment %s)", fb_config_environment(cli->config));
	printf(cli->operand_count == 0 ? "\n" : cli->operand_count == 1 ? ", and so is the plan\n" : ", and so are the %d plans\n", cli->operand_count);
	return FB_EXIT_DONE;
}
