/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads HAProxy's configuration file for what the runtime API does not tell, and advises what is missing. It looks for lines, by section, and is no
 * parser of HAProxy's language: it can miss what is included from elsewhere, so its findings are advice and never stop anything.
 */
#include "blue-green.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WANTED (sizeof wanted / sizeof *wanted)

/* A line that must be in the global section, or in the backend or a defaults section */
static const struct {
	const char *section, *begins, *holds, *why, *add;
} wanted[] = {
	{"global", "stats socket", "level admin", "without it HAProxy takes no commands", "stats socket PATH mode 600 level admin"},
	{"global", "server-state-file", NULL, "without it a reload of HAProxy silently brings back the configuration's own sides",
	 "server-state-file STATE_FILE"},
	{"backend", "load-server-state-from-file", NULL, "without it a reload of HAProxy silently brings back the configuration's own sides",
	 "load-server-state-from-file global"},
	{"backend", "option http-server-close", NULL, "without it a request on an idle server connection is lost when a release dies",
	 "option http-server-close"},
	{"backend", "option redispatch", NULL, "without it retries go to the server that has just failed", "option redispatch 1"},
	{"backend", "retries", NULL, "the default of 3 runs out before the spare takes over", "retries 10"},
	{"backend", "retry-on", NULL, "without it users see the answers that a dying release did not give", "retry-on all-retryable-errors"},
	{"backend", "http-request disable-l7-retry", "METH_POST", "without it a write may be executed twice",
	 "http-request disable-l7-retry if METH_POST"},
	{"backend", "timeout connect", NULL, "retries wait as long as a connection may take", "timeout connect 100ms"},
	{"backend", "timeout server", NULL, "it is how long a hang of the live release is felt", "timeout server 300ms"},
	{"backend", "option httpchk", NULL, "without it a release that hangs passes its checks, since its kernel still accepts connections",
	 "option httpchk GET /health"},
	{"backend", "default-server", "on-error mark-down", "without it HAProxy goes on sending requests to a release that died until two checks have failed",
	 "default-server check inter 200ms fastinter 50ms fall 2 rise 1 observe layer4 error-limit 1 on-error mark-down"},
};

/* Is the line, its spaces made single, one of the section that is meant? defaults count for backends. */
static bool in_section(const char *section, const char *now, const char *backend)
{
	char line[BG_NAME + 16];

	snprintf(line, sizeof line, "backend %s", backend);
	return !strcmp(section, "global") ? !strncmp(now, "global", 6)
					  : !strncmp(now, "defaults", 8) || (!strncmp(now, line, strlen(line)) && strchr(" ", now[strlen(line)]));
}

/* Single spaces, no comment, no indentation. */
static void squeeze(char *line)
{
	char *out = line;

	for (char *p = line; *p && *p != '#' && *p != '\n' && *p != '\r'; p++) {
		if (*p != ' ' && *p != '\t')
			*out++ = *p;
		else if (out > line && out[-1] != ' ')
			*out++ = ' ';
	}
	while (out > line && out[-1] == ' ')
		out--;
	*out = '\0';
}

/* What a default-server line says may stand on a server's own line as well. */
static bool begins(const char *line, const char *word)
{
	return !strncmp(line, word, strlen(word)) || (!strcmp(word, "default-server") && !strncmp(line, "server ", 7));
}

static bool begins_section(const char *line)
{
	static const char *const words[] = {"global", "defaults", "frontend", "backend", "listen", "peers", "resolvers", "userlist", "program", "cache",
					    "mailers", "ring", "http-errors", "log-forward", "fcgi-app"};
	size_t n = strcspn(line, " ");

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strlen(words[i]) == n && !strncmp(line, words[i], n))
			return true;
	return false;
}

int bg_config_check(const struct fb_call *call, const char *path)
{
	const char *backend_option = call->host->option(call, "backend");
	char *line = NULL, section[256] = "", text[512], backend[BG_NAME];
	bool found[WANTED] = {false};
	size_t room = 0;
	int missing = 0;
	FILE *f = fopen(path, "re");

	snprintf(backend, sizeof backend, "%s", backend_option ? backend_option : "");
	if (!f) {
		snprintf(text, sizeof text, "HAProxy's configuration file %s could not be read: %s; what it lacks was not looked at", path, strerror(errno));
		call->host->advise(call, text, NULL);
		return -1;
	}
	while (getline(&line, &room, f) >= 0) {
		squeeze(line);
		if (begins_section(line))
			snprintf(section, sizeof section, "%.255s", line);
		for (size_t i = 0; i < WANTED; i++)
			if (in_section(wanted[i].section, section, backend) && begins(line, wanted[i].begins) &&
			    (!wanted[i].holds || strstr(line, wanted[i].holds)))
				found[i] = true;
	}
	free(line);
	fclose(f);
	for (size_t i = 0; i < WANTED; i++) {
		if (found[i])
			continue;
		missing++;
		snprintf(text, sizeof text, "%s has no '%s%s%s' in its %s section%s: %s. Add the line: %s", path, wanted[i].begins, wanted[i].holds ? " ... " : "",
			 wanted[i].holds ? wanted[i].holds : "", wanted[i].section, strcmp(wanted[i].section, "global") ? " or its defaults" : "",
			 wanted[i].why, wanted[i].add);
		call->host->advise(call, text, NULL);
	}
	return missing;
}
