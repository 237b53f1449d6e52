/* SPDX-License-Identifier: Apache-2.0 */
#include "store/export.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "store/document.h"
#include "store/list.h"
#include "store/manifest.h"

struct export {
	struct fb_store *store;
	struct fb_object_io *io;
	struct archive *archive; /* makes the tar; compressed here, so that one that fails ends at once */
	ZSTD_CCtx *zip;
	int fd;
	bool failed;
	uint64_t files, bytes;
};

static int flush(struct export *x, const void *data, size_t size, ZSTD_EndDirective how)
{
	ZSTD_inBuffer in = {data, size, 0};
	uint8_t buf[65536];
	size_t left;

	do {
		ZSTD_outBuffer out = {buf, sizeof buf, 0};

		left = ZSTD_compressStream2(x->zip, &out, &in, how);
		if (ZSTD_isError(left)) {
			errno = ENOMEM;
			return -1;
		}
		if (fb_io_write_all(x->fd, buf, out.pos) < 0)
			return -1;
	} while (how == ZSTD_e_end ? left > 0 : in.pos < in.size);
	return 0;
}

static la_ssize_t write_block(struct archive *a, void *ctx, const void *data, size_t size)
{
	struct export *x = ctx;

	if (!x->failed && flush(x, data, size, ZSTD_e_continue) == 0)
		return (la_ssize_t)size;
	archive_set_error(a, errno, "%s", strerror(errno));
	return -1;
}

static int archive_failed(struct export *x, const char *what, struct fb_err *err)
{
	const char *why = archive_error_string(x->archive);

	return fb_err_set(err, FB_STORE_IO, "cannot write %s to the archive: %s", what, why ? why : "no reason is known");
}

static int write_data(void *ctx, const uint8_t *data, size_t size, struct fb_err *err)
{
	struct export *x = ctx;

	x->bytes += size;
	return archive_write_data(x->archive, data, size) == (la_ssize_t)size ? 0 : archive_failed(x, "content", err);
}

/* One entry; ref (may be NULL) is its content. Takes the entry. */
static int add(struct export *x, struct archive_entry *entry, const struct fb_ref *ref, struct fb_err *err)
{
	int r = archive_write_header(x->archive, entry);

	if (r != ARCHIVE_OK && r != ARCHIVE_WARN) {
		archive_failed(x, archive_entry_pathname(entry), err);
		r = -1;
	} else {
		r = 0;
	}
	archive_entry_free(entry);
	x->files++;
	return r == 0 && ref ? fb_content_read(x->store, x->io, ref, write_data, x, err) : r;
}

static struct archive_entry *entry_of(const char *path, mode_t type, uint32_t mode, uint32_t uid, uint32_t gid, int64_t mtime, uint32_t mtime_ns)
{
	struct archive_entry *entry = archive_entry_new();

	if (!entry) {
		fputs("failback-store: out of memory\n", stderr);
		exit(FB_STORE_BUG);
	}
	archive_entry_copy_pathname(entry, path);
	archive_entry_set_filetype(entry, type);
	archive_entry_set_perm(entry, mode);
	archive_entry_set_uid(entry, uid);
	archive_entry_set_gid(entry, gid);
	archive_entry_set_mtime(entry, (time_t)mtime, (long)mtime_ns);
	archive_entry_set_size(entry, 0);
	return entry;
}

static int add_file(struct export *x, const char *item, const char *root, const struct fb_entry *e, bool encrypted, struct fb_err *err)
{
	const struct fb_ref ref = {.id = e->object, .size = e->size, .encrypted = encrypted};
	mode_t type = e->type == 'd' ? AE_IFDIR : e->type == 'f' ? AE_IFREG : e->type == 'l' ? AE_IFLNK : AE_IFIFO;
	char *path = fb_asprintf("%s%s%s%s", item, strcmp(root, "/") != 0 ? root : "", *e->path ? "/" : "", e->path), *first;
	struct archive_entry *entry = entry_of(path, type, e->mode, e->uid, e->gid, e->mtime, e->mtime_ns);
	const char *name;
	const void *value;
	size_t at = 0, size;

	fb_free(path);
	if (e->type == 'l')
		archive_entry_copy_symlink(entry, e->link);
	if (e->hard) {
		first = fb_asprintf("%s%s/%s", item, strcmp(root, "/") != 0 ? root : "", e->link);
		archive_entry_copy_hardlink(entry, first);
		fb_free(first);
	} else if (e->type == 'f') {
		archive_entry_set_size(entry, (la_int64_t)e->size);
	}
	while (fb_entry_xattr(e, &at, &name, &value, &size))
		archive_entry_xattr_add_entry(entry, name, value, size);
	return add(x, entry, e->type == 'f' && !e->hard ? &ref : NULL, err);
}

static int add_tree(struct export *x, const struct fb_item *item, struct fb_err *err)
{
	char *root = fb_strdup("/");
	struct fb_list_reader list;
	struct fb_entry e;
	int opened = fb_list_open(&list, x->store, x->io, &item->ref, err), got = opened, r = opened;

	while (r == 0 && (got = fb_list_next(&list, &e, err)) > 0) {
		if (e.type == 'R') {
			fb_free(root);
			root = fb_strdup(e.path);
		} else {
			r = add_file(x, item->name, root, &e, item->ref.encrypted, err);
		}
		fb_entry_clear(&e);
	}
	if (opened == 0)
		fb_list_close(&list);
	fb_free(root);
	return r < 0 || got < 0 ? -1 : 0;
}

