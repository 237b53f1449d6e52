/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failback-analyze --log FILE [--green FILE]...: what failed, by the log alone; `failback analyze` runs it, and the phase analyze does. A program of its own, so that what is linked
 * for it (Hyperscan, PCRE2) is linked nowhere else. Its document is failback.analysis/1, failback(1); of several logs failback.analyses/1: the root cause of each.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/document.h"
#include "analysis/index.h"
#include "analysis/known.h"
#include "analysis/lint.h"
#include "analysis/prior.h"
#include "analysis/suggest.h"
#include "analysis/trial.h"
#include "base/mem.h"
#include "config.h"

#define GREEN_MOST 64
#define FOLDERS_MOST 16
#define LOGS_MOST 512
#define LESSONS_MOST 128

struct request {
	const char *logs[LOGS_MOST], *green[GREEN_MOST], *answer, *trial;
	const char *prior; /* a file of weights; NULL: none */
	struct fb_prior *weights;
	const char *known[FB_KNOWN_MOST]; /* files of what successes had */
	size_t known_count;
	struct fb_known *successes[FB_KNOWN_MOST];
	int64_t from[LOGS_MOST]; /* of each log: what is found before this byte does not count */
	struct lesson {
		const char *into;
		size_t first, end; /* of logs */
	} lessons[LESSONS_MOST];
	size_t lesson_count;
	double least; /* of a trial: the share that has to be right */
	size_t log_count, green_count;
	const char *folders[FOLDERS_MOST + 1]; /* ends in NULL */
	size_t folder_count;
	bool json, lint, warm, suggest, excerpt;
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
static int print_json(json_t *d, const char *answer)
{
	FILE *to = answer ? fopen(answer, "wxe") : stdout;
	int r = !to || json_dumpf(d, to, JSON_INDENT(2)) < 0 || putc('\n', to) == EOF ? -1 : 0;

	json_decref(d);
	if (answer && to && fclose(to) == EOF)
		r = -1;
	if (r < 0)
		fprintf(stderr, "failback analyze: writing %s failed: %s\n", answer ? answer : "the answer", strerror(errno));
	return r;
}

/* One log; *ret: its document, NULL when it could not be read. Exit code. */
static int analyze_one(const struct request *q, const struct fb_signatures *s, struct fb_findings *f, const char *log, int64_t from, json_t **ret)
{
	struct fb_ranking ranking;
	int64_t bytes = 0, lines = 0;
	int code;

	*ret = NULL;
	fb_findings_from(f, from);
	code = use_log(f, log, false, &bytes, &lines);
	if (code)
		return code;
	fb_rank(s, f, &ranking);
	fb_prior_apply(q->weights, &ranking);
	*ret = fb_analysis_document(&ranking, log, bytes, lines);
	json_object_set_new(*ret, "excerpt", fb_analysis_excerpt(&ranking, fb_findings_excerpt(f), log));
	return 0;
}

/* What was read from a pipe is not there any more. */
static int tell_excerpt(const char *log, const json_t *excerpt)
{
	int fd = open_log(log), r;

	if (fd < 0)
		return FB_EXIT_USAGE;
	r = fb_analysis_tell_excerpt(excerpt, fd);
	if (r < 0 && errno == ESPIPE)
		fprintf(stderr, "failback analyze: the lines of a pipe cannot be read again: give --log a file, or use --json, which has their numbers\n");
	else if (r < 0)
		fprintf(stderr, "failback analyze: reading %s failed: %s\n", log, strerror(errno));
	close(fd);
	return r < 0 ? FB_EXIT_USAGE : 0;
}

static int analyze_single(const struct request *q, const struct fb_signatures *s, struct fb_findings *f)
{
	json_t *d;
	int code = analyze_one(q, s, f, q->logs[0], q->from[0], &d);

	if (code)
		return code;
	if (q->json)
		return print_json(d, q->answer) < 0 ? FB_EXIT_JOURNAL : 0;
	fb_analysis_tell(d);
	if (q->excerpt)
		code = tell_excerpt(q->logs[0], json_object_get(d, "excerpt"));
	json_decref(d);
	return code;
}

/* Each log by itself. One that cannot be read is left out, and said on standard error. */
static int analyze_several(const struct request *q, const struct fb_signatures *s, struct fb_findings *f)
{
	json_t *all = json_array(), *d;

	for (size_t i = 0; i < q->log_count; i++) {
		fb_findings_forget(f);
		if (analyze_one(q, s, f, q->logs[i], q->from[i], &d))
			continue;
		json_object_del(d, "candidates");
		json_object_del(d, "excerpt");
		json_array_append_new(all, d);
	}
	return print_json(json_pack("{s:s, s:o}", "schema", "failback.analyses/1", "logs", all), q->answer) < 0 ? FB_EXIT_JOURNAL : 0;
}

/* A signature for the line that looks most like an error and is explained by none. */
static int suggest(const struct request *q, const struct fb_signatures *s, struct fb_findings *f)
{
	struct fb_ranking ranking;
	int64_t bytes, lines;
	int code = use_log(f, q->logs[0], false, &bytes, &lines);
	char *draft = NULL;

	if (code)
		return code;
	fb_rank(s, f, &ranking);
	for (size_t i = 0; i < ranking.n && !draft; i++)
		for (size_t k = 0; k < ranking.v[i].evidence_count && !draft; k++)
			if (fb_streq(ranking.v[i].category, "unknown"))
				draft = fb_suggest(ranking.v[i].evidence[k]->quote.text);
	if (ranking.known)
		fprintf(stderr, "the signature '%s' already explains this log\n", ranking.v[0].evidence[0]->signature->id);
	if (draft)
		fputs(draft, stdout);
	else
		fprintf(stderr, "no line of %s looks like an error that no signature explains\n", q->logs[0]);
	code = draft ? 0 : FB_EXIT_FAILED;
	fb_free(draft);
	return code;
}

static void tell_trial(json_t *d)
{
	const char *name;
	json_t *one;
	size_t i;

	json_object_foreach(json_object_get(d, "categories"), name, one)
		printf("%-20s %lld of %lld\n", name, (long long)json_integer_value(json_object_get(one, "right")), (long long)json_integer_value(json_object_get(one, "logs")));
	json_array_foreach(json_object_get(d, "wrong"), i, one)
		printf("wrong: %s is %s, found %s, line %lld\n", json_string_value(json_object_get(one, "id")), json_string_value(json_object_get(one, "category")),
		       json_string_value(json_object_get(one, "found")), (long long)json_integer_value(json_object_get(one, "line")));
	printf("right: %lld of %lld\n", (long long)json_integer_value(json_object_get(d, "right")), (long long)json_integer_value(json_object_get(d, "logs")));
}

static int trial(const struct request *q, const struct fb_signatures *s, struct fb_findings *f)
{
	struct fb_err err = {0};
	json_t *d = fb_trial(s, f, q->trial, &err);
	bool enough;

	if (!d) {
		fprintf(stderr, "failback signatures test: %s\n", err.text);
		return FB_EXIT_USAGE;
	}
	enough = json_number_value(json_object_get(d, "right")) >= q->least * json_number_value(json_object_get(d, "logs")) - 1e-9;
	if (q->json) {
		json_object_set_new(d, "schema", json_string("failback.trial/1"));
		return print_json(d, NULL) < 0 ? FB_EXIT_JOURNAL : enough ? 0 : FB_EXIT_FAILED;
	}
	tell_trial(d);
	json_decref(d);
	return enough ? 0 : FB_EXIT_FAILED;
}

/* Without them it is analyzed all the same. */
static void read_weights(struct request *q)
{
	struct fb_err err = {0};

	q->weights = q->prior ? fb_prior_read(q->prior, &err) : NULL;
	if (q->prior && !q->weights)
		fprintf(stderr, "failback analyze: %s\n", err.text);
}

/* One that cannot be used is said and left out: what failed is analyzed all the same. */
static void read_known(struct request *q, struct fb_findings *f)
{
	for (size_t i = 0; i < q->known_count; i++) {
		struct fb_err err = {0};

		q->successes[i] = fb_known_read(q->known[i], &err);
		if (q->successes[i])
			fb_findings_know(f, q->successes[i]);
		else
			fprintf(stderr, "failback analyze: %s\n", err.text);
	}
}

/* Needs no signatures. */
static int learn(const struct request *q)
{
	int code = 0;

	for (size_t i = 0; i < q->lesson_count; i++) {
		const struct lesson *l = &q->lessons[i];
		struct fb_err why = {0}, err = {0};

		if (fb_known_learn(l->into, q->logs + l->first, l->end - l->first, &why, &err) < 0) {
			fprintf(stderr, "failback-analyze: %s\n", err.text);
			code = FB_EXIT_JOURNAL;
		}
		if (*why.text)
			fprintf(stderr, "failback-analyze: %s\n", why.text);
	}
	return code;
}

static int analyze(struct request *q)
{
	struct fb_signatures s;
	struct fb_findings *f = NULL;
	struct fb_blocks *blocks = NULL;
	struct fb_errs errs = {0};
	char *cache = cache_folder();
	int code = 0;

	if (fb_index_read(q->folders, cache, &s, &errs) < 0 || fb_findings_new(&s, cache, &f, &errs) < 0 || fb_blocks_read(q->folders, &blocks, &errs) < 0 || fb_blocks_open(blocks, cache, &errs) < 0)
		code = FB_EXIT_CONFIG;
	else
		fb_findings_use(f, blocks);
	print_all(&errs, "");
	read_weights(q);
	if (!code)
		read_known(q, f);
	for (size_t i = 0; i < q->green_count && !code; i++)
		code = use_log(f, q->green[i], true, NULL, NULL);
	if (!code && q->trial)
		code = trial(q, &s, f);
	else if (!code && q->suggest)
		code = suggest(q, &s, f);
	else if (!code && !q->warm)
		code = q->log_count == 1 && !q->answer ? analyze_single(q, &s, f) : analyze_several(q, &s, f);
	fb_findings_free(f);
	fb_blocks_free(blocks);
	fb_prior_free(q->weights);
	for (size_t i = 0; i < FB_KNOWN_MOST; i++)
		fb_known_free(q->successes[i]);
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
	struct fb_blocks *blocks;
	int r = fb_signatures_read(q->folders, &s, &errs), code;

	if (r == 0)
		r = fb_database_open(&s, NULL, &d, &errs);
	if (fb_lint(&s, d, &errs, &warnings) < 0)
		r = -1;
	if (fb_blocks_read(q->folders, &blocks, &errs) < 0 || fb_blocks_lint(blocks, &errs) < 0)
		r = -1;
	code = r < 0 ? FB_EXIT_CONFIG : 0;
	if (q->json) {
		if (print_json(json_pack("{s:s, s:I, s:I, s:o, s:o}", "schema", "failback.signatures/1", "signatures", (json_int_t)s.n, "blocks", (json_int_t)fb_blocks_count(blocks), "errors", texts(&errs), "warnings", texts(&warnings)), NULL) < 0)
			code = FB_EXIT_JOURNAL;
	} else {
		print_all(&errs, "");
		print_all(&warnings, "warning: ");
		printf("%zu signatures, %zu blocks, %zu errors, %zu warnings\n", s.n, fb_blocks_count(blocks), errs.n, warnings.n);
	}
	fb_database_close(d);
	fb_blocks_free(blocks);
	fb_signatures_clear(&s);
	fb_errs_clear(&errs);
	fb_errs_clear(&warnings);
	return code;
}

static int usage(void)
{
	fputs("usage: failback-analyze --log FILE|- [--green FILE]... [--known FILE]... [--signatures DIR]... [--json | --excerpt]\n"
	      "       failback-analyze {--log FILE [--from BYTE]}... --answer FILE [--green FILE]... [--known FILE]... [--weights FILE] [--signatures DIR]...\n"
	      "       failback-analyze --suggest --log FILE [--green FILE]... [--signatures DIR]...\n"
	      "       failback-analyze --test DIR [--min SHARE] [--signatures DIR]... [--json]\n"
	      "       failback-analyze {--learn KNOWN-FILE --log FILE...}...\n"
	      "       failback-analyze --warm [--signatures DIR]...\n"
	      "       failback-analyze --lint [--signatures DIR]... [--json]\n",
	      stderr);
	return FB_EXIT_USAGE;
}

/* The signatures beside this program, in a build tree or an installation that was moved; else where they were installed. */
static const char *shipped(char *buf, size_t size)
{
	static const char *const places[] = {"signatures", "../signatures", "../../share/failback/signatures"};
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (n <= 0)
		return FB_PKGDATADIR "/signatures";
	self[n] = 0;
	*strrchr(self, '/') = 0;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		snprintf(buf, size, "%s/%s", self, places[i]);
		if (access(buf, R_OK | X_OK) == 0)
			return buf;
	}
	return FB_PKGDATADIR "/signatures";
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"log", required_argument, NULL, 'l'}, {"green", required_argument, NULL, 'g'}, {"signatures", required_argument, NULL, 's'},
						{"json", no_argument, NULL, 'j'}, {"lint", no_argument, NULL, 'L'}, {"answer", required_argument, NULL, 'a'}, {"warm", no_argument, NULL, 'w'},
						{"suggest", no_argument, NULL, 'S'}, {"test", required_argument, NULL, 't'}, {"min", required_argument, NULL, 'm'}, {"excerpt", no_argument, NULL, 'x'},
						{"weights", required_argument, NULL, 'W'}, {"known", required_argument, NULL, 'k'}, {"learn", required_argument, NULL, 'i'},
						{"from", required_argument, NULL, 'f'}, {0}};
	static struct request q;
	char beside[PATH_MAX + 64], *end;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'l' && q.log_count < LOGS_MOST)
			q.logs[q.log_count++] = optarg, q.lessons[q.lesson_count ? q.lesson_count - 1 : 0].end = q.log_count;
		else if (c == 'a')
			q.answer = optarg;
		else if (c == 'w')
			q.warm = true;
		else if (c == 'x')
			q.excerpt = true;
		else if (c == 'W')
			q.prior = optarg;
		else if (c == 'k' && q.known_count < FB_KNOWN_MOST)
			q.known[q.known_count++] = optarg;
		else if (c == 'i' && q.lesson_count < LESSONS_MOST) /* of the logs that follow it */
			q.lessons[q.lesson_count++] = (struct lesson){optarg, q.log_count, q.log_count};
		else if (c == 'f' && q.log_count) /* of the log before it */
			q.from[q.log_count - 1] = strtoll(optarg, NULL, 10);
		else if (c == 'S')
			q.suggest = true;
		else if (c == 't')
			q.trial = optarg;
		else if (c == 'm' && (q.least = strtod(optarg, &end), !*end && end != optarg && q.least >= 0 && q.least <= 1))
			continue;
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
	if (optind != argc || q.lint + q.warm + (q.trial != NULL) + (q.log_count > 0) != 1 || (q.suggest && q.log_count != 1))
		return usage();
	if (q.lesson_count)
		return learn(&q);
	if (!q.folder_count) {
		q.folders[q.folder_count++] = shipped(beside, sizeof beside);
		q.folders[q.folder_count++] = "/etc/failback/signatures.d";
	}
	c = q.lint ? lint(&q) : analyze(&q);
	return fflush(stdout) == EOF && !c ? FB_EXIT_JOURNAL : c;
}
