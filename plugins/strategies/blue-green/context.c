/* SPDX-License-Identifier: Apache-2.0 */
/* Reading: options, what is remembered, and HAProxy's own view of the two sides. No effects. */
#include "blue-green.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

static const char *const side_names[] = {"blue", "green"};

static void copy(char *ret, size_t size, const char *s)
{
	snprintf(ret, size, "%s", s ? s : "");
}

static const char *side_option(const struct bg *b, const char *side, const char *name)
{
	char path[64];

	snprintf(path, sizeof path, "%s.%s", side, name);
	return b->host->option(b->call, path);
}

void bg_open(struct bg *b, const struct fb_call *call)
{
	*b = (struct bg){.call = call, .host = call->host};
	copy(b->socket, sizeof b->socket, b->host->option(call, "socket"));
	copy(b->backend, sizeof b->backend, b->host->option(call, "backend"));
	copy(b->frontend, sizeof b->frontend, b->host->option(call, "frontend"));
	copy(b->state_file, sizeof b->state_file, b->host->option(call, "state_file"));
	for (int i = 0; i < 2; i++) {
		struct bg_side *s = &b->side[i];
		char key[32];

		s->name = side_names[i];
		copy(s->server.name, sizeof s->server.name, side_option(b, s->name, "server"));
		copy(s->spare.name, sizeof s->spare.name, side_option(b, s->name, "spare"));
		copy(s->health_url, sizeof s->health_url, side_option(b, s->name, "check_url"));
		if (!s->health_url[0])
			copy(s->health_url, sizeof s->health_url, b->host->option(call, "health_check_url"));
		snprintf(key, sizeof key, "release.%s", s->name);
		copy(s->release, sizeof s->release, b->host->fact(call, FB_SCOPE_SERVICE, key));
	}
}

int64_t bg_wait_ms(const struct bg *b)
{
	int64_t left = b->host->remaining_ms(b->call);

	return left < 2000 ? left : 2000;
}

static int read_server(const struct bg *b, struct bg_server *s, const struct bg_table *states, const struct bg_table *stats)
{
	size_t row = bg_table_find(states, "be_name", b->backend, "srv_name", s->name);
	size_t stat = bg_table_find(stats, "pxname", b->backend, "svname", s->name);

	s->known = row && stat;
	if (!s->known)
		return -1;
	s->op_state = bg_table_number(states, row, "srv_op_state", -1);
	s->admin = bg_table_number(states, row, "srv_admin_state", -1);
	s->weight = bg_table_number(states, row, "srv_uweight", -1);
	s->initial_weight = bg_table_number(states, row, "srv_iweight", -1);
	s->in_flight = bg_table_number(stats, stat, "scur", -1);
	s->requests = bg_table_number(stats, stat, "stot", -1);
	copy(s->status, sizeof s->status, bg_table_cell(stats, stat, "status"));
	return s->op_state < 0 || s->admin < 0 || s->weight < 0 || s->in_flight < 0 || s->requests < 0 ? -1 : 0;
}

static int read_all(struct bg *b, const char *text)
{
	struct bg_table states = {0}, stats = {0};
	const char *second = strstr(text, "# pxname,");
	const char *missing = NULL;
	int rc = -1;

	if (!second || bg_table_parse(text, ' ', &states) || bg_table_parse(second, ',', &stats)) {
		b->host->fail(b->call, "HAProxy at %s says of backend '%s': %.*s. Mend the option 'backend', or add the backend", b->socket, b->backend,
			      (int)strcspn(text + strspn(text, "\n"), "\n"), text + strspn(text, "\n"));
		goto out;
	}
	for (int i = 0; i < 2; i++) {
		if (read_server(b, &b->side[i].server, &states, &stats))
			missing = b->side[i].server.name;
		if (b->side[i].spare.name[0] && read_server(b, &b->side[i].spare, &states, &stats))
			missing = b->side[i].spare.name;
	}
	if (missing)
		b->host->fail(b->call, "HAProxy at %s has no server '%s' in backend '%s'. Add it there, or mend the option that names it", b->socket, missing,
			      b->backend);
	else
		rc = 0;
out:
	bg_table_clear(&states);
	bg_table_clear(&stats);
	return rc;
}

#define LOOK "show servers state %s;show stat %s 4 -1"

int bg_look(struct bg *b)
{
	char error[BG_ERROR_SIZE], command[BG_NAME * 2 + 64], *text;
	int rc;

	snprintf(command, sizeof command, LOOK, b->backend, b->backend);
	if (bg_haproxy_ask(b->socket, command, bg_wait_ms(b), &text, error)) {
		b->host->fail(b->call, "%s", error);
		return -1;
	}
	rc = read_all(b, text);
	free(text);
	return rc;
}

