/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One configuration file as an immutable tree with places. Reading applies every rule that holds for the text itself (trust, size,
 * includes, literals, depth, UTF-8); what the settings mean is not known here, and libconfig is not seen outside parse.c.
 */
#ifndef FB_CONFIG_TREE_H
#define FB_CONFIG_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define FB_TREE_FILE_LIMIT (1024 * 1024) /* bytes, with all that a file includes */
#define FB_TREE_DEPTH 32                 /* of brackets */
#define FB_TREE_INCLUDES 10              /* depth */

enum fb_node_type {
	FB_NODE_GROUP,
	FB_NODE_LIST, /* libconfig's arrays too */
	FB_NODE_INT,
	FB_NODE_FLOAT,
	FB_NODE_BOOL,
	FB_NODE_STRING,
	FB_NODE_BAD, /* an error has been told already: say nothing more about it */
};

struct fb_source {
	char *path;       /* as it was named */
	bool others_read; /* by anybody on this machine */
};

struct fb_node {
	enum fb_node_type type;
	char *name; /* NULL in a list and for the root */
	const struct fb_node *parent;
	const struct fb_source *source;
	int line;
	int64_t i; /* INT, BOOL */
	double f;  /* FLOAT */
	char *s;   /* STRING */
	struct fb_node *v; /* GROUP, LIST */
	size_t n;
};

struct fb_tree {
	struct fb_node root;
	struct fb_source **sources;
	size_t source_count;
};

/* Reads a file with what it includes. trusted: as in fb_io_safe_path. NULL when it could not be read whole: errs has one error or more. A
 * tree may be returned although errs grew: the nodes concerned are BAD. */
struct fb_tree *fb_tree_read(const char *path, uid_t trusted, struct fb_errs *errs);
/* The same from a text that is part of the program; path is what places show. */
struct fb_tree *fb_tree_from_text(const char *path, const char *text, struct fb_errs *errs);
void fb_tree_free(struct fb_tree *t); /* takes NULL */

const struct fb_node *fb_node_member(const struct fb_node *group, const char *name); /* NULL: none; group may be NULL */
/* "services[2].strategy.url"; to be freed */
char *fb_node_path(const struct fb_node *node);
/* "file:line"; to be freed */
char *fb_node_place(const struct fb_node *node);
/* "a group", "the number 5", "the string \"x\"": for messages; buf has FB_NODE_WHAT bytes. Returns buf. */
#define FB_NODE_WHAT 96
char *fb_node_what(const struct fb_node *node, char *buf);
/* Adds "file:line: setting 'path': cause". errs NULL: dropped. */
void fb_node_error(struct fb_errs *errs, const struct fb_node *node, const char *format, ...) FB_PRINTF(3, 4);

/* For scan.c: the text of a file and of all that it includes, as libconfig gets it, and where each line came from. */
struct fb_scan {
	char *text;
	struct fb_scan_line {
		const struct fb_source *source;
		int line;
		bool bad; /* holds an integer literal that does not fit */
	} *lines; /* the text's line n is lines[n - 1] */
	size_t line_count;
	bool broken;
};
void fb_scan_file(struct fb_scan *scan, struct fb_tree *tree, const char *path, uid_t trusted, struct fb_errs *errs);
void fb_scan_text(struct fb_scan *scan, struct fb_tree *tree, const char *path, const char *text, struct fb_errs *errs);
void fb_scan_clear(struct fb_scan *scan);

/* For parse.c and scan.c. */
struct fb_source *fb_tree_source(struct fb_tree *t, const char *path, bool others_read);
void fb_node_free_content(struct fb_node *node);

#endif
