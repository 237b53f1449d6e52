/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a file of signatures: each is whole, or an error says what is wrong with which file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/lint.h"
#include "base/io.h"
#include "tests/fuzz/fuzz.h"

const char *const fuzz_words[] = {"signatures = ( {", "} );", "id = \"a\";", "category = \"crash\";", "match = \"", "%q(?<x>%s)%q", "(?<", "[^", "\\\\", "\";", "role = \"step\";", "weight = 50;", "unless = [ \"", "parameter = \"${x}\";",
				  "fixes = ( { priority = \"high\"; action = \"do ${x}\"; } );", "example = \"", NULL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char folder[64], path[80];
	const char *folders[] = {folder, NULL};
	struct fb_signatures s;
	struct fb_errs errs = {0}, warnings = {0};
	FILE *f;
	int r;

	snprintf(folder, sizeof folder, "/tmp/fuzz-signatures-%d", (int)getpid());
	snprintf(path, sizeof path, "%s/a.conf", folder);
	if (fb_io_make_folders(folder, 0700, &(struct fb_err){0}) < 0 || !(f = fopen(path, "w")) || fwrite(data, 1, size, f) != size || fclose(f))
		abort();
	r = fb_signatures_read(folders, &s, &errs);
	fb_io_remove_tree(folder);
	if ((r < 0) != (errs.n > 0))
		abort();
	for (size_t i = 0; i < s.n; i++)
		if (!s.v[i].id || !s.v[i].category || !fb_category_text(s.v[i].category) || !s.v[i].match[0] || s.v[i].weight < 0 || s.v[i].weight > 100 || s.v[i].role > FB_ROLE_END)
			abort();
	if ((r = fb_lint(&s, NULL, &errs, &warnings)) < 0 && !errs.n)
		abort();
	fb_signatures_clear(&s);
	fb_errs_clear(&errs);
	fb_errs_clear(&warnings);
	return 0;
}
