/* SPDX-License-Identifier: Apache-2.0 */
/* The tree: looking up, naming, freeing. It does not know where its nodes came from. */
#include "config/tree.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct fb_source *fb_tree_source(struct fb_tree *t, const char *path, bool others_read)
{
	struct fb_source *source = fb_alloc(sizeof *source);

	source->path = fb_strdup(path);
	source->others_read = others_read;
	t->sources = fb_realloc(t->sources, (t->source_count + 1) * sizeof(struct fb_source *));
	t->sources[t->source_count++] = source;
	return source;
}

void fb_node_free_content(struct fb_node *node)
{
	for (size_t i = 0; i < node->n; i++)
		fb_node_free_content(&node->v[i]);
	fb_free(node->v);
	fb_free(node->name);
	fb_free(node->s);
	*node = (struct fb_node){0};
}

void fb_tree_free(struct fb_tree *t)
{
	if (!t)
		return;
	fb_node_free_content(&t->root);
	for (size_t i = 0; i < t->source_count; i++) {
		fb_free(t->sources[i]->path);
		fb_free(t->sources[i]);
	}
	fb_free(t->sources);
	fb_free(t);
}

const struct fb_node *fb_node_member(const struct fb_node *group, const char *name)
{
	if (!group || group->type != FB_NODE_GROUP)
		return NULL;
	for (size_t i = 0; i < group->n; i++)
		if (strcmp(group->v[i].name, name) == 0)
			return &group->v[i];
	return NULL;
}

static void add_path(struct fb_text *t, const struct fb_node *node)
{
	if (!node->parent)
		return;
	add_path(t, node->parent);
	if (node->name)
		fb_text_printf(t, "%s%s", node->parent->parent ? "." : "", node->name);
	else
		fb_text_printf(t, "[%td]", node - node->parent->v);
}

char *fb_node_path(const struct fb_node *node)
{
	struct fb_text t = {0};

	add_path(&t, node);
	return fb_text_take(&t);
}

char *fb_node_place(const struct fb_node *node)
{
	return fb_asprintf("%s:%d", node->source->path, node->line);
}

char *fb_node_what(const struct fb_node *node, char *buf)
{
	switch (node->type) {
	case FB_NODE_GROUP:
		snprintf(buf, FB_NODE_WHAT, "a group");
		break;
	case FB_NODE_LIST:
		snprintf(buf, FB_NODE_WHAT, "a list");
		break;
	case FB_NODE_INT:
		snprintf(buf, FB_NODE_WHAT, "the number %" PRId64, node->i);
		break;
	case FB_NODE_FLOAT:
		snprintf(buf, FB_NODE_WHAT, "the number %g", node->f);
		break;
	case FB_NODE_BOOL:
		snprintf(buf, FB_NODE_WHAT, "%s", node->i ? "true" : "false");
		break;
	default:
		if (node->s && strlen(node->s) <= 60)
			snprintf(buf, FB_NODE_WHAT, "the string \"%s\"", node->s);
		else
			snprintf(buf, FB_NODE_WHAT, "a string");
	}
	return buf;
}

void fb_node_error(struct fb_errs *errs, const struct fb_node *node, const char *format, ...)
{
	struct fb_text cause = {0};
	char *path;
	va_list args;

	if (!errs)
		return;
	va_start(args, format);
	fb_text_vprintf(&cause, format, args);
	va_end(args);
	path = fb_node_path(node);
	if (*path)
		fb_errs_addf(errs, FB_EXIT_CONFIG, node->source->path, node->line, "setting '%s': %s", path, cause.p);
	else
		fb_errs_addf(errs, FB_EXIT_CONFIG, node->source->path, node->line, "%s", cause.p);
	fb_free(path);
	fb_text_clear(&cause);
}
