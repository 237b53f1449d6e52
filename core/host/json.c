/* SPDX-License-Identifier: Apache-2.0 */
/* JSON for plugins: values by their path, and texts as JSON strings, with jansson. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "host/worker.h"

const json_t *fb_json_find(const json_t *v, const char *path)
{
	while (v && *path) {
		const json_t *whole = json_is_object(v) ? json_object_get(v, path) : NULL;
		char key[256];
		size_t n;

		if (whole)
			return whole;
		if (*path == '[') {
			char *end;
			unsigned long i = strtoul(path + 1, &end, 10);

			if (end == path + 1 || *end != ']')
				return NULL;
			v = json_array_get(v, i);
			path = end + 1;
		} else {
			n = strcspn(path, ".[");
			if (n == 0 || n >= sizeof key)
				return NULL;
			memcpy(key, path, n);
			key[n] = 0;
			v = json_object_get(v, key);
			path += n;
		}
		if (*path == '.')
			path++;
	}
	return json_is_null(v) ? NULL : v;
}

char *fb_json_scalar(const json_t *v)
{
	char buf[64];

	switch (json_typeof(v)) {
	case JSON_STRING:
		return fb_strdup(json_string_value(v));
	case JSON_INTEGER:
		return fb_asprintf("%" JSON_INTEGER_FORMAT, json_integer_value(v));
	case JSON_TRUE:
		return fb_strdup("true");
	case JSON_FALSE:
		return fb_strdup("false");
	case JSON_REAL:
		for (int digits = 15; digits <= 17; digits++) { /* the shortest that reads back as the same */
			snprintf(buf, sizeof buf, "%.*g", digits, json_real_value(v));
			if (!(strtod(buf, NULL) < json_real_value(v)) && !(strtod(buf, NULL) > json_real_value(v)))
				break;
		}
		return fb_strdup(buf);
	default:
		return NULL;
	}
}

/* Keeps text until the operation returns; takes the reference. */
static const char *keep(struct fb_worker *w, json_t *text)
{
	if (!w->kept)
		w->kept = json_array();
	json_array_append_new(w->kept, text);
	return json_string_value(text);
}

const char *fb_service_json_string(const struct fb_call *call, const char *text)
{
	json_t *value = fb_frame_text(text, SIZE_MAX);
	char *dumped = json_dumps(value, JSON_ENCODE_ANY);
	const char *ret = keep(fb_worker_of(call), json_string(dumped));

	free(dumped);
	json_decref(value);
	return ret;
}

const char *fb_service_json_value(const struct fb_call *call, const char *json, const char *path)
{
	json_t *document = json && path ? json_loads(json, JSON_DECODE_ANY, NULL) : NULL;
	const json_t *v = document ? fb_json_find(document, path) : NULL;
	char *scalar = v ? fb_json_scalar(v) : NULL, *dumped = v && !scalar ? json_dumps(v, JSON_COMPACT) : NULL;
	const char *ret = v ? keep(fb_worker_of(call), json_string(scalar ? scalar : dumped)) : NULL;

	free(dumped);
	fb_free(scalar);
	json_decref(document);
	return ret;
}
