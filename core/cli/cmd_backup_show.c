/* SPDX-License-Identifier: Apache-2.0 */
/* failback backup show: a set, an item of it, or the files in a tree */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "cli/backup/sets.h"
#include "cli/backup/tool.h"
#include "cli/cli.h"
#include "cli/render.h"
#include "cli/rows.h"

#define NAME_COLUMNS 28

static uint64_t number(const json_t *o, const char *name)
{
	json_int_t n = json_integer_value(json_object_get(o, name));

	return n > 0 ? (uint64_t)n : 0;
}

static void put_row(const struct fb_style *s, struct fb_text *t, const char *title, const char *text)
{
	if (!text || !*text)
		return;
	fb_text_printf(t, "  %-11s ", title);
	fb_style_safe(s, t, text);
	fb_text_puts(t, "\n");
}

static void put_stamp(const struct fb_style *s, struct fb_text *t, const char *title, const char *stamp)
{
	char *text = stamp ? fb_asprintf("%.10s %.8s UTC", stamp, strlen(stamp) > 19 ? stamp + 11 : "") : NULL;

	put_row(s, t, title, text);
	fb_free(text);
}

/* ---- a set ---- */

#define COPY_FACT "backup.copy."

/* What its execution recorded of its copies: [{"name", "state"}], a new reference. */
static json_t *copies_of(struct fb_cli *cli, const struct fb_set *set)
{
	struct fb_err err = {0};
	char *text = cli->journal && set->known ? fb_journal_facts(cli->journal, set->id, &err) : NULL;
	json_t *facts = text ? json_loads(text, 0, NULL) : NULL, *copies = json_array(), *value;
	const char *key;

	json_object_foreach(json_object_get(facts, ""), key, value)
		if (fb_has_prefix(key, COPY_FACT))
			json_array_append_new(copies, json_pack("{s:s, s:O}", "name", key + strlen(COPY_FACT), "state", value));
	json_decref(facts);
	fb_free(text);
	return copies;
}

static void put_places(struct fb_cli *cli, const json_t *copies, struct fb_text *t)
{
	const json_t *one;
	char *text;
	size_t i;

	put_row(&cli->out, t, "Store", fb_config_backup_store(cli->config)->path);
	json_array_foreach(copies, i, one) {
		text = fb_asprintf("%s: %s", fb_render_string(one, "name", "?"), fb_render_string(one, "state", "?"));
		put_row(&cli->out, t, i ? "" : "Copies", text);
		fb_free(text);
	}
}

static void put_head(const struct fb_style *s, const struct fb_set *set, const json_t *manifest, struct fb_text *t)
{
	static const char *const digests[] = {"not recorded in the journal", "as recorded in the journal when it was sealed", "NOT the one that the journal recorded"};
	char *needed = fb_set_needed_text(set), *digest = fb_asprintf("%s\n%s", set->digest ? set->digest : "-", digests[fb_set_digest(set)]);
	char *execution = set->known ? fb_asprintf("%s, %s, environment %s", set->title ? set->title : set->kind, set->status, set->environment) : NULL, size[FB_ROW_SIZE], stored[FB_ROW_SIZE];
	char *sizes = fb_asprintf("%s in %s", fb_row_size((uint64_t)set->size, size), fb_row_size((uint64_t)set->stored, stored));

	fb_style_put(s, t, FB_TONE_BOLD, set->id);
	fb_text_puts(t, "\n");
	put_stamp(s, t, "Sealed", json_string_value(json_object_get(manifest, "created")));
	put_row(s, t, "Execution", execution ? execution : "the journal has none of this id");
	put_row(s, t, "Size", sizes);
	fb_text_puts(t, "  Digest      ");
	fb_style_safe_lines(s, t, digest, 14);
	fb_text_puts(t, "\n");
	if (needed) {
		fb_text_puts(t, "  Kept        ");
		fb_style_on(s, t, FB_TONE_GOOD);
		fb_style_wrap(s, t, needed, 14);
		fb_style_off(s, t);
		fb_text_puts(t, "\n");
	}
	fb_free(sizes);
	fb_free(execution);
	fb_free(digest);
	fb_free(needed);
}

