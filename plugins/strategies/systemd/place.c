/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which a release comes into place: what it is made of, then systemd reads it, then the units run it. Each part looks, compares and acts. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "plugins/common/step.h"
#include "plugins/strategies/systemd/systemd.h"

char *live_release(struct systemd *s, const char **ret_source)
{
	char *ret = NULL;

	*ret_source = "as 'version' says";
	if (run_is_set(s->call, "version") && step_ask(s->call, "version", NULL, &ret) == 0 && *ret)
		return ret;
	free(ret);
	*ret_source = "as its drop-in says";
	ret = dropin_is_set(s->call) ? dropin_release(s, &s->units[0]) : NULL;
	if (ret)
		return ret;
	ret = run_copy(s->host->fact(s->call, FB_SCOPE_SERVICE, "live"));
	*ret_source = ret ? "as recorded by the last deployment or recovery" : "not known: it was never deployed by failback, and 'version' is not set";
	return ret;
}

/* {"release": R, "units": {"shop.service": INVOCATION}}: what was seen to stay up */
static void record_settled(struct systemd *s, const char *release)
{
	json_t *units = json_object(), *o;
	char *text;

	for (size_t i = 0; i < s->n; i++)
		json_object_set_new(units, s->units[i].name, json_string(s->units[i].now.invocation));
	o = json_pack("{s:s, s:o}", "release", release, "units", units);
	text = json_dumps(o, JSON_COMPACT);
	if (!text || s->host->fact_set(s->call, FB_SCOPE_OWN, "settled", text) || s->host->fact_set(s->call, FB_SCOPE_SERVICE, "live", release))
		s->host->log(s->call, FB_LOG_WARNING, "that release %s is live could not be recorded", release);
	free(text);
	json_decref(o);
}

/* Do the units still run what was seen to stay up? 1: yes, 0: another release, or started again since, -1: nothing was recorded. */
static int holds(struct systemd *s, const char *release, const struct unit **ret_unit)
{
	const char *text = s->host->fact(s->call, FB_SCOPE_OWN, "settled"), *settled;
	json_t *o = text ? json_loads(text, 0, NULL) : NULL;
	int ret = o ? 1 : -1;

	settled = json_string_value(json_object_get(o, "release"));
	if (o && (!settled || strcmp(settled, release)))
		ret = -1;
	for (size_t i = 0; i < s->n && ret > 0; i++) {
		const char *invocation = json_string_value(json_object_get(json_object_get(o, "units"), s->units[i].name));

		if (invocation && strcmp(invocation, s->units[i].now.invocation)) {
			*ret_unit = &s->units[i];
			ret = 0;
		}
	}
	json_decref(o);
	return ret;
}

bool is_live(struct systemd *s, const char *release)
{
	const struct unit *u;
	const char *source;
	char *live = live_release(s, &source);
	bool ret = live && !strcmp(live, release);

	free(live);
	for (size_t i = 0; i < s->n && ret; i++)
		ret = unit_is_up(&s->units[i]) && !*s->units[i].now.job && !s->units[i].now.need_reload &&
		      (!dropin_is_set(s->call) || dropin_stands(s, &s->units[i], release) > 0);
	/* once something was done here, only what was seen to stay up counts: the files may be those of one release and the process of another */
	return ret && (!s->host->fact(s->call, FB_SCOPE_OWN, "touched") || holds(s, release, &u) > 0);
}

