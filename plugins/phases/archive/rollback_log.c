/* SPDX-License-Identifier: Apache-2.0 */
#include "rollback_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE 500 /* bytes of a text */

/* One line that starts no markup and opens no tag. */
static void put_plain(FILE *to, const char *s)
{
	for (int n = 0; *s && n < LINE; s++, n++) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x20 || c == 0x7f)
			fputc(' ', to);
		else if (strchr("|\\`*_[]#<>", c))
			fprintf(to, "\\%c", c);
		else
			fputc(c, to);
	}
	fputc('\n', to);
}

static void put_item(FILE *to, const char *name, const char *text)
{
	fprintf(to, "- **%s**: ", name);
	put_plain(to, text);
}

static const char *text_of(const json_t *o, const char *name, const char *otherwise)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : otherwise;
}

static const char *severity(const json_t *rollback, const char *status)
{
	const char *impact = text_of(rollback, "user_impact", "UNKNOWN");

	if (!strcmp(status, "rollback_incomplete"))
		return "Critical";
	return !strcmp(impact, "SOME") ? "High" : !strcmp(impact, "ZERO") ? "Medium" : "Unknown (impact was not measured)";
}

static void put_scope(FILE *to, const json_t *report)
{
	const json_t *services = json_object_get(report, "services");
	char scope[LINE] = "";
	size_t at = 0;

	for (size_t i = 0; i < json_array_size(services) && at < sizeof scope; i++)
		at += (size_t)snprintf(scope + at, sizeof scope - at, "%s%s", i ? ", " : "", json_string_value(json_array_get(services, i)) ? json_string_value(json_array_get(services, i)) : "?");
	if (at < sizeof scope)
		snprintf(scope + at, sizeof scope - at, " in %s", text_of(report, "environment", "?"));
	put_item(to, "Scope", scope);
}

static void put_times(FILE *to, const json_t *report, const json_t *rollback)
{
	const json_t *clocks = json_object_get(report, "clocks"), *detail = json_object_get(rollback, "user_impact_detail"), *t = json_object_get(rollback, "total_duration");
	const json_t *restored = json_object_get(json_object_get(clocks, "verified"), "after_detection");
	const char *impact = text_of(rollback, "user_impact", "UNKNOWN");

	if (json_is_number(restored) || json_is_number(t))
		fprintf(to, "- **Rollback Time**: %.1f s\n", json_number_value(json_is_number(restored) ? restored : t));
	else
		put_item(to, "Rollback Time", "not known");
	if (strcmp(impact, "UNKNOWN") != 0)
		fprintf(to, "- **Downtime**: %s%lld of %lld requests failed\n", strcmp(impact, "ZERO") ? "" : "none: ", (long long)json_integer_value(json_object_get(detail, "failed")),
			(long long)json_integer_value(json_object_get(detail, "requests")));
	else
		put_item(to, "Downtime", "not measured");
}

char *rollback_log_entry(const json_t *report, const char *execution, const char *at)
{
	const json_t *rollback = json_object_get(report, "rollback"), *cause = json_object_get(report, "root_cause"), *deployment = json_object_get(report, "deployment");
	const json_t *first = json_array_get(json_object_get(report, "recommendations"), 0);
	char *p = NULL;
	size_t n;
	FILE *to = open_memstream(&p, &n);

	if (!to)
		return NULL;
	fprintf(to, "\n### %.10s %.5s - ", at, strlen(at) > 16 ? at + 11 : "");
	put_plain(to, text_of(report, "title", execution));
	fprintf(to, "\n<!-- failback %s -->\n\n", execution);
	put_item(to, "Trigger", text_of(report, "reason", text_of(report, "failure", text_of(deployment, "error", "not recorded"))));
	put_item(to, "Severity", severity(rollback, text_of(report, "status", "")));
	put_scope(to, report);
	put_times(to, report, rollback);
	put_item(to, "Root Cause", text_of(cause, "cause", "not found"));
	put_item(to, "Prevention", text_of(first, "action", "to be decided"));
	if (fclose(to)) {
		free(p);
		return NULL;
	}
	return p;
}

/* Does the file hold the text? Read in pieces that overlap. 0, 1 or -1 with errno. */
static int holds(int fd, const char *text)
{
	enum { ROOM = 65536 };
	size_t n = strlen(text), kept = 0;
	char *buf = malloc(ROOM);
	off_t at = 0;
	int r = buf ? 0 : -1;

	while (!r) {
		ssize_t got = pread(fd, buf + kept, ROOM - kept, at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			r = got < 0 ? -1 : 0;
			break;
		}
		at += got;
		r = memmem(buf, kept + (size_t)got, text, n) != NULL;
		got += (ssize_t)kept;
		kept = (size_t)got < n ? (size_t)got : n;
		memmove(buf, buf + got - kept, kept);
	}
	free(buf);
	return r;
}

int rollback_log_append(const char *path, const char *execution, const char *entry)
{
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0640), r = -1, saved;
	size_t n = strlen(entry);
	char marker[300];
	struct stat st;
	ssize_t done;

	if (fd < 0)
		return -1;
	snprintf(marker, sizeof marker, "<!-- failback %s -->", execution);
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		errno = EINVAL;
	} else if (!flock(fd, LOCK_EX) && !(r = holds(fd, marker))) {
		fstat(fd, &st);
		do
			done = write(fd, entry, n);
		while (done < 0 && errno == EINTR);
		if (done == (ssize_t)n && !fsync(fd)) {
			r = 0;
		} else {
			saved = done >= 0 && done != (ssize_t)n ? ENOSPC : errno;
			if (ftruncate(fd, st.st_size)) /* no half an entry */
				saved = errno;
			errno = saved;
			r = -1;
		}
	}
	saved = errno;
	close(fd);
	errno = saved;
	return r;
}
