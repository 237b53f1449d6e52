/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For plugins that run commands: reads an option of type command, makes an environment, and says in a few words what became of a command. Compiled
 * into each plugin that uses it. Knows only the public header.
 */
#ifndef FB_PLUGINS_COMMON_RUN_H
#define FB_PLUGINS_COMMON_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "failback/plugin.h"

struct run_spec {
	struct fb_command command; /* for host->run; points into what follows */
	char *shell;
	char **argv;        /* ends in NULL */
	char **environment; /* ends in NULL */
	char *directory, *input;
};

/* Reads option path ("run") into *ret: false when it is not set. run_clear in either case. */
bool run_option(const struct fb_call *call, const char *path, struct run_spec *ret);
bool run_is_set(const struct fb_call *call, const char *path);
/* NAME=value; nothing is added when value is NULL. */
void run_add_environment(struct run_spec *s, const char *name, const char *value);
/* Every entry of a map option. */
void run_add_map(const struct fb_call *call, struct run_spec *s, const char *path);
void run_set_directory(struct run_spec *s, const char *directory); /* NULL: none */
void run_set_input(struct run_spec *s, const char *input);         /* NULL: none */
void run_clear(struct run_spec *s);

/* What to call the command in a message: its text or words, cut to fit. Returns buf. */
char *run_show(const struct run_spec *s, char *buf, size_t size);
/* "exit code 3", "killed by SIGKILL", "not finished after 2.5 s, and ended". Returns buf. */
char *run_outcome(const struct fb_command_result *r, char *buf, size_t size);
/* The line of the output that says most, made printable: the last that looks like an error, else the last that is not blank, else "". Returns buf. */
char *run_line(const char *output, size_t output_size, char *buf, size_t size);
/* ": <line>" or "", for the end of a sentence. */
char *run_line_after(const struct fb_command_result *r, char *buf, size_t size);
/* "SIGKILL" or "signal 40". Returns buf. */
char *run_signal_name(int signal, char *buf, size_t size);
/* A word for /bin/sh, in quotes where it needs them; to be freed. */
char *run_quote(const char *word);
/* A copy; the plugin ends when there is no memory, which costs this call only. */
char *run_copy(const char *s);
/* Copies printable UTF-8 only (other bytes become '?'), cut between characters. Returns buf. */
char *run_printable(const char *s, size_t n, char *buf, size_t size);

#endif