static void mark_touched(struct systemd *s)
{
	struct timespec now;
	char text[32];

	if (s->host->fact(s->call, FB_SCOPE_OWN, "touched"))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(text, sizeof text, "%lld", (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	if (s->host->fact_set(s->call, FB_SCOPE_OWN, "touched", text))
		s->host->log(s->call, FB_LOG_WARNING, "that the units of %s are about to be changed could not be recorded", s->call->service);
}

/* Does systemd read our file? A folder that is not on its unit path would be silently ignored. */
static int32_t check_read(struct systemd *s, const struct unit *u)
{
	char *path = dropin_path(s, u), *tail = strstr(path, u->name), *directory;
	int32_t answer = FB_OK;

	if (access(path, F_OK) || !tail) { /* the release has none */
		free(path);
		return FB_OK;
	}
	if (!strstr(u->now.dropins, tail)) {
		directory = dropin_directory(s);
		s->host->fail(s->call, "systemd has read its files again, but not %s: is %s one of its folders (systemctl show --property=UnitPath)? Set 'unit_directory'", path, directory);
		free(directory);
		answer = FB_FATAL;
	}
	free(path);
	return answer;
}

static int32_t place_files(struct systemd *s, const char *release, const char *command)
{
	bool changed = s->call->flags & FB_CALL_RESUMED;
	int32_t answer = FB_OK;

	if (run_is_set(s->call, command))
		answer = step_act(s->call, "deploy", command, release, "put release %s of %s in place", release, s->call->service);
	for (size_t i = 0; i < s->n && answer == FB_OK && dropin_is_set(s->call); i++)
		answer = dropin_place(s, &s->units[i], release, &changed);
	if (answer == FB_OK && !changed)
		answer = units_look(s);
	for (size_t i = 0; i < s->n; i++)
		changed = changed || s->units[i].now.need_reload;
	if (answer != FB_OK || !changed)
		return answer;
	answer = manager_act(s, NULL, "Reload", "daemon-reload", "let systemd read its unit files again");
	return answer == FB_OK ? units_look(s) : answer;
}

static const char *how(const struct systemd *s)
{
	const char *apply = s->host->option(s->call, "apply");

	return apply ? apply : "restart";
}

static int32_t stop_units(struct systemd *s)
{
	int32_t answer = FB_OK;

	for (size_t i = s->n; i-- > 0 && answer == FB_OK;)
		if (!unit_is_down(&s->units[i]) || s->call->flags & FB_CALL_RESUMED)
			answer = job_act(s, &s->units[i], "Stop");
	return answer;
}

/* A unit that gave up starting does not start again before that is forgotten. */
static int32_t forgive(struct systemd *s, struct unit *u)
{
	char text[UNIT_NAME_MAX + 60];

	if (strcmp(u->now.active, "failed") && !(s->call->flags & FB_CALL_RECOVERY && u->now.restarts))
		return FB_OK;
	snprintf(text, sizeof text, "let systemd forget that %s failed", u->name);
	return manager_act(s, u, "ResetFailedUnit", "reset-failed", text);
}

static int32_t run_unit(struct systemd *s, struct unit *u)
{
	bool recovery = s->call->flags & FB_CALL_RECOVERY;
	int32_t answer = forgive(s, u);

	if (answer != FB_OK)
		return answer;
	if (!strcmp(how(s), "stop-start") || (unit_is_down(u) && !strcmp(how(s), "reload")))
		return job_act(s, u, "Start");
	if (strcmp(how(s), "reload") || strcmp(u->now.active, "active"))
		return job_act(s, u, "Restart");
	answer = job_act(s, u, "Reload");
	if (answer == FB_OK || !recovery || s->host->remaining_ms(s->call) < 1000)
		return answer;
	s->host->log(s->call, FB_LOG_WARNING, "%s could not be reloaded: it is restarted, so that the release that failed is gone from it", u->name);
	answer = unit_look(s, u);
	return answer == FB_OK ? job_act(s, u, "Restart") : answer;
}

int32_t place(struct systemd *s, const char *release, const char *command)
{
	bool dry = s->call->flags & FB_CALL_DRY_RUN;
	int32_t answer = units_look(s);

	for (size_t i = 0; i < s->n && answer == FB_OK; i++)
		if (!strcmp(s->units[i].now.load, "masked") || !strcmp(s->units[i].now.load, "not-found"))
			answer = unit_usable(s, &s->units[i]);
	if (answer != FB_OK)
		return answer;
	if (!dry)
		mark_touched(s);
	if (!strcmp(how(s), "stop-start"))
		answer = stop_units(s);
	if (answer == FB_OK)
		answer = place_files(s, release, command);
	for (size_t i = 0; i < s->n && answer == FB_OK; i++) {
		answer = dry ? FB_OK : unit_usable(s, &s->units[i]);
		if (answer == FB_OK && !dry && dropin_is_set(s->call))
			answer = check_read(s, &s->units[i]);
		if (answer == FB_OK)
			answer = run_unit(s, &s->units[i]);
	}
	if (answer == FB_OK && !dry)
		answer = units_settle(s);
	if (answer == FB_OK && !dry)
		record_settled(s, release);
	return answer;
}

int32_t verify_units(struct systemd *s, const char *release)
{
	const struct unit *again = NULL;
	char words[500], line[400];
	int32_t answer = units_look(s);

	for (size_t i = 0; i < s->n && answer == FB_OK; i++) {
		const struct unit *u = &s->units[i];

		if (unit_is_up(u))
			continue;
		evidence_last_line(s, u, line, sizeof line);
		s->host->fail(s->call, "%s does not run: it is %s%s%s", u->name, unit_words(u, words, sizeof words), *line ? "; it wrote last: " : "", line);
		answer = FB_FAIL;
	}
	if (answer == FB_OK && release && !holds(s, release, &again)) {
		evidence_last_line(s, again, line, sizeof line);
		s->host->fail(s->call, "%s has been started again since it came up (%u times by systemd itself)%s%s", again->name, (unsigned)again->now.restarts,
			      *line ? "; it wrote last: " : "", line);
		record_settled(s, release); /* so that a later look says whether it holds now */
		answer = FB_FAIL;
	}
	return answer;
}
