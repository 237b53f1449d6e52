/* SPDX-License-Identifier: Apache-2.0 */
/* failback plugin new: a small project for a plugin, filled in from templates. Knows the files of a project and nothing of what stands in them. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "cli/cli.h"

#define FILES 7
#define TEMPLATE_LIMIT (256 * 1024)

/* One project. Texts are its own. */
struct project {
	const char *kind, *name;
	bool cplusplus;
	char *folder, *templates;
	char date[64], upper[64];
	char *files[FILES + 1];
	char *from[FILES];
};

static const char *const kinds[] = {"phase", "strategy", "check", "notifier", NULL};

static int read_request(struct fb_cli *cli, struct project *p)
{
	static const char *const languages[] = {"c", "c++", NULL};
	const char *language = fb_cli_option(cli, "language"), *near;
	int k = 0;

	p->kind = cli->operands[0];
	p->name = cli->operands[1];
	while (kinds[k] && strcmp(kinds[k], p->kind) != 0)
		k++;
	if (!kinds[k]) {
		near = fb_nearest(p->kind, kinds);
		return fb_cli_fail(cli, FB_EXIT_USAGE, "there is no kind of plugin '%s'%s%s%s; there are phase, strategy, check and notifier", p->kind, near ? "; did you mean '" : "",
				   near ? near : "", near ? "'?" : "");
	}
	if (!fb_name_valid(p->name))
		return fb_cli_fail(cli, FB_EXIT_USAGE, "'%s' cannot be a plugin's name: use a-z, 0-9 and '-', not '-' first, at most 63", p->name);
	if (language && strcmp(language, "c") != 0 && strcmp(language, "c++") != 0) {
		near = fb_nearest(language, languages);
		return fb_cli_fail(cli, FB_EXIT_USAGE, "there is no template in '%s'%s%s%s; there are c and c++", language, near ? "; did you mean '" : "", near ? near : "",
				   near ? "'?" : "");
	}
	p->cplusplus = language && strcmp(language, "c++") == 0;
	return 0;
}

static void prepare(struct fb_cli *cli, struct project *p)
{
	const char *dir = fb_cli_option(cli, "dir"), *suffix = p->cplusplus ? "c++" : "c";
	const time_t now = (time_t)(fb_clock_wall_ms() / 1000);
	static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"};
	struct tm tm;
	int i = 0;

	gmtime_r(&now, &tm);
	snprintf(p->date, sizeof p->date, "%s %d, %d", months[tm.tm_mon], tm.tm_mday, tm.tm_year + 1900);
	for (size_t k = 0; p->name[k] && k < sizeof p->upper - 1; k++)
		p->upper[k] = p->name[k] >= 'a' && p->name[k] <= 'z' ? (char)(p->name[k] - 'a' + 'A') : p->name[k];
	p->folder = dir ? fb_strdup(dir) : fb_asprintf("failback-%s-%s", p->kind, p->name);
	p->templates = fb_strdup(fb_cli_templates());
	p->files[i] = fb_strdup("Makefile");
	p->from[i++] = fb_strdup("common/Makefile");
	p->files[i] = fb_strdup("README.md");
	p->from[i++] = fb_strdup("common/README.md");
	p->files[i] = fb_strdup("fake_host.h");
	p->from[i++] = fb_strdup("common/fake_host.h");
	p->files[i] = fb_asprintf("%s.%s", p->name, p->cplusplus ? "cc" : "c");
	p->from[i++] = fb_asprintf("%s/plugin.%s", p->kind, suffix);
	p->files[i] = fb_asprintf("test_%s.c", p->name);
	p->from[i++] = fb_asprintf("%s/test.c", p->kind);
	p->files[i] = fb_asprintf("failback-%s-%s.7", p->kind, p->name);
	p->from[i++] = fb_asprintf("%s/manual.7", p->kind);
	p->files[i] = fb_strdup("example.conf");
	p->from[i++] = fb_asprintf("%s/example.conf", p->kind);
}

static void clear(struct project *p)
{
	for (int i = 0; i < FILES; i++) {
		fb_free(p->files[i]);
		fb_free(p->from[i]);
	}
	fb_free(p->folder);
	fb_free(p->templates);
}

/* What the example of the kind sets, for a first check. */
static const char *settings_of(const char *kind)
{
	return strcmp(kind, "phase") == 0 ? "--set file=/run/shop/maintenance" : strcmp(kind, "strategy") == 0 ? "--set root=/srv/shop" :
	       strcmp(kind, "check") == 0 ? "--set file=/etc/hostname" : "--options example.conf";
}

static const char *enable_of(const char *kind)
{
	return strcmp(kind, "notifier") == 0 ? ": that file may be copied to conf.d/ beside failback.conf as it is" : "";
}

