/* SPDX-License-Identifier: Apache-2.0 */
#include "recovery/targets.h"

#include <string.h>

#include "base/mem.h"
#include "failback/plugin.h"

static void set(char **where, const char *text)
{
	char *copy = fb_strdup(text);

	fb_free(*where);
	*where = copy;
}

static const json_t *result_of(const json_t *results, const char *service)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(results, "services"), i, one)
		if (fb_streq(json_string_value(json_object_get(one, "service")), service))
			return one;
	return NULL;
}

void fb_targets_states(struct fb_engine *e, json_t *results)
{
	struct fb_err err;

	for (size_t i = 0; i < e->x.service_count; i++) {
		struct fb_service *s = &e->x.services[i];
		const json_t *state = json_object_get(json_object_get(result_of(results, s->name), "reported"), "state");
		const char *live;
		char *name, *text;

		if (!state)
			continue;
		live = json_string_value(json_object_get(state, "release"));
		set(&s->before, live && *live ? live : NULL);
		name = fb_asprintf("state/%s", s->name);
		text = json_dumps(state, JSON_COMPACT);
		if (fb_journal_document_set(e->x.journal, name, text, &err) < 0)
			fb_context_lost(&e->x, &err);
		fb_free(name);
		fb_free(text);
	}
}

static int last_good(struct fb_engine *e, struct fb_service *s, struct fb_err *err)
{
	struct fb_release_row row;
	int r = fb_journal_last_good(e->x.journal, e->x.environment, s->name, &row, err);

	if (r == 0) {
		set(&s->last_good, row.release);
		fb_release_clear(&row);
	}
	return r;
}

/* The release that users are on: what the strategy saw, else what the journal last left them on. */
static char *live_release(struct fb_engine *e, struct fb_service *s, struct fb_err *err)
{
	struct fb_release_row *rows;
	char *live = fb_strdup(s->before);
	size_t n;

	if (live || fb_journal_releases(e->x.journal, e->x.environment, s->name, NULL, 100, &rows, &n, err) < 0)
		return live;
	for (size_t i = 0; i < n && !live; i++)
		if (rows[i].live)
			live = fb_strdup(rows[i].release);
	fb_releases_free(rows, n);
	return live;
}

/* --to: only what was verified and committed once, and not found bad since. 0 · 1: it is not (err) · -1 */
static int named(struct fb_engine *e, struct fb_service *s, struct fb_err *err)
{
	struct fb_release_row *rows;
	size_t n;
	int r;

	if (fb_journal_releases(e->x.journal, e->x.environment, s->name, s->release, 1, &rows, &n, err) < 0)
		return -1;
	if (n && (!strcmp(rows[0].status, "good") || !strcmp(rows[0].status, "superseded"))) {
		set(&s->last_good, s->release);
		r = 0;
	} else {
		r = 1;
		fb_err_set(err, FB_EXIT_REFUSED,
			   n ? "release %s of '%s' is not one to go back to: it is recorded as %s; 'failback rollback %s --to' lists those that are"
			     : "release %s of '%s' is not known here: it was never deployed, verified and committed%.0s; 'failback rollback %s --to' lists those that were",
			   s->release, s->name, n ? rows[0].status : "", s->name);
	}
	fb_releases_free(rows, n);
	return r;
}

/* The status of a release in the journal, to be freed; NULL: it is not known there, or err. */
static char *status_of(struct fb_engine *e, struct fb_service *s, const char *release, struct fb_err *err)
{
	struct fb_release_row *rows;
	char *status = NULL;
	size_t n;

	if (!release || fb_journal_releases(e->x.journal, e->x.environment, s->name, release, 1, &rows, &n, err) < 0)
		return NULL;
	if (n)
		status = fb_strdup(rows[0].status);
	fb_releases_free(rows, n);
	return status;
}

static bool live_is(struct fb_engine *e, struct fb_service *s, const char *wanted, struct fb_err *err)
{
	char *live = live_release(e, s, err), *status = status_of(e, s, live, err);
	bool is = fb_streq(status, wanted);

	fb_free(live);
	fb_free(status);
	return is;
}

