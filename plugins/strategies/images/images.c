/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strategy images: the images of containers as an item of a backup: which image a name stands for, by its digest, the image itself where that is asked for, and how the
 * containers were made. A recovery lets the names stand for those images again; containers are not its business.
 */
#include "plugins/strategies/images/images.h"

#include <stdio.h>
#include <string.h>

static const struct fb_option options[] = {
	{.name = "socket", .type = FB_TYPE_PATH, .default_value = "/var/run/docker.sock", .summary = "Where the Docker Engine, or what speaks as it does, listens"},
	{.name = "images", .type = FB_TYPE_LIST, .summary = "Names of images, such as shop/web:live"},
	{.name = "containers", .type = FB_TYPE_LIST, .summary = "Names of containers: their images, and how they were made"},
	{.name = "save", .type = FB_TYPE_BOOL, .default_value = "false", .summary = "The images themselves are put into the backup, too"},
	{.name = "pull", .type = FB_TYPE_BOOL, .default_value = "false", .summary = "An image that is gone, and was not saved, is pulled by its digest"},
	{.name = "secret", .type = FB_TYPE_BOOL, .default_value = "true", .summary = "It is secret: encrypted, where the store encrypts secrets; values of variables are kept only then"},
	{.name = "verify", .type = FB_TYPE_CHOICE, .default_value = "read", .choices = "read|restore", .summary = "How it is proven: read back whole, or restored into a scratch place and looked through"},
	{.name = "on_rollback", .type = FB_TYPE_CHOICE, .default_value = "restore", .choices = "restore|keep", .summary = "restore: a recovery gives the names back; keep: only people do, with failback backup restore"},
	{0},
};

static bool is_plain(const char *name, const char *more)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	if (!*name || strlen(name) > 300 || strstr(name, ".."))
		return false;
	for (const char *s = name; *s; s++)
		if (!strchr(letters, *s) && !strchr(more, *s))
			return false;
	return true;
}

static int check_names(const struct fb_call *call, const char *list, const char *more)
{
	uint32_t n = call->host->option_count(call, list);
	char path[40];

	for (uint32_t i = 0; i < n; i++) {
		const char *name;

		snprintf(path, sizeof path, "%s[%u]", list, (unsigned)i);
		name = call->host->option(call, path);
		if (name && is_plain(name, more))
			continue;
		call->host->fail(call, "%s = \"%s\": that is no name that the Docker Engine takes", path, name ? name : "");
		return -1;
	}
	return 0;
}

static int32_t check(const struct fb_call *call)
{
	struct engine e;
	int rc;

	if (!call->host->option_count(call, "images") && !call->host->option_count(call, "containers")) {
		call->host->fail(call, "neither 'images' nor 'containers' says what is to be backed up");
		return FB_FATAL;
	}
	if (check_names(call, "images", "/:@") || check_names(call, "containers", ""))
		return FB_FATAL;
	rc = engine_open(&e, call);
	engine_close(&e);
	return rc ? FB_FATAL : item_check(call);
}

const char *images_what(const struct fb_call *call, char *buf, size_t size)
{
	uint32_t images = call->host->option_count(call, "images"), containers = call->host->option_count(call, "containers");
	const char *first = call->host->option(call, images ? "images[0]" : "containers[0]");

	if (images + containers > 1)
		snprintf(buf, size, "the images of %.200s and %u more", first ? first : "?", (unsigned)(images + containers - 1));
	else
		snprintf(buf, size, "the image of %.200s", first ? first : "?");
	return buf;
}

bool images_split(const char *name, char *repository, char *tag, size_t size)
{
	const char *slash = strrchr(name, '/'), *colon = strrchr(slash ? slash : name, ':');
	size_t hex = strspn(name, "0123456789abcdef");

	if (strchr(name, '@') || !strncmp(name, "sha256:", 7) || (hex >= 12 && !name[hex]))
		return false;
	snprintf(repository, size, "%.*s", colon ? (int)(colon - name) : (int)strlen(name), name);
	snprintf(tag, size, "%s", colon ? colon + 1 : "latest");
	return true;
}

static const struct fb_strategy_ops ops = {.check = check, .state = item_state, .capture = images_capture, .prove = images_prove, .restore = images_restore};

FB_PLUGIN(STRATEGY, .name = "images", .version = "0.1.0", .summary = "Backs up which images containers have, and lets names stand for them again", .license = "Apache-2.0", .options = options,
	  .strategy = &ops)
