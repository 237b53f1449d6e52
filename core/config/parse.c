/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libconfig to tree, and nothing of libconfig lives after it. It is handed one text that includes nothing, in a configuration of its own.
 * libconfig sets the calling thread's locale while it reads and sets it back; it is not for two threads at a time, and we have one.
 */
#include <libconfig.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/redact_kinds.h"
#include "config/tree.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(UNDER_ASAN)
/* libconfig 1.5 loses the string that stands where a syntax error is, 64 bytes; LeakSanitizer shall look for ours only. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_options(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig.so\n";
}

const char *__lsan_default_options(void)
{
	return "print_suppressions=0";
}
#endif

struct builder {
	const struct fb_scan *scan;
	struct fb_errs *errs;
};

static const struct fb_scan_line *line_of(const struct builder *b, unsigned int line)
{
	if (line < 1)
		line = 1;
	if (line > b->scan->line_count)
		line = (unsigned int)b->scan->line_count;
	return &b->scan->lines[line - 1];
}

/* Is s UTF-8 (RFC 3629: no overlong forms, no surrogates) without control characters other than tab and line ends? */
static bool is_text(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	while (*p) {
		uint32_t c = *p++;
		int more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : -1;

		if (more < 0 || (c < 0x20 && !strchr("\t\n\r", (int)c)) || c == 0x7f)
			return false;
		c = more == 0 ? c : c & (0x3fu >> more);
		for (int i = 0; i < more; i++, p++) {
			if ((*p & 0xc0) != 0x80)
				return false;
			c = c << 6 | (*p & 0x3f);
		}
		if ((more == 2 && c < 0x800) || (more == 3 && (c < 0x10000 || c > 0x10ffff)) || (c >= 0xd800 && c < 0xe000))
			return false;
	}
	return true;
}

/* What everybody can read is no place for a secret, and what a chain is made of stays in the journal. */
static bool holds_secret(struct builder *b, const struct fb_node *node, const char *s)
{
	const char *kind = node->source->others_read ? fb_secret_kind_of(s) : NULL;

	if (kind)
		fb_node_error(b->errs, node, "a secret (%s) stands in a file that every user of this machine can read: write \"${env:NAME}\", \"${file:PATH}\" or \"${cred:NAME}\", "
			      "which a command takes in 'secret_environment', or run 'chmod o-r %s'", kind, node->source->path);
	return kind;
}

static void take_scalar(struct builder *b, struct fb_node *node, const config_setting_t *from, bool bad_line)
{
	const char *s;

	switch (config_setting_type(from)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		node->type = bad_line ? FB_NODE_BAD : FB_NODE_INT;
		node->i = config_setting_get_int64(from);
		return;
	case CONFIG_TYPE_FLOAT:
		node->type = FB_NODE_FLOAT;
		node->f = config_setting_get_float(from);
		if (isfinite(node->f))
			return;
		fb_node_error(b->errs, node, "the number is too large");
		break;
	case CONFIG_TYPE_BOOL:
		node->type = FB_NODE_BOOL;
		node->i = config_setting_get_bool(from);
		return;
	case CONFIG_TYPE_STRING:
		s = config_setting_get_string(from);
		node->type = FB_NODE_STRING;
		if (!is_text(s ? s : "")) {
			fb_node_error(b->errs, node, "the string is not UTF-8, or has control characters");
			break;
		}
		if (holds_secret(b, node, s ? s : ""))
			break;
		node->s = fb_strdup(s ? s : "");
		return;
	default:
		break;
	}
	node->type = FB_NODE_BAD;
}

static void take(struct builder *b, struct fb_node *node, const struct fb_node *parent, const config_setting_t *from)
{
	const struct fb_scan_line *at = line_of(b, config_setting_source_line(from));
	int type = config_setting_type(from);

	node->parent = parent;
	node->source = at->source;
	node->line = at->line;
	node->name = fb_strdup(config_setting_name(from));
	if (type != CONFIG_TYPE_GROUP && type != CONFIG_TYPE_LIST && type != CONFIG_TYPE_ARRAY) {
		take_scalar(b, node, from, at->bad);
		return;
	}
	node->type = type == CONFIG_TYPE_GROUP ? FB_NODE_GROUP : FB_NODE_LIST;
	node->n = (size_t)config_setting_length(from);
	node->v = fb_alloc(node->n * sizeof *node->v);
	for (size_t i = 0; i < node->n; i++)
		take(b, &node->v[i], node, config_setting_get_elem(from, (unsigned int)i));
}

static void syntax_error(const struct builder *b, const config_t *config)
{
	const struct fb_scan_line *at = line_of(b, (unsigned int)config_error_line(config));
	const char *text = config_error_text(config);

	if (!text || strcmp(text, "syntax error") == 0)
		text = "syntax error: look here and on the line before for a ';', a '=', a quote or a bracket that is missing";
	else if (strcmp(text, "duplicate setting name") == 0)
		text = "a setting of this name stands in this group already";
	else if (strcmp(text, "mismatched element type in array") == 0)
		text = "the items of [ … ] must be of one type: use ( … )";
	fb_errs_addf(b->errs, FB_EXIT_CONFIG, at->source->path, at->line, "%s; the rest of this file was not read", text);
}

static bool parse(struct fb_tree *t, struct fb_scan *scan, struct fb_errs *errs)
{
	struct builder b = {.scan = scan, .errs = errs};
	config_t config;
	bool whole;

	if (scan->broken)
		return false;
	config_init(&config);
	whole = config_read_string(&config, scan->text) == CONFIG_TRUE;
	if (whole)
		take(&b, &t->root, NULL, config_root_setting(&config));
	else
		syntax_error(&b, &config);
	config_destroy(&config);
	return whole;
}

static struct fb_tree *finish(struct fb_tree *t, struct fb_scan *scan, struct fb_errs *errs)
{
	bool whole = parse(t, scan, errs);

	fb_scan_clear(scan);
	if (whole)
		return t;
	fb_tree_free(t);
	return NULL;
}

struct fb_tree *fb_tree_read(const char *path, uid_t trusted, struct fb_errs *errs)
{
	struct fb_tree *t = fb_alloc(sizeof *t);
	struct fb_scan scan = {0};

	fb_scan_file(&scan, t, path, trusted, errs);
	return finish(t, &scan, errs);
}

struct fb_tree *fb_tree_from_text(const char *path, const char *text, struct fb_errs *errs)
{
	struct fb_tree *t = fb_alloc(sizeof *t);
	struct fb_scan scan = {0};

	fb_scan_text(&scan, t, path, text, errs);
	return finish(t, &scan, errs);
}
