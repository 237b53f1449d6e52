/* SPDX-License-Identifier: Apache-2.0 */
/* JSON written as YAML 1.2 in block style. Strings are always in double quotes and ASCII, so that no value is taken for something else. */
#ifndef FB_ARCHIVE_YAML_H
#define FB_ARCHIVE_YAML_H

#include <jansson.h>
#include <stdio.h>

void yaml_write(FILE *to, const json_t *value);

#endif
