/* SPDX-License-Identifier: Apache-2.0 */
/* The closed list of event names. Notifiers, CloudEvents, progress views and audit use these and no others. */
#ifndef FB_JOURNAL_EVENTS_H
#define FB_JOURNAL_EVENTS_H

/* X(name, severity, meaning); only those that are not "link.*" go to notifiers */
#define FB_EVENTS(X)                                                                                       \
	X("deployment.started", "info", "a deployment has begun")                                         \
	X("deployment.failed", "error", "a step or the watch failed; a recovery follows if one is due")    \
	X("deployment.completed", "info", "the release is verified and committed")                        \
	X("rollback.started", "warning", "a recovery has begun; this is the moment of detection")          \
	X("rollback.traffic_safe", "warning", "no user is sent to the failed release any more")            \
	X("rollback.restored", "info", "the last known good is live")                                     \
	X("rollback.verified", "info", "it has been healthy for the whole stability window")               \
	X("rollback.completed", "warning", "the recovery is done; says what broke")                        \
	X("rollback.incomplete", "critical", "the recovery could not finish; a person is needed")          \
	X("backup.created", "info", "the way back is recorded and proven")                                \
	X("backup.failed", "warning", "there is no proven way back")                                       \
	X("approval.waiting", "warning", "an execution waits for a decision")                              \
	X("approval.decided", "info", "it was approved or rejected")                                      \
	X("execution.resumed", "warning", "another engine goes on with it")                                \
	X("execution.interrupted", "error", "its engine is gone; it can be resumed")                       \
	X("execution.stopped", "warning", "it was stopped")                                                \
	X("execution.ended", "info", "status and exit code are final")                                     \
	X("journal.degraded", "critical", "no space: what happens is kept in memory until there is")       \
	X("journal.caught_up", "info", "what was owed has been written")                                  \
	X("link.started", "info", "data: seq, chain, title, plugin, attempt, timeout_ms")                 \
	X("link.progress", "info", "data: basis_points, text")                                            \
	X("link.note", "info", "data: level, text; a line worth showing")                                  \
	X("link.retrying", "warning", "data: attempt, wait_ms, message")                                   \
	X("link.completed", "info", "data: elapsed_ms, skipped")                                          \
	X("link.failed", "error", "data: elapsed_ms, message, cause")                                     \
	X("link.undone", "info", "data: elapsed_ms; or skipped: there was nothing to undo")               \
	X("impact.changed", "info", "data: requests, failed, source; at most two a second")

#endif
