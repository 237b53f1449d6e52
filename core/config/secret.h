/* SPDX-License-Identifier: Apache-2.0 */
/* References to secrets, "${env:NAME}", "${file:PATH}", "${cred:NAME}", put in place at the moment of a call and never kept. */
#ifndef FB_CONFIG_SECRET_H
#define FB_CONFIG_SECRET_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/redact.h"

/* Does s hold a reference? *ret_error (may be NULL) is a static sentence when one is malformed. */
bool fb_secret_is_reference(const char *s, const char **ret_error);

/* A copy of a link's options with every reference in place. declared: the plugin's "options" array (core/host/catalog.h); options of type
 * "command" are never expanded. cred: $CREDENTIALS_DIRECTORY/NAME (systemd). Values of secret options, of ${file:} and of ${cred:}
 * are added to redactor. New reference, or NULL with err. */
json_t *fb_secret_resolve(const json_t *options, const json_t *declared, struct fb_redactor *redactor, struct fb_err *err) FB_MUST_USE;

#endif
