/* SPDX-License-Identifier: Apache-2.0 */
/* The connection to systemd's manager, and what its refusals mean. Knows nothing of releases. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/strategies/systemd/systemd.h"

static const char *const suffixes[] = {".service", ".socket", ".timer", ".target", ".path", ".mount", ".automount", ".swap", ".slice", ".scope", ".device"};

static bool has_suffix(const char *name)
{
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && i < sizeof suffixes / sizeof *suffixes; i++)
		if (!strcmp(dot, suffixes[i]))
			return true;
	return false;
}

static int32_t add_unit(struct systemd *s, const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.\\@-";
	struct unit *u = &s->units[s->n];

	if (!name || !*name || *name == '.' || name[strspn(name, allowed)] || strlen(name) > UNIT_NAME_MAX - 10) {
		s->host->fail(s->call, "'%s' is not the name of a unit: give one as systemctl shows it, such as shop.service", name ? name : "");
		return FB_FATAL;
	}
	if (s->n == MOST_UNITS) {
		s->host->fail(s->call, "more than %d units are named for one service: make several services of them", MOST_UNITS);
		return FB_FATAL;
	}
	snprintf(u->name, sizeof u->name, "%s%s", name, has_suffix(name) ? "" : ".service");
	s->n++;
	return FB_OK;
}

int32_t systemd_begin(struct systemd *s, const struct fb_call *call)
{
	uint32_t n = call->host->option_count(call, "units");
	int32_t answer = FB_OK;
	char item[32];

	memset(s, 0, sizeof *s);
	s->call = call;
	s->host = call->host;
	if (run_is_set(call, "unit") == (n > 0)) {
		s->host->fail(call, "%s: name the unit in 'unit', or several in 'units'", n ? "both 'unit' and 'units' are set" : "neither 'unit' nor 'units' is set");
		return FB_FATAL;
	}
	if (!n)
		return add_unit(s, s->host->option(call, "unit"));
	for (uint32_t i = 0; i < n && answer == FB_OK; i++) {
		snprintf(item, sizeof item, "units[%" PRIu32 "]", i);
		answer = add_unit(s, s->host->option(call, item));
	}
	return answer;
}

static const char *bus_option(const struct systemd *s)
{
	const char *bus = s->host->option(s->call, "bus");

	return bus && *bus ? bus : "system";
}

bool systemd_is_user(const struct systemd *s)
{
	return !strcmp(bus_option(s), "user");
}

/* The environment of a call has no session: the user's bus is where systemd puts it. */
static int open_user(sd_bus **ret)
{
	char address[80];
	sd_bus *bus = NULL;
	int r;

	if (getenv("DBUS_SESSION_BUS_ADDRESS") || getenv("XDG_RUNTIME_DIR"))
		return sd_bus_open_user(ret);
	snprintf(address, sizeof address, "unix:path=/run/user/%lu/bus", (unsigned long)getuid());
	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, true);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0)
		sd_bus_unref(bus);
	else
		*ret = bus;
	return r;
}

static int open_address(const char *address, sd_bus **ret)
{
	sd_bus *bus = NULL;
	int r = sd_bus_new(&bus);

	if (r >= 0)
		r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, true);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0)
		sd_bus_unref(bus);
	else
		*ret = bus;
	return r;
}

int32_t systemd_connect(struct systemd *s)
{
	const char *how = bus_option(s);
	int64_t left = s->host->remaining_ms(s->call);
	int r;

	if (s->bus && sd_bus_is_open(s->bus) > 0)
		return FB_OK;
	systemd_end(s);
	r = !strcmp(how, "system") ? sd_bus_open_system(&s->bus) : !strcmp(how, "user") ? open_user(&s->bus) : open_address(how, &s->bus);
	if (r < 0) {
		s->host->fail(s->call, "the %s%s could not be reached: %s; does systemd run here, and its bus (package dbus)? 'bus' says which one is used",
			      has_suffix(how) || strchr(how, '=') ? "bus " : "bus of the ", how, strerror(-r));
		return FB_RETRY;
	}
	sd_bus_set_method_call_timeout(s->bus, (uint64_t)(left > 20000 ? 20000 : left > 100 ? left : 100) * 1000);
	return FB_OK;
}

void systemd_end(struct systemd *s)
{
	sd_bus_close(s->bus);
	s->bus = sd_bus_unref(s->bus);
}

