/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/database.h"

#include <fcntl.h>
#include <hs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/expression.h"
#include "analysis/map.h"
#include "base/io.h"
#include "base/mem.h"

#define CACHE_LIMIT ((size_t)256 << 20)
#define FLAGS (HS_FLAG_CASELESS | HS_FLAG_MULTILINE)

/* The library's memory for a database comes in one go instead of a page at a time: most of a start would be that. */
static void *take_memory(size_t n)
{
	void *p = NULL;

	if (posix_memalign(&p, 4096, n))
		return NULL;
#ifdef MADV_POPULATE_WRITE
	if (n >= 65536)
		(void)madvise(p, n, MADV_POPULATE_WRITE); /* kernels before 5.14 do without */
#endif
	return p;
}

struct part {
	const struct fb_signature *signature;
	size_t expression;
};

struct fb_database {
	hs_database_t *db;
	hs_scratch_t *scratch;
	struct part *parts;
	unsigned n;
};

static void list_parts(struct fb_database *d, const struct fb_signatures *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		for (char **m = s->v[i].match; *m; m++)
			n++;
	d->parts = fb_alloc((n ? n : 1) * sizeof *d->parts);
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; s->v[i].match[k]; k++)
			d->parts[d->n++] = (struct part){&s->v[i], k};
}

/* Can Hyperscan do it as it is? If not, it finds where it may match, and PCRE2 says whether it does. */
static unsigned flags_for(const char *expression)
{
	hs_compile_error_t *error = NULL;
	hs_expr_info_t *info = NULL;
	hs_error_t r = hs_expression_info(expression, FLAGS, &info, &error);

	free(info);
	hs_free_compile_error(error);
	return r == HS_SUCCESS ? FLAGS : FLAGS | HS_FLAG_PREFILTER;
}

static void refused(const struct fb_database *d, const hs_compile_error_t *error, struct fb_errs *errs)
{
	const struct part *p = error && error->expression >= 0 ? &d->parts[error->expression] : NULL;

	fb_errs_addf(errs, FB_EXIT_CONFIG, p ? p->signature->file : NULL, p ? p->signature->line : 0, "%s: %s", p ? p->signature->match[p->expression] : "the signatures",
		     error ? error->message : "they cannot be compiled");
}

/* What the library takes for possible and then refuses is found by the part that it can do, once more; all that it still refuses are errors, and are left out to find the next. */
static int compile_all(struct fb_database *d, char **expressions, unsigned *flags, const unsigned *ids, struct fb_errs *errs)
{
	size_t before = errs->n;

	for (unsigned tries = 0; tries <= 2 * d->n; tries++) {
		hs_compile_error_t *error = NULL;
		int bad;

		if (hs_compile_multi((const char *const *)expressions, flags, ids, d->n, HS_MODE_BLOCK, NULL, &d->db, &error) == HS_SUCCESS)
			break;
		bad = error ? error->expression : -1;
		if (bad >= 0 && !(flags[bad] & HS_FLAG_PREFILTER)) {
			flags[bad] |= HS_FLAG_PREFILTER;
		} else {
			refused(d, error, errs);
			if (bad >= 0)
				strcpy(expressions[bad], "x");
		}
		hs_free_compile_error(error);
		if (bad < 0)
			break;
	}
	return errs->n > before || !d->db ? -1 : 0;
}

static int compile(struct fb_database *d, struct fb_errs *errs)
{
	char **expressions = fb_alloc((d->n + 1) * sizeof *expressions);
	unsigned *flags = fb_alloc((d->n + 1) * sizeof *flags), *ids = fb_alloc((d->n + 1) * sizeof *ids);
	int r;

	for (unsigned i = 0; i < d->n; i++) {
		expressions[i] = fb_expression_for_scan(d->parts[i].signature->match[d->parts[i].expression]);
		flags[i] = flags_for(expressions[i]);
		ids[i] = i;
	}
	r = compile_all(d, expressions, flags, ids, errs);
	for (unsigned i = 0; i < d->n; i++)
		fb_free(expressions[i]);
	fb_free(expressions);
	fb_free(flags);
	fb_free(ids);
	return r;
}

