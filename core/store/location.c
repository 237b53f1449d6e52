/* SPDX-License-Identifier: Apache-2.0 */
#include "store/location.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TIMEOUT_MS 30000
#define ATTEMPTS 5
#define FORM_LIMIT 65536
#define PAUSE_MS 200
#define PAUSE_MOST_MS 10000

static const struct fb_location_ops *const transports[] = {&fb_location_directory, &fb_location_s3, &fb_location_ssh};

const char *fb_location_text(const struct fb_location *l, const char *name)
{
	const char *s = json_string_value(json_object_get(l->form, name));

	return s && *s ? s : NULL;
}

void fb_location_pause(int n)
{
	unsigned ms = n > 6 ? PAUSE_MOST_MS : PAUSE_MS << (n - 1);

	ms = ms / 2 + randombytes_uniform(ms / 2 + 1);
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000}, NULL);
}

int fb_location_object(const char *folder, const char *name, struct fb_oid *ret)
{
	char text[FB_OID_TEXT];

	if (strlen(folder) != 2 || strlen(name) != FB_OID_TEXT - 3)
		return -1;
	snprintf(text, sizeof text, "%s%s", folder, name);
	return fb_oid_parse(text, ret);
}

/* ---- what the command line says ---- */

static void from_environment(json_t *form, const char *name, const char *variable)
{
	const char *value = getenv(variable);

	if (value && *value)
		json_object_set_new(form, name, json_string(value));
}

static json_t *s3_form(const char *text)
{
	json_t *form = json_pack("{s:s, s:s#}", "use", "s3", "bucket", text, (int)strcspn(text, "/"));
	const char *slash = strchr(text, '/');

	if (slash && slash[1])
		json_object_set_new(form, "prefix", json_string(slash + 1));
	from_environment(form, "access_key", "AWS_ACCESS_KEY_ID");
	from_environment(form, "secret_key", "AWS_SECRET_ACCESS_KEY");
	from_environment(form, "session_token", "AWS_SESSION_TOKEN");
	from_environment(form, "region", "AWS_DEFAULT_REGION");
	from_environment(form, "region", "AWS_REGION");
	from_environment(form, "endpoint", "AWS_ENDPOINT_URL");
	from_environment(form, "endpoint", "AWS_ENDPOINT_URL_S3");
	from_environment(form, "ca_file", "AWS_CA_BUNDLE");
	return form;
}

static json_t *ssh_form(const char *text)
{
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	const char *at = memchr(text, '@', n), *host = at ? at + 1 : text, *colon = memchr(host, ':', n - (size_t)(host - text));
	json_t *form = json_pack("{s:s, s:s#, s:s}", "use", "ssh", "host", host, (int)((colon ? colon : text + n) - host), "path", slash ? slash : "");

	if (at)
		json_object_set_new(form, "user", json_stringn(text, (size_t)(at - text)));
	if (colon)
		json_object_set_new(form, "port", json_integer(strtol(colon + 1, NULL, 10)));
	return form;
}

static json_t *read_form(const char *text, struct fb_err *err)
{
	json_error_t where;
	json_t *form = text ? json_loads(text, JSON_REJECT_DUPLICATES, &where) : json_loadf(stdin, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &where);

	if (json_is_object(form))
		return form;
	fb_err_set(err, FB_STORE_USAGE, "the location is no JSON object: %s", form ? "it is another value" : where.text); /* what it is may be secret, where it is wrong is not */
	json_decref(form);
	return NULL;
}

static json_t *form_of(const char *text, struct fb_err *err)
{
	json_t *form = NULL;

	if (!strcmp(text, "-"))
		return read_form(NULL, err);
	if (*text == '{')
		return read_form(text, err);
	if (*text == '/')
		form = json_pack("{s:s, s:s}", "use", "directory", "path", text);
	else if (fb_has_prefix(text, "s3://"))
		form = s3_form(text + 5);
	else if (fb_has_prefix(text, "ssh://"))
		form = ssh_form(text + 6);
	else
		fb_err_set(err, FB_STORE_USAGE, "'%.200s' is no location: it is /DIR, s3://BUCKET/PREFIX, ssh://USER@HOST/DIR, or - for one on standard input", text);
	if (!form && err && !err->code)
		fb_err_set(err, FB_STORE_USAGE, "the location is no UTF-8");
	return form;
}

int fb_location_open(struct fb_location *l, const char *text, struct fb_err *err)
{
	const char *use;
	json_int_t n;

	*l = (struct fb_location){.timeout_ms = TIMEOUT_MS, .attempts = ATTEMPTS};
	pthread_mutex_init(&l->mutex, NULL);
	l->form = form_of(text, err);
	if (!l->form)
		return -1;
	use = fb_location_text(l, "use");
	for (size_t i = 0; i < sizeof transports / sizeof *transports; i++)
		if (fb_streq(use, transports[i]->use))
			l->ops = transports[i];
	if ((n = json_integer_value(json_object_get(l->form, "timeout_ms"))) > 0)
		l->timeout_ms = n;
	if ((n = json_integer_value(json_object_get(l->form, "attempts"))) > 0 && n <= 100)
		l->attempts = (int)n;
	if (l->ops && l->ops->open(l, err) == 0)
		return 0;
	if (!l->ops)
		fb_err_set(err, FB_STORE_USAGE, "a location uses directory, s3 or ssh, not '%.100s'", use ? use : "");
	fb_location_close(l);
	return -1;
}

