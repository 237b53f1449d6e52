/* SPDX-License-Identifier: Apache-2.0 */
/* failback show: an execution's links, actions and logs */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/render.h"
#include "cli/rows.h"
#include "cli/verdict.h"
#include "recovery/report.h"

#define EXCERPT_BYTES 4096
#define EXCERPT_LINES 10

/* The last lines of a link's log; NULL when there is none. To be freed. The path is the journal's, and never leaves the execution's folder. */
static char *log_excerpt(const struct fb_cli *cli, const char *execution, const char *log)
{
	char *folder = fb_cli_execution_folder(cli, execution), *path = NULL, *p = NULL;
	struct stat st;
	int fd = -1;
	if (!log || *log == '/' || strstr(log, ".."))
		goto out;
	path = fb_asprintf("%s/%s", folder, log);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		goto out;
	p = fb_alloc(EXCERPT_BYTES + 1);
	ssize_t n = pread(fd, p, EXCERPT_BYTES, st.st_size > EXCERPT_BYTES ? st.st_size - EXCERPT_BYTES : 0);
	if (n < 0)
		n = 0;
	while (n > 0 && p[n - 1] == '\n')
		n--;
	p[n] = 0;
	int lines = 0;
	for (ssize_t i = n; i-- > 0;)
		if (p[i] == '\n' && ++lines == EXCERPT_LINES) {
			memmove(p, p + i + 1, (size_t)(n - i));
			break;
		}
out:
	if (fd >= 0)
		close(fd);
	fb_free(path);
	fb_free(folder);
	return p;
}

static void add_excerpts(const struct fb_cli *cli, const char *id, json_t *phases)
{
	static const struct fb_style utf8 = {.utf8 = true};
	size_t i;
	json_t *one;
	json_array_foreach(phases, i, one) {
		char *text = log_excerpt(cli, id, json_string_value(json_object_get(one, "log")));
		struct fb_text safe = {0};
		if (!text)
			continue;
		fb_style_safe_lines(&utf8, &safe, text, 0);
		json_object_set_new(one, "log_excerpt", json_string(safe.p ? safe.p : ""));
		fb_text_clear(&safe);
		fb_free(text);
	}
}

static void put_detail(const struct fb_style *s, const json_t *phase, struct fb_text *t)
{
	const char *excerpt = fb_render_string(phase, "log_excerpt", NULL);
	size_t i;
	json_t *one, *list = json_array();
	json_array_append(list, (json_t *)(uintptr_t)phase);
	fb_render_phases(s, list, t);
	json_decref(list);
	json_array_foreach(json_object_get(phase, "actions"), i, one) {
		const char *state = fb_render_string(one, "state", "?");
		fb_text_printf(t, "      %s ", fb_style_mark(s, FB_MARK_ARROW));
		fb_style_wrap(s, t, fb_render_string(one, "text", "?"), 8);
		if (!fb_streq(state, "done") || json_is_true(json_object_get(one, "undo"))) {
			fb_text_puts(t, "  ");
			fb_style_put(s, t, FB_TONE_WARN, fb_streq(state, "intended") ? "begun, outcome not recorded" : fb_streq(state, "done") ? "undo" : state);
		}
		fb_text_puts(t, "\n");
	}
	if (excerpt && *excerpt) {
		fb_style_on(s, t, FB_TONE_DIM);
		fb_text_puts(t, s->utf8 ? "      │ " : "      | ");
		for (const char *p = excerpt; *p; p++)
			if (*p == '\n')
				fb_text_puts(t, s->utf8 ? "\n      │ " : "\n      | ");
			else if (s->utf8 || (unsigned char)*p < 0x80)
				fb_text_add(t, p, 1);
			else
				fb_text_puts(t, "?");
		fb_style_off(s, t);
		fb_text_puts(t, "\n");
	}
}

