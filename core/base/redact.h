/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redaction, by value (those that were declared) and by look (redact_kinds.h: tokens, keys, passwords and blocks of common kinds). Each byte of a secret becomes
 * '*', across the borders of chunks, so that offsets hold in the original and the copy. What names the kind, such as "ghp_" or "password=", stays.
 */
#ifndef FB_BASE_REDACT_H
#define FB_BASE_REDACT_H

#include <stddef.h>

/* The set of values. Values under 4 bytes are not taken: they would blind the log; the caller warns. Freed memory is wiped. */
struct fb_redactor;
struct fb_redactor *fb_redactor_new(void);
void fb_redactor_free(struct fb_redactor *r); /* takes NULL */
/* 0, or 1 when the value is too short to be taken. Its base64 and percent-encoded forms are taken too where they differ. */
int fb_redactor_add(struct fb_redactor *r, const char *value);
size_t fb_redactor_count(const struct fb_redactor *r);
/* Redacts a whole text in place. When it was JSON it is JSON after: a number that is a secret becomes nines, and no quotation mark goes. */
void fb_redact(const struct fb_redactor *r, char *text, size_t size);

/* By value alone: for what programs read back, such as facts, where a guess must not change a byte. */
void fb_redact_values(const struct fb_redactor *r, char *text, size_t size);

/* A stream: what might be the beginning of a secret is held back until it is known. */
struct fb_redact_stream;
struct fb_redact_stream *fb_redact_stream_new(const struct fb_redactor *r);
/* Takes size bytes; calls out with those that are settled, in order. */
void fb_redact_stream_put(struct fb_redact_stream *s, const char *data, size_t size, void (*out)(void *ctx, const char *data, size_t size), void *ctx);
void fb_redact_stream_end(struct fb_redact_stream *s, void (*out)(void *ctx, const char *data, size_t size), void *ctx); /* frees s */

#endif
