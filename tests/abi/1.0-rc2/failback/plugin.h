/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failback/plugin.h - the one public header: what a plugin and failback promise each other.
 *
 * A plugin is one shared object that exports one function, failback_plugin_entry, written by the macro
 * FB_PLUGIN at the end of this file. failback loads it in a process of its own and calls it in a worker
 * forked for that call alone, under a deadline. A plugin links against nothing of failback: every service
 * comes through the table in struct fb_host. The reference with examples is failback-plugin(3).
 *
 * Rules of this file, for ever: C99 and C++ clean; fixed-width integers, pointers and structs of them only;
 * members are appended, never reordered, retyped or reused; a function pointer's signature never changes.
 *
 * Strings are UTF-8 and end in NUL. Unless said otherwise, what is passed into a function lives for that call,
 * and what a host function returns lives until the same host function is called again or the operation returns.
 */
#ifndef FAILBACK_PLUGIN_H
#define FAILBACK_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FB_ABI_MAJOR 1u
#define FB_ABI_MINOR 0u
#define FB_ABI_STAGE "rc2"
#define FB_PLUGIN_MAGIC 0x4b434246u /* "FBCK" in memory, little endian */

#if defined(__GNUC__)
#define FB_EXPORT __attribute__((visibility("default")))
#define FB_FORMAT(f, a) __attribute__((format(printf, f, a)))
#else
#define FB_EXPORT
#define FB_FORMAT(f, a)
#endif

#ifdef __cplusplus
#define FB_ENTRY_LINKAGE extern "C" /* the entry function's name, wherever the macro stands */
#else
#define FB_ENTRY_LINKAGE
#endif

/* Kinds of plugin. One file holds one plugin of one kind and is named <kind>-<name>.so. */
#define FB_KIND_PHASE 1u    /* does one link of a chain: says when */
#define FB_KIND_STRATEGY 2u /* knows one service's way of being deployed and brought back: says how */
#define FB_KIND_CHECK 3u    /* answers "is it healthy?" for one probe */
#define FB_KIND_NOTIFIER 4u /* tells people and systems */

/* Answers of an operation. Any other value counts as FB_FATAL and is reported as such. */
#define FB_OK 0    /* done */
#define FB_SKIP 1  /* there was nothing to do; counts as done, is shown as skipped */
#define FB_RETRY 2 /* failed in a way that may pass; counted against the link's retries */
#define FB_FAIL 3  /* failed; retried only if the link says so */
#define FB_FATAL 4 /* failed for good; never retried */

/* Operations, as fb_call.operation names them. 1 to 31 belong to phases, 32 to 63 to strategies. */
#define FB_OP_CHECK 1u  /* every kind: could this work at all? No effects */
#define FB_OP_RUN 2u    /* phase */
#define FB_OP_UNDO 3u   /* phase */
#define FB_OP_PROBE 4u  /* check */
#define FB_OP_NOTIFY 5u /* notifier */
#define FB_OP_STATE 32u
#define FB_OP_CAPTURE 33u
#define FB_OP_PROVE 34u
#define FB_OP_PREPARE 35u
#define FB_OP_SHIFT 36u
#define FB_OP_PROTECT 37u
#define FB_OP_RESTORE 38u
#define FB_OP_VERIFY 39u
#define FB_OP_EVIDENCE 40u
#define FB_OP_OBSERVE 41u
#define FB_OP_COMMIT 42u
#define FB_OP_CLEANUP 43u

/* fb_call.flags */
#define FB_CALL_DRY_RUN 0x1u  /* act() answers FB_ACT_DRY; look, say what would be done, change nothing */
#define FB_CALL_RECOVERY 0x2u /* part of a recovery: fast, no pauses */
#define FB_CALL_RESUMED 0x4u  /* an earlier attempt of this operation was interrupted */
#define FB_CALL_UNDO 0x8u     /* the operation named is to be undone */
#define FB_CALL_PRESERVE 0x10u /* cleanup: keep what failed for people to look at, out of users' way */

struct fb_host;

/*
 * One call of one operation. Filled by the host; read only. Unknown values are NULL, never "".
 */