static void put_item_row(const struct fb_style *s, const json_t *item, struct fb_text *t)
{
	char size[FB_ROW_SIZE], stored[FB_ROW_SIZE], files[24] = "-";
	struct fb_text line = {0};

	if (json_object_get(item, "files"))
		snprintf(files, sizeof files, "%" PRIu64, number(item, "files"));
	fb_text_puts(&line, "  ");
	fb_row_cell(s, &line, fb_render_string(item, "name", "?"), NAME_COLUMNS);
	fb_text_puts(&line, " ");
	fb_row_cell(s, &line, fb_render_string(item, "kind", "?"), 12);
	fb_text_printf(&line, " %9s %9s %8s  %s", fb_row_size(number(item, "size"), size), fb_row_size(number(item, "stored"), stored), files,
		       json_is_true(json_object_get(item, "encrypted")) ? "encrypted" : "in the clear");
	fb_style_cut(s, t, line.p, s->width);
	fb_text_puts(t, "\n");
	fb_text_clear(&line);
}

static int put_set(struct fb_cli *cli, const struct fb_set *set, json_t *manifest)
{
	const struct fb_style *s = &cli->out;
	const json_t *items = json_object_get(manifest, "items"), *item;
	struct fb_text t = {0};
	json_t *copies;
	size_t i;

	if (cli->json) {
		json_t *o = fb_set_json(set);

		json_object_set_new(o, "schema", json_string("failback.backup-set/1"));
		json_object_set(o, "contents", (json_t *)items);
		json_object_set(o, "meta", json_object_get(manifest, "meta"));
		json_object_set_new(o, "copies", copies_of(cli, set));
		return fb_cli_print_json(cli, o, FB_EXIT_DONE);
	}
	put_head(s, set, manifest, &t);
	copies = copies_of(cli, set);
	put_places(cli, copies, &t);
	json_decref(copies);
	fb_text_puts(&t, "\n  ");
	fb_style_on(s, &t, FB_TONE_BOLD);
	fb_text_printf(&t, "%-*s %-12s %9s %9s %8s", NAME_COLUMNS, "item", "kind", "size", "stored", "files");
	fb_style_off(s, &t);
	fb_text_puts(&t, "\n");
	json_array_foreach(items, i, item)
		put_item_row(s, item, &t);
	return fb_cli_print(cli, &t, FB_EXIT_DONE);
}

/* ---- an item ---- */

static void put_paths(const struct fb_style *s, const json_t *item, struct fb_text *t)
{
	const json_t *root;
	size_t i;

	put_row(s, t, "Path", json_string_value(json_object_get(item, "path")));
	json_array_foreach(json_object_get(item, "roots"), i, root)
		put_row(s, t, i ? "" : "Trees", json_string_value(root));
}

static void put_told(const struct fb_style *s, const json_t *item, const char *count, const char *title, struct fb_text *t)
{
	char text[64];

	if (!number(item, count))
		return;
	snprintf(text, sizeof text, "%" PRIu64 " files", number(item, count));
	put_row(s, t, title, text);
}

static int put_item(struct fb_cli *cli, json_t *item)
{
	const struct fb_style *s = &cli->out;
	char size[FB_ROW_SIZE], stored[FB_ROW_SIZE], *text;
	struct fb_text t = {0};
	const char *key;
	json_t *value;

	if (cli->json)
		return fb_cli_print_json(cli, json_incref(item), FB_EXIT_DONE);
	fb_style_put(s, &t, FB_TONE_BOLD, fb_render_string(item, "name", "?"));
	fb_text_puts(&t, "\n");
	put_row(s, &t, "Kind", fb_render_string(item, "kind", "?"));
	put_row(s, &t, "Type", fb_render_string(item, "type", "?"));
	put_stamp(s, &t, "Taken", json_string_value(json_object_get(item, "created")));
	put_row(s, &t, "Source", json_string_value(json_object_get(item, "source")));
	put_paths(s, item, &t);
	text = fb_asprintf("%s in %s%s", fb_row_size(number(item, "size"), size), fb_row_size(number(item, "stored"), stored),
			   json_is_true(json_object_get(item, "encrypted")) ? ", encrypted" : ", in the clear");
	put_row(s, &t, "Size", text);
	fb_free(text);
	if (json_object_get(item, "files")) {
		text = fb_asprintf("%" PRIu64 " files, %" PRIu64 " folders, %" PRIu64 " links", number(item, "files"), number(item, "folders"), number(item, "links"));
		put_row(s, &t, "Has", text);
		fb_free(text);
	}
	put_told(s, item, "changed_files", "Changed", &t);
	put_told(s, item, "skipped_files", "Left out", &t);
	put_row(s, &t, "Hash", json_string_value(json_object_get(item, "hash")));
	json_object_foreach(json_object_get(item, "meta"), key, value) {
		struct fb_text title = {0};

		fb_style_safe(s, &title, key);
		put_row(s, &t, title.p ? title.p : "", json_string_value(value));
		fb_text_clear(&title);
	}
	return fb_cli_print(cli, &t, FB_EXIT_DONE);
}

