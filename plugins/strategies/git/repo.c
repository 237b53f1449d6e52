/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/strategies/git/repo.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/common/run.h"

#define WORDS 40

int repo_git(struct repo *r, const char *index, char **ret_output, ...)
{
	const char *argv[WORDS] = {"git", "-C", r->path, "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "user.name=failback", "-c", "user.email=failback@localhost",
				   "-c", "advice.detachedHead=false", "-c", "gc.auto=0"};
	char variable[4300];
	const char *environment[] = {"GIT_TERMINAL_PROMPT=0", "LC_ALL=C.UTF-8", index ? variable : NULL, NULL};
	int64_t left = r->call->host->remaining_ms(r->call), margin = left / 20 < 200 ? left / 20 : 200;
	struct fb_command command = {.argv = argv, .environment = environment, .timeout_ms = left > margin ? left - margin : 1};
	size_t n = 0;
	va_list ap;

	snprintf(variable, sizeof variable, "GIT_INDEX_FILE=%s", index ? index : "");
	while (argv[n])
		n++;
	va_start(ap, ret_output);
	while (n < WORDS - 1 && (argv[n] = va_arg(ap, const char *)))
		n++;
	va_end(ap);
	return item_ask(r->call, &command, ret_output, r->line);
}

char *repo_id(struct repo *r, const char *name)
{
	char *id = NULL;

	if (repo_git(r, NULL, &id, "rev-parse", "--verify", "--quiet", name, NULL) == 0)
		return id;
	free(id);
	return NULL;
}

char *repo_folder(struct repo *r, const char *which)
{
	char *path = NULL;

	if (repo_git(r, NULL, &path, "rev-parse", "--path-format=absolute", which, NULL) == 0 && *path == '/')
		return path;
	free(path);
	return NULL;
}

/* "git add" of all but the file that is not looked at; it refuses to leave out what .gitignore leaves out already */
static int add_all(struct repo *r, const char *index)
{
	bool named = r->ignored && repo_git(r, index, NULL, "check-ignore", "--quiet", "--", r->ignored, NULL);
	char but[4200];

	snprintf(but, sizeof but, ":(top,exclude,literal)%s", r->ignored ? r->ignored : "");
	return named ? repo_git(r, index, NULL, "add", "--all", "--", ":/", but, NULL) : repo_git(r, index, NULL, "add", "--all", "--", ":/", NULL);
}

char *repo_tree(struct repo *r)
{
	char *index = item_place(r->call, "index"), *tree = NULL;

	if (!index)
		return NULL;
	if (repo_git(r, index, NULL, "read-tree", "HEAD", NULL) || add_all(r, index) || repo_git(r, index, &tree, "write-tree", NULL)) {
		free(tree);
		tree = NULL;
	}
	item_clear(index);
	return tree;
}

char *repo_commit(struct repo *r, const char *tree, const char *message)
{
	char *id = NULL;

	if (repo_git(r, NULL, &id, "commit-tree", tree, "-p", "HEAD", "-m", message, NULL) == 0)
		return id;
	free(id);
	return NULL;
}

/* Names of what differs between two trees in one of these ways (--diff-filter; "": any), as members of an object; NULL: line says why they are not known. */
static json_t *changed(struct repo *r, const char *ways, const char *from, const char *to)
{
	char *file = item_place(r->call, "names"), output[4300], filter[40], *name = NULL;
	json_t *names = NULL;
	size_t room = 0;
	FILE *f = NULL;

	snprintf(output, sizeof output, "--output=%s", file ? file : "");
	snprintf(filter, sizeof filter, "--diff-filter=%s", ways);
	if (file && repo_git(r, NULL, NULL, "diff-tree", "-r", "-z", "--no-renames", "--name-only", filter, output, from, to, NULL) == 0)
		f = fopen(file, "re");
	if (f)
		names = json_object();
	while (f && getdelim(&name, &room, 0, f) > 0)
		json_object_set_new_nocheck(names, name, json_true());
	if (f)
		fclose(f);
	free(name);
	item_clear(file);
	return names;
}

int repo_loses(struct repo *r, const char *now, const char *to, bool new_stays, char *path, size_t size)
{
	json_t *local = changed(r, "", "HEAD", now), *written = changed(r, "", now, to), *added = NULL, *without = NULL, *one;
	int loses = local && written ? 0 : -1;
	const char *name;

	if (new_stays) {
		added = changed(r, "A", "HEAD", now);
		without = changed(r, "D", now, to);
		loses = added && without ? loses : -1;
	}
	json_object_foreach(local, name, one)
		if (!loses && json_object_get(written, name) && !(json_object_get(added, name) && json_object_get(without, name))) {
			run_printable(name, strlen(name), path, size);
			loses = 1;
		}
	json_decref(without);
	json_decref(added);
	json_decref(local);
	json_decref(written);
	return loses;
}

static int set_head(struct repo *r, const char *commit, const char *branch)
{
	char ref[600];

	snprintf(ref, sizeof ref, "refs/heads/%s", branch ? branch : "");
	if (!branch)
		return repo_git(r, NULL, NULL, "update-ref", "--no-deref", "-m", "failback: checkout", "HEAD", commit, NULL);
	return repo_git(r, NULL, NULL, "symbolic-ref", "-m", "failback: back", "HEAD", ref, NULL) || repo_git(r, NULL, NULL, "update-ref", "-m", "failback: back", ref, commit, NULL) ? -1 : 0;
}

/*
 * All that is not ignored is put into the index first: what the index has and the tree has not is removed with it. HEAD moves last, without the branch that it
 * was on.
 */
