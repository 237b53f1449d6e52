/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/backup/sets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/backup/needed.h"
#include "cli/backup/tool.h"
#include "cli/rows.h"
#include "recovery/report.h"

/* The fact of an execution that has the digest which sealing its set answered. */
#define DIGEST_FACT "backup.digest"

/* "2026-01-20T11:00:00.000Z" as fb_clock_format writes it; 0: it is none. */
static int64_t read_stamp(const char *text)
{
	struct tm tm = {0};
	const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	int64_t ms = 0;

	if (!end)
		return 0;
	if (*end == '.')
		ms = strtol(end + 1, NULL, 10);
	return (int64_t)timegm(&tm) * 1000 + (ms >= 0 && ms < 1000 ? ms : 0);
}

char *fb_set_service_of(const char *item)
{
	size_t n = strcspn(item, "./");

	return fb_asprintf("%.*s", (int)n, item);
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Those of the items' names, each once. */
static void take_services(struct fb_set *set)
{
	size_t n = 0, kept = 0;

	for (char **p = set->names; *p; p++)
		n++;
	set->services = fb_alloc((n + 1) * sizeof *set->services);
	for (size_t i = 0; i < n; i++)
		set->services[i] = fb_set_service_of(set->names[i]);
	if (n)
		qsort(set->services, n, sizeof *set->services, by_bytes);
	for (size_t i = 0; i < n; i++) {
		char *service = set->services[i];

		set->services[i] = NULL;
		if (!*service || (kept && strcmp(set->services[kept - 1], service) == 0))
			fb_free(service);
		else
			set->services[kept++] = service;
	}
}

static char *text_of(const json_t *o, const char *name)
{
	return fb_strdup(json_string_value(json_object_get(o, name)));
}

static void take_row(struct fb_set *set, const json_t *row)
{
	const json_t *names = json_object_get(row, "names"), *one;
	size_t i;

	*set = (struct fb_set){.id = text_of(row, "set"), .sealed = json_is_true(json_object_get(row, "sealed")), .encrypted = json_is_true(json_object_get(row, "encrypted")),
			       .problem = text_of(row, "problem"), .created_ms = read_stamp(json_string_value(json_object_get(row, "created"))),
			       .items = json_integer_value(json_object_get(row, "items")), .size = json_integer_value(json_object_get(row, "size")),
			       .stored = json_integer_value(json_object_get(row, "stored")), .digest = text_of(row, "digest"), .needed = json_array()};
	if (!set->id)
		set->id = fb_strdup("");
	set->names = fb_alloc((json_array_size(names) + 1) * sizeof *set->names);
	json_array_foreach(names, i, one)
		set->names[i] = fb_strdup(json_string_value(one) ? json_string_value(one) : "");
	take_services(set);
}

static int newest_first(const void *a, const void *b)
{
	const struct fb_set *x = a, *y = b;

	if (x->sealed != y->sealed)
		return x->sealed ? 1 : -1;
	if (x->created_ms != y->created_ms)
		return x->created_ms > y->created_ms ? -1 : 1;
	return strcmp(y->id, x->id);
}

/* ---- what the journal knows ---- */

static int add_execution(struct fb_journal *j, struct fb_set *set, struct fb_err *err)
{
	struct fb_execution e = {0};
	int r = fb_journal_execution(j, set->id, &e, err);

	if (r < 0)
		return -1;
	if (r == 0 && fb_streq(e.id, set->id)) { /* not one whose id only begins so */
		set->known = true;
		set->finished = e.ended_ms != 0;
		set->kind = fb_strdup(e.kind);
		set->environment = fb_strdup(e.environment ? e.environment : "");
		set->status = fb_strdup(fb_report_status(&e));
		set->title = fb_strdup(e.title);
		set->release = fb_strdup(e.release);
		set->recorded = fb_journal_fact(j, set->id, "", DIGEST_FACT);
	}
	if (r == 0)
		fb_execution_clear(&e);
	return 0;
}

static void add_needed(void *ctx, const char *execution, const char *environment, const char *service, const char *release, const char *why)
{
	struct fb_sets *s = ctx;

	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i].id, execution) == 0)
			json_array_append_new(s->v[i].needed, json_pack("{s:s, s:s, s:s, s:s}", "service", service, "environment", environment, "release", release, "why", why));
}

static int add_journal(struct fb_cli *cli, struct fb_sets *s)
{
	struct fb_err err = {0};

	for (size_t i = 0; cli->journal && i < s->n; i++)
		if (add_execution(cli->journal, &s->v[i], &err) < 0)
			return fb_cli_fail_err(cli, &err);
	if (cli->journal && fb_needed_each(cli->journal, add_needed, s, &err) < 0)
		return fb_cli_fail_err(cli, &err);
	return 0;
}

