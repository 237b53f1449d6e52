/* SPDX-License-Identifier: Apache-2.0 */
/* Effects on HAProxy: each is asked for, made, and recorded as done. What is so already is not made again. */
#include "blue-green.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RISE_LIMIT_MS 2000 /* HAProxy's checks may take so long to see a side that came up */
#define RISE_PAUSE_MS 5

int32_t bg_answer(int rc)
{
	return rc >= 0 ? FB_OK : rc == BG_STOP ? FB_RETRY : FB_FAIL;
}

int bg_may(struct bg *b, const char *base, int32_t repeat, char ret_key[BG_NAME], const char *format, ...)
{
	char text[512];
	va_list args;
	int32_t answer = FB_ACT_DONE;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	/* Done before in this link, and yet the world is not so: it is a new action */
	for (int n = 1; n < 100 && answer == FB_ACT_DONE; n++) {
		if (n == 1)
			snprintf(ret_key, BG_NAME, "%s", base);
		else
			snprintf(ret_key, BG_NAME, "%.100s-%d", base, n);
		answer = b->host->act(b->call, ret_key, repeat, text);
		if (answer == FB_ACT_UNSURE) /* the caller has looked: it is not so */
			answer = b->host->act(b->call, ret_key, FB_REPEAT_AGAIN, text);
	}
	switch (answer) {
	case FB_ACT_DO:
		return BG_MADE;
	case FB_ACT_DRY:
		return BG_DRY;
	default:
		b->stopped = true;
		b->host->fail(b->call, "not made, since this execution was told to stop or is no longer the owner: %s", text);
		return BG_STOP;
	}
}

int bg_done(struct bg *b, const char *key, const char *result)
{
	if (b->host->acted(b->call, key, result) == 0)
		return BG_MADE;
	b->stopped = true;
	b->host->fail(b->call, "'%s' was made but could not be recorded: the engine is gone", key);
	return BG_STOP;
}

static int change(struct bg *b, const char *key_base, const char *command, const char *text)
{
	char key[BG_NAME], error[BG_ERROR_SIZE];
	int rc = bg_may(b, key_base, FB_REPEAT_IDEMPOTENT, key, "%s", text);

	if (rc != BG_MADE)
		return rc;
	if (bg_haproxy_tell(b->socket, command, bg_wait_ms(b), error)) {
		b->host->fail(b->call, "%s", error);
		b->stopped = b->host->acted(b->call, key, error) != 0; /* the record says why; the next attempt looks and asks anew */
		return b->stopped ? BG_STOP : BG_ERROR;
	}
	b->changed = true;
	return bg_done(b, key, NULL);
}

static const char *state_of(const struct bg_server *s)
{
	return bg_maint(s) ? "maint" : bg_drain(s) ? "drain" : "ready";
}

int bg_set_state(struct bg *b, struct bg_server *s, const char *state)
{
	char key[BG_NAME + 16], command[BG_NAME * 2 + 64], text[BG_NAME * 2 + 128];
	int rc;

	if (!s->known || !strcmp(state_of(s), state))
		return BG_MADE;
	snprintf(key, sizeof key, "%.90s-%s", s->name, state);
	snprintf(command, sizeof command, "set server %s/%s state %s", b->backend, s->name, state);
	snprintf(text, sizeof text, "HAProxy: server %s/%s from %s to %s", b->backend, s->name, state_of(s), state);
	rc = change(b, key, command, text);
	if (rc == BG_MADE) {
		s->admin = !strcmp(state, "maint") ? 0x01 : !strcmp(state, "drain") ? 0x08 : 0;
		if (s->op_state == 0 && s->admin == 0)
			s->op_state = 1; /* as HAProxy does until its check has spoken */
	}
	return rc;
}

static bool add_state(const struct bg *b, char list[BG_COMMANDS], size_t *n, const struct bg_server *s, const char *state)
{
	int more;

	if (!s->known || !strcmp(state_of(s), state))
		return true;
	more = snprintf(list + *n, BG_COMMANDS - *n, "%sset server %s/%s state %s", *n ? ";" : "", b->backend, s->name, state);
	*n += (size_t)more;
	return *n < BG_COMMANDS;
}

int bg_switch_at_once(struct bg *b, struct bg_side *good, struct bg_side *failed)
{
	char key[BG_NAME], base[32], list[BG_COMMANDS] = "", error[BG_ERROR_SIZE];
	size_t n = 0;
	int rc;

	/* Drained or in rotation, and its checks pass: ready is in rotation, without a moment between */
	if (bg_maint(&good->server) || good->server.op_state != 2 || good->server.weight != good->server.initial_weight || good->server.weight <= 0 ||
	    failed->server.weight != failed->server.initial_weight)
		return BG_ERROR;
	if (!add_state(b, list, &n, &good->server, "ready") || !add_state(b, list, &n, &failed->server, "maint") ||
	    !add_state(b, list, &n, &failed->spare, "maint") || !add_state(b, list, &n, &good->spare, "maint") || n == 0)
		return BG_ERROR;
	snprintf(base, sizeof base, "users-to-%s", good->name);
	rc = bg_may(b, base, FB_REPEAT_IDEMPOTENT, key, "HAProxy: users of backend %s from %s to %s", b->backend, failed->server.name, good->server.name);
	if (rc != BG_MADE)
		return rc;
	rc = bg_tell_and_look(b, list, error);
	b->changed = true;
	if (rc == 0 && !bg_in_rotation(&good->server))
		rc = snprintf(error, sizeof error, "%s/%s took no users: %s", b->backend, good->server.name, good->server.status);
	if (rc)
		b->host->log(b->call, FB_LOG_WARNING, "%s; going on step by step", error);
	if (bg_done(b, key, rc ? error : NULL) != BG_MADE)
		return BG_STOP;
	return rc ? BG_ERROR : BG_MADE;
}

