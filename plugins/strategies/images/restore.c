/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that every image can be had again, and lets the names stand for them: by a tag where it is still there, else loaded from the backup, else pulled by its digest. */
#include "plugins/strategies/images/images.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct work {
	const char *place; /* the first: item_restore_by */
	struct engine engine;
	size_t changed, same;
};

static json_t *read_list(const struct fb_call *call, const char *place)
{
	char file[4300];
	json_t *ret;

	snprintf(file, sizeof file, "%s/" IMAGES_LIST, place);
	ret = json_load_file(file, 0, NULL);
	if (json_is_array(json_object_get(ret, "images")))
		return ret;
	call->host->fail(call, "the backup of %s has no list of images that can be read", call->service);
	json_decref(ret);
	return NULL;
}

static const char *text(const json_t *one, const char *member)
{
	const char *s = json_string_value(json_object_get(one, member));

	return s ? s : "";
}

static const char *digest_of(const json_t *one)
{
	return json_string_value(json_array_get(json_object_get(one, "digests"), 0));
}

/* ---- proof ---- */

/* Can it be had again? From the engine, which has it now, or from the backup, which was looked through when it was made and has been read back. place NULL: do not look again. */
static int32_t look_at(struct engine *e, const json_t *one, const char *place)
{
	const char *name = text(one, "name"), *id = text(one, "id"), *saved = text(one, "saved");
	char file[4300];
	json_t *said;
	int there;

	if (json_is_true(json_object_get(one, "absent")))
		return FB_OK;
	snprintf(file, sizeof file, "%s/%s", place ? place : "", saved);
	if (*saved)
		return place && archive_look(e->call, file, id, name) ? FB_FAIL : FB_OK;
	there = engine_image(e, id, &said);
	json_decref(said);
	if (there == 0)
		e->call->host->fail(e->call, "the backup of %s cannot be relied on: image %s (%s) is not at the engine any more, and was not saved", e->call->service, id, name);
	else if (there > 0 && !digest_of(one))
		e->call->host->log(e->call, FB_LOG_WARNING, "image %s has no digest of a registry, and was not saved: once it is removed here it is lost. Set save = true", name);
	return there < 0 ? FB_RETRY : there ? FB_OK : FB_FAIL;
}

static int32_t look(const struct fb_call *call, const char *place)
{
	struct store_words where = {0};
	char *own = place ? NULL : item_place(call, "list");
	const json_t *one;
	struct engine e = {0};
	json_t *list = NULL;
	int32_t answer = FB_FAIL;
	size_t i;

	if (own) {
		store_option(&where, "--to", own);
		store_option(&where, "--only", IMAGES_LIST);
	}
	if (place || (own && !item_give(call, "the list of images", call->execution, &where)))
		list = read_list(call, place ? place : own);
	store_words_clear(&where);
	if (list)
		answer = engine_open(&e, call) ? FB_RETRY : FB_OK;
	json_array_foreach(json_object_get(list, "images"), i, one) {
		if (answer == FB_OK)
			answer = look_at(&e, one, place);
	}
	engine_close(&e);
	json_decref(list);
	item_clear(own);
	return answer;
}

int32_t images_prove(const struct fb_call *call)
{
	return item_prove_with(call, look);
}

/* ---- restore ---- */

struct one {
	struct work *w;
	const char *name, *id, *digest, *file, *repository, *tag;
};

static int32_t answered(const struct fb_call *call, long status, long expected, const json_t *said, const char *what)
{
	const char *why = engine_error(said);

	if (status == expected && !why)
		return FB_OK;
	if (status >= 0)
		call->host->fail(call, "%s failed: the engine answers status %ld: %s", what, status, why ? why : "without a reason");
	return status < 0 || status >= 500 ? FB_RETRY : FB_FAIL;
}

static int32_t load(const struct fb_call *call, void *ctx)
{
	struct one *o = ctx;
	char what[IMAGES_NAME];
	json_t *said;
	long status;
	int32_t answer;

	snprintf(what, sizeof what, "loading image %.300s from the backup", o->name);
	status = engine_post(&o->w->engine, "/images/load?quiet=1", o->file, what, &said);
	answer = answered(call, status, 200, said, what);
	json_decref(said);
	return answer;
}

/* The answer begins with 200 and may tell of a failure later. */
static int32_t pull(const struct fb_call *call, void *ctx)
{
	struct one *o = ctx;
	char path[IMAGES_NAME * 4], what[IMAGES_NAME], *word = engine_word(&o->w->engine, o->digest);
	json_t *said;
	long status;
	int32_t answer;

	snprintf(what, sizeof what, "pulling %.400s", o->digest);
	snprintf(path, sizeof path, "/images/create?fromImage=%s", word);
	status = engine_post(&o->w->engine, path, NULL, what, &said);
	answer = answered(call, status, 200, said, what);
	json_decref(said);
	free(word);
	return answer;
}

