/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verdict.h"

#include "base/category.h"
#include "base/mem.h"

#include <string.h>

static const char *text_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s && *s ? s : NULL;
}

char *fb_verdict_text(const json_t *root_cause)
{
	const json_t *v = json_object_get(root_cause, "verdict");
	const char *type = text_of(v, "type"), *cause = text_of(v, "cause"), *at = text_of(v, "at"), *means = type ? fb_category_text(type) : NULL;
	struct fb_text t = {0};

	if (!json_is_object(v) || !type)
		return NULL;
	fb_text_printf(&t, "%s by %s", fb_streq(text_of(v, "verdict"), "confirmed") ? "Confirmed" : "Corrected", text_of(v, "by") ? text_of(v, "by") : "somebody");
	if (at && strlen(at) > 16)
		fb_text_printf(&t, ", %.10s %.5s UTC", at, at + 11);
	if (!fb_streq(text_of(v, "verdict"), "confirmed"))
		fb_text_printf(&t, ": %s (%s)%s%s", means ? means : type, type, cause ? ": " : "", cause ? cause : "");
	return fb_text_take(&t);
}

const char *fb_verdict_fix(const json_t *root_cause)
{
	return text_of(json_object_get(root_cause, "verdict"), "fix");
}
