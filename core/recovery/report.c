/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the report document (failback.report/1): its members and their order. Everything in it comes from the journal. */
#include "recovery/report.h"

#include <string.h>

#include "base/mem.h"
#include "recovery/learned.h"
#include "recovery/report_parts.h"

const char *fb_report_status(const struct fb_execution *e)
{
	if (!e->ended_ms && fb_streq(e->status, "running") && !e->owner_alive)
		return "interrupted";
	return e->status ? e->status : "unknown";
}

/* Each moment as a time stamp and as seconds after detection (negative for those before it); the clocks are kept apart. */
static json_t *clocks_of(const struct fb_report_source *r)
{
	static const char *const names[] = {"started", "detected", "traffic_safe", "restored", "verified", "reported", "ended"};
	struct fb_report_time detected, t;
	bool known = fb_report_clock(r, "detected", &detected), reboot;
	json_t *clocks = json_object();
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		json_t *one, *after = json_null();
		if (!fb_report_clock(r, names[i], &t)) {
			json_object_set_new(clocks, names[i], json_null());
			continue;
		}
		reboot = false;
		if (known && strcmp(names[i], "started") != 0)
			after = json_real(fb_report_seconds(r, detected, t, &reboot));
		one = json_pack("{s:o, s:o}", "at", fb_report_stamp(t.wall_ms), "after_detection", after);
		if (reboot)
			json_object_set_new(one, "crosses_reboot", json_true());
		json_object_set_new(clocks, names[i], one);
	}
	return clocks;
}

static json_t *root_cause_of(const struct fb_report_source *r)
{
	const json_t *cause = fb_report_reported(r, "root_cause");
	const char *name;
	json_t *value;
	if (!json_is_object(cause))
		return json_null();
	json_t *root = json_pack("{s:o, s:o, s:o, s:o, s:o}", "type", fb_report_member(cause, "type"), "cause", fb_report_member(cause, "cause"), "component",
				 fb_report_member(cause, "component"), "confidence", fb_report_member(cause, "confidence"), "evidence", fb_report_member(cause, "evidence"));
	json_object_foreach((json_t *)(uintptr_t)cause, name, value) /* class, likely_cause, parameters …: what recommends goes by them */
		if (!json_object_get(root, name))
			json_object_set_new(root, name, json_deep_copy(value));
	return root;
}

static json_t *plugins_of(const struct fb_report_source *r)
{
	static const char *const members[] = {"kind", "name", "version", "file", "sha256", "sandbox", "unenforced"};
	json_t *list = json_array(), *one;
	size_t i;
	json_array_foreach(json_object_get(r->frozen, "plugins"), i, one) {
		json_t *copy = json_object();
		for (size_t m = 0; m < sizeof members / sizeof *members; m++)
			json_object_set_new(copy, members[m], fb_report_member(one, members[m]));
		json_array_append_new(list, copy);
	}
	return list;
}

/* What this execution made of the releases of its services. */
static int releases_of(const struct fb_report_source *r, struct fb_journal *j, json_t *services, json_t *list, struct fb_err *err)
{
	json_t *service;
	size_t i, n;
	json_array_foreach(services, i, service) {
		struct fb_release_row *v;
		if (fb_journal_releases(j, r->e.environment, json_string_value(service), NULL, 50, &v, &n, err) != 0)
			return -1;
		for (size_t k = 0; k < n; k++)
			if (fb_streq(v[k].execution, r->e.id))
				json_array_append_new(list, json_pack("{s:O, s:o, s:o, s:o, s:b}", "service", service, "release", fb_report_text(v[k].release), "status",
								      fb_report_text(v[k].status), "at", fb_report_stamp(v[k].at_ms), "live", v[k].live));
		fb_releases_free(v, n);
	}
	return 0;
}

/* total_time: from detection to verified (restored and healthy). auto_retry: another execution tried again; did it succeed? */
static int recovery_of(const struct fb_report_source *r, struct fb_journal *j, json_t **ret, struct fb_err *err)
{
	struct fb_execution_filter filter = {.environment = r->e.environment, .limit = 200};
	struct fb_report_time detected, verified;
	struct fb_execution *v;
	json_t *total = json_null(), *retry = json_null(), *success = json_null();
	bool reboot = false;
	size_t n;
	if (fb_report_clock(r, "detected", &detected) && fb_report_clock(r, "verified", &verified))
		total = json_real(fb_report_seconds(r, detected, verified, &reboot));
	if (fb_journal_executions(j, &filter, &v, &n, err) != 0) {
		json_decref(total);
		return -1;
	}
	for (size_t i = 0; i < n; i++) {
		if (!fb_streq(v[i].retry_of, r->e.id))
			continue;
		json_decref(retry);
		json_decref(success);
		retry = fb_report_text(v[i].id);
		success = v[i].ended_ms ? json_boolean(fb_streq(v[i].status, "completed")) : json_null();
		break; /* newest first */
	}
	fb_executions_free(v, n);
	*ret = json_pack("{s:o, s:b, s:o, s:o}", "total_time", total, "auto_retry", !json_is_null(retry), "retry_successful", success, "retried_by", retry);
	if (reboot)
		json_object_set_new(*ret, "crosses_reboot", json_true());
	return 0;
}

