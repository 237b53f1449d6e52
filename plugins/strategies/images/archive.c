/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A saved image, a tar archive as GET /images/NAME/get makes it, looked through without an engine: every header's sum, every file's SHA-256. Whole is one whose
 * manifest.json names a configuration and layers that are all in it, whose hashes are those that the configuration or their own names say, and which has the image's id among its hashes.
 */
#include "plugins/strategies/images/images.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 512
#define DOCUMENT_MAX ((uint64_t)4 << 20)
#define FILES_MAX 100000

struct member {
	char *name, *text; /* text: of small documents, which may be JSON */
	char hash[65];
	bool is_link;
};
struct archive {
	struct member *v;
	size_t n;
	char why[200];
};

static void clear(struct archive *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->v[i].name);
		free(a->v[i].text);
	}
	free(a->v);
	a->v = NULL;
	a->n = 0;
}

static const struct member *find(const struct archive *a, const char *name)
{
	for (size_t i = 0; name && i < a->n; i++)
		if (!strcmp(a->v[i].name, name))
			return &a->v[i];
	return NULL;
}

static const struct member *find_hash(const struct archive *a, const char *hash)
{
	for (size_t i = 0; i < a->n; i++)
		if (!strcmp(a->v[i].hash, hash))
			return &a->v[i];
	return NULL;
}

/* Octal, or base 256 as large sizes have it (POSIX pax, GNU tar). */
static uint64_t number(const unsigned char *field, size_t n)
{
	uint64_t ret = 0;

	if (field[0] & 0x80) {
		for (size_t i = n > 8 ? n - 8 : 1; i < n; i++)
			ret = ret << 8 | field[i];
		return ret;
	}
	for (size_t i = 0; i < n && field[i]; i++)
		if (field[i] >= '0' && field[i] <= '7')
			ret = ret << 3 | (uint64_t)(field[i] - '0');
	return ret;
}

static bool sum_is_right(const unsigned char *block)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < BLOCK; i++)
		sum += i >= 148 && i < 156 ? ' ' : block[i];
	return sum == number(block + 148, 8);
}

/* The content of one member; text is kept where it may be one of the documents. */
static int read_content(struct archive *a, FILE *f, uint64_t size, struct member *m)
{
	crypto_hash_sha256_state state;
	unsigned char block[65536], hash[crypto_hash_sha256_BYTES];
	uint64_t left = (size + BLOCK - 1) / BLOCK * BLOCK, done = 0;
	bool keep = size <= DOCUMENT_MAX;

	if (keep) {
		m->text = calloc(1, size + 1);
		if (!m->text)
			abort();
	}
	crypto_hash_sha256_init(&state);
	while (left) {
		size_t want = left > sizeof block ? sizeof block : (size_t)left, n = fread(block, 1, want, f), use;

		if (n != want) {
			snprintf(a->why, sizeof a->why, "it ends in the middle of %.100s", m->name);
			return -1;
		}
		use = done + n > size ? (size_t)(size - done) : n;
		crypto_hash_sha256_update(&state, block, use);
		if (keep)
			memcpy(m->text + done, block, use);
		done += use;
		left -= n;
	}
	crypto_hash_sha256_final(&state, hash);
	sodium_bin2hex(m->hash, sizeof m->hash, hash, sizeof hash);
	if (keep && size && m->text[0] != '{' && m->text[0] != '[') {
		free(m->text);
		m->text = NULL;
	}
	return 0;
}

/* "path" of a pax header: a name that is too long for the header after it; to be freed. */
static char *pax_path(const struct member *m, uint64_t size)
{
	const char *s = m->text;
	char *end;

	while (s && s < m->text + size) {
		unsigned long n = strtoul(s, &end, 10);
		size_t key = (size_t)(end - s) + 1;

		if (!n || *end != ' ' || s + n > m->text + size || n < key + 1)
			return NULL;
		if (n > key + 6 && !strncmp(end + 1, "path=", 5))
			return strndup(end + 6, n - key - 6);
		s += n;
	}
	return NULL;
}

static char *name_of(const unsigned char *block)
{
	char buf[300];

	if (block[345] && !memcmp(block + 257, "ustar", 5))
		snprintf(buf, sizeof buf, "%.155s/%.100s", (const char *)block + 345, (const char *)block);
	else
		snprintf(buf, sizeof buf, "%.100s", (const char *)block);
	return run_copy(buf);
}

