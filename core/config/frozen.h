/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frozen chain: all that an execution runs from, as one JSON document (schema failback.chain/1). Configuration makes it, the journal
 * keeps it, resume and undo read it. Secrets stand in it as references. Times are milliseconds. Members are always present, null
 * when there is nothing to say, unless marked (opt).
 *
 * {
 *   "schema": "failback.chain/1",
 *   "kind": "deploy" | "rollback",
 *   "name": "web-2.1"                         plan's name; rollback: "rollback"
 *   "title": "Deploy web to production"       for people
 *   "environment": "production",
 *   "plan_file": "/path" | null, "release": "2.1" | null, "reason": "…" | null, "deployment_id": "…" | null,
 *   "executor": "enhanced" | "basic",
 *   "settings": {
 *     "auto_rollback_enabled": true, "failure_threshold": 3, "rollback_timeout": 60000, "zero_downtime_required": false,
 *     "evidence_timeout": 500, "notify_timeout": 10000, "resume_within": 3600000, "log_limit": 8388608 (bytes per link's log),
 *     "approval": "never" | "low" | "medium" | "high"   (least risk that needs one; "never": none),
 *     "detection": { "interval": 10, "window": 250, "min_requests": 10, "min_failed": 10, "error_ratio": 0.5, "baseline_factor": 3.0 },
 *     "backup_store": { "path": "/var/lib/failback/backups", "encryption": "secrets" | "all" | "none", "key_file": "/path" | null,
 *                       "passphrase_file": "/path" | null }      at most one of the files
 *   },
 *   "services": [ {
 *     "name": "backend", "depends_on": ["database"], "goes_with": [],
 *     "deploys": true                          false: a dependent that is claimed but not changed
 *     "release": "2.1" | null                  deploy: what goes up; rollback: --to or null
 *     "strategy": USE,
 *     "checks": [ USE + {"interval": 1000, "timeout": 5000, "healthy_after": 1, "failed_after": 1} ],
 *     "items": [ USE ]                         of its backup; the name is "backend.config"; "use" is a strategy (opt: older chains have none)
 *     "place": PLACE
 *   } ],                                       in dependency order, dependencies first
 *   "chains": { "backup": [LINK…], "plan": [LINK…], "recovery": [LINK…] },      rollback: plan is []
 *   "notifiers": [ USE + {"on": ["rollback.*"], "timeout": 10000, "retries": 5, "fallback": [names] (opt), "escalate": [names] (opt), "escalate_after": ms (opt),
 *                  "title": TEMPLATE (opt), "text": TEMPLATE (opt)} ],        config/words.h; older chains have none of what is after "retries"
 *   "plugins": [ DESCRIPTOR… ]                 every plugin that anything above uses, once (core/host/catalog.h)
 * }
 * A DESCRIPTOR here has besides: "sandbox": POLICY | null (config.h; null: trusted), "unenforced": ["…"] what of it the kernel could not enforce.
 *
 * USE  = { "use": "http", "name": "http-2" (unique in its list; default: use), "options": {…}, "place": PLACE }
 *        options are checked, defaults filled in, values normalised: durations to ms, sizes to bytes, percentages to basis points (numbers),
 *        booleans, lists of strings, maps; "blue.server" is nested: {"blue": {"server": …}}. References to secrets stay as text.
 * LINK = { "id": "plan/3", "name": "Test", "title": "Run the tests", "phase": "command", "options": {…},
 *          "service": "backend" | null, "timeout": 600000, "retries": 2, "backoff": 1000, "backoff_max": 30000,
 *          "on_failure": "stop" | "continue" | "fallback", "fallback": LINK | null, "risk": "low" | "medium" | "high",
 *          "undo": LINK | null        a command link that undoes this one; null: the phase's own undo, if it has one
 *          "after": ["name"…], "parallel": [LINK…] | null, "place": PLACE }
 *        A parallel group has "phase": null; its members have ids "recovery/4.1"….  retries: attempts after the first.
 * PLACE = "file:line"
 *
 * Links of the eight phases carry the seeds' titles: "Traffic Protection", "Restore Previous Version", "Verify Stability",
 * "Cleanup Resources", "Root Cause Analysis", "Fix Recommendations", "Archive Logs", "Notify Team"; phase 0 is "Pre-Deployment Backup".
 */
#ifndef FB_CONFIG_FROZEN_H
#define FB_CONFIG_FROZEN_H

#define FB_FROZEN_SCHEMA "failback.chain/1"

#endif