/* ---- files: they can be millions, so each is printed as it comes ---- */

static void put_mode(struct fb_text *t, const char *type, unsigned mode)
{
	static const char letters[] = "rwxrwxrwx";
	char text[11];

	text[0] = fb_streq(type, "folder") ? 'd' : fb_streq(type, "link") ? 'l' : fb_streq(type, "fifo") ? 'p' : '-';
	for (int i = 0; i < 9; i++)
		text[i + 1] = mode & (0400u >> i) ? letters[i] : '-';
	if (mode & S_ISUID)
		text[3] = mode & S_IXUSR ? 's' : 'S';
	if (mode & S_ISGID)
		text[6] = mode & S_IXGRP ? 's' : 'S';
	if (mode & S_ISVTX)
		text[9] = mode & S_IXOTH ? 't' : 'T';
	text[10] = 0;
	fb_text_puts(t, text);
}

static void print_file(void *ctx, const char *line)
{
	struct fb_cli *cli = ctx;
	size_t n = strlen(line);
	struct fb_text t = {0};
	char at[FB_TIME_SIZE], size[FB_ROW_SIZE];
	json_t *o;

	if (cli->json) {
		puts(line);
		return;
	}
	if (strncmp(line, "  {", 3) != 0)
		return;
	o = json_loadb(line, line[n - 1] == ',' ? n - 1 : n, 0, NULL);
	if (!o)
		return;
	put_mode(&t, fb_render_string(o, "type", ""), (unsigned)number(o, "mode"));
	fb_clock_format((int64_t)json_integer_value(json_object_get(o, "mtime")) * 1000, at);
	at[10] = ' ';
	at[19] = 0;
	fb_text_printf(&t, " %5" PRIu64 " %5" PRIu64 " %8s  %s  ", number(o, "uid"), number(o, "gid"), json_object_get(o, "size") ? fb_row_size(number(o, "size"), size) : "-", at);
	fb_style_safe(&cli->out, &t, fb_render_string(o, "path", "?"));
	for (int i = 0; i < 2; i++) {
		const char *other = json_string_value(json_object_get(o, i ? "same_as" : "target"));

		if (!other)
			continue;
		fb_text_puts(&t, i ? " = " : " -> ");
		fb_style_safe(&cli->out, &t, other);
	}
	puts(t.p);
	fb_text_clear(&t);
	json_decref(o);
}

static int show(struct fb_cli *cli, const struct fb_set *set, const char *item, bool files)
{
	const char *args[] = {"show", "--set", set->id, NULL, NULL, NULL, NULL, NULL, NULL};
	struct fb_tool_call call = {.args = args, .line = files ? print_file : NULL, .ctx = cli, .key = files};
	struct fb_tool_answer a;
	char *what = fb_asprintf("cannot show %s%s%s", item ? item : set->id, item ? " of " : "", item ? set->id : "");
	size_t n = 3;
	int code;

	if (item) {
		args[n++] = "--item";
		args[n++] = item;
	}
	if (files)
		args[n++] = "--files";
	if (set->recorded) {
		args[n++] = "--digest";
		args[n] = set->recorded;
	}
	fb_tool_run(cli, &call, &a);
	if (a.code != 0)
		code = fb_tool_fail(cli, &a, FB_EXIT_FAILED, what);
	else if (files)
		code = fflush(stdout) == 0 ? FB_EXIT_DONE : FB_EXIT_JOURNAL;
	else
		code = item ? put_item(cli, a.json) : put_set(cli, set, a.json);
	fb_tool_clear(&a);
	fb_free(what);
	return code;
}

int fb_cmd_backup_show(struct fb_cli *cli)
{
	const char *item = fb_cli_option(cli, "item");
	bool files = fb_cli_option(cli, "files") != NULL;
	const struct fb_set *set = NULL;
	struct fb_sets s;
	int code = fb_sets_read(cli, FB_JOURNAL_READ, &s);

	if (code == 0)
		set = fb_sets_find(cli, &s, cli->operands[0], &code);
	if (set && item)
		code = fb_set_has_item(cli, set, item);
	if (set && files && !item) {
		if (set->items == 1)
			item = set->names[0];
		else
			code = fb_cli_fail(cli, FB_EXIT_USAGE, "--files needs --item: the set %s has %lld items", set->id, (long long)set->items);
	}
	if (code == 0)
		code = show(cli, set, item, files);
	fb_sets_clear(&s);
	return code;
}
