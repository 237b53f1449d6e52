/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/index.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "analysis/map.h"
#include "base/io.h"
#include "base/mem.h"

#define INDEX_LIMIT ((size_t)64 << 20)
#define YOUNG 2 /* seconds: a file that was changed so lately may be changed again without another time */
#define MAGIC "fbsig 2\n"

/* ---- which files ---- */

static int is_conf(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return d->d_name[0] != '.' && n > 5 && fb_streq(d->d_name + n - 5, ".conf");
}

static void add_stat(struct fb_text *t, const char *path, time_t *newest)
{
	struct stat st;
	char *line;

	if (stat(path, &st) < 0) {
		fb_text_puts(t, path);
		return;
	}
	line = fb_asprintf("%s %llu %llu %lld %lld.%09ld %lld.%09ld\n", path, (unsigned long long)st.st_dev, (unsigned long long)st.st_ino, (long long)st.st_size, (long long)st.st_mtim.tv_sec,
			   st.st_mtim.tv_nsec, (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
	fb_text_puts(t, line);
	fb_free(line);
	*newest = st.st_ctim.tv_sec > *newest ? st.st_ctim.tv_sec : *newest;
}

/* The path of what is kept for these folders as they are; to be freed. */
static char *index_path(const char *const *folders, const char *cache, time_t *ret_newest)
{
	struct fb_text t = {0};
	char hash[65];

	*ret_newest = 0;
	fb_text_puts(&t, MAGIC);
	for (; *folders; folders++) {
		struct dirent **names;
		int n = scandir(*folders, &names, is_conf, alphasort);

		fb_text_add(&t, "\n", 1);
		for (int i = 0; i < n; i++) {
			char *path = fb_asprintf("%s/%s", *folders, names[i]->d_name);

			add_stat(&t, path, ret_newest);
			fb_free(path);
			free(names[i]);
		}
		if (n >= 0)
			free(names);
	}
	fb_hash(t.p, t.n, hash);
	fb_text_clear(&t);
	return fb_asprintf("%s/signatures-%.32s.index", cache, hash);
}

/* ---- as bytes: numbers, and texts that end in NUL; an absent text is an empty one, since none is empty ---- */

static void put_number(struct fb_text *t, uint32_t n)
{
	fb_text_add(t, (const char *)&n, sizeof n);
}

static void put_text(struct fb_text *t, const char *s)
{
	fb_text_add(t, s ? s : "", (s ? strlen(s) : 0) + 1);
}

static void put_list(struct fb_text *t, char **list)
{
	uint32_t n = 0;

	while (list[n])
		n++;
	put_number(t, n);
	for (; *list; list++)
		put_text(t, *list);
}

static void put_signature(struct fb_text *t, const struct fb_signature *s)
{
	const char *texts[] = {s->id, s->category, s->component, s->cause, s->parameter, s->file};
	char **lists[] = {s->match, s->unless, s->explains, s->examples, s->counter_examples};
	uint32_t n = 0;

	put_number(t, (uint32_t)s->role);
	put_number(t, (uint32_t)s->weight);
	put_number(t, (uint32_t)s->line);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		put_text(t, texts[i]);
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		put_list(t, lists[i]);
	while (s->fixes[n].action)
		n++;
	put_number(t, n);
	for (const struct fb_fix *f = s->fixes; f->action; f++) {
		put_text(t, f->priority);
		put_text(t, f->action);
		put_text(t, f->command);
	}
}

static void keep(const struct fb_signatures *s, const char *folder, const char *path)
{
	struct fb_text t = {0}, file = {0};
	struct fb_err err = {0};
	uint64_t sum;

	fb_text_add(&t, s->hash, sizeof s->hash);
	put_number(&t, (uint32_t)s->n);
	for (size_t i = 0; i < s->n; i++)
		put_signature(&t, &s->v[i]);
	sum = fb_map_sum(t.p, t.n);
	fb_text_add(&file, (const char *)&sum, sizeof sum);
	fb_text_add(&file, t.p, t.n);
	if (fb_io_make_folders(folder, 0755, &err) == 0)
		(void)!fb_io_replace_file(path, file.p, file.n, 0644, &err); /* not kept: read again next time */
	fb_text_clear(&t);
	fb_text_clear(&file);
}

/* ---- and back ---- */

struct bytes {
	const char *p, *end;
	bool bad;
};

static uint32_t number(struct bytes *b)
{
	uint32_t n = 0;

	if ((size_t)(b->end - b->p) < sizeof n) {
		b->bad = true;
		return 0;
	}
	memcpy(&n, b->p, sizeof n);
	b->p += sizeof n;
	return n;
}

static char *text(struct bytes *b)
{
	const char *nul = memchr(b->p, 0, (size_t)(b->end - b->p)), *s = b->p;

	if (!nul) {
		b->bad = true;
		return NULL;
	}
	b->p = nul + 1;
	return *s ? (char *)(uintptr_t)s : NULL;
}

/* So many things of at least one byte each cannot be there? */
static uint32_t count(struct bytes *b)
{
	uint32_t n = number(b);

	if (n > (size_t)(b->end - b->p))
		b->bad = true;
	return b->bad ? 0 : n;
}

static char **list(struct bytes *b)
{
	uint32_t n = count(b);
	char **ret = fb_alloc(((size_t)n + 1) * sizeof *ret);

	for (uint32_t i = 0; i < n; i++)
		if (!(ret[i] = text(b)))
			b->bad = true;
	return ret;
}

static void take_signature(struct bytes *b, struct fb_signature *s)
{
	char **texts[] = {&s->id, &s->category, &s->component, &s->cause, &s->parameter, &s->file};
	char ***lists[] = {&s->match, &s->unless, &s->explains, &s->examples, &s->counter_examples};
	uint32_t n;

	s->role = (enum fb_role)number(b);
	s->weight = (int)number(b);
	s->line = (int)number(b);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		*texts[i] = text(b);
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		*lists[i] = list(b);
	n = count(b);
	s->fixes = fb_alloc(((size_t)n + 1) * sizeof *s->fixes);
	for (uint32_t i = 0; i < n; i++) {
		s->fixes[i].priority = text(b);
		s->fixes[i].action = text(b);
		s->fixes[i].command = text(b);
		b->bad |= !s->fixes[i].priority || !s->fixes[i].action;
	}
	b->bad |= !s->id || !s->category || !s->file || s->role > FB_ROLE_END;
}

static int load(const char *path, struct fb_signatures *ret)
{
	struct fb_err err = {0};
	struct fb_map map;
	struct bytes b;
	uint64_t sum;

	if (fb_io_safe_path(path, (uid_t)-1, &err) < 0 || fb_map_open(path, INDEX_LIMIT, &map) < 0)
		return -1;
	b = (struct bytes){map.p + sizeof sum, map.p + map.n, map.n < sizeof sum + sizeof ret->hash};
	if (!b.bad)
		memcpy(&sum, map.p, sizeof sum);
	if (b.bad || sum != fb_map_sum(b.p, (size_t)(b.end - b.p))) {
		fb_map_close(&map);
		return -1;
	}
	*ret = (struct fb_signatures){.map = map.p, .map_size = map.n};
	memcpy(ret->hash, b.p, sizeof ret->hash);
	b.p += sizeof ret->hash;
	b.bad = ret->hash[64] != 0;
	ret->n = count(&b);
	ret->v = fb_alloc((ret->n + 1) * sizeof *ret->v);
	for (size_t i = 0; i < ret->n; i++)
		take_signature(&b, &ret->v[i]);
	if (b.bad) {
		fb_signatures_clear(ret);
		return -1;
	}
	return 0;
}

int fb_index_read(const char *const *folders, const char *cache, struct fb_signatures *ret, struct fb_errs *errs)
{
	time_t newest;
	char *path = cache ? index_path(folders, cache, &newest) : NULL;
	int r = 0;

	if (!path || load(path, ret) < 0) {
		r = fb_signatures_read(folders, ret, errs);
		if (r == 0 && path && time(NULL) - newest > YOUNG)
			keep(ret, cache, path);
	}
	fb_free(path);
	return r;
}
