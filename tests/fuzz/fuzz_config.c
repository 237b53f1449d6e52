/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as failback.conf: read, checked against plugins, frozen into a rollback. */
#include "tests/fuzz/fuzz_conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *path = put("failback.conf", data, size);
	struct fb_config_request request = {.file = path};
	struct fb_freeze_request rollback = {.kind = "rollback"};
	struct fb_config *config = NULL;
	struct fb_errs errs = {0};
	json_t *chain = NULL;

	must_hold(fb_config_load_all(&request, &config, &errs), &errs);
	if (errs.n) {
		(void)!fb_config_check(config, &fake_catalog, &errs);
	} else {
		must_hold(fb_config_check(config, &fake_catalog, &errs), &errs);
		fb_errs_clear(&errs);
		must_hold(fb_config_freeze(config, &rollback, &fake_catalog, &chain, &errs), &errs);
		if (chain)
			must_be_whole(chain);
	}
	json_decref(chain);
	fb_errs_clear(&errs);
	fb_config_free(config);
	fb_free(path);
	return 0;
}
