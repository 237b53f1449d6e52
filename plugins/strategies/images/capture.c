/* SPDX-License-Identifier: Apache-2.0 */
/* Puts into the store which image each name stands for, how containers were made, and where it is asked for the images. */
#include "plugins/strategies/images/images.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define REDACTED "(not kept)"

struct capture {
	const struct fb_call *call;
	struct engine engine;
	const char *place;
	json_t *images, *containers;
	bool keeps_values; /* of variables: what it is put into is encrypted */
};

/* Will the store encrypt this? */
static bool is_encrypted(const struct fb_call *call)
{
	const char *text = call->host->document(call, "backup_store");
	json_t *settings = text ? json_loads(text, 0, NULL) : NULL;
	const char *how = json_string_value(json_object_get(settings, "encryption"));
	bool ret = how && (!strcmp(how, "all") || (!strcmp(how, "secrets") && call->host->option_int(call, "secret", 0)));

	json_decref(settings);
	return ret;
}

/* At the first deployment nothing need be there yet. */
static int absent(struct capture *c, const char *kind, const char *name, json_t *list)
{
	if (c->call->last_good) {
		c->call->host->fail(c->call, "%s %s is not there, so there is no way back to it: look at 'images' and 'containers'", kind, name);
		return -1;
	}
	c->call->host->log(c->call, FB_LOG_INFO, "%s %s is not there yet", kind, name);
	json_array_append_new(list, json_pack("{s:s, s:b}", "name", name, "absent", 1));
	return 0;
}

/* "1.tar", whole; one that was saved under another name is not saved twice. */
static int save(struct capture *c, const char *name, const char *id, char *ret, size_t size)
{
	char path[IMAGES_NAME * 2], file[4300], what[IMAGES_NAME];
	const json_t *one;
	size_t i;

	json_array_foreach(c->images, i, one) {
		const char *other = json_string_value(json_object_get(one, "id")), *saved = json_string_value(json_object_get(one, "saved"));

		if (other && saved && !strcmp(other, id)) {
			snprintf(ret, size, "%s", saved);
			return 0;
		}
	}
	snprintf(ret, size, "%zu.tar", json_array_size(c->images) + 1);
	snprintf(file, sizeof file, "%s/%s", c->place, ret);
	snprintf(path, sizeof path, "/images/%.200s/get", id);
	snprintf(what, sizeof what, "saving image %.200s", id);
	return engine_save(&c->engine, path, file, what) ? -1 : archive_look(c->call, file, id, name);
}

/* of: what is inspected, a name or an id. name: what is to stand for it. */
static int add_image(struct capture *c, const char *name, const char *of)
{
	char file[40] = "";
	const char *id;
	json_t *said;
	int rc = engine_image(&c->engine, of, &said);

	if (rc == 0)
		return absent(c, "image", name, c->images);
	if (rc < 0)
		return -1;
	id = json_string_value(json_object_get(said, "Id"));
	rc = c->call->host->option_int(c->call, "save", 0) ? save(c, name, id, file, sizeof file) : 0;
	if (!rc)
		json_array_append_new(c->images, json_pack("{s:s, s:s, s:O?, s:O?, s:O?, s:O?, s:O?, s:s?}", "name", name, "id", id, "digests", json_object_get(said, "RepoDigests"), "tags",
							   json_object_get(said, "RepoTags"), "architecture", json_object_get(said, "Architecture"), "os", json_object_get(said, "Os"), "size",
							   json_object_get(said, "Size"), "saved", *file ? file : NULL));
	json_decref(said);
	return rc;
}

/* Variables are where secrets are given to containers. */
static json_t *without_values(const json_t *environment)
{
	json_t *ret = json_array(), *one;
	size_t i;

	json_array_foreach(environment, i, one) {
		const char *text = json_string_value(one);

		if (text)
			json_array_append_new(ret, json_sprintf("%.*s=" REDACTED, (int)strcspn(text, "="), text));
	}
	return ret;
}

