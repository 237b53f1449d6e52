/* SPDX-License-Identifier: Apache-2.0 */
/* Fills what the engine keeps: output, lines, facts, reports, and evidence, without an end. */
#include "adversary.h"

static int32_t run(const struct fb_call *c)
{
	static char value[200001], line[4096];

	memset(value, 'v', sizeof value - 1);
	memset(line, 'l', sizeof line);
	for (int i = 0; i < 100000; i++) {
		char key[32];

		snprintf(key, sizeof key, "key-%d", i);
		fwrite(line, 1, sizeof line, stdout);
		c->host->log(c, FB_LOG_ERROR, "line %d", i);
		c->host->fact_set(c, FB_SCOPE_SERVICE, key, value);
		c->host->advise(c, value, value);
		c->host->evidence_text(c, key, key, value, sizeof value - 1);
	}
	return FB_OK;
}

ADVERSARY("floods")
