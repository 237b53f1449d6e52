/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal: one SQLite database (journal.db, WAL, synchronous=FULL) in the state directory. What happened, what was intended,
 * who owns it. It knows rows, not meaning: which link comes next is the chain's business.
 *
 * Every function is one transaction, or part of the one that fb_journal_begin opened. A function that writes for an execution
 * first proves that the caller still owns it (id and epoch as set by fb_journal_start or fb_journal_take_over); when not,
 * it fails with FB_EXIT_INTERRUPTED and changes nothing. Errors of the database have code FB_EXIT_JOURNAL.
 *
 * Durability: a commit is flushed to the disk (FULL) unless everything in it was declared FB_ORDERED: then it survives the death
 * of this process at once, and a power cut as soon as the next durable commit has passed. Process ids and events are ordered.
 *
 * Full disk: a reserve file is kept beside the database. When a write finds no space, the reserve is released and the write made
 * again; when that fails too, and the journal was opened with FB_JOURNAL_DEGRADE, writing goes on in memory (fb_journal_degraded),
 * is answered as usual, and is appended to the file, marked late, by the first call that finds space. Without the flag it is an error.
 *
 * Texts returned in rows belong to the row: fb_journal_rows_free, or the row's own free function.
 */
#ifndef FB_JOURNAL_H
#define FB_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/proc.h"

struct fb_journal;

#define FB_JOURNAL_READ 0u
#define FB_JOURNAL_WRITE 1u
#define FB_JOURNAL_CREATE 3u  /* and make the directory and the file when they are not there */
#define FB_JOURNAL_DEGRADE 4u /* go on in memory when the disk is full: for recoveries */
#define FB_JOURNAL_SHADOW 8u  /* read the file, write to memory only: for dry runs; the file is never changed */
#define FB_JOURNAL_ROOM 16u   /* refuse where there is no space beside the reserve, which is for recoveries: for what only begins */

/* Opens the journal of a state directory; migrates an older schema (in one transaction, after a copy was kept beside it), refuses a newer.
 * Refuses a file system without working locks or shared memory. */
int fb_journal_open(const char *state_dir, unsigned flags, struct fb_journal **ret, struct fb_err *err) FB_MUST_USE;
void fb_journal_close(struct fb_journal *j); /* takes NULL */

bool fb_journal_degraded(const struct fb_journal *j);
void fb_journal_allow_degrade(struct fb_journal *j);

/* Groups what follows into one transaction. Calls nest; the outermost end commits. Never open across a wait. */
int fb_journal_begin(struct fb_journal *j, struct fb_err *err) FB_MUST_USE;
/* The same, and all of it is FB_ORDERED, whatever it is: for what nobody relies on before the next durable commit. Never for actions. Inside of a durable
 * group it is as durable as that. */
int fb_journal_begin_ordered(struct fb_journal *j, struct fb_err *err) FB_MUST_USE;
int fb_journal_end(struct fb_journal *j, struct fb_err *err) FB_MUST_USE;
void fb_journal_cancel(struct fb_journal *j);
/* Between links, when nobody waits: moves the log into the database file. */
void fb_journal_checkpoint(struct fb_journal *j);
/* Grows when anybody has written: a follower need only read when it changed. */
int64_t fb_journal_version(struct fb_journal *j);

/* ---- executions and claims ---- */

struct fb_execution {
	char *id;
	char *alias;       /* plan_deploy_production_<epoch> */
	char *kind;        /* deploy, rollback */
	char *environment;
	char *status;      /* waiting_approval | running | interrupted | completed | failed | failed_with_rollback | rollback_incomplete | refused | stopped */
	char *title;       /* "Deploy backend 2.1" */
	char *release;     /* NULL: several or none */
	char *reason;
	char *services;    /* JSON array of names */
	char *retry_of;    /* the execution that this one tries again; NULL */
	char *frozen;      /* JSON, failback.chain/1; only from fb_journal_execution */
	int64_t epoch;
	int64_t started_ms; /* wall */
	int64_t ended_ms;   /* wall; 0 while it runs */
	int64_t started_boot_ms;
	int64_t ended_boot_ms;
	char *boot_id;
	struct fb_proc owner; /* pid 0: nobody */
	int exit_code;        /* -1 while it runs */
	bool owner_alive;     /* same boot, same process, still there */
};

struct fb_execution_new {
	const char *id, *alias, *kind, *environment, *status, *title, *release, *reason, *retry_of, *frozen;
	const char *const *services; /* ends in NULL: all that it may touch, dependents included; claimed unless status is waiting_approval */
	int64_t now_ms;
};

