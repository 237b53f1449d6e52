/* SPDX-License-Identifier: Apache-2.0 */
/* One program under way, shared by the files of this folder. */
#ifndef FB_PLUGINS_EXEC_SESSION_H
#define FB_PLUGINS_EXEC_SESSION_H

#include <jansson.h>
#include <signal.h>

#include "plugins/common/exec/exec.h"
#include "plugins/common/exec/lines.h"
#include "plugins/common/exec/process.h"

#define EXEC_TAIL 8192 /* of standard error, to quote from */

/* Exit codes, beside 1 and any other: failed */
#define EXEC_EXIT_RETRY 75 /* EX_TEMPFAIL */
#define EXEC_EXIT_SKIP 99
#define EXEC_EXIT_FATAL 100

/* Why it was ended by us */
enum exec_why { EXEC_WHY_NOT, EXEC_WHY_TIME, EXEC_WHY_STOP, EXEC_WHY_BAD };

struct exec_health {
	bool told;
	int32_t state;
	int64_t latency_us, value_u;
	char *text;
};

struct exec {
	const struct fb_call *call;
	uint32_t kind;
	const struct fb_event *event;
	struct run_spec spec;
	char show[160];
	struct exec_process process;
	int start_errno;              /* why it could not be started; 0 */
	struct exec_lines lines;      /* of its standard output */
	char *send;                   /* for its standard input */
	size_t send_n, send_at;
	char tail[EXEC_TAIL];         /* of its standard error */
	size_t tail_n;
	int64_t began_ms, kill_ms, grace_ms; /* kill_ms: 0: not yet asked to end */
	enum exec_why why;
	bool killed;                  /* SIGTERM was not enough */
	bool dropped;                 /* its standard input is closed at its end */
	const char *asked;            /* what it asked last, if it said nothing since */
	char *bad;                    /* what it did against the protocol */
	char *fail;                   /* its own sentence */
	char *refused;                /* the key that act answered with no */
	json_t *open;                 /* actions it was told to make, and has not said how they ended */
	struct exec_health health;
	struct sigaction old_term, old_pipe;
};

/* message.c: one line of the program. Calls exec_bad when it is none of the protocol. */
void exec_take_line(struct exec *x, const char *line, size_t size);

/* session.c */
/* Starts the program of the option `run`. 0, or -1 with the sentence set; exec_end in either case. */
int exec_begin(struct exec *x, const struct fb_call *call, uint32_t kind, const struct fb_event *event);
/* Takes what is there now, or comes within ms (-1: as long as makes sense). false: it has ended, and all that it said was heard. */
bool exec_pump(struct exec *x, int ms);
void exec_end(struct exec *x);
int64_t exec_now_ms(void); /* CLOCK_BOOTTIME */
/* Notes what was done against the protocol, once; the program is ended. */
void exec_bad(struct exec *x, const char *format, ...) FB_FORMAT(2, 3);
/* One line to the program: {"answer":"…"}, with the members of more (stolen; may be NULL). */
void exec_answer(struct exec *x, const char *answer, json_t *more);
/* A beginning of a line for people. Returns buf. */
char *exec_quote(const char *line, size_t n, char *buf, size_t size);

/* judge.c: once it has ended */
int32_t exec_judge(const struct exec *x);
/* A probe whose answer cannot be trusted has seen nothing. */
int32_t exec_judge_probe(const struct exec *x, struct fb_health *ret);

/* document.c */
/* The call as one line, to be freed. */
char *exec_document(const struct exec *x);
/* Its whole environment, to be freed with exec_environment_free. */
char **exec_environment(const struct exec *x);
void exec_environment_free(char **v);
const char *exec_operation_name(const struct fb_call *call);
const char *exec_kind_name(uint32_t kind);

/* services.c: what the messages do */
struct exec_message {
	const char *name;
	bool asks;              /* is answered */
	uint32_t kinds;         /* bit 1 << FB_KIND_; 0: all */
	void (*take)(struct exec *x, const json_t *message);
	/* s a text, S a text or nothing, i a whole number, I one or nothing, v any value, V any or nothing, b a boolean or nothing, l a list of texts or nothing,
	 * m an object of texts or nothing, c one of the words that follow, C one of them or nothing */
	const char *members[10];
};
extern const struct exec_message exec_messages[]; /* ends with a zero entry */

#endif
