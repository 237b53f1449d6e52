/* SPDX-License-Identifier: Apache-2.0 */
/* The command. Everything it can do stands in commands.c. */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

int main(int argc, char **argv)
{
	struct fb_cli cli = {0};
	int code;
	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN); /* a reader that goes away must not end us in the middle of something */
	cli.out = fb_style_of(STDOUT_FILENO);
	cli.err = fb_style_of(STDERR_FILENO);
	if (argc > 1 && strcmp(argv[1], "__complete") == 0)
		return fb_cmd_complete(&cli, argc - 2, argv + 2);
	code = fb_cli_parse(&cli, argc, argv);
	if (code == 0 && cli.help && cli.command)
		fb_help_command(stdout, cli.command);
	else if (code == 0 && cli.help)
		fb_help_all(stdout);
	else if (code == 0 && !cli.command)
		code = fb_cli_fail(&cli, FB_EXIT_USAGE, "no command was given; 'failback --help' lists them");
	else if (code == 0)
		code = cli.command->run(&cli);
	fb_cli_close(&cli);
	if (fflush(stdout) != 0 && code == 0)
		code = FB_EXIT_JOURNAL;
	return code;
}
