/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/strategies/git/repo.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/common/run.h"

#define WORDS 40

int repo_git(struct repo *r, const char *index, char **ret_output, ...)
{
	const char *argv[WORDS] = {"git", "-C", r->path, "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "user.name=failback", "-c", "user.email=failback@localhost",
				   "-c", "advice.detachedHead=false", "-c", "gc.auto=0"};
	char variable[4300];
	const char *environment[] = {"GIT_TERMINAL_PROMPT=0", "LC_ALL=C.UTF-8", index ? variable : NULL, NULL};
	struct fb_command command = {.argv = argv, .environment = environment};
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

/* "git add" of all but the file that is not looked at */
static int add_all(struct repo *r, const char *index)
{
	char but[4200];

	snprintf(but, sizeof but, ":(top,exclude,literal)%s", r->ignored ? r->ignored : "");
	return r->ignored ? repo_git(r, index, NULL, "add", "--all", "--", ":/", but, NULL) : repo_git(r, index, NULL, "add", "--all", "--", ":/", NULL);
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

/* Names of what differs between two trees, as members of an object; NULL: line says why they are not known. */
static json_t *changed(struct repo *r, const char *from, const char *to)
{
	char *file = item_place(r->call, "names"), output[4300], *name = NULL;
	json_t *names = NULL;
	size_t room = 0;
	FILE *f = NULL;

	snprintf(output, sizeof output, "--output=%s", file ? file : "");
	if (file && repo_git(r, NULL, NULL, "diff-tree", "-r", "-z", "--no-renames", "--name-only", output, from, to, NULL) == 0)
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

int repo_loses(struct repo *r, const char *now, const char *to, char *path, size_t size)
{
	json_t *local = changed(r, "HEAD", now), *written = changed(r, now, to), *one;
	int loses = local && written ? 0 : -1;
	const char *name;

	json_object_foreach(local, name, one)
		if (!loses && json_object_get(written, name)) {
			run_printable(name, strlen(name), path, size);
			loses = 1;
		}
	json_decref(local);
	json_decref(written);
	return loses;
}

/*
 * All that is not ignored is put into the index first: what the index has and the tree has not is removed with it. HEAD moves last, without the branch that it
 * was on.
 */
int repo_go(struct repo *r, const char *commit, const char *tree, const char *branch)
{
	char ref[600];

	if (add_all(r, NULL) || repo_git(r, NULL, NULL, "read-tree", "--reset", "-u", tree, NULL))
		return -1;
	snprintf(ref, sizeof ref, "refs/heads/%s", branch ? branch : "");
	if (branch ? repo_git(r, NULL, NULL, "symbolic-ref", "-m", "failback: back", "HEAD", ref, NULL) || repo_git(r, NULL, NULL, "update-ref", "-m", "failback: back", ref, commit, NULL)
		   : repo_git(r, NULL, NULL, "update-ref", "--no-deref", "-m", "failback: back", "HEAD", commit, NULL))
		return -1;
	if (repo_git(r, NULL, NULL, "read-tree", "HEAD", NULL))
		return -1;
	repo_git(r, NULL, NULL, "update-index", "-q", "--refresh", NULL); /* its answer only says whether there are changes */
	return 0;
}
