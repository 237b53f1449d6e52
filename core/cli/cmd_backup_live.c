/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failback backup restore where things live: it writes a plan of one step, phase give-back, and runs that as any deployment, with its backup before, its journal, dry
 * run, approval and recovery. With --plan the plan is only written, to be read and run by hand.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "cli/backup/live.h"
#include "cli/follow.h"

/* A string of libconfig's */
static void put_string(struct fb_text *t, const char *s)
{
	fb_text_puts(t, "\"");
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fb_text_puts(t, "\\");
		if (*s == '\n')
			fb_text_puts(t, "\\n");
		else
			fb_text_add(t, s, 1);
	}
	fb_text_puts(t, "\"");
}

static void put_list(struct fb_text *t, const char *name, const char *const *v, size_t n)
{
	fb_text_printf(t, "%s = [ ", name);
	for (size_t i = 0; i < n; i++) {
		fb_text_puts(t, i ? ", " : "");
		put_string(t, v[i]);
	}
	fb_text_puts(t, " ];");
}

/* The plan's text; services are those of the items. */
static void write_plan(const struct fb_cli *cli, const struct fb_set *set, const char *item, struct fb_text *t)
{
	const char *only[FB_CLI_VALUES], *const *services = (const char *const *)set->services;
	char *service = item ? fb_set_service_of(item) : NULL, when[FB_TIME_SIZE];
	size_t n = 0, service_count = 0;

	while (services[service_count])
		service_count++;
	for (int i = 0; i < cli->value_count; i++)
		if (fb_streq(cli->values[i].name, "only"))
			only[n++] = cli->values[i].value;
	fb_text_printf(t, "# Gives back %s of backup set %s", n ? "single files" : item ? item : "all", set->id);
	fb_text_printf(t, ", made %s%s%s.\n# What is there now is backed up first; when this fails, the recovery puts it back.\n", fb_clock_format(set->created_ms, when),
		       set->release ? " before release " : "", set->release ? set->release : "");
	fb_text_printf(t, "name = \"give-back\";\ntitle = ");
	fb_text_printf(t, "\"Give back %s%s from backup %s\";\n", n ? "files of " : "", item ? item : "everything", set->id);
	put_list(t, "services", service ? (const char *const[]){service} : services, service ? 1 : service_count);
	fb_text_puts(t, "\nwatch_for = \"0s\";\nsteps = ( { name = \"give back\"; title = \"Give back what was backed up\"; phase = \"give-back\"; timeout = \"6h\"; retries = 0; risk = \"high\";\n   set = ");
	put_string(t, set->id);
	fb_text_puts(t, ";");
	if (item) {
		fb_text_puts(t, "\n   ");
		put_list(t, "items", &item, 1);
	}
	if (n) {
		fb_text_puts(t, "\n   ");
		put_list(t, "only", only, n);
	}
	fb_text_puts(t, " } );\n");
	fb_free(service);
}

/* Where the plan goes: where it is asked for; else it is kept beside the journal; a dry run leaves nothing. To be freed. */
static char *place_of(const struct fb_cli *cli, const char *wanted, const struct fb_set *set)
{
	char now[FB_TIME_SIZE];

	if (wanted)
		return fb_strdup(wanted);
	if (cli->dry_run)
		return fb_asprintf("/tmp/failback-give-back-%d.plan", (int)getpid());
	return fb_asprintf("%s/plans/give-back-%s-%s.plan", fb_config_state_dir(cli->config), set->id, fb_clock_format(fb_clock_wall_ms(), now));
}

static int keep(struct fb_cli *cli, const char *path, const struct fb_text *plan, bool replace)
{
	char *folder = fb_strdup(path), *slash = strrchr(folder, '/');
	struct fb_err err = {0};
	int code = 0;

	if (slash && slash != folder && !replace) {
		*slash = 0;
		if (fb_io_make_folders(folder, 0750, &err) < 0)
			code = fb_cli_fail_err(cli, &err);
	}
	if (code == 0 && fb_io_replace_file(path, plan->p, plan->n, 0600, &err) < 0)
		code = fb_cli_fail_err(cli, &err);
	fb_free(folder);
	return code;
}

static int tell(struct fb_cli *cli, const char *path)
{
	struct fb_text t = {0};

	if (cli->json)
		return fb_cli_print_json(cli, json_pack("{s:s, s:s}", "schema", "failback.backup-plan/1", "plan", path), FB_EXIT_DONE);
	fb_text_puts(&t, "the plan is in ");
	fb_style_safe(&cli->out, &t, path);
	fb_text_puts(&t, "\n  look at it:  failback plan show ");
	fb_style_safe(&cli->out, &t, path);
	fb_text_puts(&t, "\n  run it:      failback deploy ");
	fb_style_safe(&cli->out, &t, path);
	fb_text_puts(&t, "\n");
	return fb_cli_print(cli, &t, FB_EXIT_DONE);
}

int fb_backup_live(struct fb_cli *cli, const struct fb_set *set, const char *item)
{
	struct fb_engine_request request = {.kind = "deploy", .approve = fb_cli_option(cli, "approve") != NULL};
	const char *wanted = fb_cli_option(cli, "plan");
	char *path = place_of(cli, wanted, set);
	struct fb_text plan = {0};
	int code;

	write_plan(cli, set, item, &plan);
	code = keep(cli, path, &plan, wanted || cli->dry_run);
	if (code == 0 && wanted) {
		code = tell(cli, path);
	} else if (code == 0) {
		request.plan_file = path;
		fb_journal_close(cli->journal);
		cli->journal = NULL;
		code = fb_follow_launch(cli, &request);
	}
	if (!wanted && cli->dry_run)
		unlink(path);
	fb_text_clear(&plan);
	fb_free(path);
	return code;
}
