/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the exec plugins share: a fake host whose plugin runs a text of sh, or one of the shipped examples. Included after cmocka.h. */
#ifndef FB_PLUGINS_TEST_EXEC_H
#define FB_PLUGINS_TEST_EXEC_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/fake/host.h"

/* Options of a plugin that runs a text of sh. more: ", \"grace\": \"1s\"" or "". */
static inline char *sh_options(const char *script, const char *more)
{
	json_t *run = json_string(script);
	char *quoted = json_dumps(run, JSON_ENCODE_ANY), *ret = fb_asprintf("{\"run\": %s%s}", quoted, more);

	free(quoted);
	json_decref(run);
	return ret;
}

static inline struct fake *sh_fake(const char *plugin, const char *script, const char *more)
{
	char *options = sh_options(script, more);
	struct fake *f = fake_new(plugin, options);

	fb_free(options);
	return f;
}

/* A shipped example; those in Python need it. */
static inline struct fake *example_fake(const char *plugin, const char *name, const char *more)
{
	char *options = fb_asprintf("{\"run\": [\"%s/%s\"]%s}", FB_EXAMPLES, name, more);
	struct fake *f;

	if (strstr(name, ".py") && access("/usr/bin/python3", X_OK)) {
		if (getenv("CI"))
			fail_msg("/usr/bin/python3 is not installed");
		skip();
	}
	f = fake_new(plugin, options);
	fb_free(options);
	return f;
}

static inline void assert_says(const struct fake *f, const char *part)
{
	if (!f->message || !strstr(f->message, part))
		fail_msg("the message is '%s', without '%s'", f->message ? f->message : "(none)", part);
}

/* What a program has written into its scratch folder; to be freed. */
static inline char *scratch_text(const struct fake *f, const char *name)
{
	char *path = fb_asprintf("%s/%s", f->call.scratch, name), *text = fb_alloc(65536);
	FILE *file = fopen(path, "re");

	if (!file)
		fail_msg("%s was not written", path);
	text[fread(text, 1, 65535, file)] = 0;
	fclose(file);
	fb_free(path);
	return text;
}

#endif
