/* SPDX-License-Identifier: Apache-2.0 */
/* Two sides behind HAProxy, one with users, one without: deployed by starting the idle side and moving users over, brought back by moving them back. */
#include "blue-green.h"

#define SERVER(side)                                                                                                                    \
	{.name = side ".server", .type = FB_TYPE_STRING, .default_value = side, .summary = "name of the " side " server in the backend"}, \
	{.name = side ".spare", .type = FB_TYPE_STRING, .summary = "name of the " side " server's backup line, which stands by for a crash of the other side"}, \
	{.name = side ".start", .type = FB_TYPE_COMMAND, .summary = "command that is the " side " side's process, or with " side ".stop one that starts it"}, \
	{.name = side ".stop", .type = FB_TYPE_COMMAND, .summary = "command that stops the " side " side, where a service manager keeps it"}, \
	{.name = side ".check_url", .type = FB_TYPE_URL, .summary = "must answer 200 before the " side " side may take users"}, \
	{.name = side ".logs", .type = FB_TYPE_LIST, .summary = "log files of the " side " side, archived when its release fails"}

static const struct fb_option options[] = {
	{.name = "socket", .type = FB_TYPE_PATH, .flags = FB_OPTION_REQUIRED, .summary = "HAProxy's stats socket, level admin"},
	{.name = "backend", .type = FB_TYPE_STRING, .flags = FB_OPTION_REQUIRED, .summary = "HAProxy backend of the service"},
	{.name = "frontend", .type = FB_TYPE_STRING, .summary = "HAProxy frontend whose answers count as what users saw; without it the backend's do"},
	{.name = "config", .type = FB_TYPE_PATH, .summary = "HAProxy's configuration file, read by preflight checks only"},
	{.name = "state_file", .type = FB_TYPE_PATH, .summary = "HAProxy's server-state-file, written after each change so that a reload keeps it"},
	{.name = "haproxy_log", .type = FB_TYPE_PATH, .summary = "HAProxy's log file, archived when a release fails"},
	SERVER("blue"),
	SERVER("green"),
	{.name = "health_check_url", .type = FB_TYPE_URL, .summary = "health URL of a side that has none of its own"},
	{.name = "validation_timeout", .type = FB_TYPE_DURATION, .default_value = "300s", .unit = "s", .min = 1, .max = 86400000,
	 .summary = "how long a release may take to become healthy"},
	{.name = "drain_timeout", .type = FB_TYPE_DURATION, .default_value = "10s", .unit = "s", .min = 0, .max = 86400000,
	 .summary = "how long to wait for requests in flight before a side is stopped"},
	{.name = "stop_grace", .type = FB_TYPE_DURATION, .default_value = "5s", .unit = "s", .min = 1, .max = 3600000,
	 .summary = "time between SIGTERM and SIGKILL when a side is stopped"},
	{.name = "verify_window", .type = FB_TYPE_DURATION, .default_value = "150ms", .unit = "ms", .min = 1, .max = 60000,
	 .summary = "how long counters are watched to see who gets the traffic"},
	{.name = "observe_interval", .type = FB_TYPE_DURATION, .default_value = "10ms", .unit = "ms", .min = 1, .max = 60000,
	 .summary = "time between two readings of HAProxy's counters"},
	{.name = "preserve_failed_environment", .type = FB_TYPE_BOOL, .default_value = "true",
	 .summary = "keep a failed side running out of users' way, for people to look at"},
	{.name = "keep_old", .type = FB_TYPE_BOOL, .default_value = "true", .summary = "keep the old side running as a warm spare after a good deployment"},
	{0}};

static const struct fb_strategy_ops ops = {.check = bg_check,
					   .state = bg_state,
					   .capture = bg_capture,
					   .prove = bg_prove,
					   .prepare = bg_prepare,
					   .shift = bg_shift,
					   .protect = bg_protect,
					   .restore = bg_restore,
					   .verify = bg_verify,
					   .evidence = bg_evidence,
					   .commit = bg_commit,
					   .cleanup = bg_cleanup,
					   .undo = bg_undo,
					   .observe = bg_observe};

FB_PLUGIN(STRATEGY, .features = FB_FEATURE_ZERO_DOWNTIME, .name = "blue-green", .version = "0.1.0",
	  .summary = "Two sides behind HAProxy, switched over its runtime API", .license = "Apache-2.0", .options = options, .strategy = &ops)
