/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failback-analyze --log FILE [--green FILE]...: what failed, by the log alone; `failback analyze` runs it. A program of its own, so that what is linked for it
 * (Hyperscan, PCRE2) is linked nowhere else. Its document is failback.analysis/1, failback(1).
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/document.h"
#include "analysis/index.h"
#include "analysis/lint.h"
#include "base/mem.h"
#include "config.h"

#define GREEN_MOST 64
#define FOLDERS_MOST 16

struct request {
	const char *log, *green[GREEN_MOST];
	size_t green_count;
	const char *folders[FOLDERS_MOST + 1]; /* ends in NULL */
	size_t folder_count;
	bool json, lint;
};

static int open_log(const char *path)
{
	int fd = fb_streq(path, "-") ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		fd = -1;
		errno = EISDIR;
	}
	if (fd < 0)
		fprintf(stderr, "failback analyze: cannot read %s: %s\n", path, strerror(errno));
	return fd;
}

/* Reads one log. Exit code. */
static int use_log(struct fb_findings *f, const char *path, bool green, int64_t *bytes, int64_t *lines)
{
	int fd = open_log(path), r;

	if (fd < 0)
		return FB_EXIT_USAGE;
	r = green ? fb_findings_learn(f, fd) : fb_findings_scan(f, fd, bytes, lines);
	if (r < 0)
		fprintf(stderr, "failback analyze: reading %s failed: %s\n", path, strerror(errno));
	close(fd);
	return r < 0 ? FB_EXIT_BUG : 0;
}

static char *cache_folder(void)
{
	const char *own = getenv("FAILBACK_CACHE"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	if (own)
		return *own ? fb_strdup(own) : NULL;
	if (geteuid() == 0)
		return fb_strdup("/var/cache/failback");
	return xdg && *xdg == '/' ? fb_asprintf("%s/failback", xdg) : home && *home == '/' ? fb_asprintf("%s/.cache/failback", home) : NULL;
}

static void print_all(const struct fb_errs *errs, const char *level)
{
	for (size_t i = 0; i < errs->n; i++) {
		char line[1400];

		fprintf(stderr, "%s%s\n", level, fb_err_format(&errs->v[i], line, sizeof line));
	}
}

static json_t *texts(const struct fb_errs *errs)
{
	json_t *ret = json_array();

	for (size_t i = 0; i < errs->n; i++) {
		char line[1400];

		fb_err_format(&errs->v[i], line, sizeof line);
		json_array_append_new(ret, json_pack("{s:s, s:i, s:s}", "file", errs->v[i].file, "line", errs->v[i].line, "text", line));
	}
	return ret;
}

/* 0, or -1 when it could not be written */
static int print_json(json_t *d)
{
	int r = json_dumpf(d, stdout, JSON_INDENT(2)) < 0 || putchar('\n') == EOF ? -1 : 0;

	json_decref(d);
	return r;
}

static int analyze(const struct request *q)
{
	struct fb_signatures s;
	struct fb_findings *f = NULL;
	struct fb_errs errs = {0};
	struct fb_ranking ranking;
	int64_t bytes = 0, lines = 0;
	char *cache = cache_folder();
	int code = 0;

	if (fb_index_read(q->folders, cache, &s, &errs) < 0 || fb_findings_new(&s, cache, &f, &errs) < 0)
		code = FB_EXIT_CONFIG;
	print_all(&errs, "");
	for (size_t i = 0; i < q->green_count && !code; i++)
		code = use_log(f, q->green[i], true, NULL, NULL);
	if (!code)
		code = use_log(f, q->log, false, &bytes, &lines);
	if (!code) {
		json_t *d;

		fb_rank(&s, f, &ranking);
		d = fb_analysis_document(&ranking, q->log, bytes, lines);
		if (!q->json)
			fb_analysis_tell(d);
		if (!q->json)
			json_decref(d);
		else if (print_json(d) < 0)
			code = FB_EXIT_JOURNAL;
	}
	fb_findings_free(f);
	fb_signatures_clear(&s);
	fb_errs_clear(&errs);
	fb_free(cache);
	return code;
}

static int lint(const struct request *q)
{
	struct fb_signatures s;
	struct fb_errs errs = {0}, warnings = {0};
	struct fb_database *d = NULL;
	int r = fb_signatures_read(q->folders, &s, &errs), code;

	if (r == 0)
		r = fb_database_open(&s, NULL, &d, &errs);
	if (fb_lint(&s, d, &errs, &warnings) < 0)
		r = -1;
	code = r < 0 ? FB_EXIT_CONFIG : 0;
	if (q->json) {
		if (print_json(json_pack("{s:s, s:I, s:o, s:o}", "schema", "failback.signatures/1", "signatures", (json_int_t)s.n, "errors", texts(&errs), "warnings", texts(&warnings))) < 0)
			code = FB_EXIT_JOURNAL;
	} else {
		print_all(&errs, "");
		print_all(&warnings, "warning: ");
		printf("%zu signatures, %zu errors, %zu warnings\n", s.n, errs.n, warnings.n);
	}
	fb_database_close(d);
	fb_signatures_clear(&s);
	fb_errs_clear(&errs);
	fb_errs_clear(&warnings);
	return code;
}

static int usage(void)
{
	fputs("usage: failback-analyze --log FILE|- [--green FILE]... [--signatures DIR]... [--json]\n"
	      "       failback-analyze --lint [--signatures DIR]... [--json]\n",
	      stderr);
	return FB_EXIT_USAGE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"log", required_argument, NULL, 'l'}, {"green", required_argument, NULL, 'g'}, {"signatures", required_argument, NULL, 's'},
						{"json", no_argument, NULL, 'j'}, {"lint", no_argument, NULL, 'L'}, {0}};
	struct request q = {0};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'l')
			q.log = optarg;
		else if (c == 'g' && q.green_count < GREEN_MOST)
			q.green[q.green_count++] = optarg;
		else if (c == 's' && q.folder_count < FOLDERS_MOST)
			q.folders[q.folder_count++] = optarg;
		else if (c == 'j')
			q.json = true;
		else if (c == 'L')
			q.lint = true;
		else
			return usage();
	}
	if (optind != argc || q.lint == (q.log != NULL))
		return usage();
	if (!q.folder_count) {
		q.folders[q.folder_count++] = FB_PKGDATADIR "/signatures";
		q.folders[q.folder_count++] = "/etc/failback/signatures.d";
	}
	c = q.lint ? lint(&q) : analyze(&q);
	return fflush(stdout) == EOF && !c ? FB_EXIT_JOURNAL : c;
}
