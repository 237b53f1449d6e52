/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the report as one page of HTML: it asks for nothing, runs nothing, and every text in it is escaped. Light and dark go by the reader's system; the timelines are
 * drawn as SVG in the page.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/render.h"
#include "cli/verdict.h"

static const char style[] =
	":root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1b2430;--dim:#5d6b7c;--line:#dfe4ea;--good:#18794e;--bad:#c62a2f;--warn:#9a6700;--run:#2563c9;"
	"--good-bg:#e6f6ec;--bad-bg:#fdebec;--warn-bg:#fff4d6;--run-bg:#e8f0fe;--code:#f0f2f5}"
	"@media(prefers-color-scheme:dark){:root{--bg:#11151a;--card:#1a2028;--ink:#e4e9ef;--dim:#93a1b1;--line:#2c3541;--good:#4cc38a;--bad:#ff7b81;--warn:#f0c000;--run:#7aa9ff;"
	"--good-bg:#12281f;--bad-bg:#34181b;--warn-bg:#2d2409;--run-bg:#16233b;--code:#11161c}}"
	"*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif}"
	"main{max-width:60rem;margin:0 auto;padding:2rem 1.25rem 3rem}h1{font-size:1.55rem;line-height:1.25;margin:.35rem 0 .4rem;overflow-wrap:anywhere}"
	"h2{font-size:.8rem;letter-spacing:.07em;text-transform:uppercase;color:var(--dim);font-weight:600;margin:2.2rem 0 .7rem}p{margin:.35rem 0}"
	".meta{color:var(--dim);overflow-wrap:anywhere}.badge{display:inline-block;padding:.12rem .6rem;border-radius:99px;font-size:.78rem;font-weight:600}"
	".good{color:var(--good);background:var(--good-bg)}.bad{color:var(--bad);background:var(--bad-bg)}.warn{color:var(--warn);background:var(--warn-bg)}"
	".run{color:var(--run);background:var(--run-bg)}.none{color:var(--dim);background:var(--code)}"
	".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.75rem;margin-top:1.4rem}"
	".card{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.9rem 1.1rem}.cards .card b{display:block;font-size:1.3rem;line-height:1.3}"
	".cards .card span{color:var(--dim);font-size:.82rem}.cards .g b{color:var(--good)}.cards .b b{color:var(--bad)}.cards .w b{color:var(--warn)}"
	".card+.card.stack{margin-top:.75rem}.cause{font-size:1.12rem;font-weight:600;margin:0 0 .2rem;overflow-wrap:anywhere}"
	"pre{margin:.6rem 0 0;padding:.65rem .8rem;background:var(--code);border:1px solid var(--line);border-radius:.4rem;overflow-x:auto;font:13px/1.5 ui-monospace,'SF Mono',Menlo,"
	"Consolas,'DejaVu Sans Mono',monospace;white-space:pre-wrap;overflow-wrap:anywhere}pre.copy{user-select:all;cursor:copy;border-left:3px solid var(--run)}"
	"figure{margin:.8rem 0 0}figcaption{color:var(--dim);font-size:.82rem;overflow-wrap:anywhere}figure pre{margin-top:.2rem;border-left:3px solid var(--bad)}"
	".bar{display:grid;grid-template-columns:1.3em minmax(7rem,15rem) 1fr 4.6rem;gap:.6rem;align-items:center;padding:.27rem 0}.bar+.bar{border-top:1px solid var(--line)}"
	".bar i{font-style:normal;font-weight:700;text-align:center}.bar .t{overflow-wrap:anywhere}.bar .d{text-align:right;color:var(--dim);font-variant-numeric:tabular-nums}"
	".bar svg{display:block;width:100%;height:14px}.bar .m{grid-column:2/-1;color:var(--dim);font-size:.84rem;overflow-wrap:anywhere}.track{fill:var(--code)}"
	".fg{fill:var(--good)}.fb{fill:var(--bad)}.fw{fill:var(--warn)}.fr{fill:var(--run)}.tg{color:var(--good)}.tb{color:var(--bad)}.tw{color:var(--warn)}.tr{color:var(--run)}.tn{color:var(--dim)}"
	".tick{stroke:var(--dim);stroke-width:1;stroke-dasharray:2 2;vector-effect:non-scaling-stroke}.keys{color:var(--dim);font-size:.84rem;margin:.7rem 0 0}"
	"table{width:100%;border-collapse:collapse}td,th{text-align:left;padding:.4rem .6rem .4rem 0;vertical-align:top;overflow-wrap:anywhere}tr+tr td{border-top:1px solid var(--line)}"
	"th{color:var(--dim);font-weight:600;font-size:.82rem}.num{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}"
	"ul{list-style:none;margin:0;padding:0}li+li{border-top:1px solid var(--line);margin-top:.5rem;padding-top:.5rem}footer{margin-top:2.5rem;color:var(--dim);font-size:.82rem;overflow-wrap:anywhere}"
	"code{font:12.5px ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace}"
	"@media(max-width:38rem){.bar{grid-template-columns:1.3em 1fr 4.2rem}.bar svg{grid-column:2/-1;grid-row:2}.bar .d{grid-row:1;grid-column:3}main{padding:1.2rem .9rem 2rem}}"
	"@media print{:root{color-scheme:light;--bg:#fff;--card:#fff;--ink:#000;--dim:#444;--line:#bbb;--good:#18794e;--bad:#c62a2f;--warn:#9a6700;--run:#2563c9;--code:#f4f4f4}"
	"main{max-width:none;padding:0}.card,figure,li{break-inside:avoid}h2{break-after:avoid}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}";

