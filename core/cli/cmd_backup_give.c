/* SPDX-License-Identifier: Apache-2.0 */
/* failback backup restore into a new folder, and export: what gives copies of backups away. Nothing that is live is touched here (cmd_backup_live.c does that). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/backup/live.h"
#include "cli/backup/sets.h"
#include "cli/backup/tool.h"
#include "cli/cli.h"
#include "cli/render.h"
#include "cli/rows.h"

#define NAMED 20 /* refusals that are told one by one */

struct give {
	struct fb_cli *cli;
	struct fb_sets sets;
	const struct fb_set *set;
	const char *item; /* NULL: all */
	char *to;         /* absolute, without a slash at the end */
	char *incomplete; /* restore: what it is called until it is whole */
	json_t *items;    /* answers */
	json_int_t files, bytes, refused;
};

/* ---- before ---- */

static char *absolute(const char *path)
{
	char here[4096], *ret;
	size_t n;

	if (*path != '/' && getcwd(here, sizeof here))
		ret = fb_asprintf("%s/%s", strcmp(here, "/") != 0 ? here : "", path);
	else
		ret = fb_strdup(path);
	for (n = strlen(ret); n > 1 && ret[n - 1] == '/';)
		ret[--n] = 0;
	return ret;
}

static bool inside(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 && (!path[n] || path[n] == '/');
}

static bool is_in_store(const struct give *g, const char *folder)
{
	char *real = realpath(folder, NULL), *store = realpath(fb_config_backup_store(g->cli->config)->path, NULL);
	bool is = real && store && inside(real, store);

	free(real);
	free(store);
	return is;
}

static int check_place(struct give *g, const char *what)
{
	char *above = fb_strdup(g->to);
	struct stat st;
	int code = 0;

	*strrchr(above, '/') = 0;
	if (lstat(g->to, &st) == 0)
		code = fb_cli_fail(g->cli, FB_EXIT_USAGE, "--to %s is there already: give the name of a new %s", g->to, what);
	else if (errno != ENOENT)
		code = fb_cli_fail(g->cli, FB_EXIT_USAGE, "--to %s: %s", g->to, strerror(errno));
	else if (stat(*above ? above : "/", &st) < 0 || !S_ISDIR(st.st_mode))
		code = fb_cli_fail(g->cli, FB_EXIT_USAGE, "--to %s: there is no folder %s; make it first", g->to, above);
	else if (access(*above ? above : "/", W_OK | X_OK) < 0)
		code = fb_cli_fail(g->cli, FB_EXIT_USAGE, "--to %s: cannot write in %s: %s", g->to, above, strerror(errno));
	else if (is_in_store(g, *above ? above : "/"))
		code = fb_cli_fail(g->cli, FB_EXIT_USAGE, "--to %s is in the store of backups itself: name another place", g->to);
	fb_free(above);
	return code;
}

/* Everything that is asked for is right, or the exit code. */
static int begin(struct give *g, const char *what)
{
	const char *to = fb_cli_option(g->cli, "to");
	int code;

	if (to && !*to)
		return fb_cli_fail(g->cli, FB_EXIT_USAGE, "'failback %s' needs --to: the new %s that it goes to", g->cli->command->name, what);
	g->to = to ? absolute(to) : NULL;
	g->item = fb_cli_option(g->cli, "item");
	/* What is copied is on record also when the disk of the journal is full. */
	code = fb_sets_read(g->cli, FB_JOURNAL_CREATE | FB_JOURNAL_DEGRADE, &g->sets);
	if (code == 0)
		g->set = fb_sets_find(g->cli, &g->sets, g->cli->operands[0], &code);
	if (g->set && g->set->problem)
		code = fb_cli_fail(g->cli, FB_EXIT_FAILED, "nothing of the set %s can be given back: %s; 'failback backup list' shows other sets", g->set->id, g->set->problem);
	else if (g->set && fb_set_digest(g->set) == FB_SET_DIFFERS)
		code = fb_cli_fail(g->cli, FB_EXIT_FAILED, "the set %s is not the one that was sealed: its manifest has the digest %s, and the journal has %s; use another set", g->set->id,
				   g->set->digest, g->set->recorded);
	else if (g->set && g->item)
		code = fb_set_has_item(g->cli, g->set, g->item);
	return code || !g->to ? code : check_place(g, what);
}

