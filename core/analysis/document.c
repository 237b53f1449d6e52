/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/document.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static json_t *text(const char *s, size_t n)
{
	json_t *ret = json_stringn(s, n);

	return ret ? ret : json_string("");
}

static json_t *evidence(const struct fb_candidate *c, const char *file)
{
	json_t *ret = json_array();

	for (size_t i = 0; i < c->evidence_count; i++) {
		const struct fb_quote *q = &c->evidence[i]->quote;

		json_array_append_new(ret, json_pack("{s:s, s:I, s:I, s:I, s:o}", "file", file, "line", (json_int_t)q->line, "offset", (json_int_t)q->offset, "length",
						     (json_int_t)q->length, "text", text(q->text, q->length)));
	}
	return ret;
}

/* What it is about, to be freed: a group, or a text of several, "${file}:${line}"; NULL. */
static char *parameter(const struct fb_finding *f)
{
	const char *name = f->signature->parameter;

	if (name && strstr(name, "${"))
		return fb_rank_fill(name, f, false);
	for (size_t i = 0; i < f->parameter_count; i++)
		if (!name || fb_streq(f->parameters[i].name, name))
			return fb_strdup(f->parameters[i].value);
	return NULL;
}

/* The cause as a sentence, to be freed. */
static char *sentence(const struct fb_candidate *c)
{
	const struct fb_finding *f = c->evidence[0];
	char *about = parameter(f), *own = f->signature->cause ? fb_rank_fill(f->signature->cause, f, false) : NULL;

	if (!own)
		own = about ? fb_asprintf("%s: %s", fb_category_text(c->category), about) : fb_strdup(fb_category_text(c->category));
	fb_free(about);
	return own;
}

static json_t *fixes(const struct fb_finding *f)
{
	json_t *ret = json_array();

	for (const struct fb_fix *x = f->signature->fixes; x->action; x++) {
		char *action = fb_rank_fill(x->action, f, false), *command = x->command ? fb_rank_fill(x->command, f, true) : NULL;

		if (action && (command || !x->command))
			json_array_append_new(ret, json_pack("{s:s, s:s, s:s*}", "priority", x->priority, "action", action, "command", command));
		fb_free(action);
		fb_free(command);
	}
	return ret;
}

static json_t *candidate(const struct fb_candidate *c, const char *file)
{
	const struct fb_finding *f = c->evidence[0];
	json_t *parameters = json_object();
	char *cause = sentence(c), *about = parameter(f);
	json_t *ret;

	for (size_t i = 0; i < f->parameter_count; i++)
		json_object_set_new(parameters, f->parameters[i].name, text(f->parameters[i].value, strlen(f->parameters[i].value)));
	if (about && f->signature->parameter && strstr(f->signature->parameter, "${"))
		json_object_set_new(parameters, "about", text(about, strlen(about)));
	ret = json_pack("{s:s, s:s, s:f, s:s*, s:s, s:s*, s:o, s:o, s:o}", "type", c->category, "cause", cause, "confidence", fb_rank_confidence(c->score), "component", f->signature->component,
			"signature", f->signature->id, "parameter", about, "parameters", parameters, "evidence", evidence(c, file), "recommendations", fixes(f));
	fb_free(cause);
	fb_free(about);
	return ret;
}

json_t *fb_analysis_document(const struct fb_ranking *r, const char *file, int64_t bytes, int64_t lines)
{
	json_t *all = json_array(), *root;

	for (size_t i = 0; i < r->n; i++)
		json_array_append_new(all, candidate(&r->v[i], file));
	if (r->known) {
		root = json_deep_copy(json_array_get(all, 0));
	} else { /* the best evidence there is, and no guess */
		root = json_pack("{s:s, s:s, s:f, s:{}, s:o}", "type", "unknown", "cause", fb_category_text("unknown"), "confidence", 0.0, "parameters", "evidence",
				 r->n ? evidence(&r->v[0], file) : json_array());
	}
	return json_pack("{s:s, s:o, s:o, s:{s:s, s:I, s:I}}", "schema", "failback.analysis/1", "root_cause", root, "candidates", all, "log", "file", file, "bytes", (json_int_t)bytes,
			 "lines", (json_int_t)lines);
}

void fb_analysis_tell(const json_t *document)
{
	const json_t *root = json_object_get(document, "root_cause"), *first = json_array_get(json_object_get(root, "evidence"), 0), *one;
	const char *type = json_string_value(json_object_get(root, "type")), *component = json_string_value(json_object_get(root, "component"));
	size_t i;

	printf("%s: %s%s%s%s\n", type, json_string_value(json_object_get(root, "cause")), component ? " (" : "", component ? component : "", component ? ")" : "");
	if (!fb_streq(type, "unknown"))
		printf("  sure to %.0f %%\n", 100 * json_real_value(json_object_get(root, "confidence")));
	if (first)
		printf("  %s:%lld: %s\n", json_string_value(json_object_get(first, "file")), (long long)json_integer_value(json_object_get(first, "line")),
		       json_string_value(json_object_get(first, "text")));
	json_array_foreach(json_object_get(root, "recommendations"), i, one) {
		const char *command = json_string_value(json_object_get(one, "command"));

		printf("  %zu. %s\n", i + 1, json_string_value(json_object_get(one, "action")));
		if (command)
			printf("       %s\n", command);
	}
}