struct fb_call {
	const struct fb_host *host;  /* services of the host */
	void *handle;                /* the host's own */
	uint32_t operation;          /* FB_OP_ */
	uint32_t flags;              /* FB_CALL_ */
	uint32_t attempt;            /* 1 for the first */
	uint32_t share;              /* FB_OP_SHIFT: basis points of traffic for `release`; 10000 is all of it */
	const char *execution;       /* id of the execution */
	const char *environment;     /* "production" */
	/* Of a notifier these four are of the service that the event is about; NULL when it is about several: fb_event.data lists them. */
	const char *service;         /* strategy and check: the service; phase: the step's own service or NULL */
	const char *release;         /* the release that this operation is about (see failback-plugin(3) for each) */
	const char *last_good;       /* last known good release of the service; NULL when there is none */
	const char *failed;          /* recovery: the release that failed; NULL otherwise */
	const char *link;            /* name of the link being run */
	const char *reason;          /* recovery: why, in a sentence; notifier: what has failed, in a sentence; NULL when nothing has */
	const char *archive;         /* directory of the execution's archived logs and evidence; read only */
	const char *scratch;         /* a private directory for this execution, removed after it; may be written */
	int64_t deadline_ms;         /* CLOCK_BOOTTIME, milliseconds: after it the worker is killed */
};

/* Log levels of fb_host.log */
#define FB_LOG_DEBUG 0
#define FB_LOG_INFO 1
#define FB_LOG_WARNING 2
#define FB_LOG_ERROR 3

/* Answers of fb_host.act. Any other value means FB_ACT_NO. */
#define FB_ACT_NO 0     /* stopping, out of time, no longer the owner, or the engine is gone: return at once */
#define FB_ACT_DO 1     /* recorded as intended: make the change, then call acted */
#define FB_ACT_DONE 2   /* recorded as done by an earlier attempt of this link: look whether it still holds, make it again if not; acted is not needed */
#define FB_ACT_UNSURE 3 /* recorded as intended, outcome unknown: look, then acted, or ask again with FB_REPEAT_AGAIN */
#define FB_ACT_DRY 4    /* dry run: it has been noted; do not make the change, do not call acted */

/* How an action may repeat when its outcome is unknown */
#define FB_REPEAT_IDEMPOTENT 1 /* making it twice is as making it once: UNSURE becomes DO */
#define FB_REPEAT_PROBE 2      /* the plugin can look: UNSURE is answered */
#define FB_REPEAT_ONCE 3       /* never made again: the link fails and says what a person must look at */
#define FB_REPEAT_AGAIN 4      /* after UNSURE: I have looked, it was not made; answer DO */

/* Scope of a fact */
#define FB_SCOPE_EXECUTION 1 /* seen by every later link of this execution */
#define FB_SCOPE_OWN 2       /* of this execution and the call's service or link; two strategies never meet */
#define FB_SCOPE_SERVICE 3   /* of (environment, service), kept for later executions */

/*
 * A command to run. Filled by the plugin; zero what is not used.
 * Give argv (ends in NULL), or shell (run by /bin/sh -c). No text of the configuration's values is ever put into
 * shell: values go through the environment. Output goes to the execution's log, redacted; the last bytes of it
 * come back in the result as well.
 */
struct fb_command {
	const char *const *argv;
	const char *shell;
	const char *directory;      /* NULL: the root directory */
	const char *const *environment; /* "NAME=value" each, ends in NULL; added to PATH, HOME, LANG and FAILBACK_ variables */
	const char *input;          /* standard input; NULL: /dev/null */
	int64_t timeout_ms;         /* 0: the call's own deadline */
	const char *log;            /* start_service: name of the log file in the service's log directory; NULL: its name */
};

struct fb_command_result {
	int32_t exit_code;   /* -1 when it did not exit by itself */
	int32_t signal;      /* the signal that ended it, 0 if none */
	int32_t timed_out;   /* 1: it was ended because its time was over */
	int32_t reserved;
	const char *output;  /* the last 64 KiB of standard output and error together */
	uint64_t output_size;
	int64_t elapsed_ms;
};

/* What a probe found. A probe that could not be made is blind: neither healthy nor failed. */
#define FB_HEALTH_HEALTHY 1
#define FB_HEALTH_WARNING 2 /* healthy, above its warning threshold */
#define FB_HEALTH_FAILED 3
#define FB_HEALTH_BLIND 4

struct fb_health {
	int32_t state;       /* FB_HEALTH_ */
	int32_t reserved;
	int64_t latency_us;  /* how long the probe took; -1: not measured */
	int64_t value_u;     /* the measured number in millionths; INT64_MIN: none */
	const char *text;    /* one sentence; NULL for none */
};

/* For what a state machine that never blocks waits. */
#define FB_WAIT_READ 0x1u
#define FB_WAIT_WRITE 0x2u

