/* SPDX-License-Identifier: Apache-2.0 */
#include "store/set.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/proc.h"
#include "store/document.h"
#include "store/index.h"
#include "store/manifest.h"

#define OWNER_SCHEMA "failback.backup-owner/1"
#define ITEM_SUFFIX ".item"
#define OWNERLESS_SECONDS (24 * 3600) /* a part that names no owner is left alone for so long */

static bool same_boot(const json_t *owner)
{
	return fb_streq(json_string_value(json_object_get(owner, "boot")), fb_clock_boot_id());
}

static bool owner_alive(const json_t *owner)
{
	struct fb_proc p = {.pid = (pid_t)json_integer_value(json_object_get(owner, "pid")), .start = (uint64_t)json_integer_value(json_object_get(owner, "start"))};

	return same_boot(owner) && p.pid > 0 && fb_proc_alive(&p);
}

static json_t *read_owner(int part)
{
	json_t *o;

	return fb_document_read(part, "owner.json", OWNER_SCHEMA, &o, NULL) == 0 ? o : NULL;
}

static int write_owner(struct fb_store *s, int part, const struct fb_proc *owner, struct fb_err *err)
{
	char now[FB_TIME_SIZE], *text;
	json_t *o;
	size_t size;
	int r;

	o = json_pack("{s:s, s:s, s:I, s:I, s:s}", "schema", OWNER_SCHEMA, "boot", fb_clock_boot_id(), "pid", (json_int_t)owner->pid, "start", (json_int_t)owner->start, "created",
		      fb_clock_format(fb_clock_wall_ms(), now));
	text = fb_document_text(o, &size);
	r = fb_store_write_file(s, part, "owner.json", text, size, err);
	fb_free(text);
	json_decref(o);
	return r;
}

/* A part that is there: is it one that nobody goes on with? A process that has its owner's number now is not its owner. */
static bool leftover(int part)
{
	json_t *o = read_owner(part);
	bool left = o && (!same_boot(o) || (json_integer_value(json_object_get(o, "pid")) > 0 && !owner_alive(o)));

	json_decref(o);
	return left;
}

