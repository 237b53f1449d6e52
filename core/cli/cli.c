/* SPDX-License-Identifier: Apache-2.0 */
/* Owns how every command begins and ends: configuration and journal opened, answers and errors printed in the form that was asked for. */
#include "cli/cli.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fb_cli_close(struct fb_cli *cli)
{
	fb_journal_close(cli->journal);
	cli->journal = NULL;
	fb_config_free(cli->config);
	cli->config = NULL;
}

int fb_cli_print_json(struct fb_cli *cli, json_t *document, int code)
{
	(void)cli;
	int failed = json_dumpf(document, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
	json_decref(document);
	if (failed || putchar('\n') == EOF || fflush(stdout) != 0)
		return code ? code : FB_EXIT_JOURNAL;
	return code;
}

int fb_cli_print(struct fb_cli *cli, struct fb_text *t, int code)
{
	(void)cli;
	bool failed = t->n && fwrite(t->p, 1, t->n, stdout) != t->n;
	fb_text_clear(t);
	if (fflush(stdout) != 0 || failed)
		return code ? code : FB_EXIT_JOURNAL;
	return code;
}

int fb_cli_fail_json(struct fb_cli *cli, json_t *errors, int code)
{
	struct fb_text t = {0};
	size_t i;
	json_t *one;
	fflush(stdout);
	if (cli->json)
		return fb_cli_print_json(cli, json_pack("{s:s, s:o, s:i}", "schema", "failback.error/1", "errors", errors, "exit_code", code), code);
	json_array_foreach(errors, i, one) {
		fb_text_puts(&t, "failback: ");
		fb_style_safe_lines(&cli->err, &t, json_string_value(one), 2);
		fb_text_puts(&t, "\n");
	}
	if (t.p)
		fputs(t.p, stderr);
	fb_text_clear(&t);
	json_decref(errors);
	return code;
}

/* Foreign bytes in a message must not cost the message. */
static json_t *text_json(const char *text)
{
	static const struct fb_style utf8 = {.utf8 = true};
	json_t *value = json_string(text);
	if (!value) {
		struct fb_text t = {0};
		fb_style_safe(&utf8, &t, text);
		value = json_string(t.p ? t.p : "");
		fb_text_clear(&t);
	}
	return value;
}

int fb_cli_fail(struct fb_cli *cli, int code, const char *format, ...)
{
	json_t *errors = json_array();
	struct fb_text t = {0};
	va_list args;
	va_start(args, format);
	fb_text_vprintf(&t, format, args);
	va_end(args);
	json_array_append_new(errors, text_json(t.p));
	fb_text_clear(&t);
	return fb_cli_fail_json(cli, errors, code);
}

int fb_cli_fail_err(struct fb_cli *cli, const struct fb_err *err)
{
	char text[sizeof err->text + sizeof err->file + 32];
	return fb_cli_fail(cli, err->code ? err->code : FB_EXIT_BUG, "%s", fb_err_format(err, text, sizeof text));
}

int fb_cli_fail_errs(struct fb_cli *cli, const struct fb_errs *errs, int code)
{
	char text[sizeof errs->v->text + sizeof errs->v->file + 32];
	json_t *errors = json_array();
	for (size_t i = 0; i < errs->n; i++)
		json_array_append_new(errors, text_json(fb_err_format(&errs->v[i], text, sizeof text)));
	/* a refused plugin is told as such only when nothing else is wrong */
	bool plugins_only = errs->n > 0;
	for (size_t i = 0; i < errs->n; i++)
		plugins_only = plugins_only && errs->v[i].code == FB_EXIT_PLUGIN;
	return fb_cli_fail_json(cli, errors, plugins_only ? FB_EXIT_PLUGIN : code);
}

int fb_cli_config(struct fb_cli *cli)
{
	struct fb_errs errs = {0};
	int code = 0;
	if (cli->config)
		return 0;
	if (fb_config_load(&cli->request, &cli->config, &errs) != 0)
		code = fb_cli_fail_errs(cli, &errs, FB_EXIT_CONFIG);
	fb_errs_clear(&errs);
	return code;
}

int fb_cli_journal(struct fb_cli *cli, unsigned flags)
{
	struct fb_err err = {0};
	int code = fb_cli_config(cli);
	if (code)
		return code;
	if (fb_journal_open(fb_config_state_dir(cli->config), flags, &cli->journal, &err) != 0)
		return fb_cli_fail_err(cli, &err);
	return 0;
}

int fb_cli_execution(struct fb_cli *cli, const char *id, struct fb_execution *ret)
{
	struct fb_err err = {0};
	int r = fb_journal_execution(cli->journal, id, ret, &err);
	if (r == 0)
		return 0;
	if (r > 0) /* asked for what is not there: the caller's mistake, not the journal's */
		return fb_cli_fail(cli, FB_EXIT_USAGE, "%s", *err.text ? err.text : "there is no such execution; 'failback history' lists them");
	return fb_cli_fail_err(cli, &err);
}

char *fb_cli_execution_folder(const struct fb_cli *cli, const char *execution)
{
	return fb_asprintf("%s/executions/%s", fb_config_state_dir(cli->config), execution);
}

const char *fb_cli_actor(char *buf, size_t size)
{
	const struct passwd *user = getpwuid(getuid());
	const char *sudo = getuid() == 0 ? getenv("SUDO_USER") : NULL; /* only root may claim to speak for another */
	if (sudo && *sudo)
		snprintf(buf, size, "user %.64s", sudo);
	else if (user)
		snprintf(buf, size, "user %.64s", user->pw_name);
	else
		snprintf(buf, size, "user %ld", (long)getuid());
	return buf;
}

/* A part of failback: the first of places (end in NULL) beside this program that is there, so that a build tree and an installation that was moved find
 * their own; else the one that was configured. Lives until the next call with the same buf. */
static const char *find_part(const char *const *places, const char *configured, int mode, char *buf, size_t size)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n > 0) {
		self[n] = 0;
		*strrchr(self, '/') = 0;
		for (; *places; places++) {
			snprintf(buf, size, "%s/%s", self, *places);
			if (access(buf, mode) == 0)
				return buf;
		}
	}
	return configured;
}

/* Programs that are run by failback alone lie all in one folder. */
static const char *find_program(const char *name, const char *configured, char *buf, size_t size)
{
	char *beside[] = {fb_strdup(name), fb_asprintf("../%s", name), fb_asprintf("../libexec/failback/%s", name), NULL};
	const char *found = find_part((const char *const *)beside, configured, X_OK, buf, size);
	for (char **p = beside; *p; p++)
		fb_free(*p);
	return found;
}

const char *fb_cli_host_program(void)
{
	static char path[4096 + 64];
	return find_program("failback-host", FB_LIBEXECDIR "/failback-host", path, sizeof path);
}

const char *fb_cli_store_program(void)
{
	static char path[4096 + 64];
	return find_program("failback-store", FB_LIBEXECDIR "/failback-store", path, sizeof path);
}

const char *fb_cli_analyze_program(void)
{
	static char path[4096 + 64];
	return find_program("failback-analyze", FB_LIBEXECDIR "/failback-analyze", path, sizeof path);
}

const char *fb_cli_signatures(void)
{
	static const char *const places[] = {"signatures", "../share/failback/signatures", NULL};
	static char path[4096 + 64];
	return find_part(places, NULL, R_OK | X_OK, path, sizeof path);
}

const char *fb_cli_templates(void)
{
	static const char *const places[] = {"templates", "../share/failback/templates", NULL};
	static char path[4096 + 64];
	return find_part(places, FB_PKGDATADIR "/templates", R_OK | X_OK, path, sizeof path);
}
