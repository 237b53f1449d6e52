/* SPDX-License-Identifier: Apache-2.0 */
/* strategy images: what its files share. A call is one worker. Functions that answer an FB_ value, or -1, have set the sentence of fail(). */
#ifndef FB_PLUGINS_STRATEGIES_IMAGES_H
#define FB_PLUGINS_STRATEGIES_IMAGES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "failback/plugin.h"
#include "plugins/common/item.h"
#include "plugins/common/run.h"

#define IMAGES_NAME 512 /* of an image, a container, a path of the API */
#define IMAGES_LIST "images.json"
#define IMAGES_SCHEMA "failback.images/1"

/* ---- engine.c: the Docker Engine API over its socket ---- */

struct engine {
	const struct fb_call *call;
	void *curl;
	char version[24];  /* "/v1.41" */
};
/* Asks which version it speaks. */
int engine_open(struct engine *e, const struct fb_call *call);
void engine_close(struct engine *e);
/* Its status; *ret is what it said, to be decref'd (NULL where that is no JSON). -1: it was not reached, and fail() says so. what: "asking for image shop:1" */
long engine_get(struct engine *e, const char *path, const char *what, json_t **ret);
/* The body comes from a file (NULL: none). The answer of a stream of objects is an array of them. */
long engine_post(struct engine *e, const char *path, const char *file, const char *what, json_t **ret);
/* What it answers goes into a file. -1 also where its status is not 200. */
int engine_save(struct engine *e, const char *path, const char *file, const char *what);
/* What it said of a failure, also in a stream that began well; NULL: nothing. Lives as long as said. */
const char *engine_error(const json_t *said);
/* A word for a query, to be freed. */
char *engine_word(struct engine *e, const char *text);

/* An image by name or id: 1, *ret has what the engine says of it; 0: it is not there; -1. */
int engine_image(struct engine *e, const char *name, json_t **ret);

/* ---- capture.c ---- */

int32_t images_capture(const struct fb_call *call);

/* ---- archive.c: what POST /images/load would take ---- */

/* Is all of the image in it? Every layer, by its hash, and the image's own. -1: no. what is for the sentence. */
int archive_look(const struct fb_call *call, const char *file, const char *id, const char *what);

/* ---- restore.c ---- */

int32_t images_prove(const struct fb_call *call);
int32_t images_restore(const struct fb_call *call);

/* ---- images.c ---- */

/* "the images of shop and 1 more" */
const char *images_what(const struct fb_call *call, char *buf, size_t size);
/* The repository and the tag of a name; false: it has none, being an id or a digest. */
bool images_split(const char *name, char *repository, char *tag, size_t size);

#endif
