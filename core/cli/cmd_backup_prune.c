/* SPDX-License-Identifier: Apache-2.0 */
/* failback backup prune: what retain.c decides, told and done */
#include <string.h>

#include "base/clock.h"
#include "cli/backup/copies.h"
#include "cli/backup/retain.h"
#include "cli/backup/sets.h"
#include "cli/backup/tool.h"
#include "cli/cli.h"
#include "cli/render.h"
#include "cli/rows.h"

#define DAY_MS INT64_C(86400000)

static const char *const reasons[] = {
	[FB_RETAIN_UNREADABLE] = "unreadable", [FB_RETAIN_OTHER_ENVIRONMENT] = "other_environment", [FB_RETAIN_ORPHAN] = "no_execution", [FB_RETAIN_UNFINISHED] = "unfinished",
	[FB_RETAIN_NEEDED] = "needed", [FB_RETAIN_LAST] = "keep_last", [FB_RETAIN_YOUNG] = "young", [FB_RETAIN_OLD] = "old", [FB_RETAIN_SIZE] = "max_size"};

struct prune {
	struct fb_cli *cli;
	const struct fb_backup_store *store;
	const json_t *copy; /* NULL: it is about the store itself */
	char *location;     /* of the copy */
	int64_t retention_days, keep_last, max_size;
	struct fb_sets sets;
	struct fb_retain_policy policy;
	struct fb_retain_row *rows; /* of the sealed sets, in their order */
	const struct fb_set **of;   /* the set of each row */
	size_t n, removed;
	json_t *answer;             /* the store's */
};

/* ---- deciding ---- */

static void make_rows(struct prune *p)
{
	p->rows = fb_alloc((p->sets.n + 1) * sizeof *p->rows);
	p->of = fb_alloc((p->sets.n + 1) * sizeof(struct fb_set *));
	for (size_t i = 0; i < p->sets.n; i++) {
		const struct fb_set *set = &p->sets.v[i];

		if (!set->sealed)
			continue;
		p->of[p->n] = set;
		p->rows[p->n++] = (struct fb_retain_row){.id = set->id, .environment = set->known ? set->environment : NULL, .services = (const char *const *)set->services,
							  .created_ms = set->created_ms, .readable = !set->problem && set->created_ms > 0, .finished = set->finished,
							  .needed = json_array_size(set->needed) > 0};
	}
}

static size_t count(const struct prune *p, enum fb_retain_reason reason)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += p->rows[i].reason == reason;
	return n;
}

/* Runs the store on what is decided now. 0 with its answer in p->answer, or the exit code. */
static int run_store(struct prune *p, bool dry)
{
	const char **args = fb_alloc((2 * p->n + 6) * sizeof *args);
	struct fb_tool_call call = {.args = args, .key = true, .input = p->location};
	struct fb_tool_answer a;
	size_t n = 0;
	int code = 0;

	args[n++] = "prune";
	if (dry)
		args[n++] = "--dry-run";
	if (p->location) {
		args[n++] = "--at";
		args[n++] = "-";
	}
	p->removed = 0;
	for (size_t i = 0; i < p->n; i++) {
		if (!fb_retain_removes(&p->rows[i]))
			continue;
		args[n++] = "--remove";
		args[n++] = p->rows[i].id;
		p->removed++;
	}
	fb_tool_run(p->cli, &call, &a);
	json_decref(p->answer);
	p->answer = a.code == 0 ? json_incref(a.json) : NULL;
	if (!p->answer)
		code = fb_tool_fail(p->cli, &a, FB_EXIT_FAILED, dry ? "cannot tell what removing backups would free" : "backups were not removed, or not all");
	fb_tool_clear(&a);
	fb_free(args);
	return code;
}

static int64_t bytes_kept(const struct prune *p)
{
	return json_integer_value(json_object_get(p->answer, "bytes_kept"));
}

/* Sets share what they have in common, so what is freed is known only when the store looks. The least number of young sets that makes the store fit, by bisection. */
static int decide_size(struct prune *p)
{
	size_t low = 1, high = count(p, FB_RETAIN_YOUNG);
	int code = run_store(p, true);

	if (code || bytes_kept(p) <= p->max_size)
		return code;
	while (low < high && !code) {
		p->policy.for_size = low + (high - low) / 2;
		fb_retain(p->rows, p->n, &p->policy);
		code = run_store(p, true);
		if (bytes_kept(p) <= p->max_size)
			high = p->policy.for_size;
		else
			low = p->policy.for_size + 1;
	}
	p->policy.for_size = high;
	fb_retain(p->rows, p->n, &p->policy);
	return code;
}

static int64_t number_of(const struct prune *p, const char *name, int64_t of_store)
{
	const json_t *v = json_object_get(p->copy, name);

	return v ? json_integer_value(v) : of_store;
}

