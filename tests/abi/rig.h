/* SPDX-License-Identifier: Apache-2.0 */
/* A pool of plugin hosts and a loop, for tests: makes one call to its end and keeps all that was heard. */
#ifndef FB_TESTS_ABI_RIG_H
#define FB_TESTS_ABI_RIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/clock.h"
#include "base/mem.h"
#include "failback/plugin.h"
#include "host/host.h"

struct rig {
	uv_loop_t loop;
	struct fb_pool *pool;
	char *dir;     /* of this test, removed at the end */
	char *plugins; /* absolute */
	int fds, children; /* before anything was started */
};

struct heard {
	struct rig *rig;
	struct fb_host_call *call;
	bool done;
	json_t *frames;    /* all that came, in order */
	json_t *replies;   /* by method: what to answer; absent: {"value":0} */
	struct fb_call_result r;
	char message[2048];
	json_t *health, *leftovers;
	struct fb_proc worker;
	char *evidence;    /* what the last descriptor held */
	int document_fd;   /* answered to "document" when not -1 */
	bool refuse_start;
	void (*on_frame)(struct heard *h, const char *method, json_t *frame);
};

struct ask {
	const char *kind, *name, *operation;
	uint32_t flags, share;
	int64_t within_ms, grace_ms; /* 0: 10 s; the pool's own */
	const char *options, *context; /* JSON */
	const char *log_path;
	int64_t log_limit;
	const struct fb_redactor *redactor;
};

/* plugins: a folder below the build folder, "tests/abi/tame/.libs" */
void rig_start(struct rig *rig, const char *plugins);
void rig_start_with(struct rig *rig, const char *plugins, int64_t load_timeout_ms);
void rig_start_host(struct rig *rig, const char *host_program, const char *plugins); /* another build of failback-host */
/* In the sandboxes of a configuration, in which "@" stands for the rig's folder; plugins are copied to where every user may read them. */
void rig_start_confined(struct rig *rig, const char *plugins, const char *config);
/* Ends the pool and the loop, and fails when a process or a descriptor is left. */
void rig_end(struct rig *rig);

struct heard *rig_begin(struct rig *rig, const struct ask *ask); /* a call under way */
void rig_wait(struct heard *h);                                  /* runs the loop until it has ended */
struct heard *rig_call(struct rig *rig, const struct ask *ask);  /* both */
void rig_forget(struct heard *h);
/* The nth frame of a method, NULL */
json_t *rig_frame(const struct heard *h, const char *method, size_t n);
/* Runs the loop until *flag or 10 s have gone; true when *flag is set. */
bool rig_until(struct rig *rig, bool (*is)(void *ctx), void *ctx);

char *rig_path(const struct rig *rig, const char *name); /* in its folder; to be freed */
char *rig_read(const char *path);                        /* "" when it is not there; to be freed */
int rig_count_fds(void);
int rig_count_descendants(void);

#endif
