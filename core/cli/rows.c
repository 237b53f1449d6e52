/* SPDX-License-Identifier: Apache-2.0 */
/* Owns how an execution looks in a listing. */
#include "cli/rows.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "recovery/report.h"

json_t *fb_row_stamp(int64_t wall_ms)
{
	char buf[FB_TIME_SIZE];
	return wall_ms > 0 ? json_string(fb_clock_format(wall_ms, buf)) : json_null();
}

char *fb_row_size(uint64_t bytes, char buf[FB_ROW_SIZE])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double n = (double)bytes;
	int unit = 0;
	for (; n >= 999.5 && unit < 6; unit++)
		n /= 1024;
	snprintf(buf, FB_ROW_SIZE, unit && n < 9.95 ? "%.1f %s" : "%.0f %s", n, units[unit]);
	return buf;
}

int64_t fb_row_elapsed_ms(const struct fb_execution *e, int64_t now_ms)
{
	int64_t boot = e->ended_boot_ms - e->started_boot_ms, wall = (e->ended_ms ? e->ended_ms : now_ms) - e->started_ms;
	if (e->ended_ms && boot >= 0 && e->epoch <= 1)
		return boot;
	return wall > 0 ? wall : 0;
}

json_t *fb_row_execution_json(const struct fb_execution *e)
{
	const char *status = fb_report_status(e);
	json_t *services = e->services ? json_loads(e->services, 0, NULL) : NULL;
	json_t *o = json_pack("{s:s, s:s?, s:s?, s:s?, s:s, s:s?, s:s?, s:s?, s:o, s:o, s:o, s:o, s:o, s:s?}", "execution_id", e->id, "alias", e->alias, "kind", e->kind, "environment",
			      e->environment, "status", status, "title", e->title, "release", e->release, "reason", e->reason, "services", services ? services : json_array(),
			      "timestamp", fb_row_stamp(e->started_ms), "ended", fb_row_stamp(e->ended_ms), "duration",
			      e->ended_ms ? json_real((double)fb_row_elapsed_ms(e, 0) / 1000.0) : json_null(), "exit_code",
			      e->ended_ms && e->exit_code >= 0 ? json_integer(e->exit_code) : json_null(), "retry_of", e->retry_of);
	if (!o)
		return json_null();
	if (e->owner_alive && e->owner.pid > 0)
		json_object_set_new(o, "engine_pid", json_integer(e->owner.pid));
	if (strcmp(status, "interrupted") == 0)
		json_object_set_new(o, "resume", json_sprintf("failback resume %s", e->id));
	return o;
}

void fb_row_cell(const struct fb_style *s, struct fb_text *t, const char *text, int columns)
{
	struct fb_text safe = {0};
	size_t from = t->n;
	fb_style_safe(s, &safe, text);
	fb_style_cut(s, t, safe.p ? safe.p : "", columns);
	if (t->p)
		fb_style_pad(t, from, columns);
	fb_text_clear(&safe);
}

void fb_row_execution(const struct fb_style *s, const struct fb_execution *e, int64_t now_ms, struct fb_text *t)
{
	const char *status = fb_report_status(e);
	enum fb_mark mark = fb_style_status_mark(status);
	struct fb_text line = {0};
	char at[FB_TIME_SIZE], took[32];
	fb_clock_format(e->started_ms, at);
	at[10] = ' ';
	at[19] = 0;
	if (strcmp(status, "waiting_approval") == 0)
		took[0] = 0; /* nothing has begun */
	else
		fb_duration_format(fb_row_elapsed_ms(e, now_ms), took, sizeof took);
	fb_style_put(s, &line, fb_style_mark_tone(mark), fb_style_mark(s, mark));
	fb_text_printf(&line, " %s  ", at);
	fb_row_cell(s, &line, status, 20);
	fb_text_printf(&line, " %9s  ", took);
	fb_style_safe(s, &line, e->title ? e->title : e->kind);
	if (e->release) {
		fb_text_puts(&line, ", release ");
		fb_style_safe(s, &line, e->release);
	}
	fb_style_cut(s, t, line.p, s->width);
	fb_text_puts(t, "\n  ");
	fb_style_on(s, t, FB_TONE_DIM);
	fb_style_safe(s, t, e->id);
	fb_style_off(s, t);
	fb_text_puts(t, "\n");
	const char *next = strcmp(status, "interrupted") == 0 ? "resume" : strcmp(status, "waiting_approval") == 0 ? "approve" : NULL;
	if (next) {
		fb_text_printf(t, "  %s with: ", strcmp(next, "resume") == 0 ? "go on" : "approve");
		fb_style_on(s, t, FB_TONE_ACCENT);
		fb_text_printf(t, "failback %s ", next);
		fb_style_safe(s, t, e->id);
		fb_style_off(s, t);
		fb_text_puts(t, "\n");
	}
	fb_text_clear(&line);
}
