/* SPDX-License-Identifier: Apache-2.0 */
/* A directory of an SSH host, reached by the system's own ssh program, or by a command that is named instead. A copy there is a store of its own right, as in a directory. */
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/location.h"
#include "store/sftp.h"

struct host {
	char **argv; /* ends in NULL */
	char *path;
	uint64_t random;
	unsigned n; /* of temporary files; atomic */
};

static void add(struct host *h, size_t *n, const char *word)
{
	h->argv = fb_realloc(h->argv, (*n + 2) * sizeof *h->argv);
	h->argv[(*n)++] = fb_strdup(word);
	h->argv[*n] = NULL;
}

static int take_command(struct host *h, const json_t *command, struct fb_err *err)
{
	size_t n = 0, i;
	json_t *word;

	if (json_is_string(command)) {
		add(h, &n, "/bin/sh");
		add(h, &n, "-c");
		add(h, &n, json_string_value(command));
		return 0;
	}
	json_array_foreach(command, i, word) {
		if (!json_is_string(word))
			return fb_err_set(err, FB_STORE_USAGE, "the command of a location is a text or a list of texts");
		add(h, &n, json_string_value(word));
	}
	return n ? 0 : fb_err_set(err, FB_STORE_USAGE, "the command of a location is empty");
}

static void usual_command(struct host *h, const char *user, const char *name, long port)
{
	static const char *const words[] = {"ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4", "-o", "ClearAllForwardings=yes"};
	char text[24], *both;
	size_t n = 0;

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		add(h, &n, words[i]);
	if (port) {
		snprintf(text, sizeof text, "%ld", port);
		add(h, &n, "-p");
		add(h, &n, text);
	}
	both = fb_asprintf("%s%s%s", user ? user : "", user ? "@" : "", name);
	add(h, &n, "-s");
	add(h, &n, "--");
	add(h, &n, both);
	add(h, &n, "sftp");
	fb_free(both);
}

static int open_host(struct fb_location *l, struct fb_err *err)
{
	const char *name = fb_location_text(l, "host"), *user = fb_location_text(l, "user"), *path = fb_location_text(l, "path");
	const json_t *command = json_object_get(l->form, "command");
	json_int_t port = json_integer_value(json_object_get(l->form, "port"));
	struct host *h = l->own = fb_alloc(sizeof *h);
	size_t n;

	if (!path || *path != '/' || !path[1])
		return fb_err_set(err, FB_STORE_USAGE, "a location on an SSH host needs the absolute path of a folder there");
	if ((!name && !command) || (name && (*name == '-' || strpbrk(name, " \t\n@/"))) || (user && (*user == '-' || strpbrk(user, " \t\n@/"))) || port < 0 || port > 65535)
		return fb_err_set(err, FB_STORE_USAGE, "the host, user or port of a location cannot be that of one");
	signal(SIGPIPE, SIG_IGN); /* a program that ends early is an error of a write */
	randombytes_buf(&h->random, sizeof h->random);
	h->path = fb_strdup(path);
	for (n = strlen(h->path); n > 1 && h->path[n - 1] == '/';)
		h->path[--n] = 0;
	l->text = fb_asprintf("ssh://%s%s%s%s", user ? user : "", user ? "@" : "", name ? name : "command", h->path);
	if (command)
		return take_command(h, command, err);
	usual_command(h, user, name, (long)port);
	return 0;
}

static void close_host(struct fb_location *l)
{
	struct host *h = l->own;

	for (char **p = h ? h->argv : NULL; p && *p; p++)
		fb_free(*p);
	if (h) {
		fb_free(h->argv);
		fb_free(h->path);
	}
	fb_free(h);
}

static void disconnect(struct fb_connection *c)
{
	fb_sftp_stop(c->own);
	c->own = NULL;
}

static struct fb_sftp *reach(struct fb_connection *c, struct fb_err *err)
{
	struct host *h = c->location->own;

	if (c->own)
		return c->own;
	c->own = fb_sftp_start(h->argv, c->location->timeout_ms, err);
	if (!c->own) {
		c->again = !err || err->code == FB_STORE_IO;
		fb_err_prefix(err, "cannot reach %s", c->location->text);
	}
	return c->own;
}

/* What a code means, which is not FB_SFTP_OK. */
static int fail(struct fb_connection *c, int code, const char *doing, const char *key, struct fb_err *err)
{
	int ours = code == FB_SFTP_ABSENT ? FB_STORE_ABSENT : code == FB_SFTP_DENIED ? FB_STORE_DENIED : FB_STORE_IO;

	fb_err_set(err, ours, "cannot %s %s of %s: %s", doing, key, c->location->text, fb_sftp_said(c->own));
	if (code == FB_SFTP_BROKEN) {
		c->again = true;
		disconnect(c);
	}
	return -1;
}

static char *path_of(struct fb_connection *c, const char *key)
{
	struct host *h = c->location->own;

	return fb_asprintf("%s%s%s", h->path, *key ? "/" : "", key);
}