/* Who holds a service that was asked for. */
struct fb_conflict {
	char service[64];
	char execution[128];
	char kind[32];
	struct fb_proc owner;
	int64_t since_ms;
	bool owner_alive; /* false: its engine died; that execution is to be gone on with first */
};

/* Records an execution and claims its services for this process, all or none, in one transaction.
 * 0: ours. 1: *ret_conflict tells who has one of them; nothing was recorded. -1: err. */
int fb_journal_start(struct fb_journal *j, const struct fb_execution_new *e, struct fb_conflict *ret_conflict, struct fb_err *err) FB_MUST_USE;
/* Becomes the owner of an execution whose owner is dead, or that waited for approval (then its services are claimed now).
 * Bumps the epoch. 0 · 1: somebody is alive, or another has a service (*ret_conflict) · -1. */
int fb_journal_take_over(struct fb_journal *j, const char *id, struct fb_conflict *ret_conflict, struct fb_err *err) FB_MUST_USE;
/* Continues the session of an execution in this process (after fork): same owner rules as writes. */
int64_t fb_journal_epoch(const struct fb_journal *j);
/* Sets the status. With ended: releases the claims, notes the end, clears the owner. exit_code -1: not known. */
int fb_journal_status(struct fb_journal *j, const char *status, bool ended, int exit_code, struct fb_err *err) FB_MUST_USE;
/* Asks a running execution to stop (any process may): 1 after the current action, 2 at once (--force). Read back by its engine. */
int fb_journal_ask_stop(struct fb_journal *j, const char *id, int how, const char *by, struct fb_err *err) FB_MUST_USE;
int fb_journal_stop_asked(struct fb_journal *j);

/* One execution by id, by alias, by unique prefix, or NULL for the newest. 0 · 1: none (err says which are near) · -1. */
int fb_journal_execution(struct fb_journal *j, const char *id, struct fb_execution *ret, struct fb_err *err) FB_MUST_USE;
void fb_execution_clear(struct fb_execution *e);

struct fb_execution_filter {
	const char *environment, *service, *kind, *status; /* NULL: any */
	int64_t before_ms; /* 0: any */
	bool unfinished;   /* only those that have not ended */
	int limit;
};
/* Newest first; without `frozen`. *ret is an array of *ret_n to be freed with fb_executions_free. */
int fb_journal_executions(struct fb_journal *j, const struct fb_execution_filter *f, struct fb_execution **ret, size_t *ret_n, struct fb_err *err) FB_MUST_USE;
void fb_executions_free(struct fb_execution *v, size_t n);

struct fb_tally {
	int64_t rollbacks;     /* that have ended, those of failed deployments included */
	int64_t last_ended_ms; /* wall; 0: none has ended */
};
/* What there is to count of an environment's executions, without reading them. */
int fb_journal_tally(struct fb_journal *j, const char *environment, struct fb_tally *ret, struct fb_err *err) FB_MUST_USE;

/* One execution that has ended, for one of its services. Borrowed texts: they live for the call. */
struct fb_figure_row {
	int64_t n; /* the same in all rows of an execution */
	const char *service, *environment, *kind, *status;
	const char *root_cause; /* JSON, as analyze reported it; NULL */
	const char *verdict_type, *verdict_cause; /* as a person confirmed or corrected it; NULL: nobody did, or did not say */
	const char *impact;     /* ZERO | SOME | UNKNOWN; NULL */
	int64_t started_ms, ended_ms, detected_ms; /* wall; 0: not */
	int64_t recovered_ms; /* from detected to verified; -1: was not */
	bool retry;
};
/* All that began at or after since_ms, oldest first. environment NULL: any. */
int fb_journal_figures(struct fb_journal *j, const char *environment, int64_t since_ms, void (*take)(void *ctx, const struct fb_figure_row *row), void *ctx, struct fb_err *err) FB_MUST_USE;

/* ---- named moments of an execution: started, detected, traffic_safe, restored, verified, reported, ended ---- */
int fb_journal_clock(struct fb_journal *j, const char *name, int64_t wall_ms, int64_t boot_ms, struct fb_err *err) FB_MUST_USE;

/* ---- links: one row for each attempt's current truth ---- */