/* Where state directories were lost, the store may be all there is: then nothing is known of its sets' executions. */
static int open_journal(struct fb_cli *cli, unsigned flags)
{
	char *path = fb_asprintf("%s/journal.db", fb_config_state_dir(cli->config));
	bool absent = access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR);

	fb_free(path);
	if (absent && (flags & FB_JOURNAL_CREATE) != FB_JOURNAL_CREATE)
		return 0;
	return fb_cli_journal(cli, flags);
}

/* ---- reading ---- */

static int read_store(struct fb_cli *cli, const char *location, struct fb_sets *ret)
{
	static const char *const here[] = {"list", NULL}, *const there[] = {"list", "--at", "-", NULL};
	const struct fb_tool_call call = {.args = location ? there : here, .input = location, .key = location != NULL};
	struct fb_tool_answer a;
	json_t *rows, *row;
	int code = 0;
	size_t i;

	fb_tool_run(cli, &call, &a);
	if (a.code != 0) {
		code = fb_tool_fail(cli, &a, FB_EXIT_FAILED, location ? "cannot list what the copy has" : "cannot list the backups");
		fb_tool_clear(&a);
		return code;
	}
	rows = json_object_get(a.json, "sets");
	ret->encryption = text_of(a.json, "encryption");
	ret->v = fb_alloc((json_array_size(rows) + 1) * sizeof *ret->v);
	json_array_foreach(rows, i, row)
		take_row(&ret->v[ret->n++], row);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof *ret->v, newest_first);
	fb_tool_clear(&a);
	return 0;
}

int fb_sets_read(struct fb_cli *cli, unsigned flags, struct fb_sets *ret)
{
	return fb_sets_read_at(cli, flags, NULL, ret);
}

int fb_sets_read_at(struct fb_cli *cli, unsigned flags, const char *location, struct fb_sets *ret)
{
	int code = fb_cli_config(cli);

	*ret = (struct fb_sets){0};
	if (code == 0)
		code = open_journal(cli, flags);
	if (code == 0 && (location || fb_tool_has_store(cli)))
		code = read_store(cli, location, ret);
	if (code == 0)
		code = add_journal(cli, ret);
	if (code)
		fb_sets_clear(ret);
	return code;
}

static void free_list(char **v)
{
	for (char **p = v; p && *p; p++)
		fb_free(*p);
	fb_free(v);
}

void fb_sets_clear(struct fb_sets *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct fb_set *set = &s->v[i];
		char *const texts[] = {set->id, set->problem, set->digest, set->recorded, set->kind, set->environment, set->status, set->title, set->release};

		for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
			fb_free(texts[k]);
		free_list(set->names);
		free_list(set->services);
		json_decref(set->needed);
	}
	fb_free(s->v);
	fb_free(s->encryption);
	*s = (struct fb_sets){0};
}

/* ---- finding one ---- */

static const struct fb_set *newest(const struct fb_sets *s, const char *environment)
{
	const struct fb_set *any = NULL;

	for (size_t i = 0; i < s->n; i++) {
		const struct fb_set *set = &s->v[i];

		if (!set->sealed || set->problem)
			continue;
		if (set->known && strcmp(set->environment, environment) == 0)
			return set;
		if (!any && !set->known)
			any = set;
	}
	return any;
}

static const struct fb_set *by_alias(struct fb_cli *cli, const struct fb_sets *s, const char *text)
{
	struct fb_execution e = {0};
	struct fb_err err = {0};
	const struct fb_set *found = NULL;

	if (!cli->journal || fb_journal_execution(cli->journal, text, &e, &err) != 0)
		return NULL;
	for (size_t i = 0; i < s->n && !found; i++)
		if (fb_streq(s->v[i].id, e.id))
			found = &s->v[i];
	fb_execution_clear(&e);
	return found;
}

static const struct fb_set *match(struct fb_cli *cli, const struct fb_sets *s, const char *text, struct fb_text *many)
{
	const struct fb_set *found = NULL;
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (strcmp(s->v[i].id, text) == 0)
			return &s->v[i];
		if (!fb_has_prefix(s->v[i].id, text))
			continue;
		found = &s->v[i];
		if (++n <= 5)
			fb_text_printf(many, "%s%s", n > 1 ? ", " : "", found->id);
	}
	if (n == 1)
		fb_text_clear(many);
	return n == 1 ? found : n > 1 ? NULL : by_alias(cli, s, text);
}

