/* SPDX-License-Identifier: Apache-2.0 */
#include "findings.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scan.h"

#define SURE 50 /* a cause is named from this score on */

struct findings *findings_new(void)
{
	const struct pattern *bad;
	struct findings *f = calloc(1, sizeof *f);

	if (!f)
		return NULL;
	f->files = calloc(FINDINGS_FILES, sizeof *f->files);
	f->matcher = matcher_new(&bad);
	if (!f->files || !f->matcher) {
		findings_free(f);
		return NULL;
	}
	return f;
}

void findings_free(struct findings *f)
{
	if (!f)
		return;
	matcher_free(f->matcher);
	free(f->files);
	free(f);
}

/* FNV-1a over all but digits and space: a line that comes again with another time or pid is the same line. */
static uint64_t hash_line(const char *s)
{
	uint64_t h = 14695981039346656037ULL;

	for (; *s; s++)
		if (!isdigit((unsigned char)*s) && *s != ' ')
			h = (h ^ (unsigned char)*s) * 1099511628211ULL;
	return h;
}

static bool has_any(const char *lower, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (strstr(lower, words[i]))
			return true;
	return false;
}

/* How much the line's own manner takes from its weight: what a program mentions, warns of or ignores seldom ended it. */
static int manner(const char *lower)
{
	static const char *const mentions[] = {"[info", "info:", " info ", "level=info", "\"info\"", "[debug", " debug ", "level=debug", NULL};
	static const char *const warns[] = {"[warn", "warn:", "warning:", " warn ", "level=warn", "npm warn", "deprecat", NULL};
	static const char *const ignores[] = {"ignored", "ignoring", "falling back", NULL};
	int penalty = has_any(lower, mentions) ? 25 : has_any(lower, warns) ? 15 : 0;

	if (strstr(lower, "optional") && !strstr(lower, "not optional"))
		penalty += 20;
	return penalty + (has_any(lower, ignores) ? 45 : 0);
}

static bool looks_like_error(const char *lower)
{
	static const char *const words[] = {"error", "fatal", "fail", "exception", "panic", "cannot", "can't", "could not", "unable to", "denied", "refused",
					    "invalid", "not found", "abort", "killed", NULL};
	static const char *const not[] = {"0 error", "no error", "errors: 0", "0 failed", "failed=0", NULL};

	return has_any(lower, words) && !has_any(lower, not);
}

static bool have_line(const struct finding_list *list, const struct finding *x)
{
	for (int i = 0; i < list->n; i++)
		if (list->v[i].hash == x->hash)
			return true;
	return false;
}

/* Keeps the best by score; of equal ones the earlier, since what comes later is more often its consequence. */
static void keep_best(struct finding_list *list, const struct finding *x)
{
	bool seen = false;
	int i;

	for (i = 0; i < list->seen_n; i++)
		seen = seen || list->seen[i] == x->match.pattern;
	if (!seen && list->seen_n < 8)
		list->seen[list->seen_n++] = x->match.pattern;
	if (have_line(list, x))
		return;
	for (i = list->n; i > 0 && list->v[i - 1].score < x->score; i--)
		if (i < FINDINGS_KEEP)
			list->v[i] = list->v[i - 1];
	if (i == FINDINGS_KEEP)
		return;
	list->v[i] = *x;
	if (list->n < FINDINGS_KEEP)
		list->n++;
}

static void keep_last(struct finding_list *list, const struct finding *x)
{
	if (have_line(list, x))
		return;
	if (list->n == FINDINGS_KEEP) {
		memmove(list->v, list->v + 1, sizeof list->v[0] * (FINDINGS_KEEP - 1));
		list->n--;
	}
	list->v[list->n++] = *x;
}