/* Did the execution before this one, of some service, leave a recovery that a person has to finish? */
static bool was_left_incomplete(struct fb_engine *e, struct fb_err *err)
{
	bool was = false;

	for (size_t i = 0; i < e->x.service_count && !was; i++) {
		const struct fb_execution_filter filter = {.environment = e->x.environment, .service = e->x.services[i].name, .limit = 2}; /* the newest is this one */
		struct fb_execution *v;
		size_t n, k = 0;

		if (!e->x.services[i].deploys || fb_journal_executions(e->x.journal, &filter, &v, &n, err) < 0)
			continue;
		if (n && fb_streq(v[0].id, e->x.id))
			k = 1;
		was = k < n && fb_streq(v[k].status, "rollback_incomplete");
		fb_executions_free(v, n);
	}
	return was;
}

/* Is users' release of some service one that failed, or was a recovery left incomplete? Then a rollback by hand finishes that. */
static bool is_to_finish(struct fb_engine *e, struct fb_err *err)
{
	for (size_t i = 0; i < e->x.service_count; i++)
		if (e->x.services[i].deploys && live_is(e, &e->x.services[i], "failed", err))
			return true;
	return was_left_incomplete(e, err);
}

/* A rollback by hand leaves the live release: it is recorded as failed, so that "last known good" is the one before. But where it finishes a recovery that was left incomplete, a service
 * that is back on its last known good stays there. */
static int leave_live(struct fb_engine *e, struct fb_service *s, bool finishes, struct fb_err *err)
{
	char *live = live_release(e, s, err);
	int r = 0;

	if (finishes && !s->release && live && live_is(e, s, "good", err)) {
		set(&s->last_good, live);
		set(&s->failed, NULL);
		fb_free(live);
		return 0;
	}
	set(&s->failed, live);
	if (live && !fb_streq(live, s->release))
		r = fb_journal_release(e->x.journal, e->x.environment, s->name, live, "failed", true, NULL, err);
	fb_free(live);
	if (r < 0)
		return -1;
	r = s->release ? named(e, s, err) : last_good(e, s, err);
	if (r == 1 && !s->release)
		fb_err_set(err, FB_EXIT_REFUSED, "there is nothing to go back to: no release of '%s' other than %s was ever verified and committed in %s", s->name,
			   s->failed ? s->failed : "the live one", e->x.environment);
	return r;
}

static int choose(struct fb_engine *e, struct fb_err *err)
{
	bool finishes = !e->deploys && is_to_finish(e, err);
	int answer = FB_TARGETS_CHOSEN;

	for (size_t i = 0; i < e->x.service_count; i++) {
		struct fb_service *s = &e->x.services[i];
		int r;

		if (!s->deploys)
			continue;
		r = e->deploys ? last_good(e, s, err) : leave_live(e, s, finishes, err);
		if (r < 0)
			return -1;
		if (r == 0)
			continue;
		if (!e->deploys)
			return FB_TARGETS_NONE;
		/* Something is live that we did not put there: if it proves healthy, it is what we return to. */
		if (s->before) {
			set(&s->last_good, s->before);
			s->adopting = true;
			answer = FB_TARGETS_ADOPT;
		}
	}
	return answer;
}

int fb_targets_choose(struct fb_engine *e, struct fb_err *err)
{
	int answer;

	if (fb_journal_begin(e->x.journal, err) < 0)
		return -1;
	answer = choose(e, err);
	/* What is refused leaves no trace: the live release is still the last known good. */
	if (answer < 0 || answer == FB_TARGETS_NONE)
		fb_journal_cancel(e->x.journal);
	else if (fb_journal_end(e->x.journal, err) < 0)
		return -1;
	return answer;
}

