/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's JSON files. Each is one object with its schema and a sum over itself, and is accepted only when it is byte for byte what we write: any
 * flipped bit is found, with or without a digest from elsewhere. The sum is no proof against someone who writes a sum, too: the digest is.
 */
#ifndef FB_STORE_DOCUMENT_H
#define FB_STORE_DOCUMENT_H

#include <jansson.h>

#include "store/store.h"

#define FB_DOCUMENT_LIMIT (16 << 20) /* bytes */

/* The text of an object, with its sum; to be freed. */
char *fb_document_text(const json_t *object, size_t *ret_size);
/* Reads one; what is not one of this schema is FB_STORE_DAMAGED. name is for the message. The result is a new reference. */
int fb_document_parse(const char *text, size_t size, const char *schema, const char *name, json_t **ret, struct fb_err *err) FB_MUST_USE;
/* The same of a file. */
int fb_document_read(int folder, const char *file, const char *schema, json_t **ret, struct fb_err *err) FB_MUST_USE;

/* Bytes that may be no UTF-8 as a JSON string for people: each byte that does not fit is written as \xNN. */
json_t *fb_document_string(const char *bytes);

#endif