const struct fb_set *fb_sets_find(struct fb_cli *cli, const struct fb_sets *s, const char *text, int *ret_code)
{
	bool latest = !text || strcmp(text, "latest") == 0;
	struct fb_text many = {0};
	const struct fb_set *set = latest ? newest(s, fb_config_environment(cli->config)) : match(cli, s, text, &many);

	*ret_code = 0;
	if (set && !set->sealed)
		*ret_code = fb_cli_fail(cli, FB_EXIT_USAGE, "the set %s is no backup: it was never sealed%s; 'failback backup list' shows those that are whole", set->id,
					set->known && !set->finished ? ", its execution is still at it" : "");
	else if (!set && !s->n)
		*ret_code = fb_cli_fail(cli, FB_EXIT_USAGE, "there are no backups in %s yet: the phase backup of a deployment makes one", fb_config_backup_store(cli->config)->path);
	else if (!set && latest)
		*ret_code = fb_cli_fail(cli, FB_EXIT_USAGE, "there is no whole backup of environment '%s'; 'failback backup list' shows what there is",
					fb_config_environment(cli->config));
	else if (!set && many.n)
		*ret_code = fb_cli_fail(cli, FB_EXIT_USAGE, "'%s' is the beginning of more than one set: %s; give more of it", text, many.p);
	else if (!set)
		*ret_code = fb_cli_fail(cli, FB_EXIT_USAGE, "there is no backup set '%s'; 'failback backup list' shows those there are", text);
	fb_text_clear(&many);
	return *ret_code ? NULL : set;
}

int fb_set_has_item(struct fb_cli *cli, const struct fb_set *set, const char *item)
{
	struct fb_text all = {0};
	const char *near;
	int code;

	for (char **p = set->names; *p; p++)
		if (strcmp(*p, item) == 0)
			return 0;
	near = fb_nearest(item, (const char *const *)set->names);
	for (char **p = set->names; *p; p++)
		fb_text_printf(&all, "%s%s", all.n ? ", " : "", *p);
	code = near ? fb_cli_fail(cli, FB_EXIT_USAGE, "the set %s has no item '%s'; did you mean '%s'?", set->id, item, near) :
		      fb_cli_fail(cli, FB_EXIT_USAGE, "the set %s has no item '%s'; it has %s", set->id, item, all.n ? all.p : "none that can be read");
	fb_text_clear(&all);
	return code;
}

/* ---- what is said of one ---- */

enum fb_set_digest fb_set_digest(const struct fb_set *set)
{
	if (!set->recorded || !set->digest)
		return FB_SET_NOT_RECORDED;
	return strcmp(set->recorded, set->digest) == 0 ? FB_SET_AS_RECORDED : FB_SET_DIFFERS;
}

bool fb_set_has_service(const struct fb_set *set, const char *service)
{
	for (char **p = set->services; *p; p++)
		if (strcmp(*p, service) == 0)
			return true;
	return false;
}

static bool same_release(const json_t *a, const json_t *b)
{
	static const char *const members[] = {"why", "release", "environment"};

	for (int i = 0; i < 3; i++)
		if (!fb_streq(json_string_value(json_object_get(a, members[i])), json_string_value(json_object_get(b, members[i]))))
			return false;
	return true;
}

/* "web, database and cache": the services of rows like that one. */
static void add_services(const json_t *needed, const json_t *like, struct fb_text *t)
{
	size_t i, count = 0, n = 0;
	const json_t *one;

	json_array_foreach(needed, i, one)
		count += same_release(one, like);
	json_array_foreach(needed, i, one)
		if (same_release(one, like)) {
			fb_text_printf(t, "%s %s", n == 0 ? "" : n + 1 == count ? " and" : ",", json_string_value(json_object_get(one, "service")));
			n++;
		}
}

char *fb_set_needed_text(const struct fb_set *set)
{
	struct fb_text t = {0};
	const json_t *one;
	size_t i, k;

	json_array_foreach(set->needed, i, one) {
		for (k = 0; k < i && !same_release(json_array_get(set->needed, k), one); k++)
			;
		if (k < i) /* said with the first */
			continue;
		fb_text_printf(&t, "%s the %s release %s of", i ? "," : "needed by", fb_streq(json_string_value(json_object_get(one, "why")), "live") ? "live" : "last known good",
			       json_string_value(json_object_get(one, "release")));
		add_services(set->needed, one, &t);
	}
	return t.n ? fb_text_take(&t) : NULL;
}

static json_t *texts_json(char **v)
{
	json_t *list = json_array();

	for (char **p = v; *p; p++)
		json_array_append_new(list, json_string(*p));
	return list;
}

json_t *fb_set_json(const struct fb_set *set)
{
	static const char *const digests[] = {"not recorded", "as recorded", "differs"};

	return json_pack("{s:s, s:b, s:s?, s:o, s:o, s:o, s:I, s:I, s:I, s:b, s:s?, s:s, s:O, s:s?, s:s?, s:s?, s:s?, s:s?, s:o}", "set", set->id, "sealed", set->sealed, "problem",
			 set->problem, "created", fb_row_stamp(set->created_ms), "services", texts_json(set->services), "item_names", texts_json(set->names), "items",
			 (json_int_t)set->items, "size", (json_int_t)set->size, "stored", (json_int_t)set->stored, "encrypted", set->encrypted, "digest", set->digest,
			 "digest_recorded", digests[fb_set_digest(set)], "needed_by", set->needed, "kind", set->kind, "environment", set->environment, "status", set->status,
			 "title", set->title, "release", set->release, "execution", set->known ? json_string(set->id) : json_null());
}