/* A folder, if it is not there. */
static int make_folder(struct fb_connection *c, const char *key, struct fb_err *err)
{
	char *path = path_of(c, key);
	int code = fb_sftp_make_folder(c->own, path), look;
	bool folder = false;
	uint64_t size;

	if (code != FB_SFTP_OK && code != FB_SFTP_BROKEN) { /* version 3 does not say why */
		look = fb_sftp_look(c->own, path, &folder, &size);
		code = look == FB_SFTP_OK && folder ? FB_SFTP_OK : look == FB_SFTP_BROKEN ? look : code;
	}
	fb_free(path);
	return code ? fail(c, code, "make the folder", *key ? key : "itself", err) : 0;
}

static int put_file(struct fb_connection *c, const char *key, const void *data, size_t size, bool exclusive, struct fb_err *err)
{
	struct host *h = c->location->own;
	const char *slash = strrchr(key, '/');
	char *name = fb_asprintf("%.*s" FB_TEMPORARY_PREFIX "%016llx-%u", slash ? (int)(slash + 1 - key) : 0, key, (unsigned long long)h->random,
				 __atomic_add_fetch(&h->n, 1, __ATOMIC_RELAXED));
	char *temporary = path_of(c, name), *path = path_of(c, key);
	int code = fb_sftp_write(c->own, temporary, data, size), r = 0;
	bool folder;
	uint64_t there;

	if (code == FB_SFTP_OK)
		code = fb_sftp_rename(c->own, temporary, path, !exclusive);
	if (code == FB_SFTP_FAILED && exclusive && fb_sftp_look(c->own, path, &folder, &there) == FB_SFTP_OK)
		r = fb_err_set(err, FB_STORE_EXISTS, "%s is in %s already", key, c->location->text);
	else if (code)
		r = -1;
	if (code && code != FB_SFTP_BROKEN) {
		char *said = fb_strdup(fb_sftp_said(c->own));

		if (r < 0 && (!err || err->code != FB_STORE_EXISTS))
			fb_err_set(err, code == FB_SFTP_ABSENT ? FB_STORE_ABSENT : code == FB_SFTP_DENIED ? FB_STORE_DENIED : FB_STORE_IO, "cannot put %s in %s: %s", key, c->location->text, said);
		fb_free(said);
		if (fb_sftp_remove(c->own, temporary) == FB_SFTP_BROKEN)
			disconnect(c);
	} else if (code == FB_SFTP_BROKEN) {
		r = fail(c, code, "put", key, err);
	}
	fb_free(name);
	fb_free(temporary);
	fb_free(path);
	return r;
}

static int put(struct fb_connection *c, const char *key, const void *data, size_t size, bool exclusive, struct fb_err *err)
{
	return reach(c, err) ? put_file(c, key, data, size, exclusive, err) : -1;
}

static int make(struct fb_connection *c, struct fb_err *err)
{
	static const char *const folders[] = {"", "objects", "sets", "index"};
	char name[16];
	struct fb_err ours = {0};

	if (!reach(c, err))
		return -1;
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
		if (make_folder(c, folders[i], err) < 0)
			return -1;
	for (unsigned i = 0; i < 256; i++) {
		snprintf(name, sizeof name, "objects/%02x", i);
		if (make_folder(c, name, err) < 0)
			return -1;
	}
	if (put_file(c, "lock", "", 0, true, &ours) == 0 || ours.code == FB_STORE_EXISTS)
		return 0;
	if (err)
		*err = ours;
	return -1;
}

static int get(struct fb_connection *c, const char *key, size_t limit, struct fb_text *ret, struct fb_err *err)
{
	char *path;
	int code;

	if (!reach(c, err))
		return -1;
	path = path_of(c, key);
	code = fb_sftp_read(c->own, path, limit, ret);
	fb_free(path);
	if (code)
		return fail(c, code, "read", key, err);
	return ret->n <= limit ? 0 : fb_err_set(err, FB_STORE_DAMAGED, "%s in %s is longer than %zu bytes", key, c->location->text, limit);
}

static int remove_key(struct fb_connection *c, const char *key, struct fb_err *err)
{
	char *path;
	int code;

	if (!reach(c, err))
		return -1;
	path = path_of(c, key);
	code = fb_sftp_remove(c->own, path);
	fb_free(path);
	return code == FB_SFTP_OK || code == FB_SFTP_ABSENT ? 0 : fail(c, code, "remove", key, err);
}

/* Renames a folder; FB_STORE_EXISTS when the new name is taken. */
static int move(struct fb_connection *c, const char *from, const char *to, struct fb_err *err)
{
	char *old = path_of(c, from), *new_path = path_of(c, to);
	int code = fb_sftp_rename(c->own, old, new_path, false), r = 0;
	bool folder;
	uint64_t size;

	if (code == FB_SFTP_FAILED && fb_sftp_look(c->own, new_path, &folder, &size) == FB_SFTP_OK)
		r = fb_err_set(err, FB_STORE_EXISTS, "%s is in %s already", to, c->location->text);
	else if (code)
		r = fail(c, code, "rename", from, err);
	fb_free(old);
	fb_free(new_path);
	return r;
}

