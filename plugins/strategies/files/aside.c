/* SPDX-License-Identifier: Apache-2.0 */
/* What people have changed in a live tree, kept in releases/.failback/aside before it is overwritten, and told. Nothing is ever removed from there. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/strategies/files/tree.h"

#define NAMES 9

json_t *fs_edits(struct fs *s, const char *release)
{
	const char *text = release ? fs_fact(s, "edits", release) : NULL;

	return text ? json_loads(text, 0, NULL) : NULL;
}

/* Folders on the way to a path below an open one. */
static int make_parents(int folder, const char *path)
{
	for (const char *p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {
		char *part = fs_text("%.*s", (int)(p - path), path);
		const char *name;
		int parent = fs_parent(folder, part, &name), rc = parent < 0 ? -1 : mkdirat(parent, name, 0700);
		bool bad = parent < 0 || (rc && errno != EEXIST);

		if (parent >= 0)
			close(parent);
		free(part);
		if (bad)
			return -1;
	}
	return 0;
}

/* 0: it is kept there; 1: something else is there; -1: the sentence is set. */
static int keep_in(struct fs *s, const char *path, const struct fs_entry *live)
{
	int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), parent = -1, rc = -1;
	struct fs_entry there = {0};
	const char *last;

	if (folder >= 0 && !make_parents(folder, live->path))
		parent = fs_parent(folder, live->path, &last);
	if (parent < 0)
		s->host->fail(s->call, "cannot keep %s/%s aside in %s: %s", s->live_at, live->path, path, strerror(errno));
	else
		rc = fs_look(s, folder, live->path, &there);
	if (!rc && there.type)
		rc = !fs_same(&there, live, s->owners);
	else if (!rc)
		rc = fs_copy(s, s->live_at, live, parent, last);
	free(there.content);
	if (parent >= 0)
		close(parent);
	if (folder >= 0)
		close(folder);
	return rc;
}

/* In the folder, or where that has another one of an earlier attempt in a folder beside it. */
static int keep_one(struct fs *s, const char *folder, const struct fs_entry *live)
{
	int rc = 1;

	if (live->type == 'd')
		return 0; /* what is in a folder is kept by its own paths */
	for (int i = 1; rc > 0 && i <= NAMES; i++) {
		char *path = i == 1 ? run_copy(folder) : fs_text("%s~%d", folder, i);

		if (i > 1 && mkdir(path, 0700) && errno != EEXIST) {
			s->host->fail(s->call, "cannot make the folder %s: %s", path, strerror(errno));
			rc = -1;
		} else {
			rc = keep_in(s, path, live);
		}
		free(path);
	}
	if (rc > 0)
		s->host->fail(s->call, "cannot keep %s/%s aside: there are %d others of that name", s->live_at, live->path, NAMES);
	return rc ? -1 : 0;
}

/* The edits upon the release that is live, with those that an earlier attempt has kept. */
static int remember(struct fs *s, const struct fs_plan *p, const char *folder)
{
	json_t *edits = fs_edits(s, s->live), *missing;
	const char *before = json_string_value(json_object_get(edits, "folder"));
	char *text;
	int rc;

	if (!before || strcmp(before, folder)) {
		json_decref(edits);
		edits = json_pack("{s:s, s:[]}", "folder", folder, "missing");
	}
	missing = json_object_get(edits, "missing");
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].missing)
			json_array_append_new(missing, json_string(p->v[i].live->path)); /* NULL where the name is not UTF-8: not appended, and told above */
	text = edits ? json_dumps(edits, JSON_COMPACT) : NULL;
	rc = text && s->live ? fs_fact_set(s, "edits", s->live, text) : 0;
	free(text);
	json_decref(edits);
	return rc;
}

static void tell(struct fs *s, const struct fs_plan *p, const char *folder)
{
	char *a = run_quote(folder), *b = run_quote(s->live_at), *command = fs_text("diff -ru %s %s", a, b), text[FS_TEXT];

	s->host->log(s->call, FB_LOG_WARNING, "%zu path%s of %s that people had changed %s kept in %s", p->edits, p->edits == 1 ? "" : "s", s->live_at, p->edits == 1 ? "is" : "are", folder);
	snprintf(text, sizeof text, "people had changed files of %s in %s: bring these changes into a release, they are kept aside", s->call->service, s->live_at);
	s->host->advise(s->call, text, command);
	free(command);
	free(a);
	free(b);
}

static int keep_all(struct fs *s, const struct fs_plan *p, const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = fd < 0 ? -1 : 0;

	if (rc)
		s->host->fail(s->call, "cannot open the folder %s: %s", folder, strerror(errno));
	for (size_t i = 0; !rc && i < p->n; i++)
		if (p->v[i].edited)
			rc = keep_one(s, folder, p->v[i].live);
	if (!rc && syncfs(fd)) {
		s->host->fail(s->call, "cannot write %s to the disk: %s", folder, strerror(errno));
		rc = -1;
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

int fs_aside(struct fs *s, const struct fs_plan *p)
{
	char *below, *folder;
	int rc;

	if (!p->edits) /* what was kept of an earlier time is no longer what people had changed */
		return s->live && !fs_tree_mixed(s) && fs_fact(s, "edits", s->live) ? fs_fact_set(s, "edits", s->live, NULL) : 0;
	below = fs_text("aside/%s.%s", s->call->execution, s->live ? s->live : "-");
	rc = fs_make_own(s, below, &folder);
	free(below);
	if (rc)
		return -1;
	rc = keep_all(s, p, folder) || remember(s, p, folder) ? -1 : 0;
	if (!rc)
		tell(s, p, folder);
	free(folder);
	return rc;
}