static int decide(struct prune *p)
{
	make_rows(p);
	p->retention_days = number_of(p, "retention_days", p->store->retention_days);
	p->keep_last = number_of(p, "keep_last", p->store->keep_last);
	p->max_size = number_of(p, "max_size", p->copy ? 0 : p->store->max_size);
	p->policy = (struct fb_retain_policy){.environment = fb_config_environment(p->cli->config), .now_ms = fb_clock_wall_ms(), .retention_days = p->retention_days,
					      .keep_last = p->keep_last, .orphans = fb_cli_option(p->cli, "orphans") != NULL};
	fb_retain(p->rows, p->n, &p->policy);
	return p->max_size > 0 ? decide_size(p) : 0;
}

/* ---- telling ---- */

static char *why_last(const struct prune *p, const struct fb_retain_row *row)
{
	const char *of = *row->service ? row->service : "those of no service";

	if (row->rank == 1)
		return fb_asprintf("the newest of %s", of);
	return fb_asprintf("number %zu of the %lld newest of %s", row->rank, (long long)p->keep_last, of);
}

/* To be freed. */
static char *why(const struct prune *p, size_t i)
{
	const struct fb_retain_row *row = &p->rows[i];
	const struct fb_set *set = p->of[i];
	long long days = (long long)((p->policy.now_ms - row->created_ms) / DAY_MS), limit = (long long)p->retention_days;
	char size[FB_ROW_SIZE];

	switch (row->reason) {
	case FB_RETAIN_UNREADABLE: return fb_asprintf("it cannot be read: %s", set->problem ? set->problem : "it does not say when it was made");
	case FB_RETAIN_OTHER_ENVIRONMENT: return fb_asprintf("of environment '%s': use -e %s", row->environment, row->environment);
	case FB_RETAIN_ORPHAN: return fb_strdup("the journal has no execution of it: --orphans judges it by its age");
	case FB_RETAIN_UNFINISHED: return fb_asprintf("its execution has not ended (%s)", set->status);
	case FB_RETAIN_NEEDED: return fb_set_needed_text(set);
	case FB_RETAIN_LAST: return why_last(p, row);
	case FB_RETAIN_YOUNG: return fb_asprintf("%lld of %lld days old", days, limit);
	case FB_RETAIN_OLD:
		if (!row->environment)
			return fb_asprintf("%lld days old, limit %lld; the journal has no execution of it", days, limit);
		if (p->keep_last == 1)
			return fb_asprintf("%lld days old, limit %lld; not the newest of any of its services", days, limit);
		return fb_asprintf("%lld days old, limit %lld; not among the %lld newest of any of its services", days, limit, (long long)p->keep_last);
	case FB_RETAIN_SIZE: return fb_asprintf("the store is larger than %s, and this is the oldest that may go", fb_row_size((uint64_t)p->max_size, size));
	}
	return fb_strdup("");
}

/* What the store decides by itself: sets that were never sealed, and removals that were broken off. */
static json_t *leftovers(const struct prune *p)
{
	json_t *list = json_array(), *one;
	size_t i;

	json_array_foreach(json_object_get(p->answer, "sets"), i, one) {
		const char *name = fb_render_string(one, "name", "");
		size_t n = strlen(name);

		if (n > 5 && (strcmp(name + n - 5, ".part") == 0 || strcmp(name + n - 5, ".gone") == 0))
			json_array_append(list, one);
	}
	return list;
}

static int tell_json(struct prune *p)
{
	json_t *sets = json_array(), *o;

	for (size_t i = 0; i < p->n; i++) {
		char *text = why(p, i);

		json_array_append_new(sets, json_pack("{s:s, s:s, s:s, s:s, s:o}", "set", p->rows[i].id, "decision", fb_retain_removes(&p->rows[i]) ? "remove" : "keep", "reason",
						      reasons[p->rows[i].reason], "why", text, "created", fb_row_stamp(p->rows[i].created_ms)));
		fb_free(text);
	}
	o = json_pack("{s:s, s:b, s:s, s:s?, s:o, s:o, s:I, s:I}", "schema", "failback.backup-pruned/1", "dry_run", p->cli->dry_run, "environment", p->policy.environment, "copy",
		      p->copy ? fb_copy_name(p->copy) : NULL, "sets", sets,
		      "leftovers", leftovers(p), "sets_removed", (json_int_t)p->removed, "max_size", (json_int_t)p->max_size);
	json_object_set(o, "objects_removed", json_object_get(p->answer, "objects_removed"));
	json_object_set(o, "bytes_removed", json_object_get(p->answer, "bytes_removed"));
	json_object_set(o, "bytes_kept", json_object_get(p->answer, "bytes_kept"));
	return fb_cli_print_json(p->cli, o, FB_EXIT_DONE);
}

static void put_decision(const struct fb_style *s, bool removes, const char *name, const char *text, struct fb_text *t)
{
	fb_style_put(s, t, removes ? FB_TONE_WARN : FB_TONE_GOOD, removes ? "remove" : "keep  ");
	fb_text_puts(t, "  ");
	fb_style_safe(s, t, name);
	fb_text_puts(t, "\n        ");
	fb_style_on(s, t, FB_TONE_DIM);
	fb_style_wrap(s, t, text, 8);
	fb_style_off(s, t);
	fb_text_puts(t, "\n");
}

