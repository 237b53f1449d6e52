/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strategy dependencies: what its parts share. A release is a folder, environments/RELEASE; what it was made of and what it looked like when it was good is its
 * record, in environments/.failback, and the fact kept.RELEASE says which record, and its digest. The link leads to the environment that is live.
 */
#ifndef FB_PLUGINS_DEPENDENCIES_H
#define FB_PLUGINS_DEPENDENCIES_H

#include <stdbool.h>
#include <stddef.h>

#include "failback/plugin.h"
#include "plugins/common/run.h"

#define DEP_LINE 700

struct dep {
	const struct fb_call *call;
	const struct fb_host *h;
	bool npm, offline;
	char *environments, *link, *wheels, *python; /* wheels: NULL when there is no cache folder */
	char line[DEP_LINE];                         /* what became of the last script, or why an environment is not as it was */
};

enum dep_state {
	DEP_ABSENT,  /* nothing is there */
	DEP_HALF,    /* its making was not finished */
	DEP_FOREIGN, /* it is there, and nothing is recorded of it that can be relied on; line says so */
	DEP_CHANGED, /* it is not as it was recorded; line says how */
	DEP_INTACT,
};

/* ---- script.c: shell texts, with these variables: E environment, R record, Q requirements (npm: project), W cache, P python, D digest ---- */
struct dep_words {
	const char *environment, *record, *requirements, *digest;
	bool frozen; /* make from the pins of a record */
};
extern const char dep_make_pip[], dep_make_npm[], dep_seal_pip[], dep_seal_npm[], dep_intact_pip[], dep_intact_npm[], dep_whole_pip[], dep_whole_npm[], dep_same[], dep_dry_pip[],
	dep_list_pip[], dep_list_npm[], dep_sound[], dep_difference[], dep_conflicts_pip[], dep_conflicts_npm[], dep_here_pip[], dep_here_npm[];
/* The text for pip or for npm. */
const char *dep_of(const struct dep *d, const char *pip, const char *npm);
/* Its exit code (-1: none); *ret_output (may be NULL) is what it printed, to be freed. */
int dep_script(struct dep *d, const char *text, const struct dep_words *words, char **ret_output);

/* ---- environment.c ---- */
void dep_open(struct dep *d, const struct fb_call *call);
void dep_close(struct dep *d);
/* May a folder have this name? Sets the sentence when not. */
bool dep_name_is_sound(struct dep *d, const char *release);
/* environments/RELEASE; to be freed. */
char *dep_place(const struct dep *d, const char *release);
/* Its record; NULL: there is none. ret_digest may be NULL. Both to be freed. */
char *dep_record(const struct dep *d, const char *release, char **ret_digest);
/* Has failback made it, or begun to, or recorded it? */
bool dep_is_ours(const struct dep *d, const char *release);
/* whole: every file is read, and its packages must get on with each other; else what looks unchanged (inode, size, times) is taken for it. */
enum dep_state dep_look(struct dep *d, const char *release, bool whole);
/* The file or folder that `requirements` names for a release; NULL: not set. To be freed. */
char *dep_requirements(const struct dep *d, const char *release);
/* Can the pins that are recorded be relied on? line says why not. */
bool dep_record_is_sound(struct dep *d, const char *release);
/* Makes it at its place: from its record, or from the requirements when frozen is false; tests it; records it. An action of this call. */
int32_t dep_make(struct dep *d, const char *release, bool frozen);
/* Records an environment as it is now. An action of this call. */
int32_t dep_freeze(struct dep *d, const char *release);
/* Could it be made from its record, elsewhere? Makes it in the scratch folder and compares. FB_OK, or an answer; line says why not. */
int32_t dep_rehearse(struct dep *d, const char *release);
/* Removes the environment; its pins stay recorded, so that it can be made again. An action of this call. */
int32_t dep_remove(struct dep *d, const char *release);

/* ---- live.c ---- */
/* The release that the link leads to; NULL: none of ours. To be freed. */
char *dep_live(const struct dep *d);
/* The link leads there, and the service was restarted and runs with it. */
int32_t dep_switch(struct dep *d, const char *release);
/* Does it, already? */
bool dep_is_live(struct dep *d, const char *release);
/* The option's command with the release's environment in its variables; 0 when it ended with 0, else line says what became of it. */
int dep_ask(struct dep *d, const char *option, const char *release);
int32_t dep_verify(struct dep *d, const char *release);
/* FB_REPEAT_IDEMPOTENT. FB_OK: make the change, then dep_acted; FB_SKIP: a dry run; else return it. */
int32_t dep_act(struct dep *d, const char *key, bool *ret_recorded, const char *format, ...) FB_FORMAT(4, 5);
int32_t dep_acted(struct dep *d, const char *key, bool recorded);

/* ---- retire.c, evidence.c: operations ---- */
int32_t dep_commit(const struct fb_call *call);
int32_t dep_cleanup(const struct fb_call *call);
int32_t dep_evidence(const struct fb_call *call);
/* Says in the log how the pins of two releases differ. */
void dep_tell_difference(struct dep *d, const char *from, const char *to);

#endif
