/* SPDX-License-Identifier: Apache-2.0 */
/* Names of kinds and operations, as in failback-plugin(3), and their numbers of plugin.h. */
#ifndef FB_HOST_OPERATIONS_H
#define FB_HOST_OPERATIONS_H

#include <stdint.h>

/* "phase", "strategy", "check", "notifier"; NULL and 0 when there is none such. */
const char *fb_kind_name(uint32_t kind);
uint32_t fb_kind_number(const char *name);
/* "check", "run", "restore" …; NULL and 0 when there is none such. "undo" is FB_OP_UNDO: a phase's own. */
const char *fb_operation_name(uint32_t operation);
uint32_t fb_operation_number(const char *name);

#endif
