/* SPDX-License-Identifier: Apache-2.0 */
/* What a unit is doing, as its properties say. Changes nothing. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/strategies/systemd/systemd.h"

/* The texts, and where they go */
static const struct { const char *name; size_t at, size; } texts[] = {
#define TEXT(NAME, MEMBER) {NAME, offsetof(struct status, MEMBER), sizeof(((struct status *)0)->MEMBER)}
	TEXT("LoadState", load), TEXT("ActiveState", active), TEXT("SubState", sub), TEXT("Result", result), TEXT("UnitFileState", file_state),
	TEXT("Type", type), TEXT("StatusText", text), TEXT("FragmentPath", fragment),
};
static const struct { const char *name; char type; size_t at; } numbers[] = {
	{"NeedDaemonReload", 'b', offsetof(struct status, need_reload)}, {"CanReload", 'b', offsetof(struct status, can_reload)},
	{"NRestarts", 'u', offsetof(struct status, restarts)}, {"MainPID", 'u', offsetof(struct status, main_pid)},
	{"ExecMainCode", 'i', offsetof(struct status, main_code)}, {"ExecMainStatus", 'i', offsetof(struct status, main_status)},
	{"InactiveExitTimestamp", 't', offsetof(struct status, started_us)},
};

static int read_number(sd_bus_message *m, char type, char *to)
{
	char signature[2] = {type, 0};
	int r, flag;

	if (type != 'b')
		return sd_bus_message_read(m, "v", signature, to);
	r = sd_bus_message_read(m, "v", signature, &flag);
	*(bool *)to = r >= 0 && flag;
	return r;
}

static int read_dropins(sd_bus_message *m, struct status *st)
{
	const char *path;
	size_t at = 0;
	int r = sd_bus_message_enter_container(m, 'v', "as");

	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'a', "s");
	while (r >= 0 && (r = sd_bus_message_read(m, "s", &path)) > 0) {
		int n = snprintf(st->dropins + at, sizeof st->dropins - at, "%s\n", path);

		at += n > 0 && (size_t)n < sizeof st->dropins - at ? (size_t)n : 0;
		st->dropins[at] = 0;
	}
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_invocation(sd_bus_message *m, struct status *st)
{
	const void *bytes;
	size_t n;
	int r = sd_bus_message_enter_container(m, 'v', "ay");

	if (r >= 0)
		r = sd_bus_message_read_array(m, 'y', &bytes, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n && i < 16; i++)
		snprintf(st->invocation + 2 * i, 3, "%02x", ((const unsigned char *)bytes)[i]);
	return sd_bus_message_exit_container(m);
}

static int read_property(sd_bus_message *m, const char *name, struct status *st)
{
	const char *one, *two;
	uint32_t id;
	int r;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (!strcmp(name, texts[i].name)) {
			r = sd_bus_message_read(m, "v", "s", &one);
			if (r >= 0)
				run_printable(one, strlen(one), (char *)st + texts[i].at, texts[i].size);
			return r;
		}
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (!strcmp(name, numbers[i].name))
			return read_number(m, numbers[i].type, (char *)st + numbers[i].at);
	if (!strcmp(name, "InvocationID"))
		return read_invocation(m, st);
	if (!strcmp(name, "DropInPaths"))
		return read_dropins(m, st);
	if (!strcmp(name, "Job")) {
		r = sd_bus_message_read(m, "v", "(uo)", &id, &one);
		if (r >= 0 && id)
			snprintf(st->job, sizeof st->job, "%s", one);
		return r;
	}
	if (!strcmp(name, "LoadError")) {
		r = sd_bus_message_read(m, "v", "(ss)", &one, &two);
		if (r >= 0)
			run_printable(two, strlen(two), st->load_error, sizeof st->load_error);
		return r;
	}
	return sd_bus_message_skip(m, "v");
}

static int read_all(sd_bus_message *m, struct status *st)
{
	const char *name;
	int r = sd_bus_message_enter_container(m, 'a', "{sv}");

	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = sd_bus_message_read(m, "s", &name);
		if (r >= 0)
			r = read_property(m, name, st);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	return r;
}