static void end(struct give *g)
{
	fb_sets_clear(&g->sets);
	fb_free(g->to);
	fb_free(g->incomplete);
	json_decref(g->items);
}

static int audit(struct give *g, const char *action, const char *more)
{
	char actor[96], *detail = fb_asprintf("%s%s%s to %s%s%s", g->set->id, g->item ? ", item " : "", g->item ? g->item : "", g->to, more ? ": " : "", more ? more : "");
	struct fb_err err = {0};
	int r = fb_journal_audit(g->cli->journal, g->set->known ? g->set->id : NULL, fb_cli_actor(actor, sizeof actor), action, detail, &err);

	fb_free(detail);
	return r < 0 ? fb_cli_fail_err(g->cli, &err) : 0;
}

/* The end is on record, too; what was done is done, also where that fails. */
static int audit_end(struct give *g, const char *action, const char *more, int code)
{
	int failed = audit(g, action, more);

	return code ? code : failed;
}

/* ---- restore ---- */

/* Where an item goes below the folder: "web/config" of "web.config"; to be freed. */
static char *place_of(const char *item)
{
	char *service = fb_set_service_of(item);
	const char *rest = item + strlen(service) + 1;
	char *place;

	if (!*service)
		place = fb_strdup(item);
	else if (!*rest || !strcmp(rest, ".") || !strcmp(rest, "..") || strchr(rest, '/')) /* no name for a file */
		place = fb_asprintf("%s/%s", service, item);
	else
		place = fb_asprintf("%s/%s", service, rest);
	fb_free(service);
	return place;
}

/* No item may get a place that is another's, or in another's. */
static int check_places(struct give *g)
{
	int code = 0;

	for (char **p = g->set->names; *p; p++) {
		for (char **q = g->set->names; *q && !code; q++) {
			char *a = place_of(*p), *b = place_of(*q);

			if (p != q && inside(a, b))
				code = fb_cli_fail(g->cli, FB_EXIT_USAGE, "the items '%s' and '%s' would go to the same place: give one with --item", *q, *p);
			fb_free(a);
			fb_free(b);
		}
	}
	return code;
}

static const char **restore_args(struct give *g, const char *item, const char *to)
{
	const struct fb_cli *cli = g->cli;
	const char **args = fb_alloc((size_t)(16 + 2 * cli->value_count) * sizeof *args);
	size_t n = 0;

	args[n++] = "restore";
	args[n++] = "--set";
	args[n++] = g->set->id;
	args[n++] = "--item";
	args[n++] = item;
	args[n++] = "--to";
	args[n++] = to;
	if (g->set->recorded) {
		args[n++] = "--digest";
		args[n++] = g->set->recorded;
	}
	for (int i = 0; i < cli->value_count; i++) {
		if (strcmp(cli->values[i].name, "only") != 0)
			continue;
		args[n++] = "--only";
		args[n++] = cli->values[i].value;
	}
	return args;
}

static int restore_item(struct give *g, const char *item, const char *to)
{
	const char **args = restore_args(g, item, to);
	struct fb_tool_call call = {.args = args, .doing = "restoring", .about = item, .key = true};
	struct fb_tool_answer a;
	int code = 0;

	fb_tool_run(g->cli, &call, &a);
	if (a.json && (a.code == 0 || a.code == FB_TOOL_PARTLY)) {
		g->files += json_integer_value(json_object_get(a.json, "created"));
		g->bytes += json_integer_value(json_object_get(a.json, "bytes"));
		g->refused += json_integer_value(json_object_get(a.json, "refused_found"));
		json_object_del(a.json, "changes"); /* all of it is new */
		json_array_append(g->items, a.json);
	} else {
		char *what = fb_asprintf("%s of %s was not restored, and %s is not whole", item, g->set->id, g->incomplete);

		code = fb_tool_fail(g->cli, &a, FB_EXIT_FAILED, what);
		fb_free(what);
	}
	fb_tool_clear(&a);
	fb_free(args);
	return code;
}

static int restore_all(struct give *g)
{
	int code = 0;

	if (g->item)
		return restore_item(g, g->item, g->incomplete);
	for (char **p = g->set->names; *p && code == 0; p++) {
		char *place = place_of(*p), *to = fb_asprintf("%s/%s", g->incomplete, place);

		code = restore_item(g, *p, to);
		fb_free(place);
		fb_free(to);
	}
	return code;
}

