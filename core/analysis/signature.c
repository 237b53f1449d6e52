/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the files of signatures, all errors at once. */
#include "analysis/signature.h"

#include <dirent.h>
#include <errno.h>
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/map.h"
#include "base/io.h"
#include "base/mem.h"

#define FILE_LIMIT ((size_t)16 << 20)

static const char *const roles[] = {"cause", "symptom", "wrapper", "hint", "noise", "success", "step", "failure", "end", NULL};
static const char *const members[] = {"id", "category", "role", "weight", "component", "cause", "parameter", "match", "unless", "explains", "example", "counter_example", "fixes", NULL};
static const char *const fix_members[] = {"priority", "action", "command", NULL};
static const char *const priorities[] = {"high", "medium", "low", NULL};

struct reading {
	struct fb_signatures *s;
	struct fb_errs *errs;
	size_t room;
	size_t first; /* of the folder that is read: an id may come once in it */
	const char *file;
};

static void wrong(struct reading *r, const config_setting_t *at, const char *what, const char *value, const char *const *names)
{
	const char *near = names && value ? fb_nearest(value, names) : NULL;

	fb_errs_addf(r->errs, FB_EXIT_CONFIG, r->file, (int)config_setting_source_line(at), "%s%s%s%s%s%s", what, value ? " '" : "", value ? value : "", value ? "'" : "",
		     near ? "; did you mean " : "", near ? near : "");
}

static bool known(struct reading *r, const config_setting_t *group, const char *const *names)
{
	bool ok = true;

	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *m = config_setting_get_elem(group, (unsigned)i);
		const char *const *n = names;

		while (*n && !fb_streq(*n, config_setting_name(m)))
			n++;
		if (!*n) {
			wrong(r, m, "there is no setting", config_setting_name(m), names);
			ok = false;
		}
	}
	return ok;
}

static char *take_text(struct reading *r, const config_setting_t *group, const char *name)
{
	const config_setting_t *m = config_setting_get_member(group, name);

	if (!m)
		return NULL;
	if (config_setting_type(m) != CONFIG_TYPE_STRING || !*config_setting_get_string(m)) {
		wrong(r, m, "this has to be a text that is not empty:", name, NULL);
		return NULL;
	}
	return fb_strdup(config_setting_get_string(m));
}

/* A text or a list of texts. */
static char **take_texts(struct reading *r, const config_setting_t *group, const char *name)
{
	const config_setting_t *m = config_setting_get_member(group, name);
	int n = !m ? 0 : config_setting_is_aggregate(m) ? config_setting_length(m) : 1;
	char **ret = fb_alloc(((size_t)n + 1) * sizeof *ret);

	for (int i = 0, k = 0; i < n; i++) {
		const char *s = config_setting_is_aggregate(m) ? config_setting_get_string_elem(m, i) : config_setting_get_string(m);

		if (s && *s)
			ret[k++] = fb_strdup(s);
		else
			wrong(r, m, "this has to be a text, or a list of texts:", name, NULL);
	}
	return ret;
}

static void take_fixes(struct reading *r, const config_setting_t *group, struct fb_signature *s)
{
	const config_setting_t *m = config_setting_get_member(group, "fixes");
	int n = m && config_setting_is_list(m) ? config_setting_length(m) : 0;

	s->fixes = fb_alloc(((size_t)n + 1) * sizeof *s->fixes);
	if (m && !config_setting_is_list(m))
		wrong(r, m, "fixes has to be a list of groups", NULL, NULL);
	for (int i = 0, k = 0; i < n; i++) {
		const config_setting_t *one = config_setting_get_elem(m, (unsigned)i);
		struct fb_fix *f = &s->fixes[k];

		if (!config_setting_is_group(one)) {
			wrong(r, one, "a fix has to be a group", NULL, NULL);
			continue;
		}
		known(r, one, fix_members);
		f->action = take_text(r, one, "action");
		f->command = take_text(r, one, "command");
		f->priority = take_text(r, one, "priority");
		if (!f->priority)
			f->priority = fb_strdup("medium");
		if (!f->action)
			wrong(r, one, "a fix needs an action", NULL, NULL);
		else
			k++;
		for (const char *const *p = priorities; !fb_streq(*p, f->priority); p++)
			if (!*p) {
				wrong(r, one, "there is no priority", f->priority, priorities);
				break;
			}
	}
}

static void clear_list(char **list)
{
	for (char **p = list; p && *p; p++)
		fb_free(*p);
	fb_free(list);
}

static void clear(struct fb_signature *s)
{
	char *texts[] = {s->id, s->category, s->component, s->cause, s->parameter, s->file};
	char **lists[] = {s->match, s->unless, s->explains, s->examples, s->counter_examples};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		fb_free(texts[i]);
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		clear_list(lists[i]);
	for (struct fb_fix *f = s->fixes; f && f->action; f++) {
		fb_free(f->priority);
		fb_free(f->action);
		fb_free(f->command);
	}
	fb_free(s->fixes);
	*s = (struct fb_signature){0};
}

static void take_role(struct reading *r, const config_setting_t *group, struct fb_signature *s)
{
	const char *role = "cause";
	size_t i = 0;

	(void)config_setting_lookup_string(group, "role", &role);
	while (roles[i] && !fb_streq(roles[i], role))
		i++;
	if (roles[i])
		s->role = (enum fb_role)i;
	else
		wrong(r, group, "there is no role", role, roles);
	s->weight = 80;
	if (config_setting_get_member(group, "weight") && (!config_setting_lookup_int(group, "weight", &s->weight) || s->weight < 0 || s->weight > 100))
		wrong(r, group, "the weight has to be a number from 0 to 100", NULL, NULL);
}

