/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places beside the store where copies of it are: a directory, an S3-compatible bucket, an SSH host. What lies there is what lies in a store (store.h):
 * store.json, objects/ab/cdef..., sets/ID/manifest.json, whose being there is the mark of a set. It knows keys (such names) and bytes, nothing of
 * sets and objects; copy.h does. Secrets are in it and in nothing that it says.
 */
#ifndef FB_STORE_LOCATION_H
#define FB_STORE_LOCATION_H

#include <jansson.h>
#include <pthread.h>

#include "base/mem.h"
#include "store/store.h"

#define FB_LOCATION_LIMIT ((size_t)32 << 20) /* bytes of anything there */

struct fb_location;

/* One connection; used by one thread at a time. */
struct fb_connection {
	struct fb_location *location;
	struct fb_connection *next;
	void *own;  /* the transport's; NULL: not connected */
	bool again; /* the last error may pass: the transport says so */
};

/* A transport. All operations may be repeated. Codes: FB_STORE_ABSENT, _EXISTS, _DENIED, _IO. */
struct fb_location_ops {
	const char *use;                                                              /* "directory", "s3", "ssh" */
	int (*open)(struct fb_location *l, struct fb_err *err);                      /* reads l->form, sets l->text; reaches nothing */
	void (*close)(struct fb_location *l);
	void (*disconnect)(struct fb_connection *c);
	int (*make)(struct fb_connection *c, struct fb_err *err);                    /* folders, where there are any */
	int (*get)(struct fb_connection *c, const char *key, size_t limit, struct fb_text *ret, struct fb_err *err);
	/* Whole or not at all. exclusive: only when there is none: FB_STORE_EXISTS. */
	int (*put)(struct fb_connection *c, const char *key, const void *data, size_t size, bool exclusive, struct fb_err *err);
	int (*seal)(struct fb_connection *c, const char *set, const void *data, size_t size, struct fb_err *err); /* puts the manifest of a set, exclusively: the mark */
	int (*remove)(struct fb_connection *c, const char *key, struct fb_err *err); /* what is not there is no error */
	int (*unseal)(struct fb_connection *c, const char *set, struct fb_err *err); /* the mark first */
	int (*sets)(struct fb_connection *c, int (*each)(void *ctx, const char *name, struct fb_err *err), void *ctx, struct fb_err *err);
	/* All objects, by their folders' order (not sorted within one), from that of the first byte `first` on. each: 0; 1 to stop; -1. */
	int (*objects)(struct fb_connection *c, unsigned first, int (*each)(void *ctx, const char *name, uint64_t size, struct fb_err *err), void *ctx, struct fb_err *err);
};
extern const struct fb_location_ops fb_location_directory, fb_location_s3, fb_location_ssh;

struct fb_location {
	const struct fb_location_ops *ops;
	json_t *form;
	char *text; /* "s3://bucket/prefix": for people */
	void *own;  /* the transport's */
	int64_t timeout_ms;
	int attempts;
	pthread_mutex_t mutex;
	struct fb_connection *idle;
};

/*
 * text is one of
 *   /DIR                                    a directory
 *   s3://BUCKET[/PREFIX]                    with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL of the environment
 *   ssh://[USER@]HOST[:PORT]/DIR
 *   {...}                                   a JSON object: "use", and what the transport takes (failback-store(8))
 *   -                                       the same, from standard input, so that nobody reads its secrets from the command line
 */
int fb_location_open(struct fb_location *l, const char *text, struct fb_err *err) FB_MUST_USE;
void fb_location_close(struct fb_location *l); /* takes a zeroed one */

/* The operations, each on a connection that is free, and again where the error may pass. For any thread. */
int fb_location_make(struct fb_location *l, struct fb_err *err) FB_MUST_USE;
int fb_location_get(struct fb_location *l, const char *key, size_t limit, struct fb_text *ret, struct fb_err *err) FB_MUST_USE;
int fb_location_put(struct fb_location *l, const char *key, const void *data, size_t size, bool exclusive, struct fb_err *err) FB_MUST_USE;
int fb_location_seal(struct fb_location *l, const char *set, const void *data, size_t size, struct fb_err *err) FB_MUST_USE;
int fb_location_remove(struct fb_location *l, const char *key, struct fb_err *err) FB_MUST_USE;
int fb_location_unseal(struct fb_location *l, const char *set, struct fb_err *err) FB_MUST_USE;
/* These two are not repeated as a whole: a transport repeats what it can. */
int fb_location_sets(struct fb_location *l, int (*each)(void *ctx, const char *name, struct fb_err *err), void *ctx, struct fb_err *err) FB_MUST_USE;
int fb_location_objects(struct fb_location *l, unsigned first, int (*each)(void *ctx, const char *name, uint64_t size, struct fb_err *err), void *ctx,
			struct fb_err *err) FB_MUST_USE;

/* A text of the form; NULL when it is not there. */
const char *fb_location_text(const struct fb_location *l, const char *name);
/* Waits before attempt n (from 1 on) is made again: longer each time, and never as long as others. */
void fb_location_pause(int n);
/* "objects/ab/cd..." as an id. */
int fb_location_object(const char *folder, const char *name, struct fb_oid *ret) FB_MUST_USE;

#endif
