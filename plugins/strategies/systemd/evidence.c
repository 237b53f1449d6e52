/* SPDX-License-Identifier: Apache-2.0 */
/* What explains a failure of a unit: its properties, and its journal from the moment that this execution touched it. Changes nothing; bounded in lines and bytes. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-journal.h>
#include <time.h>

#include "plugins/strategies/systemd/systemd.h"

#define BYTES_MAX (128 * 1024)
#define LINE_MAX_BYTES 2000

/* A journal with only the entries of the unit: those of its processes, and those of PID 1 about it. NULL with errno. */
static sd_journal *open_journal(const struct systemd *s, const struct unit *u)
{
	const char *directory;
	char own[UNIT_NAME_MAX + 20], about[UNIT_NAME_MAX + 20];
	bool user = systemd_is_user(s);
	sd_journal *j = NULL;
	int r;

	directory = s->host->option(s->call, "journal");
	r = directory && *directory ? sd_journal_open_directory(&j, directory, 0) : sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY);

	snprintf(own, sizeof own, "%s=%s", user ? "_SYSTEMD_USER_UNIT" : "_SYSTEMD_UNIT", u->name);
	snprintf(about, sizeof about, "%s=%s", user ? "USER_UNIT" : "UNIT", u->name);
	if (r >= 0)
		r = sd_journal_add_match(j, own, 0);
	if (r >= 0)
		r = sd_journal_add_disjunction(j);
	if (r >= 0)
		r = sd_journal_add_match(j, about, 0);
	if (r >= 0)
		r = sd_journal_seek_tail(j);
	if (r >= 0)
		return j;
	sd_journal_close(j);
	errno = -r;
	return NULL;
}

static uint64_t touched_us(const struct systemd *s)
{
	const char *since = s->host->fact(s->call, FB_SCOPE_OWN, "touched");

	return since ? strtoull(since, NULL, 10) : 0;
}

/* The field's text without its name, cut; "" when there is none. Returns its length. */
static size_t field(sd_journal *j, const char *name, char *buf, size_t size)
{
	const void *data;
	size_t n, skip = strlen(name) + 1;

	*buf = 0;
	if (sd_journal_get_data(j, name, &data, &n) < 0 || n < skip)
		return 0;
	run_printable((const char *)data + skip, n - skip, buf, size);
	return strlen(buf);
}

/* Goes to the oldest of the newest entries that are wanted; how many there are. */
static unsigned back(sd_journal *j, unsigned most, uint64_t since)
{
	unsigned n = 0;
	uint64_t at;

	while (n < most && sd_journal_previous(j) > 0) {
		if (sd_journal_get_realtime_usec(j, &at) >= 0 && at < since) {
			sd_journal_next(j);
			return n;
		}
		n++;
	}
	return n;
}

static void write_entry(sd_journal *j, FILE *f)
{
	char message[LINE_MAX_BYTES], who[100], pid[20], when[40];
	uint64_t at = 0;
	struct tm tm;
	time_t t;

	sd_journal_get_realtime_usec(j, &at);
	t = (time_t)(at / 1000000);
	gmtime_r(&t, &tm);
	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!field(j, "SYSLOG_IDENTIFIER", who, sizeof who))
		field(j, "_COMM", who, sizeof who);
	field(j, "_PID", pid, sizeof pid);
	field(j, "MESSAGE", message, sizeof message);
	fprintf(f, "%s.%06uZ %s[%s]: %s\n", when, (unsigned)(at % 1000000), who, pid, message);
}

static bool take_journal(struct systemd *s, const struct unit *u)
{
	uint32_t most = (uint32_t)s->host->option_int(s->call, "journal_lines", 200), n;
	sd_journal *j = open_journal(s, u);
	char name[UNIT_NAME_MAX + 20], title[UNIT_NAME_MAX + 60], command[400], *text = NULL;
	size_t size = 0;
	bool taken = false;
	FILE *f;

	if (!j) {
		s->host->log(s->call, FB_LOG_WARNING, "the journal of %s could not be read: %s; run failback as root or in the group systemd-journal, or set 'journal'", u->name, strerror(errno));
		return false;
	}
	f = open_memstream(&text, &size);
	if (!f)
		abort();
	n = back(j, most, touched_us(s));
	for (uint32_t i = 0; i < n && ftell(f) < BYTES_MAX; i++) {
		write_entry(j, f);
		if (sd_journal_next(j) <= 0)
			break;
	}
	if (fclose(f))
		abort();
	sd_journal_close(j);
	snprintf(name, sizeof name, "journal-%s.log", u->name);
	snprintf(title, sizeof title, "journal of unit %s", u->name);
	if (size)
		taken = !s->host->evidence_text(s->call, name, title, text, size);
	else
		s->host->log(s->call, FB_LOG_INFO, "the journal has nothing of %s since it was touched; %s", u->name, systemd_command(s, "status --no-pager", u->name, command, sizeof command));
	free(text);
	return taken;
}

static bool take_status(struct systemd *s, const struct unit *u)
{
	const struct status *st = &u->now;
	char name[UNIT_NAME_MAX + 20], title[UNIT_NAME_MAX + 60], words[500], *text = NULL;
	size_t size;
	bool taken;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		abort();
	fprintf(f, "Unit=%s\nSummary=%s\nLoadState=%s\nActiveState=%s\nSubState=%s\nResult=%s\nExecMainCode=%d\nExecMainStatus=%d\nNRestarts=%u\nMainPID=%u\n", u->name,
		unit_words(u, words, sizeof words), st->load, st->active, st->sub, st->result, (int)st->main_code, (int)st->main_status, (unsigned)st->restarts, (unsigned)st->main_pid);
	fprintf(f, "InvocationID=%s\nNeedDaemonReload=%s\nUnitFileState=%s\nStatusText=%s\nFragmentPath=%s\nDropInPaths:\n%s", st->invocation, st->need_reload ? "yes" : "no",
		st->file_state, st->text, st->fragment, st->dropins);
	if (*st->load_error)
		fprintf(f, "LoadError=%s\n", st->load_error);
	if (!strcmp(st->result, "oom-kill"))
		fprintf(f, "error: %s was killed because it used more memory than MemoryMax= or the machine has\n", u->name);
	if (fclose(f))
		abort();
	snprintf(name, sizeof name, "status-%s.txt", u->name);
	snprintf(title, sizeof title, "state of unit %s", u->name);
	taken = !s->host->evidence_text(s->call, name, title, text, size);
	free(text);
	return taken;
}

int32_t evidence_take(struct systemd *s)
{
	bool reached = units_look(s) == FB_OK;
	int taken = 0;

	for (size_t i = 0; i < s->n; i++) {
		taken += take_journal(s, &s->units[i]);
		if (reached)
			taken += take_status(s, &s->units[i]);
	}
	return taken ? FB_OK : reached ? FB_SKIP : FB_FAIL;
}

char *evidence_last_line(struct systemd *s, const struct unit *u, char *buf, size_t size)
{
	sd_journal *j = open_journal(s, u);
	char own[UNIT_NAME_MAX];
	uint64_t since = touched_us(s), at;

	*buf = 0;
	for (int i = 0; j && i < 50 && !*buf && sd_journal_previous(j) > 0; i++) {
		if (sd_journal_get_realtime_usec(j, &at) >= 0 && at < since)
			break;
		if (field(j, systemd_is_user(s) ? "_SYSTEMD_USER_UNIT" : "_SYSTEMD_UNIT", own, sizeof own) && !strcmp(own, u->name))
			field(j, "MESSAGE", buf, size);
	}
	sd_journal_close(j);
	return buf;
}
