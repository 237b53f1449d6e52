/* SPDX-License-Identifier: Apache-2.0 */
/* Templates: checks names, puts values in place. A value is never looked at for fields again. */
#include "config/words.h"

#include <string.h>

#include "base/mem.h"

#define NAME_OF(name, meaning) name,
const char *const fb_words_names[] = {FB_WORDS(NAME_OF) NULL};

/* The next "${" at or after p that is not "$${"; plain: what stands before it, "$${" undone, is appended. NULL: there is none. */
static const char *next_field(const char *p, struct fb_text *plain)
{
	for (;;) {
		const char *at = strstr(p, "${");

		if (!at) {
			if (plain)
				fb_text_puts(plain, p);
			return NULL;
		}
		if (at > p && at[-1] == '$') {
			if (plain)
				fb_text_printf(plain, "%.*s${", (int)(at - 1 - p), p);
			p = at + 2;
			continue;
		}
		if (plain)
			fb_text_printf(plain, "%.*s", (int)(at - p), p);
		return at;
	}
}

static bool known(const char *name, size_t n)
{
	for (const char *const *w = fb_words_names; *w; w++)
		if (strlen(*w) == n && !memcmp(*w, name, n))
			return true;
	return false;
}

char *fb_words_check(const char *template, char **ret_unknown)
{
	if (ret_unknown)
		*ret_unknown = NULL;
	for (const char *p = template, *at; (at = next_field(p, NULL));) {
		const char *end = strchr(at, '}');
		int n = end ? (int)(end - at - 2) : 0;

		if (!end)
			return fb_strdup("a \"${\" has no closing \"}\"; \"$${\" stands for \"${\" itself");
		if (!known(at + 2, (size_t)n)) {
			if (ret_unknown)
				*ret_unknown = fb_asprintf("%.*s", n, at + 2);
			return fb_asprintf("there is no field \"${%.*s}\" of an incident", n > 60 ? 60 : n, at + 2);
		}
		p = end + 1;
	}
	return NULL;
}

char *fb_words_render(const char *template, const json_t *fields)
{
	struct fb_text t = {0};

	fb_text_puts(&t, "");
	for (const char *p = template, *at; (at = next_field(p, &t));) {
		const char *end = strchr(at, '}'), *value = NULL;

		if (!end) { /* was checked; as it stands, then */
			fb_text_puts(&t, at);
			break;
		}
		if (known(at + 2, (size_t)(end - at - 2))) {
			char *name = fb_asprintf("%.*s", (int)(end - at - 2), at + 2);

			value = json_string_value(json_object_get(fields, name));
			fb_free(name);
		}
		fb_text_puts(&t, value ? value : "");
		p = end + 1;
	}
	return fb_text_take(&t);
}
