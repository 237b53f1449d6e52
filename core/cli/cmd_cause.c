/* SPDX-License-Identifier: Apache-2.0 */
/* failback cause confirm, failback cause correct: what a person knows of a cause, for the next time. */
#include <ctype.h>
#include <string.h>

#include "base/category.h"
#include "base/mem.h"
#include "base/redact.h"
#include "cli/cli.h"
#include "cli/render.h"
#include "cli/verdict.h"
#include "recovery/report.h"

#define TEXT_MOST 1000

struct word {
	struct fb_verdict_row row; /* texts are borrowed or owned below */
	char *cause, *fix;
	json_t *report;
};

static char *borrowed(const char *s)
{
	return (char *)(uintptr_t)s;
}

/* Is it something that people can read, and no longer than that? */
static int check_text(struct fb_cli *cli, const char *option, const char *text)
{
	if (!text)
		return 0;
	if (!*text || strspn(text, " \t\n") == strlen(text))
		return fb_cli_fail(cli, FB_EXIT_USAGE, "--%s needs some words", option);
	if (strlen(text) > TEXT_MOST)
		return fb_cli_fail(cli, FB_EXIT_USAGE, "--%s takes at most %d bytes, these are %zu: put the rest where your team keeps such things, and a link here", option, TEXT_MOST, strlen(text));
	for (const char *p = text; *p; p++)
		if (iscntrl((unsigned char)*p))
			return fb_cli_fail(cli, FB_EXIT_USAGE, "--%s takes one line without control characters", option);
	json_t *j = json_string(text);
	bool utf8 = j != NULL;
	json_decref(j);
	return utf8 ? 0 : fb_cli_fail(cli, FB_EXIT_USAGE, "--%s is not UTF-8", option);
}

static int check_signature(struct fb_cli *cli, const char *name)
{
	if (!name)
		return 0;
	if (!*name || strlen(name) > 100 || name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")])
		return fb_cli_fail(cli, FB_EXIT_USAGE, "--signature '%s' is no name of a signature: those have letters, digits, '.', '_' and '-'", name);
	return 0;
}

static int check_type(struct fb_cli *cli, const char *type)
{
	struct fb_text all = {0};
	const char *near;
	int code;

	if (!type)
		return fb_cli_fail(cli, FB_EXIT_USAGE, "failback cause correct needs --type CATEGORY: what it was");
	if (fb_category_text(type) && !fb_streq(type, "unknown"))
		return 0;
	near = fb_nearest(type, fb_categories);
	if (near && !fb_streq(near, "unknown"))
		return fb_cli_fail(cli, FB_EXIT_USAGE, "there is no category '%s': did you mean %s?", type, near);
	for (const char *const *c = fb_categories; *c; c++)
		if (!fb_streq(*c, "unknown"))
			fb_text_printf(&all, "%s%s", all.n ? ", " : "", *c);
	code = fb_cli_fail(cli, FB_EXIT_USAGE, "there is no category '%s'; there are %s", type, all.p);
	fb_text_clear(&all);
	return code;
}

/* The service whose step failed. */
static const char *failed_service(const json_t *report)
{
	const char *ret = NULL;
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(json_object_get(report, "deployment"), "steps"), i, one)
		if (fb_streq(fb_render_string(one, "status", NULL), "failed"))
			ret = fb_render_string(one, "service", NULL);
	return ret;
}

static char *redacted(const char *text)
{
	struct fb_redactor *r = text ? fb_redactor_new() : NULL;
	char *ret = fb_strdup(text);

	if (ret)
		fb_redact(r, ret, strlen(ret));
	fb_redactor_free(r);
	return ret;
}

/* Reports of analyses that knew no classes have a category as their type. */
static const char *class_of(const json_t *cause)
{
	const char *type = fb_render_string(cause, "type", NULL);

	return fb_render_string(cause, "class", type && fb_category_text(type) ? type : "unknown");
}

