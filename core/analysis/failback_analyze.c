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

#include "analysis/rank.h"
#include "base/mem.h"
#include "config.h"

#define GREEN_MOST 64

struct request {
	const char *log, *green[GREEN_MOST];
	size_t green_count;
	const char *folders[8];
	size_t folder_count;
	bool json;
};

static json_t *text(const char *s, size_t n)
{
	json_t *ret = json_stringn(s, n);

	return ret ? ret : json_string("");
}

static json_t *evidence(const struct fb_candidate *c, const char *file)
{
	json_t *ret = json_array();

	for (size_t i = 0; i < c->evidence_count; i++) {
		const struct fb_quote *q = &c->evidence[i]->quote;

		json_array_append_new(ret, json_pack("{s:s, s:I, s:I, s:I, s:o}", "file", file, "line", (json_int_t)q->line, "offset", (json_int_t)q->offset, "length",
						     (json_int_t)q->length, "text", text(q->text, q->length)));
	}
	return ret;
}

static const char *parameter(const struct fb_finding *f)
{
	for (size_t i = 0; i < f->parameter_count; i++)
		if (fb_streq(f->parameters[i].name, f->signature->parameter))
			return f->parameters[i].value;
	return f->parameter_count && !f->signature->parameter ? f->parameters[0].value : NULL;
}

/* The cause as a sentence, to be freed. */
static char *sentence(const struct fb_candidate *c)
{
	const struct fb_finding *f = c->evidence[0];
	const char *about = parameter(f);
	char *own = f->signature->cause ? fb_rank_fill(f->signature->cause, f, false) : NULL;

	if (own)
		return own;
	return about ? fb_asprintf("%s: %s", fb_category_text(c->category), about) : fb_strdup(fb_category_text(c->category));
}

static json_t *fixes(const struct fb_finding *f)
{
	json_t *ret = json_array();

	for (const struct fb_fix *x = f->signature->fixes; x->action; x++) {
		char *action = fb_rank_fill(x->action, f, false), *command = x->command ? fb_rank_fill(x->command, f, true) : NULL;

		if (action && (command || !x->command))
			json_array_append_new(ret, json_pack("{s:s, s:s, s:s*}", "priority", x->priority, "action", action, "command", command));
		fb_free(action);
		fb_free(command);
	}
	return ret;
}

static json_t *candidate(const struct fb_candidate *c, const char *file)
{
	const struct fb_finding *f = c->evidence[0];
	json_t *parameters = json_object();
	char *cause = sentence(c);
	json_t *ret;

	for (size_t i = 0; i < f->parameter_count; i++)
		json_object_set_new(parameters, f->parameters[i].name, text(f->parameters[i].value, strlen(f->parameters[i].value)));
	ret = json_pack("{s:s, s:s, s:f, s:s*, s:s, s:s*, s:o, s:o, s:o}", "type", c->category, "cause", cause, "confidence", fb_rank_confidence(c->score), "component", f->signature->component,
			"signature", f->signature->id, "parameter", parameter(f), "parameters", parameters, "evidence", evidence(c, file), "recommendations", fixes(f));
	fb_free(cause);
	return ret;
}

static json_t *document(const struct fb_ranking *r, const char *file, int64_t bytes, int64_t lines)
{
	json_t *all = json_array(), *root;

	for (size_t i = 0; i < r->n; i++)
		json_array_append_new(all, candidate(&r->v[i], file));
	if (r->known) {
		root = json_deep_copy(json_array_get(all, 0));
	} else { /* the best evidence there is, and no guess */
		root = json_pack("{s:s, s:s, s:f, s:{}, s:o}", "type", "unknown", "cause", fb_category_text("unknown"), "confidence", 0.0, "parameters", "evidence",
				 r->n ? evidence(&r->v[0], file) : json_array());
	}
	return json_pack("{s:s, s:o, s:o, s:{s:s, s:I, s:I}}", "schema", "failback.analysis/1", "root_cause", root, "candidates", all, "log", "file", file, "bytes", (json_int_t)bytes,
			 "lines", (json_int_t)lines);
}

