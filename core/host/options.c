/* SPDX-License-Identifier: Apache-2.0 */
/* Options as a plugin asks for them: paths into the call's options, which the configuration has checked and normalised (config/frozen.h). */
#include <inttypes.h>
#include <math.h>

#include "base/mem.h"
#include "host/declared.h"
#include "host/worker.h"

/* The default that the plugin itself declares, for a caller that has not filled it in. */
static const struct fb_option *defaulted(const struct fb_worker *w, const char *path)
{
	const struct fb_option *o = fb_declared_find(w->loaded, path);

	return o && o->default_value ? o : NULL;
}

const char *fb_service_option(const struct fb_call *call, const char *path)
{
	struct fb_worker *w = fb_worker_of(call);
	const json_t *v = path ? fb_json_find(w->options, path) : NULL;
	const struct fb_option *o;
	int64_t n;

	if (v)
		return fb_worker_keep(w, FB_TEXT_OPTION, fb_json_scalar(v));
	o = path ? defaulted(w, path) : NULL;
	if (!o)
		return fb_worker_keep(w, FB_TEXT_OPTION, NULL);
	if ((o->type == FB_TYPE_DURATION || o->type == FB_TYPE_SIZE || o->type == FB_TYPE_PERCENT) && fb_declared_int(o, o->default_value, &n, NULL) == 0)
		return fb_worker_keep(w, FB_TEXT_OPTION, fb_asprintf("%" PRId64, n));
	return fb_worker_keep(w, FB_TEXT_OPTION, fb_strdup(o->default_value));
}

int64_t fb_service_option_int(const struct fb_call *call, const char *path, int64_t absent)
{
	struct fb_worker *w = fb_worker_of(call);
	const json_t *v = path ? fb_json_find(w->options, path) : NULL;
	const struct fb_option *o = path ? fb_declared_find(w->loaded, path) : NULL;
	int64_t n;

	if (!v)
		return o && o->default_value && fb_declared_int(o, o->default_value, &n, NULL) == 0 ? n : absent;
	switch (json_typeof(v)) {
	case JSON_INTEGER:
		return json_integer_value(v);
	case JSON_TRUE:
		return 1;
	case JSON_FALSE:
		return 0;
	case JSON_REAL:
		return fabs(json_real_value(v)) < 9e18 ? fb_round(json_real_value(v)) : absent;
	case JSON_STRING: {
		struct fb_option number = {.type = FB_TYPE_INT};

		return fb_declared_int(o ? o : &number, json_string_value(v), &n, NULL) == 0 ? n : absent;
	}
	default:
		return absent;
	}
}

uint32_t fb_service_option_count(const struct fb_call *call, const char *path)
{
	const json_t *v = path ? fb_json_find(fb_worker_of(call)->options, path) : NULL;

	return (uint32_t)(json_is_array(v) ? json_array_size(v) : json_is_object(v) ? json_object_size(v) : 0);
}

const char *fb_service_option_key(const struct fb_call *call, const char *path, uint32_t index)
{
	struct fb_worker *w = fb_worker_of(call);
	json_t *v = (json_t *)(uintptr_t)(path ? fb_json_find(w->options, path) : NULL); /* iterators take no const */

	if (json_is_object(v))
		for (void *i = json_object_iter(v); i; i = json_object_iter_next(v, i))
			if (index-- == 0)
				return json_object_iter_key(i);
	return NULL;
}
