/* SPDX-License-Identifier: Apache-2.0 */
/* Memory and text. Allocation never returns NULL: a program that cannot get a few bytes ends with a message (exit 70), and the
 * journal makes that safe. Large or foreign sizes are bounded before they come here. */
#ifndef FB_BASE_MEM_H
#define FB_BASE_MEM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

void *fb_alloc(size_t size) __attribute__((malloc)); /* zeroed */
void *fb_realloc(void *p, size_t size);
void fb_free(void *p); /* takes NULL */
char *fb_strdup(const char *s); /* NULL gives NULL */
char *fb_asprintf(const char *format, ...) FB_PRINTF(1, 2);

/* A growing text, always ended by NUL. Zero it to begin; p is NULL until something was added. */
struct fb_text {
	char *p;
	size_t n;
	size_t room;
};
void fb_text_add(struct fb_text *t, const char *s, size_t n);
void fb_text_puts(struct fb_text *t, const char *s);
void fb_text_printf(struct fb_text *t, const char *format, ...) FB_PRINTF(2, 3);
void fb_text_vprintf(struct fb_text *t, const char *format, va_list args) FB_PRINTF(2, 0);
char *fb_text_take(struct fb_text *t); /* the text, to be freed; "" when empty; t is zero again */
void fb_text_clear(struct fb_text *t);

/* s quoted for a POSIX shell, added to t; what needs no quotes gets none. */
void fb_text_shell_quote(struct fb_text *t, const char *s);

bool fb_streq(const char *a, const char *b); /* both NULL: equal */
bool fb_has_prefix(const char *s, const char *prefix);
/* [a-z0-9][a-z0-9-]{0,62} */
bool fb_name_valid(const char *s);
/* The nearest of names (ends in NULL) to s by edit distance, if it is near enough to be meant; else NULL. */
const char *fb_nearest(const char *s, const char *const *names);

#endif
