/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What programs say when they fail, as one table, and what a line says by it. A line is first sought for the words that the patterns hang on, all
 * in one pass (Aho and Corasick, 1975); only where one is found are regular expressions (POSIX, extended) tried.
 */
#ifndef FB_ANALYZE_PATTERNS_H
#define FB_ANALYZE_PATTERNS_H

#include <stddef.h>

/* The classes. OTHER: a cause that is known to be none of the four; it outweighs weaker signs of them. NOISE: the line means nothing. */
enum pattern_class { CLASS_UNKNOWN, CLASS_MISSING_FILE, CLASS_CRASH, CLASS_OUT_OF_MEMORY, CLASS_PERMISSION, CLASS_OTHER, CLASS_NOISE, CLASS_COUNT };

#define PATTERN_PARAMETERS 5

struct pattern {
	enum pattern_class class;
	int weight;               /* 0 to 100: how sure this sentence alone makes, see failback-phase-analyze(7) */
	const char *words;        /* in small letters; must be in the line */
	const char *expression;   /* NULL: the words are enough. Letters of either case match */
	const char *parameters;   /* "path=1 verb=2": which group is which parameter; NULL: none */
	const char *component;    /* who speaks: "Node.js"; NULL: not told by this sentence */
};

extern const struct pattern patterns[];
extern const size_t pattern_count;

struct match {
	const struct pattern *pattern;
	size_t from, to; /* of the text */
	struct {
		char name[16];
		char value[256];
	} parameters[PATTERN_PARAMETERS];
	size_t parameter_count;
};

struct matcher;
/* NULL when memory is short or, with *ret_bad set, a pattern cannot be compiled. Free with matcher_free, which takes NULL. */
struct matcher *matcher_new(const struct pattern **ret_bad);
void matcher_free(struct matcher *m);
/* The weightiest pattern that the line matches. text and lower end in NUL. 1: found, 0: none. */
int matcher_find(struct matcher *m, const char *text, const char *lower, size_t n, struct match *ret);

#endif
