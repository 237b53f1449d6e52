/* SPDX-License-Identifier: Apache-2.0 */
/* What kinds of causes there are: one closed list for signatures, reports and what people say of causes. */
#ifndef FB_BASE_CATEGORY_H
#define FB_BASE_CATEGORY_H

/* The categories there are, ending in NULL; and what one means, as the beginning of a sentence. NULL: there is no such category. */
extern const char *const fb_categories[];
const char *fb_category_text(const char *category);

#endif
