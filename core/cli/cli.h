/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of the command: what was asked for on the command line, the configuration and the journal once they are open, and how
 * answers and errors leave. Commands return the exit code.
 */
#ifndef FB_CLI_H
#define FB_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "cli/style.h"
#include "config/config.h"
#include "journal/journal.h"
#include "recovery/engine.h"

#define FB_CLI_PLUGIN_DIRS 16
#define FB_CLI_VALUES 64

struct fb_option_def {
	const char *name;
	char letter;         /* 0: none */
	const char *arg;     /* "FILE"; NULL: takes none */
	bool optional;       /* the argument may be left out */
	const char *summary; /* one line, no full stop */
};

struct fb_cli;

/* One command: parsing, help and completion come from this alone. */
struct fb_command {
	const char *name;     /* "deploy", "plan show" */
	const char *operands; /* "PLAN", "[ID]", "" */
	int min, max;         /* operands; max -1: any number */
	const char *summary;
	const char *text;     /* a paragraph or two for its help */
	const char *examples; /* lines, each "command\n" */
	const char *complete; /* what an operand is: file, execution, service, backup, plugin, kind, command, "" */
	bool changes;         /* has effects: --dry-run means something or is refused */
	bool dry_run;         /* knows --dry-run */
	const struct fb_option_def *options; /* ends with a zero entry; NULL: none */
	int (*run)(struct fb_cli *cli);
};
extern const struct fb_command fb_commands[]; /* ends with a zero entry */
extern const struct fb_option_def fb_global_options[];

struct fb_cli {
	struct fb_config_request request;
	const char *plugin_dirs[FB_CLI_PLUGIN_DIRS + 1];
	bool json, dry_run, verbose, help;
	const struct fb_command *command;
	struct {
		const char *name, *value;
	} values[FB_CLI_VALUES];
	int value_count;
	char **operands; /* ends in NULL */
	int operand_count;
	struct fb_style out; /* standard output */
	struct fb_style err; /* standard error */
	struct fb_config *config;
	struct fb_journal *journal;
};

/* ---- the command line (options.c) ---- */
/* Fills cli. 0: run cli->command (NULL: none was given); else the exit code, the message is printed. */
int fb_cli_parse(struct fb_cli *cli, int argc, char **argv) FB_MUST_USE;
/* The value of a command's own option: "" for one without argument, NULL when it was not given. */
const char *fb_cli_option(const struct fb_cli *cli, const char *name);
const struct fb_command *fb_cli_find(const char *name);

/* ---- help (help.c) ---- */
void fb_help_all(FILE *out);
void fb_help_command(FILE *out, const struct fb_command *c);
int fb_cmd_help(struct fb_cli *cli);
/* For bash, hidden: `failback __complete WORD…` prints the words that may follow; `failback __complete @KIND WORD…` those of a kind. */
int fb_cmd_complete(struct fb_cli *cli, int argc, char **argv);

/* ---- leaving and entering (cli.c) ---- */
void fb_cli_close(struct fb_cli *cli);
/* Prints an error for people on standard error or, with --json, one failback.error/1 document on standard output. Returns the code. */
int fb_cli_fail(struct fb_cli *cli, int code, const char *format, ...) FB_PRINTF(3, 4);
int fb_cli_fail_err(struct fb_cli *cli, const struct fb_err *err);
int fb_cli_fail_errs(struct fb_cli *cli, const struct fb_errs *errs, int code);
int fb_cli_fail_json(struct fb_cli *cli, json_t *errors, int code); /* array of texts; takes the reference */
/* One document on standard output; takes the reference. Returns code, or 74 when it could not be written. */
int fb_cli_print_json(struct fb_cli *cli, json_t *document, int code);
/* A text on standard output; frees it. */
int fb_cli_print(struct fb_cli *cli, struct fb_text *t, int code);
/* Reads the configuration; opens the journal of its state directory. 0, or the exit code with the message printed. */
int fb_cli_config(struct fb_cli *cli) FB_MUST_USE;
int fb_cli_journal(struct fb_cli *cli, unsigned flags) FB_MUST_USE;
/* The execution of an id, alias or unique prefix, NULL: the newest. 0, or the exit code with the message printed. */
int fb_cli_execution(struct fb_cli *cli, const char *id, struct fb_execution *ret) FB_MUST_USE;
/* Where an execution keeps its logs, archive and scratch; to be freed. */
char *fb_cli_execution_folder(const struct fb_cli *cli, const char *execution);
const char *fb_cli_actor(char *buf, size_t size); /* "user NAME" */
const char *fb_cli_host_program(void);
const char *fb_cli_store_program(void);
const char *fb_cli_analyze_program(void);
const char *fb_cli_signatures(void); /* folder of the signatures beside this program; NULL: they are where they were installed */
const char *fb_cli_templates(void); /* folder of the templates of plugins */

/* ---- one file each: cmd_<name>.c ---- */
int fb_cmd_deploy(struct fb_cli *cli);
int fb_cmd_rollback(struct fb_cli *cli);
int fb_cmd_resume(struct fb_cli *cli);
int fb_cmd_stop(struct fb_cli *cli);
int fb_cmd_status(struct fb_cli *cli);
int fb_cmd_history(struct fb_cli *cli);
int fb_cmd_stats(struct fb_cli *cli);
/* "7d" back from now, "2026-01-20", or "2026-01-20T11:00:00Z" (both UTC). 0, or -1 when it is none. */
int fb_cli_since(const char *text, int64_t now_ms, int64_t *ret_ms);
int fb_cmd_show(struct fb_cli *cli);
int fb_cmd_report(struct fb_cli *cli);
int fb_cmd_watch(struct fb_cli *cli);
int fb_cmd_plan_show(struct fb_cli *cli);
int fb_cmd_approve(struct fb_cli *cli);
int fb_cmd_reject(struct fb_cli *cli);
int fb_cmd_config_check(struct fb_cli *cli);
int fb_cmd_doctor(struct fb_cli *cli);
int fb_cmd_plugin_list(struct fb_cli *cli);
int fb_cmd_plugin_show(struct fb_cli *cli);
int fb_cmd_plugin_new(struct fb_cli *cli);
int fb_cmd_plugin_check(struct fb_cli *cli);
int fb_cmd_backup_list(struct fb_cli *cli);
int fb_cmd_backup_show(struct fb_cli *cli);
int fb_cmd_backup_verify(struct fb_cli *cli);
int fb_cmd_backup_restore(struct fb_cli *cli);
int fb_cmd_backup_copy(struct fb_cli *cli);
int fb_cmd_backup_fetch(struct fb_cli *cli);
int fb_cmd_backup_export(struct fb_cli *cli);
int fb_cmd_backup_prune(struct fb_cli *cli);
int fb_cmd_audit_verify(struct fb_cli *cli);
int fb_cmd_analyze(struct fb_cli *cli);
int fb_cmd_notify_test(struct fb_cli *cli);
int fb_cmd_notify_flush(struct fb_cli *cli);
int fb_cmd_cause_confirm(struct fb_cli *cli);
int fb_cmd_cause_correct(struct fb_cli *cli);
int fb_cmd_signatures_lint(struct fb_cli *cli);
int fb_cmd_signatures_test(struct fb_cli *cli);
int fb_cmd_signatures_suggest(struct fb_cli *cli);

#endif
