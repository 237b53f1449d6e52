/* SPDX-License-Identifier: Apache-2.0 */
/* failback notify test: what a notifier would send. failback notify flush: what earlier executions left undelivered is delivered. */
#include <string.h>

#include "cli/cli.h"
#include "cli/render.h"
#include "journal/events.h"
#include "recovery/flush.h"

#define FLUSH_MS (60 * 1000)

#define NAME_OF(name, severity, meaning) name,
static const char *const events[] = {FB_EVENTS(NAME_OF) NULL};

static bool is_event(const char *name)
{
	for (size_t i = 0; events[i]; i++)
		if (!strcmp(events[i], name))
			return !fb_has_prefix(name, "link.");
	return false;
}

/* ---- test ---- */

static void put_preview(struct fb_text *t, const json_t *preview)
{
	const json_t *body = json_object_get(preview, "body");
	char *text = json_is_string(body) ? NULL : json_dumps(body, JSON_INDENT(2) | JSON_ENCODE_ANY);

	fb_text_printf(t, "%s %s\n", fb_render_string(preview, "method", "?"), fb_render_string(preview, "to", "?"));
	fb_text_printf(t, "%s\n", json_is_string(body) ? json_string_value(body) : text ? text : "");
	free(text);
}

static void put_try(struct fb_cli *cli, struct fb_text *t, const json_t *one, bool send)
{
	const char *answer = fb_render_string(one, "answer", "?"), *text = fb_render_string(one, "text", NULL);
	const json_t *preview = json_object_get(one, "preview");
	bool good = fb_streq(answer, "ok") || fb_streq(answer, "skip");

	fb_style_put(&cli->out, t, good ? FB_TONE_GOOD : FB_TONE_BAD, fb_style_mark(&cli->out, good ? FB_MARK_OK : FB_MARK_FAIL));
	fb_text_printf(t, " %s (%s): %s%s%s\n", fb_render_string(one, "notifier", "?"), fb_render_string(one, "use", "?"),
		       !good ? answer : fb_streq(answer, "skip") ? "sends nothing for this event" : send ? "sent" : json_is_object(preview) ? "would send" : "has nothing to show", text ? ": " : "",
		       text ? text : "");
	if (json_is_object(preview))
		put_preview(t, preview);
}

int fb_cmd_notify_test(struct fb_cli *cli)
{
	const char *event = fb_cli_option(cli, "event"), *near, *answer;
	bool send = fb_cli_option(cli, "send") != NULL;
	struct fb_errs errs = {0};
	struct fb_text t = {0};
	json_t *list = NULL, *one;
	int code = fb_cli_config(cli);
	size_t i;

	if (code)
		return code;
	event = event ? event : "rollback.completed";
	if (!is_event(event)) {
		near = fb_nearest(event, events);
		return fb_cli_fail(cli, FB_EXIT_USAGE, "no event is named '%.60s'%s%s%s; failback-plugin(3) lists them", event, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	}
	if (fb_outbox_try(cli->config, fb_cli_host_program(), cli->operand_count ? cli->operands[0] : NULL, event, send, &list, &errs) < 0) {
		code = fb_cli_fail_errs(cli, &errs, errs.n ? errs.v[0].code : FB_EXIT_BUG);
		fb_errs_clear(&errs);
		return code;
	}
	fb_errs_clear(&errs);
	json_array_foreach(list, i, one) {
		answer = fb_render_string(one, "answer", "?");
		if (!fb_streq(answer, "ok") && !fb_streq(answer, "skip"))
			code = FB_EXIT_FAILED;
		put_try(cli, &t, one, send);
	}
	if (cli->json) {
		fb_text_clear(&t);
		return fb_cli_print_json(cli, json_pack("{s:s, s:s, s:b, s:o}", "schema", "failback.notify_test/1", "event", event, "sent", send, "notifiers", list), code);
	}
	json_decref(list);
	if (!t.n)
		fb_text_puts(&t, "there is no notifier in the configuration\n");
	return fb_cli_print(cli, &t, code);
}

/* ---- flush ---- */

static void put_rows(struct fb_text *t, const json_t *list)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one) {
		const char *text = fb_render_string(one, "text", "");

		fb_text_printf(t, "%s %s of %s: %s%s%s\n", fb_render_string(one, "notifier", "?"), fb_render_string(one, "event", "?"), fb_render_string(one, "execution", "?"),
			       fb_render_string(one, "status", "?"), *text ? ": " : "", text);
	}
}

int fb_cmd_notify_flush(struct fb_cli *cli)
{
	struct fb_errs errs = {0};
	struct fb_text t = {0};
	json_t *doc = NULL;
	int code = fb_cli_journal(cli, FB_JOURNAL_WRITE), r;

	if (code)
		return code;
	r = fb_outbox_flush(cli->config, cli->journal, fb_cli_host_program(), FLUSH_MS, &doc, &errs);
	if (r) {
		code = fb_cli_fail_errs(cli, &errs, errs.n ? errs.v[0].code : FB_EXIT_BUG);
		fb_errs_clear(&errs);
		return code;
	}
	fb_errs_clear(&errs);
	code = json_array_size(json_object_get(doc, "left")) ? FB_EXIT_FAILED : FB_EXIT_DONE;
	if (cli->json) {
		json_object_set_new(doc, "schema", json_string("failback.notify_flush/1"));
		return fb_cli_print_json(cli, doc, code);
	}
	put_rows(&t, json_object_get(doc, "deliveries"));
	put_rows(&t, json_object_get(doc, "left"));
	if (!t.n)
		fb_text_puts(&t, "nothing waits to be delivered\n");
	json_decref(doc);
	return fb_cli_print(cli, &t, code);
}
