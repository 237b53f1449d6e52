/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What programs say when they fail, read from files that operations teams extend: failback-signatures(5). Knows libconfig, and nothing of logs.
 */
#ifndef FB_ANALYSIS_SIGNATURE_H
#define FB_ANALYSIS_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/category.h"
#include "base/err.h"

/*
 * What a line that matches tells: why it failed; that it failed; that something else says so; that a line looks like an error; that it is none; that all went well; that a step begins; that the
 * step before it failed; that the job is at its end, well unless a step has failed.
 */
enum fb_role { FB_ROLE_CAUSE, FB_ROLE_SYMPTOM, FB_ROLE_WRAPPER, FB_ROLE_HINT, FB_ROLE_NOISE, FB_ROLE_SUCCESS, FB_ROLE_STEP, FB_ROLE_FAILURE, FB_ROLE_END };

struct fb_fix {
	char *priority; /* high, medium, low */
	char *action;   /* what to do, in words; may have ${parameter} */
	char *command;  /* to copy; NULL: none. Each ${parameter} is quoted for the shell */
};

struct fb_signature {
	char *id;         /* unique; a later file's signature of the same id takes its place */
	char *category;   /* "missing_file" */
	enum fb_role role;
	int weight;       /* 0 to 100: how sure one such line makes */
	char *component;  /* who speaks: "nginx"; NULL: any program */
	char *cause;      /* a sentence, may have ${parameter}; NULL: that of its category */
	char *parameter;  /* the name of the group that names the thing; NULL: none */
	char **match;     /* expressions, PCRE2; each list ends in NULL */
	char **unless;    /* a line that matches one of these does not count */
	char **explains;  /* ids and categories that follow from it */
	char **examples, **counter_examples;
	struct fb_fix *fixes; /* ends in one without an action */
	char *file;
	int line;
};

struct fb_signatures {
	struct fb_signature *v; /* sorted by id */
	size_t n;
	char hash[65];          /* SHA-256 of what was read */
	const void *map;        /* what all texts are in; NULL: each is a piece of memory of its own */
	size_t map_size;
};

/* All *.conf of the folders, in order; a folder that is not there is none. Every error is added to errs. -1 when there was one. */
int fb_signatures_read(const char *const *folders, struct fb_signatures *ret, struct fb_errs *errs) FB_MUST_USE;
void fb_signatures_clear(struct fb_signatures *s);
const struct fb_signature *fb_signatures_find(const struct fb_signatures *s, const char *id);

#endif