static int open_part(struct fb_store *s, const char *name, const struct fb_proc *owner, int *ret_fd, struct fb_err *err)
{
	int fd = openat(s->sets, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 && leftover(fd)) {
		close(fd);
		if (fb_store_remove_folder(s->sets, name, err) < 0)
			return -1;
		fd = -1;
		errno = ENOENT;
	}
	if (fd >= 0) {
		*ret_fd = fd;
		return 0;
	}
	if (errno != ENOENT || mkdirat(s->sets, name, 0700) < 0)
		return fb_err_set(err, FB_STORE_IO, "cannot make %s in %s/sets: %s", name, s->path, strerror(errno));
	fd = openat(s->sets, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fb_err_set(err, FB_STORE_IO, "cannot open %s in %s/sets: %s", name, s->path, strerror(errno));
	if (write_owner(s, fd, owner, err) < 0) {
		close(fd);
		unlinkat(s->sets, name, AT_REMOVEDIR); /* empty; else prune removes it later */
		return -1;
	}
	*ret_fd = fd;
	return 0;
}

int fb_set_open_part(struct fb_store *s, const char *id, const struct fb_proc *owner, int *ret_fd, struct fb_err *err)
{
	char *name;
	int r;

	if (!fb_store_name_valid(id))
		return fb_err_set(err, FB_STORE_USAGE, "'%s' cannot be the id of a set", id);
	if (owner->pid && !fb_proc_alive(owner))
		return fb_err_set(err, FB_STORE_USAGE, "the process %ld, which was named as the owner of set %s, is not there, or is another one by now", (long)owner->pid, id);
	if (faccessat(s->sets, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return fb_err_set(err, FB_STORE_EXISTS, "the set %s is sealed: nothing can be added to it", id);
	name = fb_asprintf("%s.part", id);
	while (flock(s->sets, LOCK_EX) < 0) /* two may come first */
		if (errno != EINTR) {
			fb_free(name);
			return fb_err_set(err, FB_STORE_IO, "cannot lock %s/sets: %s", s->path, strerror(errno));
		}
	r = open_part(s, name, owner, ret_fd, err);
	flock(s->sets, LOCK_UN);
	fb_free(name);
	return r;
}

/* Who writes items' documents, and who seals, one at a time: what was there when the manifest was made is all there is. Ends with the descriptor, or unlock. */
static int lock_part(int part, const char *id, struct fb_err *err)
{
	while (flock(part, LOCK_EX) < 0)
		if (errno != EINTR)
			return fb_err_set(err, FB_STORE_IO, "cannot lock the set %s: %s", id, strerror(errno));
	return 0;
}

/* Someone may have sealed the set, or removed it, while the item was put: then the item is not in it. */
static int still_open(struct fb_store *s, int part, const char *id, struct fb_err *err)
{
	char *name = fb_asprintf("%s.part", id);
	struct stat ours, there;
	bool same = fstat(part, &ours) == 0 && fstatat(s->sets, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;

	fb_free(name);
	return same ? 0 : fb_err_set(err, FB_STORE_EXISTS, "the set %s was sealed or removed meanwhile: what was just put is not in it", id);
}

int fb_set_keep_item(struct fb_store *s, int part, const char *id, const json_t *item, struct fb_err *err)
{
	char *name = fb_asprintf("%s" ITEM_SUFFIX, json_string_value(json_object_get(item, "name"))), *text;
	size_t size;
	int r = lock_part(part, id, err);

	text = fb_document_text(item, &size);
	if (r == 0) {
		r = still_open(s, part, id, err);
		if (r == 0)
			r = fb_store_write_file(s, part, name, text, size, err);
		flock(part, LOCK_UN);
	}
	fb_free(text);
	fb_free(name);
	return r;
}

int fb_set_drop_item(struct fb_store *s, int part, const char *id, const char *item, struct fb_err *err)
{
	char *name;
	int r = lock_part(part, id, err);

	if (r < 0)
		return -1;
	r = still_open(s, part, id, err);
	name = fb_asprintf("%s" ITEM_SUFFIX, item);
	if (r == 0 && unlinkat(part, name, 0) < 0 && errno != ENOENT)
		r = fb_err_set(err, FB_STORE_IO, "cannot forget the item %s that set %s has: %s", item, id, strerror(errno));
	flock(part, LOCK_UN);
	fb_free(name);
	return r;
}

static int is_item(const struct dirent *e)
{
	size_t n = strlen(e->d_name), m = strlen(ITEM_SUFFIX);

	return n > m && e->d_name[0] != '.' && !strcmp(e->d_name + n - m, ITEM_SUFFIX);
}

/* All items of a part, by name. */
static int read_items(int part, const char *id, json_t *items, struct fb_err *err)
{
	struct dirent **names;
	int n = scandirat(part, ".", &names, is_item, alphasort), r = 0;

	if (n < 0)
		return fb_err_set(err, FB_STORE_IO, "cannot read the items of set %s: %s", id, strerror(errno));
	for (int i = 0; i < n; i++) {
		struct fb_item item;
		json_t *o;

		if (r == 0)
			r = fb_document_read(part, names[i]->d_name, FB_ITEM_SCHEMA, &o, err);
		if (r == 0) {
			r = fb_item_parse(o, &item, err);
			json_object_del(o, "schema");
			json_object_del(o, "sum");
			json_array_append_new(items, o);
		}
		free(names[i]);
	}
	free(names);
	if (r == 0 && n == 0)
		return fb_err_set(err, FB_STORE_ABSENT, "the set %s has no items: a backup of nothing is none", id);
	return r;
}

/* Everything to disk, then the mark. */
static int mark(struct fb_store *s, const char *part, const char *id, struct fb_err *err)
{
	if (syncfs(s->dir) < 0)
		return fb_err_set(err, FB_STORE_IO, "cannot sync the store %s, the set %s is not sealed: %s", s->path, id, strerror(errno));
	if (renameat2(s->sets, part, s->sets, id, RENAME_NOREPLACE) < 0)
		return fb_err_set(err, errno == EEXIST ? FB_STORE_EXISTS : FB_STORE_IO, "cannot seal the set %s: %s", id, strerror(errno));
	if (fsync(s->sets) < 0)
		return fb_err_set(err, FB_STORE_IO, "cannot sync %s/sets after sealing %s: %s; the set may not outlive a power failure", s->path, id, strerror(errno));
	return 0;
}

/* What only the writing needed. All of it is ignored in a sealed set, so a failure costs nothing but its bytes. */
static void tidy(int folder)
{
	struct dirent **names;
	int n = scandirat(folder, ".", &names, is_item, NULL);

	for (int i = 0; i < n; i++) {
		unlinkat(folder, names[i]->d_name, 0);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	unlinkat(folder, "owner.json", 0);
}

static int seal(struct fb_store *s, int part, const char *name, const char *id, const json_t *meta, struct fb_manifest *ret, struct fb_err *err)
{
	json_t *items = json_array(), *o;
	char now[FB_TIME_SIZE], *text;
	size_t size;
	int r;

	if (read_items(part, id, items, err) < 0) {
		json_decref(items);
		return -1;
	}
	o = json_pack("{s:s, s:s, s:s, s:s, s:O*, s:o}", "schema", FB_MANIFEST_SCHEMA, "store", s->id, "set", id, "created", fb_clock_format(fb_clock_wall_ms(), now), "meta",
		      meta, "items", items);
	if (!meta)
		json_object_set_new(o, "meta", json_object());
	text = fb_document_text(o, &size);
	json_decref(o);
	if (size > FB_DOCUMENT_LIMIT)
		r = fb_err_set(err, FB_STORE_IO, "the manifest of set %s would be larger than %d bytes", id, FB_DOCUMENT_LIMIT);
	else
		r = fb_manifest_parse(text, size, s->id, id, ret, err); /* nothing is sealed that cannot be read again */
	if (r == 0) {
		r = fb_store_write_file(s, part, "manifest.json", text, size, err);
		if (r == 0)
			r = mark(s, name, id, err);
		if (r < 0)
			fb_manifest_clear(ret);
	}
	fb_free(text);
	return r;
}

int fb_set_install(struct fb_store *s, int part, const char *id, const void *manifest, size_t size, struct fb_err *err)
{
	char *name = fb_asprintf("%s.part", id);
	int r = lock_part(part, id, err);

	if (r == 0)
		r = still_open(s, part, id, err);
	if (r == 0)
		r = fb_store_write_file(s, part, "manifest.json", manifest, size, err);
	if (r == 0)
		r = mark(s, name, id, err);
	if (r == 0)
		tidy(part);
	fb_free(name);
	return r;
}

int fb_set_seal(struct fb_store *s, const char *id, const json_t *meta, char ret_digest[FB_OID_TEXT], json_t **ret_manifest, struct fb_err *err)
{
	struct fb_manifest manifest;
	char *name;
	int part, r;

	if (!fb_store_name_valid(id))
		return fb_err_set(err, FB_STORE_USAGE, "'%s' cannot be the id of a set", id);
	name = fb_asprintf("%s.part", id);
	part = openat(s->sets, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (part < 0) {
		r = errno != ENOENT ? fb_err_set(err, FB_STORE_IO, "cannot open %s: %s", name, strerror(errno)) :
		    faccessat(s->sets, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ?
				      fb_err_set(err, FB_STORE_EXISTS, "the set %s is sealed already", id) :
				      fb_err_set(err, FB_STORE_ABSENT, "there is no set %s to seal: nothing was put into it", id);
		fb_free(name);
		return r;
	}
	r = lock_part(part, id, err);
	if (r == 0)
		r = still_open(s, part, id, err);
	if (r == 0)
		r = seal(s, part, name, id, meta, &manifest, err);
	if (r == 0) {
		fb_index_install(s, part);
		tidy(part);
		memcpy(ret_digest, manifest.digest, FB_OID_TEXT);
		*ret_manifest = json_incref(manifest.json);
		fb_manifest_clear(&manifest);
	}
	close(part);
	fb_free(name);
	return r;
}

bool fb_set_part_alive(struct fb_store *s, const char *name, char *why, size_t size)
{
	int part = openat(s->sets, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	json_t *o = part < 0 ? NULL : read_owner(part);
	json_int_t pid = json_integer_value(json_object_get(o, "pid"));
	struct stat st = {0};
	bool alive;

	if (o && pid > 0) {
		alive = owner_alive(o);
		snprintf(why, size, alive ? "process %lld is composing it" : "process %lld, which composed it, is gone", (long long)pid);
	} else if (o && !same_boot(o)) {
		alive = false;
		snprintf(why, size, "the machine was restarted since it was begun");
	} else {
		alive = part >= 0 && fstat(part, &st) == 0 && fb_clock_wall_ms() / 1000 - st.st_mtime < OWNERLESS_SECONDS;
		snprintf(why, size, alive ? "it names no owner, and something was put into it within a day" : "it names no owner, and nothing was put into it for a day");
	}
	if (part >= 0)
		close(part);
	json_decref(o);
	return alive;
}

static int no_dots(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

int fb_set_each(struct fb_store *s, int (*each)(void *ctx, const char *name, struct fb_err *err), void *ctx, struct fb_err *err)
{
	struct dirent **names;
	int n = scandirat(s->sets, ".", &names, no_dots, alphasort), r = 0;

	if (n < 0)
		return fb_err_set(err, FB_STORE_IO, "cannot read %s/sets: %s", s->path, strerror(errno));
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = each(ctx, names[i]->d_name, err);
		free(names[i]);
	}
	free(names);
	return r;
}

int fb_set_first_writer(struct fb_store *s, struct fb_err *err)
{
	struct fb_err ours = {0};
	char *text;
	size_t size;
	int first;

	if (fb_store_read_file(s->dir, "writing", 4096, &text, &size, &ours) < 0) {
		if (ours.code == FB_STORE_ABSENT || ours.code == FB_STORE_DAMAGED)
			return 1;
		if (err)
			*err = ours;
		return -1;
	}
	first = strcmp(text, fb_clock_boot_id()) != 0;
	fb_free(text);
	return first;
}

int fb_set_mark_writing(struct fb_store *s, struct fb_err *err)
{
	const char *boot = fb_clock_boot_id();

	if (fb_store_write_file(s, s->dir, "writing", boot, strlen(boot), err) < 0)
		return -1;
	return fsync(s->dir) < 0 ? fb_err_set(err, FB_STORE_IO, "cannot sync %s: %s", s->path, strerror(errno)) : 0;
}
