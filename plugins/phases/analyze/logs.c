/* SPDX-License-Identifier: Apache-2.0 */
#include "logs.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "moment.h"
#include "plugins/common/run.h"
#include "weights.h"

#define PROGRAM "failback-analyze"
#define GUESS 0.6   /* less sure than this is a cause that another's may take the place of, */
#define SURER 0.25  /* if that is surer by so much */
#define OTHERS 0.85 /* of the certainty of what the log of another service says */
#define BEFORE_MS 2000
#define BEFORE_ROLLBACK_MS (15 * 60 * 1000)
#define SPARE_MS 700 /* of the call's time, to say what was found */

/* Is this file the failed step's own log? The report may name it by its whole path or within the archive. */
static bool is_own_log(const struct failure *failure, const char *path)
{
	size_t n = strlen(path), m = failure->log ? strlen(failure->log) : 0;

	return m >= n && !strcmp(failure->log + m - n, path) && (m == n || failure->log[m - n - 1] == '/');
}

const char *logs_own(const struct logs *l, const struct failure *failure)
{
	for (size_t i = 0; i < l->files.n; i++)
		if (is_own_log(failure, l->files.paths[i]))
			return l->files.paths[i];
	return NULL;
}

static bool ends_in(const char *path, const char *end)
{
	size_t n = strlen(path), m = strlen(end);

	return n >= m && !strcmp(path + n - m, end);
}

/* What can tell the cause: the failed step's logs and those before it, and what was gathered as evidence; not the recovery's own words, nor
 * tables of numbers. Logs are named NNN-link.log, those of a link's operations link.service.operation.log. */
static bool may_tell(const struct failure *failure, const char *path)
{
	const char *own = failure->log ? strrchr(failure->log, '/') : NULL, *name = strrchr(path, '/') + 1;
	size_t n;

	if (strncmp(path, "logs/", 5))
		return !ends_in(path, ".csv") && !ends_in(path, ".json") && !ends_in(path, ".yaml") && !ends_in(path, "-state.txt");
	if (!strncmp(name, "notifier-", 9))
		return false; /* what was told to people about it */
	if (!isdigit((unsigned char)*name) && strchr(name, '.') == strrchr(name, '.'))
		return true; /* not one of the engine's */
	if (!own || !isdigit((unsigned char)own[1]))
		return false;
	if (isdigit((unsigned char)*name))
		return strtol(name, NULL, 10) <= strtol(own + 1, NULL, 10);
	own += 1 + strspn(own + 1, "0123456789") + 1;
	n = strlen(own) - (ends_in(own, ".log") ? 4 : 0);
	return !strncmp(name, own, n) && name[n] == '.';
}

/* Text has no NUL in its first bytes; it is a file, and no link to one. */
static bool is_text(int archive, const char *path)
{
	char head[512];
	struct stat st;
	bool ret = false;
	int fd = openat(archive, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n;

	if (fd < 0)
		return false;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode)) {
		n = pread(fd, head, sizeof head, 0);
		ret = n >= 0 && !memchr(head, 0, (size_t)n);
	}
	close(fd);
	return ret;
}

static void choose(int archive, const struct failure *failure, struct logs *l)
{
	size_t kept = 0;

	files_list(archive, "logs", LOGS_MOST, &l->files);
	files_list(archive, "evidence", LOGS_MOST, &l->files);
	l->unread = l->files.left_out;
	for (size_t i = 0; i < l->files.n; i++) {
		char *path = l->files.paths[i];
		bool tells = may_tell(failure, path), text = tells && kept < LOGS_MOST && is_text(archive, path);

		l->unread += tells && !text;
		if (text)
			l->files.paths[kept++] = path;
		else
			free(path);
	}
	l->files.n = kept;
}

static char *join(const char *folder, const char *path)
{
	char *ret;

	return asprintf(&ret, "%s/%s", folder, path) < 0 ? NULL : ret;
}

/* The words of a command, all of their own memory. */
struct words {
	char **v; /* ends in NULL; NULL: no memory */
	size_t n;
};

static void add_word(struct words *w, const char *word)
{
	char **more = realloc(w->v, (w->n + 2) * sizeof *more);

	if (!more)
		return;
	w->v = more;
	w->v[w->n] = word ? strdup(word) : NULL;
	w->n += w->v[w->n] != NULL;
	w->v[w->n] = NULL;
}

static void free_words(struct words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->v[i]);
	free(w->v);
}

static bool is_evidence(const char *path)
{
	return !strncmp(path, "evidence/", 9);
}

