/* SPDX-License-Identifier: Apache-2.0 */
/* Owns help, from the table of commands. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static void put_options(FILE *out, const struct fb_option_def *o)
{
	for (; o && o->name; o++) {
		struct fb_text t = {0};
		if (o->letter)
			fb_text_printf(&t, "  -%c, --%s", o->letter, o->name);
		else
			fb_text_printf(&t, "      --%s", o->name);
		if (o->arg)
			fb_text_printf(&t, o->optional ? "[=%s]" : " %s", o->arg);
		fprintf(out, t.n > 27 ? "%s\n%29s%s\n" : "%-28s %s%s\n", t.p, t.n > 27 ? "" : o->summary, t.n > 27 ? o->summary : "");
		fb_text_clear(&t);
	}
}

void fb_help_all(FILE *out)
{
	fputs("Usage: failback [OPTION…] COMMAND\n\n"
	      "Deploys by a plan, and when that fails returns every service to its last known good release.\n\nCommands:\n",
	      out);
	for (const struct fb_command *c = fb_commands; c->name; c++)
		fprintf(out, "  %-15s %s\n", c->name, c->summary);
	fputs("\nOptions, before or after the command:\n", out);
	put_options(out, fb_global_options);
	fputs("\nExit codes:\n"
	      "  0 done · 1 failed, nothing was changed · 3 failed and recovered · 4 recovery incomplete: a person is needed\n"
	      "  5 refused · 6 waiting for approval · 7 interrupted, can be resumed · 64 usage · 65 configuration\n"
	      "  69 a plugin was refused · 70 our own bug · 74 journal unreadable · 130 stopped\n\n"
	      "'failback help COMMAND' says more, failback(1) says all.\n",
	      out);
}

void fb_help_command(FILE *out, const struct fb_command *c)
{
	struct fb_style style = {.width = 100, .utf8 = true};
	struct fb_text t = {0};
	fprintf(out, "Usage: failback %s%s%s%s\n\n", c->name, c->options ? " [OPTION…]" : "", *c->operands ? " " : "", c->operands);
	fb_style_wrap(&style, &t, c->text, 0);
	fprintf(out, "%s\n", t.p);
	fb_text_clear(&t);
	if (c->options) {
		fputs("\nOptions:\n", out);
		put_options(out, c->options);
	}
	fputs("\nExamples:\n", out);
	for (const char *p = c->examples; *p; p += strcspn(p, "\n") + 1)
		fprintf(out, "  %.*s\n", (int)strcspn(p, "\n"), p);
	fputs("\nOptions of all commands: 'failback --help'.\n", out);
}

int fb_cmd_help(struct fb_cli *cli)
{
	char *name;
	const struct fb_command *c;
	if (cli->operand_count == 0) {
		fb_help_all(stdout);
		return FB_EXIT_DONE;
	}
	name = cli->operand_count == 2 ? fb_asprintf("%s %s", cli->operands[0], cli->operands[1]) : fb_strdup(cli->operands[0]);
	c = fb_cli_find(name);
	if (c) {
		fb_help_command(stdout, c);
		fb_free(name);
		return FB_EXIT_DONE;
	}
	int n = 0;
	for (c = fb_commands; cli->operand_count == 1 && c->name; c++)
		if (fb_has_prefix(c->name, name) && c->name[strlen(name)] == ' ') {
			if (n++)
				putchar('\n');
			fb_help_command(stdout, c);
		}
	if (n == 0)
		n = -fb_cli_fail(cli, FB_EXIT_USAGE, "there is no command '%s'; 'failback --help' lists them", name);
	fb_free(name);
	return n < 0 ? -n : FB_EXIT_DONE;
}
