/* SPDX-License-Identifier: Apache-2.0 */
#include "store/document.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define FORM (JSON_INDENT(1) | JSON_SORT_KEYS)

static void sum_of(const char *text, size_t size, char hex[FB_OID_TEXT])
{
	struct fb_oid sum;

	crypto_generichash(sum.b, sizeof sum.b, (const unsigned char *)text, size, NULL, 0);
	fb_oid_text(&sum, hex);
}

static char *dump(const json_t *object, size_t *ret_size)
{
	char *text = json_dumps(object, FORM);

	if (!text) {
		fputs("failback-store: a document cannot be written as JSON (out of memory)\n", stderr);
		exit(FB_STORE_BUG);
	}
	*ret_size = strlen(text);
	return text;
}

char *fb_document_text(const json_t *object, size_t *ret_size)
{
	json_t *with = json_copy((json_t *)object);
	char hex[FB_OID_TEXT], *text, *whole;
	size_t size;

	json_object_del(with, "sum");
	text = dump(with, &size);
	sum_of(text, size, hex);
	free(text);
	json_object_set_new(with, "sum", json_string(hex));
	text = dump(with, &size);
	json_decref(with);
	whole = fb_asprintf("%s\n", text);
	free(text);
	*ret_size = size + 1;
	return whole;
}

int fb_document_parse(const char *text, size_t size, const char *schema, const char *name, json_t **ret, struct fb_err *err)
{
	json_error_t where;
	json_t *o = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
	char *again;
	size_t n;
	int same;

	if (!json_is_object(o)) {
		fb_err_set(err, FB_STORE_DAMAGED, "%s is damaged: %s", name, o ? "it is no JSON object" : where.text);
		json_decref(o);
		return -1;
	}
	again = fb_document_text(o, &n);
	same = n == size && memcmp(again, text, n) == 0;
	fb_free(again);
	if (!same) {
		json_decref(o);
		return fb_err_set(err, FB_STORE_DAMAGED, "%s is damaged: its sum does not fit its text", name);
	}
	if (!fb_streq(json_string_value(json_object_get(o, "schema")), schema)) {
		fb_err_set(err, FB_STORE_DAMAGED, "%s has the schema %s where %s is needed", name,
			   json_is_string(json_object_get(o, "schema")) ? json_string_value(json_object_get(o, "schema")) : "(none)", schema);
		json_decref(o);
		return -1;
	}
	*ret = o;
	return 0;
}

int fb_document_read(int folder, const char *file, const char *schema, json_t **ret, struct fb_err *err)
{
	char *text;
	size_t size;
	int r;

	if (fb_store_read_file(folder, file, FB_DOCUMENT_LIMIT, &text, &size, err) < 0)
		return -1;
	r = fb_document_parse(text, size, schema, file, ret, err);
	fb_free(text);
	return r;
}

/* Length of the UTF-8 sequence at s, or 0 (RFC 3629: no overlong form, no surrogate, nothing over U+10FFFF). */
static size_t sequence(const unsigned char *s)
{
	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		return (s[1] & 0xc0) == 0x80 ? 2 : 0;
	if (s[0] >= 0xe0 && s[0] <= 0xef) {
		if ((s[1] & 0xc0) != 0x80 || (s[2] & 0xc0) != 0x80)
			return 0;
		return (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ? 0 : 3;
	}
	if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		if ((s[1] & 0xc0) != 0x80 || (s[2] & 0xc0) != 0x80 || (s[3] & 0xc0) != 0x80)
			return 0;
		return (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f) ? 0 : 4;
	}
	return 0;
}

json_t *fb_document_string(const char *bytes)
{
	struct fb_text t = {0};
	json_t *string = json_string(bytes); /* NULL when it is no UTF-8 */
	char *text;

	if (string)
		return string;
	for (const unsigned char *s = (const unsigned char *)bytes; *s;) {
		size_t n = sequence(s);

		if (n)
			fb_text_add(&t, (const char *)s, n);
		else
			fb_text_printf(&t, "\\x%02x", *s);
		s += n ? n : 1;
	}
	text = fb_text_take(&t);
	string = json_string(text);
	fb_free(text);
	return string;
}