static int seal(struct fb_connection *c, const char *set, const void *data, size_t size, struct fb_err *err)
{
	char *part = fb_asprintf("sets/%s.part", set), *file = fb_asprintf("%s/manifest.json", part), *whole = fb_asprintf("sets/%s", set);
	int r = reach(c, err) ? 0 : -1;

	if (r == 0)
		r = make_folder(c, part, err);
	if (r == 0)
		r = put_file(c, file, data, size, false, err);
	if (r == 0)
		r = move(c, part, whole, err);
	fb_free(part);
	fb_free(file);
	fb_free(whole);
	return r;
}

struct folder {
	struct fb_text names; /* a zero byte after each */
};

static int keep_name(void *ctx, const char *name, uint64_t size, bool file)
{
	struct folder *f = ctx;

	(void)size;
	(void)file;
	fb_text_add(&f->names, name, strlen(name) + 1);
	return 0;
}

/* A folder of a set: its manifest, and maybe temporary files of one that was killed. */
static int remove_folder(struct fb_connection *c, const char *path)
{
	struct folder f = {0};
	int stopped, code = fb_sftp_list(c->own, path, keep_name, &f, &stopped);

	for (size_t at = 0; code == FB_SFTP_OK && at < f.names.n; at += strlen(f.names.p + at) + 1) {
		char *one = fb_asprintf("%s/%s", path, f.names.p + at);

		code = fb_sftp_remove(c->own, one);
		fb_free(one);
	}
	fb_text_clear(&f.names);
	return code == FB_SFTP_OK ? fb_sftp_remove_folder(c->own, path) : code;
}

static int unseal(struct fb_connection *c, const char *set, struct fb_err *err)
{
	char *whole = fb_asprintf("sets/%s", set), *gone = fb_asprintf("sets/%s.gone", set), *path;
	struct fb_err ours = {0};
	int r = reach(c, err) ? 0 : -1, code;

	if (r == 0 && move(c, whole, gone, &ours) < 0 && ours.code != FB_STORE_ABSENT && ours.code != FB_STORE_EXISTS) {
		if (err)
			*err = ours;
		r = -1;
	}
	if (r == 0) {
		path = path_of(c, gone);
		code = remove_folder(c, path);
		fb_free(path);
		if (code && code != FB_SFTP_ABSENT)
			r = fail(c, code, "remove", gone, err);
	}
	fb_free(whole);
	fb_free(gone);
	return r;
}

struct names {
	const char *folder; /* of objects; NULL: sets */
	int (*set)(void *ctx, const char *name, struct fb_err *err);
	int (*object)(void *ctx, const char *name, uint64_t size, struct fb_err *err);
	void *ctx;
	struct fb_err *err;
};

static int take_name(void *ctx, const char *name, uint64_t size, bool file)
{
	struct names *n = ctx;
	char *key;
	int r;

	if (!n->folder)
		return !file && fb_store_name_valid(name) ? n->set(n->ctx, name, n->err) : 0;
	if (!file)
		return 0;
	key = fb_asprintf("%s/%s", n->folder, name);
	r = n->object(n->ctx, key, size, n->err);
	fb_free(key);
	return r;
}

static int list(struct fb_connection *c, const char *folder, struct names *n, struct fb_err *err)
{
	char *path;
	int code, r = 0;

	if (!reach(c, err))
		return -1;
	path = path_of(c, folder);
	code = fb_sftp_list(c->own, path, take_name, n, &r);
	fb_free(path);
	return code ? fail(c, code, "read the folder", folder, err) : r;
}

static int sets(struct fb_connection *c, int (*each)(void *ctx, const char *name, struct fb_err *err), void *ctx, struct fb_err *err)
{
	struct names n = {.set = each, .ctx = ctx, .err = err};

	return list(c, "sets", &n, err);
}

static int objects(struct fb_connection *c, unsigned first, int (*each)(void *ctx, const char *name, uint64_t size, struct fb_err *err), void *ctx, struct fb_err *err)
{
	char folder[16];
	struct names n = {.folder = folder, .object = each, .ctx = ctx, .err = err};
	int r = 0;

	for (unsigned i = first; r == 0 && i < 256; i++) {
		snprintf(folder, sizeof folder, "objects/%02x", i);
		r = list(c, folder, &n, err);
	}
	return r;
}

const struct fb_location_ops fb_location_ssh = {.use = "ssh", .open = open_host, .close = close_host, .disconnect = disconnect, .make = make, .get = get, .put = put, .seal = seal,
	.remove = remove_key, .unseal = unseal, .sets = sets, .objects = objects};
