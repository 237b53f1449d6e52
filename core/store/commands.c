/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that write, look and remove; those that give back are give.c's. */
#include "store/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/copy.h"
#include "store/document.h"
#include "store/list.h"
#include "store/manifest.h"
#include "store/prune.h"
#include "store/put.h"
#include "store/set.h"
#include "store/verify.h"

static void say_progress(void *ctx, uint64_t bytes, uint64_t total, const char *text)
{
	(void)ctx;
	fprintf(stderr, "progress %llu %llu %s\n", (unsigned long long)bytes, (unsigned long long)total, text);
}

static int open_store(struct fb_store *s, const struct fb_store_args *a, struct fb_err *err)
{
	return fb_store_open(s, a->store, &a->key, err);
}

/* The store, or what is at a location, to look at. */
struct source {
	struct fb_store store;
	struct fb_location location;
};

static int open_source(struct source *s, const struct fb_store_args *a, struct fb_err *err)
{
	*s = (struct source){0};
	if (!a->at)
		return open_store(&s->store, a, err);
	if (fb_location_open(&s->location, a->at, err) < 0)
		return -1;
	if (fb_copy_open(&s->store, &s->location, &a->key, a->set, err) == 0)
		return 0;
	fb_location_close(&s->location);
	return -1;
}

static void close_source(struct source *s)
{
	if (s->location.ops)
		fb_copy_close(&s->store);
	else
		fb_store_close(&s->store);
	fb_location_close(&s->location);
}

int fb_command_init(struct fb_store_args *a, json_t **ret, struct fb_err *err)
{
	enum fb_store_encryption encryption = FB_STORE_SECRETS;
	bool key = a->key.key_file || a->key.passphrase_file;
	char id[33];

	if (a->encryption && fb_store_encryption_parse(a->encryption, &encryption) < 0)
		return fb_err_set(err, FB_STORE_USAGE, "--encryption is all, secrets or none, not '%s'", a->encryption);
	if (encryption != FB_STORE_NONE && !key)
		return fb_err_set(err, FB_STORE_USAGE, "encryption needs a key: say --key-file or --passphrase-file, or --encryption none");
	if (encryption == FB_STORE_NONE && key)
		return fb_err_set(err, FB_STORE_USAGE, "--encryption none takes no key");
	if (fb_store_init(a->store, encryption, &a->key, id, err) < 0)
		return -1;
	*ret = json_pack("{s:s, s:o, s:s, s:s}", "schema", "failback.backup-init/1", "store", fb_document_string(a->store), "id", id, "encryption",
			 fb_store_encryption_text(encryption));
	return 0;
}

/* KEY=VALUE texts as an object, a new reference; NULL with err. */
static json_t *meta_of(const struct fb_store_list *list, struct fb_err *err)
{
	json_t *meta = json_object();

	for (size_t i = 0; i < list->n; i++) {
		const char *equals = strchr(list->v[i], '=');
		char *key = equals ? strndup(list->v[i], (size_t)(equals - list->v[i])) : NULL;
		int r = key && *key ? json_object_set_new(meta, key, fb_document_string(equals + 1)) : -1;

		free(key);
		if (r < 0) {
			json_decref(meta);
			fb_err_set(err, FB_STORE_USAGE, "--meta takes KEY=VALUE, not '%.200s'", list->v[i]);
			return NULL;
		}
	}
	return meta;
}

/* PID or PID:START. Without the start, who has the number now is meant. */
static int owner_of(const char *text, struct fb_proc *ret, struct fb_err *err)
{
	unsigned long long start;
	char *end;
	long n;

	*ret = (struct fb_proc){0};
	if (!text)
		return 0;
	errno = 0;
	n = strtol(text, &end, 10);
	if (end == text || (*end && *end != ':') || n < 1 || n > 0x7fffffff)
		return fb_err_set(err, FB_STORE_USAGE, "--owner is the number of a process, or PID:START, not '%s'", text);
	if (!*end)
		return fb_proc_look((pid_t)n, ret) == 0 ? 0 : fb_err_set(err, FB_STORE_USAGE, "there is no process %ld, which is named as the owner", n);
	text = end + 1;
	start = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno)
		return fb_err_set(err, FB_STORE_USAGE, "the start of --owner PID:START is the 22nd field of /proc/PID/stat, not '%s'", text);
	*ret = (struct fb_proc){.pid = (pid_t)n, .start = start};
	return 0;
}

