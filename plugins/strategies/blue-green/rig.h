/* SPDX-License-Identifier: Apache-2.0 */
/* For the strategy's tests: a real HAProxy, real services started by the strategy itself through the fake host, and a real client. */
#ifndef BG_RIG_H
#define BG_RIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/fake/host.h"

struct rig {
	struct fake *f;
	char dir[64];
	int front, port[2], control[2]; /* blue, green */
	pid_t client;
	int client_out;
};

struct rig_options {
	const char *omit;  /* lines of haproxy.cfg to leave out (extended regular expression) */
	bool sticky;       /* cookie */
	const char *more;  /* JSON members to add to the strategy's options: "\"keep_old\": false" */
};

/* HAProxy runs, release 1.0 runs on blue and has the users, nothing is deployed on green. */
struct rig *rig_new(const struct rig_options *options);
void rig_free(struct rig *r);
/* false: HAProxy is not installed */
bool rig_possible(void);

/* haproxy.sh's verbs: start, reload, stop */
void rig_haproxy(struct rig *r, const char *verb);
pid_t rig_haproxy_pid(struct rig *r);
/* Kills HAProxy; until its last thread has gone its sockets are still there. */
void rig_haproxy_kill(struct rig *r);

/* An operation with the call's members set; the answer. */
int32_t rig_operate(struct rig *r, uint32_t operation, const char *release, uint32_t share);
/* The same in a recovery from `failed` to 1.0. */
int32_t rig_recover(struct rig *r, uint32_t operation, const char *failed);
/* capture, prepare, shift to 10000 of release, each must be OK */
void rig_promote(struct rig *r, const char *release);
pid_t rig_service(struct rig *r, const char *side);

/* One request; the release that answered ("" for none), to be used before the next call. cookie: sent, NULL none; ret_status may be NULL. */
const char *rig_get(int port, const char *method, const char *path, const char *cookie, int *ret_status);
/* HAProxy's status of a server: "UP", "MAINT", … */
const char *rig_status(struct rig *r, const char *server);
int rig_in_flight(struct rig *r, const char *server);
char *rig_ask(struct rig *r, const char *command);

/* The open-loop client: starts with these arguments (ends in NULL, --port is given), ends and gives its numbers. */
void rig_client_start(struct rig *r, const char *rate, const char *post);
json_t *rig_client_end(struct rig *r);
int64_t rig_number(const json_t *o, const char *path); /* "GET.answered" */
/* Ids that were executed more than once, on any side */
int rig_double_executions(struct rig *r);

void rig_sleep_ms(int64_t ms);
#endif