/* What a service's log said before this execution is not of it. False: all of it was said before. */
static bool add_log(const struct fb_call *call, int archive, const struct logs *l, const char *path, struct words *w)
{
	char *full = join(call->archive, path), number[32] = "";

	if (is_evidence(path) && l->since_ms > 0) {
		int fd = openat(archive, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		int64_t from = fd < 0 ? -2 : moment_offset(fd, l->since_ms);

		if (fd >= 0)
			close(fd);
		if (from == -1) {
			free(full);
			return false;
		}
		snprintf(number, sizeof number, "%lld", (long long)(from > 0 ? from : 0));
	}
	add_word(w, "--log");
	add_word(w, full);
	if (*number) {
		add_word(w, "--from");
		add_word(w, number);
	}
	free(full);
	return true;
}

/* What successes of the failed step had in their logs. */
static void add_known(const struct fb_call *call, const struct failure *failure, struct words *w)
{
	const char *text = call->host->document(call, "known"), *id = json_string_value(json_object_get(failure->step, "id"));
	json_t *d = text && id ? json_loads(text, 0, NULL) : NULL, *one;
	size_t i;

	json_array_foreach(json_object_get(d, "steps"), i, one) {
		const char *link = json_string_value(json_object_get(one, "link")), *file = json_string_value(json_object_get(one, "file"));

		if (!link || !file || strcmp(link, id))
			continue;
		add_word(w, "--known");
		add_word(w, file);
	}
	json_decref(d);
}

static void run_it(const struct fb_call *call, struct logs *l, char **argv, const char *answer)
{
	struct fb_command_result r = {0};
	struct fb_command command = {.argv = (const char *const *)argv, .timeout_ms = call->host->remaining_ms(call) - SPARE_MS};
	char how[LOGS_TEXT / 4], said[LOGS_TEXT / 2];

	if (command.timeout_ms < 1) {
		snprintf(l->why, sizeof l->why, "the logs were not analyzed: the time is over");
		return;
	}
	if (call->host->run(call, &command, &r) || r.exit_code == 127) {
		snprintf(l->why, sizeof l->why, "the logs were not analyzed: %s is not installed (apt-get install failback-analyze)", PROGRAM);
		return;
	}
	l->answer = json_load_file(answer, 0, NULL);
	unlink(answer);
	if (!l->answer)
		snprintf(l->why, sizeof l->why, "the logs were not analyzed: %s ended with %s%s", PROGRAM, run_outcome(&r, how, sizeof how), run_line_after(&r, said, sizeof said));
}

static bool is_known(const json_t *cause)
{
	const char *type = json_string_value(json_object_get(cause, "type"));

	return type && strcmp(type, "unknown");
}

/* ---- whose word counts */

static const char *type_of(const json_t *cause)
{
	const char *type = json_string_value(json_object_get(cause, "type"));

	return type ? type : "unknown";
}

static double sureness(const json_t *cause)
{
	return is_known(cause) ? json_number_value(json_object_get(cause, "confidence")) : 0;
}

/* Does it say no more than that somebody else did not answer? */
static bool points_outward(const json_t *cause)
{
	static const char *const types[] = {"timeout", "probe_failure"}, *const words[] = {"refused", "reset", "closed"};
	const char *text = json_string_value(json_object_get(json_array_get(json_object_get(cause, "evidence"), 0), "text"));

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (!strcmp(type_of(cause), types[i]))
			return true;
	for (size_t i = 0; text && !strcmp(type_of(cause), "network") && i < sizeof words / sizeof *words; i++)
		if (strstr(text, words[i]))
			return true;
	return false;
}

/* The failed step's own log, or that of an operation of it. */
static bool is_of_step(const struct failure *failure, const char *path)
{
	const char *own = failure->log ? strrchr(failure->log, '/') : NULL, *name = strrchr(path, '/');
	size_t digits, n;

	if (is_own_log(failure, path))
		return true;
	if (!own || !name || strncmp(path, "logs/", 5) || !(digits = strspn(own + 1, "0123456789")))
		return false;
	own += 1 + digits + (own[1 + digits] == '-');
	n = strlen(own) - (ends_in(own, ".log") ? 4 : 0);
	return n && !strncmp(name + 1, own, n) && name[1 + n] == '.';
}

/* The row of the document "evidence" for a file; NULL. */
static const json_t *row_of(const json_t *rows, const char *path)
{
	const char *file;
	json_t *one;
	size_t i;

	json_array_foreach(rows, i, one)
		if ((file = json_string_value(json_object_get(one, "file"))) && !strcmp(file, path))
			return one;
	return NULL;
}

struct word {
	json_t *cause;
	const json_t *row; /* of evidence; NULL: a log of the execution */
	double sure;
};

static bool has_lines(const json_t *cause)
{
	return is_known(cause) || json_array_size(json_object_get(cause, "evidence"));
}

/* What nobody but another service says, is said with less certainty: it need not be why this step failed. */
static struct word weigh(const struct failure *failure, json_t *cause, const json_t *row)
{
	const char *service = json_string_value(json_object_get(row, "service"));
	struct word w = {.cause = cause, .row = row, .sure = sureness(cause)};

	if (service && is_known(cause) && (!failure->service || strcmp(service, failure->service)) && failure->step) {
		w.sure *= OTHERS;
		json_object_set_new(cause, "confidence", json_real(w.sure));
	}
	return w;
}

/* What another says counts where the step's own text has no cause, or says only that somebody did not answer; or where its cause is a guess and the other's is not. */
static bool others_count(const json_t *own, const struct word *other)
{
	if (!other->cause || !is_known(other->cause))
		return other->cause && !own;
	if (!own || !is_known(own))
		return true;
	if (points_outward(own))
		return !points_outward(other->cause);
	return sureness(own) < GUESS && other->sure > sureness(own) + SURER;
}

static void judge(const struct fb_call *call, const struct failure *failure, struct logs *l)
{
	const char *text = call->host->document(call, "evidence");
	struct word own = {.sure = -1}, other = {.sure = -1}, *best;
	size_t i, n = strlen(call->archive);
	json_t *d;

	l->rows = text ? json_loads(text, 0, NULL) : NULL;
	json_array_foreach(json_object_get(l->answer, "logs"), i, d) {
		json_t *cause = json_object_get(d, "root_cause");
		const json_t *log = json_object_get(d, "log");
		const char *file = json_string_value(json_object_get(log, "file"));
		struct word w;

		l->bytes += json_integer_value(json_object_get(log, "bytes"));
		if (!file || strlen(file) <= n + 1 || !has_lines(cause))
			continue;
		file += n + 1;
		w = weigh(failure, cause, row_of(l->rows, file));
		best = is_of_step(failure, file) ? &own : &other;
		w.sure += is_own_log(failure, file) ? 0.04 : 0;
		if (w.sure > best->sure)
			*best = w;
	}
	best = others_count(own.cause, &other) ? &other : &own;
	l->best = best->cause;
	l->best_row = best->row;
	l->own = best == &own;
}

/* The time of the execution, with a little before it; of one that no deployment began, also what led to it. */
static int64_t since(const struct failure *failure)
{
	const char *at = json_string_value(json_object_get(failure->report, "timestamp"));
	int64_t ms = at ? moment_of(at, strlen(at), 0) : -1;

	return ms < 0 ? 0 : ms - (json_is_object(json_object_get(failure->report, "deployment")) ? BEFORE_MS : BEFORE_ROLLBACK_MS);
}

void logs_ask(const struct fb_call *call, int archive, const struct failure *failure, struct logs *ret)
{
	struct words w = {0};
	char *answer, *weights;
	size_t read = 0;

	memset(ret, 0, sizeof *ret);
	choose(archive, failure, ret);
	if (!ret->files.n)
		return;
	if (!call->scratch) {
		snprintf(ret->why, sizeof ret->why, "the logs were not analyzed: the sandbox has no scratch folder: set scratch = true");
		return;
	}
	answer = join(call->scratch, "analysis.json");
	weights = join(call->scratch, "weights.json");
	ret->since_ms = since(failure);
	add_word(&w, PROGRAM);
	add_word(&w, "--answer");
	add_word(&w, answer);
	for (size_t i = 0; i < ret->files.n; i++)
		read += add_log(call, archive, ret, ret->files.paths[i], &w);
	add_known(call, failure, &w);
	if (weights && weights_write(call, weights)) {
		add_word(&w, "--weights");
		add_word(&w, weights);
	}
	if (!w.v || !answer)
		snprintf(ret->why, sizeof ret->why, "the logs were not analyzed: no memory");
	else if (read)
		run_it(call, ret, w.v, answer);
	free_words(&w);
	free(weights);
	free(answer);
	judge(call, failure, ret);
}

void logs_clear(struct logs *l)
{
	files_clear(&l->files);
	json_decref(l->answer);
	json_decref(l->rows);
}

const char *logs_file(const struct fb_call *call, const json_t *evidence)
{
	const char *file = json_string_value(json_object_get(evidence, "file"));
	size_t n = strlen(call->archive);

	return file && strlen(file) > n + 1 && !strncmp(file, call->archive, n) && file[n] == '/' ? file + n + 1 : NULL;
}
