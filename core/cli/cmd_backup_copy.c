/* SPDX-License-Identifier: Apache-2.0 */
/* failback backup copy and fetch: a set to the copies that backup_store names, and back from one */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "cli/backup/copies.h"
#include "cli/backup/sets.h"
#include "cli/backup/tool.h"
#include "cli/cli.h"
#include "cli/rows.h"

static bool has_copies(struct fb_cli *cli, int *ret_code)
{
	if (json_array_size(fb_config_backup_store(cli->config)->copies))
		return true;
	*ret_code = fb_cli_fail(cli, FB_EXIT_USAGE, "backup_store has no copies: name them in the configuration (failback.conf(5))");
	return false;
}

static int audit(struct fb_cli *cli, const char *action, const char *set, const char *copy)
{
	char actor[96], *detail = fb_asprintf("%s, %s", set, copy);
	struct fb_err err = {0};
	int r = cli->journal ? fb_journal_audit(cli->journal, NULL, fb_cli_actor(actor, sizeof actor), action, detail, &err) : 0;

	fb_free(detail);
	return r < 0 ? fb_cli_fail_err(cli, &err) : 0;
}

/* "+ offsite  sent, 12 objects, 3.4 MiB in 1.2 s, s3://…" */
static void put_done(const struct fb_style *s, const json_t *row, struct fb_text *t)
{
	const char *state = json_string_value(json_object_get(row, "state"));
	char size[FB_ROW_SIZE];

	fb_style_put(s, t, FB_TONE_GOOD, fb_style_mark(s, FB_MARK_OK));
	fb_text_printf(t, " %s: %s", json_string_value(json_object_get(row, "name")), state);
	if (json_integer_value(json_object_get(row, "bytes")))
		fb_text_printf(t, ", %s in %.1f s", fb_row_size((uint64_t)json_integer_value(json_object_get(row, "bytes")), size), json_number_value(json_object_get(row, "seconds")));
	fb_text_puts(t, ", ");
	fb_style_safe(s, t, json_string_value(json_object_get(row, "location")));
	fb_text_puts(t, "\n");
}

static int tell(struct fb_cli *cli, const char *schema, const char *set, json_t *rows, int code)
{
	struct fb_text t = {0};
	const json_t *row;
	size_t i;

	if (cli->json)
		return fb_cli_print_json(cli, json_pack("{s:s, s:s, s:O}", "schema", schema, "set", set, "copies", rows), code);
	json_array_foreach(rows, i, row)
		put_done(&cli->out, row, &t);
	return t.n ? fb_cli_print(cli, &t, code) : code;
}

/* Runs failback-store with a location. 0: *ret_row says what came of it. */
static int run(struct fb_cli *cli, const char *command, const json_t *copy, const char *set, const char *digest, const char *doing, json_t *rows)
{
	const char *args[] = {command, "-", "--set", set, digest ? "--digest" : NULL, digest, NULL};
	struct fb_tool_call call = {.args = args, .doing = doing, .about = set, .key = true};
	struct fb_tool_answer a;
	char *location, *what;
	int code = 0;

	location = fb_copy_location(cli, copy, &code);
	if (!location)
		return code;
	call.input = location;
	fb_tool_run(cli, &call, &a);
	fb_copy_location_end(location);
	if (a.code == 0) {
		const json_t *one = json_array_get(json_object_get(a.json, "sets"), 0);
		const json_t *bytes = json_object_get(a.json, "bytes_sent");

		json_array_append_new(rows, json_pack("{s:s, s:O?, s:O?, s:O?, s:O?}", "name", fb_copy_name(copy), "state", json_object_get(one, "state"), "location", json_object_get(a.json, "location"),
						      "bytes", bytes ? bytes : json_object_get(a.json, "bytes_fetched"), "seconds", json_object_get(a.json, "seconds")));
	} else {
		what = fb_asprintf("the set %s was not %s '%s'", set, !strcmp(command, "push") ? "sent to the copy" : "fetched from the copy", fb_copy_name(copy));
		code = fb_tool_fail(cli, &a, FB_EXIT_FAILED, what);
		fb_free(what);
	}
	fb_tool_clear(&a);
	return code;
}

