/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin's descriptor, judged: what the author's struct says, in our own struct, or the sentence that refuses it. */
#ifndef FB_HOST_DESCRIPTOR_H
#define FB_HOST_DESCRIPTOR_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "failback/plugin.h"

#define FB_OPTIONS_LIMIT 256

/* What a host knows of its plugin. All is in our own layout: what the author's header did not have is zero. */
struct fb_loaded {
	struct fb_plugin plugin;
	struct fb_phase_ops phase;
	struct fb_strategy_ops strategy;
	struct fb_check_ops check;
	struct fb_notifier_ops notifier;
	struct fb_option options[FB_OPTIONS_LIMIT];
	int option_count;
	const char *stage; /* how far it has come: "load", "descriptor", "options" */
};

/* Checks the author's descriptor, of the file `path` that is named <kind>-<name>.so, and copies it. 0, or -1 with err. */
int fb_descriptor_take(const struct fb_plugin *theirs, const char *path, const char *kind, const char *name, struct fb_loaded *ret, struct fb_err *err) FB_MUST_USE;
/* The document that the engine sees (host.h), without "file" and "sha256". New reference. */
json_t *fb_descriptor_json(const struct fb_loaded *l);

#endif
