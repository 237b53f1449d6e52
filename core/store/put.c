/* SPDX-License-Identifier: Apache-2.0 */
/* One item: locks, the part it goes to, its document; content of a file or a stream. Trees are put_tree.c's. */
#include "store/put.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/document.h"
#include "store/flush.h"
#include "store/hash.h"
#include "store/index.h"
#include "store/manifest.h"
#include "store/pool.h"
#include "store/prune.h"
#include "store/set.h"

#define SLOTS 10 /* chunks under way: 10 MiB */

struct chunk {
	uint8_t *data;
	size_t size;
	bool encrypted;
	struct fb_oid id;
	struct fb_cost cost;
	struct fb_err *err; /* NULL: none */
};

struct stream {
	struct fb_content_writer writer;
	struct fb_cost cost;
	const struct fb_put *put;
	uint64_t total;
	struct fb_flush *flush;
};

static void store_chunk(void *job, struct fb_object_io *io)
{
	struct chunk *c = job;
	struct fb_err err = {0};

	c->cost = (struct fb_cost){0};
	if (fb_object_put(io, c->data, c->size, 0, c->encrypted, &c->id, &c->cost, &err) == 0)
		return;
	c->err = fb_alloc(sizeof *c->err);
	*c->err = err;
}

static int take_chunk(void *ctx, void *job, struct fb_err *err)
{
	struct stream *s = ctx;
	struct chunk *c = job;
	int r = c->err ? -1 : 0;

	if (err && c->err)
		*err = *c->err;
	fb_free(c->err);
	c->err = NULL;
	if (!err || r < 0)
		return -1;
	s->cost.stored += c->cost.stored;
	s->cost.written += c->cost.written;
	fb_flush_written(s->flush, c->cost.written);
	if (fb_content_add(&s->writer, &c->id, c->size, err) < 0)
		return -1;
	if (s->put->progress)
		s->put->progress(s->put->ctx, s->writer.size, s->total, s->put->item);
	return 0;
}

static void free_chunk(void *job)
{
	fb_free(((struct chunk *)job)->data);
}

