/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as what an S3 service answers: paths stay short, texts have no zero byte, what is refused is explained. */
#include <stdlib.h>
#include <string.h>

#include "store/s3_xml.h"
#include "tests/fuzz/fuzz.h"

const char *const fuzz_words[] = {"<ListBucketResult>", "</ListBucketResult>", "<Contents>", "</Contents>", "<Key>", "</Key>", "<E/>", "&amp;", "&#x41;", "&#0;", "<?xml?>", "<!--", "-->", "<!DOCTYPE", "='\"", NULL};

static int leaf(void *ctx, const char *path, const char *text, struct fb_err *err)
{
	size_t *leaves = ctx;

	(void)err;
	if (!*path || strlen(path) > 600 || (text && strlen(text) > 1 << 20))
		abort();
	++*leaves;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fb_err err = {0};
	size_t leaves = 0;

	if (fb_s3_xml_read((const char *)data, size, leaf, &leaves, &err) == 0 ? !leaves : !err.text[0])
		abort();
	return 0;
}