int fb_command_put(struct fb_store_args *a, json_t **ret, struct fb_err *err)
{
	struct fb_put put = {.set = a->set, .item = a->item, .kind = a->kind, .source = a->source, .trees = a->tree.n ? a->tree.v : NULL, .file = a->file, .stream = STDIN_FILENO,
			     .program = a->with_program ? &a->program : NULL,
			     .exclude = a->exclude.v, .secret = a->secret, .rehash = a->rehash, .progress = a->progress ? say_progress : NULL};
	struct fb_store s;
	json_t *meta;
	int r;

	if ((a->tree.n > 0) + (a->file != NULL) + a->from_stdin + a->with_program != 1)
		return fb_err_set(err, FB_STORE_USAGE, "put needs one of --tree, --file, --stdin and --command");
	if (a->exclude.n && !a->tree.n)
		return fb_err_set(err, FB_STORE_USAGE, "--exclude goes with --tree");
	for (size_t i = 0; i < a->exclude.n; i++) { /* they are kept as texts, so that --delete spares what they match */
		json_t *text = json_string(a->exclude.v[i]);

		json_decref(text);
		if (!text)
			return fb_err_set(err, FB_STORE_USAGE, "a pattern of --exclude is no UTF-8");
	}
	if (owner_of(a->owner, &put.owner, err) < 0)
		return -1;
	meta = meta_of(&a->meta, err);
	if (!meta)
		return -1;
	put.meta = meta;
	r = open_store(&s, a, err);
	if (r == 0) {
		r = fb_put(&s, &put, ret, err);
		fb_store_close(&s);
	}
	json_decref(meta);
	return r;
}

int fb_command_seal(struct fb_store_args *a, json_t **ret, struct fb_err *err)
{
	json_t *meta = meta_of(&a->meta, err), *manifest, *items;
	char digest[FB_OID_TEXT];
	struct fb_store s;
	int r = -1;

	if (!meta)
		return -1;
	if (open_store(&s, a, err) == 0) {
		r = fb_store_lock(&s, false, err);
		if (r == 0)
			r = fb_set_seal(&s, a->set, meta, digest, &manifest, err);
		fb_store_close(&s);
	}
	json_decref(meta);
	if (r < 0)
		return -1;
	items = json_object_get(manifest, "items");
	*ret = json_pack("{s:s, s:s, s:s, s:O}", "schema", "failback.backup-seal/1", "set", a->set, "digest", digest, "items", items);
	json_decref(manifest);
	return 0;
}

/* Whose set it is stands in the items' names. */
static void add_items(json_t *row, const struct fb_manifest *m)
{
	json_t *names = json_array();
	bool encrypted = false;

	for (size_t i = 0; i < m->n; i++) {
		json_array_append_new(names, json_string(m->items[i].name));
		encrypted |= m->items[i].ref.encrypted;
	}
	json_object_set_new(row, "names", names);
	json_object_set_new(row, "encrypted", json_boolean(encrypted));
}

struct listing {
	struct fb_store *store;
	json_t *sets;
};

static int list_one(void *ctx, const char *name, struct fb_err *err)
{
	struct listing *l = ctx;
	struct fb_manifest m;
	uint64_t size = 0, stored = 0, written = 0; /* of a manifest that was made to be read, whatever the sum is */
	size_t n = strlen(name);

	if (n > 5 && !strcmp(name + n - 5, ".part")) {
		json_array_append_new(l->sets, json_pack("{s:s#, s:b}", "set", name, (int)(n - 5), "sealed", 0));
		return 0;
	}
	if (!fb_store_name_valid(name))
		return 0;
	if (fb_manifest_read(l->store, name, NULL, &m, err) < 0) {
		json_array_append_new(l->sets, json_pack("{s:s, s:b, s:o}", "set", name, "sealed", 1, "problem", fb_document_string(err->text)));
		return 0;
	}
	for (size_t i = 0; i < m.n; i++) {
		size += m.items[i].size;
		stored += (uint64_t)json_integer_value(json_object_get(m.items[i].json, "stored"));
		written += (uint64_t)json_integer_value(json_object_get(m.items[i].json, "written"));
	}
	json_array_append_new(l->sets, json_pack("{s:s, s:b, s:O, s:O, s:s, s:I, s:I, s:I, s:I}", "set", name, "sealed", 1, "created", json_object_get(m.json, "created"), "meta",
						 json_object_get(m.json, "meta"), "digest", m.digest, "items", (json_int_t)m.n, "size", (json_int_t)size, "stored", (json_int_t)stored,
						 "written", (json_int_t)written));
	add_items(json_array_get(l->sets, json_array_size(l->sets) - 1), &m);
	fb_manifest_clear(&m);
	return 0;
}