int repo_go(struct repo *r, const char *commit, const char *tree, const char *branch)
{
	if (add_all(r, NULL) || repo_git(r, NULL, NULL, "read-tree", "--reset", "-u", tree, NULL) || set_head(r, commit, branch) || repo_git(r, NULL, NULL, "read-tree", "HEAD", NULL))
		return -1;
	repo_git(r, NULL, NULL, "update-index", "-q", "--refresh", NULL); /* its answer only says whether there are changes */
	return 0;
}

/* ---- a checkout that may be killed at any moment ---- */

/* Does a process that we may look at hold the file open? */
static bool is_held(const char *path)
{
	DIR *all = opendir("/proc"), *one;
	char name[600], target[4200];
	struct dirent *p, *fd;
	bool held = false;

	while (all && !held && (p = readdir(all))) {
		snprintf(name, sizeof name, "/proc/%.200s/fd", p->d_name);
		one = *p->d_name >= '1' && *p->d_name <= '9' ? opendir(name) : NULL;
		while (one && !held && (fd = readdir(one))) {
			ssize_t n;
			snprintf(name, sizeof name, "/proc/%.200s/fd/%.200s", p->d_name, fd->d_name);
			n = readlink(name, target, sizeof target - 1);
			if (n > 0) {
				target[n] = 0;
				held = !strcmp(target, path);
			}
		}
		if (one)
			closedir(one);
	}
	if (all)
		closedir(all);
	return held;
}

#define LOCK_SETTLES_MS 1000

/* A lock that a git of ours left when it was killed: one that nobody holds open, and that is the same a moment later. -1: it is somebody's, line says so. */
static int unlock(struct repo *r, const char *folder, const char *name)
{
	const struct fb_host *h = r->call->host;
	int64_t enough = h->remaining_ms(r->call) / 2;
	struct stat before, after;
	char path[4400];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	if (lstat(path, &before))
		return 0;
	while (is_held(path))
		if (h->remaining_ms(r->call) <= enough || h->sleep_ms(r->call, LOCK_SETTLES_MS / 5)) {
			snprintf(r->line, sizeof r->line, "another process holds %.400s open: let it end, then try again", path);
			return -1;
		}
	if (h->sleep_ms(r->call, LOCK_SETTLES_MS) || lstat(path, &after) || before.st_ino != after.st_ino || before.st_mtim.tv_nsec != after.st_mtim.tv_nsec)
		return 0;
	if (unlink(path) == 0)
		h->log(r->call, FB_LOG_WARNING, "removed %s, which a checkout that was killed had left", path);
	return 0;
}

/* Its own name is only ever locked by us; the others when a checkout of ours was under way. */
static int unlock_all(struct repo *r, const char *begun, bool was_under_way)
{
	char *own = repo_folder(r, "--absolute-git-dir"), *common = repo_folder(r, "--git-common-dir"), lock[800];
	int bad = !own || !common;

	snprintf(lock, sizeof lock, "%s.lock", begun);
	bad = bad || unlock(r, common, lock);
	if (was_under_way)
		bad = bad || unlock(r, common, "packed-refs.lock") || unlock(r, own, "index.lock") || unlock(r, own, "HEAD.lock");
	free(common);
	free(own);
	return bad;
}

/*
 * An interrupted checkout of another commit is ended first: then the index says what is in the work tree, and nothing of it stays behind. HEAD moves last, and
 * then the mark goes, so that HEAD without the mark says what is there.
 */
int repo_place(struct repo *r, const char *commit, const char *branch, const char *begun)
{
	char *other = repo_id(r, begun);
	int bad = unlock_all(r, begun, other != NULL);

	if (!bad && other && strcmp(other, commit) && repo_git(r, NULL, NULL, "read-tree", "--reset", "-u", other, NULL))
		r->call->host->log(r->call, FB_LOG_WARNING, "the checkout of %.12s in %s, which was interrupted, could not be ended first: %s", other, r->path, r->line);
	free(other);
	bad = bad || repo_git(r, NULL, NULL, "update-ref", begun, commit, NULL) || repo_git(r, NULL, NULL, "read-tree", "--reset", "-u", commit, NULL) || set_head(r, commit, branch);
	if (bad)
		return -1;
	repo_git(r, NULL, NULL, "update-index", "-q", "--refresh", NULL);
	return repo_git(r, NULL, NULL, "update-ref", "-d", begun, NULL);
}

bool repo_is_at(struct repo *r, const char *commit, const char *begun)
{
	char *head = repo_id(r, "HEAD^{commit}"), *under_way = repo_id(r, begun), but[4200];
	bool ret = head && !under_way && !strcmp(head, commit);

	snprintf(but, sizeof but, ":(top,exclude,literal)%s", r->ignored ? r->ignored : "");
	if (ret && r->ignored)
		ret = repo_git(r, NULL, NULL, "diff", "--quiet", "--no-ext-diff", "HEAD", "--", ":/", but, NULL) == 0;
	else if (ret)
		ret = repo_git(r, NULL, NULL, "diff", "--quiet", "--no-ext-diff", "HEAD", "--", ":/", NULL) == 0;
	free(under_way);
	free(head);
	return ret;
}

int repo_prove(struct repo *r, const char *commit)
{
	char *said = NULL;
	int bad = repo_git(r, NULL, &said, "rev-list", "--objects", "--verify-objects", "--no-walk", "--quiet", commit, NULL);

	bad = bad || *said; /* of a wrong hash it only tells */
	free(said);
	return bad ? -1 : 0;
}
