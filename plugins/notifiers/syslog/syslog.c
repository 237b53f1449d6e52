/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notifier syslog: one entry an event in the machine's own log: with journald's native protocol where its socket is, else as a line of RFC 5424 in a datagram to
 * /dev/log. Sends nothing over a network.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "plugins/common/incident.h"
#include "plugins/common/run.h"

#define LINE_MAX_BYTES 8192  /* more than any receiver must take (RFC 5424, 6.1: 2048 should be) */
#define ENTRY_MAX (64 * 1024)

static const struct fb_option options[] = {
	{.name = "format", .type = FB_TYPE_CHOICE, .choices = "auto|journal|syslog", .default_value = "auto", .summary = "auto: journal where journal_socket is there, else syslog"},
	{.name = "socket", .type = FB_TYPE_PATH, .default_value = "/dev/log", .summary = "Datagram socket for RFC 5424"},
	{.name = "journal_socket", .type = FB_TYPE_PATH, .default_value = "/run/systemd/journal/socket", .summary = "Datagram socket of journald's native protocol"},
	{.name = "facility", .type = FB_TYPE_CHOICE, .choices = "user|daemon|local0|local1|local2|local3|local4|local5|local6|local7", .default_value = "daemon", .summary = "Facility of the entries"},
	INCIDENT_GROUP_OPTIONS("each"),
	{0},
};

struct field {
	const char *name, *value;
};

static int facility_of(const struct fb_call *call)
{
	const char *s = call->host->option(call, "facility");

	if (s && !strncmp(s, "local", 5))
		return 16 + (s[5] - '0');
	return s && !strcmp(s, "user") ? 1 : 3;
}

/* RFC 5424, table 2 */
static int level_of(const char *severity)
{
	return !strcmp(severity, "critical") ? 2 : !strcmp(severity, "error") ? 3 : !strcmp(severity, "warning") ? 4 : 6;
}

/* Where there is room for the text, it is added; a field never stands there in half. */
struct out {
	char *p;
	size_t n, max;
};

static void add(struct out *o, const char *s, size_t n)
{
	if (o->n + n > o->max)
		return;
	memcpy(o->p + o->n, s, n);
	o->n += n;
}

static void put(struct out *o, const char *s)
{
	add(o, s, strlen(s));
}

/* ---- RFC 5424 ---- */

/* Printable ASCII without spaces, at most max; "-" for nothing (6.2) */
static void put_word(struct out *o, const char *s, size_t max)
{
	char word[256];
	size_t n = 0;

	for (; s && *s && n < max && n < sizeof(word); s++)
		word[n++] = *s > ' ' && *s <= '~' ? *s : '?';
	add(o, n ? word : "-", n ? n : 1);
}

/* '"', '\' and ']' are escaped (6.3.3) */
static void put_param(struct out *o, const char *name, const char *value)
{
	char *clean, *text, *p;

	if (!value || !*value)
		return;
	clean = incident_cut(value, 1000);
	p = text = malloc(2 * strlen(clean) + strlen(name) + 8);
	if (!text)
		abort();
	p += sprintf(p, " %s=\"", name);
	for (const char *s = clean; *s; s++) {
		if (strchr("\"\\]", *s))
			*p++ = '\\';
		*p++ = *s == '\n' || *s == '\t' ? ' ' : *s;
	}
	*p++ = '"';
	add(o, text, (size_t)(p - text));
	free(text);
	free(clean);
}

static void write_line(const struct fb_call *call, const struct fb_event *e, const struct incident *i, const struct field *fields, struct out *o)
{
	char host[256] = "", start[64], *message = NULL, *clean;
	size_t room;

	if (gethostname(host, sizeof(host) - 1) < 0)
		*host = 0;
	snprintf(start, sizeof(start), "<%d>1 ", facility_of(call) * 8 + level_of(i->severity));
	put(o, start);
	put_word(o, e->time, 32);
	put(o, " ");
	put_word(o, host, 255);
	put(o, " failback - ");
	put_word(o, e->name, 32);
	put(o, " [failback@32473");
	if (asprintf(&message, "%s: %s", i->title, i->own_text ? i->text : e->summary ? e->summary : "") < 0)
		abort();
	clean = incident_cut(message, 1000);
	for (char *p = clean; *p; p++)
		*p = *p == '\n' || *p == '\t' ? ' ' : *p;
	room = strlen(clean) + 5; /* for what must follow */
	o->max -= room;
	for (const struct field *f = fields; f->name; f++)
		put_param(o, f->name, f->value);
	o->max += room;
	put(o, "] ");
	put(o, "\xef\xbb\xbf"); /* what follows is UTF-8 (6.4) */
	put(o, clean);
	free(clean);
	free(message);
}

/* ---- journald ---- */

