/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the report as JUnit XML, as pipelines read it (the schema of Jenkins' xUnit plugin): a testsuite for each chain, a testcase for each step or phase. XML 1.0 has no
 * way to write most control characters: they become visible escapes.
 */
#include <stdio.h>
#include <string.h>

#include "cli/render.h"

static void put(struct fb_text *t, const char *text)
{
	static const struct fb_style utf8 = {.utf8 = true};
	struct fb_text safe = {0};

	fb_style_safe_lines(&utf8, &safe, text, 0);
	for (const unsigned char *p = (const unsigned char *)safe.p; p && *p; p++) {
		if (*p == '&')
			fb_text_puts(t, "&amp;");
		else if (*p == '<')
			fb_text_puts(t, "&lt;");
		else if (*p == '>')
			fb_text_puts(t, "&gt;");
		else if (*p == '"')
			fb_text_puts(t, "&quot;");
		else if (*p == '\n')
			fb_text_puts(t, "&#10;");
		else if (p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe) /* U+FFFE, U+FFFF are no characters of XML */
			fb_text_puts(t, "??"), p += 2;
		else
			fb_text_add(t, (const char *)p, 1);
	}
	fb_text_clear(&safe);
}

static void put_attribute(struct fb_text *t, const char *name, const char *value)
{
	fb_text_printf(t, " %s=\"", name);
	put(t, value);
	fb_text_puts(t, "\"");
}

static bool is_failure(const json_t *one)
{
	const char *status = fb_render_string(one, "status", "");

	return fb_streq(status, "failed") || fb_streq(status, "interrupted");
}

static bool is_skipped(const json_t *one)
{
	const char *status = fb_render_string(one, "status", "");

	return fb_streq(status, "skipped") || fb_streq(status, "pending") || fb_streq(status, "running");
}

static void put_evidence(struct fb_text *t, const json_t *cause)
{
	size_t i;
	json_t *e;

	if (fb_render_string(cause, "cause", NULL)) {
		fb_text_puts(t, "Cause: ");
		put(t, fb_render_string(cause, "cause", ""));
		fb_text_puts(t, "\n");
	}
	json_array_foreach(json_object_get(cause, "evidence"), i, e) {
		put(t, fb_render_string(e, "file", "?"));
		fb_text_printf(t, ":%lld: ", (long long)json_integer_value(json_object_get(e, "line")));
		put(t, fb_render_string(e, "text", ""));
		fb_text_puts(t, "\n");
	}
}

static void put_case(struct fb_text *t, const char *class, const json_t *one, const json_t *cause)
{
	const char *message = fb_render_string(one, "message", "");

	fb_text_puts(t, "    <testcase");
	put_attribute(t, "classname", class);
	put_attribute(t, "name", fb_render_string(one, "phase", "?"));
	fb_text_printf(t, " time=\"%.3f\"", json_number_value(json_object_get(one, "duration")));
	if (is_failure(one)) {
		fb_text_puts(t, ">\n      <failure");
		put_attribute(t, "message", *message ? message : fb_render_string(one, "status", "failed"));
		put_attribute(t, "type", fb_render_string(cause, "type", "failed"));
		fb_text_puts(t, ">");
		put(t, message);
		fb_text_puts(t, "\n");
		put_evidence(t, cause);
		fb_text_puts(t, "</failure>\n    </testcase>\n");
	} else if (is_skipped(one)) {
		fb_text_puts(t, ">\n      <skipped");
		put_attribute(t, "message", *message ? message : fb_render_string(one, "status", "skipped"));
		fb_text_puts(t, "/>\n    </testcase>\n");
	} else {
		fb_text_puts(t, "/>\n");
	}
}

struct sums {
	int tests, failures, skipped;
	double time;
};

static struct sums sums_of(const json_t *links)
{
	struct sums s = {0};
	size_t i;
	json_t *one;

	json_array_foreach((json_t *)(uintptr_t)links, i, one) {
		s.tests++;
		s.failures += is_failure(one);
		s.skipped += is_skipped(one);
		s.time += json_number_value(json_object_get(one, "duration"));
	}
	return s;
}

static void put_sums(struct fb_text *t, struct sums s)
{
	fb_text_printf(t, " tests=\"%d\" failures=\"%d\" errors=\"0\" skipped=\"%d\" time=\"%.3f\"", s.tests, s.failures, s.skipped, s.time);
}

static void put_suite(struct fb_text *t, const json_t *r, const char *chain, const json_t *links, const json_t *cause)
{
	char at[20];
	struct fb_text name = {0};
	size_t i;
	json_t *one;

	if (!json_array_size(links))
		return;
	snprintf(at, sizeof at, "%.19s", fb_render_string(json_array_get(links, 0), "started", fb_render_string(r, "timestamp", "")));
	fb_text_printf(&name, "failback.%s.%s", fb_render_string(r, "environment", "?"), chain);
	fb_text_puts(t, "  <testsuite");
	put_attribute(t, "name", name.p);
	put_sums(t, sums_of(links));
	if (*at)
		put_attribute(t, "timestamp", at);
	fb_text_puts(t, ">\n    <properties>\n      <property name=\"execution\"");
	put_attribute(t, "value", fb_render_string(r, "execution_id", "?"));
	fb_text_puts(t, "/>\n      <property name=\"status\"");
	put_attribute(t, "value", fb_render_string(r, "status", "?"));
	fb_text_puts(t, "/>\n    </properties>\n");
	json_array_foreach((json_t *)(uintptr_t)links, i, one) put_case(t, name.p, one, cause);
	fb_text_puts(t, "  </testsuite>\n");
	fb_text_clear(&name);
}

void fb_render_junit(const json_t *r, struct fb_text *t)
{
	const json_t *chains[] = {json_object_get(json_object_get(r, "backup"), "phases"), json_object_get(json_object_get(r, "deployment"), "steps"),
				  json_object_get(json_object_get(r, "rollback"), "phases")};
	static const char *const names[] = {"backup", "deployment", "rollback"};
	struct sums all = {0};

	for (size_t i = 0; i < 3; i++) {
		struct sums s = sums_of(chains[i]);

		all.tests += s.tests;
		all.failures += s.failures;
		all.skipped += s.skipped;
		all.time += s.time;
	}
	fb_text_puts(t, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
	put_attribute(t, "name", fb_render_string(r, "title", fb_render_string(r, "execution_id", "?")));
	put_sums(t, all);
	fb_text_puts(t, ">\n");
	for (size_t i = 0; i < 3; i++)
		put_suite(t, r, names[i], chains[i], i == 1 ? json_object_get(r, "root_cause") : NULL);
	fb_text_puts(t, "</testsuites>\n");
}
