/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/known.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "analysis/reader.h"
#include "base/io.h"
#include "base/mem.h"

#define MAGIC "FBKNOWN\n"
#define FORMAT 1
#define ORDER 0x01020304u
#define SEEN ((uint64_t)7) /* the low bits of an entry: in which of the last successes, the newest first; the others are the hash */
#define NEWEST ((uint64_t)1)
#define WORD_LEAST 3
#define WORD_MOST 40
#define END ".known"
#define LEFT_SECONDS 3600

struct header {
	char magic[8];
	uint32_t version, order;
	uint64_t lines, words;
	uint32_t successes, unused;
	char sha256[64]; /* of all that follows it, with these fields before it */
};

struct table { /* sorted */
	uint64_t *v;
	size_t n;
};

struct fb_known {
	struct table lines, words;
	int successes;
};

struct set { /* open hash table, 0: free */
	uint64_t *v;
	size_t n, room;
};

struct learner {
	struct set lines, words;
};

static uint64_t step(uint64_t h, unsigned char c)
{
	return (h ^ c) * 1099511628211u;
}

/* FNV-1a mixes its low bits well and its high ones badly; entries are compared by all but three. */
static uint64_t finish(uint64_t h)
{
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	h ^= h >> 32;
	return h ? h : 1;
}

uint64_t fb_known_shape(const char *line, size_t n)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < n;) {
		size_t word = 0, digits = 0;

		while (i + word < n && isalnum((unsigned char)line[i + word])) {
			digits += isdigit((unsigned char)line[i + word]) != 0;
			word++;
		}
		if (word && digits)
			h = step(h, '0');
		else
			for (size_t k = 0; k < (word ? word : 1); k++)
				if (!isspace((unsigned char)line[i + k]))
					h = step(h, (unsigned char)tolower((unsigned char)line[i + k]));
		i += word ? word : 1;
	}
	return finish(h);
}

/* The next word of letters from *at; 0: there is none. Words with digits are left out: they are counted, not said. */
static uint64_t next_word(const char *line, size_t n, size_t *at)
{
	while (*at < n) {
		uint64_t h = 14695981039346656037u;
		size_t from = *at;
		bool digits = false;

		while (*at < n && (isalnum((unsigned char)line[*at]) || (unsigned char)line[*at] >= 0x80 || line[*at] == '_')) {
			digits |= isdigit((unsigned char)line[*at]) != 0;
			h = step(h, (unsigned char)tolower((unsigned char)line[(*at)++]));
		}
		if (*at - from >= WORD_LEAST && *at - from <= WORD_MOST && !digits)
			return finish(h);
		if (*at == from)
			(*at)++;
	}
	return 0;
}

/* ---- reading */

static int by_hash(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a & ~SEEN, y = *(const uint64_t *)b & ~SEEN;

	return (x > y) - (x < y);
}

static uint64_t seen_in(const struct table *t, uint64_t hash)
{
	const uint64_t *found = t->n ? bsearch(&hash, t->v, t->n, sizeof *t->v, by_hash) : NULL;

	return found ? *found & SEEN : 0;
}

static bool is_sorted(const struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (!(t->v[i] & SEEN) || (i && by_hash(&t->v[i - 1], &t->v[i]) >= 0))
			return false;
	return true;
}

/* Of the header without its own sum, and all entries. */
static void sum(const struct header *h, const void *entries, size_t size, char ret[FB_HASH_SIZE])
{
	size_t before = offsetof(struct header, sha256);
	char *all = fb_alloc(before + size + 1);

	memcpy(all, h, before);
	memcpy(all + before, entries, size);
	fb_hash(all, before + size, ret);
	fb_free(all);
}

static struct table take(const uint64_t *from, size_t n)
{
	struct table t = {fb_alloc((n + 1) * sizeof *t.v), n};

	memcpy(t.v, from, n * sizeof *t.v);
	return t;
}

/* What is wrong with it; NULL: nothing. */
static const char *check(const struct header *h, const char *data, size_t size)
{
	char hash[FB_HASH_SIZE];

	if (memcmp(h->magic, MAGIC, sizeof h->magic))
		return "it is no such file";
	if (h->order != ORDER || h->version != FORMAT)
		return "it is of another version of failback or another machine";
	if (h->lines > FB_KNOWN_LINES || h->words > FB_KNOWN_LINES || size != sizeof *h + (h->lines + h->words) * sizeof(uint64_t) || h->successes < 1 || h->successes > FB_KNOWN_SUCCESSES)
		return "it is cut off or damaged";
	sum(h, data + sizeof *h, size - sizeof *h, hash);
	return memcmp(hash, h->sha256, sizeof h->sha256) ? "its checksum is not that of its content" : NULL;
}