struct fb_wait {
	int32_t fd;        /* -1: only for the time */
	uint32_t events;   /* FB_WAIT_ */
	int64_t until_ms;  /* CLOCK_BOOTTIME, milliseconds: call again then at the latest */
};

/* Answers of a step function. Any other value counts as FB_STEP_DONE with a blind result. */
#define FB_STEP_DONE 0
#define FB_STEP_WAIT 1

/*
 * What users of one release felt since the observation began, from counters; cumulative.
 * A member that the source cannot count is -1.
 */
struct fb_sample {
	const char *release;     /* NULL: what the users of the service saw, whatever the release */
	const char *source;      /* where the numbers come from: "haproxy frontend web" */
	int64_t requests;        /* answered, well or badly */
	int64_t failed;          /* of these, answered with a server error or not at all */
	int64_t in_flight;       /* now */
	int64_t latency_us;      /* mean of the recent ones */
	int64_t aborted;         /* given up by the client; not in `failed` */
	int32_t up;              /* 1: the source sees it up, 0: down, -1: does not know */
	int32_t reset;           /* 1: the source began to count anew since the last sample */
};

/* An event to tell people and systems about. */
struct fb_event {
	const char *id;          /* stable over retries: use it as an idempotency key */
	const char *name;        /* "rollback.completed"; the list is in failback-plugin(3) */
	const char *time;        /* RFC 3339, UTC, milliseconds */
	const char *severity;    /* "info", "warning", "error" or "critical" */
	const char *summary;     /* one sentence */
	const char *incident;    /* "INC-<execution>": the same for all events of one execution */
	const char *data;        /* JSON object, schema failback.event/1 */
	const char *report;      /* path of the report so far, JSON; NULL: there is none yet */
};

/*
 * Services of the host. Append only. Every function takes the call it was given; none may be used after the
 * operation has returned, or from another thread.
 */
struct fb_host {
	/* One line for the execution's log. */
	void (*log)(const struct fb_call *call, int32_t level, const char *format, ...) FB_FORMAT(3, 4);
	/* Sets the sentence that is shown with FB_RETRY, FB_FAIL or FB_FATAL: what was attempted, on what, what came
	 * back, what to do next. The last one counts. */
	void (*fail)(const struct fb_call *call, const char *format, ...) FB_FORMAT(2, 3);
	/* A command that finishes or mends by hand what this operation could not; shown in the report's way out. */
	void (*advise)(const struct fb_call *call, const char *text, const char *command);
	/* How far it is, in basis points (-1: unknown), and a few words; at most ten a second are shown. */
	void (*progress)(const struct fb_call *call, int32_t basis_points, const char *text);

	/* Options, as declared. A path is a name ("url"), a member ("blue.server"), an item ("items[2].path").
	 * option: the text of any scalar; NULL when it is not set and has no default.
	 * option_int: durations in ms, sizes in bytes, booleans 0 or 1; `absent` when it is not set.
	 * option_count: number of items of a list or of entries of a map; 0 when it is not set.
	 * option_key: name of the nth entry of a map; read its value with option("headers.NAME"). */
	const char *(*option)(const struct fb_call *call, const char *path);
	int64_t (*option_int)(const struct fb_call *call, const char *path, int64_t absent);
	uint32_t (*option_count)(const struct fb_call *call, const char *path);
	const char *(*option_key)(const struct fb_call *call, const char *path, uint32_t index);

	/* Facts: what a link leaves for later ones; durable when fact_set has returned 0. -1: not recorded. In a dry run they
	 * are kept to its end, so that later links find what they would find, and then forgotten. */
	const char *(*fact)(const struct fb_call *call, int32_t scope, const char *key);
	int32_t (*fact_set)(const struct fb_call *call, int32_t scope, const char *key, const char *value);

	/* Every effect on the world goes through these two. The key is unique within one link, operation and direction;
	 * text says what will change, for dry run, audit and report. result may be NULL; act_result gives it back later. */
	int32_t (*act)(const struct fb_call *call, const char *key, int32_t repeat, const char *text);
	int32_t (*acted)(const struct fb_call *call, const char *key, const char *result);
	const char *(*act_result)(const struct fb_call *call, const char *key);