/* 1: taken; 0: the end; -1 */
static int read_member(struct archive *a, FILE *f, char **longer)
{
	unsigned char block[BLOCK];
	struct member m = {0};
	uint64_t size;
	size_t n = fread(block, 1, BLOCK, f);
	char type;

	if (n == 0 || (n == BLOCK && !block[0]))
		return 0;
	if (n != BLOCK || !sum_is_right(block) || a->n >= FILES_MAX) {
		snprintf(a->why, sizeof a->why, n != BLOCK ? "it ends in the middle of a header" : "a header of it is damaged");
		return -1;
	}
	type = (char)block[156];
	size = type == '0' || type == 0 || type == 'x' || type == 'g' || type == 'L' ? number(block + 124, 12) : 0;
	m.name = *longer ? *longer : name_of(block);
	*longer = NULL;
	m.is_link = type == '1' || type == '2';
	if (read_content(a, f, size, &m)) {
		free(m.name);
		free(m.text);
		return -1;
	}
	if (type == 'x' || type == 'g' || type == 'L') {
		free(m.text);
		m.text = NULL;
		if (fseeko(f, -(off_t)((size + BLOCK - 1) / BLOCK * BLOCK), SEEK_CUR) == 0 && size <= DOCUMENT_MAX) {
			m.text = calloc(1, size + 1);
			if (!m.text)
				abort();
			if (fread(m.text, 1, size, f) == size && fseeko(f, (off_t)((BLOCK - size % BLOCK) % BLOCK), SEEK_CUR) == 0)
				*longer = type == 'L' ? run_copy(m.text) : type == 'x' ? pax_path(&m, size) : NULL;
		}
		free(m.name);
		free(m.text);
		return 1;
	}
	a->v = realloc(a->v, (a->n + 1) * sizeof *a->v);
	if (!a->v)
		abort();
	a->v[a->n++] = m;
	return 1;
}

/* Its hash is one of the configuration's, or what its own name says. */
static bool layer_is_right(const struct member *m, const json_t *diff_ids)
{
	const json_t *one;
	size_t i;

	if (m->is_link || strstr(m->name, m->hash))
		return true;
	json_array_foreach(diff_ids, i, one) {
		const char *id = json_string_value(one);

		if (id && !strncmp(id, "sha256:", 7) && !strcmp(id + 7, m->hash))
			return true;
	}
	return false;
}

static bool layers_are_right(struct archive *a, const json_t *layers, const json_t *diff_ids)
{
	const json_t *one;
	size_t i;

	if (!json_array_size(layers) || json_array_size(layers) != json_array_size(diff_ids)) {
		snprintf(a->why, sizeof a->why, "it has %zu layers, and its configuration %zu", json_array_size(layers), json_array_size(diff_ids));
		return false;
	}
	json_array_foreach(layers, i, one) {
		const struct member *m = find(a, json_string_value(one));

		if (m && layer_is_right(m, diff_ids))
			continue;
		snprintf(a->why, sizeof a->why, "layer %.100s %s", json_string_value(one) ? json_string_value(one) : "?", m ? "is damaged" : "is not in it");
		return false;
	}
	return true;
}

static bool is_whole(struct archive *a, const char *id)
{
	const struct member *manifest = find(a, "manifest.json"), *config;
	json_t *root = manifest && manifest->text ? json_loads(manifest->text, 0, NULL) : NULL, *settings = NULL;
	const json_t *image = json_array_get(root, 0);
	const char *hash = strncmp(id, "sha256:", 7) ? id : id + 7;
	bool ret = false;

	config = find(a, json_string_value(json_object_get(image, "Config")));
	settings = config && config->text ? json_loads(config->text, 0, NULL) : NULL;
	if (!settings)
		snprintf(a->why, sizeof a->why, "it has no %s", image ? "configuration of the image" : "manifest.json");
	else if (!find_hash(a, hash))
		snprintf(a->why, sizeof a->why, "nothing in it has the hash %.64s", hash);
	else
		ret = layers_are_right(a, json_object_get(image, "Layers"), json_object_get(json_object_get(settings, "rootfs"), "diff_ids"));
	json_decref(settings);
	json_decref(root);
	return ret;
}

int archive_look(const struct fb_call *call, const char *file, const char *id, const char *what)
{
	FILE *f = fopen(file, "re");
	struct archive a = {0};
	char *longer = NULL;
	int r = 1;

	if (!f)
		snprintf(a.why, sizeof a.why, "%s", strerror(errno));
	while (f && r > 0)
		r = read_member(&a, f, &longer);
	if (f && r == 0 && !is_whole(&a, id))
		r = -1;
	if (f)
		fclose(f);
	free(longer);
	clear(&a);
	if (f && r == 0)
		return 0;
	call->host->fail(call, "the saved image of %s is not whole: %s", what, a.why);
	return -1;
}
