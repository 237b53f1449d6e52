/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the reading of everything that a report is made from, and its times. Shapes no document. */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "recovery/report_parts.h"

static json_t *document(struct fb_journal *j, const char *execution, const char *name)
{
	char *text = fb_journal_document(j, execution, name);
	json_t *value = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
	fb_free(text);
	return value;
}

/* When did other engines take over? Only asked where it can matter: events are many. */
static int read_resumptions(struct fb_report_source *r, struct fb_journal *j, struct fb_err *err)
{
	struct fb_event_row *v;
	int64_t after = 0;
	size_t n;
	do {
		if (fb_journal_events(j, r->e.id, after, 1000, &v, &n, err) != 0)
			return -1;
		for (size_t i = 0; i < n; i++) {
			after = v[i].seq;
			if (!fb_streq(v[i].name, "execution.resumed"))
				continue;
			r->resumed_ms = fb_realloc(r->resumed_ms, (r->resumed_count + 1) * sizeof *r->resumed_ms);
			r->resumed_ms[r->resumed_count++] = v[i].at_ms;
		}
		fb_events_free(v, n);
	} while (n == 1000);
	return 0;
}

int fb_report_read(struct fb_report_source *r, struct fb_journal *j, const char *execution, struct fb_err *err)
{
	char *clocks;
	int found = fb_journal_execution(j, execution, &r->e, err);
	if (found != 0) {
		if (err && !err->code)
			err->code = FB_EXIT_USAGE;
		return -1;
	}
	r->frozen = r->e.frozen ? json_loads(r->e.frozen, 0, NULL) : NULL;
	clocks = fb_journal_clocks(j, r->e.id, err);
	if (!clocks)
		return -1;
	r->clocks = json_loads(clocks, 0, NULL);
	fb_free(clocks);
	if (fb_journal_links(j, r->e.id, &r->links, &r->link_count, err) != 0 || fb_journal_actions(j, r->e.id, &r->actions, &r->action_count, err) != 0)
		return -1;
	r->data = fb_alloc((r->link_count + 1) * sizeof *r->data);
	for (size_t i = 0; i < r->link_count; i++) {
		r->data[i] = r->links[i].data ? json_loads(r->links[i].data, 0, NULL) : NULL;
		if (!r->data[i])
			r->data[i] = json_object();
	}
	r->impact = document(j, r->e.id, "impact");
	r->members = document(j, r->e.id, "members");
	r->way_out = document(j, r->e.id, "way_out");
	r->why = document(j, r->e.id, "why");
	r->evidence = document(j, r->e.id, "evidence");
	r->system = document(j, r->e.id, "system");
	return r->e.epoch > 1 ? read_resumptions(r, j, err) : 0;
}

void fb_report_clear(struct fb_report_source *r)
{
	for (size_t i = 0; r->data && i < r->link_count; i++)
		json_decref(r->data[i]);
	fb_free(r->data);
	fb_links_free(r->links, r->link_count);
	fb_actions_free(r->actions, r->action_count);
	json_decref(r->frozen);
	json_decref(r->clocks);
	json_decref(r->impact);
	json_decref(r->members);
	json_decref(r->way_out);
	json_decref(r->why);
	json_decref(r->evidence);
	json_decref(r->system);
	fb_free(r->resumed_ms);
	fb_execution_clear(&r->e);
	memset(r, 0, sizeof *r);
}

bool fb_report_clock(const struct fb_report_source *r, const char *name, struct fb_report_time *ret)
{
	const json_t *clock = json_object_get(r->clocks, name);
	if (!json_is_integer(json_object_get(clock, "wall_ms")))
		return false;
	ret->wall_ms = json_integer_value(json_object_get(clock, "wall_ms"));
	ret->boot_ms = json_integer_value(json_object_get(clock, "boot_ms"));
	return true;
}

/* CLOCK_BOOTTIME begins anew with each boot, and only another engine can go on after one. So a reboot lies between two points when the
 * clock went back, or when an engine took over between them and the boot's own moment (wall - boot) is another one. A wall clock that
 * is set while one engine runs is thus not taken for a reboot. */
double fb_report_seconds(const struct fb_report_source *r, struct fb_report_time a, struct fb_report_time b, bool *ret_reboot)
{
	int64_t moved = (b.wall_ms - b.boot_ms) - (a.wall_ms - a.boot_ms);
	bool resumed = false, reboot;
	for (size_t i = 0; i < r->resumed_count; i++)
		resumed |= r->resumed_ms[i] >= a.wall_ms && r->resumed_ms[i] <= b.wall_ms;
	reboot = b.boot_ms < a.boot_ms || (resumed && (moved > 2000 || moved < -2000));
	if (ret_reboot)
		*ret_reboot = reboot;
	int64_t ms = reboot ? b.wall_ms - a.wall_ms : b.boot_ms - a.boot_ms;
	return (double)(ms > 0 ? ms : 0) / 1000.0;
}

json_t *fb_report_stamp(int64_t wall_ms)
{
	char buf[FB_TIME_SIZE];
	return wall_ms > 0 ? json_string(fb_clock_format(wall_ms, buf)) : json_null();
}

json_t *fb_report_text(const char *s)
{
	json_t *value = s ? json_string(s) : json_null();
	if (value)
		return value;
	char *copy = fb_strdup(s);
	for (char *p = copy; *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	value = json_string(copy);
	fb_free(copy);
	return value;
}

json_t *fb_report_member(const json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);
	return value ? json_deep_copy(value) : json_null();
}

json_t *fb_report_reported(const struct fb_report_source *r, const char *name)
{
	json_t *last = NULL;
	for (size_t i = 0; i < r->link_count; i++) {
		json_t *value = json_object_get(json_object_get(r->data[i], "reported"), name);
		if (value && !json_is_null(value))
			last = value;
	}
	return last;
}