struct fb_known *fb_known_read(const char *path, struct fb_err *err)
{
	const size_t most = sizeof(struct header) + 2 * FB_KNOWN_LINES * sizeof(uint64_t);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct fb_known *k = NULL;
	const char *wrong = NULL;
	struct header h = {0};
	size_t size = 0;
	struct stat st;
	char *data = NULL;
	ssize_t n = 0;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		fb_err_set(err, FB_EXIT_USAGE, "cannot read what is known of successes from %s: %s", path, fd < 0 ? strerror(errno) : "it is no file");
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	data = fb_alloc(most + 1);
	while (size <= most && (n = read(fd, data + size, most + 1 - size)) > 0)
		size += (size_t)n;
	close(fd);
	if (size >= sizeof h)
		memcpy(&h, data, sizeof h);
	wrong = n < 0 ? strerror(errno) : size < sizeof h ? "it is cut off" : check(&h, data, size);
	if (!wrong) {
		k = fb_alloc(sizeof *k);
		k->lines = take((const uint64_t *)(const void *)(data + sizeof h), h.lines);
		k->words = take((const uint64_t *)(const void *)(data + sizeof h) + h.lines, h.words);
		k->successes = (int)h.successes;
		if (!is_sorted(&k->lines) || !is_sorted(&k->words)) {
			wrong = "it is not in order";
			fb_known_free(k);
			k = NULL;
		}
	}
	if (wrong)
		fb_err_set(err, FB_EXIT_CONFIG, "what is known of successes in %s is not used: %s; the next success begins it anew", path, wrong);
	fb_free(data);
	return k;
}

void fb_known_free(struct fb_known *k)
{
	if (!k)
		return;
	fb_free(k->lines.v);
	fb_free(k->words.v);
	fb_free(k);
}

int fb_known_successes(const struct fb_known *k)
{
	return k->successes;
}

int fb_known_line(const struct fb_known *k, const char *line, size_t n)
{
	uint64_t seen = seen_in(&k->lines, fb_known_shape(line, n)), word;
	size_t at = 0;

	if (seen)
		return seen >> (FB_KNOWN_SUCCESSES - 1) && !(seen & (SEEN >> 1)) ? FB_KNOWN_FADING : FB_KNOWN_USUAL;
	while ((word = next_word(line, n, &at)))
		if (!seen_in(&k->words, word))
			return FB_KNOWN_NEVER;
	return FB_KNOWN_NEW;
}

/* ---- learning */

static void put(struct set *s, uint64_t h)
{
	size_t i;

	h &= ~SEEN;
	h = h ? h : SEEN + 1;
	if (s->n * 2 >= s->room) {
		struct set larger = {.room = s->room ? 2 * s->room : 4096};

		if (s->n >= FB_KNOWN_LINES)
			return;
		larger.v = fb_alloc(larger.room * sizeof *larger.v);
		for (i = 0; i < s->room; i++)
			if (s->v[i])
				put(&larger, s->v[i]);
		fb_free(s->v);
		*s = larger;
	}
	for (i = (h >> 3) & (s->room - 1); s->v[i] && s->v[i] != h;)
		i = (i + 1) & (s->room - 1);
	if (s->v[i] || s->n >= FB_KNOWN_LINES)
		return;
	s->v[i] = h;
	s->n++;
}

static void on_block(void *ctx, const struct fb_log_block *b)
{
	struct learner *l = ctx;

	for (const char *p = b->text + b->fresh, *end = b->text + b->n, *next; p < end; p = next + 1) {
		size_t at = 0, n;
		uint64_t word;

		next = memchr(p, '\n', (size_t)(end - p));
		next = next ? next : end;
		n = (size_t)(next - p);
		if (!n)
			continue;
		put(&l->lines, fb_known_shape(p, n));
		while ((word = next_word(p, n, &at)))
			put(&l->words, word);
	}
}

/* What was there grows older by one success, what is new is the newest. Newer entries have precedence where there are too many. */
static struct table merge(const struct table *old, const struct set *new)
{
	struct table t = {fb_alloc((old->n + new->n + 1) * sizeof *t.v), 0};
	size_t kept = 0;

