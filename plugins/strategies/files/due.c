/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands after a switch. Of each group the journal has a fact: the digest of the part of a release that it last ran for, or that it is due. What is due is marked
 * before anything is switched, and unmarked when its command has ended well: so a command that has to run does, whoever dies in between.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/strategies/files/files.h"

struct group {
	char name[120];     /* of the fact */
	char run[60];       /* options */
	char paths[60];     /* "": all, and at each switch */
};

static uint32_t count(struct fs *s)
{
	uint32_t n = s->host->option_count(s->call, "affects");

	return n ? n : run_is_set(s->call, "reload") ? 1 : 0;
}

static void group_at(struct fs *s, uint32_t i, struct group *ret)
{
	const char *name;
	char option[60];

	memset(ret, 0, sizeof *ret);
	if (!s->host->option_count(s->call, "affects")) {
		strcpy(ret->name, "reload");
		strcpy(ret->run, "reload");
		return;
	}
	snprintf(option, sizeof option, "affects[%u].name", (unsigned)i);
	snprintf(ret->run, sizeof ret->run, "affects[%u].run", (unsigned)i);
	snprintf(ret->paths, sizeof ret->paths, "affects[%u].paths", (unsigned)i);
	name = s->host->option(s->call, option);
	if (name)
		snprintf(ret->name, sizeof ret->name, "%.100s", name);
	else
		snprintf(ret->name, sizeof ret->name, "%u", (unsigned)i + 1);
}

/* "DIGEST PATTERNS": of the part of a release, and of what says which part that is. */
static void part_of(struct fs *s, const struct group *g, const struct fs_list *l, char ret[2 * FS_HASH])
{
	uint32_t n = *g->paths ? s->host->option_count(s->call, g->paths) : 0;
	char *all = run_copy(""), item[80], hash[FS_HASH];

	for (uint32_t i = 0; i < n; i++) {
		const char *one;
		char *more;

		snprintf(item, sizeof item, "%s[%u]", g->paths, (unsigned)i);
		one = s->host->option(s->call, item);
		more = fs_text("%s%s\n", all, one ? one : "");
		free(all);
		all = more;
	}
	fs_list_digest(s->call, l, *g->paths ? g->paths : NULL, hash);
	snprintf(ret, 2 * FS_HASH, "%s ", hash);
	fs_hash(all, strlen(all), ret + FS_HASH);
	free(all);
}

static bool is_due(struct fs *s, const struct group *g)
{
	const char *ran = fs_fact(s, "ran", g->name);

	return ran && !strcmp(ran, FS_DUE);
}

/* What the fact of a group has to be before the switch. ran: what it is, NULL: nothing; now, then: parts of what will be live and what is ("": not known). */
static const char *mark_of(const struct group *g, const char *ran, const char *then, const char *now, bool changes)
{
	bool other = *then && strcmp(then, now);

	if (ran && !strcmp(ran, FS_DUE))
		return FS_DUE;
	if (!*g->paths && changes)
		return FS_DUE;
	if (ran && strlen(ran) == 2 * FS_HASH - 1 && !strcmp(ran + FS_HASH, now + FS_HASH)) /* of the same patterns */
		return other || strcmp(ran, now) ? FS_DUE : now;
	return *then && !other ? now : FS_DUE; /* not known what it ran for: it is taken that it runs with what is live */
}

int fs_due_mark(struct fs *s, const struct fs_list *from, const struct fs_list *to, bool changes)
{
	uint32_t n = count(s);
	struct group g;

	for (uint32_t i = 0; i < n; i++) {
		char then[2 * FS_HASH] = "", now[2 * FS_HASH];
		const char *ran, *mark;

		group_at(s, i, &g);
		part_of(s, &g, to, now);
		if (from)
			part_of(s, &g, from, then);
		ran = fs_fact(s, "ran", g.name);
		mark = mark_of(&g, ran, then, now, changes);
		if ((!ran || strcmp(ran, mark)) && fs_fact_set(s, "ran", g.name, mark))
			return -1;
	}
	return 0;
}

static int32_t run_one(struct fs *s, const struct group *g, const char *release, const struct fs_list *to)
{
	char *key = fs_text("run/%s", g->name), what[FS_TEXT], part[2 * FS_HASH];
	int32_t leave = fs_leave(s, key, "run %s of %s, for release %s", *g->paths ? g->name : "'reload'", s->call->service, release), answer = FB_OK;

	if (leave == FB_ACT_NO) {
		answer = FB_RETRY;
	} else if (leave != FB_ACT_DRY) {
		snprintf(what, sizeof what, "release %s of %s is in place, but %s%s failed", release, s->call->service, *g->paths ? "the command of group " : "'reload'", *g->paths ? g->name : "");
		answer = fs_run(s, g->run, NULL, release, what, NULL);
		part_of(s, g, to, part);
		if (answer == FB_OK && fs_fact_set(s, "ran", g->name, part))
			answer = FB_RETRY;
		if (answer == FB_OK)
			answer = fs_made(s, key, leave);
	}
	free(key);
	return answer;
}

int32_t fs_due_run(struct fs *s, const char *release, const struct fs_list *to, bool *ret_any)
{
	int32_t answer = FB_OK;
	uint32_t n = count(s);
	struct group g;

	*ret_any = false;
	for (uint32_t i = 0; i < n && answer == FB_OK; i++) {
		group_at(s, i, &g);
		if (!is_due(s, &g)) {
			s->host->log(s->call, FB_LOG_INFO, "group %s is not affected: nothing to run", g.name);
			continue;
		}
		*ret_any = true;
		answer = run_one(s, &g, release, to);
	}
	return answer;
}

const char *fs_due_left(struct fs *s)
{
	static char name[120];
	uint32_t n = count(s);
	struct group g;

	for (uint32_t i = 0; i < n; i++) {
		group_at(s, i, &g);
		if (is_due(s, &g))
			return strcpy(name, g.name);
	}
	return NULL;
}

int32_t fs_due_check(struct fs *s)
{
	uint32_t n = s->host->option_count(s->call, "affects");
	struct group g, other;

	if (n && run_is_set(s->call, "reload")) {
		s->host->fail(s->call, "'reload' and 'affects' are both set for %s: 'reload' runs after each switch, 'affects' what is affected; set one of them", s->call->service);
		return FB_FATAL;
	}
	for (uint32_t i = 0; i < n; i++) {
		group_at(s, i, &g);
		if (!s->host->option_count(s->call, g.paths)) {
			s->host->fail(s->call, "group %s of 'affects' of %s has no paths", g.name, s->call->service);
			return FB_FATAL;
		}
		for (uint32_t k = 0; k < i; k++) {
			group_at(s, k, &other);
			if (!strcmp(g.name, other.name)) {
				s->host->fail(s->call, "two groups of 'affects' of %s are called %s", s->call->service, g.name);
				return FB_FATAL;
			}
		}
	}
	return FB_OK;
}
