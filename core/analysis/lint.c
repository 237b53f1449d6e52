/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/lint.h"

#include <stdio.h>
#include <string.h>

#include "analysis/expression.h"
#include "base/mem.h"

struct lint {
	const struct fb_signatures *all;
	const struct fb_signature *s;
	struct fb_errs *errs, *warnings;
	struct fb_database *database;
	bool scanned; /* the scan has found the signature */
	struct fb_expression **match, **unless; /* each ends in NULL */
};

static void say(struct fb_errs *to, const struct fb_signature *s, const char *what, const char *value)
{
	fb_errs_addf(to, FB_EXIT_CONFIG, s->file, s->line, "signature '%s': %s%s%s", s->id, what, value ? " " : "", value ? value : "");
}

static struct fb_expression **compile(struct lint *l, char **sources)
{
	size_t n = 0, k = 0;
	struct fb_expression **ret;

	while (sources[n])
		n++;
	ret = fb_alloc((n + 1) * sizeof *ret);
	for (size_t i = 0; i < n; i++) {
		struct fb_err err = {0};

		if (fb_expression_new(sources[i], &ret[k], &err) == 0)
			k++;
		else
			say(l->errs, l->s, err.text, NULL);
	}
	return ret;
}

static void clear(struct fb_expression **list)
{
	for (struct fb_expression **e = list; *e; e++)
		fb_expression_free(*e);
	fb_free(list);
}

static bool any(struct fb_expression **list, const char *line)
{
	for (; *list; list++)
		if (fb_expression_match(*list, line, strlen(line), NULL, NULL, NULL, NULL))
			return true;
	return false;
}

/* Does some expression have a group of this name? */
static bool has_group(const struct fb_signature *s, const char *name, size_t n)
{
	for (char **m = s->match; *m; m++)
		for (const char *p = *m; (p = strstr(p, "(?<")); p += 3)
			if (!strncmp(p + 3, name, n) && p[3 + n] == '>')
				return true;
	return false;
}

static void check_names(struct lint *l, const char *text)
{
	for (const char *p = text; p && (p = strstr(p, "${")); p += 2) {
		const char *end = strchr(p, '}');
		char name[64];

		if (!end) {
			say(l->errs, l->s, "a ${ without }:", text);
			return;
		}
		snprintf(name, sizeof name, "%.*s", (int)(end - p - 2), p + 2);
		if (!has_group(l->s, name, strlen(name)))
			say(l->errs, l->s, "no expression has a group (?<name>…) for", name);
	}
}

static void check_explains(struct lint *l)
{
	for (char **e = l->s->explains; *e; e++)
		if (!fb_category_text(*e) && !fb_signatures_find(l->all, *e))
			say(l->errs, l->s, "explains something that is neither a category nor a signature:", *e);
}

static int on_found(unsigned number, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
	struct lint *l = ctx;

	(void)from;
	(void)to;
	(void)flags;
	l->scanned |= fb_database_signature(l->database, number, NULL) == l->s;
	return 0;
}

static void check_scan(struct lint *l, const char *example)
{
	l->scanned = false;
	if (l->database && (fb_database_scan(l->database, example, strlen(example), on_found, l) < 0 || !l->scanned))
		say(l->errs, l->s, "the scan does not find its example:", example);
}

static void check_examples(struct lint *l)
{
	for (char **e = l->s->examples; *e; e++)
		if (!any(l->match, *e))
			say(l->errs, l->s, "does not match its example:", *e);
		else if (any(l->unless, *e))
			say(l->errs, l->s, "its 'unless' takes its example away:", *e);
		else
			check_scan(l, *e);
	for (char **e = l->s->counter_examples; *e; e++)
		if (any(l->match, *e) && !any(l->unless, *e))
			say(l->errs, l->s, "matches its counter-example:", *e);
	if (!*l->s->examples)
		say(l->warnings, l->s, "has no example", NULL);
}

int fb_lint(const struct fb_signatures *s, struct fb_database *d, struct fb_errs *errs, struct fb_errs *warnings)
{
	size_t before = errs->n;

	for (size_t i = 0; i < s->n; i++) {
		struct lint l = {.all = s, .s = &s->v[i], .errs = errs, .warnings = warnings, .database = d};

		l.match = compile(&l, s->v[i].match);
		l.unless = compile(&l, s->v[i].unless);
		if (s->v[i].parameter && !strstr(s->v[i].parameter, "${") && !has_group(&s->v[i], s->v[i].parameter, strlen(s->v[i].parameter)))
			say(errs, &s->v[i], "no expression has a group (?<name>…) for its parameter", s->v[i].parameter);
		check_names(&l, s->v[i].cause);
		if (s->v[i].parameter && strstr(s->v[i].parameter, "${"))
			check_names(&l, s->v[i].parameter);
		for (const struct fb_fix *f = s->v[i].fixes; f->action; f++) {
			check_names(&l, f->action);
			check_names(&l, f->command);
		}
		check_explains(&l);
		check_examples(&l);
		clear(l.match);
		clear(l.unless);
	}
	return errs->n > before ? -1 : 0;
}