/* Fills a chunk from fd; fewer bytes only at the end. -1 with errno. */
static ssize_t fill(int fd, uint8_t *data, size_t size)
{
	size_t n = 0;

	while (n < size) {
		ssize_t got = read(fd, data + n, size - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

/* Reads fd to its end. */
static int feed(struct fb_pool *pool, int fd, bool encrypted, struct fb_hash *whole, struct fb_err *err)
{
	ssize_t n;

	for (;;) {
		struct chunk *c = fb_pool_slot(pool, err);

		if (!c)
			return -1;
		if (!c->data)
			c->data = fb_alloc(FB_CHUNK);
		n = fill(fd, c->data, FB_CHUNK);
		if (n < 0)
			return fb_err_set(err, FB_STORE_IO, "cannot read what is to be kept: %s", strerror(errno));
		if (n == 0)
			return fb_pool_drain(pool, err);
		c->size = (size_t)n;
		c->encrypted = encrypted;
		fb_hash_add(whole, c->data, c->size);
		fb_pool_submit(pool);
	}
}

static void set_text(json_t *o, const char *name, const struct fb_oid *id)
{
	char text[FB_OID_TEXT];

	json_object_set_new(o, name, json_string(fb_oid_text(id, text)));
}

static int put_content(struct fb_store *s, const struct fb_put *put, int fd, uint64_t total, bool encrypted, bool distrust, json_t *item, struct fb_err *err)
{
	struct stream stream = {.put = put, .total = total, .flush = fb_flush_new(s->objects), .writer = {.io = fb_object_io_new(s), .store = s, .encrypted = encrypted}};
	struct fb_pool_form form = {.slots = SLOTS, .job_size = sizeof(struct chunk), .work = store_chunk, .take = take_chunk, .ctx = &stream, .store = s, .distrust = distrust};
	struct fb_pool *pool = fb_pool_new(&form);
	struct fb_hash whole;
	struct fb_oid hash;
	struct fb_ref ref;
	int r;

	if (distrust)
		fb_object_io_distrust(stream.writer.io);
	fb_hash_begin(&whole, s, encrypted);
	r = feed(pool, fd, encrypted, &whole, err);
	fb_pool_free(pool, free_chunk);
	if (fb_flush_end(stream.flush) < 0 && r == 0)
		r = fb_err_set(err, FB_STORE_IO, "cannot bring to disk what was written in %s: %s", s->path, strerror(errno));
	if (r == 0)
		r = fb_content_end(&stream.writer, &ref, err);
	if (r == 0) {
		fb_hash_end(&whole, &hash);
		json_object_set_new(item, "size", json_integer((json_int_t)ref.size));
		json_object_set_new(item, "stored", json_integer((json_int_t)(stream.cost.stored + stream.writer.cost.stored)));
		json_object_set_new(item, "written", json_integer((json_int_t)(stream.cost.written + stream.writer.cost.written)));
		set_text(item, "object", &ref.id);
		set_text(item, "hash", &hash);
	}
	fb_content_clear(&stream.writer);
	fb_object_io_free(stream.writer.io);
	return r;
}

static int put_file(struct fb_store *s, const struct fb_put *put, bool encrypted, bool distrust, json_t *item, json_t *said, struct fb_err *err)
{
	int fd = open(put->file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), r;
	struct stat st, after;
	char *place;

	if (fd < 0)
		return fb_err_set(err, errno == ENOENT ? FB_STORE_ABSENT : errno == EACCES ? FB_STORE_DENIED : FB_STORE_IO, "cannot open %s: %s", put->file, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return fb_err_set(err, FB_STORE_USAGE, "%s is no regular file: --tree takes folders, --stdin takes streams", put->file);
	}
	r = put_content(s, put, fd, (uint64_t)st.st_size, encrypted, distrust, item, err);
	if (r == 0 && (fstat(fd, &after) < 0 || after.st_mtim.tv_sec != st.st_mtim.tv_sec || after.st_mtim.tv_nsec != st.st_mtim.tv_nsec ||
		       after.st_size != json_integer_value(json_object_get(item, "size"))))
		json_object_set_new(said, "changed", json_pack("[s]", put->file));
	close(fd);
	place = r == 0 ? realpath(put->file, NULL) : NULL;
	if (place) { /* where --in-place puts it; a path that is no UTF-8 is not remembered */
		json_object_set_new(item, "path", json_string(place));
		free(place);
	}
	if (r == 0) {
		json_object_set_new(item, "mode", json_integer(st.st_mode & 07777));
		json_object_set_new(item, "uid", json_integer(st.st_uid));
		json_object_set_new(item, "gid", json_integer(st.st_gid));
		json_object_set_new(item, "mtime", json_integer(st.st_mtim.tv_sec));
		json_object_set_new(item, "mtime_ns", json_integer(st.st_mtim.tv_nsec));
	}
	return r;
}

/* The first writer since the machine was started sweeps what may be half on disk. Where that cannot be done, what is there is read before it is relied on. */
static int begin(struct fb_store *s, bool *distrust, struct fb_err *err)
{
	int first = fb_set_first_writer(s, err);

	if (first < 0)
		return -1;
	if (first) {
		if (fb_store_lock(s, true, NULL) == 0 && fb_prune_garbage(s, NULL) == 0) {
			if (fb_set_mark_writing(s, err) < 0)
				return -1;
		} else {
			*distrust = true;
		}
	}
	return fb_store_lock(s, false, err);
}

/* What a program prints, if it exits with 0 after that. */
static int put_program(struct fb_store *s, const struct fb_put *put, bool encrypted, bool distrust, json_t *item, struct fb_err *err)
{
	struct fb_program p;

	if (fb_program_start(&p, put->program, false, err) < 0)
		return -1;
	if (put_content(s, put, p.fd, 0, encrypted, distrust, item, err) < 0) {
		fb_program_stop(&p);
		return -1;
	}
	return fb_program_finish(&p, err);
}

static const char *default_source(const struct fb_put *put)
{
	return put->file ? put->file : put->program ? put->program->argv[0] : "standard input"; /* no arguments: they may be secrets */
}

static int put_item(struct fb_store *s, const struct fb_put *put, int part, bool distrust, json_t *item, json_t *said, struct fb_err *err)
{
	bool encrypted = s->encryption == FB_STORE_ALL || (s->encryption == FB_STORE_SECRETS && put->secret);
	struct timespec start = fb_index_now();
	int64_t started = fb_clock_us();
	int r;

	if (encrypted && fb_store_need_key(s, err) < 0)
		return -1;
	json_object_set_new(item, "encrypted", json_boolean(encrypted));
	json_object_set_new(item, "start", json_integer(start.tv_sec));
	json_object_set_new(item, "start_ns", json_integer(start.tv_nsec));
	if (put->trees)
		r = fb_put_tree(s, put, part, encrypted, distrust || put->rehash, item, said, err);
	else if (put->file)
		r = put_file(s, put, encrypted, distrust || put->rehash, item, said, err);
	else if (put->program)
		r = put_program(s, put, encrypted, distrust || put->rehash, item, err);
	else
		r = put_content(s, put, put->stream, 0, encrypted, distrust || put->rehash, item, err);
	json_object_set_new(item, "seconds", json_real((double)(fb_clock_us() - started) / 1e6));
	return r;
}

int fb_put(struct fb_store *s, const struct fb_put *put, json_t **ret, struct fb_err *err)
{
	const char *type = put->trees ? "tree" : put->file ? "file" : "stream";
	char now[FB_TIME_SIZE];
	bool distrust = false;
	json_t *item, *said;
	int part, r;

	if (!fb_store_name_valid(put->item))
		return fb_err_set(err, FB_STORE_USAGE, "'%s' cannot be the name of an item", put->item);
	if (begin(s, &distrust, err) < 0 || fb_set_open_part(s, put->set, &put->owner, &part, err) < 0)
		return -1;
	if (fb_set_drop_item(s, part, put->set, put->item, err) < 0) {
		close(part);
		return -1;
	}
	item = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "schema", FB_ITEM_SCHEMA, "name", put->item, "kind", put->kind, "type", type, "created",
			 fb_clock_format(fb_clock_wall_ms(), now), "secret", put->secret);
	said = json_object();
	if (put->source || !put->trees)
		json_object_set_new(item, "source", fb_document_string(put->source ? put->source : default_source(put)));
	json_object_set_new(item, "meta", put->meta ? json_deep_copy(put->meta) : json_object());
	r = put_item(s, put, part, distrust, item, said, err);
	if (r == 0)
		r = fb_set_keep_item(s, part, put->set, item, err);
	close(part);
	if (r == 0) {
		json_object_update(item, said);
		*ret = item;
	} else {
		json_decref(item);
	}
	json_decref(said);
	return r;
}