/* Text that is text and nothing else. */
static void put(struct fb_text *t, const char *text)
{
	static const struct fb_style utf8 = {.utf8 = true};
	struct fb_text safe = {0};

	fb_style_safe_lines(&utf8, &safe, text, 0);
	for (const char *p = safe.p; p && *p; p++)
		switch (*p) {
		case '&':
			fb_text_puts(t, "&amp;");
			break;
		case '<':
			fb_text_puts(t, "&lt;");
			break;
		case '>':
			fb_text_puts(t, "&gt;");
			break;
		case '"':
			fb_text_puts(t, "&quot;");
			break;
		case '\'':
			fb_text_puts(t, "&#39;");
			break;
		default:
			fb_text_add(t, p, 1);
		}
	fb_text_clear(&safe);
}

static void put_in(struct fb_text *t, const char *before, const char *text, const char *after)
{
	fb_text_puts(t, before);
	put(t, text);
	fb_text_puts(t, after);
}

/* "2026-01-20T10:00:00.250Z" in milliseconds; -1: none. */
static int64_t moment(const json_t *stamp)
{
	struct tm tm = {0};
	int ms = 0;

	if (!json_is_string(stamp) || sscanf(json_string_value(stamp), "%d-%d-%dT%d:%d:%d.%3d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms) < 6)
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	return (int64_t)timegm(&tm) * 1000 + ms;
}

/* g(ood), b(ad), w(arning), r(unning), n(one) */
static char tone_of(const char *status)
{
	static const struct { const char *status; char tone; } tones[] = {{"completed", 'g'}, {"STABLE", 'g'}, {"ZERO", 'g'}, {"restored", 'g'}, {"failed", 'b'}, {"rollback_incomplete", 'b'},
		{"SOME", 'b'}, {"DEGRADED", 'b'}, {"unchanged", 'n'}, {"interrupted", 'w'}, {"undone", 'w'}, {"failed_with_rollback", 'w'}, {"stopped", 'w'}, {"refused", 'w'}, {"PROTECTED", 'w'},
		{"waiting_approval", 'w'}, {"unknown", 'w'}, {"UNKNOWN", 'w'}, {"protected", 'w'}, {"HIGH", 'b'}, {"MEDIUM", 'w'}, {"running", 'r'}, {"prepared", 'r'}, {"LOW", 'r'}, {"sent", 'g'}};

	for (size_t i = 0; i < sizeof tones / sizeof *tones; i++)
		if (fb_streq(status, tones[i].status))
			return tones[i].tone;
	return 'n';
}

static const char *class_of(char tone)
{
	return tone == 'g' ? "good" : tone == 'b' ? "bad" : tone == 'w' ? "warn" : tone == 'r' ? "run" : "none";
}

static void put_badge(struct fb_text *t, const char *status, const char *shown)
{
	fb_text_printf(t, "<span class=\"badge %s\">", class_of(tone_of(status)));
	put(t, shown);
	fb_text_puts(t, "</span>");
}

static const char *status_words(const char *status)
{
	static const struct { const char *status, *words; } words[] = {{"failed_with_rollback", "failed, rolled back"}, {"rollback_incomplete", "rollback incomplete: a person is needed"},
		{"waiting_approval", "waiting for approval"}};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (fb_streq(status, words[i].status))
			return words[i].words;
	return status;
}

/* ---- head ---- */

static void put_fact(struct fb_text *t, const char *name, const char *value, bool *first)
{
	if (!value)
		return;
	fb_text_printf(t, "%s%s ", *first ? "" : " &middot; ", name);
	put(t, value);
	*first = false;
}

static void put_head(struct fb_text *t, const json_t *r)
{
	const char *status = fb_render_string(r, "status", "unknown"), *title = fb_render_string(r, "title", fb_render_string(r, "execution_id", "?"));
	bool first = true;

	fb_text_puts(t, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"Content-Security-Policy\" content=\"default-src &#39;none&#39;; "
			"style-src &#39;unsafe-inline&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
			"<meta name=\"referrer\" content=\"no-referrer\"><title>");
	put(t, title);
	put_in(t, " &ndash; ", status_words(status), "</title><style>");
	fb_text_puts(t, style);
	fb_text_puts(t, "</style></head><body><main>\n<header>");
	put_badge(t, status, status_words(status));
	put_in(t, "<h1>", title, "</h1><p class=\"meta\">");
	put_fact(t, "in", fb_render_string(r, "environment", NULL), &first);
	put_fact(t, "release", fb_render_string(r, "release", NULL), &first);
	put_fact(t, "begun", fb_render_string(r, "timestamp", NULL), &first);
	put_fact(t, "", fb_render_string(r, "execution_id", NULL), &first);
	fb_text_puts(t, "</p>");
	if (fb_render_string(r, "reason", NULL))
		put_in(t, "<p>", fb_render_string(r, "reason", ""), "</p>");
	fb_text_puts(t, "</header>\n");
}

static void put_card(struct fb_text *t, const char *tone, const char *value, const char *label)
{
	fb_text_printf(t, "<div class=\"card%s%s\">", *tone ? " " : "", tone);
	put_in(t, "<b>", value, "</b>");
	put_in(t, "<span>", label, "</span></div>");
}

static void put_time_card(struct fb_text *t, const json_t *seconds, const char *label)
{
	struct fb_text s = {0};

	if (!json_is_number(seconds))
		return;
	fb_render_seconds(seconds, &s);
	put_card(t, "", s.p, label);
	fb_text_clear(&s);
}

static void put_cards(struct fb_text *t, const json_t *r)
{
	const json_t *rollback = json_object_get(r, "rollback"), *detail = json_object_get(rollback, "user_impact_detail"), *clocks = json_object_get(r, "clocks");
	const char *impact = fb_render_string(rollback, "user_impact", "UNKNOWN"), *system = fb_render_string(rollback, "system_status", "UNKNOWN");
	struct fb_text s = {0};

	fb_text_puts(t, "<section class=\"cards\">");
	if (json_is_object(rollback)) {
		if (fb_streq(impact, "UNKNOWN"))
			fb_text_puts(&s, "user impact; it was not measured");
		else
			fb_text_printf(&s, "user impact: %lld of %lld requests failed", (long long)json_integer_value(json_object_get(detail, "failed")),
				       (long long)json_integer_value(json_object_get(detail, "requests")));
		put_card(t, tone_of(impact) == 'g' ? "g" : tone_of(impact) == 'b' ? "b" : "w", impact, s.p);
		put_card(t, tone_of(system) == 'g' ? "g" : tone_of(system) == 'b' ? "b" : "w", system, "the system now");
		put_time_card(t, json_object_get(json_object_get(clocks, "traffic_safe"), "after_detection"), "until users were safe");
		put_time_card(t, json_object_get(json_object_get(clocks, "verified"), "after_detection"), "until restored and verified");
	}
	put_time_card(t, json_object_get(r, "duration"), "in all");
	fb_text_puts(t, "</section>\n");
	fb_text_clear(&s);
}

/* ---- why, and what to do ---- */

static void put_quotes(struct fb_text *t, const json_t *evidence)
{
	size_t i;
	json_t *e;

	json_array_foreach((json_t *)(uintptr_t)evidence, i, e) {
		put_in(t, "<figure><figcaption>", fb_render_string(e, "file", "?"), "");
		if (json_is_integer(json_object_get(e, "line")))
			fb_text_printf(t, ", line %lld", (long long)json_integer_value(json_object_get(e, "line")));
		put_in(t, "</figcaption><pre>", fb_render_string(e, "text", ""), "</pre></figure>");
	}
}

/* A model's words, and whose they are. */
static void put_explanation(struct fb_text *t, const json_t *explanation)
{
	if (!json_is_object(explanation))
		return;
	put_in(t, "<p>", fb_render_string(explanation, "text", ""), "</p><p class=\"meta\">");
	put_in(t, "", fb_render_string(explanation, "by", "a model"), ", ");
	put_in(t, "", fb_render_string(explanation, "note", ""), "</p>");
}

static void put_verdict(struct fb_text *t, const json_t *cause)
{
	char *text = fb_verdict_text(cause);

	if (text)
		put_in(t, "<p><strong>", text, "</strong></p>");
	if (fb_verdict_fix(cause))
		put_in(t, "<p>What mended it: ", fb_verdict_fix(cause), "</p>");
	fb_free(text);
}

static void put_cause(struct fb_text *t, const json_t *r)
{
	const json_t *cause = json_object_get(r, "root_cause"), *deployment = json_object_get(r, "deployment");
	const json_t *confidence = json_object_get(cause, "confidence");

	if (!json_is_object(cause) && !fb_render_string(r, "failure", NULL))
		return;
	fb_text_puts(t, "<h2>Why</h2>\n<section class=\"card\">");
	if (json_is_object(cause)) {
		put_in(t, "<p class=\"cause\">", fb_render_string(cause, "cause", "The cause was not found"), "</p><p class=\"meta\">");
		put(t, fb_render_string(cause, "type", "unknown"));
		if (fb_render_string(cause, "component", NULL))
			put_in(t, " in ", fb_render_string(cause, "component", ""), "");
		if (json_is_number(confidence))
			fb_text_printf(t, " &middot; %.0f&thinsp;%% sure", json_number_value(confidence) * 100);
		fb_text_puts(t, "</p>");
		put_verdict(t, cause);
		put_quotes(t, json_object_get(cause, "evidence"));
		put_explanation(t, json_object_get(cause, "explanation"));
	} else {
		put_in(t, "<p>", fb_render_string(r, "failure", ""), "</p>");
	}
	if (fb_render_string(deployment, "error", NULL)) {
		put_in(t, "<figure><figcaption>what ", fb_render_string(deployment, "failed_step", "the step"), " said</figcaption><pre>");
		put(t, fb_render_string(deployment, "error", ""));
		fb_text_puts(t, "</pre></figure>");
	}
	fb_text_puts(t, "</section>\n");
}

static void put_way_out(struct fb_text *t, const json_t *list)
{
	size_t i;
	json_t *one;

	if (!json_array_size(list))
		return;
	fb_text_puts(t, "<h2>To finish by hand, in this order</h2>\n<section class=\"card\"><ul>");
	json_array_foreach((json_t *)(uintptr_t)list, i, one) {
		put_in(t, "<li>", fb_render_string(one, "text", ""), "");
		if (fb_render_string(one, "command", NULL))
			put_in(t, "<pre class=\"copy\">", fb_render_string(one, "command", ""), "</pre>");
		fb_text_puts(t, "</li>");
	}
	fb_text_puts(t, "</ul></section>\n");
}

static void put_recommendations(struct fb_text *t, const json_t *list)
{
	size_t i;
	json_t *one;

	if (!json_array_size(list))
		return;
	fb_text_puts(t, "<h2>What to do</h2>\n<section class=\"card\"><ul>");
	json_array_foreach((json_t *)(uintptr_t)list, i, one) {
		const char *priority = fb_render_string(one, "priority", "MEDIUM");

		fb_text_puts(t, "<li>");
		put_badge(t, priority, priority);
		put_in(t, " <strong>", fb_render_string(one, "action", "?"), "</strong>");
		if (fb_render_string(one, "description", NULL))
			put_in(t, "<p class=\"meta\">", fb_render_string(one, "description", ""), "</p>");
		if (fb_render_string(one, "example", NULL))
			put_in(t, "<pre class=\"copy\">", fb_render_string(one, "example", ""), "</pre>");
		fb_text_puts(t, "</li>");
	}
	fb_text_puts(t, "</ul></section>\n");
}

/* ---- timelines ---- */

struct span {
	int64_t from, to;
};

static struct span span_of(const json_t *links)
{
	struct span s = {-1, -1};
	size_t i;
	json_t *one;

	json_array_foreach((json_t *)(uintptr_t)links, i, one) {
		int64_t a = moment(json_object_get(one, "started")), b = moment(json_object_get(one, "ended"));

		if (a >= 0 && (s.from < 0 || a < s.from))
			s.from = a;
		if (b > s.to)
			s.to = b;
		if (a > s.to)
			s.to = a;
	}
	return s;
}

static double share(struct span s, int64_t at)
{
	double x = s.to > s.from ? (double)(at - s.from) * 1000.0 / (double)(s.to - s.from) : 0;

	return x < 0 ? 0 : x > 1000 ? 1000 : x;
}

static const char *const ticks[] = {"detected", "traffic_safe", "restored", "verified"};
static const char *const tick_names[] = {"detected", "users safe", "restored", "verified"};

static void put_bar(struct fb_text *t, const json_t *one, struct span s, const json_t *clocks)
{
	const char *status = fb_render_string(one, "status", "?"), *message = fb_render_string(one, "message", NULL);
	int64_t a = moment(json_object_get(one, "started")), b = moment(json_object_get(one, "ended"));
	char tone = tone_of(status);
	double x = share(s, a), w = share(s, b < a ? s.to : b) - x;

	fb_text_printf(t, "<div class=\"bar\"><i class=\"t%c\">%s</i>", tone, tone == 'g' ? "&#10003;" : tone == 'b' ? "&#10007;" : tone == 'w' ? "!" : tone == 'r' ? "&#8230;" : "&ndash;");
	put_in(t, "<span class=\"t\">", fb_render_string(one, "phase", "?"), "</span>");
	put_in(t, "<svg viewBox=\"0 0 1000 14\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"", status, "\"><rect class=\"track\" x=\"0\" y=\"4\" width=\"1000\" height=\"6\"/>");
	if (a >= 0)
		fb_text_printf(t, "<rect class=\"f%c\" x=\"%.1f\" y=\"2\" width=\"%.1f\" height=\"10\"/>", tone == 'n' ? 'r' : tone, x > 994 ? 994 : x, w < 6 ? 6 : w);
	for (size_t i = 0; i < sizeof ticks / sizeof *ticks; i++) {
		int64_t at = moment(json_object_get(json_object_get(clocks, ticks[i]), "at"));

		if (at >= s.from && at <= s.to)
			fb_text_printf(t, "<line class=\"tick\" x1=\"%.1f\" x2=\"%.1f\" y1=\"0\" y2=\"14\"/>", share(s, at), share(s, at));
	}
	fb_text_puts(t, "</svg><span class=\"d\">");
	fb_render_seconds(json_object_get(one, "duration"), t);
	fb_text_puts(t, "</span>");
	if (message && *message)
		put_in(t, "<span class=\"m\">", message, "</span>");
	fb_text_puts(t, "</div>\n");
}

static void put_timeline(struct fb_text *t, const char *title, const json_t *links, const json_t *clocks)
{
	struct span s = span_of(links);
	bool any = false;
	size_t i;
	json_t *one;

	if (!json_array_size(links))
		return;
	put_in(t, "<h2>", title, "</h2>\n<section class=\"card\">");
	json_array_foreach((json_t *)(uintptr_t)links, i, one) put_bar(t, one, s, clocks);
	for (i = 0; clocks && i < sizeof ticks / sizeof *ticks; i++) {
		const json_t *clock = json_object_get(clocks, ticks[i]), *after = json_object_get(clock, "after_detection");
		int64_t at = moment(json_object_get(clock, "at"));

		if (at < s.from || at > s.to)
			continue;
		fb_text_printf(t, "%s%s", any ? " &middot; " : "<p class=\"keys\">Dashed lines: ", tick_names[i]);
		if (json_is_number(after) && json_number_value(after) > 0) {
			fb_text_puts(t, " after ");
			fb_render_seconds(after, t);
		}
		any = true;
	}
	fb_text_printf(t, "%s</section>\n", any ? "</p>" : "");
}

/* ---- tables ---- */

static void put_members(struct fb_text *t, const json_t *list)
{
	size_t i;
	json_t *one;

	if (!json_array_size(list))
		return;
	fb_text_puts(t, "<h2>What is where</h2>\n<section class=\"card\"><table><tr><th>Service</th><th>Now</th><th>Release</th><th></th></tr>");
	json_array_foreach((json_t *)(uintptr_t)list, i, one) {
		const char *status = fb_render_string(one, "status", "unknown");

		put_in(t, "<tr><td>", fb_render_string(one, "service", "?"), "</td><td>");
		put_badge(t, status, status);
		put_in(t, "</td><td>", fb_render_string(one, "release", "?"), "</td><td>");
		put(t, fb_render_string(one, "detail", ""));
		fb_text_puts(t, "</td></tr>");
	}
	fb_text_puts(t, "</table></section>\n");
}

/* What the phase that tells people reported. */
static void put_deliveries(struct fb_text *t, const json_t *phases)
{
	const json_t *list = NULL;
	size_t i;
	json_t *one;

	json_array_foreach((json_t *)(uintptr_t)phases, i, one)
		if (json_array_size(json_object_get(one, "deliveries")))
			list = json_object_get(one, "deliveries");
	if (!list)
		return;
	fb_text_puts(t, "<h2>Who was told</h2>\n<section class=\"card\"><table><tr><th>Channel</th><th>Word</th><th></th><th></th></tr>");
	json_array_foreach((json_t *)(uintptr_t)list, i, one) {
		const char *status = fb_render_string(one, "status", "unknown");

		put_in(t, "<tr><td>", fb_render_string(one, "notifier", "?"), "</td>");
		put_in(t, "<td>", fb_render_string(one, "event", ""), "</td><td>");
		put_badge(t, status, status);
		put_in(t, "</td><td>", fb_render_string(one, "text", ""), "</td></tr>");
	}
	fb_text_puts(t, "</table></section>\n");
}

static void put_tasks(struct fb_text *t, const json_t *list)
{
	size_t i;
	json_t *one;

	if (!json_array_size(list))
		return;
	fb_text_puts(t, "<h2>Left to do</h2>\n<section class=\"card\"><table><tr><th>By</th><th>Task</th></tr>");
	json_array_foreach((json_t *)(uintptr_t)list, i, one) {
		char due[17];

		snprintf(due, sizeof due, "%.16s", fb_render_string(one, "due", "?"));
		if (strlen(due) > 10)
			due[10] = ' ';
		put_in(t, "<tr><td class=\"meta\" style=\"white-space:nowrap\">", due, "</td><td>");
		put_in(t, "&#9744; ", fb_render_string(one, "task", "?"), "</td></tr>");
	}
	fb_text_puts(t, "</table></section>\n");
}

static void put_files(struct fb_text *t, const json_t *list)
{
	size_t i;
	json_t *one;

	if (!json_array_size(list))
		return;
	fb_text_puts(t, "<h2>Evidence</h2>\n<section class=\"card\"><table><tr><th>File</th><th>What</th><th class=\"num\">Bytes</th></tr>");
	json_array_foreach((json_t *)(uintptr_t)list, i, one) {
		put_in(t, "<tr><td><code>", fb_render_string(one, "file", "?"), "</code></td><td>");
		put(t, fb_render_string(one, "title", ""));
		fb_text_printf(t, "%s</td><td class=\"num\">%lld</td></tr>", json_is_true(json_object_get(one, "cut")) ? " (cut in the middle)" : "",
			       (long long)json_integer_value(json_object_get(one, "size")));
	}
	fb_text_puts(t, "</table></section>\n");
}

void fb_render_html(const json_t *r, struct fb_text *t)
{
	const json_t *rollback = json_object_get(r, "rollback"), *clocks = json_object_get(r, "clocks");

	put_head(t, r);
	put_cards(t, r);
	put_way_out(t, json_object_get(r, "way_out"));
	put_cause(t, r);
	put_recommendations(t, json_object_get(r, "recommendations"));
	put_timeline(t, "Recovery", json_object_get(rollback, "phases"), clocks);
	put_timeline(t, "Deployment", json_object_get(json_object_get(r, "deployment"), "steps"), clocks);
	put_members(t, json_object_get(r, "members"));
	put_deliveries(t, json_object_get(rollback, "phases"));
	put_tasks(t, json_object_get(r, "tasks"));
	put_files(t, json_object_get(r, "evidence"));
	fb_text_puts(t, "<footer>");
	if (fb_render_string(r, "audit_head", NULL))
		put_in(t, "Audit head <code>", fb_render_string(r, "audit_head", ""), "</code><br>");
	put_in(t, "", fb_render_string(r, "alias", ""), "</footer>\n</main></body></html>\n");
}
