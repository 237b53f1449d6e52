/* SPDX-License-Identifier: Apache-2.0 */
/* Notifiers apart from any execution: what earlier ones left is delivered, and what would be sent is shown. */
#ifndef FB_RECOVERY_FLUSH_H
#define FB_RECOVERY_FLUSH_H

#include "config/config.h"
#include "journal/journal.h"

struct fb_pool;

/* Both start the hosts of the notifiers in a loop of their own; call with no other thread. Errors of the configuration are added to errs. */

/* Delivers what waits of executions that have ended, with the settings that the notifiers have today, for at most wait_ms. *ret:
 * {"deliveries": [{"notifier", "execution", "event", "status", "text"}], "left": [the same, that waits still]}. 0 · 1: another process is at it (errs
 * says which) · -1. */
int fb_outbox_flush(const struct fb_config *config, struct fb_journal *j, const char *host_program, int64_t wait_ms, json_t **ret, struct fb_errs *errs) FB_MUST_USE;

/* Tells of an event of an execution that is recorded and that no engine carries out (it waits for approval), in its own session of the journal, and delivers for at
 * most its notify_timeout. 0, or -1 with err. */
int fb_outbox_tell(const struct fb_config *config, struct fb_journal *j, struct fb_pool *pool, const char *id, json_t *frozen, const char *event, const char *summary,
		   struct fb_err *err) FB_MUST_USE;

/* Has the notifier of that name (NULL: all) compose a sample event; send: and send it. *ret: [{"notifier", "use", "answer", "text", "preview", "log"}]. 0 · -1. */
int fb_outbox_try(const struct fb_config *config, const char *host_program, const char *name, const char *event, bool send, json_t **ret, struct fb_errs *errs) FB_MUST_USE;

#endif
