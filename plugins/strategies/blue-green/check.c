/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong before anything begins, and what is live. No effects. */
#include "blue-green.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Would HAProxy take commands over this socket? Asked with a command that lacks its last word, so that it changes nothing. */
static bool is_admin(const struct bg *b)
{
	char command[BG_NAME * 2 + 64], error[BG_ERROR_SIZE], *text;
	bool denied;

	snprintf(command, sizeof command, "set server %s/%s state", b->backend, b->side[BG_BLUE].server.name);
	if (bg_haproxy_ask(b->socket, command, bg_wait_ms(b), &text, error))
		return true; /* bg_look has said what is wrong with the socket */
	denied = strstr(text, "Permission denied") != NULL;
	free(text);
	return !denied;
}

static void check_side(struct bg *b, const struct bg_side *side)
{
	char text[512];

	if (!side->spare.name[0]) {
		snprintf(text, sizeof text, "no '%s.spare' is configured: between a crash of the live release and failback's answer to it, HAProxy has nowhere to send "
			 "users. Add to backend %s: server %s-spare ADDRESS:PORT backup disabled, with the address of %s, and the option %s.spare = \"%s-spare\"",
			 side->name, b->backend, side->server.name, side->server.name, side->name, side->server.name);
		b->host->advise(b->call, text, NULL);
	}
	if (!side->health_url[0]) {
		snprintf(text, sizeof text, "the %s side has no health URL: a release there is taken for healthy as soon as it was started. Set %s.check_url",
			 side->name, side->name);
		b->host->advise(b->call, text, NULL);
	}
	if (!bg_can_start(b, side)) {
		snprintf(text, sizeof text, "there is no '%s.start': failback cannot bring a release up there and expects that something else does", side->name);
		b->host->advise(b->call, text, NULL);
	}
}

int32_t bg_check(const struct fb_call *call)
{
	char path[BG_PATH];
	const char *config;
	struct bg b;

	bg_open(&b, call);
	config = call->host->option(call, "config");
	snprintf(path, sizeof path, "%s", config ? config : "");
	if (path[0])
		(void)bg_config_check(call, path); /* advice only */
	if (!b.state_file[0])
		call->host->advise(call, "no 'state_file' is configured: what failback tells HAProxy is lost when HAProxy is reloaded. Set it to the file that "
				   "HAProxy's 'server-state-file' names", NULL);
	for (int i = 0; i < 2; i++)
		check_side(&b, &b.side[i]);
	if (!strcmp(b.side[0].server.name, b.side[1].server.name)) {
		call->host->fail(call, "blue.server and green.server are both '%s': they must be two servers", b.side[0].server.name);
		return FB_FAIL;
	}
	if (bg_look(&b))
		return FB_FAIL;
	if (!is_admin(&b)) {
		call->host->fail(call, "HAProxy's socket %s takes no commands: permission denied. Give its 'stats socket' the words 'level admin'", b.socket);
		call->host->advise(call, "add 'level admin' to 'stats socket' in HAProxy's global section", NULL);
		return FB_FAIL;
	}
	return FB_OK;
}

/* Appends s as a JSON string. */
static void json_text(char *ret, size_t size, const char *s)
{
	size_t n = strlen(ret);

	if (n + 1 < size)
		ret[n++] = '"';
	for (; *s && n + 8 < size; s++) {
		if (*s == '"' || *s == '\\')
			ret[n++] = '\\';
		if ((unsigned char)*s >= 0x20)
			ret[n++] = *s;
	}
	ret[n++] = '"';
	ret[n] = '\0';
}

int32_t bg_state(const struct fb_call *call)
{
	char detail[1024], json[2048] = "{\"release\": ";
	struct bg b;
	int live;

	bg_open(&b, call);
	if (bg_look(&b))
		return FB_RETRY;
	live = bg_live(&b);
	snprintf(detail, sizeof detail, "%s/%s %s weight %lld, %lld in flight; %s/%s %s weight %lld, %lld in flight", b.backend, b.side[0].server.name,
		 b.side[0].server.status, (long long)b.side[0].server.weight, (long long)b.side[0].server.in_flight, b.backend, b.side[1].server.name,
		 b.side[1].server.status, (long long)b.side[1].server.weight, (long long)b.side[1].server.in_flight);
	if (live != BG_NONE && b.side[live].release[0])
		json_text(json, sizeof json, b.side[live].release);
	else
		strcat(json, "null");
	strcat(json, ", \"target\": ");
	if (live != BG_NONE)
		json_text(json, sizeof json, b.side[live].name);
	else
		strcat(json, "null");
	strcat(json, ", \"detail\": ");
	json_text(json, sizeof json, detail);
	strcat(json, "}");
	if (call->host->report(call, "state", json) == 0)
		return FB_OK;
	call->host->fail(call, "the state was read but the report did not take it: %s", json);
	return FB_FAIL;
}
