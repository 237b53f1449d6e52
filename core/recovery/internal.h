/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the recovery floor share: the engine's whole state. */
#ifndef FB_RECOVERY_INTERNAL_H
#define FB_RECOVERY_INTERNAL_H

#include "chain/run.h"
#include "recovery/engine.h"

struct fb_engine;
struct fb_observer;
struct fb_outbox;

/* ---- operate.c: strategy operations over services ---- */

struct fb_operation_spec {
	struct fb_engine *engine;
	unsigned operation;        /* FB_OP_ */
	bool undo, preserve;
	uint32_t share;            /* FB_OP_SHIFT */
	const char *service;       /* NULL: all that are involved */
	const char *link, *link_name;
	int64_t deadline_ms;
	bool silent;               /* no log, no events */
	/* results: {"services": [{"service","answer","message","skipped","reported"}]}, borrowed. */
	void (*done)(void *owner, int answer, json_t *results);
	void *owner;
};
void fb_operate(const struct fb_operation_spec *spec);
/* The hook of the context. */
void fb_engine_operate(struct fb_context *x, struct fb_task *caller, unsigned operation, const char *service, uint32_t share, uint32_t flags);
void fb_engine_probe(struct fb_context *x, struct fb_task *caller, const char *service);

/* ---- observe.c: what users feel ---- */

void fb_observe_start(struct fb_engine *e);
void fb_observe_sample(struct fb_context *x, struct fb_task *caller, const json_t *sample);
/* One more round of every observer, then done; the numbers are final. */
void fb_observe_finish(struct fb_engine *e, void (*done)(struct fb_engine *e));
/* The document "impact"; new reference. */
json_t *fb_observe_impact(const struct fb_engine *e);
void fb_observe_clear(struct fb_engine *e);
/* From now on the release of this service takes traffic: watch it. */
void fb_observe_shifted(struct fb_engine *e, const char *service);

/* ---- outbox.c: word to people ---- */

int fb_engine_outbox_init(struct fb_engine *e, struct fb_err *err) FB_MUST_USE;
/* The execution begins or is gone on with: what was left of earlier ones is delivered beside its own, by one process only. */
void fb_engine_outbox_begin(struct fb_engine *e);
void fb_engine_outbox_clear(struct fb_engine *e);
/* Records an event for followers and, durably, for every notifier that asked for it; delivery begins at once. */
void fb_engine_tell(struct fb_engine *e, const char *event, const char *summary);
/* Is there anybody to tell? */
bool fb_engine_tells(const struct fb_engine *e);
void fb_engine_notify(struct fb_context *x, struct fb_task *caller, const char *name, const char *summary, int64_t wait_ms);
/* Waits for what is not delivered, at most wait_ms, then done. */
void fb_engine_outbox_drain(struct fb_engine *e, int64_t wait_ms, void (*done)(void *owner, json_t *deliveries), void *owner);

/* ---- predecessor.c ---- */

/* Proves that nothing of an execution's earlier engine runs any more, killing what does. 0, or -1 with err naming what could not be ended. */
int fb_predecessor_end(struct fb_journal *j, const char *execution, struct fb_err *err) FB_MUST_USE;

/* ---- outcome.c: members, way out, statuses ---- */

/* The documents "members", "way_out", "system", "impact". */
void fb_outcome_record(struct fb_engine *e);
/* The status and exit code that the execution has come to. */
void fb_outcome_decide(struct fb_engine *e);
/* One sentence for the last event; to be freed. */
char *fb_outcome_summary(struct fb_engine *e);

/* ---- execution.c ---- */

/* Where an execution stands */
#define FB_STAGE_PREFLIGHT 0
#define FB_STAGE_BACKUP 1
#define FB_STAGE_PLAN 2
#define FB_STAGE_COMMIT 3
#define FB_STAGE_RECOVERY 4
#define FB_STAGE_END 5

