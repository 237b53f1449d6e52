/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the targets for configuration and plan: a folder, the words, what must hold of every answer. */
#ifndef TESTS_FUZZ_CONF_H
#define TESTS_FUZZ_CONF_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_catalog.h"

const char *const fuzz_words[] = {
	"{", "}", "(", ")", "[", "]", "=", ";", ",", "\"", "\\", "\n", "#", "/*", "*/", "//", "@include \"failback.conf\"\n", "${env:A}", "${", "5000000000", "0xFFFFFFFFL",
	"-1", "1.5", "1e999", "true", "\"30s\"", "\"0s\"", "\"4MiB\"", "name = \"a\"; ", "use = \"http\"; ", "phase = \"types\"; ", "phase = \"verify\"; ", "run = \"x\"; ",
	"promote = \"backend\"; ", "parallel = ( ", "after = \"a\"; ", "fallback = { ", "undo = ", "options = { ", "strategy = { ", "depends_on = [ \"backend\" ]; ",
	"services = ( ", "checks = ( ", "on = [ \"rollback.*\" ]; ", "items = ( { path = \"/a\"; } ); ", NULL};

static char folder[64];

static void remove_folder(void)
{
	fake_clear();
	(void)fb_io_remove_tree(folder);
}

static const char *make_folder(void)
{
	if (!*folder) {
		strcpy(folder, "/tmp/failback-fuzz-XXXXXX");
		if (!mkdtemp(folder))
			abort();
		atexit(remove_folder);
	}
	return folder;
}

static char *put(const char *name, const void *data, size_t size)
{
	char *path = fb_asprintf("%s/%s", make_folder(), name);

	FILE *file = fopen(path, "w");

	if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0)
		abort();
	return path;
}

static void must_hold(int answer, const struct fb_errs *errs)
{
	if ((answer == 0) != (errs->n == 0))
		abort();
	for (size_t i = 0; i < errs->n; i++)
		if (!errs->v[i].code || !errs->v[i].text[0] || errs->v[i].line < 0)
			abort();
}

/* A chain that was frozen is whole JSON text that reads back the same. */
static void must_be_whole(const json_t *chain)
{
	char *text = json_dumps(chain, JSON_COMPACT);
	json_t *again = text ? json_loads(text, 0, NULL) : NULL;

	if (!again || !json_equal(chain, again) || !json_object_get(chain, "plugins"))
		abort();
	json_decref(again);
	free(text);
}

#endif