static void put_chain(const struct fb_style *s, const char *title, const json_t *phases, struct fb_text *t)
{
	size_t i;
	json_t *one;
	if (json_array_size(phases) == 0)
		return;
	fb_text_puts(t, "\n");
	fb_style_put(s, t, FB_TONE_BOLD, title);
	fb_text_puts(t, "\n");
	json_array_foreach(phases, i, one) put_detail(s, one, t);
}

/* Which files did it, so that each can be compared with what lies in the folder today. */
static void put_plugins(const struct fb_style *s, const json_t *plugins, struct fb_text *t)
{
	size_t i;
	json_t *one;
	if (json_array_size(plugins) == 0)
		return;
	fb_text_puts(t, "\nPlugins\n");
	json_array_foreach(plugins, i, one) {
		char *name = fb_asprintf("%s-%s", fb_render_string(one, "kind", "?"), fb_render_string(one, "name", "?"));
		fb_text_puts(t, "  ");
		fb_row_cell(s, t, name, 24);
		fb_text_puts(t, " ");
		fb_row_cell(s, t, fb_render_string(one, "version", "?"), 8);
		fb_text_puts(t, " sha256 ");
		fb_row_cell(s, t, fb_render_string(one, "sha256", "?"), 16);
		fb_text_puts(t, json_is_object(json_object_get(one, "sandbox")) ? " sandboxed\n" : "\n");
		fb_free(name);
	}
}

/* That there is one, and what a person said of it; the report has the rest. */
static void put_cause(const struct fb_style *s, const json_t *cause, struct fb_text *t)
{
	char *text = fb_verdict_text(cause);
	if (!json_is_object(cause))
		return;
	fb_text_puts(t, "\n");
	fb_style_put(s, t, FB_TONE_BOLD, "Root cause");
	fb_text_puts(t, "\n  ");
	fb_style_wrap(s, t, fb_render_string(cause, "likely_cause", fb_render_string(cause, "cause", "not found")), 2);
	if (text) {
		fb_text_puts(t, "\n  ");
		fb_style_wrap(s, t, text, 2);
	}
	fb_text_puts(t, "\n");
	fb_free(text);
}

int fb_cmd_show(struct fb_cli *cli)
{
	struct fb_execution e = {0};
	struct fb_err err = {0};
	struct fb_text t = {0};
	json_t *report, *chains[3];
	static const char *const titles[] = {"Backup", "Plan", "Recovery"};
	int code = fb_cli_journal(cli, FB_JOURNAL_READ);
	if (!code)
		code = fb_cli_execution(cli, cli->operands[0], &e);
	if (code)
		return code;
	report = fb_report_build(cli->journal, e.id, &err);
	if (!report) {
		fb_execution_clear(&e);
		return fb_cli_fail_err(cli, &err);
	}
	chains[0] = json_object_get(json_object_get(report, "backup"), "phases");
	chains[1] = json_object_get(json_object_get(report, "deployment"), "steps");
	chains[2] = json_object_get(json_object_get(report, "rollback"), "phases");
	for (size_t i = 0; i < 3; i++)
		add_excerpts(cli, e.id, chains[i]);
	if (cli->json) {
		code = fb_cli_print_json(cli, json_pack("{s:s, s:o, s:O?, s:O?, s:O?, s:O?, s:O?}", "schema", "failback.execution/1", "execution", fb_row_execution_json(&e), "backup", chains[0],
							"plan", chains[1], "recovery", chains[2], "plugins", json_object_get(report, "plugins"), "root_cause", json_object_get(report, "root_cause")), FB_EXIT_DONE);
	} else {
		fb_row_execution(&cli->out, &e, 0, &t);
		for (size_t i = 0; i < 3; i++)
			put_chain(&cli->out, titles[i], chains[i], &t);
		put_cause(&cli->out, json_object_get(report, "root_cause"), &t);
		put_plugins(&cli->out, json_object_get(report, "plugins"), &t);
		code = fb_cli_print(cli, &t, FB_EXIT_DONE);
	}
	json_decref(report);
	fb_execution_clear(&e);
	return code;
}
