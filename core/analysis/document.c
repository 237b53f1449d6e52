/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/document.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define EXCERPT_MOST 256   /* stretches */
#define CAUSES_TOLD 3      /* so many candidates' lines are in it */
#define CAUSES_NEAR 10     /* if they are hardly less likely than the first */
#define LINES_SHOWN 120    /* on a terminal */
#define LINE_SHOWN ((size_t)400)
#define BLOCK_SHOWN 8

static json_t *text(const char *s, size_t n)
{
	json_t *ret = json_stringn(s, n);

	return ret ? ret : json_string("");
}

static json_t *line_quote(const struct fb_quote *q, const char *file)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:o}", "file", file, "line", (json_int_t)q->line, "offset", (json_int_t)q->offset, "length", (json_int_t)q->length, "text", text(q->text, q->length));
}

static json_t *block_quote(const struct fb_place *b, const char *file)
{
	const struct fb_span *q = b->quote;

	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:o, s:s}", "file", file, "line", (json_int_t)q->line, "last_line", (json_int_t)q->last_line, "offset", (json_int_t)q->offset, "length",
			 (json_int_t)q->length, "text", text(q->text, q->length), "block", b->kind->id);
}

/* The line that it rests on, the block that it stands in, and further lines that say so. */
static json_t *evidence(const struct fb_candidate *c, const char *file)
{
	json_t *ret = json_array();

	for (size_t i = 0; i < c->evidence_count; i++) {
		json_array_append_new(ret, line_quote(&c->evidence[i]->quote, file));
		if (!i && c->evidence[i]->block.quote)
			json_array_append_new(ret, block_quote(&c->evidence[i]->block, file));
	}
	return ret;
}