int fb_targets_adopt(struct fb_engine *e, json_t *results, struct fb_err *err)
{
	for (size_t i = 0; i < e->x.service_count; i++) {
		struct fb_service *s = &e->x.services[i];
		const json_t *one = result_of(results, s->name);

		if (!s->adopting)
			continue;
		s->adopting = false;
		if (one && json_integer_value(json_object_get(one, "answer")) > FB_SKIP) {
			char *text = fb_asprintf("what is live of '%s' (%s) does not verify: there is nothing to go back to if this deployment fails", s->name, s->last_good);

			fb_context_note(&e->x, NULL, FB_LOG_WARNING, text);
			fb_free(text);
			set(&s->last_good, NULL);
			continue;
		}
		if (fb_journal_release(e->x.journal, e->x.environment, s->name, s->last_good, "good", true, NULL, err) < 0)
			return -1;
	}
	return 0;
}

int fb_targets_store(struct fb_engine *e, struct fb_err *err)
{
	json_t *all = json_object();
	char *text;
	int r;

	for (size_t i = 0; i < e->x.service_count; i++) {
		const struct fb_service *s = &e->x.services[i];

		json_object_set_new(all, s->name, json_pack("{s:s?, s:s?, s:s?}", "last_good", s->last_good, "failed", s->failed, "before", s->before));
	}
	text = json_dumps(all, JSON_COMPACT);
	r = fb_journal_document_set(e->x.journal, "targets", text, err);
	fb_free(text);
	json_decref(all);
	return r;
}

bool fb_targets_restore(struct fb_engine *e)
{
	char *text = fb_journal_document(e->x.journal, e->x.id, "targets");
	json_t *all = text ? json_loads(text, 0, NULL) : NULL;
	bool found = all != NULL;

	for (size_t i = 0; i < e->x.service_count; i++) {
		struct fb_service *s = &e->x.services[i];
		const json_t *one = json_object_get(all, s->name);

		if (!one)
			continue;
		set(&s->last_good, json_string_value(json_object_get(one, "last_good")));
		set(&s->failed, json_string_value(json_object_get(one, "failed")));
		set(&s->before, json_string_value(json_object_get(one, "before")));
	}
	json_decref(all);
	fb_free(text);
	return found;
}

static int mark(struct fb_engine *e, const struct fb_service *s, const char *release, const char *status, bool live, struct fb_err *err)
{
	return release ? fb_journal_release(e->x.journal, e->x.environment, s->name, release, status, live, NULL, err) : 0;
}

int fb_targets_deploying(struct fb_engine *e, struct fb_err *err)
{
	for (size_t i = 0; i < e->x.service_count; i++) {
		const struct fb_service *s = &e->x.services[i];

		/* The same release once more: it stays what we return to. */
		if (s->deploys && !fb_streq(s->release, s->last_good) && mark(e, s, s->release, "deploying", false, err) < 0)
			return -1;
	}
	return 0;
}

int fb_targets_committed(struct fb_engine *e, struct fb_err *err)
{
	if (fb_journal_begin(e->x.journal, err) < 0)
		return -1;
	for (size_t i = 0; i < e->x.service_count; i++) {
		const struct fb_service *s = &e->x.services[i];

		if (s->deploys && mark(e, s, s->release, "good", true, err) < 0) {
			fb_journal_cancel(e->x.journal);
			return -1;
		}
	}
	return fb_journal_end(e->x.journal, err);
}

void fb_targets_failed(struct fb_engine *e)
{
	struct fb_err err;

	for (size_t i = 0; i < e->x.service_count; i++) {
		struct fb_service *s = &e->x.services[i];

		if (!s->deploys)
			continue;
		if (e->deploys)
			set(&s->failed, s->release);
		if (e->deploys && !fb_streq(s->release, s->last_good) && mark(e, s, s->release, "failed", false, &err) < 0)
			fb_context_lost(&e->x, &err);
	}
}

int fb_targets_recovered(struct fb_engine *e, struct fb_err *err)
{
	if (fb_journal_begin(e->x.journal, err) < 0)
		return -1;
	for (size_t i = 0; i < e->x.service_count; i++) {
		const struct fb_service *s = &e->x.services[i];

		if (s->deploys && mark(e, s, s->last_good, "good", true, err) < 0) {
			fb_journal_cancel(e->x.journal);
			return -1;
		}
	}
	return fb_journal_end(e->x.journal, err);
}
