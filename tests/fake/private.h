/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the fake host share. Not for tests. */
#ifndef FB_TESTS_FAKE_PRIVATE_H
#define FB_TESTS_FAKE_PRIVATE_H

#include "tests/fake/host.h"

struct fake_private {
	struct fb_host host;
	char *dir;             /* the test's own directory: scratch, archive, logs */
	char *scratch, *archive;
	json_t *answers;       /* key: answer */
	json_t *lost;          /* key: true: acted is lost */
	json_t *journal;       /* "operation/direction/key": {"done": bool, "open": bool, "result"} */
	bool refused;          /* act answered NO in this call */
	char *kept[8];         /* what was returned last, by function */
	char *health_text;
};
enum { KEPT_OPTION, KEPT_KEY, KEPT_FACT, KEPT_RESULT, KEPT_OUTPUT, KEPT_DOCUMENT, KEPT_JSON, KEPT_SPARE };

/* Keeps a text for the plugin and frees the one before. Returns it. */
const char *fake_keep(struct fake *f, int slot, char *text);

json_t *fake_normalise(const struct fb_plugin *plugin, const char *options_json, char **ret_why);
const json_t *fake_find(const json_t *v, const char *path); /* "a.b", "items[2].path" */
char *fake_scalar_text(const json_t *v);                    /* NULL: not a scalar */

extern const struct fb_host fake_table;
int32_t fake_run(const struct fb_call *call, const struct fb_command *command, struct fb_command_result *ret);
int32_t fake_start_service(const struct fb_call *call, const char *name, const struct fb_command *command, int64_t *ret_pid);
int32_t fake_stop_service(const struct fb_call *call, const char *name, int64_t grace_ms);
int64_t fake_service_pid(const struct fb_call *call, const char *name);

#endif