/* For people: what, how sure, the line itself, what to do. */
static void tell(const json_t *document)
{
	const json_t *root = json_object_get(document, "root_cause"), *first = json_array_get(json_object_get(root, "evidence"), 0), *one;
	const char *type = json_string_value(json_object_get(root, "type")), *component = json_string_value(json_object_get(root, "component"));
	size_t i;

	printf("%s: %s%s%s%s\n", type, json_string_value(json_object_get(root, "cause")), component ? " (" : "", component ? component : "", component ? ")" : "");
	if (!fb_streq(type, "unknown"))
		printf("  sure to %.0f %%\n", 100 * json_real_value(json_object_get(root, "confidence")));
	if (first)
		printf("  %s:%lld: %s\n", json_string_value(json_object_get(first, "file")), (long long)json_integer_value(json_object_get(first, "line")),
		       json_string_value(json_object_get(first, "text")));
	json_array_foreach(json_object_get(root, "recommendations"), i, one) {
		const char *command = json_string_value(json_object_get(one, "command"));

		printf("  %zu. %s\n", i + 1, json_string_value(json_object_get(one, "action")));
		if (command)
			printf("       %s\n", command);
	}
}

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

static int analyze(const struct request *q)
{
	struct fb_signatures s;
	struct fb_findings *f = NULL;
	struct fb_errs errs = {0};
	struct fb_ranking ranking;
	int64_t bytes = 0, lines = 0;
	char *cache = cache_folder();
	json_t *d;
	int code = 0;

	if (fb_signatures_read(q->folders, &s, &errs) < 0 || fb_findings_new(&s, cache, &f, &errs) < 0)
		code = FB_EXIT_CONFIG;
	for (size_t i = 0; i < errs.n; i++) {
		char line[1400];

		fprintf(stderr, "%s\n", fb_err_format(&errs.v[i], line, sizeof line));
	}
	for (size_t i = 0; i < q->green_count && !code; i++)
		code = use_log(f, q->green[i], true, NULL, NULL);
	if (!code)
		code = use_log(f, q->log, false, &bytes, &lines);
	if (!code) {
		fb_rank(&s, f, &ranking);
		d = document(&ranking, q->log, bytes, lines);
		if (q->json ? json_dumpf(d, stdout, JSON_INDENT(2)) < 0 : (tell(d), 0))
			code = FB_EXIT_BUG;
		json_decref(d);
	}
	fb_findings_free(f);
	fb_signatures_clear(&s);
	fb_errs_clear(&errs);
	fb_free(cache);
	return code;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"log", required_argument, NULL, 'l'}, {"green", required_argument, NULL, 'g'}, {"json", no_argument, NULL, 'j'},
						{"signatures", required_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'}, {0}};
	struct request q = {0};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'l')
			q.log = optarg;
		else if (c == 'g' && q.green_count < GREEN_MOST)
			q.green[q.green_count++] = optarg;
		else if (c == 'j')
			q.json = true;
		else if (c == 's' && q.folder_count < 6)
			q.folders[q.folder_count++] = optarg;
		else
			q.log = NULL, optind = argc + 1;
		if (optind > argc)
			break;
	}
	if (!q.log || optind != argc) {
		fputs("usage: failback-analyze --log FILE|- [--green FILE]... [--signatures DIR]... [--json]\n", stderr);
		return FB_EXIT_USAGE;
	}
	if (!q.folder_count) {
		q.folders[q.folder_count++] = FB_PKGDATADIR "/signatures";
		q.folders[q.folder_count++] = "/etc/failback/signatures.d";
	}
	c = analyze(&q);
	if (fflush(stdout) == EOF)
		return FB_EXIT_JOURNAL;
	return c;
}