struct fb_link_row {
	char *id;       /* "plan/3", "recovery/4.1": chain, place, place in a parallel group */
	char *chain;    /* backup, plan, recovery */
	char *name;
	char *title;    /* the seeds' phase title, or the step's name */
	char *plugin;   /* phase plugin */
	char *status;   /* pending | running | completed | skipped | failed | undone | interrupted */
	char *message;  /* the sentence of a failure; NULL */
	char *data;     /* JSON object: what the link reported, cause of failure (exit, signal, deadline), … */
	char *log;      /* path of its captured output, relative to the execution's directory; NULL */
	int seq;        /* place in the whole execution */
	int attempt;
	int answer;     /* FB_OK … or -1 */
	bool late;      /* recorded after a time without disk space */
	int64_t started_ms, ended_ms;           /* wall; 0: not */
	int64_t started_boot_ms, ended_boot_ms; /* boot clock, microseconds are not kept */
};

/* Writes the row of r->id (inserts or replaces); members as in the struct, owned by the caller. */
int fb_journal_link(struct fb_journal *j, const struct fb_link_row *r, struct fb_err *err) FB_MUST_USE;
int fb_journal_links(struct fb_journal *j, const char *execution, struct fb_link_row **ret, size_t *ret_n, struct fb_err *err) FB_MUST_USE;
void fb_links_free(struct fb_link_row *v, size_t n);
/* One finished attempt, kept beside the row for history: number, answer, message, start and end. */
int fb_journal_attempt(struct fb_journal *j, const char *link, int attempt, int answer, const char *message, int64_t started_ms, int64_t ended_ms, struct fb_err *err) FB_MUST_USE;

/* ---- actions: write ahead ---- */

struct fb_action_key {
	const char *link;      /* id of the link */
	const char *service;   /* "" for a phase's own */
	const char *operation; /* "run", "restore" … */
	bool undo;             /* direction */
	const char *key;
};
struct fb_action_row {
	char *link, *service, *operation, *key, *text, *result;
	char *state; /* intended | done | dry */
	bool undo, late;
	int repeat;  /* FB_REPEAT_ */
	int64_t epoch, intended_ms, done_ms;
};
/* Records the intention, or answers from the record: FB_ACT_DO, _DONE, _UNSURE or _NO (ONCE and unsure) as plugin.h says; -1: err.
 * Durable when it returns FB_ACT_DO. dry: recorded as such, FB_ACT_DRY. */
int fb_journal_act(struct fb_journal *j, const struct fb_action_key *k, int repeat, const char *text, bool dry, struct fb_err *err) FB_MUST_USE;
int fb_journal_acted(struct fb_journal *j, const struct fb_action_key *k, const char *result, struct fb_err *err) FB_MUST_USE;
/* The result of a done action, to be freed; NULL: none. */
char *fb_journal_act_result(struct fb_journal *j, const struct fb_action_key *k);
int fb_journal_actions(struct fb_journal *j, const char *execution, struct fb_action_row **ret, size_t *ret_n, struct fb_err *err) FB_MUST_USE;
void fb_actions_free(struct fb_action_row *v, size_t n);

/* ---- facts ---- */
/* scope: "" for the execution, "service/NAME" or "link/ID" for an owner in it. */
int fb_journal_fact_set(struct fb_journal *j, const char *scope, const char *key, const char *value, struct fb_err *err) FB_MUST_USE;
char *fb_journal_fact(struct fb_journal *j, const char *execution, const char *scope, const char *key); /* to be freed; NULL: none */
/* All facts of an execution as a JSON object text {"scope": {"key": "value"}}; to be freed. */
char *fb_journal_facts(struct fb_journal *j, const char *execution, struct fb_err *err);
/* Kept for (environment, service) over executions. */
int fb_journal_memory_set(struct fb_journal *j, const char *environment, const char *service, const char *key, const char *value, struct fb_err *err) FB_MUST_USE;
char *fb_journal_memory(struct fb_journal *j, const char *environment, const char *service, const char *key);

/* ---- releases ---- */
struct fb_release_row {
	char *environment, *service, *release;
	char *status;    /* deploying | good | failed | superseded */
	char *execution; /* that made it so; NULL: adopted from the world */
	char *data;      /* JSON: strategy state at that time */
	int64_t at_ms;   /* of the status */
	bool live;       /* the one that users were last left on */
};
/* good: verified and committed: becomes the last known good; the one before becomes superseded. live: users are on it now. */
int fb_journal_release(struct fb_journal *j, const char *environment, const char *service, const char *release, const char *status, bool live, const char *data, struct fb_err *err) FB_MUST_USE;
/* The newest release that is good; one that failed later than it was good is not. 0 · 1: none · -1. */
int fb_journal_last_good(struct fb_journal *j, const char *environment, const char *service, struct fb_release_row *ret, struct fb_err *err) FB_MUST_USE;
/* Newest first. release NULL: any. */
int fb_journal_releases(struct fb_journal *j, const char *environment, const char *service, const char *release, int limit, struct fb_release_row **ret, size_t *ret_n, struct fb_err *err) FB_MUST_USE;
void fb_release_clear(struct fb_release_row *r);
void fb_releases_free(struct fb_release_row *v, size_t n);
/* Names of all services that the journal knows in an environment (NULL: all), as rows whose release is the live one, or NULL. */
int fb_journal_services(struct fb_journal *j, const char *environment, struct fb_release_row **ret, size_t *ret_n, struct fb_err *err) FB_MUST_USE;

