/* SPDX-License-Identifier: Apache-2.0 */
/* What an S3 service answers, as leaves of an XML tree. Takes what comes from elsewhere, so it is bounded and refuses more than it needs: no DOCTYPE, no entities but the five. */
#ifndef FB_STORE_S3_XML_H
#define FB_STORE_S3_XML_H

#include <stddef.h>

#include "base/err.h"

#define FB_S3_XML_DEPTH 12

/* Calls leaf with each element that has no elements in it, in order: its path ("ListBucketResult/Contents/Key") and text, and with each end of one that has (text NULL).
 * A document that is not whole is an error. leaf: 0, or -1 with err to stop. */
int fb_s3_xml_read(const char *data, size_t size, int (*leaf)(void *ctx, const char *path, const char *text, struct fb_err *err), void *ctx, struct fb_err *err) FB_MUST_USE;

#endif
