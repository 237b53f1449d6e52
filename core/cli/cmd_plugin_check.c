/* SPDX-License-Identifier: Apache-2.0 */
/* failback plugin check: reads what is asked for and lets a process of its own make the check, in a folder that is removed after it. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/redact.h"
#include "cli/check/check.h"
#include "cli/cli.h"

#define WITHIN_MS 10000

static volatile sig_atomic_t child;

static void pass_on(int sig)
{
	if (child > 0)
		kill((pid_t)child, sig);
}

static void try_it(struct fb_check_run *c)
{
	long owner;

	if (!fb_check_file(c) || !fb_check_descriptor(c))
		return;
	fb_check_refusals(c);
	if (!fb_check_values(c))
		return;
	fb_world_enter(&c->world, c->network, &owner);
	if (owner >= 0)
		c->trusted = owner;
	fb_check_operations(c);
	fb_check_full_disk(c);
	fb_check_leaks(c);
}

/* In the child: everything, and the answer. */
static int check_all(struct fb_check_run *c)
{
	int code;

	try_it(c);
	code = fb_check_print(c);
	fb_world_clear(&c->world);
	fb_redactor_free(c->redactor);
	json_decref(c->asked);
	json_decref(c->options);
	json_decref(c->descriptor);
	json_decref(c->lines);
	fb_free(c->kind);
	fb_free(c->name);
	return code;
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return WTERMSIG(status) == SIGINT || WTERMSIG(status) == SIGTERM ? FB_EXIT_STOPPED : FB_EXIT_BUG;
}

static int in_a_child(struct fb_check_run *c)
{
	struct sigaction pass = {.sa_handler = pass_on};
	pid_t pid, parent = getpid();
	int code;

	fflush(NULL);
	sigaction(SIGINT, &pass, NULL);
	sigaction(SIGTERM, &pass, NULL);
	pid = fork();
	if (pid == 0) {
		signal(SIGINT, SIG_DFL);
		signal(SIGTERM, SIG_DFL);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(FB_EXIT_STOPPED);
		code = check_all(c);
		fb_cli_close(c->cli);
		exit(code);
	}
	if (pid < 0)
		return fb_cli_fail(c->cli, FB_EXIT_FAILED, "cannot fork: %s", strerror(errno));
	child = (sig_atomic_t)pid;
	code = wait_for(pid);
	if (code == FB_EXIT_BUG)
		return fb_cli_fail(c->cli, code, "the check has ended in the middle: this is a mistake of failback's own");
	return code;
}

static int read_request(struct fb_cli *cli, struct fb_check_run *c, char *real)
{
	const char *within = fb_cli_option(cli, "within");
	struct fb_err err = {0};

	c->within_ms = WITHIN_MS;
	c->network = fb_cli_option(cli, "network") != NULL;
	if (within && (fb_duration_parse(within, 0, &c->within_ms, &err) < 0 || c->within_ms < 1))
		return fb_cli_fail(cli, FB_EXIT_USAGE, "--within '%s' is no time such as \"10s\" or \"500ms\"", within);
	if (!realpath(cli->operands[0], real))
		return fb_cli_fail(cli, FB_EXIT_USAGE, "cannot find %s: %s; give the file of a plugin, such as ./notifier-mine.so", cli->operands[0], strerror(errno));
	c->path = real;
	return 0;
}

int fb_cmd_plugin_check(struct fb_cli *cli)
{
	struct fb_check_run c = {.cli = cli, .host_program = fb_cli_host_program()};
	const char *tmp = getenv("TMPDIR");
	char real[PATH_MAX], *base;
	int code = fb_cli_config(cli);

	if (code == 0)
		code = read_request(cli, &c, real);
	if (code)
		return code;
	c.trusted = fb_config_trusted_owner(cli->config);
	base = fb_asprintf("%s/failback-check-XXXXXX", tmp && *tmp == '/' ? tmp : "/tmp");
	if (!mkdtemp(base)) {
		code = fb_cli_fail(cli, FB_EXIT_FAILED, "cannot make a folder for the check, %s: %s", base, strerror(errno));
		fb_free(base);
		return code;
	}
	c.world.base = base;
	c.dir = fb_asprintf("%.*s", (int)(strrchr(real, '/') == real ? 1 : strrchr(real, '/') - real), real);
	c.lines = json_array();
	code = in_a_child(&c);
	fb_io_remove_tree(base);
	json_decref(c.lines);
	fb_free(c.dir);
	fb_free(base);
	return code;
}
