/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a manifest, and as records of a list of files: what is taken can be written again, and no path in it leaves its tree. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/document.h"
#include "store/list.h"
#include "store/manifest.h"
#include "tests/fuzz/fuzz.h"

const char *const fuzz_words[] = {"\"sum\"", "\"items\"", "[]", "{}", "\"tree\"", "\"stream\"", "\"size\": -1", "9223372036854775807", "../", "/", "\"encrypted\": true", "\"object\"",
				  "\\u0000", "R", "f", "\xff\xff\xff\xff", NULL};

/* A mutation breaks the sum, so the text is taken as an object, and its sum made to fit: what lies behind that check is to be tried, too. */
static void as_manifest(const uint8_t *data, size_t size)
{
	struct fb_manifest m;
	struct fb_err err = {0};
	json_t *o = json_loadb((const char *)data, size, 0, NULL);
	char *text;
	size_t n;

	if (fb_manifest_parse((const char *)data, size, NULL, NULL, &m, &err) == 0)
		fb_manifest_clear(&m);
	else if (!err.text[0])
		abort();
	if (!json_is_object(o)) {
		json_decref(o);
		return;
	}
	text = fb_document_text(o, &n);
	json_decref(o);
	if (fb_manifest_parse(text, n, NULL, NULL, &m, &err) == 0) {
		for (size_t i = 0; i < m.n; i++)
			if (!fb_store_name_valid(m.items[i].name) || m.items[i].ref.size > FB_CONTENT_LIMIT)
				abort();
		fb_manifest_clear(&m);
	}
	fb_free(text);
}

static void stays_below(const char *path)
{
	if (*path == '/' || !strcmp(path, "..") || fb_has_prefix(path, "../") || strstr(path, "/../") || (strlen(path) > 2 && !strcmp(path + strlen(path) - 3, "/..")))
		abort();
}

static void as_records(const uint8_t *data, size_t size)
{
	struct fb_entry e;
	struct fb_err err = {0};
	struct fb_text again = {0};
	const char *name;
	const void *value;
	size_t at = 0, n;

	if (fb_entry_decode(data, size, &e, &err) < 0) {
		if (!err.text[0])
			abort();
		return;
	}
	if (e.type != 'R')
		stays_below(e.path);
	if (e.hard)
		stays_below(e.link);
	while (fb_entry_xattr(&e, &at, &name, &value, &n))
		if (n > e.xattrs_size)
			abort();
	fb_entry_encode(&e, &again);
	if (again.n != size || memcmp(again.p, data, size) != 0)
		abort();
	fb_text_clear(&again);
	fb_entry_clear(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size && data[0] == '{')
		as_manifest(data, size);
	else
		as_records(data, size);
	return 0;
}