int bg_set_weight(struct bg *b, struct bg_server *s, int weight)
{
	char key[BG_NAME + 32], command[BG_NAME * 2 + 64], text[BG_NAME * 2 + 128];
	int64_t wanted = weight < 0 ? s->initial_weight : weight;
	int rc;

	if (!s->known || s->weight == wanted)
		return BG_MADE;
	snprintf(key, sizeof key, "%.90s-weight-%lld", s->name, (long long)wanted);
	if (weight < 0)
		snprintf(command, sizeof command, "set server %s/%s weight 100%%", b->backend, s->name);
	else
		snprintf(command, sizeof command, "set server %s/%s weight %d", b->backend, s->name, weight);
	snprintf(text, sizeof text, "HAProxy: weight of server %s/%s from %lld to %lld", b->backend, s->name, (long long)s->weight, (long long)wanted);
	rc = change(b, key, command, text);
	if (rc == BG_MADE)
		s->weight = wanted;
	return rc;
}

/* HAProxy's checks may still hold down what has just been started. That its health URL answers is proof enough to tell HAProxy so. */
static int force_up(struct bg *b, struct bg_side *side)
{
	char key[BG_NAME + 16], command[BG_NAME * 2 + 64], text[BG_NAME * 2 + 128], answer[BG_ERROR_SIZE];

	if (bg_health(b, side, 500, answer) != 1)
		return BG_MADE; /* not yet: its checks will tell */
	snprintf(key, sizeof key, "%.90s-up", side->server.name);
	snprintf(command, sizeof command, "set server %s/%s health up", b->backend, side->server.name);
	snprintf(text, sizeof text, "HAProxy: server %s/%s is up, since its health URL answers", b->backend, side->server.name);
	return change(b, key, command, text);
}

int bg_bring_in(struct bg *b, struct bg_side *side)
{
	int rc = bg_set_weight(b, &side->server, -1);

	if (rc >= 0)
		rc = bg_set_state(b, &side->server, "ready");
	for (int64_t left = RISE_LIMIT_MS; rc == BG_MADE; left -= RISE_PAUSE_MS) {
		if (bg_look(b))
			return BG_ERROR;
		if (bg_in_rotation(&side->server))
			return BG_MADE;
		if (left == RISE_LIMIT_MS)
			rc = force_up(b, side);
		else if (left <= 0 || b->host->sleep_ms(b->call, RISE_PAUSE_MS)) {
			b->host->fail(b->call, "HAProxy was told that %s/%s is ready, but it is %s: its health check fails, or the configuration holds it there. "
				      "The other side was left as it is", b->backend, side->server.name, side->server.status);
			return BG_ERROR;
		}
	}
	return rc;
}

/* Beside, to disk, then over: a reader sees the old one or the new one. */
static int write_whole(const char *path, const char *text, char error[BG_ERROR_SIZE])
{
	char beside[BG_PATH + 16];
	size_t n = strlen(text), done = 0;
	int fd;

	snprintf(beside, sizeof beside, "%s.new", path);
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	while (fd >= 0 && done < n) {
		ssize_t w = write(fd, text + done, n - done);

		if (w < 0 && errno != EINTR)
			break;
		done += w > 0 ? (size_t)w : 0;
	}
	if (fd < 0 || done < n || fsync(fd) || rename(beside, path)) {
		snprintf(error, BG_ERROR_SIZE, "writing HAProxy's state file %s: %s", path, strerror(errno));
		if (fd >= 0) {
			close(fd);
			unlink(beside);
		}
		return -1;
	}
	close(fd);
	return 0;
}

void bg_save_state(struct bg *b)
{
	char key[BG_NAME], error[BG_ERROR_SIZE], *text;
	int rc = -1;

	if (!b->changed || b->stopped || !b->state_file[0])
		return;
	if (bg_may(b, "state-file", FB_REPEAT_IDEMPOTENT, key, "write HAProxy's server states to %s, so that a reload keeps them", b->state_file) != BG_MADE)
		return;
	if (bg_haproxy_ask(b->socket, "show servers state", bg_wait_ms(b), &text, error) == 0) {
		rc = write_whole(b->state_file, text, error);
		free(text);
	}
	if (rc) {
		b->host->log(b->call, FB_LOG_WARNING, "%s. A reload of HAProxy would bring back the configuration's own states", error);
		b->host->advise(b->call, "HAProxy's server states could not be saved: before HAProxy is reloaded, save them by hand",
				"echo 'show servers state' | socat - UNIX-CONNECT:SOCKET > STATE_FILE");
	}
	(void)bg_done(b, key, rc ? error : NULL);
}