/* LoadUnit also answers for a unit that is not loaded, or not there. */
static int ask(struct systemd *s, struct unit *u, sd_bus_error *e)
{
	sd_bus_message *loaded = NULL, *all = NULL;
	const char *path;
	int r = sd_bus_call_method(s->bus, MANAGER_NAME, MANAGER_PATH, MANAGER_INTERFACE, "LoadUnit", e, &loaded, "s", u->name);

	if (r >= 0)
		r = sd_bus_message_read(loaded, "o", &path);
	if (r >= 0)
		r = sd_bus_call_method(s->bus, MANAGER_NAME, path, "org.freedesktop.DBus.Properties", "GetAll", e, &all, "s", "");
	if (r >= 0) {
		memset(&u->now, 0, sizeof u->now);
		r = read_all(all, &u->now);
	}
	sd_bus_message_unref(loaded);
	sd_bus_message_unref(all);
	return r;
}

int32_t unit_look(struct systemd *s, struct unit *u)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	char attempt[UNIT_NAME_MAX + 40];
	int32_t answer;
	int r = 0;

	/* systemd that executes itself anew, and a bus that is started again, are away for a moment */
	for (int i = 0; i < 3; i++) {
		answer = systemd_connect(s);
		if (answer != FB_OK)
			return answer;
		sd_bus_error_free(&e);
		r = ask(s, u, &e);
		if (r >= 0 || !systemd_is_gone(&e, r) || s->host->sleep_ms(s->call, 200 << i))
			break;
		systemd_end(s);
	}
	snprintf(attempt, sizeof attempt, "look at %s", u->name);
	answer = r < 0 ? systemd_refused(s, attempt, u->name, &e, r) : FB_OK;
	sd_bus_error_free(&e);
	return answer;
}

int32_t units_look(struct systemd *s)
{
	int32_t answer = FB_OK;

	for (size_t i = 0; i < s->n && answer == FB_OK; i++)
		answer = unit_look(s, &s->units[i]);
	return answer;
}

int32_t unit_usable(struct systemd *s, const struct unit *u)
{
	const struct status *st = &u->now;
	char command[400];

	if (!strcmp(st->load, "loaded") || !strcmp(st->load, "merged"))
		return FB_OK;
	if (!strcmp(st->load, "masked")) {
		s->host->fail(s->call, "unit %s is masked: it can neither be started nor restarted; unmask it: %s", u->name,
			      systemd_command(s, "unmask", u->name, command, sizeof command));
		return FB_FATAL;
	}
	if (!strcmp(st->load, "not-found")) {
		s->host->fail(s->call, "systemd knows no unit %s: is its name right? Install its file, then run %s", u->name,
			      systemd_command(s, "daemon-reload", NULL, command, sizeof command));
		return FB_FATAL;
	}
	s->host->fail(s->call, "unit %s cannot be used, its load state is %s: %s; %s shows its files", u->name, st->load, *st->load_error ? st->load_error : "no reason given",
		      systemd_command(s, "cat --no-pager", u->name, command, sizeof command));
	return FB_FAIL;
}

static bool is(const char *text, const char *word)
{
	return !strcmp(text, word);
}

bool unit_is_up(const struct unit *u)
{
	const struct status *st = &u->now;

	return is(st->active, "active") || is(st->active, "reloading") || is(st->active, "refreshing") ||
	       (is(st->type, "oneshot") && is(st->active, "inactive") && is(st->result, "success"));
}

bool unit_is_down(const struct unit *u)
{
	return is(u->now.active, "inactive") || is(u->now.active, "failed");
}

char *unit_words(const struct unit *u, char *buf, size_t size)
{
	const struct status *st = &u->now;
	char end[80] = "", why[160] = "", name[32];

	if (st->main_code == CLD_EXITED && st->main_status)
		snprintf(end, sizeof end, ", its process ended with exit code %d", (int)st->main_status);
	else if (st->main_code == CLD_KILLED || st->main_code == CLD_DUMPED)
		snprintf(end, sizeof end, ", its process was killed by %s", run_signal_name(st->main_status, name, sizeof name));
	if (*st->result && !is(st->result, "success"))
		snprintf(why, sizeof why, " (result %s%s)", st->result, end);
	snprintf(buf, size, "%s/%s%s%s%s", st->active, st->sub, why, *st->text ? ", it says: " : "", st->text);
	return buf;
}