	/* Runs a command to its end in the worker's own process group. 0: it ran, see ret; -1: it could not be started, and
	 * the log says why. Wrap it in act unless it only looks. */
	int32_t (*run)(const struct fb_call *call, const struct fb_command *command, struct fb_command_result *ret);
	/* Starts what must outlive this call: own session, recorded pid, log file. name is unique for the service.
	 * 0: started, *ret_pid is set. A service of that name that runs already is left alone and returned. */
	int32_t (*start_service)(const struct fb_call *call, const char *name, const struct fb_command *command, int64_t *ret_pid);
	/* Ends it: SIGTERM, after grace_ms SIGKILL to its session. 0: it is gone (or was never there). */
	int32_t (*stop_service)(const struct fb_call *call, const char *name, int64_t grace_ms);
	/* The pid of a service started so, proven by its start time; 0 when it does not run. */
	int64_t (*service_pid)(const struct fb_call *call, const char *name);

	/* Copies a file (its head and tail when it is large) into the archive, redacted. Changes nothing else. 0: copied. */
	int32_t (*evidence)(const struct fb_call *call, const char *path, const char *title);
	/* The same for bytes in memory. */
	int32_t (*evidence_text)(const struct fb_call *call, const char *name, const char *title, const char *text, uint64_t size);
	/* A member for this link in the report, as JSON; see failback-plugin(3) for those the report knows
	 * (summary {text}: what a success is worth telling; root_cause, recommendations, checks, items, state). 0: taken; -1: not JSON, or over 256 KiB. */
	int32_t (*report)(const struct fb_call *call, const char *member, const char *json);
	/* A document as JSON text: "report" (of this execution, so far), "services", "facts" (of this execution, by key), "state/SERVICE". NULL: there is none of that name. */
	const char *(*document)(const struct fb_call *call, const char *name);

	/* Milliseconds until the deadline, 0 when it is over or the operation shall stop. */
	int64_t (*remaining_ms)(const struct fb_call *call);
	/* Sleeps, but not past the deadline or a request to stop. 0: slept; -1: return now. */
	int32_t (*sleep_ms)(const struct fb_call *call, int64_t ms);

	/* Phases: the core carries out a strategy operation over one service, or over all that are involved (NULL), in
	 * dependency order, independent ones at the same time. share: FB_OP_SHIFT, basis points; else 0. flags: FB_CALL_UNDO (take the
	 * operation back), FB_CALL_PRESERVE (FB_OP_CLEANUP), or 0. The answer is the worst of the answers.
	 * ret_json (may be NULL): {"services": [{"service", "answer", "message", "skipped"}]}. */
	int32_t (*operate)(const struct fb_call *call, uint32_t operation, const char *service, uint32_t share, uint32_t flags, const char **ret_json);
	/* Phases: the core makes each check of one service, or of all involved, once. The answer is FB_OK when none failed.
	 * ret_json: {"checks": [{"service", "check", "state", "latency_us", "value", "text"}]}. */
	int32_t (*probe)(const struct fb_call *call, const char *service, const char **ret_json);
	/* Phases: puts an event in the outbox, durably (name NULL: none), then delivers for at most wait_ms.
	 * ret_json: {"deliveries": [{"notifier", "event", "status", "text"}]}. */
	int32_t (*notify)(const struct fb_call *call, const char *name, const char *summary, int64_t wait_ms, const char **ret_json);

	/* Strategies: one sample of FB_OP_OBSERVE. */
	void (*sample)(const struct fb_call *call, const struct fb_sample *sample);
	/* Notifiers: with FB_RETRY, when to try again at the earliest (Retry-After). */
	void (*retry_after)(const struct fb_call *call, int64_t ms);

	/* JSON, so that no plugin writes a reader or a writer of its own. What both return lives until the operation returns.
	 * json_string: text as a JSON string, quotes and all; "null" for NULL. What is not UTF-8 becomes U+FFFD.
	 * json_value: what stands at a path ("services[0].release", as options have it; "" is all of it) of a document: a string's
	 * text, a number or boolean as it is written, an object or array as JSON. NULL: nothing, null, or no JSON at all. */
	const char *(*json_string)(const struct fb_call *call, const char *text);
	const char *(*json_value)(const struct fb_call *call, const char *json, const char *path);
};