/* The file's name is what the database was made of. */
static char *cache_path(const struct fb_signatures *s, const char *folder)
{
	hs_platform_info_t platform = {0};
	char hash[65], *key, *path;

	if (hs_populate_platform(&platform) != HS_SUCCESS)
		return NULL;
	key = fb_asprintf("3 %s %s %u %llx", s->hash, hs_version(), platform.tune, (unsigned long long)platform.cpu_features);
	fb_hash(key, strlen(key), hash);
	path = fb_asprintf("%s/signatures-%.32s.hsdb", folder, hash);
	fb_free(key);
	return path;
}

/* The file is a sum and the database: what is damaged is not given to the library, which has a sum of its own besides. Only what its owner or root can write is read at all. */
static int load(struct fb_database *d, const char *path)
{
	struct fb_err err = {0};
	struct fb_map map;
	uint64_t sum;
	int r = -1;

	if (fb_io_safe_path(path, (uid_t)-1, &err) < 0 || fb_map_open(path, CACHE_LIMIT, &map) < 0)
		return -1;
	if (map.n > sizeof sum) {
		memcpy(&sum, map.p, sizeof sum);
		if (sum == fb_map_sum(map.p + sizeof sum, map.n - sizeof sum) && hs_deserialize_database(map.p + sizeof sum, map.n - sizeof sum, &d->db) == HS_SUCCESS)
			r = 0;
	}
	fb_map_close(&map);
	return r;
}

static void keep(const struct fb_database *d, const char *folder, const char *path)
{
	struct fb_err err = {0};
	char *data = NULL;
	uint64_t sum;
	size_t n = 0;
	struct fb_text file = {0};

	if (hs_serialize_database(d->db, &data, &n) != HS_SUCCESS)
		return;
	sum = fb_map_sum(data, n);
	fb_text_add(&file, (const char *)&sum, sizeof sum);
	fb_text_add(&file, data, n);
	free(data);
	if (fb_io_make_folders(folder, 0755, &err) == 0)
		(void)!fb_io_replace_file(path, file.p, file.n, 0644, &err); /* not kept: made again next time */
	fb_text_clear(&file);
}

int fb_database_open(const struct fb_signatures *s, const char *cache, struct fb_database **ret, struct fb_errs *errs)
{
	struct fb_database *d = fb_alloc(sizeof *d);
	char *path = cache ? cache_path(s, cache) : NULL;
	int r = 0;

	hs_set_database_allocator(take_memory, free);
	list_parts(d, s);
	if (!path || load(d, path) < 0) {
		r = compile(d, errs);
		if (r == 0 && path)
			keep(d, cache, path);
	}
	fb_free(path);
	if (r == 0 && hs_alloc_scratch(d->db, &d->scratch) != HS_SUCCESS) {
		fb_errs_addf(errs, FB_EXIT_BUG, NULL, 0, "no memory to scan with");
		r = -1;
	}
	if (r < 0) {
		fb_database_close(d);
		d = NULL;
	}
	*ret = d;
	return r;
}

void fb_database_close(struct fb_database *d)
{
	if (!d)
		return;
	hs_free_scratch(d->scratch);
	hs_free_database(d->db);
	fb_free(d->parts);
	fb_free(d);
}

const struct fb_signature *fb_database_signature(const struct fb_database *d, unsigned number, size_t *ret_expression)
{
	if (ret_expression)
		*ret_expression = d->parts[number].expression;
	return d->parts[number].signature;
}

unsigned fb_database_count(const struct fb_database *d)
{
	return d->n;
}

int fb_database_scan(struct fb_database *d, const char *text, size_t n, fb_found_fn found, void *ctx)
{
	hs_error_t r = hs_scan(d->db, text, (unsigned)n, 0, d->scratch, found, ctx);

	return r == HS_SUCCESS || r == HS_SCAN_TERMINATED ? 0 : -1;
}