/* ---- processes ---- */
struct fb_process_row {
	char *execution; /* that started it */
	char *environment, *service; /* role service */
	char *role;      /* host | worker | service */
	char *name;      /* plugin file, link id, or the service process's name */
	char *boot_id;
	struct fb_proc proc;
	int64_t started_ms;
};
/* Records a process (ordered; a service: durable). Its group and session have its pid as id. */
int fb_journal_process(struct fb_journal *j, const char *role, const char *environment, const char *service, const char *name, const struct fb_proc *p, struct fb_err *err) FB_MUST_USE;
int fb_journal_process_gone(struct fb_journal *j, const struct fb_proc *p, struct fb_err *err) FB_MUST_USE;
/* execution NULL: any; role NULL: any; environment/service/name NULL: any. Only those not recorded as gone. */
int fb_journal_processes(struct fb_journal *j, const char *execution, const char *role, const char *environment, const char *service, const char *name, struct fb_process_row **ret, size_t *ret_n, struct fb_err *err) FB_MUST_USE;
void fb_processes_free(struct fb_process_row *v, size_t n);

/* ---- events: what followers show; one closed list of names ---- */
struct fb_event_row {
	int64_t seq; /* over the whole journal, growing */
	char *execution, *name, *link, *summary, *data /* JSON object or NULL */;
	int64_t at_ms;
};
int fb_journal_event(struct fb_journal *j, const char *name, const char *link, const char *summary, const char *data, int64_t *ret_seq, struct fb_err *err) FB_MUST_USE;
/* Those after seq, oldest first, at most limit. execution NULL: any. */
int fb_journal_events(struct fb_journal *j, const char *execution, int64_t after_seq, int limit, struct fb_event_row **ret, size_t *ret_n, struct fb_err *err) FB_MUST_USE;
void fb_events_free(struct fb_event_row *v, size_t n);

/* ---- outbox ---- */
struct fb_outbox_row {
	int64_t id;
	char *execution, *notifier /* name in the frozen chain */, *event, *event_id, *payload /* JSON */, *status /* waiting | sent | failed | dropped */, *text;
	int attempts;
	int64_t created_ms, next_ms, sent_ms;
};
int fb_journal_outbox_add(struct fb_journal *j, const char *notifier, const char *event, const char *event_id, const char *payload, struct fb_err *err) FB_MUST_USE;
int fb_journal_outbox(struct fb_journal *j, const char *execution, bool waiting_only, struct fb_outbox_row **ret, size_t *ret_n, struct fb_err *err) FB_MUST_USE;
/* next_ms: when to try again, for status waiting. Counts an attempt. */
int fb_journal_outbox_set(struct fb_journal *j, int64_t id, const char *status, const char *text, int64_t next_ms, struct fb_err *err) FB_MUST_USE;
void fb_outbox_free(struct fb_outbox_row *v, size_t n);
void fb_outbox_free_one(struct fb_outbox_row *row); /* what it holds */
/* The same event for another notifier, which then has it once, however often this is asked. */
int fb_journal_outbox_copy(struct fb_journal *j, int64_t id, const char *notifier, struct fb_err *err) FB_MUST_USE;
/* Of all executions that have ended: what waits still, oldest first. */
int fb_journal_outbox_leftovers(struct fb_journal *j, struct fb_outbox_row **ret, size_t *ret_n, struct fb_err *err) FB_MUST_USE;
/* From now on this process alone delivers those, until it ends or lets go. helpers: processes that work for it (may deliver even after it died, until
 * they are gone). 0: ours · 1: another process that lives, or a helper of one that died, has them (err says which) · -1. */
int fb_journal_outbox_claim(struct fb_journal *j, const struct fb_proc *helpers, size_t n, struct fb_err *err) FB_MUST_USE;
int fb_journal_outbox_unclaim(struct fb_journal *j, struct fb_err *err) FB_MUST_USE;
/* A fact that a notifier leaves for itself, in the execution that its event is of, which may have ended. It is read with the scope "notifier/NAME". */
int fb_journal_outbox_fact_set(struct fb_journal *j, const char *execution, const char *notifier, const char *key, const char *value, struct fb_err *err) FB_MUST_USE;