bool systemd_is_gone(const sd_bus_error *e, int r)
{
	return r == -ENOTCONN || r == -ECONNRESET || r == -EPIPE || r == -ESHUTDOWN || sd_bus_error_has_name(e, SD_BUS_ERROR_NO_REPLY) ||
	       sd_bus_error_has_name(e, SD_BUS_ERROR_DISCONNECTED) || sd_bus_error_has_name(e, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
	       sd_bus_error_has_name(e, SD_BUS_ERROR_NAME_HAS_NO_OWNER);
}

char *systemd_command(const struct systemd *s, const char *verb, const char *unit, char *buf, size_t size)
{
	char *quoted = unit ? run_quote(unit) : NULL;

	snprintf(buf, size, "systemctl%s %s%s%s", systemd_is_user(s) ? " --user" : "", verb, quoted ? " " : "", quoted ? quoted : "");
	free(quoted);
	return buf;
}

static bool is_denied(const sd_bus_error *e)
{
	return sd_bus_error_has_name(e, SD_BUS_ERROR_ACCESS_DENIED) || sd_bus_error_has_name(e, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED) ||
	       sd_bus_error_has_name(e, "org.freedesktop.PolicyKit1.Error.NotAuthorized") || sd_bus_error_has_name(e, SD_BUS_ERROR_AUTH_FAILED);
}

int32_t systemd_refused(struct systemd *s, const char *attempt, const char *unit, const sd_bus_error *e, int r)
{
	static const struct { const char *name, *advice; int32_t answer; } known[] = {
		{"org.freedesktop.systemd1.UnitMasked", "it is masked: unmask it, or do not deploy to it", FB_FATAL},
		{"org.freedesktop.systemd1.NoSuchUnit", "systemd knows no such unit: install its file, then let systemd read its files again", FB_FATAL},
		{"org.freedesktop.systemd1.JobTypeNotApplicable", "it cannot be reloaded: give it an ExecReload=, or set apply = \"restart\"", FB_FATAL},
		{"org.freedesktop.systemd1.OnlyByDependency", "it refuses to be started or stopped by itself (RefuseManualStart=, RefuseManualStop=)", FB_FATAL},
		{"org.freedesktop.systemd1.BadUnitSetting", "its unit file or a drop-in has an error: systemd-analyze verify shows where", FB_FAIL},
		{"org.freedesktop.systemd1.LoadFailed", "its unit file could not be loaded: systemd-analyze verify shows why", FB_FAIL},
		{"org.freedesktop.systemd1.TransactionIsDestructive", "a job that contradicts it is pending; look at systemctl list-jobs, or set mode = \"replace\"", FB_RETRY},
		{"org.freedesktop.systemd1.ShuttingDown", "the machine is shutting down", FB_RETRY},
	};
	const char *what = e && e->message ? e->message : strerror(r < 0 ? -r : EIO);
	char command[400];

	if (is_denied(e) || r == -EACCES || r == -EPERM) {
		s->host->fail(s->call, "could not %s: not permitted: %s; run failback as root, or let polkit allow org.freedesktop.systemd1.manage-units%s to user %lu", attempt, what,
			      unit ? "" : " and org.freedesktop.systemd1.reload-daemon", (unsigned long)geteuid());
		return FB_FATAL;
	}
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if (!sd_bus_error_has_name(e, known[i].name))
			continue;
		s->host->fail(s->call, "could not %s: %s", attempt, known[i].advice);
		if (unit && known[i].answer == FB_FATAL)
			s->host->advise(s->call, "look at the unit", systemd_command(s, "status --no-pager", unit, command, sizeof command));
		return known[i].answer;
	}
	if (systemd_is_gone(e, r)) {
		s->host->fail(s->call, "could not %s: the connection to systemd's bus was lost: %s; look whether systemd and dbus run, then resume", attempt, what);
		return FB_RETRY;
	}
	s->host->fail(s->call, "could not %s: %s%s%s", attempt, what, e && e->name ? " — " : "", e && e->name ? e->name : "");
	return FB_FAIL;
}

int systemd_call(struct systemd *s, const char *method, const char *word, sd_bus_error *e)
{
	return word ? sd_bus_call_method(s->bus, MANAGER_NAME, MANAGER_PATH, MANAGER_INTERFACE, method, e, NULL, "s", word)
		    : sd_bus_call_method(s->bus, MANAGER_NAME, MANAGER_PATH, MANAGER_INTERFACE, method, e, NULL, NULL);
}