/* A command that was taken answers with an empty line, any other with words; the states begin with their version, "1". */
int bg_tell_and_look(struct bg *b, const char *commands, char error[BG_ERROR_SIZE])
{
	char line[BG_COMMANDS + BG_NAME * 2 + 64], *text, *states;
	int rc = -1;

	snprintf(line, sizeof line, "%s;" LOOK, commands, b->backend, b->backend);
	if (bg_haproxy_ask(b->socket, line, bg_wait_ms(b), &text, error))
		return -1;
	states = text + strspn(text, " \t\r\n");
	if (strncmp(states, "1\n#", 3) != 0)
		snprintf(error, BG_ERROR_SIZE, "HAProxy refused a part of '%.300s': %.*s", commands, (int)strcspn(states, "\r\n"), states);
	else if (read_all(b, states))
		snprintf(error, BG_ERROR_SIZE, "HAProxy's states could not be read after '%.300s'", commands);
	else
		rc = 0;
	free(text);
	return rc;
}

bool bg_maint(const struct bg_server *s)
{
	return s->admin & (0x01 | 0x02 | 0x20 | 0x40);
}

bool bg_drain(const struct bg_server *s)
{
	return !bg_maint(s) && s->admin & (0x08 | 0x10);
}

static bool is_up(const struct bg_server *s)
{
	return s->known && !bg_maint(s) && (s->op_state == 2 || s->op_state == 1);
}

bool bg_in_rotation(const struct bg_server *s)
{
	return is_up(s) && !bg_drain(s) && s->weight > 0;
}

/* 1 up, 0 down, -1 not checked */
static int witness(const struct bg_server *s)
{
	return !s->known || bg_maint(s) ? -1 : is_up(s);
}

int bg_reached(const struct bg_side *side)
{
	int server = witness(&side->server), spare = witness(&side->spare);

	if (server < 0 || spare < 0)
		return server < 0 ? spare : server;
	return server == spare ? server : -1;
}

static int remembered_live(const struct bg *b)
{
	const char *live = b->host->fact(b->call, FB_SCOPE_SERVICE, "live");

	return !live ? BG_NONE : !strcmp(live, "blue") ? BG_BLUE : !strcmp(live, "green") ? BG_GREEN : BG_NONE;
}

/* Whether users are meant to be on it, up or not */
static bool is_offered(const struct bg_server *s)
{
	return s->known && !bg_maint(s) && !bg_drain(s) && s->weight > 0;
}

int bg_live(const struct bg *b)
{
	bool blue = is_offered(&b->side[BG_BLUE].server), green = is_offered(&b->side[BG_GREEN].server);

	if (blue != green)
		return blue ? BG_BLUE : BG_GREEN;
	return remembered_live(b);
}

int bg_side_of(const struct bg *b, const char *release)
{
	const char *prepared;
	bool same;

	if (!release || !*release)
		return BG_NONE;
	prepared = b->host->fact(b->call, FB_SCOPE_OWN, "prepared.release");
	same = prepared && !strcmp(prepared, release);
	if (same && (prepared = b->host->fact(b->call, FB_SCOPE_OWN, "prepared.side")))
		return !strcmp(prepared, "blue") ? BG_BLUE : BG_GREEN;
	for (int i = 0; i < 2; i++)
		if (!strcmp(b->side[i].release, release))
			return i;
	return BG_NONE;
}

bool bg_sides(const struct bg *b, const char *good_release, int *ret_good, int *ret_failed)
{
	int good = bg_side_of(b, good_release), other; /* each fact is a question to the engine: no more than needed, since users may wait */

	if (good == BG_NONE && (other = bg_side_of(b, b->call->failed)) != BG_NONE)
		good = !other;
	if (good == BG_NONE && (other = bg_live(b)) != BG_NONE)
		good = b->call->failed ? !other : other; /* nothing is remembered: what users are on is what failed */
	if (good == BG_NONE) {
		b->host->fail(b->call, "it is not known on which side release %s is: nothing is remembered, and HAProxy at %s has both or none of %s and %s in "
			      "rotation. Put the failed side into maintenance by hand and run the rollback again", good_release ? good_release : "(none)", b->socket,
			      b->side[0].server.name, b->side[1].server.name);
		return false;
	}
	*ret_good = good;
	*ret_failed = !good;
	return true;
}