/* NAME=value, or where the value has line ends NAME, its length in 64 bits and the value */
static void put_entry(struct out *o, const char *name, const char *value)
{
	size_t n = value ? strlen(value) : 0;
	unsigned char length[8];
	char *text, *p;

	if (!n)
		return;
	p = text = malloc(strlen(name) + n + 12);
	if (!text)
		abort();
	p = stpcpy(p, name);
	if (memchr(value, '\n', n)) {
		for (size_t i = 0; i < 8; i++)
			length[i] = (unsigned char)((uint64_t)n >> (8 * i));
		*p++ = '\n';
		p = mempcpy(p, length, 8);
	} else {
		*p++ = '=';
	}
	p = mempcpy(p, value, n);
	*p++ = '\n';
	add(o, text, (size_t)(p - text));
	free(text);
}

static void write_entry(const struct fb_call *call, const struct fb_event *e, const struct incident *i, const struct field *fields, struct out *o)
{
	char level[8], facility[8], *message = NULL, *clean;

	snprintf(level, sizeof(level), "%d", level_of(i->severity));
	snprintf(facility, sizeof(facility), "%d", facility_of(call));
	if (asprintf(&message, "%s: %s", i->title, i->own_text ? i->text : e->summary ? e->summary : "") < 0)
		abort();
	clean = incident_cut(message, 8000);
	put_entry(o, "MESSAGE", clean);
	put_entry(o, "PRIORITY", level);
	put_entry(o, "SYSLOG_FACILITY", facility);
	put_entry(o, "SYSLOG_IDENTIFIER", "failback");
	for (const struct field *f = fields; f->name; f++) {
		char name[80] = "FAILBACK_", *p = name + strlen(name), *value = f->value ? incident_cut(f->value, 4000) : NULL;

		for (const char *s = f->name; *s && p < name + sizeof(name) - 1; s++)
			*p++ = *s >= 'a' && *s <= 'z' ? (char)(*s - 'a' + 'A') : *s;
		*p = 0;
		put_entry(o, name, value);
		free(value);
	}
	free(clean);
	free(message);
}

/* ---- sending ---- */

static int32_t send_to(const struct fb_call *call, const struct fb_event *e, const char *path, const char *data, size_t n)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd, error = 0;

	if (strlen(path) >= sizeof(at.sun_path)) {
		call->host->fail(call, "logging %s: the socket's path %s is too long", e->name, path);
		return FB_FAIL;
	}
	strcpy(at.sun_path, path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || sendto(fd, data, n, MSG_NOSIGNAL, (const struct sockaddr *)&at, sizeof(at)) < 0)
		error = errno;
	if (fd >= 0)
		close(fd);
	if (!error)
		return FB_OK;
	call->host->fail(call, "logging %s: %s: %s", e->name, path, strerror(error));
	return error == EMSGSIZE || error == EACCES || error == EPERM ? FB_FAIL : FB_RETRY;
}

static bool to_journal(const struct fb_call *call, const char *socket)
{
	const char *format = call->host->option(call, "format");

	if (format && strcmp(format, "auto"))
		return !strcmp(format, "journal");
	return access(socket, F_OK) == 0;
}

static int32_t notify(const struct fb_call *call, const struct fb_event *e)
{
	char *journal = run_copy(call->host->option(call, "journal_socket")), *socket = run_copy(call->host->option(call, "socket")), *data = calloc(1, ENTRY_MAX + 1);
	bool native = to_journal(call, journal);
	struct out o = {.p = data, .max = native ? ENTRY_MAX : LINE_MAX_BYTES};
	struct incident i;
	int32_t answer = FB_FATAL;

	if (!data)
		abort();
	if (incident_read(call, e, &i)) {
		const struct field fields[] = {{"event", e->name}, {"event_id", e->id}, {"incident", i.key}, {"execution", call->execution}, {"environment", call->environment},
					       {"severity", i.severity}, {"services", incident_field(&i, "services")}, {"status", incident_field(&i, "status")},
					       {"cause", incident_field(&i, "cause")}, {"impact", incident_field(&i, "impact")}, {"audit_head", incident_field(&i, "audit_head")}, {0}};

		(native ? write_entry : write_line)(call, e, &i, fields, &o);
		incident_clear(&i);
		answer = FB_OK;
		if (call->flags & FB_CALL_DRY_RUN)
			incident_preview(call, native ? "journal" : "syslog", native ? journal : socket, data);
		else
			answer = send_to(call, e, native ? journal : socket, data, o.n);
	}
	free(data);
	free(journal);
	free(socket);
	return answer;
}

static const struct fb_notifier_ops ops = {.notify = notify};

FB_PLUGIN(NOTIFIER, .name = "syslog", .version = "0.1.0", .summary = "One entry an event in the machine's own log", .license = "Apache-2.0", .options = options, .notifier = &ops)