static void put(struct reading *r, const config_setting_t *group, struct fb_signature *s)
{
	for (size_t i = 0; i < r->s->n; i++) {
		if (!fb_streq(r->s->v[i].id, s->id))
			continue;
		if (i >= r->first) {
			wrong(r, group, "there are two signatures with the id", s->id, NULL);
			clear(s);
			return;
		}
		clear(&r->s->v[i]);
		r->s->v[i] = *s;
		return;
	}
	if (r->s->n == r->room) {
		r->room = r->room ? 2 * r->room : 512;
		r->s->v = fb_realloc(r->s->v, r->room * sizeof *r->s->v);
	}
	r->s->v[r->s->n++] = *s;
}

static void take(struct reading *r, const config_setting_t *group)
{
	struct fb_signature s = {.file = fb_strdup(r->file), .line = (int)config_setting_source_line(group)};
	size_t before = r->errs->n;

	if (!config_setting_is_group(group)) {
		wrong(r, group, "a signature has to be a group", NULL, NULL);
		fb_free(s.file);
		return;
	}
	known(r, group, members);
	s.id = take_text(r, group, "id");
	s.category = take_text(r, group, "category");
	s.component = take_text(r, group, "component");
	s.cause = take_text(r, group, "cause");
	s.parameter = take_text(r, group, "parameter");
	s.match = take_texts(r, group, "match");
	s.unless = take_texts(r, group, "unless");
	s.explains = take_texts(r, group, "explains");
	s.examples = take_texts(r, group, "example");
	s.counter_examples = take_texts(r, group, "counter_example");
	take_fixes(r, group, &s);
	take_role(r, group, &s);
	if (!s.id)
		wrong(r, group, "a signature needs an id", NULL, NULL);
	if (!*s.match)
		wrong(r, group, "a signature needs an expression to match: ", s.id ? s.id : "", NULL);
	if (!s.category && s.role >= FB_ROLE_HINT)
		s.category = fb_strdup("unknown");
	if (!s.category)
		wrong(r, group, "a signature needs a category: ", s.id ? s.id : "", NULL);
	else if (!fb_category_text(s.category))
		wrong(r, group, "there is no category", s.category, fb_categories);
	if (r->errs->n > before)
		clear(&s);
	else
		put(r, group, &s);
}

static void read_file(struct reading *r, const char *path, struct fb_text *all)
{
	struct fb_err err = {0};
	config_t c;
	const config_setting_t *list;
	char *text;
	size_t n;

	if (fb_io_read_file(path, FILE_LIMIT, &text, &n, &err) < 0) {
		fb_errs_add(r->errs, &err);
		return;
	}
	fb_text_add(all, text, n + 1);
	r->file = path;
	config_init(&c);
	if (config_read_string(&c, text) != CONFIG_TRUE) {
		fb_errs_addf(r->errs, FB_EXIT_CONFIG, path, config_error_line(&c), "%s", config_error_text(&c));
	} else if (!(list = config_lookup(&c, "signatures")) || !config_setting_is_list(list)) {
		fb_errs_addf(r->errs, FB_EXIT_CONFIG, path, 1, "there is no list 'signatures = ( … );' in this file");
	} else {
		for (int i = 0; i < config_setting_length(list); i++)
			take(r, config_setting_get_elem(list, (unsigned)i));
	}
	config_destroy(&c);
	fb_free(text);
}

static int is_conf(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return d->d_name[0] != '.' && n > 5 && fb_streq(d->d_name + n - 5, ".conf");
}

static void read_folder(struct reading *r, const char *folder, struct fb_text *all)
{
	struct dirent **names;
	int n = scandir(folder, &names, is_conf, alphasort);

	if (n < 0 && errno != ENOENT)
		fb_errs_addf(r->errs, FB_EXIT_CONFIG, folder, 0, "cannot be read: %s", strerror(errno));
	r->first = r->s->n;
	for (int i = 0; i < n; i++) {
		char *path = fb_asprintf("%s/%s", folder, names[i]->d_name);

		read_file(r, path, all);
		fb_free(path);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct fb_signature *)a)->id, ((const struct fb_signature *)b)->id);
}

int fb_signatures_read(const char *const *folders, struct fb_signatures *ret, struct fb_errs *errs)
{
	struct reading r = {.s = ret, .errs = errs};
	struct fb_text all = {0};
	size_t before = errs->n;

	*ret = (struct fb_signatures){0};
	for (; *folders; folders++)
		read_folder(&r, *folders, &all);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof *ret->v, by_id);
	fb_hash(all.p ? all.p : "", all.n, ret->hash);
	fb_text_clear(&all);
	return errs->n > before ? -1 : 0;
}

/* Of a signature whose texts are in a map the lists alone are its own. */
static void clear_mapped(struct fb_signature *s)
{
	char **lists[] = {s->match, s->unless, s->explains, s->examples, s->counter_examples};

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		fb_free(lists[i]);
	fb_free(s->fixes);
}

void fb_signatures_clear(struct fb_signatures *s)
{
	struct fb_map map = {s->map, s->map_size};

	for (size_t i = 0; i < s->n; i++)
		if (s->map)
			clear_mapped(&s->v[i]);
		else
			clear(&s->v[i]);
	fb_free(s->v);
	fb_map_close(&map);
	*s = (struct fb_signatures){0};
}

const struct fb_signature *fb_signatures_find(const struct fb_signatures *s, const char *id)
{
	struct fb_signature key = {.id = (char *)(uintptr_t)id};

	return s->n ? bsearch(&key, s->v, s->n, sizeof *s->v, by_id) : NULL;
}
