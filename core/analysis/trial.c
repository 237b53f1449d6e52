/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "analysis/rank.h"
#include "base/io.h"
#include "base/mem.h"

#define LABELS_LIMIT ((size_t)16 << 20)
#define COLUMNS 32

struct columns {
	int id, category, accepted; /* -1: there is none */
};

/* Cuts the line at tabs. How many there are. */
static int cut(char *line, char *fields[COLUMNS])
{
	int n = 0;

	while (line && n < COLUMNS) {
		fields[n++] = line;
		line = strchr(line, '\t');
		if (line)
			*line++ = 0;
	}
	return n;
}

static void head(char *line, struct columns *c)
{
	char *fields[COLUMNS];
	int n = cut(line, fields);

	*c = (struct columns){-1, -1, -1};
	for (int i = 0; i < n; i++) {
		if (fb_streq(fields[i], "id"))
			c->id = i;
		if (fb_streq(fields[i], "category"))
			c->category = i;
		if (fb_streq(fields[i], "also_accepted"))
			c->accepted = i;
	}
}

static void count(json_t *to, bool right)
{
	json_object_set_new(to, "logs", json_integer(json_integer_value(json_object_get(to, "logs")) + 1));
	json_object_set_new(to, "right", json_integer(json_integer_value(json_object_get(to, "right")) + right));
}

static json_t *category_of(json_t *all, const char *name)
{
	json_t *one = json_object_get(all, name);

	if (!one) {
		one = json_pack("{s:i, s:i}", "right", 0, "logs", 0);
		json_object_set_new(all, name, one);
	}
	return one;
}

static bool is_accepted(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; p && (p = strstr(p, name)); p += n)
		if ((p == list || p[-1] == ',') && (!p[n] || p[n] == ','))
			return true;
	return false;
}

static int try_one(const struct fb_signatures *s, struct fb_findings *f, const char *folder, char **fields, const struct columns *c, json_t *ret, struct fb_err *err)
{
	const char *id = fields[c->id], *category = fields[c->category], *found;
	char *path = fb_asprintf("%s/%s.log", folder, id);
	int fd = strchr(id, '/') ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), r = -1;
	struct fb_ranking ranking;
	int64_t bytes, lines;
	bool right;

	fb_findings_forget(f);
	if (fd >= 0)
		r = fb_findings_scan(f, fd, &bytes, &lines);
	if (r < 0)
		fb_err_set(err, FB_EXIT_USAGE, "reading %s failed: %s", path, strchr(id, '/') ? "an id has no slash" : strerror(errno));
	if (fd >= 0)
		close(fd);
	fb_free(path);
	if (r < 0)
		return -1;
	fb_rank(s, f, &ranking);
	found = ranking.known ? ranking.v[0].category : "unknown";
	right = fb_streq(found, category) || (c->accepted >= 0 && is_accepted(fields[c->accepted], found));
	count(ret, right);
	count(category_of(json_object_get(ret, "categories"), category), right);
	if (!right)
		json_array_append_new(json_object_get(ret, "wrong"), json_pack("{s:s, s:s, s:s, s:I}", "id", id, "category", category, "found", found, "line",
									   (json_int_t)(ranking.n ? ranking.v[0].evidence[0]->quote.line : 0)));
	return 0;
}

json_t *fb_trial(const struct fb_signatures *s, struct fb_findings *f, const char *folder, struct fb_err *err)
{
	char *path = fb_asprintf("%s/labels.tsv", folder), *text = NULL, *next, *fields[COLUMNS];
	json_t *ret = json_pack("{s:i, s:i, s:{}, s:[]}", "right", 0, "logs", 0, "categories", "wrong");
	struct columns c = {-1, -1, -1};
	size_t n;
	int r = fb_io_read_file(path, LABELS_LIMIT, &text, &n, err);

	for (char *line = text; r == 0 && line && *line; line = next) {
		size_t end = strcspn(line, "\r\n");

		next = line + end + strspn(line + end, "\r\n");
		line[end] = 0;
		if (c.id < 0 || c.category < 0) {
			head(line, &c);
			if (c.id < 0 || c.category < 0)
				r = fb_err_set(err, FB_EXIT_USAGE, "%s: the first line has to name the columns, id and category among them, with tabs between", path);
			continue;
		}
		for (int have = cut(line, fields); have < COLUMNS; have++)
			fields[have] = (char *)(uintptr_t)"";
		if (*fields[c.id])
			r = try_one(s, f, folder, fields, &c, ret, err);
	}
	if (r == 0 && !json_integer_value(json_object_get(ret, "logs")))
		r = fb_err_set(err, FB_EXIT_USAGE, "%s names no log", path);
	fb_free(text);
	fb_free(path);
	if (r == 0)
		return ret;
	json_decref(ret);
	return NULL;
}
