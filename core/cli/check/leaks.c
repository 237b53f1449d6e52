/* SPDX-License-Identifier: Apache-2.0 */
/* Memory, when valgrind is there: the host runs under it, and what it finds in the plugin's own code counts. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/check/check.h"
#include "failback/plugin.h"
#include "host/frame.h"

#define SLOW_MS 60000
#define REPORT_LIMIT (16 * 1024 * 1024)

static char *find_program(const char *name)
{
	const char *path = getenv("PATH");

	for (const char *p = path ? path : "/usr/bin:/bin"; *p;) {
		size_t n = strcspn(p, ":");
		char *file = fb_asprintf("%.*s/%s", (int)n, p, name);

		if (n && access(file, X_OK) == 0)
			return file;
		fb_free(file);
		p += n + (p[n] == ':');
	}
	return NULL;
}

/* A program that is called as failback-host and runs it under valgrind; to be freed. NULL with errno. */
static char *write_wrapper(const struct fb_check_run *c, const char *valgrind)
{
	char *path = fb_asprintf("%s/valgrind-host", c->world.base);
	struct fb_text t = {0};
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
	int r;

	fb_text_puts(&t, "#!/bin/sh\nexec ");
	fb_text_shell_quote(&t, valgrind);
	fb_text_puts(&t, " -q --vgdb=no --leak-check=full --show-leak-kinds=definite --xml=yes --xml-file=");
	fb_text_shell_quote(&t, c->world.base);
	fb_text_puts(&t, "/valgrind.%p ");
	fb_text_shell_quote(&t, c->host_program);
	fb_text_puts(&t, " \"$@\"\n");
	r = fd < 0 ? -1 : fb_io_write_all(fd, t.p, t.n);
	if (fd >= 0)
		close(fd);
	fb_text_clear(&t);
	if (r == 0)
		return path;
	fb_free(path);
	return NULL;
}

/* The text between two tags after p, in buf; "" when it is not there before end. */
static const char *element(const char *p, const char *end, const char *name, char *buf, size_t size)
{
	char open[32], close[32];
	const char *from, *to;

	snprintf(open, sizeof open, "<%s>", name);
	snprintf(close, sizeof close, "</%s>", name);
	from = strstr(p, open);
	to = from ? strstr(from, close) : NULL;
	if (!to || to > end) {
		*buf = 0;
		return buf;
	}
	from += strlen(open);
	snprintf(buf, size, "%.*s", (int)(to - from), from);
	return buf;
}

/* The errors of one report that have the plugin in their stack, as sentences. Returns how many. */
static int read_report(const struct fb_check_run *c, const char *report, struct fb_text *ret)
{
	int n = 0;

	for (const char *p = report; (p = strstr(p, "<error>")); p++) {
		const char *end = strstr(p, "</error>"), *frame = p;
		char what[300], kind[64], object[4096], function[200], file[200], line[16];

		if (!end)
			break;
		while ((frame = strstr(frame + 1, "<frame>")) && frame < end) {
			const char *last = strstr(frame, "</frame>");

			if (!fb_streq(element(frame, last, "obj", object, sizeof object), c->path))
				continue;
			element(p, end, "kind", kind, sizeof kind);
			element(p, end, fb_has_prefix(kind, "Leak_") ? "text" : "what", what, sizeof what);
			element(frame, last, "fn", function, sizeof function);
			element(frame, last, "file", file, sizeof file);
			element(frame, last, "line", line, sizeof line);
			if (n++ < 3)
				fb_text_printf(ret, "%s%s, in %s%s%s%s%s", ret->n ? "; " : "", what, *function ? function : "a function", *file ? " at " : "", file, *line ? ":" : "", line);
			break;
		}
	}
	return n;
}

static int read_reports(const struct fb_check_run *c, struct fb_text *ret, int *ret_files)
{
	DIR *dir = opendir(c->world.base);
	struct dirent *e;
	int n = 0;

	*ret_files = 0;
	while (dir && (e = readdir(dir))) {
		char *path, *text;

		if (!fb_has_prefix(e->d_name, "valgrind.") )
			continue;
		path = fb_asprintf("%s/%s", c->world.base, e->d_name);
		if (fb_io_read_file(path, REPORT_LIMIT, &text, NULL, NULL) == 0) {
			n += read_report(c, text, ret);
			++*ret_files;
			fb_free(text);
		}
		(void)!unlink(path);
		fb_free(path);
	}
	if (dir)
		closedir(dir);
	return n;
}

static void one(struct fb_check_run *c, struct fb_check_host *h, const char *operation)
{
	bool plain = fb_check_is_plain(operation);
	const struct fb_check_call call = {.operation = operation, .flags = plain ? 0 : FB_CALL_DRY_RUN, .act = plain ? FB_ACT_NO : FB_ACT_DRY, .within_ms = SLOW_MS};
	struct fb_check_heard heard;
	struct fb_text found = {0};
	int files, n;

	fb_check_make_call(c, h, &call, &heard);
	n = read_reports(c, &found, &files);
	if (n)
		fb_check_failed(c, "memory", operation, "%d error%s: %s", n, n == 1 ? "" : "s", found.p);
	else if (heard.cause != FB_CAUSE_ANSWER || !files)
		fb_check_skipped(c, "memory", operation, "valgrind has not come to an end: %s", heard.message[0] ? heard.message : "it wrote no report");
	else
		fb_check_ok(c, "memory", operation, "nothing lost for good, nothing read or written outside");
	fb_text_clear(&found);
}

void fb_check_leaks(struct fb_check_run *c)
{
	char *valgrind = find_program("valgrind"), *wrapper = NULL;
	struct fb_check_host *h = NULL;
	const char *operation, *stage;
	const json_t *entry;
	struct fb_err err = {0};

#ifdef FB_SANITIZED
	fb_check_skipped(c, "memory", NULL, "this failback is built with sanitizers, which valgrind cannot run");
	goto out;
#endif
	if (!valgrind) {
		fb_check_skipped(c, "memory", NULL, "valgrind is not there: install it, and leaks are found");
		goto out;
	}
	wrapper = write_wrapper(c, valgrind);
	h = wrapper ? fb_check_host_start(c, wrapper, SLOW_MS) : NULL;
	if (!h || !fb_check_host_describe(h, &err, &stage)) {
		fb_check_skipped(c, "memory", NULL, "the host does not run under valgrind: %s", h ? err.text : "no program can be written");
		goto out;
	}
	json_object_foreach(c->asked, operation, entry)
		if (json_is_true(json_object_get(entry, "fine")) && (strcmp(operation, "notify") != 0 || c->world.network_off))
			one(c, h, operation);
out:
	if (h)
		(void)!fb_check_host_end(h);
	fb_free(wrapper);
	fb_free(valgrind);
}
