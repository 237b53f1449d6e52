/* SPDX-License-Identifier: Apache-2.0 */
/* failback analyze and failback signatures lint, test and suggest: they hand over to failback-analyze, which is linked with what scans. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/cli.h"

#define WORDS (2 * FB_CLI_VALUES + 8)

static void add(const char **v, size_t *n, const char *option, const char *value)
{
	v[(*n)++] = option;
	if (value)
		v[(*n)++] = value;
}

/* Signatures of the build tree, if this is one; else failback-analyze knows where they are. */
static void add_folders(const char **v, size_t *n)
{
	const char *shipped = fb_cli_signatures();

	if (!shipped)
		return;
	add(v, n, "--signatures", shipped);
	add(v, n, "--signatures", "/etc/failback/signatures.d");
}

static int hand_over(struct fb_cli *cli, const char **v)
{
	const char *program = fb_cli_analyze_program();

	v[0] = "failback-analyze";
	execv(program, (char *const *)(uintptr_t)v);
	if (errno == ENOENT)
		return fb_cli_fail(cli, FB_EXIT_PLUGIN, "%s is not there: install the package failback-analyze (apt-get install failback-analyze)", program);
	return fb_cli_fail(cli, FB_EXIT_BUG, "running %s failed: %s", program, strerror(errno));
}

/* The options of the command line that failback-analyze has too, and the signatures. */
static void add_options(const struct fb_cli *cli, const char **v, size_t *n)
{
	static const char *const names[] = {"log", "green", "signatures", "min", "known"}, *const options[] = {"--log", "--green", "--signatures", "--min", "--known"};
	bool own = false;

	for (int i = 0; i < cli->value_count; i++) {
		for (size_t k = 0; k < sizeof names / sizeof *names; k++)
			if (fb_streq(cli->values[i].name, names[k]))
				add(v, n, options[k], cli->values[i].value);
		own |= fb_streq(cli->values[i].name, "signatures");
	}
	if (!own)
		add_folders(v, n);
	if (cli->json)
		add(v, n, "--json", NULL);
}

int fb_cmd_signatures_test(struct fb_cli *cli)
{
	const char *v[WORDS + 1] = {NULL};
	size_t n = 1;

	add(v, &n, "--test", cli->operands[0]);
	add_options(cli, v, &n);
	return hand_over(cli, v);
}

int fb_cmd_signatures_suggest(struct fb_cli *cli)
{
	const char *v[WORDS + 1] = {NULL};
	size_t n = 1;

	if (!fb_cli_option(cli, "log"))
		return fb_cli_fail(cli, FB_EXIT_USAGE, "--log FILE says for which log; - is standard input");
	add(v, &n, "--suggest", NULL);
	add_options(cli, v, &n);
	return hand_over(cli, v);
}

int fb_cmd_analyze(struct fb_cli *cli)
{
	const char *v[WORDS + 1] = {NULL};
	size_t n = 1;

	if (!fb_cli_option(cli, "log"))
		return fb_cli_fail(cli, FB_EXIT_USAGE, "--log FILE says which log to analyze; - is standard input");
	add_options(cli, v, &n);
	if (fb_cli_option(cli, "excerpt") && !cli->json)
		add(v, &n, "--excerpt", NULL);
	return hand_over(cli, v);
}

int fb_cmd_signatures_lint(struct fb_cli *cli)
{
	const char *v[WORDS + 1] = {NULL};
	size_t n = 1;

	add(v, &n, "--lint", NULL);
	if (cli->operand_count > FB_CLI_VALUES)
		return fb_cli_fail(cli, FB_EXIT_USAGE, "at most %d folders can be named", FB_CLI_VALUES);
	for (int i = 0; i < cli->operand_count; i++)
		add(v, &n, "--signatures", cli->operands[i]);
	if (!cli->operand_count)
		add_folders(v, &n);
	if (cli->json)
		add(v, &n, "--json", NULL);
	return hand_over(cli, v);
}
