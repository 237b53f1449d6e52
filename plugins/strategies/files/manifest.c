/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of what is in a folder: comparing them, as text and back, patterns. Knows no disk. */
#include <fnmatch.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/strategies/files/files.h"

#define SAID 5

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

struct fs_entry *fs_list_add(struct fs_list *l, const char *path)
{
	struct fs_entry *e;

	if (l->n == l->room) {
		l->room = l->room ? l->room * 2 : 64;
		l->v = must(realloc(l->v, l->room * sizeof *l->v));
	}
	e = &l->v[l->n++];
	memset(e, 0, sizeof *e);
	e->path = run_copy(path);
	return e;
}

void fs_list_copy(struct fs_list *to, const struct fs_entry *from)
{
	struct fs_entry *e = fs_list_add(to, from->path);
	char *path = e->path;

	*e = *from;
	e->path = path;
	e->content = run_copy(from->content);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct fs_entry *)a)->path, ((const struct fs_entry *)b)->path);
}

void fs_list_sort(struct fs_list *l)
{
	if (l->n)
		qsort(l->v, l->n, sizeof *l->v, by_path);
}

struct fs_entry *fs_list_find(const struct fs_list *l, const char *path)
{
	struct fs_entry key = {.path = (char *)(uintptr_t)path};

	return l->n ? bsearch(&key, l->v, l->n, sizeof *l->v, by_path) : NULL;
}

void fs_entry_clear(struct fs_entry *e)
{
	free(e->path);
	free(e->content);
	memset(e, 0, sizeof *e);
}

void fs_list_remove(struct fs_list *l, const struct fs_entry *e)
{
	size_t at = (size_t)(e - l->v);

	fs_entry_clear(&l->v[at]);
	l->n--;
	memmove(&l->v[at], &l->v[at + 1], (l->n - at) * sizeof *l->v);
}

void fs_list_clear(struct fs_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		fs_entry_clear(&l->v[i]);
	free(l->v);
	memset(l, 0, sizeof *l);
}

static bool same_content(const struct fs_entry *a, const struct fs_entry *b)
{
	return a->type == b->type && (a->type != 'f' || a->size == b->size) && !strcmp(a->content ? a->content : "", b->content ? b->content : "");
}

bool fs_same(const struct fs_entry *a, const struct fs_entry *b, bool owners)
{
	return same_content(a, b) && (a->type == 'l' || a->mode == b->mode) && (!owners || (a->uid == b->uid && a->gid == b->gid));
}

int fs_diff(const struct fs_list *a, const struct fs_list *b, int (*f)(void *ctx, const struct fs_entry *a, const struct fs_entry *b), void *ctx)
{
	size_t i = 0, k = 0;
	int rc = 0;

	while (!rc && (i < a->n || k < b->n)) {
		int order = i == a->n ? 1 : k == b->n ? -1 : strcmp(a->v[i].path, b->v[k].path);
		const struct fs_entry *x = order <= 0 ? &a->v[i++] : NULL, *y = order >= 0 ? &b->v[k++] : NULL;

		if (!x || !y || !fs_same(x, y, true))
			rc = f(ctx, x, y);
	}
	return rc;
}

static const char *how(const struct fs_entry *a, const struct fs_entry *b)
{
	if (!a || !b)
		return a ? "gone" : "new";
	return a->type != b->type ? "another type" : !same_content(a, b) ? "content" : a->mode != b->mode && a->type != 'l' ? "permissions" : "owner";
}

struct saying {
	char *buf;
	size_t size, at, n;
};

static int say(void *ctx, const struct fs_entry *a, const struct fs_entry *b)
{
	struct saying *w = ctx;
	char path[200];

	if (w->n++ < SAID && w->at < w->size) {
		const char *p = a ? a->path : b->path;

		w->at += (size_t)snprintf(w->buf + w->at, w->size - w->at, "%s%s (%s)", w->n > 1 ? ", " : "", run_printable(p, strlen(p), path, sizeof path), how(a, b));
	}
	return 0;
}

size_t fs_diff_say(const struct fs_list *a, const struct fs_list *b, char *buf, size_t size)
{
	struct saying w = {.buf = buf, .size = size};

	*buf = 0;
	fs_diff(a, b, say, &w);
	if (w.n > SAID && w.at < size)
		snprintf(buf + w.at, size - w.at, " and %zu more", w.n - SAID);
	return w.n;
}

static int put_line(void *ctx, const struct fs_entry *a, const struct fs_entry *b)
{
	const char *p = a ? a->path : b->path;
	char path[1000];

	fprintf(ctx, "%-12s %s\n", how(a, b), run_printable(p, strlen(p), path, sizeof path));
	return 0;
}

char *fs_diff_text(const struct fs_list *a, const struct fs_list *b)
{
	char *text = NULL;
	size_t size;
	FILE *out = must(open_memstream(&text, &size));

	fs_diff(a, b, put_line, out);
	if (fclose(out))
		abort();
	return text;
}