static void wipe_form(json_t *form)
{
	const char *key;
	json_t *v;

	json_object_foreach(form, key, v)
		if (json_is_string(v) && (strstr(key, "key") || strstr(key, "token")))
			sodium_memzero((char *)json_string_value(v), json_string_length(v));
	json_decref(form);
}

void fb_location_close(struct fb_location *l)
{
	if (!l->form && !l->ops)
		return;
	for (struct fb_connection *c = l->idle, *next; c; c = next) {
		next = c->next;
		if (c->own)
			l->ops->disconnect(c);
		fb_free(c);
	}
	if (l->ops)
		l->ops->close(l);
	wipe_form(l->form);
	fb_free(l->text);
	pthread_mutex_destroy(&l->mutex);
	*l = (struct fb_location){0};
}

/* ---- connections, and trying again ---- */

static struct fb_connection *take(struct fb_location *l)
{
	struct fb_connection *c;

	pthread_mutex_lock(&l->mutex);
	c = l->idle;
	if (c)
		l->idle = c->next;
	pthread_mutex_unlock(&l->mutex);
	if (!c)
		c = fb_alloc(sizeof *c);
	c->location = l;
	c->again = false;
	return c;
}

static void give(struct fb_location *l, struct fb_connection *c)
{
	pthread_mutex_lock(&l->mutex);
	c->next = l->idle;
	l->idle = c;
	pthread_mutex_unlock(&l->mutex);
}

struct request {
	enum { MAKE, GET, PUT, SEAL, REMOVE, UNSEAL } what;
	const char *key;
	const void *data;
	size_t size;
	bool exclusive;
	struct fb_text *ret;
};

static int once(struct fb_connection *c, const struct request *q, struct fb_err *err)
{
	const struct fb_location_ops *ops = c->location->ops;

	switch (q->what) {
	case MAKE: return ops->make(c, err);
	case GET: fb_text_clear(q->ret); return ops->get(c, q->key, q->size, q->ret, err);
	case PUT: return ops->put(c, q->key, q->data, q->size, q->exclusive, err);
	case SEAL: return ops->seal(c, q->key, q->data, q->size, err);
	case REMOVE: return ops->remove(c, q->key, err);
	case UNSEAL: return ops->unseal(c, q->key, err);
	}
	return -1;
}

static int many(struct fb_location *l, const struct request *q, struct fb_err *err)
{
	struct fb_connection *c = take(l);
	struct fb_err ours = {0};
	int r = -1, n = 0;

	while (n < l->attempts) {
		c->again = false;
		ours = (struct fb_err){0};
		r = once(c, q, &ours);
		if (r == 0 || !c->again)
			break;
		if (++n < l->attempts)
			fb_location_pause(n);
	}
	if (r < 0 && n > 1)
		fb_err_prefix(&ours, "after %d attempts", n);
	give(l, c);
	if (r < 0 && err)
		*err = ours;
	return r;
}

int fb_location_make(struct fb_location *l, struct fb_err *err)
{
	return many(l, &(struct request){.what = MAKE}, err);
}

int fb_location_get(struct fb_location *l, const char *key, size_t limit, struct fb_text *ret, struct fb_err *err)
{
	return many(l, &(struct request){.what = GET, .key = key, .size = limit, .ret = ret}, err);
}

int fb_location_put(struct fb_location *l, const char *key, const void *data, size_t size, bool exclusive, struct fb_err *err)
{
	return many(l, &(struct request){.what = PUT, .key = key, .data = data, .size = size, .exclusive = exclusive}, err);
}

int fb_location_seal(struct fb_location *l, const char *set, const void *data, size_t size, struct fb_err *err)
{
	return many(l, &(struct request){.what = SEAL, .key = set, .data = data, .size = size}, err);
}

int fb_location_remove(struct fb_location *l, const char *key, struct fb_err *err)
{
	return many(l, &(struct request){.what = REMOVE, .key = key}, err);
}

int fb_location_unseal(struct fb_location *l, const char *set, struct fb_err *err)
{
	return many(l, &(struct request){.what = UNSEAL, .key = set}, err);
}

int fb_location_sets(struct fb_location *l, int (*each)(void *ctx, const char *name, struct fb_err *err), void *ctx, struct fb_err *err)
{
	struct fb_connection *c = take(l);
	int r = l->ops->sets(c, each, ctx, err);

	give(l, c);
	return r;
}

int fb_location_objects(struct fb_location *l, unsigned first, int (*each)(void *ctx, const char *name, uint64_t size, struct fb_err *err), void *ctx, struct fb_err *err)
{
	struct fb_connection *c = take(l);
	int r = l->ops->objects(c, first, each, ctx, err);

	give(l, c);
	return r < 0 ? -1 : 0;
}
