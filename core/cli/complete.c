/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the words for bash completion: commands and options from their table, names from the configuration and the journal. */
#include <string.h>

#include "base/category.h"
#include "cli/backup/sets.h"
#include "cli/cli.h"
#include "cli/pool.h"

#define MOST_EXECUTIONS 50

static void put_plugins(struct fb_cli *cli)
{
	static const char *const kinds[] = {"phase", "strategy", "check", "notifier"};
	struct fb_pool *pool = fb_cli_pool(cli);
	for (size_t k = 0; k < 4; k++)
		for (const char *const *name = fb_pool_names(pool, kinds[k]); name && *name; name++)
			printf("%s-%s\n", kinds[k], *name);
	fb_pool_free(pool);
}

static void put_executions(struct fb_cli *cli)
{
	struct fb_execution_filter filter = {.environment = cli->request.environment, .limit = MOST_EXECUTIONS};
	struct fb_execution *v;
	size_t n;
	if (fb_cli_journal(cli, FB_JOURNAL_READ) != 0 || fb_journal_executions(cli->journal, &filter, &v, &n, NULL) != 0)
		return;
	for (size_t i = 0; i < n; i++)
		puts(v[i].id);
	fb_executions_free(v, n);
}

static void put_backups(struct fb_cli *cli)
{
	struct fb_sets s;
	if (fb_sets_read(cli, FB_JOURNAL_READ, &s) != 0)
		return;
	puts("latest");
	for (size_t i = 0; i < s.n; i++)
		if (s.v[i].sealed)
			puts(s.v[i].id);
	fb_sets_clear(&s);
}

/* Names of a kind; argv[0] stands for the program's name, the rest is the line so far, for its -c and --state-dir. */
static int put_names(struct fb_cli *cli, const char *kind, int argc, char **argv)
{
	static const char *const kinds[] = {"phase", "strategy", "check", "notifier"};
	if (strcmp(kind, "kind") == 0) {
		for (size_t k = 0; k < 4; k++)
			puts(kinds[k]);
		return FB_EXIT_DONE;
	}
	if (strcmp(kind, "category") == 0) {
		for (const char *const *c = fb_categories; *c; c++)
			if (strcmp(*c, "unknown") != 0)
				puts(*c);
		return FB_EXIT_DONE;
	}
	if (fb_cli_parse(cli, argc, argv) != 0 && !cli->command)
		return FB_EXIT_USAGE;
	if (fb_cli_config(cli) != 0)
		return FB_EXIT_CONFIG;
	if (strcmp(kind, "plugin") == 0)
		put_plugins(cli);
	else if (strcmp(kind, "execution") == 0)
		put_executions(cli);
	else if (strcmp(kind, "backup") == 0)
		put_backups(cli);
	else if (strcmp(kind, "service") == 0)
		for (const char *const *name = fb_config_services(cli->config); name && *name; name++)
			puts(*name);
	fb_cli_close(cli);
	return FB_EXIT_DONE;
}

int fb_cmd_complete(struct fb_cli *cli, int argc, char **argv)
{
	const struct fb_command *c;
	const char *first = argc > 0 ? argv[0] : NULL;
	char *two;
	if (first && *first == '@')
		return put_names(cli, first + 1, argc, argv);
	two = first && argc > 1 ? fb_asprintf("%s %s", first, argv[1]) : NULL;
	c = first ? fb_cli_find(first) : NULL;
	if (!c && two)
		c = fb_cli_find(two);
	for (const struct fb_option_def *o = fb_global_options; o->name; o++)
		printf("--%s\n", o->name);
	for (const struct fb_option_def *o = c ? c->options : NULL; o && o->name; o++)
		printf("--%s\n", o->name);
	if (c && *c->complete)
		printf("@%s\n", c->complete);
	for (const struct fb_command *i = fb_commands; !c && i->name; i++) {
		size_t n = first ? strlen(first) : 0;
		if (first && strncmp(i->name, first, n) == 0 && i->name[n] == ' ')
			puts(i->name + n + 1);
		else if (!first)
			printf("%.*s\n", (int)strcspn(i->name, " "), i->name);
	}
	fb_free(two);
	return FB_EXIT_DONE;
}
