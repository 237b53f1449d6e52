/* SPDX-License-Identifier: Apache-2.0 */
/* What a program is told when it starts: the call as a JSON document (schema failback.call/1), and its environment. */
#include "plugins/common/exec/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/common/health.h"

static const struct {
	uint32_t number;
	const char *name;
} operations[] = {
	{FB_OP_CHECK, "check"},     {FB_OP_RUN, "run"},         {FB_OP_UNDO, "undo"},       {FB_OP_PROBE, "probe"},       {FB_OP_NOTIFY, "notify"},   {FB_OP_STATE, "state"},
	{FB_OP_CAPTURE, "capture"}, {FB_OP_PROVE, "prove"},     {FB_OP_PREPARE, "prepare"}, {FB_OP_SHIFT, "shift"},       {FB_OP_PROTECT, "protect"}, {FB_OP_RESTORE, "restore"},
	{FB_OP_VERIFY, "verify"},   {FB_OP_EVIDENCE, "evidence"}, {FB_OP_OBSERVE, "observe"}, {FB_OP_COMMIT, "commit"},   {FB_OP_CLEANUP, "cleanup"},
};

const char *exec_operation_name(const struct fb_call *call)
{
	/* A phase's undo is an operation of its own, however it was come by */
	if (call->operation == FB_OP_RUN && call->flags & FB_CALL_UNDO)
		return "undo";
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (operations[i].number == call->operation)
			return operations[i].name;
	return "unknown";
}

const char *exec_kind_name(uint32_t kind)
{
	static const char *const names[] = {"plugin", "phase", "strategy", "check", "notifier"};

	return names[kind <= FB_KIND_NOTIFIER ? kind : 0];
}

static bool is_undo(const struct fb_call *call)
{
	return call->flags & FB_CALL_UNDO || call->operation == FB_OP_UNDO;
}

static void add_map(const struct fb_call *call, json_t *settings, const char *path)
{
	const struct fb_host *h = call->host;
	uint32_t n = h->option_count(call, path);

	for (uint32_t i = 0; i < n; i++) {
		char *key = run_copy(h->option_key(call, path, i)), full[256];
		const char *value;

		if (!key)
			continue;
		snprintf(full, sizeof(full), "%s.%s", path, key);
		value = h->option(call, full);
		json_object_set_new(settings, key, value ? json_string(value) : json_null());
		free(key);
	}
}

json_t *exec_settings(const struct fb_call *call)
{
	json_t *settings = json_object();

	add_map(call, settings, "settings");
	add_map(call, settings, "secret_settings");
	return settings;
}

/* What earlier links left; for kinds that may act on it. Others ask for what they need. */
static json_t *facts_of(const struct exec *x)
{
	const char *text = x->kind == FB_KIND_PHASE || x->kind == FB_KIND_STRATEGY ? x->call->host->document(x->call, "facts") : NULL;
	json_t *facts = text ? json_loads(text, 0, NULL) : NULL;

	return facts ? facts : json_object();
}

static json_t *event_of(const struct fb_event *e)
{
	json_t *data;

	if (!e)
		return json_null();
	data = json_loads(e->data ? e->data : "{}", 0, NULL);
	return json_pack("{s:s,s:s?,s:s?,s:s?,s:s?,s:s?,s:s?,s:s?,s:o}", "schema", "failback.event/1", "id", e->id, "name", e->name, "time", e->time, "severity", e->severity,
			 "summary", e->summary, "incident", e->incident, "report", e->report, "data", data ? data : json_object());
}