/* ---- approvals ---- */
struct fb_approval_row {
	char *execution, *link /* NULL: the whole plan */, *risk, *decision /* waiting | approved | rejected | void */, *by, *text;
	int64_t asked_ms, decided_ms;
};
int fb_journal_approval_ask(struct fb_journal *j, const char *link, const char *risk, struct fb_err *err) FB_MUST_USE;
/* Decides a waiting one (any process may). Void when one of the execution's services has changed since it was asked.
 * 0 · 1: it was not waiting, or is void (err) · -1. */
int fb_journal_approval_decide(struct fb_journal *j, const char *execution, bool approved, const char *by, const char *text, struct fb_err *err) FB_MUST_USE;
int fb_journal_approvals(struct fb_journal *j, const char *execution, struct fb_approval_row **ret, size_t *ret_n, struct fb_err *err) FB_MUST_USE;
void fb_approvals_free(struct fb_approval_row *v, size_t n);

/* ---- documents of an execution: JSON by name ("impact", "root_cause", "evidence", "way_out", "state/NAME") ---- */
int fb_journal_document_set(struct fb_journal *j, const char *name, const char *json, struct fb_err *err) FB_MUST_USE;
char *fb_journal_document(struct fb_journal *j, const char *execution, const char *name); /* to be freed; NULL: none */
/* The named moments as a JSON object {"detected": {"wall_ms":…, "boot_ms":…}}; to be freed. */
char *fb_journal_clocks(struct fb_journal *j, const char *execution, struct fb_err *err);

/* ---- causes: what people said of them ---- */
struct fb_verdict_row {
	char *execution, *environment;
	char *service;   /* whose step failed; NULL: not known */
	char *verdict;   /* confirmed | corrected */
	char *type, *cause, *signature; /* what it was: a category, a sentence, a signature; NULL where nobody said */
	char *said_type, *said_cause, *said_signature; /* what the analysis had found */
	char *fix, *command; /* what mended it, in words and to copy; NULL */
	bool worked;     /* fix is the report's own first recommendation */
	char *by;
	int64_t at_ms;
};
/* Records a word (any process may; at_ms and environment are not read). A later one takes an earlier one's place, which is kept. 0 · 1: the newest says the same · -1. */
int fb_journal_verdict(struct fb_journal *j, const struct fb_verdict_row *v, struct fb_err *err) FB_MUST_USE;
/* All of one execution, newest first. */
int fb_journal_verdicts(struct fb_journal *j, const char *execution, struct fb_verdict_row **ret, size_t *ret_n, struct fb_err *err) FB_MUST_USE;
/* Of other executions of its environment that touched its services: the newest of each, newest first. */
int fb_journal_verdicts_near(struct fb_journal *j, const char *execution, int limit, struct fb_verdict_row **ret, size_t *ret_n, struct fb_err *err) FB_MUST_USE;
void fb_verdicts_free(struct fb_verdict_row *v, size_t n);

/* A deployment of one of its services that failed before, and the next one after that which went well. */
struct fb_mended_row {
	char *execution, *release, *root_cause; /* JSON, as analyze reported it */
	char *by_execution, *by_release;
	int64_t ended_ms, mended_ms; /* wall */
};
/* Of the limit newest failures before this execution those that were mended before it, newest first. */
int fb_journal_mended(struct fb_journal *j, const char *execution, int limit, struct fb_mended_row **ret, size_t *ret_n, struct fb_err *err) FB_MUST_USE;
void fb_mended_free(struct fb_mended_row *v, size_t n);

/* ---- audit: append only, each row carries the hash of the one before ---- */
/* Part of the transaction that makes the change it tells of. actor: "engine", "user NAME". */
int fb_journal_audit(struct fb_journal *j, const char *execution, const char *actor, const char *action, const char *detail, struct fb_err *err) FB_MUST_USE;
/* The hash of the newest row, 64 hexadecimal digits; "" when there is none. */
int fb_journal_audit_head(struct fb_journal *j, char ret[65], int64_t *ret_rows, struct fb_err *err) FB_MUST_USE;
/* Reads all rows anew. head (may be NULL): must be the hash of some row. 0: whole · 1: broken (err names the first bad row) · -1. */
int fb_journal_audit_verify(struct fb_journal *j, const char *head, int64_t *ret_rows, char ret_head[65], struct fb_err *err) FB_MUST_USE;

#endif