static void put_sum(const struct prune *p, struct fb_text *t)
{
	uint64_t freed = (uint64_t)json_integer_value(json_object_get(p->answer, "bytes_removed"));
	char size[FB_ROW_SIZE], kept[FB_ROW_SIZE], most[FB_ROW_SIZE];

	fb_text_printf(t, "\n%s %zu of %zu set%s, %s freed, %s kept\n", p->cli->dry_run ? "would remove" : "removed", p->removed, p->n, p->n == 1 ? "" : "s", fb_row_size(freed, size),
		       fb_row_size((uint64_t)bytes_kept(p), kept));
	if (p->max_size > 0 && bytes_kept(p) > p->max_size)
		fb_text_printf(t, "the store stays larger than max_size (%s): all else has a reason to be kept\n", fb_row_size((uint64_t)p->max_size, most));
}

static int tell(struct prune *p)
{
	json_t *others, *one;
	struct fb_text t = {0};
	size_t i;

	if (p->cli->json)
		return tell_json(p);
	for (i = 0; i < p->n; i++) {
		char *text = why(p, i);

		put_decision(&p->cli->out, fb_retain_removes(&p->rows[i]), p->rows[i].id, text, &t);
		fb_free(text);
	}
	others = leftovers(p);
	json_array_foreach(others, i, one)
		put_decision(&p->cli->out, fb_streq(fb_render_string(one, "decision", ""), "remove"), fb_render_string(one, "name", "?"), fb_render_string(one, "why", ""), &t);
	json_decref(others);
	put_sum(p, &t);
	return fb_cli_print(p->cli, &t, FB_EXIT_DONE);
}

/* ---- doing ---- */

static int audit(struct prune *p, const char *action, const char *detail)
{
	struct fb_err err = {0};
	char actor[96];

	return fb_journal_audit(p->cli->journal, NULL, fb_cli_actor(actor, sizeof actor), action, detail, &err) < 0 ? fb_cli_fail_err(p->cli, &err) : 0;
}

static char *names_of_removed(const struct prune *p)
{
	struct fb_text t = {0};

	for (size_t i = 0; i < p->n; i++)
		if (fb_retain_removes(&p->rows[i]))
			fb_text_printf(&t, "%s%s (%s)", t.n ? ", " : "", p->rows[i].id, reasons[p->rows[i].reason]);
	if (!t.n)
		fb_text_puts(&t, "no set: what no set needs");
	if (p->copy)
		fb_text_printf(&t, ", in the copy %s", fb_copy_name(p->copy));
	return fb_text_take(&t);
}

static int remove_sets(struct prune *p)
{
	char *names = names_of_removed(p), *freed;
	int code = audit(p, "backup.prune", names);

	fb_free(names);
	if (code)
		return code;
	code = run_store(p, false);
	if (code) {
		int failed = audit(p, "backup.prune_failed", NULL);

		return failed ? failed : code;
	}
	freed = fb_asprintf("%zu sets, %lld bytes", p->removed, (long long)json_integer_value(json_object_get(p->answer, "bytes_removed")));
	code = audit(p, "backup.pruned", freed);
	fb_free(freed);
	return code;
}

static int nothing_there(struct prune *p)
{
	struct fb_text t = {0};

	if (p->cli->json)
		return tell_json(p);
	if (p->copy)
		fb_text_printf(&t, "no backups yet: the copy '%s' has none\n", fb_copy_name(p->copy));
	else
		fb_text_printf(&t, "no backups yet: there is no store in %s\n", p->store->path);
	return fb_cli_print(p->cli, &t, FB_EXIT_DONE);
}

/* The copy that --at names, if there is one. */
static int find_place(struct prune *p)
{
	const char *name = fb_cli_option(p->cli, "at");
	int code = fb_cli_config(p->cli);

	if (code || !name)
		return code;
	p->copy = fb_copy_find(p->cli, name, &code);
	if (p->copy)
		p->location = fb_copy_location(p->cli, p->copy, &code);
	return code;
}

int fb_cmd_backup_prune(struct fb_cli *cli)
{
	struct prune p = {.cli = cli};
	int code = find_place(&p);

	/* Full disks are what this is for: what it does is on record also when the journal can only keep it in memory at first. */
	if (code == 0)
		code = fb_sets_read_at(cli, cli->dry_run ? FB_JOURNAL_READ : FB_JOURNAL_CREATE | FB_JOURNAL_DEGRADE, p.location, &p.sets);
	if (code == 0) {
		p.store = fb_config_backup_store(cli->config);
		if (!p.sets.n && !p.sets.encryption) {
			code = nothing_there(&p);
		} else {
			code = decide(&p);
			if (code == 0)
				code = cli->dry_run ? run_store(&p, true) : remove_sets(&p);
			if (code == 0)
				code = tell(&p);
		}
	}
	json_decref(p.answer);
	fb_free(p.rows);
	fb_free(p.of);
	fb_sets_clear(&p.sets);
	fb_copy_location_end(p.location);
	return code;
}
