/* SPDX-License-Identifier: Apache-2.0 */
/* What the archived files say, gathered line by line, and the verdict on it. Knows patterns and files, and nothing of hosts or reports. */
#ifndef FB_ANALYZE_FINDINGS_H
#define FB_ANALYZE_FINDINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "patterns.h"

#define FINDINGS_KEEP 4    /* quotes of one class */
#define FINDINGS_FILES 400
#define FINDINGS_PATH 512

struct finding {
	struct match match;    /* pattern NULL: a line that merely looks like an error */
	int score;
	int file;              /* index of findings.files */
	int64_t number;        /* of the line, from 1 */
	int64_t start, end;    /* the visible line in the file */
	int64_t from, to;      /* what matched */
	uint64_t hash;         /* of the line without digits: the same line again is not kept again */
};

struct finding_list {
	struct finding v[FINDINGS_KEEP];
	int n;
	const struct pattern *seen[8]; /* different patterns of the class */
	int seen_n;
};

struct findings {
	struct matcher *matcher;
	char (*files)[FINDINGS_PATH]; /* relative to the archive */
	int file_count, unread;
	int64_t bytes;
	struct finding_list of[CLASS_COUNT];
	struct finding_list errors; /* the last lines that look like errors, oldest first */
	bool (*keep_on)(void *ctx);
	void *ctx;
	/* of the file being scanned */
	int bonus;
};

struct verdict {
	enum pattern_class class;   /* CLASS_UNKNOWN when nothing is sure enough */
	int confidence;             /* percent; 0 for CLASS_UNKNOWN */
	const struct finding *best; /* what it rests on; NULL: on how the step ended alone, or nothing */
	const struct finding *known; /* CLASS_UNKNOWN: a cause that is known and none of the classes; NULL */
};

/* NULL: no memory, or a bad pattern. Free with findings_free, which takes NULL. */
struct findings *findings_new(void);
void findings_free(struct findings *f);
/* Scans one file, which dir holds; own: it is the log of the step that failed. 0, or -1 with errno: it could not be read, and is counted. */
int findings_scan(struct findings *f, int dir, const char *path, bool own);
/* exit_code, signal: how the step ended, 0 when not so. */
void findings_judge(const struct findings *f, int exit_code, int signal, struct verdict *ret);

#endif