/* All of the block, however much of it is quoted; NULL: it is in none. */
static json_t *block(const struct fb_candidate *c, const char *file)
{
	const struct fb_place *b = &c->evidence[0]->block;

	return !b->kind ? NULL : json_pack("{s:s, s:s*, s:s, s:I, s:I, s:I, s:I}", "kind", b->kind->id, "component", b->kind->component, "file", file, "line", (json_int_t)b->line, "last_line",
					   (json_int_t)b->last_line, "offset", (json_int_t)b->offset, "length", (json_int_t)(b->end - b->offset));
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

/* most: as likely it is at most, for another one is likelier. */
static json_t *candidate(const struct fb_candidate *c, const char *file, double most)
{
	const struct fb_finding *f = c->evidence[0];
	json_t *parameters = json_object();
	char *cause = sentence(c), *about = parameter(f);
	double confidence = fb_rank_confidence(c->score);
	json_t *ret;

	for (size_t i = 0; i < f->parameter_count; i++)
		json_object_set_new(parameters, f->parameters[i].name, text(f->parameters[i].value, strlen(f->parameters[i].value)));
	if (about && f->signature->parameter && strstr(f->signature->parameter, "${"))
		json_object_set_new(parameters, "about", text(about, strlen(about)));
	ret = json_pack("{s:s, s:s, s:f, s:i, s:s*, s:s, s:s*, s:o, s:o, s:o*, s:o}", "type", c->category, "cause", cause, "confidence", confidence < most ? confidence : most, "score", c->score, "component", f->signature->component,
			"signature", f->signature->id, "parameter", about, "parameters", parameters, "evidence", evidence(c, file), "block", block(c, file), "recommendations", fixes(f));
	fb_free(cause);
	fb_free(about);
	return ret;
}

json_t *fb_analysis_document(const struct fb_ranking *r, const char *file, int64_t bytes, int64_t lines)
{
	json_t *all = json_array(), *root;

	for (size_t i = 0; i < r->n; i++)
		json_array_append_new(all, candidate(&r->v[i], file, !i ? 1 : 1 - fb_rank_confidence(r->v[0].score)));
	if (r->known) {
		root = json_deep_copy(json_array_get(all, 0));
	} else { /* the best evidence there is, and no guess */
		root = json_pack("{s:s, s:s, s:f, s:{}, s:o}", "type", "unknown", "cause", fb_category_text("unknown"), "confidence", 0.0, "parameters", "evidence",
				 r->n ? evidence(&r->v[0], file) : json_array());
	}
	return json_pack("{s:s, s:o, s:o, s:{s:s, s:I, s:I}}", "schema", "failback.analysis/1", "root_cause", root, "candidates", all, "log", "file", file, "bytes", (json_int_t)bytes,
			 "lines", (json_int_t)lines);
}

/* ---- the excerpt ---- */

struct stretch {
	int64_t line, last_line, offset, end;
	const char *why;
};

struct stretches {
	struct stretch v[EXCERPT_MOST];
	size_t n;
};

/* Adds it in order. Of two that overlap one is made, for the stronger reason: a cause. */
static void put(struct stretches *all, struct stretch s)
{
	size_t i = 0;

	while (i < all->n && all->v[i].end < s.offset)
		i++;
	while (i < all->n && all->v[i].offset <= s.end) {
		const struct stretch *o = &all->v[i];

		s.line = o->line < s.line ? o->line : s.line;
		s.last_line = o->last_line > s.last_line ? o->last_line : s.last_line;
		s.offset = o->offset < s.offset ? o->offset : s.offset;
		s.end = o->end > s.end ? o->end : s.end;
		s.why = fb_streq(o->why, "cause") ? o->why : s.why;
		memmove(&all->v[i], &all->v[i + 1], (--all->n - i) * sizeof s);
	}
	if (all->n == EXCERPT_MOST)
		return;
	memmove(&all->v[i + 1], &all->v[i], (all->n++ - i) * sizeof s);
	all->v[i] = s;
}

static struct stretch of_finding(const struct fb_finding *f)
{
	const struct fb_quote *q = &f->quote;

	if (f->block.kind)
		return (struct stretch){f->block.line, f->block.last_line, f->block.offset, f->block.end, "cause"};
	return (struct stretch){q->line, q->line, q->offset, q->offset + (int64_t)q->length, "cause"};
}

json_t *fb_analysis_excerpt(const struct fb_ranking *r, const struct fb_excerpt *x, const char *file)
{
	static struct stretches all;
	const struct fb_excerpt_run *runs;
	json_t *ret = json_array();
	int64_t left_out = 0;
	size_t n = 0, told = 0;

	all.n = 0;
	for (size_t i = 0; i < r->n && told < CAUSES_TOLD; i++)
		if (r->v[i].evidence_count && (!i || r->v[i].score >= r->v[0].score - CAUSES_NEAR) && !r->v[i].evidence[0]->familiar && ++told)
			put(&all, of_finding(r->v[i].evidence[0]));
	if (x) {
		runs = fb_excerpt_runs(x, &n, &left_out);
		for (size_t i = 0; i < n; i++)
			put(&all, (struct stretch){runs[i].line, runs[i].last_line, runs[i].offset, runs[i].end, "new"});
	}
	for (size_t i = 0; i < all.n; i++)
		json_array_append_new(ret, json_pack("{s:s, s:I, s:I, s:I, s:I, s:s}", "file", file, "line", (json_int_t)all.v[i].line, "last_line", (json_int_t)all.v[i].last_line, "offset",
						     (json_int_t)all.v[i].offset, "length", (json_int_t)(all.v[i].end - all.v[i].offset), "why", all.v[i].why));
	return ret;
}

/* What may be shown of the bytes, as lines with their numbers; others, and sequences for terminals, are left out. */
static void print_lines(const char *p, size_t n, int64_t line, int *left)
{
	const unsigned char *b = (const unsigned char *)p;
	size_t i = 0;

	while (i < n && *left > 0) {
		size_t shown = 0;

		printf("  %6lld  ", (long long)line++);
		for (; i < n && b[i] != '\n';) {
			size_t c = fb_quote_character(b + i, n - i);

			if (c && shown + c <= LINE_SHOWN) {
				fwrite(p + i, 1, c, stdout);
				shown += c;
			}
			i += c ? c : fb_quote_escape(b + i, n - i);
		}
		putchar('\n');
		i++;
		--*left;
	}
}

int fb_analysis_tell_excerpt(const json_t *excerpt, int fd)
{
	int left = LINES_SHOWN;
	const json_t *one;
	size_t i;

	if (!json_array_size(excerpt))
		return 0;
	printf("  Lines that explain it:\n");
	json_array_foreach(excerpt, i, one) {
		char buf[32768];
		size_t length = (size_t)json_integer_value(json_object_get(one, "length"));
		ssize_t n = pread(fd, buf, length < sizeof buf ? length : sizeof buf, (off_t)json_integer_value(json_object_get(one, "offset")));

		if (n < 0)
			return -1;
		if (i && left > 0)
			printf("          …\n");
		print_lines(buf, (size_t)n, json_integer_value(json_object_get(one, "line")), &left);
	}
	if (left <= 0)
		printf("          … and more: --json has them all\n");
	return 0;
}

/* The first lines of the block that the evidence is in. */
static void tell_block(const json_t *e)
{
	const char *p = json_string_value(json_object_get(e, "text"));
	int lines = 0;

	if (!json_object_get(e, "block"))
		return;
	for (; p && *p && lines < BLOCK_SHOWN; lines++) {
		size_t n = strcspn(p, "\r\n");

		printf("    | %.*s\n", (int)(n < LINE_SHOWN ? n : LINE_SHOWN), p);
		p += n;
		p += strspn(p, "\r");
		p += *p == '\n';
	}
	if (p && *p)
		printf("    | … up to line %lld\n", (long long)json_integer_value(json_object_get(e, "last_line")));
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
	tell_block(json_array_get(json_object_get(root, "evidence"), 1));
	json_array_foreach(json_object_get(root, "recommendations"), i, one) {
		const char *command = json_string_value(json_object_get(one, "command"));

		printf("  %zu. %s\n", i + 1, json_string_value(json_object_get(one, "action")));
		if (command)
			printf("       %s\n", command);
	}
}