/* ---- as text: one line each, "f 644 0 0 12 HASH path" ---- */

static void put_word(FILE *out, const char *s)
{
	if (!*s)
		fputc('-', out);
	for (size_t i = 0; s[i]; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c <= ' ' || c == '%' || c == 0x7f || (c == '-' && !i && !s[1]))
			fprintf(out, "%%%02x", c);
		else
			fputc(c, out);
	}
}

static void put_entry(FILE *out, const struct fs_entry *e)
{
	fprintf(out, "%c %o %u %u %" PRIu64 " ", e->type, (unsigned)e->mode, (unsigned)e->uid, (unsigned)e->gid, e->size);
	put_word(out, e->content ? e->content : "");
	fputc(' ', out);
	put_word(out, e->path);
	fputc('\n', out);
}

static char *write_text(const struct fb_call *call, const struct fs_list *l, const char *patterns, size_t *ret_size)
{
	char *text = NULL;
	FILE *out = must(open_memstream(&text, ret_size));

	for (size_t i = 0; i < l->n; i++)
		if (!patterns || fs_match_option(call, patterns, l->v[i].path))
			put_entry(out, &l->v[i]);
	if (fclose(out))
		abort();
	return text;
}

char *fs_list_write(const struct fs_list *l, size_t *ret_size)
{
	return write_text(NULL, l, NULL, ret_size);
}

/* The next word, decoded in place, and where the one after it begins. */
static char *take_word(char **at, char end)
{
	char *word = *at, *to = word, *stop = strchr(word, end);
	unsigned c;

	if (!stop)
		return NULL;
	*at = stop + 1;
	*stop = 0;
	if (!strcmp(word, "-"))
		*word = 0;
	for (char *from = word; *from; from++) {
		if (*from == '%' && sscanf(from + 1, "%2x", &c) == 1) {
			*to++ = (char)c;
			from += 2;
		} else {
			*to++ = *from;
		}
	}
	*to = 0;
	return word;
}

static bool read_line(char **at, struct fs_list *ret)
{
	unsigned mode, uid, gid;
	int used = 0;
	uint64_t size;
	struct fs_entry *e;
	char type, *content, *path;

	if (sscanf(*at, "%c %o %u %u %" SCNu64 " %n", &type, &mode, &uid, &gid, &size, &used) != 5 || !used)
		return false;
	*at += used;
	content = take_word(at, ' ');
	path = content ? take_word(at, '\n') : NULL;
	if (!path || !*path)
		return false;
	e = fs_list_add(ret, path);
	e->type = type;
	e->mode = mode;
	e->uid = uid;
	e->gid = gid;
	e->size = size;
	e->content = run_copy(content);
	return true;
}

bool fs_list_read(const char *text, struct fs_list *ret)
{
	char *copy = run_copy(text), *at = copy;
	bool good = true;

	memset(ret, 0, sizeof *ret);
	while (good && *at)
		good = read_line(&at, ret);
	free(copy);
	if (!good)
		fs_list_clear(ret);
	fs_list_sort(ret);
	return good;
}

void fs_hash(const void *data, size_t size, char ret[FS_HASH])
{
	unsigned char sum[32];

	crypto_generichash(sum, sizeof sum, data, size, NULL, 0);
	sodium_bin2hex(ret, FS_HASH, sum, sizeof sum);
}

void fs_list_digest(const struct fb_call *call, const struct fs_list *l, const char *patterns, char ret[FS_HASH])
{
	size_t size;
	char *text = write_text(call, l, patterns, &size);

	fs_hash(text, size, ret);
	free(text);
}

/* ---- patterns ---- */

static bool match_segment(const char *p, size_t pn, const char *s, size_t sn)
{
	char *pattern = must(strndup(p, pn)), *text = must(strndup(s, sn));
	bool yes = fnmatch(pattern, text, 0) == 0;

	free(pattern);
	free(text);
	return yes;
}

bool fs_match(const char *p, const char *s)
{
	size_t pn = strcspn(p, "/"), sn = strcspn(s, "/");

	if (pn == 2 && !strncmp(p, "**", 2)) {
		p += 2;
		p += strspn(p, "/");
		if (!*p)
			return true;
		for (;; s += sn + 1, sn = strcspn(s, "/")) {
			if (fs_match(p, s))
				return true;
			if (!s[sn])
				return false;
		}
	}
	if (!match_segment(p, pn, s, sn))
		return false;
	p += pn;
	p += strspn(p, "/");
	if (!*p)
		return true;
	return s[sn] && fs_match(p, s + sn + 1);
}

bool fs_match_option(const struct fb_call *call, const char *list, const char *path)
{
	uint32_t n = call->host->option_count(call, list);
	char item[100];

	for (uint32_t i = 0; i < n; i++) {
		const char *pattern;

		snprintf(item, sizeof item, "%s[%u]", list, (unsigned)i);
		pattern = call->host->option(call, item);
		if (pattern && fs_match(pattern, path))
			return true;
	}
	return false;
}
