/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the reading of the command line: options before and after the command word, by the table of commands. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

#define MOST_OPTIONS 32

struct table {
	struct option longs[MOST_OPTIONS + 1];
	const struct fb_option_def *defs[MOST_OPTIONS];
	char shorts[MOST_OPTIONS * 3 + 4];
	int n;
	bool own_from[MOST_OPTIONS]; /* the command's own, not a global one */
};

static void add_options(struct table *t, const struct fb_option_def *defs, bool own)
{
	for (; defs && defs->name && t->n < MOST_OPTIONS; defs++) {
		size_t at = strlen(t->shorts);
		t->defs[t->n] = defs;
		t->own_from[t->n] = own;
		t->longs[t->n] = (struct option){defs->name, defs->optional ? optional_argument : defs->arg ? required_argument : no_argument, NULL, 256 + t->n};
		t->n++;
		if (defs->letter) {
			t->shorts[at] = defs->letter;
			if (defs->arg)
				t->shorts[at + 1] = ':';
		}
	}
}

const char *fb_cli_option(const struct fb_cli *cli, const char *name)
{
	for (int i = cli->value_count; i-- > 0;)
		if (strcmp(cli->values[i].name, name) == 0)
			return cli->values[i].value;
	return NULL;
}

const struct fb_command *fb_cli_find(const char *name)
{
	for (const struct fb_command *c = fb_commands; c->name; c++)
		if (fb_streq(c->name, name))
			return c;
	return NULL;
}

static int take(struct fb_cli *cli, const struct fb_option_def *def, bool own, const char *value)
{
	size_t dirs = 0;
	if (own) {
		if (cli->value_count == FB_CLI_VALUES)
			return fb_cli_fail(cli, FB_EXIT_USAGE, "too many options; give each one once");
		cli->values[cli->value_count].name = def->name;
		cli->values[cli->value_count++].value = value ? value : "";
		return 0;
	}
	switch (def->letter ? def->letter : def->name[0]) {
	case 'c': cli->request.file = value; break;
	case 'e': cli->request.environment = value; break;
	case 's': cli->request.state_dir = value; break;
	case 'r': cli->request.runtime_dir = value; break;
	case 'p':
		while (cli->plugin_dirs[dirs])
			dirs++;
		if (dirs == FB_CLI_PLUGIN_DIRS)
			return fb_cli_fail(cli, FB_EXIT_USAGE, "--plugin-dir was given more than %d times", FB_CLI_PLUGIN_DIRS);
		cli->plugin_dirs[dirs] = value;
		cli->request.plugin_dirs = cli->plugin_dirs;
		break;
	case 'j': cli->json = true; break;
	case 'd': cli->dry_run = true; break;
	case 'v': cli->verbose = true; break;
	case 'h': cli->help = true; break;
	case 'V': puts("failback " PACKAGE_VERSION); exit(FB_EXIT_DONE);
	}
	return 0;
}

static int unknown_option(struct fb_cli *cli, const struct table *t, const char *text)
{
	const char *names[MOST_OPTIONS + 1] = {0}, *near;
	char word[64];
	const char *of = cli->command ? cli->command->name : NULL;
	for (int i = 0; i < t->n; i++)
		names[i] = t->defs[i]->name;
	snprintf(word, sizeof word, "%.*s", (int)strcspn(text, "="), text + (text[0] == '-') + (text[0] == '-' && text[1] == '-'));
	word[strcspn(word, "=")] = 0;
	near = strlen(word) > 1 ? fb_nearest(word, names) : NULL;
	if (near)
		return fb_cli_fail(cli, FB_EXIT_USAGE, "unknown option '%s'; did you mean --%s?", text, near);
	return fb_cli_fail(cli, FB_EXIT_USAGE, "unknown option '%s'; see 'failback %s%s--help'", text, of ? of : "", of ? " " : "");
}