/* What was found, and with what it was mended. */
static int fill(struct fb_cli *cli, const char *id, bool confirms, struct word *w)
{
	const json_t *cause = json_object_get(w->report, "root_cause"), *first = json_array_get(json_object_get(w->report, "recommendations"), 0);
	const char *class = class_of(cause), *said = fb_render_string(cause, "likely_cause", fb_render_string(cause, "cause", NULL));
	bool worked = fb_cli_option(cli, "worked") != NULL;

	if (!json_is_object(cause))
		return fb_cli_fail(cli, FB_EXIT_USAGE, "no cause was looked for in %s (status %s): there is nothing to %s. failback report %s tells how it went", id,
				   fb_render_string(w->report, "status", "?"), confirms ? "confirm" : "correct", id);
	if (confirms && fb_streq(class, "unknown"))
		return fb_cli_fail(cli, FB_EXIT_USAGE, "the cause of %s is unknown, so there is none to confirm; say what it was with: failback cause correct %s --type CATEGORY", id, id);
	if (worked && fb_cli_option(cli, "fix"))
		return fb_cli_fail(cli, FB_EXIT_USAGE, "--fix and --worked say two different things: give one");
	if (worked && !first)
		return fb_cli_fail(cli, FB_EXIT_USAGE, "--worked says that the first recommendation helped, but the report of %s has none: say what did with --fix TEXT", id);
	w->cause = redacted(fb_cli_option(cli, "cause"));
	w->fix = redacted(worked ? fb_render_string(first, "action", NULL) : fb_cli_option(cli, "fix"));
	w->row = (struct fb_verdict_row){.execution = borrowed(id), .service = borrowed(failed_service(w->report)), .verdict = borrowed(confirms ? "confirmed" : "corrected"),
					 .type = borrowed(confirms ? class : fb_cli_option(cli, "type")), .cause = w->cause,
					 .signature = borrowed(confirms ? fb_render_string(cause, "signature", NULL) : fb_cli_option(cli, "signature")),
					 .said_type = borrowed(class), .said_cause = borrowed(said), .said_signature = borrowed(fb_render_string(cause, "signature", NULL)), .fix = w->fix,
					 .command = borrowed(worked ? fb_render_string(first, "example", NULL) : NULL), .worked = worked};
	return 0;
}

static int tell(struct fb_cli *cli, const char *id, const struct word *w, bool again)
{
	const struct fb_verdict_row *v = &w->row;

	if (cli->json)
		return fb_cli_print_json(cli,
					 json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s?, s:s?, s:b, s:b, s:{s:s, s:s?}}", "schema", "failback.verdict/1", "execution_id", id, "verdict", v->verdict,
						   "type", v->type, "cause", v->cause, "signature", v->signature, "fix", v->fix, "worked", v->worked, "again", again, "found", "type",
						   v->said_type, "signature", v->said_signature),
					 FB_EXIT_DONE);
	if (fb_streq(v->verdict, "confirmed"))
		printf("the cause of %s is confirmed: %s%s\n", id, v->type, again ? " (it was already)" : "");
	else
		printf("the cause of %s is corrected from %s to %s%s\n", id, v->said_type, v->type, again ? " (it was already)" : "");
	if (v->fix && !again)
		printf("what mended it is offered first when the same comes again\n");
	return FB_EXIT_DONE;
}

static int say(struct fb_cli *cli, bool confirms)
{
	struct fb_execution e = {0};
	struct fb_err err = {0};
	struct word w = {0};
	char actor[96];
	int code = check_text(cli, "fix", fb_cli_option(cli, "fix")), r;

	if (!code && !confirms)
		code = check_type(cli, fb_cli_option(cli, "type"));
	if (!code && !confirms)
		code = check_text(cli, "cause", fb_cli_option(cli, "cause"));
	if (!code && !confirms)
		code = check_signature(cli, fb_cli_option(cli, "signature"));
	if (!code)
		code = fb_cli_journal(cli, FB_JOURNAL_WRITE);
	if (!code)
		code = fb_cli_execution(cli, cli->operands[0], &e);
	if (code)
		return code;
	w.report = fb_report_build(cli->journal, e.id, &err);
	code = w.report ? fill(cli, e.id, confirms, &w) : fb_cli_fail_err(cli, &err);
	if (!code) {
		w.row.by = borrowed(fb_cli_actor(actor, sizeof actor));
		r = fb_journal_verdict(cli->journal, &w.row, &err);
		code = r < 0 ? fb_cli_fail_err(cli, &err) : tell(cli, e.id, &w, r > 0);
	}
	json_decref(w.report);
	fb_free(w.cause);
	fb_free(w.fix);
	fb_execution_clear(&e);
	return code;
}

int fb_cmd_cause_confirm(struct fb_cli *cli)
{
	return say(cli, true);
}

int fb_cmd_cause_correct(struct fb_cli *cli)
{
	return say(cli, false);
}