/* All is there: now it gets its name. */
static int put_in_place(struct give *g)
{
	char *above = fb_strdup(g->to);
	int code = 0, fd;

	*strrchr(above, '/') = 0;
	fd = open(*above ? above : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (renameat2(AT_FDCWD, g->incomplete, AT_FDCWD, g->to, RENAME_NOREPLACE) < 0)
		code = fb_cli_fail(g->cli, FB_EXIT_FAILED, "all was restored, but %s cannot be renamed to %s: %s; do that by hand", g->incomplete, g->to, strerror(errno));
	else if (fd < 0 || fsync(fd) < 0)
		code = fb_cli_fail(g->cli, FB_EXIT_FAILED, "cannot sync %s: %s", *above ? above : "/", strerror(errno));
	if (fd >= 0)
		close(fd);
	fb_free(above);
	return code;
}

static void put_refused(const struct fb_style *s, const json_t *answer, struct fb_text *t)
{
	const json_t *list = json_object_get(answer, "refused"), *one;
	json_int_t found = json_integer_value(json_object_get(answer, "refused_found"));
	size_t i;

	json_array_foreach(list, i, one) {
		if (i == NAMED)
			break;
		fb_text_puts(t, "    ");
		fb_style_safe(s, t, fb_render_string(one, "path", "?"));
		fb_text_puts(t, ": ");
		fb_style_safe(s, t, fb_render_string(one, "why", "?"));
		fb_text_puts(t, "\n");
	}
	if (found > NAMED)
		fb_text_printf(t, "    and %lld more\n", (long long)(found - NAMED));
}

static int tell_restored(struct give *g, int code)
{
	const struct fb_style *s = &g->cli->out;
	const char *at = code ? g->incomplete : g->to;
	struct fb_text t = {0};
	char size[FB_ROW_SIZE];
	json_t *one;
	size_t i;

	if (g->cli->json)
		return fb_cli_print_json(g->cli, json_pack("{s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:O}", "schema", "failback.backup-restored/1", "set", g->set->id, "to", at, "whole", code == 0, "created",
							  g->files, "bytes", g->bytes, "refused_found", g->refused, "items", g->items), code);
	json_array_foreach(g->items, i, one) {
		json_int_t refused = json_integer_value(json_object_get(one, "refused_found"));
		enum fb_mark mark = refused ? FB_MARK_FAIL : FB_MARK_OK;

		fb_style_put(s, &t, fb_style_mark_tone(mark), fb_style_mark(s, mark));
		fb_text_puts(&t, " ");
		fb_row_cell(s, &t, fb_render_string(one, "item", "?"), 32);
		fb_text_printf(&t, " %9s  ", fb_row_size((uint64_t)json_integer_value(json_object_get(one, "bytes")), size));
		fb_render_seconds(json_object_get(one, "seconds"), &t);
		if (refused)
			fb_text_printf(&t, ", %lld refused:", (long long)refused);
		fb_text_puts(&t, "\n");
		put_refused(s, one, &t);
	}
	fb_text_printf(&t, "\n%s %s of %s in ", code ? "restored in part:" : "restored", fb_row_size((uint64_t)g->bytes, size), g->set->id);
	fb_style_safe(s, &t, at);
	fb_text_puts(&t, code ? "; the rest is named above\n" : "\n");
	return fb_cli_print(g->cli, &t, code);
}

static int restore(struct give *g)
{
	char *more;
	int code;

	g->items = json_array();
	g->incomplete = fb_asprintf("%s.incomplete", g->to);
	if ((code = audit(g, "backup.restore", NULL)))
		return code;
	/* Made here and new: nobody else's folder gets what is secret. */
	if (mkdir(g->incomplete, 0700) < 0)
		return audit_end(g, "backup.restore_failed", NULL,
				 errno == EEXIST ? fb_cli_fail(g->cli, FB_EXIT_USAGE, "%s is there: a restore was broken off; remove it, or restore to another folder", g->incomplete) :
						   fb_cli_fail(g->cli, FB_EXIT_FAILED, "cannot make the folder %s: %s", g->incomplete, strerror(errno)));
	code = restore_all(g);
	if (code)
		return audit_end(g, "backup.restore_failed", NULL, code);
	if (g->refused)
		code = FB_EXIT_INCOMPLETE;
	else if ((code = put_in_place(g)))
		return audit_end(g, "backup.restore_failed", NULL, code);
	more = fb_asprintf("%lld bytes in %lld files, %lld refused", (long long)g->bytes, (long long)g->files, (long long)g->refused);
	code = audit_end(g, code ? "backup.restored_in_part" : "backup.restored", more, code);
	fb_free(more);
	return code && code != FB_EXIT_INCOMPLETE ? code : tell_restored(g, code);
}

int fb_cmd_backup_restore(struct fb_cli *cli)
{
	struct give g = {.cli = cli};
	int code = begin(&g, "folder");

	if (code == 0 && fb_cli_option(cli, "to") && (fb_cli_option(cli, "plan") || cli->dry_run))
		code = fb_cli_fail(cli, FB_EXIT_USAGE, "--to writes into a new folder and changes nothing that is live: leave out --to, or %s", cli->dry_run ? "--dry-run" : "--plan");
	if (code == 0 && !g.item && g.set->items == 1)
		g.item = g.set->names[0];
	if (code == 0 && !g.item && g.set->items == 0)
		code = fb_cli_fail(cli, FB_EXIT_FAILED, "the set %s has no items: there is nothing to restore", g.set->id);
	if (code == 0 && !g.item && fb_cli_option(cli, "only"))
		code = fb_cli_fail(cli, FB_EXIT_USAGE, "--only needs --item: the set %s has %lld items", g.set->id, (long long)g.set->items);
	if (code == 0 && !g.to) {
		code = fb_backup_live(cli, g.set, g.item);
	} else {
		if (code == 0 && !g.item)
			code = check_places(&g);
		if (code == 0)
			code = restore(&g);
	}
	end(&g);
	return code;
}

/* ---- export ---- */

static int tell_exported(struct give *g, json_t *answer)
{
	const struct fb_style *s = &g->cli->out;
	struct fb_text t = {0};
	char size[FB_ROW_SIZE], stored[FB_ROW_SIZE];

	if (g->cli->json)
		return fb_cli_print_json(g->cli, json_incref(answer), FB_EXIT_DONE);
	fb_style_put(s, &t, fb_style_mark_tone(FB_MARK_OK), fb_style_mark(s, FB_MARK_OK));
	fb_text_puts(&t, " ");
	fb_style_safe(s, &t, g->to);
	fb_text_printf(&t, ": %lld entries, %s in %s, ", (long long)json_integer_value(json_object_get(answer, "entries")),
		       fb_row_size((uint64_t)json_integer_value(json_object_get(answer, "bytes")), size),
		       fb_row_size((uint64_t)json_integer_value(json_object_get(answer, "stored")), stored));
	fb_render_seconds(json_object_get(answer, "seconds"), &t);
	fb_text_puts(&t, "\n");
	if (g->set->encrypted)
		fb_text_puts(&t, "  it is not encrypted: keep it as safe as the store's key\n");
	return fb_cli_print(g->cli, &t, FB_EXIT_DONE);
}

static int export(struct give *g)
{
	const char *args[] = {"export", "--set", g->set->id, "--to", g->to, NULL, NULL, NULL, NULL, NULL};
	struct fb_tool_call call = {.args = args, .doing = "exporting", .about = g->item ? g->item : g->set->id, .key = true};
	struct fb_tool_answer a;
	size_t n = 5;
	int code = audit(g, "backup.export", NULL);

	if (code)
		return code;
	if (g->item) {
		args[n++] = "--item";
		args[n++] = g->item;
	}
	if (g->set->recorded) {
		args[n++] = "--digest";
		args[n] = g->set->recorded;
	}
	fb_tool_run(g->cli, &call, &a);
	if (a.code == 0) {
		code = audit_end(g, "backup.exported", NULL, 0);
		if (code == 0)
			code = tell_exported(g, a.json);
	} else {
		char *what = fb_asprintf("%s was not exported", g->set->id);

		code = audit_end(g, "backup.export_failed", a.error, fb_tool_fail(g->cli, &a, FB_EXIT_FAILED, what));
		fb_free(what);
	}
	fb_tool_clear(&a);
	return code;
}

int fb_cmd_backup_export(struct fb_cli *cli)
{
	struct give g = {.cli = cli};
	int code = begin(&g, "file");

	if (code == 0 && !g.to)
		code = fb_cli_fail(cli, FB_EXIT_USAGE, "'failback %s' needs --to: the new file that it goes to", cli->command->name);
	if (code == 0)
		code = export(&g);
	end(&g);
	return code;
}