static void take_line(void *ctx, const struct scan_line *line)
{
	struct findings *f = ctx;
	struct finding x;

	memset(&x.match, 0, sizeof x.match);
	x.score = 0;
	x.file = f->file_count - 1;
	x.number = line->number;
	x.start = x.from = line->at[0];
	x.end = x.to = line->at[line->n];
	if (matcher_find(f->matcher, line->text, line->lower, line->n, &x.match)) {
		if (x.match.pattern->class == CLASS_NOISE)
			return;
		x.from = line->at[x.match.from];
		x.to = line->at[x.match.to];
		x.score = x.match.pattern->weight - manner(line->lower) + f->bonus;
		x.hash = hash_line(line->text);
		keep_best(&f->of[x.match.pattern->class], &x);
	} else if (looks_like_error(line->lower)) {
		x.hash = hash_line(line->text);
		keep_last(&f->errors, &x);
	}
}

static bool keep_scanning(void *ctx)
{
	struct findings *f = ctx;

	return !f->keep_on || f->keep_on(f->ctx);
}

/* Text has no NUL in its first bytes. */
static bool is_text(int fd)
{
	char head[512];
	ssize_t n = pread(fd, head, sizeof head, 0);

	return n >= 0 && !memchr(head, 0, (size_t)n);
}

int findings_scan(struct findings *f, int dir, const char *path, bool own)
{
	int fd, saved, rc = -1;
	int64_t size = 0;
	struct stat st;

	if (f->file_count == FINDINGS_FILES || strlen(path) >= FINDINGS_PATH) {
		f->unread++;
		errno = E2BIG;
		return -1;
	}
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode) || !is_text(fd))) {
		errno = EINVAL;
	} else if (fd >= 0) {
		snprintf(f->files[f->file_count++], FINDINGS_PATH, "%s", path);
		f->bonus = own ? 4 : 0;
		rc = scan_file(fd, take_line, keep_scanning, f, &size);
		f->bytes += size;
	}
	saved = errno;
	if (fd >= 0)
		close(fd);
	if (rc)
		f->unread++;
	errno = saved;
	return rc;
}

/* How sure a class is, in percent. Signs that are weak alone are enough when they come together. */
static int score_class(const struct findings *f, enum pattern_class class, int exit_code, int signal)
{
	const struct finding_list *list = &f->of[class];
	bool killed = exit_code == 137 || signal == 9;
	bool crashed = (exit_code >= 132 && exit_code <= 139 && exit_code != 137) || (signal >= 4 && signal <= 11 && signal != 9 && signal != 10);
	int score = list->n ? list->v[0].score : 0;

	if (score && score < SURE && list->seen_n > 1)
		score = 60;
	else if (score >= SURE && list->seen_n > 1)
		score += 2;
	if (class == CLASS_OUT_OF_MEMORY && killed && score)
		score += score < SURE ? 20 : 4;
	if (class == CLASS_CRASH && crashed)
		score = score < 80 ? 80 : score + 4;
	return score;
}

void findings_judge(const struct findings *f, int exit_code, int signal, struct verdict *ret)
{
	static const enum pattern_class order[] = {CLASS_OUT_OF_MEMORY, CLASS_MISSING_FILE, CLASS_PERMISSION, CLASS_CRASH, CLASS_OTHER};
	enum pattern_class best = CLASS_UNKNOWN;
	int score = SURE - 1, second = 0;

	memset(ret, 0, sizeof *ret);
	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
		int s = score_class(f, order[i], exit_code, signal);

		if (s > score) {
			second = best == CLASS_UNKNOWN ? 0 : score;
			score = s;
			best = order[i];
		} else if (s > second) {
			second = s;
		}
	}
	if (best == CLASS_OTHER) {
		ret->known = &f->of[CLASS_OTHER].v[0];
		return;
	}
	if (best == CLASS_UNKNOWN)
		return;
	ret->class = best;
	ret->best = f->of[best].n ? &f->of[best].v[0] : NULL;
	ret->confidence = score > 95 ? 95 : score;
	if (second + 10 > score)
		ret->confidence -= 15;
}
