/* SPDX-License-Identifier: Apache-2.0 */
/* Facts of a command: see facts.h. */
#include "plugins/phases/command/facts.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/common/run.h"

#define KEY_MAX 128
#define LINE_MAX_SIZE 8192
#define FACTS_MAX 1000

char *facts_make(const struct fb_call *call)
{
	char *path;
	size_t size;
	int fd;

	if (!call->scratch)
		return NULL;
	size = strlen(call->scratch) + 32;
	path = malloc(size);
	if (!path)
		abort();
	snprintf(path, size, "%s/facts-XXXXXX", call->scratch);
	fd = mkstemp(path);
	if (fd >= 0) {
		close(fd);
		return path;
	}
	call->host->log(call, FB_LOG_WARNING, "no file for facts could be made in %s: %s; the command can leave none", call->scratch, strerror(errno));
	free(path);
	return NULL;
}

static bool key_is_valid(const char *key)
{
	size_t n = strlen(key);

	return n && n <= KEY_MAX && n == strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");
}

char *facts_make_known(const struct fb_call *call)
{
	const char *text = call->host->document ? call->host->document(call, "facts") : NULL, *key;
	json_t *all = text ? json_loads(text, 0, NULL) : NULL, *value;
	char *path = facts_make(call), clean[LINE_MAX_SIZE];
	FILE *file = path ? fopen(path, "we") : NULL;

	json_object_foreach(all, key, value)
		if (file && key_is_valid(key) && json_is_string(value))
			fprintf(file, "%s=%s\n", key, run_printable(json_string_value(value), json_string_length(value), clean, sizeof(clean)));
	if (file && fclose(file))
		call->host->log(call, FB_LOG_WARNING, "what earlier steps have left could not be written for the command: %s", strerror(errno));
	json_decref(all);
	return path;
}

int facts_record(const struct fb_call *call, const char *path)
{
	char *line = NULL, *value, clean[LINE_MAX_SIZE];
	FILE *file = fopen(path, "re");
	size_t room = 0;
	ssize_t n;
	int rc = 0, count = 0, number = 0;

	if (!file) {
		call->host->log(call, FB_LOG_WARNING, "the command has removed its file for facts (%s): none are recorded", strerror(errno));
		return 0;
	}
	while (!rc && (n = getline(&line, &room, file)) > 0 && count < FACTS_MAX) {
		number++;
		while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			line[--n] = 0;
		if (!n)
			continue;
		value = strchr(line, '=');
		if (value)
			*value++ = 0;
		if (!value || !key_is_valid(line) || n >= LINE_MAX_SIZE || strlen(line) + 1 + strlen(value) != (size_t)n) {
			call->host->log(call, FB_LOG_WARNING, "line %d of the command's facts is not key=value (at most %d bytes) and was left out", number, LINE_MAX_SIZE);
			continue;
		}
		rc = call->host->fact_set(call, FB_SCOPE_EXECUTION, line, run_printable(value, strlen(value), clean, sizeof(clean)));
		count++;
	}
	if (count == FACTS_MAX)
		call->host->log(call, FB_LOG_WARNING, "the command has left more than %d facts; the rest was left out", FACTS_MAX);
	free(line);
	fclose(file);
	return rc;
}

void facts_remove(char *path)
{
	if (path)
		unlink(path);
	free(path);
}
