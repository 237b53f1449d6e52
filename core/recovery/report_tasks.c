/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the report's list of what people have to do after a rollback, each with the time by which. */
#include "base/clock.h"
#include "recovery/report_parts.h"

#define HOUR ((int64_t)3600 * 1000)

static const struct {
	int64_t within_ms;
	const char *within, *task;
} tasks[] = {
	{HOUR, "1h", "Watch that the system stays stable"},
	{HOUR, "1h", "Write down what happened in the rollback log"},
	{HOUR, "1h", "Tell those who wait for this release"},
	{HOUR, "1h", "Begin the analysis of the root cause"},
	{24 * HOUR, "24h", "Make the fix on a branch of its own"},
	{24 * HOUR, "24h", "Add a test that would have found it"},
	{24 * HOUR, "24h", "Try the fix in an environment like this one"},
	{24 * HOUR, "24h", "Plan the next deployment"},
	{7 * 24 * HOUR, "7d", "Hold a post-mortem without blame"},
	{7 * 24 * HOUR, "7d", "Improve the procedures and gates that let it pass"},
	{7 * 24 * HOUR, "7d", "Widen the tests"},
	{7 * 24 * HOUR, "7d", "Bring the documentation up to date"},
};

json_t *fb_report_tasks(const struct fb_report_source *r)
{
	json_t *list = json_array();
	struct fb_report_time from;

	if (!fb_report_recovered_at_all(r))
		return list;
	if (!fb_report_clock(r, "verified", &from) && !fb_report_clock(r, "ended", &from) && !fb_report_clock(r, "detected", &from))
		return list;
	for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "task", tasks[i].task, "within", tasks[i].within, "due", fb_report_stamp(from.wall_ms + tasks[i].within_ms)));
	return list;
}
