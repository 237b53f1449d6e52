/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one execution runs in: its frozen chain as structs, its folders, its journal, its hosts. Made once at the start, the same for a fresh
 * and for a resumed execution. Chains know links and calls; what concerns services and people is asked of the floor above through hooks.
 */
#ifndef FB_CHAIN_CONTEXT_H
#define FB_CHAIN_CONTEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "base/redact.h"
#include "host/host.h"
#include "host/operations.h"
#include "journal/journal.h"

struct fb_task;

/* A plugin as one place in the chain uses it. */
struct fb_use {
	const char *kind, *plugin, *name; /* borrowed from the frozen chain */
	const json_t *json;               /* its USE or LINK in the frozen chain */
	const json_t *descriptor;         /* in the frozen chain's "plugins" */
	json_t *options;                  /* with secrets in place: memory only, never written */
};

struct fb_check_use {
	struct fb_use use;
	int64_t timeout_ms;
};

struct fb_service {
	const char *name;
	bool deploys;              /* false: claimed, not changed */
	const char *release;       /* what a deployment puts up; NULL */
	struct fb_use strategy;
	struct fb_check_use *checks;
	size_t check_count;
	size_t *depends;           /* indices of services that it depends on */
	size_t depend_count;
	char *last_good;           /* what a recovery returns to; NULL: nothing */
	char *failed;              /* recovery: what is left behind; NULL */
	bool adopting;             /* its live release is being proven, to become the last known good */
	char *before;              /* what was live when the execution began; NULL: not known */
	struct fb_service *items;  /* of its backup: services of their own, named "backend.config", that stand in no list of the context */
	size_t item_count;
	struct fb_service *item_of; /* of an item: whose */
};

struct fb_context;

/* What the floor above does for a call. Each answers through fb_task_reply, now or later. */
struct fb_hooks {
	void (*operate)(struct fb_context *x, struct fb_task *caller, unsigned operation, const char *service, uint32_t share, uint32_t flags);
	void (*probe)(struct fb_context *x, struct fb_task *caller, const char *service);
	void (*notify)(struct fb_context *x, struct fb_task *caller, const char *name, const char *summary, int64_t wait_ms);
	char *(*document)(struct fb_context *x, const char *name); /* JSON text to be freed, NULL: none */
	void (*sample)(struct fb_context *x, struct fb_task *caller, const json_t *sample);
	void (*news)(struct fb_context *x, int64_t seq, const char *event);
	void (*lost)(struct fb_context *x, const struct fb_err *err); /* the journal cannot be written, or is no longer ours: end */
};

struct fb_context {
	uv_loop_t *loop;
	struct fb_journal *journal;
	struct fb_pool *pool;
	json_t *frozen;
	char *id;
	const char *environment;
	char *dir;       /* <state>/executions/<id> */
	char *archive;   /* <dir>/archive: logs/, evidence/ */
	char *scratch;   /* <state>/scratch/<id> */
	char *service_logs; /* <state>/services/<environment> */
	const char *reason;
	const char *programs; /* the folder of those that come with failback; the caller's */
	char engine[48];      /* "PID:START" of this process, for what its commands leave behind */
	struct fb_redactor *redactor;
	struct fb_service *services;
	size_t service_count;
	int64_t log_limit;
	bool dry;        /* act answers DRY */
	bool resumed;
	bool recovering;
	int stop;        /* 1: no further action; 2: at once */
	bool is_lost;
	struct fb_task *tasks; /* all that are under way */
	json_t *evidence; /* array, also the document "evidence" */
	int copies;       /* of evidence that are under way */
	const struct fb_hooks *hooks;
	void *owner;     /* of the floor above */
};

/* Builds x from a frozen chain (one reference is kept): resolves secrets, makes the folders. loop, journal, pool and hooks are the caller's
 * to set. 0, or -1 with err; fb_context_clear in both cases. */
int fb_context_init(struct fb_context *x, const char *id, json_t *frozen, const char *state_dir, struct fb_err *err) FB_MUST_USE;
void fb_context_clear(struct fb_context *x);

/* Resolves one use; descriptor is looked up in the frozen chain. */
int fb_context_use(struct fb_context *x, const char *kind, const json_t *json, struct fb_use *ret, struct fb_err *err) FB_MUST_USE;
void fb_use_clear(struct fb_use *u);
struct fb_service *fb_context_service(struct fb_context *x, const char *name); /* NULL: none; items are found too */
/* Does a use offer an operation, a feature? Its plugin does, and its options do not narrow that (config/offers.h). */
bool fb_use_offers(const struct fb_use *u, const char *operation);
bool fb_use_has_feature(const struct fb_use *u, const char *feature);

/* Records an event and tells followers. data is stolen; may be NULL. */
void fb_context_event(struct fb_context *x, const char *name, const char *link, const char *summary, json_t *data);
/* An event "link.note": something that a person should know, about a link (NULL: none). level: FB_LOG_ */
void fb_context_note(struct fb_context *x, const char *link, int64_t level, const char *text);
/* A journal function failed: tell the floor above once. */
void fb_context_lost(struct fb_context *x, const struct fb_err *err);
/* A setting of the frozen chain, in its unit. */
int64_t fb_context_setting(const struct fb_context *x, const char *name, int64_t absent);

#endif
