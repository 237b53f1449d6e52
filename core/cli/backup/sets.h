/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's sets beside what the journal knows of the executions whose ids they have: when, of what, whether the digest of the manifest was recorded, and
 * which release needs them. Nothing is changed here.
 */
#ifndef FB_CLI_BACKUP_SETS_H
#define FB_CLI_BACKUP_SETS_H

#include "cli/cli.h"

enum fb_set_digest { FB_SET_NOT_RECORDED, FB_SET_AS_RECORDED, FB_SET_DIFFERS };

struct fb_set {
	char *id;
	bool sealed, encrypted;
	char *problem;      /* the manifest cannot be read; NULL */
	int64_t created_ms; /* 0: not known */
	int64_t items, size, stored;
	char **names;       /* of the items, end in NULL */
	char **services;    /* that they are of, sorted, end in NULL */
	char *digest;       /* of the manifest as it is; NULL: not known */
	char *recorded;     /* as the journal has it; NULL */
	bool known;         /* the journal has the execution */
	bool finished;
	char *kind, *environment, *status, *title, *release;
	json_t *needed;     /* [{"service", "environment", "release", "why": "live" | "last_good"}] */
};
struct fb_sets {
	struct fb_set *v; /* newest first; those that are not sealed first of all */
	size_t n;
	char *encryption; /* of the store: "all", "secrets", "none"; NULL: there is no store */
};

/* Reads configuration, journal (opened with flags when it is there, or they make it) and store. 0, or the exit code with the message printed. A store that
 * is not there has no sets. */
int fb_sets_read(struct fb_cli *cli, unsigned flags, struct fb_sets *ret) FB_MUST_USE;
/* Those of a copy (fb_copy_location); NULL: of the store. */
int fb_sets_read_at(struct fb_cli *cli, unsigned flags, const char *location, struct fb_sets *ret) FB_MUST_USE;
void fb_sets_clear(struct fb_sets *s);

/* The sealed set of an id, a unique beginning of one, an execution's alias, or "latest" (NULL too): the newest of this environment, or of any when the journal
 * knows none of it. NULL with the message printed and *ret_code set. */
const struct fb_set *fb_sets_find(struct fb_cli *cli, const struct fb_sets *s, const char *text, int *ret_code);
/* Does it have an item of that name? Else the message is printed, and the answer is the exit code. */
int fb_set_has_item(struct fb_cli *cli, const struct fb_set *set, const char *item) FB_MUST_USE;

enum fb_set_digest fb_set_digest(const struct fb_set *set);
/* "web" of "web.config", and of "web", which its strategy keeps itself; to be freed. */
char *fb_set_service_of(const char *item);
bool fb_set_has_service(const struct fb_set *set, const char *service);
/* "needed by the live release 2.1 of web"; to be freed; NULL: nothing needs it. */
char *fb_set_needed_text(const struct fb_set *set);
json_t *fb_set_json(const struct fb_set *set);

#endif
