/* SPDX-License-Identifier: Apache-2.0 */
#include "store/index.h"

#include <dirent.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/document.h"

#define SCHEMA "failback.backup-index/1"
#define NOTE "index-" /* of a part */
#define COARSE 2 /* seconds that times are off where a file system keeps no fractions */

struct timespec fb_index_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return now;
}

static void key_of(const char *root, bool encrypted, char text[FB_OID_TEXT])
{
	struct fb_oid id;

	crypto_generichash(id.b, sizeof id.b, (const unsigned char *)root, strlen(root), (const unsigned char *)(encrypted ? "encrypted index " : "plain index     "), 16);
	fb_oid_text(&id, text);
}

int fb_index_note(struct fb_store *s, int part, const char *root, const struct fb_ref *list, const struct timespec *start, struct fb_err *err)
{
	char key[FB_OID_TEXT], id[FB_OID_TEXT], name[FB_OID_TEXT + sizeof NOTE], *text;
	json_t *o;
	size_t size;
	int r;

	key_of(root, list->encrypted, key);
	snprintf(name, sizeof name, NOTE "%s", key);
	o = json_pack("{s:s, s:s, s:I, s:b, s:I, s:I}", "schema", SCHEMA, "list", fb_oid_text(&list->id, id), "list_size", (json_int_t)list->size, "encrypted",
		      list->encrypted, "start", (json_int_t)start->tv_sec, "start_ns", (json_int_t)start->tv_nsec);
	text = fb_document_text(o, &size);
	json_decref(o);
	r = fb_store_write_file(s, part, name, text, size, err);
	fb_free(text);
	return r;
}

static int is_note(const struct dirent *e)
{
	return fb_has_prefix(e->d_name, NOTE);
}

void fb_index_install(struct fb_store *s, int part)
{
	int index = openat(s->dir, "index", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **names;
	int n = index < 0 ? -1 : scandirat(part, ".", &names, is_note, NULL);

	for (int i = 0; i < n; i++) {
		if (renameat(part, names[i]->d_name, index, names[i]->d_name + strlen(NOTE)) < 0)
			unlinkat(part, names[i]->d_name, 0);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	if (index >= 0)
		close(index);
}

/* Where a note points to; false when there is none that can be used. */
static bool read_note(struct fb_store *s, const char *root, bool encrypted, struct fb_ref *list, struct timespec *start)
{
	char key[FB_OID_TEXT], name[FB_OID_TEXT + 8];
	json_t *o;
	bool good;

	key_of(root, encrypted, key);
	snprintf(name, sizeof name, "index/%s", key);
	if (fb_document_read(s->dir, name, SCHEMA, &o, NULL) < 0)
		return false;
	list->size = (uint64_t)json_integer_value(json_object_get(o, "list_size"));
	list->encrypted = json_is_true(json_object_get(o, "encrypted"));
	start->tv_sec = (time_t)json_integer_value(json_object_get(o, "start"));
	start->tv_nsec = (long)json_integer_value(json_object_get(o, "start_ns"));
	good = list->encrypted == encrypted && fb_oid_parse(json_string_value(json_object_get(o, "list")), &list->id) == 0;
	json_decref(o);
	return good;
}

void fb_index_open(struct fb_index *x, struct fb_store *s, struct fb_object_io *io, const char *root, bool encrypted)
{
	struct fb_ref list;
	bool found = false;

	*x = (struct fb_index){0};
	if (!read_note(s, root, encrypted, &list, &x->start) || fb_list_open(&x->list, s, io, &list, NULL) < 0)
		return;
	while (!found && fb_list_next(&x->list, &x->entry, NULL) > 0) {
		found = x->entry.type == 'R' && !strcmp(x->entry.path, root);
		fb_entry_clear(&x->entry);
	}
	x->open = found;
	if (!found)
		fb_list_close(&x->list);
}

static bool before(int64_t s, uint32_t ns, const struct timespec *than)
{
	return s < than->tv_sec || (s == than->tv_sec && (long)ns < than->tv_nsec);
}

bool fb_index_same(const struct fb_entry *e, const struct stat *st, const struct timespec *start)
{
	struct timespec than = *start;

	if (e->type == 'f' ? !S_ISREG(st->st_mode) || e->size != (uint64_t)st->st_size : e->type != 'd' || !S_ISDIR(st->st_mode))
		return false;
	if (e->ino != st->st_ino || e->dev != st->st_dev || e->mtime != st->st_mtim.tv_sec || e->mtime_ns != (uint32_t)st->st_mtim.tv_nsec || e->ctime != st->st_ctim.tv_sec || e->ctime_ns != (uint32_t)st->st_ctim.tv_nsec)
		return false;
	if (!e->ctime_ns && !e->mtime_ns)
		than.tv_sec -= COARSE;
	return before(e->mtime, e->mtime_ns, &than) && before(e->ctime, e->ctime_ns, &than);
}

const struct fb_entry *fb_index_find(struct fb_index *x, const char *path, const struct stat *st)
{
	int order = -1;

	while (x->open) {
		if (x->have) {
			order = fb_list_compare(x->entry.path, path);
			if (order >= 0)
				break;
			fb_entry_clear(&x->entry);
			x->have = false;
		}
		x->have = fb_list_next(&x->list, &x->entry, NULL) > 0;
		if (!x->have || x->entry.type == 'R')
			fb_index_close(x); /* the end of this root's part, or one that cannot be read */
	}
	return x->open && order == 0 && fb_index_same(&x->entry, st, &x->start) ? &x->entry : NULL;
}

void fb_index_close(struct fb_index *x)
{
	if (x->have)
		fb_entry_clear(&x->entry);
	if (x->open)
		fb_list_close(&x->list);
	x->open = x->have = false;
}
