/* SPDX-License-Identifier: Apache-2.0 */
/* The content of a file or stream to standard output or to a program. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "store/hash.h"
#include "store/manifest.h"
#include "store/restore.h"

#define PROGRESS_MS 200

struct output {
	int fd;
	uint64_t done;
	int64_t said_ms;
	const struct fb_restore *how;
	const struct fb_item *item;
	bool closed; /* nobody reads any more */
	struct fb_hash state;
};

static int write_out(void *ctx, const uint8_t *data, size_t size, struct fb_err *err)
{
	struct output *o = ctx;

	fb_hash_add(&o->state, data, size);
	if (fb_io_write_all(o->fd, data, size) < 0) {
		o->closed = errno == EPIPE;
		return fb_err_set(err, FB_STORE_IO, "cannot write the content of %s to %s: %s", o->item->name, o->how->program ? o->how->program->argv[0] : "the output", strerror(errno));
	}
	o->done += size;
	if (o->how->progress && fb_clock_ms() - o->said_ms >= PROGRESS_MS) {
		o->said_ms = fb_clock_ms();
		o->how->progress(o->how->ctx, o->done, o->item->size, o->item->name);
	}
	return 0;
}

static int write_all(struct output *o, struct fb_store *s, struct fb_object_io *io, struct fb_err *err)
{
	struct fb_oid hash;

	fb_hash_begin(&o->state, s, o->item->ref.encrypted);
	if (fb_content_read(s, io, &o->item->ref, write_out, o, err) < 0)
		return -1;
	fb_hash_end(&o->state, &hash);
	if (sodium_memcmp(hash.b, o->item->hash.b, sizeof hash.b) != 0)
		return fb_err_set(err, FB_STORE_DAMAGED, "what was written of item %s is not what was put: the hash of the whole differs; do not use it", o->item->name);
	return 0;
}

/* The program reads the end of its input only when all of it was right. */
static int to_program(struct output *o, struct fb_store *s, struct fb_object_io *io, struct fb_err *err)
{
	struct fb_program p;
	struct fb_err how = {0};

	if (fb_program_start(&p, o->how->program, true, err) < 0)
		return -1;
	o->fd = p.fd;
	if (write_all(o, s, io, err) == 0)
		return fb_program_finish(&p, err);
	if (!o->closed) {
		fb_program_stop(&p);
		return -1;
	}
	if (fb_program_finish(&p, &how) < 0) { /* why it has stopped reading */
		if (err)
			*err = how;
		return -1;
	}
	return fb_err_set(err, FB_STORE_PROGRAM, "%s ended with 0 and had not read all of item %s: %llu of %llu bytes at most", p.name, o->item->name,
			  (unsigned long long)o->done, (unsigned long long)o->item->size);
}

int fb_restore_stream(struct fb_store *s, const struct fb_restore *how, const struct fb_item *item, struct fb_object_io *io, struct fb_err *err)
{
	struct output o = {.fd = how->output, .how = how, .item = item};

	if (item->type == FB_ITEM_TREE)
		return fb_err_set(err, FB_STORE_USAGE, "item %s is a tree: it is restored with --to or --in-place, or exported", item->name);
	if (item->ref.encrypted && fb_store_need_key(s, err) < 0)
		return -1;
	return how->program ? to_program(&o, s, io, err) : write_all(&o, s, io, err);
}