/* Reads options from optind on. With stop: up to the first word that is none. */
static int read_options(struct fb_cli *cli, int argc, char **argv, bool stop)
{
	struct table t = {.shorts = {stop ? '+' : ':', stop ? ':' : 0}};
	int c, code = 0;
	add_options(&t, fb_global_options, false);
	add_options(&t, cli->command ? cli->command->options : NULL, true);
	opterr = 0;
	while (code == 0) {
		int found = -1;
		c = getopt_long(argc, argv, t.shorts, t.longs, NULL);
		if (c == -1)
			break;
		const char *text = argv[optind - 1];
		if (c == ':') {
			code = fb_cli_fail(cli, FB_EXIT_USAGE, "option '%s' needs a value; see 'failback %s%s--help'", text, cli->command ? cli->command->name : "",
					   cli->command ? " " : "");
			break;
		}
		if (c == '?') {
			char letter[3] = {'-', (char)optopt, 0};
			bool value_unwanted = optopt >= 256;
			code = value_unwanted ? fb_cli_fail(cli, FB_EXIT_USAGE, "option '--%s' takes no value", t.defs[optopt - 256]->name)
					      : unknown_option(cli, &t, optopt > 0 && optopt < 128 ? letter : text);
			break;
		}
		for (int i = 0; i < t.n && found < 0; i++)
			if (c == 256 + i || (t.defs[i]->letter && c == t.defs[i]->letter))
				found = i;
		if (found >= 0 && t.defs[found]->optional && !optarg && optind < argc && argv[optind][0] != '-')
			optarg = argv[optind++];
		if (found >= 0)
			code = take(cli, t.defs[found], t.own_from[found], optarg);
	}
	return code;
}

static int unknown_command(struct fb_cli *cli, const char *first, const char *second)
{
	const char *names[64] = {0}, *near;
	char *word = second ? fb_asprintf("%s %s", first, second) : fb_strdup(first);
	int n = 0, code;
	for (const struct fb_command *c = fb_commands; c->name && n < 63; c++)
		names[n++] = c->name;
	near = fb_nearest(word, names);
	if (near)
		code = fb_cli_fail(cli, FB_EXIT_USAGE, "unknown command '%s'; did you mean 'failback %s'?", word, near);
	else
		code = fb_cli_fail(cli, FB_EXIT_USAGE, "unknown command '%s'; 'failback --help' lists them", word);
	fb_free(word);
	return code;
}

/* Is word the first of two, as in "plan show"? The text of the choices goes to ret. */
static bool is_group(const char *word, struct fb_text *ret)
{
	size_t length = strlen(word);
	for (const struct fb_command *c = fb_commands; c->name; c++)
		if (strncmp(c->name, word, length) == 0 && c->name[length] == ' ')
			fb_text_printf(ret, "%sfailback %s", ret->n ? ", " : "", c->name);
	return ret->n > 0;
}

static int read_command(struct fb_cli *cli, int argc, char **argv)
{
	struct fb_text choices = {0};
	const char *first = argv[optind++];
	int code = 0;
	cli->command = fb_cli_find(first);
	if (!cli->command && is_group(first, &choices)) {
		code = read_options(cli, argc, argv, true);
		if (code == 0 && optind >= argc) {
			if (cli->help) {
				fb_help_all(stdout);
				exit(FB_EXIT_DONE);
			}
			code = fb_cli_fail(cli, FB_EXIT_USAGE, "'%s' needs a second word: %s", first, choices.p);
		} else if (code == 0) {
			char *name = fb_asprintf("%s %s", first, argv[optind]);
			cli->command = fb_cli_find(name);
			fb_free(name);
			if (!cli->command)
				code = unknown_command(cli, first, argv[optind]);
			optind++;
		}
	} else if (!cli->command) {
		code = unknown_command(cli, first, NULL);
	}
	fb_text_clear(&choices);
	return code;
}

static int check_operands(struct fb_cli *cli)
{
	const struct fb_command *c = cli->command;
	if (cli->operand_count < c->min)
		return fb_cli_fail(cli, FB_EXIT_USAGE, "'failback %s' needs %s; see 'failback %s --help'", c->name, c->operands, c->name);
	if (c->max >= 0 && cli->operand_count > c->max)
		return fb_cli_fail(cli, FB_EXIT_USAGE, "'failback %s' does not take '%s'; see 'failback %s --help'", c->name, cli->operands[c->max], c->name);
	if (cli->dry_run && c->changes && !c->dry_run)
		return fb_cli_fail(cli, FB_EXIT_USAGE, "'failback %s' has no dry run; nothing was done", c->name);
	return 0;
}

int fb_cli_parse(struct fb_cli *cli, int argc, char **argv)
{
	int code;
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		cli->json |= strcmp(argv[i], "--json") == 0; /* known before the first error is told */
	optind = 0;
	code = read_options(cli, argc, argv, true);
	if (code == 0 && optind < argc) {
		code = read_command(cli, argc, argv);
		if (code == 0) {
			int from = optind - 1; /* getopt takes the place of argv[0] for the program's name */
			optind = 0;
			code = read_options(cli, argc - from, argv + from, false);
			cli->operands = argv + from + optind;
			cli->operand_count = argc - from - optind;
		}
	}
	if (code == 0 && cli->command && !cli->help)
		code = check_operands(cli);
	return code;
}