static int add_item(struct export *x, const struct fb_item *item, struct fb_err *err)
{
	bool file = item->type == FB_ITEM_FILE;
	struct archive_entry *entry;

	if (item->type == FB_ITEM_TREE)
		return add_tree(x, item, err);
	entry = entry_of(item->name, AE_IFREG, file ? item->mode : 0600, file ? item->uid : 0, file ? item->gid : 0, file ? item->mtime : item->start.tv_sec,
			 file ? item->mtime_ns : 0);
	archive_entry_set_size(entry, (la_int64_t)item->size);
	return add(x, entry, &item->ref, err);
}

static int add_manifest(struct export *x, const struct fb_manifest *m, struct fb_err *err)
{
	struct archive_entry *entry;
	size_t size;
	char *text = fb_document_text(m->json, &size);
	int r;

	entry = entry_of("manifest.json", AE_IFREG, 0600, 0, 0, fb_clock_wall_ms() / 1000, 0);
	archive_entry_set_size(entry, (la_int64_t)size);
	r = add(x, entry, NULL, err);
	if (r == 0)
		r = write_data(x, (const uint8_t *)text, size, err);
	fb_free(text);
	return r;
}

static int fill(struct export *x, const struct fb_manifest *m, const struct fb_item *one, struct fb_err *err)
{
	int r;

	x->archive = archive_write_new();
	if (!x->archive)
		return fb_err_set(err, FB_STORE_BUG, "out of memory");
	if (archive_write_set_format_pax(x->archive) != ARCHIVE_OK || archive_write_open(x->archive, x, NULL, write_block, NULL) != ARCHIVE_OK) {
		r = archive_failed(x, "anything", err);
		archive_write_free(x->archive);
		return r;
	}
	r = add_manifest(x, m, err);
	for (size_t i = 0; r == 0 && i < m->n; i++)
		if (!one || one == &m->items[i])
			r = add_item(x, &m->items[i], err);
	if (r == 0 && archive_write_close(x->archive) != ARCHIVE_OK)
		r = archive_failed(x, "its end", err);
	if (r == 0 && flush(x, NULL, 0, ZSTD_e_end) < 0)
		r = fb_err_set(err, FB_STORE_IO, "cannot write the end of the archive: %s", strerror(errno));
	x->failed = r < 0; /* what it still has is not wanted any more: its next block fails */
	archive_write_free(x->archive);
	return r;
}

/* The name, after the content: without it a power failure could bring back what was there before. */
static int sync_folder(const char *path, struct fb_err *err)
{
	const char *slash = strrchr(path, '/');
	char *folder = !slash ? fb_strdup(".") : slash == path ? fb_strdup("/") : fb_asprintf("%.*s", (int)(slash - path), path);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;

	if (fd < 0 || fsync(fd) < 0)
		r = fb_err_set(err, FB_STORE_IO, "%s is whole and it is written, but its folder %s could not be synced: %s; after a power failure it may not be there: run sync(1), or export it again",
			       path, folder, strerror(errno));
	if (fd >= 0)
		close(fd);
	fb_free(folder);
	return r;
}

static int write_archive(struct export *x, const char *to, const struct fb_manifest *m, const struct fb_item *one, struct fb_err *err)
{
	char *temporary = fb_asprintf("%s.part", to);
	bool renamed = false;
	int r;

	if (unlink(temporary) < 0 && errno != ENOENT) {
		r = fb_err_set(err, FB_STORE_IO, "cannot remove %s: %s", temporary, strerror(errno));
		fb_free(temporary);
		return r;
	}
	x->fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (x->fd < 0) {
		r = fb_err_set(err, FB_STORE_IO, "cannot create %s: %s", temporary, strerror(errno));
		fb_free(temporary);
		return r;
	}
	r = fill(x, m, one, err);
	if (r == 0 && fsync(x->fd) < 0)
		r = fb_err_set(err, FB_STORE_IO, "cannot write %s: %s", temporary, strerror(errno));
	close(x->fd);
	if (r == 0 && rename(temporary, to) < 0)
		r = fb_err_set(err, FB_STORE_IO, "cannot put %s in place: %s", to, strerror(errno));
	else if (r == 0)
		renamed = true;
	if (renamed)
		r = sync_folder(to, err);
	else
		unlink(temporary);
	fb_free(temporary);
	return r;
}

int fb_export(struct fb_store *s, const char *set, const char *item, const char *digest, const char *to, json_t **ret, struct fb_err *err)
{
	struct export x = {.store = s};
	const struct fb_item *one = NULL;
	int64_t started = fb_clock_us();
	struct fb_manifest m;
	struct stat st = {0};
	int r = 0;

	if (fb_store_lock(s, false, err) < 0 || fb_manifest_read(s, set, digest, &m, err) < 0)
		return -1;
	if (item) {
		one = fb_manifest_item(&m, item, err);
		r = one ? 0 : -1;
	}
	if (r == 0) {
		x.io = fb_object_io_new(s);
		x.zip = ZSTD_createCCtx();
		if (!x.zip) {
			fputs("failback-store: out of memory\n", stderr);
			exit(FB_STORE_BUG);
		}
		r = write_archive(&x, to, &m, one, err);
		fb_object_io_free(x.io);
		ZSTD_freeCCtx(x.zip);
	}
	if (r == 0 && stat(to, &st) == 0)
		*ret = json_pack("{s:s, s:s, s:s, s:o, s:I, s:I, s:I, s:f}", "schema", "failback.backup-export/1", "set", set, "digest", m.digest, "file", fb_document_string(to),
				 "entries", (json_int_t)x.files, "bytes", (json_int_t)x.bytes, "stored", (json_int_t)st.st_size, "seconds",
				 (double)(fb_clock_us() - started) / 1e6);
	fb_manifest_clear(&m);
	return r;
}
