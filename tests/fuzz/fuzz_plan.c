/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a plan, frozen under a configuration with two services. */
#include "tests/fuzz/fuzz_conf.h"

static const char conf[] =
	"services = ( { name = \"backend\"; strategy = { use = \"blue-green\"; backend = \"web\"; blue = { server = \"b\"; }; }; },\n"
	"  { name = \"frontend\"; depends_on = [ \"backend\" ]; strategy = { use = \"immediate\"; }; } );\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *config_path = put("failback.conf", conf, sizeof conf - 1), *path = put("plan.conf", data, size);
	struct fb_config_request request = {.file = config_path};
	struct fb_freeze_request deploy = {.kind = "deploy", .plan_file = path};
	struct fb_config *config = NULL;
	struct fb_errs errs = {0};
	json_t *chain = NULL;
	int frozen;

	if (fb_config_load(&request, &config, &errs) < 0)
		abort();
	frozen = fb_config_freeze(config, &deploy, &fake_catalog, &chain, &errs);
	must_hold(frozen, &errs);
	if (chain)
		must_be_whole(chain);
	json_decref(chain);
	fb_errs_clear(&errs);
	if (fb_config_check_plan(config, path, &fake_catalog, &errs) != frozen)
		abort();
	fb_errs_clear(&errs);
	fb_config_free(config);
	fb_free(config_path);
	fb_free(path);
	return 0;
}