/* Types of option */
#define FB_TYPE_STRING 1u
#define FB_TYPE_INT 2u
#define FB_TYPE_BOOL 3u
#define FB_TYPE_DURATION 4u /* "250ms", "30s", "5m", "2h", "1d"; a bare number where `unit` is set; kept in ms */
#define FB_TYPE_SIZE 5u     /* "4KiB", "4MiB", "1GiB"; a bare number is bytes where `unit` is set */
#define FB_TYPE_CHOICE 6u   /* one of `choices`, separated by | */
#define FB_TYPE_COMMAND 7u  /* a string for /bin/sh -c, or a list: argv. Never expanded */
#define FB_TYPE_LIST 8u     /* list of strings */
#define FB_TYPE_MAP 9u      /* group of strings with free names */
#define FB_TYPE_URL 10u     /* http or https */
#define FB_TYPE_PATH 11u    /* absolute */
#define FB_TYPE_FLOAT 12u   /* read with option(); min and max are in millionths */
#define FB_TYPE_PERCENT 13u /* "50%" or 0.5; option_int gives basis points */
#define FB_TYPE_GROUPS 14u  /* list of groups; members are declared as "name[].member" */

/* fb_option.flags */
#define FB_OPTION_REQUIRED 0x1u
#define FB_OPTION_SECRET 0x2u /* redacted everywhere; never literal in a file that others may read */

/* One declared option. An array of them ends with a zero entry. */
struct fb_option {
	const char *name;          /* "url", "blue.server", "items[].path" */
	uint32_t type;             /* FB_TYPE_ */
	uint32_t flags;            /* FB_OPTION_ */
	const char *default_value; /* as it would stand in the configuration; NULL: none */
	const char *choices;       /* FB_TYPE_CHOICE: "a|b|c" */
	const char *unit;          /* of a bare number: "ms", "s", "min", "bytes"; NULL: a bare number of a duration or size is refused */
	const char *alias;         /* another accepted name; NULL: none */
	int64_t min;               /* both 0: no range; in the kept unit */
	int64_t max;
	const char *summary;       /* one line, no full stop */
};

/* Operations of the kinds. What is NULL is not offered, and is declared so to users. */

struct fb_phase_ops {
	int32_t (*check)(const struct fb_call *call);
	int32_t (*run)(const struct fb_call *call);
	int32_t (*undo)(const struct fb_call *call);
};

struct fb_strategy_ops {
	int32_t (*check)(const struct fb_call *call);    /* could this work at all? No effects; advise() what is missing */
	int32_t (*state)(const struct fb_call *call);    /* report("state", {"release","target","detail"}): what is live, and where; release null: not known */
	int32_t (*capture)(const struct fb_call *call);  /* record the way back to `last_good`; what is live, state knows */
	int32_t (*prove)(const struct fb_call *call);    /* show that it can be gone */
	int32_t (*prepare)(const struct fb_call *call);  /* bring `release` up where no user sees it: the new one, in a recovery the last good */
	int32_t (*shift)(const struct fb_call *call);    /* `share` of the traffic to `release` */
	int32_t (*protect)(const struct fb_call *call);  /* users away from `failed`; FB_OK where none was there, FB_SKIP where they are left on it */
	int32_t (*restore)(const struct fb_call *call);  /* `release`, the last known good, is live */
	int32_t (*verify)(const struct fb_call *call);   /* it is healthy and takes the traffic */
	int32_t (*evidence)(const struct fb_call *call); /* copy what explains a failure; changes nothing */
	int32_t (*commit)(const struct fb_call *call);   /* `release` is good: retire what is no longer needed */
	int32_t (*cleanup)(const struct fb_call *call);  /* remove `failed`, or with FB_CALL_PRESERVE keep it out of the way */
	int32_t (*undo)(const struct fb_call *call);     /* undo `operation`, which was done or begun in this execution */
	/* One round of observation that never blocks: sample() what is new, set *wait, return FB_STEP_WAIT; FB_STEP_DONE ends it.
	 * *state is NULL at first, the plugin's own after. When it shall stop it is called once more, with remaining_ms() 0. */
	int32_t (*observe)(const struct fb_call *call, void **state, struct fb_wait *wait);
};

struct fb_check_ops {
	int32_t (*check)(const struct fb_call *call);
	/* The simple form: makes one probe, may block to the deadline; returns FB_OK whenever ret is filled. */
	int32_t (*probe)(const struct fb_call *call, struct fb_health *ret);
	/* The form for very many: never blocks. *state is NULL at first. With FB_STEP_WAIT set *wait (an epoll fd for many
	 * sockets), with FB_STEP_DONE fill ret; end frees *state, and is called once, also after a deadline. */
	int32_t (*step)(const struct fb_call *call, void **state, struct fb_wait *wait, struct fb_health *ret);
	void (*end)(const struct fb_call *call, void *state);
};