static int32_t put_tag(const struct fb_call *call, void *ctx)
{
	struct one *o = ctx;
	char path[IMAGES_NAME * 6], what[IMAGES_NAME], *repository = engine_word(&o->w->engine, o->repository), *tag = engine_word(&o->w->engine, o->tag);
	json_t *said;
	long status;
	int32_t answer;

	snprintf(what, sizeof what, "letting %.300s stand for %.80s", o->name, o->id);
	snprintf(path, sizeof path, "/images/%.200s/tag?repo=%s&tag=%s", o->id, repository, tag);
	status = engine_post(&o->w->engine, path, NULL, what, &said);
	answer = answered(call, status, 201, said, what);
	json_decref(said);
	free(repository);
	free(tag);
	return answer;
}

static int32_t act(const struct fb_call *call, const struct one *o, const char *verb, const char *words, item_step_fn step)
{
	char key[IMAGES_NAME], what[IMAGES_NAME * 2];

	snprintf(key, sizeof key, "%s/%.400s", verb, o->name);
	snprintf(what, sizeof what, "%s image %.400s (%.80s)%s", verb, o->name, o->id, words);
	return item_act(call, key, what, false, step, (void *)o);
}

static void advise(const struct fb_call *call, const struct one *o)
{
	char command[IMAGES_NAME * 3], *digest = run_quote(o->digest ? o->digest : ""), *id = run_quote(o->id), *name = run_quote(o->name);

	if (o->digest) {
		snprintf(command, sizeof command, "docker pull %s && docker tag %s %s", digest, id, name);
		call->host->advise(call, "pull the image by its digest, or set pull = true", command);
	}
	free(digest);
	free(id);
	free(name);
}

/* The image at the engine, wherever it has to come from. */
static int32_t bring(const struct fb_call *call, const struct one *o)
{
	json_t *said;
	int there = engine_image(&o->w->engine, o->id, &said);
	int32_t answer;

	json_decref(said);
	if (there)
		return there < 0 ? FB_RETRY : FB_OK;
	if (o->file) {
		if (archive_look(call, o->file, o->id, o->name))
			return FB_FAIL;
		answer = act(call, o, "load", " from the backup", load);
	} else if (o->digest && call->host->option_int(call, "pull", 0)) {
		answer = act(call, o, "pull", " by its digest", pull);
	} else {
		call->host->fail(call, "image %s (%s) is not at the engine any more, and was not saved: set save = true for the next time%s", o->name, o->id,
				 o->digest ? ", or pull = true to have it pulled" : "; no registry is known to have it");
		advise(call, o);
		return FB_FAIL;
	}
	if (answer != FB_OK)
		return answer;
	there = engine_image(&o->w->engine, o->id, &said);
	json_decref(said);
	if (there == 0)
		call->host->fail(call, "image %s was brought, but the engine has none with the id %s: what came is another one", o->name, o->id);
	return there > 0 ? FB_OK : there ? FB_RETRY : FB_FAIL;
}

/* Does the name stand for the image? */
static int stands(const struct one *o)
{
	json_t *said;
	int there = engine_image(&o->w->engine, o->name, &said), ret = there > 0 && !strcmp(text(said, "Id"), o->id);

	json_decref(said);
	return there < 0 ? -1 : ret;
}

static int32_t give_one(const struct fb_call *call, const struct one *o)
{
	char repository[IMAGES_NAME], tag[IMAGES_NAME];
	struct one named = *o;
	int32_t answer;
	int r = stands(o);

	if (r) {
		o->w->same += r > 0;
		return r < 0 ? FB_RETRY : FB_OK;
	}
	answer = bring(call, o);
	o->w->changed++;
	if (answer != FB_OK || !images_split(o->name, repository, tag, sizeof repository))
		return answer;
	named.repository = repository;
	named.tag = tag;
	r = stands(o); /* one that is loaded brings its names */
	if (r)
		return r < 0 ? FB_RETRY : FB_OK;
	return act(call, &named, "tag", ": let the name stand for it again", put_tag);
}

static int32_t give(const struct fb_call *call, void *ctx)
{
	struct work *w = ctx;
	json_t *list = read_list(call, w->place);
	const json_t *entry;
	char file[4300];
	int32_t answer = FB_FAIL;
	size_t i;

	if (list)
		answer = engine_open(&w->engine, call) ? FB_RETRY : FB_OK;
	json_array_foreach(json_object_get(list, "images"), i, entry) {
		struct one o = {.w = w, .name = text(entry, "name"), .id = text(entry, "id"), .digest = digest_of(entry)};

		if (answer != FB_OK || json_is_true(json_object_get(entry, "absent")))
			continue;
		snprintf(file, sizeof file, "%s/%s", w->place, text(entry, "saved"));
		o.file = *text(entry, "saved") ? file : NULL;
		answer = give_one(call, &o);
	}
	engine_close(&w->engine);
	json_decref(list);
	if (answer == FB_OK)
		call->host->log(call, FB_LOG_INFO, "%zu name%s given back, %zu as they were", w->changed, w->changed == 1 ? "" : "s", w->same);
	return answer;
}

int32_t images_restore(const struct fb_call *call)
{
	struct work w = {0};
	char what[IMAGES_NAME];

	return item_restore_by(call, images_what(call, what, sizeof what), give, &w);
}