static json_t *list_or_empty(json_t *value)
{
	return json_is_array(value) ? json_deep_copy(value) : json_array();
}

static void put(json_t *document, const char *name, json_t *value)
{
	json_object_set_new(document, name, value ? value : json_null());
}

static void put_head(const struct fb_report_source *r, json_t *d, json_t *services)
{
	bool reboot = false;
	put(d, "schema", json_string("failback.report/1"));
	put(d, "execution_id", fb_report_text(r->e.id));
	put(d, "alias", fb_report_text(r->e.alias));
	put(d, "kind", fb_report_text(r->e.kind));
	put(d, "title", fb_report_text(r->e.title));
	put(d, "environment", fb_report_text(r->e.environment));
	put(d, "services", json_incref(services));
	put(d, "release", fb_report_text(r->e.release));
	put(d, "reason", fb_report_text(r->e.reason));
	put(d, "deployment_id", fb_report_member(r->frozen, "deployment_id"));
	put(d, "status", json_string(fb_report_status(&r->e)));
	put(d, "exit_code", r->e.ended_ms && r->e.exit_code >= 0 ? json_integer(r->e.exit_code) : json_null());
	put(d, "timestamp", fb_report_stamp(r->e.started_ms));
	put(d, "ended", fb_report_stamp(r->e.ended_ms));
	put(d, "duration", r->e.ended_ms ? json_real(fb_report_seconds(r, (struct fb_report_time){r->e.started_ms, r->e.started_boot_ms},
								     (struct fb_report_time){r->e.ended_ms, r->e.ended_boot_ms}, &reboot))
					 : json_null());
	if (reboot)
		put(d, "crosses_reboot", json_true());
}

json_t *fb_report_build(struct fb_journal *j, const char *execution, struct fb_err *err)
{
	struct fb_report_source r = {0};
	json_t *d = NULL, *services = NULL, *releases = json_array(), *recovery = NULL, *backup, *verdict = NULL;
	char head[65] = "";
	int64_t rows = 0;
	if (fb_report_read(&r, j, execution, err) != 0)
		goto out;
	services = r.e.services ? json_loads(r.e.services, 0, NULL) : NULL;
	if (!json_is_array(services)) {
		json_decref(services);
		services = json_array();
	}
	if (recovery_of(&r, j, &recovery, err) != 0 || releases_of(&r, j, services, releases, err) != 0 || fb_journal_audit_head(j, head, &rows, err) != 0)
		goto out;
	verdict = fb_learned_verdict(j, r.e.id, err);
	if (!verdict)
		goto out;
	d = json_object();
	put_head(&r, d, services);
	put(d, "failure", fb_report_member(r.why, "message"));
	backup = fb_report_backup(&r);
	put(d, "backup_created", json_boolean(json_is_true(json_object_get(backup, "created"))));
	put(d, "backup", backup);
	put(d, "deployment", fb_streq(r.e.kind, "rollback") ? json_null() : fb_report_deployment(&r));
	put(d, "rollback_performed", json_boolean(fb_report_recovered_at_all(&r)));
	put(d, "rollback", fb_report_rollback(&r));
	put(d, "impact", r.impact ? json_deep_copy(r.impact) : json_null());
	put(d, "clocks", clocks_of(&r));
	put(d, "root_cause", root_cause_of(&r));
	if (json_is_object(verdict) && json_is_object(json_object_get(d, "root_cause")))
		json_object_set(json_object_get(d, "root_cause"), "verdict", verdict);
	put(d, "recommendations", list_or_empty(fb_report_reported(&r, "recommendations")));
	put(d, "recovery", json_incref(recovery));
	put(d, "retry_of", fb_report_text(r.e.retry_of));
	put(d, "members", list_or_empty(r.members));
	put(d, "way_out", list_or_empty(r.way_out));
	put(d, "releases", json_incref(releases));
	put(d, "evidence", list_or_empty(r.evidence));
	put(d, "plugins", plugins_of(&r));
	put(d, "tasks", fb_report_tasks(&r));
	put(d, "audit_head", fb_report_text(*head ? head : NULL));
out:
	json_decref(services);
	json_decref(releases);
	json_decref(recovery);
	json_decref(verdict);
	fb_report_clear(&r);
	return d;
}