struct fb_notifier_ops {
	int32_t (*check)(const struct fb_call *call);
	int32_t (*notify)(const struct fb_call *call, const struct fb_event *event);
};

/* Slots of fb_plugin.sizes: the author's sizeof of every struct that the host fills or walks. */
#define FB_SIZE_CALL 0
#define FB_SIZE_HOST 1
#define FB_SIZE_OPTION 2
#define FB_SIZE_COMMAND 3
#define FB_SIZE_COMMAND_RESULT 4
#define FB_SIZE_HEALTH 5
#define FB_SIZE_WAIT 6
#define FB_SIZE_SAMPLE 7
#define FB_SIZE_EVENT 8
#define FB_SIZE_PHASE_OPS 9
#define FB_SIZE_STRATEGY_OPS 10
#define FB_SIZE_CHECK_OPS 11
#define FB_SIZE_NOTIFIER_OPS 12
#define FB_SIZES 16

/* fb_plugin.features */
#define FB_FEATURE_ZERO_DOWNTIME 0x1u /* strategy: users are served all through deployment and recovery */
/* Its options say what a use of it offers: a list `operations` with names of operations ("restore", "undo"; "check" always is), and for a strategy with
 * FB_FEATURE_ZERO_DOWNTIME a boolean `zero_downtime`. A host that does not know this takes it that all of them are offered. */
#define FB_FEATURE_BY_OPTIONS 0x2u

/*
 * The descriptor. Static and constant; the host never writes it. It begins like this for ever, up to `sizes`.
 */
struct fb_plugin {
	uint32_t magic;
	uint32_t abi_major;
	uint32_t abi_minor;
	uint32_t struct_size;
	uint32_t kind;
	uint32_t sizes[FB_SIZES];
	uint32_t needs_minor; /* the least FB_ABI_MINOR of a host that this plugin can do with; 0: any */
	uint32_t features;    /* FB_FEATURE_ */
	const char *name;     /* [a-z0-9][a-z0-9-]{0,62}, the file's own */
	const char *version;
	const char *summary;  /* one line */
	const char *license;  /* SPDX expression */
	const struct fb_option *options; /* ends with a zero entry; NULL: none */
	const struct fb_phase_ops *phase; /* the one of `kind` is set */
	const struct fb_strategy_ops *strategy;
	const struct fb_check_ops *check;
	const struct fb_notifier_ops *notifier;
};

typedef const struct fb_plugin *(*fb_plugin_entry_fn)(uint32_t host_abi);

/*
 * The one macro that an author writes, once, at file scope; members in the header's order for C++:
 *
 *   FB_PLUGIN(NOTIFIER, .name = "pager", .version = "1.2", .summary = "Pages the person on call",
 *             .license = "Apache-2.0", .options = options, .notifier = &ops)
 */
#define FB_PLUGIN(KIND, ...)                                                                                        \
	FB_ENTRY_LINKAGE FB_EXPORT const struct fb_plugin *failback_plugin_entry(uint32_t host_abi);                \
	FB_EXPORT const struct fb_plugin *failback_plugin_entry(uint32_t host_abi)                                  \
	{                                                                                                           \
		static const struct fb_plugin plugin = {                                                            \
			.magic = FB_PLUGIN_MAGIC,                                                                   \
			.abi_major = FB_ABI_MAJOR,                                                                  \
			.abi_minor = FB_ABI_MINOR,                                                                  \
			.struct_size = (uint32_t)sizeof(struct fb_plugin),                                          \
			.kind = FB_KIND_##KIND,                                                                     \
			.sizes = {(uint32_t)sizeof(struct fb_call), (uint32_t)sizeof(struct fb_host),               \
				  (uint32_t)sizeof(struct fb_option), (uint32_t)sizeof(struct fb_command),          \
				  (uint32_t)sizeof(struct fb_command_result), (uint32_t)sizeof(struct fb_health),   \
				  (uint32_t)sizeof(struct fb_wait), (uint32_t)sizeof(struct fb_sample),             \
				  (uint32_t)sizeof(struct fb_event), (uint32_t)sizeof(struct fb_phase_ops),         \
				  (uint32_t)sizeof(struct fb_strategy_ops), (uint32_t)sizeof(struct fb_check_ops),  \
				  (uint32_t)sizeof(struct fb_notifier_ops), 0, 0, 0},                               \
			__VA_ARGS__};                                                                               \
		(void)host_abi;                                                                                     \
		return &plugin;                                                                                     \
	}

#ifdef __cplusplus
}
#endif

#endif
