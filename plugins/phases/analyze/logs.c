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

#include "plugins/common/run.h"

#define PROGRAM "failback-analyze"
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

/* failback-analyze --answer FILE --log …; NULL: no memory. To be freed, as the words from the third on. */
static char **words(const struct fb_call *call, const struct logs *l, char *answer)
{
	char **v = calloc(2 * l->files.n + 4, sizeof *v);
	size_t n = 0;

	if (!v)
		return NULL;
	v[n++] = (char *)(uintptr_t)PROGRAM;
	v[n++] = (char *)(uintptr_t)"--answer";
	v[n++] = answer;
	for (size_t i = 0; i < l->files.n; i++) {
		char *path = join(call->archive, l->files.paths[i]);

		if (!path)
			break;
		v[n++] = (char *)(uintptr_t)"--log";
		v[n++] = path;
	}
	return v;
}

static void free_words(char **v, size_t files)
{
	for (size_t i = 0; v && i < files; i++)
		free(v[4 + 2 * i]);
	free(v);
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

/* Which log says most: a cause that is named stands before one that is not, a surer one before another, the failed step's own log before others. */
static void judge(const struct fb_call *call, const struct failure *failure, struct logs *l)
{
	double best = -1;
	size_t i;
	json_t *d;

	json_array_foreach(json_object_get(l->answer, "logs"), i, d) {
		const json_t *cause = json_object_get(d, "root_cause"), *log = json_object_get(d, "log");
		const char *file = json_string_value(json_object_get(log, "file"));
		size_t n = strlen(call->archive);
		bool own = file && strlen(file) > n && is_own_log(failure, file + n + 1);
		double score = (is_known(cause) ? 1 + json_number_value(json_object_get(cause, "confidence")) : 0) + (own ? 0.04 : 0);

		l->bytes += json_integer_value(json_object_get(log, "bytes"));
		if (!is_known(cause) && !json_array_size(json_object_get(cause, "evidence")))
			continue;
		if (score > best) {
			best = score;
			l->best = cause;
			l->own = own;
		}
	}
}

void logs_ask(const struct fb_call *call, int archive, const struct failure *failure, struct logs *ret)
{
	char *answer, **argv;

	memset(ret, 0, sizeof *ret);
	choose(archive, failure, ret);
	if (!ret->files.n)
		return;
	if (!call->scratch) {
		snprintf(ret->why, sizeof ret->why, "the logs were not analyzed: the sandbox has no scratch folder: set scratch = true");
		return;
	}
	answer = join(call->scratch, "analysis.json");
	argv = answer ? words(call, ret, answer) : NULL;
	if (argv)
		run_it(call, ret, argv, answer);
	else
		snprintf(ret->why, sizeof ret->why, "the logs were not analyzed: no memory");
	free_words(argv, ret->files.n);
	free(answer);
	judge(call, failure, ret);
}

void logs_clear(struct logs *l)
{
	files_clear(&l->files);
	json_decref(l->answer);
}

const char *logs_file(const struct fb_call *call, const json_t *evidence)
{
	const char *file = json_string_value(json_object_get(evidence, "file"));
	size_t n = strlen(call->archive);

	return file && strlen(file) > n + 1 && !strncmp(file, call->archive, n) && file[n] == '/' ? file + n + 1 : NULL;
}