	for (size_t i = 0; i < new->room; i++)
		if (new->v[i])
			t.v[t.n++] = new->v[i] | NEWEST | (seen_in(old, new->v[i]) << 1 & SEEN);
	qsort(t.v, t.n, sizeof *t.v, by_hash);
	for (size_t i = 0; i < old->n; i++) {
		uint64_t seen = (old->v[i] & SEEN) << 1 & SEEN;

		if (seen && !seen_in(&(struct table){t.v, new->n}, old->v[i]) && t.n < FB_KNOWN_LINES) {
			t.v[t.n++] = (old->v[i] & ~SEEN) | seen;
			kept++;
		}
	}
	if (kept)
		qsort(t.v, t.n, sizeof *t.v, by_hash);
	return t;
}

static int write_known(const char *path, const struct table *lines, const struct table *words, int successes, struct fb_err *err)
{
	struct header h = {.magic = MAGIC, .version = FORMAT, .order = ORDER, .lines = lines->n, .words = words->n, .successes = (uint32_t)successes};
	size_t size = (lines->n + words->n) * sizeof(uint64_t);
	char *data = fb_alloc(sizeof h + size + 1), hash[FB_HASH_SIZE];
	int r;

	memcpy(data + sizeof h, lines->v, lines->n * sizeof *lines->v);
	memcpy(data + sizeof h + lines->n * sizeof *lines->v, words->v, words->n * sizeof *words->v);
	sum(&h, data + sizeof h, size, hash);
	memcpy(h.sha256, hash, sizeof h.sha256);
	memcpy(data, &h, sizeof h);
	r = fb_io_replace_file(path, data, sizeof h + size, 0640, err);
	fb_free(data);
	return r;
}

/* ---- the folder */

struct entry {
	char name[256];
	int64_t size, at_ns;
};

static int oldest_first(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return (x->at_ns > y->at_ns) - (x->at_ns < y->at_ns);
}

/* Removes those that were not written for longest until all fit; what cannot be removed stays. */
static void keep_small(const char *path, int64_t room)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? fb_asprintf("%.*s", (int)(slash - path) + 1, path) : fb_strdup(".");
	DIR *d = opendir(folder);
	struct entry *v = NULL;
	size_t n = 0, most = 0;
	struct dirent *e;
	struct stat st;
	int64_t all = 0;

	while (d && (e = readdir(d))) {
		size_t length = strlen(e->d_name);

		if (strstr(e->d_name, END ".") && fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mtim.tv_sec < time(NULL) - LEFT_SECONDS)
			unlinkat(dirfd(d), e->d_name, 0); /* of one that was ended while it wrote */
		if (length < strlen(END) || length >= sizeof v->name || strcmp(e->d_name + length - strlen(END), END) || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (n == most)
			v = fb_realloc(v, (most = most ? 2 * most : 64) * sizeof *v);
		memcpy(v[n].name, e->d_name, length + 1);
		v[n].size = st.st_size;
		v[n++].at_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
		all += st.st_size;
	}
	if (n)
		qsort(v, n, sizeof *v, oldest_first);
	for (size_t i = 0; i + 1 < n && all > room; i++)
		if (unlinkat(dirfd(d), v[i].name, 0) == 0)
			all -= v[i].size;
	if (d)
		closedir(d);
	fb_free(v);
	fb_free(folder);
}

int fb_known_learn(const char *path, const char *const *logs, size_t n, struct fb_err *ret_why, struct fb_err *err)
{
	struct fb_err why = {0};
	struct fb_known *old = fb_known_read(path, &why), none = {0};
	struct learner l = {{0}, {0}};
	struct table lines, words;
	int64_t bytes, count;
	int r;

	if (!old && ret_why && access(path, F_OK) == 0)
		*ret_why = why;
	for (size_t i = 0; i < n; i++) {
		int fd = open(logs[i], O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

		if (fd >= 0 && fb_log_read(fd, on_block, &l, &bytes, &count) < 0 && ret_why)
			fb_err_set(ret_why, FB_EXIT_FAILED, "reading %s failed: %s", logs[i], strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	lines = merge(old ? &old->lines : &none.lines, &l.lines);
	words = merge(old ? &old->words : &none.words, &l.words);
	r = write_known(path, &lines, &words, old && old->successes < FB_KNOWN_SUCCESSES ? old->successes + 1 : old ? FB_KNOWN_SUCCESSES : 1, err);
	if (r == 0)
		keep_small(path, FB_KNOWN_ROOM);
	fb_free(lines.v);
	fb_free(words.v);
	fb_free(l.lines.v);
	fb_free(l.words.v);
	fb_known_free(old);
	return r;
}