int fb_command_list(struct fb_store_args *a, json_t **ret, struct fb_err *err)
{
	struct source s;
	struct listing l = {.store = &s.store};
	struct fb_err drop = {0};
	int r;

	if (open_source(&s, a, err) < 0)
		return -1;
	r = fb_store_lock(&s.store, false, err);
	if (r == 0) {
		l.sets = json_array();
		r = fb_set_each(&s.store, list_one, &l, &drop);
		if (r < 0 && err)
			*err = drop;
		if (r == 0)
			*ret = json_pack("{s:s, s:s, s:s, s:O}", "schema", "failback.backup-list/1", "id", s.store.id, "encryption", fb_store_encryption_text(s.store.encryption), "sets", l.sets);
		json_decref(l.sets);
	}
	close_source(&s);
	return r;
}

static json_t *entry_json(const char *root, const struct fb_entry *e)
{
	char *path = fb_asprintf("%s%s%s", !strcmp(root, "/") && *e->path ? "" : root, *e->path ? "/" : "", e->path), id[FB_OID_TEXT];
	const char *type = e->type == 'd' ? "folder" : e->type == 'f' ? "file" : e->type == 'l' ? "link" : "fifo";
	json_t *o = json_pack("{s:o, s:s, s:i, s:I, s:I, s:I, s:I}", "path", fb_document_string(path), "type", type, "mode", (int)e->mode, "uid", (json_int_t)e->uid, "gid",
			      (json_int_t)e->gid, "mtime", (json_int_t)e->mtime, "mtime_ns", (json_int_t)e->mtime_ns);

	fb_free(path);
	if (e->type == 'f') {
		json_object_set_new(o, "size", json_integer((json_int_t)e->size));
		json_object_set_new(o, "object", json_string(fb_oid_text(&e->object, id)));
	}
	if (e->type == 'l')
		json_object_set_new(o, "target", fb_document_string(e->link));
	if (e->hard)
		json_object_set_new(o, "same_as", fb_document_string(e->link));
	return o;
}

/* A tree's files can be millions: each is written as it is read, so this prints by itself. */
static int print_files(struct fb_store *s, const struct fb_item *item, struct fb_err *err)
{
	struct fb_object_io *io = fb_object_io_new(s);
	char *root = fb_strdup("");
	struct fb_list_reader list;
	struct fb_entry e;
	bool comma = false;
	int opened = fb_list_open(&list, s, io, &item->ref, err), got = opened, r = opened;

	if (r == 0)
		printf("{\n \"schema\": \"failback.backup-files/1\",\n \"item\": \"%s\",\n \"files\": [", item->name);
	while (r == 0 && (got = fb_list_next(&list, &e, err)) > 0) {
		if (e.type == 'R') {
			fb_free(root);
			root = fb_strdup(e.path);
		} else {
			json_t *o = entry_json(root, &e);

			fputs(comma ? ",\n  " : "\n  ", stdout);
			comma = true;
			if (json_dumpf(o, stdout, JSON_SORT_KEYS) < 0)
				r = fb_err_set(err, FB_STORE_IO, "cannot write to standard output");
			json_decref(o);
		}
		fb_entry_clear(&e);
	}
	if (opened == 0)
		fb_list_close(&list);
	if (r == 0 && got == 0 && (puts("\n ]\n}") == EOF || fflush(stdout) == EOF))
		r = fb_err_set(err, FB_STORE_IO, "cannot write to standard output");
	fb_free(root);
	fb_object_io_free(io);
	return r < 0 || got < 0 ? -1 : 0;
}

