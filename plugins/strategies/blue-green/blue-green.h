/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the blue-green strategy share: the two sides as configured, as remembered, and as HAProxy sees them. */
#ifndef BG_BLUE_GREEN_H
#define BG_BLUE_GREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "failback/plugin.h"
#include "haproxy.h"

#define BG_BLUE 0
#define BG_GREEN 1
#define BG_NONE (-1)
#define BG_NAME 128
#define BG_PATH 512
#define BG_COMMANDS 640 /* HAProxy commands in one line; one that looks follows, and all have to fit bg_haproxy_begin's line */

/* One server line of HAProxy as it is now. */
struct bg_server {
	char name[BG_NAME]; /* "" for a spare that is not configured */
	bool known;
	int64_t op_state;   /* 0 stopped, 1 starting, 2 running, 3 stopping */
	int64_t admin;      /* mask, see bg_maint and bg_drain */
	int64_t weight, initial_weight;
	int64_t in_flight, requests; /* streams now, and since HAProxy started */
	char status[32];    /* of show stat: "UP", "DOWN 1/2", "MAINT", "DRAIN", "no check" */
};

struct bg_side {
	const char *name; /* "blue" or "green" */
	struct bg_server server, spare;
	char release[BG_NAME]; /* remembered; "" when nothing is */
	char health_url[BG_PATH];
};

struct bg {
	const struct fb_call *call;
	const struct fb_host *host;
	char socket[BG_PATH], backend[BG_NAME], frontend[BG_NAME], state_file[BG_PATH];
	struct bg_side side[2];
	bool changed; /* something was changed in HAProxy in this operation */
	bool stopped; /* an action was refused: nothing more may be asked for */
};

/* context.c: reading */

/* Options and facts. Always succeeds: the core has checked what is required. */
void bg_open(struct bg *b, const struct fb_call *call);
/* HAProxy's view of all servers. 0; -1: fail() has been told why, answer FB_RETRY. */
int bg_look(struct bg *b) __attribute__((warn_unused_result));
/* Commands that are joined by ';', and a look, in one exchange. 0; -1: error has HAProxy's words, and what was changed is not known. */
int bg_tell_and_look(struct bg *b, const char *commands, char error[BG_ERROR_SIZE]) __attribute__((warn_unused_result));
bool bg_maint(const struct bg_server *s);
bool bg_drain(const struct bg_server *s);
/* It is balanced to and up. */
bool bg_in_rotation(const struct bg_server *s);
/* 1: HAProxy's checks reach the side's process, 0: they do not, -1: it does not know (both lines in maintenance, or they differ) */
int bg_reached(const struct bg_side *side);
/* The side that users are on by HAProxy's own word; where both or none are, the one remembered; BG_NONE. Look first. */
int bg_live(const struct bg *b);
/* The side on which a release is: the one this execution prepared, else as remembered; BG_NONE. */
int bg_side_of(const struct bg *b, const char *release);
/* In a recovery: sides of the last good and of the failed release. false: fail() was told. */
bool bg_sides(const struct bg *b, const char *good_release, int *ret_good, int *ret_failed);
int64_t bg_wait_ms(const struct bg *b); /* for one exchange with HAProxy */

/* change.c: effects; each looks first, and makes nothing that is so already */

#define BG_MADE 0   /* so now */
#define BG_DRY 1    /* dry run: noted */
#define BG_STOP (-1) /* not made: answer what bg_answer says; fail() was told */
#define BG_ERROR (-2)
int32_t bg_answer(int rc); /* FB_OK, FB_FAIL or FB_RETRY */

/* Asks the host for leave to make a change. BG_MADE: make it, then call bg_done with ret_key. The base key gets a number where it was used before. */
int bg_may(struct bg *b, const char *base, int32_t repeat, char ret_key[BG_NAME], const char *format, ...) __attribute__((format(printf, 5, 6)));
int bg_done(struct bg *b, const char *key, const char *result);
/* state: "ready", "drain" or "maint" */
int bg_set_state(struct bg *b, struct bg_server *s, const char *state);
/* Users from one side to the other by one action, seen to be so. Only where HAProxy holds `good` for up and ready to take all of them: BG_ERROR
 * without fail() says that it does not, or that it went wrong, and that the long way is to be gone. */
int bg_switch_at_once(struct bg *b, struct bg_side *good, struct bg_side *failed);
/* Out of 256; -1: the configured one */
int bg_set_weight(struct bg *b, struct bg_server *s, int weight);
/* The side at its full weight and in rotation, seen to be so: only then may the other one leave. Looks anew. */
int bg_bring_in(struct bg *b, struct bg_side *side);
/* Writes HAProxy's state file when something was changed; warns and advises when that fails. */
void bg_save_state(struct bg *b);

/* service.c: processes of a side */

/* One request to the health URL. 1: healthy, 0: not, -1: no URL is configured. text says what came back. */
int bg_health(const struct bg *b, const struct bg_side *side, int64_t wait_ms, char text[BG_ERROR_SIZE]);
/* Makes sure that the release runs on the side and is healthy; starts it if need be. BG_ codes. */
int bg_start(struct bg *b, int which, const char *release);
int bg_stop(struct bg *b, int which, const char *why);
bool bg_can_start(const struct bg *b, const struct bg_side *side);
/* Waits until no request is in flight on the side, at most drain_timeout. Number that is left, -1: HAProxy did not tell. */
int64_t bg_wait_idle(struct bg *b, int which);
/* service.c: what is remembered */
int bg_remember(struct bg *b, const char *key, const char *value);
int bg_remember_release(struct bg *b, int which, const char *release);

/* Operations */
int32_t bg_check(const struct fb_call *call);
int32_t bg_state(const struct fb_call *call);
int32_t bg_capture(const struct fb_call *call);
int32_t bg_prove(const struct fb_call *call);
int32_t bg_prepare(const struct fb_call *call);
int32_t bg_shift(const struct fb_call *call);
int32_t bg_protect(const struct fb_call *call);
int32_t bg_restore(const struct fb_call *call);
int32_t bg_verify(const struct fb_call *call);
int32_t bg_evidence(const struct fb_call *call);
int32_t bg_observe(const struct fb_call *call, void **state, struct fb_wait *wait);
int32_t bg_commit(const struct fb_call *call);
int32_t bg_cleanup(const struct fb_call *call);
int32_t bg_undo(const struct fb_call *call);

/* config.c: advises what HAProxy's configuration file lacks; returns how many findings there were, -1 when it cannot be read (advised, too). */
int bg_config_check(const struct fb_call *call, const char *path);

#endif