char *exec_document(const struct exec *x)
{
	const struct fb_call *c = x->call;
	json_t *root;
	char *text, *line;
	size_t n;

	root = json_pack("{s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:b, s:I}", "schema", "failback.call/1", "kind", exec_kind_name(x->kind), "operation", exec_operation_name(c), "undo",
			 is_undo(c), "dry_run", !!(c->flags & FB_CALL_DRY_RUN), "recovery", !!(c->flags & FB_CALL_RECOVERY), "resumed", !!(c->flags & FB_CALL_RESUMED), "preserve",
			 !!(c->flags & FB_CALL_PRESERVE), "attempt", (json_int_t)c->attempt);
	json_object_set_new(root, "share", c->operation == FB_OP_SHIFT ? json_integer(c->share) : json_null());
	json_object_update_new(root, json_pack("{s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?}", "execution", c->execution, "environment", c->environment, "service",
					       c->service, "release", c->release, "last_good", c->last_good, "failed", c->failed, "link", c->link, "reason", c->reason, "archive",
					       c->archive, "scratch", c->scratch));
	json_object_update_new(root, json_pack("{s:I, s:I, s:o, s:o, s:o}", "deadline_ms", (json_int_t)c->deadline_ms, "remaining_ms", (json_int_t)c->host->remaining_ms(c),
					       "settings", exec_settings(c), "facts", facts_of(x), "event", event_of(x->event)));
	text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	n = text ? strlen(text) : 0;
	line = malloc(n + 2);
	if (!text || !line)
		abort();
	memcpy(line, text, n);
	memcpy(line + n, "\n", 2);
	free(text);
	return line;
}

static void add(char ***v, size_t *n, const char *name, const char *value)
{
	size_t size = strlen(name) + (value ? strlen(value) : 0) + 2;

	if (!value)
		return;
	*v = realloc(*v, (*n + 2) * sizeof(**v));
	if (!*v || !((*v)[*n] = malloc(size)))
		abort();
	snprintf((*v)[(*n)++], size, "%s=%s", name, value);
	(*v)[*n] = NULL;
}

/* A later one of the same name wins. */
static void add_pair(char ***v, size_t *n, const char *pair)
{
	size_t name = strcspn(pair, "=");
	char *key = strndup(pair, name);

	for (size_t i = 0; i < *n; i++)
		if (!strncmp((*v)[i], pair, name + 1)) {
			free((*v)[i]);
			(*v)[i] = run_copy(pair);
			free(key);
			return;
		}
	add(v, n, key, pair + name + 1);
	free(key);
}

char **exec_environment(const struct exec *x)
{
	static const char *const kept[] = {"PATH", "HOME", "LANG", "TMPDIR"};
	const struct fb_call *c = x->call;
	const struct fb_event none = {0}, *e = x->event ? x->event : &none;
	char attempt[16], share[16], **v = NULL;
	size_t n = 0;

	snprintf(attempt, sizeof(attempt), "%u", c->attempt);
	snprintf(share, sizeof(share), "%u", c->share);
	const struct { const char *name, *value; } all[] = {
		{"KIND", exec_kind_name(x->kind)}, {"OPERATION", exec_operation_name(c)}, {"EXECUTION", c->execution}, {"ENVIRONMENT", c->environment}, {"SERVICE", c->service},
		{"RELEASE", c->release}, {"LAST_GOOD", c->last_good}, {"FAILED", c->failed}, {"LINK", c->link}, {"REASON", c->reason}, {"ARCHIVE", c->archive},
		{"SCRATCH", c->scratch}, {"ATTEMPT", attempt}, {"SHARE", c->operation == FB_OP_SHIFT ? share : NULL}, {"UNDO", is_undo(c) ? "1" : "0"},
		{"DRY_RUN", c->flags & FB_CALL_DRY_RUN ? "1" : "0"}, {"RECOVERY", c->flags & FB_CALL_RECOVERY ? "1" : "0"}, {"RESUMED", c->flags & FB_CALL_RESUMED ? "1" : "0"},
		{"PRESERVE", c->flags & FB_CALL_PRESERVE ? "1" : "0"}, {"EVENT", e->name}, {"EVENT_ID", e->id}, {"EVENT_TIME", e->time}, {"SEVERITY", e->severity},
		{"SUMMARY", e->summary}, {"INCIDENT", e->incident}, {"REPORT", e->report}};
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		add(&v, &n, kept[i], getenv(kept[i]));
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char name[32];

		snprintf(name, sizeof(name), "FAILBACK_%s", all[i].name);
		add(&v, &n, name, all[i].value);
	}
	for (char **p = x->spec.environment; p && *p; p++)
		add_pair(&v, &n, *p);
	if (getenv("FAILBACK_HOST")) { /* by which failback knows what comes from this worker; not to be taken away */
		char marker[256];

		snprintf(marker, sizeof(marker), "FAILBACK_HOST=%s", getenv("FAILBACK_HOST"));
		add_pair(&v, &n, marker);
	}
	return v;
}

void exec_environment_free(char **v)
{
	for (char **p = v; p && *p; p++)
		free(*p);
	free(v);
}
