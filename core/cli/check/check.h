/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failback plugin check: what its files share. One process, forked by the command, makes the whole check in a world of its own (world.c): what is
 * changed there is seen, and goes away with it. Every plugin code runs in failback-host.
 */
#ifndef FB_CLI_CHECK_H
#define FB_CLI_CHECK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "host/host.h"

struct fb_cli;

#define FB_CHECK_TREES 40

/* Where the plugin is called. Filled by fb_world_enter; a private folder is always there. */
struct fb_world {
	char *base;                      /* made by the command, removed by it */
	char *home, *tmp, *archive, *scratch;
	char *full;                      /* a file system without room; NULL: there is none, see why_not */
	bool network_off, read_only, own_user;
	char why_not[256];               /* why it has no file systems of its own; "" when it has */
	struct {
		char *path; /* as the plugin sees it */
		char *seen; /* where a change of it shows */
	} trees[FB_CHECK_TREES];
	int tree_count;
};

struct fb_check_run {
	struct fb_cli *cli;
	const char *host_program;
	char *path, *dir, *kind, *name; /* of the file; kind and name NULL until they are known */
	long trusted;                   /* owner, for the pool; -1 */
	int64_t within_ms;
	bool network;                   /* asked to leave it on */
	json_t *lines;                  /* [{"check", "operation", "result", "text"}] */
	int ok, failed, skipped;
	json_t *descriptor;             /* NULL until it was loaded */
	json_t *options;                /* values for calls; NULL: some are missing */
	struct fb_redactor *redactor;   /* of their secrets */
	json_t *asked;                  /* operation: {"acts": n, "requests": n, "ms": n, "fine": bool}, of the dry run */
	struct fb_world world;
};

/* ---- lines.c: the results ---- */
void fb_check_ok(struct fb_check_run *c, const char *check, const char *operation, const char *format, ...) FB_PRINTF(4, 5);
void fb_check_failed(struct fb_check_run *c, const char *check, const char *operation, const char *format, ...) FB_PRINTF(4, 5);
void fb_check_skipped(struct fb_check_run *c, const char *check, const char *operation, const char *format, ...) FB_PRINTF(4, 5);
/* Prints all; returns the exit code. */
int fb_check_print(struct fb_check_run *c);

/* ---- file.c: what can be said before and after loading, without a call ---- */
/* Name, trust, shared object. false: it must not or cannot be loaded. */
bool fb_check_file(struct fb_check_run *c);
/* Loads it; descriptor, licence, options. false: it was refused. */
bool fb_check_descriptor(struct fb_check_run *c);

/* ---- values.c: options of the plugin ---- */
/* Are wrong settings refused by what it declares? */
void fb_check_refusals(struct fb_check_run *c);
/* Reads --set and --options. false: there are none to call the plugin with. */
bool fb_check_values(struct fb_check_run *c);

/* ---- world.c ---- */
/* Enters: own mounts, network, folders. Tells what could be had; *ret_owner: whose files are trusted from now on (-1: as before). */
void fb_world_enter(struct fb_world *w, bool network, long *ret_owner);
void fb_world_clear(struct fb_world *w);
/* Every file in the trees that are watched, as one text; to be freed. */
char *fb_world_snapshot(const struct fb_world *w);
/* The first path that differs between two snapshots, as the plugin names it; NULL: none; to be freed. */
char *fb_world_difference(const struct fb_world *w, const char *before, const char *after);

/* ---- call.c: one call, with a scripted engine ---- */
struct fb_check_host; /* a pool and its loop */
struct fb_check_host *fb_check_host_start(const struct fb_check_run *c, const char *program, int64_t load_ms);
/* false: something that came from it is still there. */
bool fb_check_host_end(struct fb_check_host *h);
/* Are all gone that came from hosts that have ended? They are given a second; then they are killed, and the answer is false. */
bool fb_check_all_gone(void);
/* NULL with err and *ret_stage (fb_pool_stage). */
const json_t *fb_check_host_describe(struct fb_check_host *h, struct fb_err *err, const char **ret_stage);

#define FB_CHECK_NOTHING (-1) /* as an answer to act: a reply without a value */
struct fb_check_call {
	const char *operation; /* of the descriptor: "run", "undo" … */
	uint32_t flags;
	int act;               /* FB_ACT_, any number, FB_CHECK_NOTHING */
	bool deaf;             /* every other request is refused, or gets a reply without a value with FB_CHECK_NOTHING */
	bool slow;             /* the first request is answered only when the deadline is over; with stop: when it was asked to return */
	bool stop;             /* asked to return at once, after the first request, or after stop_ms when that is not 0 */
	bool vanish;           /* the engine, which is this process, dies after the first frame, or 200 ms */
	int64_t stop_ms;
	int64_t within_ms, grace_ms; /* deadline, and time until SIGKILL after it; 0: as asked for, 2 s */
	const char *scratch, *archive; /* NULL: the world's */
};
struct fb_check_heard {
	int cause, answer, number;
	char message[600];
	char fault[300];     /* what it asked for and may not; "" */
	char leftover[200];  /* what it left running; "" */
	char changed[300];   /* what it changed; "" */
	int64_t elapsed_ms, after_no_ms; /* after_no_ms: from the first NO to the end, -1 */
	int64_t over_ms;     /* from the deadline, or from when it was asked to return, to the end; -1 when it had ended before */
	int acts, requests, refused; /* act asked; any request made; act that was answered NO */
};
void fb_check_make_call(const struct fb_check_run *c, struct fb_check_host *h, const struct fb_check_call *call, struct fb_check_heard *ret);

/* ---- runs.c, faults.c, gone.c, leaks.c: every operation, once for each thing that may go wrong ---- */
void fb_check_operations(struct fb_check_run *c);
void fb_check_faults(struct fb_check_run *c, struct fb_check_host *h);
void fb_check_engine_gone(struct fb_check_run *c); /* while no host runs */
void fb_check_full_disk(struct fb_check_run *c);
void fb_check_leaks(struct fb_check_run *c);
/* Is the operation the delivery of an event, or a probe: what is never called in a dry run? */
bool fb_check_is_plain(const char *operation);
/* "answered FAIL: …" into buf. Returns buf. */
const char *fb_check_answer(const struct fb_check_heard *heard, char *buf, size_t size);
/* What is wrong whatever the operation: it crashed, gave no answer, left a process … false: nothing. Else a line was added. One that was told to
 * return needs no sentence. */
bool fb_check_common_fault(struct fb_check_run *c, const char *check, const char *operation, const struct fb_check_heard *heard);

#endif