static int show(struct fb_store *s, struct fb_store_args *a, json_t **ret, struct fb_err *err)
{
	const struct fb_item *item = NULL;
	struct fb_manifest m;
	int r = 0;

	if (fb_store_lock(s, false, err) < 0 || fb_manifest_read(s, a->set, a->digest, &m, err) < 0)
		return -1;
	if (a->item) {
		item = fb_manifest_item(&m, a->item, err);
		r = item ? 0 : -1;
	}
	if (r == 0 && a->files) {
		if (item->type == FB_ITEM_TREE)
			r = print_files(s, item, err);
		else
			r = fb_err_set(err, FB_STORE_USAGE, "item %s is no tree: it has no files", item->name);
	} else if (r == 0) {
		*ret = json_deep_copy(item ? item->json : m.json);
		json_object_set_new(*ret, "digest", json_string(m.digest));
		json_object_del(*ret, "sum");
		if (item)
			json_object_set_new(*ret, "schema", json_string("failback.backup-item/1"));
	}
	fb_manifest_clear(&m);
	return r;
}

int fb_command_show(struct fb_store_args *a, json_t **ret, struct fb_err *err)
{
	struct source s;
	int r;

	if (a->files && !a->item)
		return fb_err_set(err, FB_STORE_USAGE, "--files needs --item");
	if (open_source(&s, a, err) < 0)
		return -1;
	r = show(&s.store, a, ret, err);
	close_source(&s);
	return r;
}

int fb_command_verify(struct fb_store_args *a, json_t **ret, struct fb_err *err)
{
	struct source s;
	int r;

	if (open_source(&s, a, err) < 0)
		return -1;
	r = fb_verify(&s.store, a->set, a->item, a->digest, a->progress ? say_progress : NULL, NULL, ret, err);
	close_source(&s);
	return r > 0 ? FB_STORE_DAMAGED : r;
}

static int prune(struct fb_store_args *a, const struct fb_prune *how, json_t **ret, struct fb_err *err)
{
	struct fb_location l = {0};
	struct fb_store s;
	int r;

	if (a->at && fb_location_open(&l, a->at, err) < 0)
		return -1;
	r = open_store(&s, a, err);
	if (r == 0) {
		r = a->at ? fb_copy_prune(&s, &l, &a->key, how, ret, err) : fb_prune(&s, how, ret, err);
		fb_store_close(&s);
	}
	fb_location_close(&l);
	if (r > 0) { /* with an answer */
		fprintf(stderr, "failback-store: %s\n", err->text);
		return FB_STORE_DAMAGED;
	}
	return r;
}

int fb_command_remove(struct fb_store_args *a, json_t **ret, struct fb_err *err)
{
	const char *ids[] = {a->set, NULL};
	struct fb_prune how = {.remove = ids, .dry_run = a->dry_run};

	return prune(a, &how, ret, err);
}

int fb_command_prune(struct fb_store_args *a, json_t **ret, struct fb_err *err)
{
	struct fb_prune how = {.keep = a->keep.v, .remove = a->remove.v, .dry_run = a->dry_run};

	if (a->keep.n && a->remove.n)
		return fb_err_set(err, FB_STORE_USAGE, "--keep and --remove exclude each other");
	return prune(a, &how, ret, err);
}

int fb_command_key_change(struct fb_store_args *a, json_t **ret, struct fb_err *err)
{
	struct fb_store s;
	int r;

	if (!a->new_key.key_file && !a->new_key.passphrase_file)
		return fb_err_set(err, FB_STORE_USAGE, "key change needs --new-key-file or --new-passphrase-file");
	if (open_store(&s, a, err) < 0)
		return -1;
	r = fb_store_change_key(&s, &a->key, &a->new_key, err);
	if (r == 0)
		*ret = json_pack("{s:s, s:o, s:s, s:s}", "schema", "failback.backup-key/1", "store", fb_document_string(a->store), "id", s.id, "method",
				 a->new_key.key_file ? "file" : "passphrase");
	fb_store_close(&s);
	return r;
}