int fb_cmd_backup_copy(struct fb_cli *cli)
{
	const char *to = fb_cli_option(cli, "to");
	const json_t *one = NULL, *wanted = NULL;
	const struct fb_set *set = NULL;
	json_t *rows = json_array();
	struct fb_sets s;
	int code = fb_sets_read(cli, FB_JOURNAL_CREATE | FB_JOURNAL_DEGRADE, &s), failed = 0;
	size_t i;

	if (code == 0 && has_copies(cli, &code))
		set = fb_sets_find(cli, &s, cli->operands[0], &code);
	if (set && to)
		wanted = fb_copy_find(cli, to, &code);
	if (set && code == 0) {
		json_array_foreach(fb_config_backup_store(cli->config)->copies, i, one) {
			if (to && one != wanted)
				continue;
			code = run(cli, "push", one, set->id, set->recorded, "sending", rows);
			if (code == 0)
				code = audit(cli, "backup.copied", set->id, fb_copy_name(one));
			failed = failed ? failed : code;
			if (code == FB_EXIT_STOPPED)
				break;
		}
		code = json_array_size(rows) || !failed ? tell(cli, "failback.backup-copy/1", set->id, rows, failed) : failed;
	}
	json_decref(rows);
	fb_sets_clear(&s);
	return code;
}

/* ---- fetch ---- */

/* The id that text stands for at the location: itself, the one that begins so, or the newest. To be freed; NULL with *ret_code. */
static char *find_set(struct fb_cli *cli, const json_t *copy, const char *text, int *ret_code)
{
	static const char *const args[] = {"list", "--at", "-", NULL};
	struct fb_tool_call call = {.args = args, .key = true};
	struct fb_tool_answer a;
	const json_t *row, *best = NULL;
	char *location = fb_copy_location(cli, copy, ret_code), *id = NULL;
	size_t i, n = 0;

	if (!location)
		return NULL;
	call.input = location;
	fb_tool_run(cli, &call, &a);
	fb_copy_location_end(location);
	if (a.code != 0) {
		*ret_code = fb_tool_fail(cli, &a, FB_EXIT_FAILED, "cannot list what the copy has");
		fb_tool_clear(&a);
		return NULL;
	}
	json_array_foreach(json_object_get(a.json, "sets"), i, row) {
		const char *set = json_string_value(json_object_get(row, "set")), *created = json_string_value(json_object_get(row, "created"));
		const char *than = json_string_value(json_object_get(best, "created"));

		if (fb_streq(set, text)) {
			best = row;
			n = 1;
			break;
		}
		if (strcmp(text, "latest") == 0 ? created && (!than || strcmp(created, than) > 0) : set && fb_has_prefix(set, text)) {
			best = row;
			n = strcmp(text, "latest") == 0 ? 1 : n + 1;
		}
	}
	if (n == 1)
		id = fb_strdup(json_string_value(json_object_get(best, "set")));
	else
		*ret_code = fb_cli_fail(cli, FB_EXIT_USAGE, n ? "the copy '%s' has more than one set that begins with '%s'; give more of it" : "the copy '%s' has no set '%s'", fb_copy_name(copy), text);
	fb_tool_clear(&a);
	return id;
}

int fb_cmd_backup_fetch(struct fb_cli *cli)
{
	const char *from = fb_cli_option(cli, "from");
	const json_t *copy = NULL;
	json_t *rows = json_array();
	char *id = NULL, *recorded;
	struct fb_sets s = {0};
	int code = fb_sets_read(cli, FB_JOURNAL_CREATE | FB_JOURNAL_DEGRADE, &s);

	if (code == 0 && has_copies(cli, &code)) {
		const json_t *copies = fb_config_backup_store(cli->config)->copies;

		if (from)
			copy = fb_copy_find(cli, from, &code);
		else if (json_array_size(copies) == 1)
			copy = json_array_get(copies, 0);
		else
			code = fb_cli_fail(cli, FB_EXIT_USAGE, "say which copy it is to come from: --from NAME");
	}
	if (copy)
		id = find_set(cli, copy, cli->operands[0], &code);
	if (id) {
		recorded = cli->journal ? fb_journal_fact(cli->journal, id, "", "backup.digest") : NULL;
		code = run(cli, "pull", copy, id, recorded, "fetching", rows);
		fb_free(recorded);
		if (code == 0)
			code = audit(cli, "backup.fetched", id, fb_copy_name(copy));
		if (code == 0)
			code = tell(cli, "failback.backup-fetch/1", id, rows, FB_EXIT_DONE);
	}
	fb_free(id);
	json_decref(rows);
	fb_sets_clear(&s);
	return code;
}