/* The body that POST /containers/create would take. */
static json_t *create_parameters(const struct capture *c, const json_t *said)
{
	json_t *ret = json_object_get(said, "Config") ? json_deep_copy(json_object_get(said, "Config")) : json_object(), *endpoints = json_object(), *network;
	static const char *const kept[] = {"IPAMConfig", "Links", "Aliases", "DriverOpts"};
	const char *name;

	if (!c->keeps_values && json_is_array(json_object_get(ret, "Env")))
		json_object_set_new(ret, "Env", without_values(json_object_get(ret, "Env")));
	json_object_foreach(json_object_get(json_object_get(said, "NetworkSettings"), "Networks"), name, network) {
		json_t *one = json_object();

		for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
			if (json_object_get(network, kept[i]))
				json_object_set(one, kept[i], json_object_get(network, kept[i]));
		json_object_set_new(endpoints, name, one);
	}
	if (json_object_get(said, "HostConfig"))
		json_object_set(ret, "HostConfig", json_object_get(said, "HostConfig"));
	json_object_set_new(ret, "NetworkingConfig", json_pack("{s:o}", "EndpointsConfig", endpoints));
	return ret;
}

static int add_container(struct capture *c, const char *name)
{
	char path[IMAGES_NAME], what[IMAGES_NAME];
	const char *image, *of, *why;
	json_t *said;
	long status;
	int rc = -1;

	snprintf(path, sizeof path, "/containers/%.300s/json", name);
	snprintf(what, sizeof what, "asking for container %.300s", name);
	status = engine_get(&c->engine, path, what, &said);
	of = json_string_value(json_object_get(said, "Image"));
	image = json_string_value(json_object_get(json_object_get(said, "Config"), "Image"));
	why = engine_error(said);
	if (status == 404) {
		rc = absent(c, "container", name, c->containers);
	} else if (status >= 0 && (status != 200 || !of)) {
		c->call->host->fail(c->call, "%s failed: the engine answers status %ld: %s", what, status, why ? why : "without saying which image it has");
	} else if (status == 200 && !add_image(c, image ? image : of, of)) {
		json_array_append_new(c->containers, json_pack("{s:s, s:O?, s:s?, s:s, s:b, s:o}", "name", name, "id", json_object_get(said, "Id"), "image", image, "image_id", of, "values_kept", c->keeps_values,
							       "create", create_parameters(c, said)));
		rc = 0;
	}
	json_decref(said);
	return rc;
}

static int each(struct capture *c, const char *list, bool containers)
{
	uint32_t n = c->call->host->option_count(c->call, list);
	char path[40], *name;
	int rc = 0;

	for (uint32_t i = 0; i < n && !rc; i++) {
		snprintf(path, sizeof path, "%s[%u]", list, (unsigned)i);
		name = run_copy(c->call->host->option(c->call, path));
		rc = containers ? add_container(c, name) : add_image(c, name, name);
		free(name);
	}
	return rc;
}

static int write_list(struct capture *c)
{
	json_t *all = json_pack("{s:s, s:O, s:O}", "schema", IMAGES_SCHEMA, "images", c->images, "containers", c->containers);
	char file[4300];
	int rc;

	snprintf(file, sizeof file, "%s/" IMAGES_LIST, c->place);
	rc = all ? json_dump_file(all, file, JSON_INDENT(1) | JSON_SORT_KEYS) : -1;
	json_decref(all);
	if (rc)
		c->call->host->fail(c->call, "%s cannot be written: is the disk full?", file);
	return rc;
}

static int collect(struct capture *c)
{
	int rc = -1;

	c->images = json_array();
	c->containers = json_array();
	c->keeps_values = is_encrypted(c->call);
	if (mkdir(c->place, 0700))
		c->call->host->fail(c->call, "%s cannot be made: %s", c->place, strerror(errno));
	else if (!engine_open(&c->engine, c->call))
		rc = each(c, "images", false) || each(c, "containers", true) || write_list(c) ? -1 : 0;
	engine_close(&c->engine);
	json_decref(c->images);
	json_decref(c->containers);
	return rc;
}

int32_t images_capture(const struct fb_call *call)
{
	bool dry = call->flags & FB_CALL_DRY_RUN;
	char *place = dry ? NULL : item_place(call, "copy"), what[IMAGES_NAME];
	struct capture c = {.call = call, .place = place};
	struct store_words w = {0};
	int32_t answer = FB_FAIL;

	if (dry || (place && !collect(&c))) {
		store_option(&w, "--tree", dry ? "/" : place);
		answer = item_capture(call, "images", images_what(call, what, sizeof what), &w);
		store_words_clear(&w);
	}
	item_clear(place);
	return answer;
}