struct fb_engine {
	struct fb_context x;
	uv_loop_t loop;
	const struct fb_engine_request *request;
	int say;                  /* pipe to the command; -1: nobody listens */
	bool deploys, enhanced;
	struct fb_chain backup, plan, recovery;
	struct fb_run *run;       /* under way; NULL */
	struct fb_link *failed_link; /* of the plan or backup */
	char *failure;            /* sentence */
	int stage;                /* FB_STAGE_ */
	char *verify_link;        /* id of the link that verifies the recovery; NULL: none yet */
	struct fb_run *undoing;   /* takes back the plan's own steps; NULL */
	bool backup_created, changed, protected_traffic, restored, verified, undo_begun, undo_failed, told_end;
	bool evidence_wanted;     /* still to be gathered */
	bool evidence_begun;
	bool evidence_patience;   /* what cannot prepare still waits for it */
	uv_timer_t evidence_timer, stop_timer;
	uv_signal_t sigint, sigterm;
	struct fb_observer *observers;
	size_t observer_count;
	struct fb_outbox *outbox;
	void (*observed)(struct fb_engine *e);
	int observers_pending;
	const char *status;
	int exit_code;
	int64_t word_until_ms;    /* boot clock: until then the end waits for deliveries; 0: it does not wait yet */
	bool ending, finished;
	struct fb_err fatal;      /* why it was lost */
};

/* Says a line to the command that started the engine; steals line. */
void fb_engine_say(struct fb_engine *e, json_t *line);
/* Notes a named moment, once. */
void fb_engine_clock(struct fb_engine *e, const char *name);
/* The link of any chain by its id. */
struct fb_link *fb_engine_link(struct fb_engine *e, const char *id);
/* What belongs together is recorded together: an engine that dies on the way leaves all of it or none. False: the journal is lost, and the execution
 * with it. */
bool fb_engine_begin_record(struct fb_engine *e);
bool fb_engine_end_record(struct fb_engine *e);
/* Why it fails, or was refused: a sentence, copied. */
void fb_engine_set_failure(struct fb_engine *e, const char *text);
/* A document of the report; steals value. */
void fb_engine_set_document(struct fb_engine *e, const char *name, json_t *value);
/* Before each step of a plan: what was asked for since the last look must not wait for one action more. */
bool fb_engine_stop_asked(void *owner, struct fb_link *l);
/* Runs an execution that is recorded and ours; returns when it has ended or was lost. */
int fb_execution_run(struct fb_engine *e, struct fb_err *err) FB_MUST_USE;

/* ---- hosts.c ---- */

/* failback-host: beside this program in a build tree, else the installed one; to be freed. */
char *fb_hosts_program(void);
/* A pool of what the configuration allows; plan_file (NULL: none) is hidden from sandboxes as it is. */
struct fb_pool *fb_hosts_pool(const struct fb_config *config, const char *host_program, const char *plan_file);
/* Every plugin of the chain is there, and is the file that the chain was checked with. Starts all hosts, in the sandboxes that were recorded. */
int fb_hosts_warm(struct fb_pool *pool, const json_t *frozen, struct fb_err *err) FB_MUST_USE;

/* ---- preflight.c, deployment.c, recover.c, ending.c: its stages ---- */

void fb_engine_preflight(struct fb_engine *e);
void fb_engine_begin_backup(struct fb_engine *e);
/* A failure that was found outside of a link, by the observers. */
void fb_engine_detected(struct fb_engine *e, const char *message);
/* failed: the link that did, NULL when none; failure: a sentence, copied. */
void fb_engine_begin_recovery(struct fb_engine *e, struct fb_link *failed, const char *failure);
/* A recovery's operation was answered well, for a phase (which may have ended: NULL); whole: by every service, none of which skipped it. */
void fb_engine_operated(struct fb_engine *e, unsigned operation, bool whole, const struct fb_task *caller);
/* Decides what it has come to and tells people, once; the notify phase calls it, or the end of the execution. */
void fb_engine_final_word(struct fb_engine *e);
/* Where report.json of this execution is, or will be; the caller's. */
char *fb_engine_report_path(const struct fb_engine *e);
void fb_engine_conclude(struct fb_engine *e);

#endif