/* Replaces every @WORD@ that is known. @FLAGS@ is a file of its own. 0, or -1 with err. */
static int fill(const struct project *p, const char *text, struct fb_text *ret, struct fb_err *err)
{
	const struct {
		const char *word, *value;
	} words[] = {{"@NAME@", p->name},
		     {"@KIND@", p->kind},
		     {"@UPPER@", p->upper},
		     {"@DATE@", p->date},
		     {"@SOURCE@", p->files[3]},
		     {"@SETTINGS@", settings_of(p->kind)},
		     {"@ENABLE@", enable_of(p->kind)},
		     {"@LANGUAGE@", p->cplusplus ? "C++" : "C"}};

	while (*text) {
		size_t n = strcspn(text, "@"), i = 0;

		fb_text_add(ret, text, n);
		text += n;
		if (!*text)
			break;
		while (i < sizeof words / sizeof *words && !fb_has_prefix(text, words[i].word))
			i++;
		if (i < sizeof words / sizeof *words) {
			fb_text_puts(ret, words[i].value);
			text += strlen(words[i].word);
		} else if (fb_has_prefix(text, "@FLAGS@")) {
			char *path = fb_asprintf("%s/common/flags.%s", p->templates, p->cplusplus ? "c++" : "c"), *flags;
			int r = fb_io_read_file(path, TEMPLATE_LIMIT, &flags, NULL, err);

			fb_free(path);
			if (r < 0)
				return -1;
			fb_text_puts(ret, flags);
			fb_free(flags);
			text += strlen("@FLAGS@");
		} else {
			fb_text_add(ret, text++, 1);
		}
	}
	return 0;
}

static int write_one(const struct project *p, int i, struct fb_err *err)
{
	char *from = fb_asprintf("%s/%s", p->templates, p->from[i]), *to = fb_asprintf("%s/%s", p->folder, p->files[i]), *text = NULL;
	struct fb_text filled = {0};
	int fd = -1, r = -1;

	if (fb_io_read_file(from, TEMPLATE_LIMIT, &text, NULL, err) < 0 || fill(p, text, &filled, err) < 0)
		goto out;
	fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || fb_io_write_all(fd, filled.p ? filled.p : "", filled.n) < 0) {
		fb_err_set(err, FB_EXIT_FAILED, "cannot write %s: %s", to, strerror(errno));
		goto out;
	}
	r = 0;
out:
	if (fd >= 0 && close(fd) != 0 && r == 0)
		r = fb_err_set(err, FB_EXIT_FAILED, "cannot write %s: %s", to, strerror(errno));
	fb_text_clear(&filled);
	fb_free(text);
	fb_free(to);
	fb_free(from);
	return r;
}

static int write_all(struct fb_cli *cli, const struct project *p)
{
	struct fb_err err = {0};

	if (access(p->templates, R_OK | X_OK) != 0)
		return fb_cli_fail(cli, FB_EXIT_FAILED, "the templates of plugins are not at %s (%s): install them with failback's development files", p->templates, strerror(errno));
	if (mkdir(p->folder, 0755) != 0) {
		if (errno == EEXIST)
			return fb_cli_fail(cli, FB_EXIT_REFUSED, "%s is there already, and nothing was written: name another folder with --dir, or another plugin", p->folder);
		return fb_cli_fail(cli, FB_EXIT_FAILED, "cannot make the folder %s: %s", p->folder, strerror(errno));
	}
	for (int i = 0; i < FILES; i++)
		if (write_one(p, i, &err) < 0) {
			fb_io_remove_tree(p->folder); /* it was not there before */
			err.code = FB_EXIT_FAILED;
			return fb_cli_fail_err(cli, &err);
		}
	return 0;
}

/* What to type next, as it can be pasted. */
static json_t *next_commands(const struct project *p)
{
	json_t *list = json_array();
	struct fb_text folder = {0};
	char *line;

	fb_text_shell_quote(&folder, p->folder);
	line = fb_asprintf("cd %s", folder.p);
	json_array_append_new(list, json_string(line));
	fb_free(line);
	fb_text_clear(&folder);
	json_array_append_new(list, json_string("make check"));
	line = fb_asprintf("failback plugin check %s-%s.so %s", p->kind, p->name, settings_of(p->kind));
	json_array_append_new(list, json_string(line));
	fb_free(line);
	json_array_append_new(list, json_string("make install"));
	return list;
}

static int tell(struct fb_cli *cli, const struct project *p)
{
	json_t *next = next_commands(p), *files = json_array(), *one;
	struct fb_text t = {0};
	size_t i;

	for (int k = 0; k < FILES; k++)
		json_array_append_new(files, json_string(p->files[k]));
	if (cli->json)
		return fb_cli_print_json(cli, json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "schema", "failback.plugin_new/1", "kind", p->kind, "name", p->name, "language",
						       p->cplusplus ? "c++" : "c", "folder", p->folder, "files", files, "next", next), FB_EXIT_DONE);
	fb_text_puts(&t, "wrote ");
	fb_style_safe(&cli->out, &t, p->folder);
	fb_text_puts(&t, "/:");
	json_array_foreach(files, i, one)
		fb_text_printf(&t, " %s", json_string_value(one));
	fb_text_puts(&t, "\nnext:\n");
	json_array_foreach(next, i, one)
		fb_text_printf(&t, "  %s\n", json_string_value(one));
	fb_text_printf(&t, "then name it in the configuration, as example.conf does; what to change first is in README.md\n");
	json_decref(next);
	json_decref(files);
	return fb_cli_print(cli, &t, FB_EXIT_DONE);
}

int fb_cmd_plugin_new(struct fb_cli *cli)
{
	struct project p = {0};
	int code = read_request(cli, &p);

	if (code)
		return code;
	prepare(cli, &p);
	code = write_all(cli, &p);
	if (code == 0)
		code = tell(cli, &p);
	clear(&p);
	return code;
}
