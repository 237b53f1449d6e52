/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failback-store --store DIR COMMAND ...: the store as a program, so that what is linked for it (zstd, nettle) is linked nowhere else. Its arguments, answers and
 * codes are failback-store(8). It knows the command line; what is done is in the files beside it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/commands.h"

static const struct {
	const char *name;
	int (*run)(struct fb_store_args *args, json_t **ret, struct fb_err *err);
	const char *takes; /* options beside --store, --key-file, --passphrase-file and --progress; "!": needed */
} commands[] = {
	{"init", fb_command_init, "encryption"},
	{"put", fb_command_put, "set! item! kind! secret source meta owner tree exclude file stdin command rehash"},
	{"seal", fb_command_seal, "set! meta"},
	{"list", fb_command_list, "at"},
	{"show", fb_command_show, "set! item files digest at"},
	{"verify", fb_command_verify, "set! item digest at"},
	{"restore", fb_command_restore, "set! item! only to stdout command in-place delete dry-run digest"},
	{"export", fb_command_export, "set! item to! digest"},
	{"remove", fb_command_remove, "set! dry-run"},
	{"key change", fb_command_key_change, "new-key-file new-passphrase-file"},
	{"prune", fb_command_prune, "keep remove dry-run at"},
	{"push", fb_command_push, "set digest at"},
	{"pull", fb_command_pull, "set digest into at"},
};

static void usage(FILE *to)
{
	fputs("usage: failback-store --store DIR [--key-file FILE | --passphrase-file FILE] [--progress] [--answer FILE] COMMAND ...\n"
	      "  init [--encryption all|secrets|none]\n"
	      "  put --set ID --item NAME --kind KIND [--secret] [--source TEXT] [--meta KEY=VALUE]... [--owner PID[:START]]\n"
	      "      (--tree PATH... [--exclude PATTERN]... | --file PATH | --stdin | --command -- PROGRAM ARGUMENT...) [--rehash]\n"
	      "  seal --set ID [--meta KEY=VALUE]...\n"
	      "  list [--at LOCATION]\n"
	      "  show --set ID [--item NAME [--files]] [--digest HEX] [--at LOCATION]\n"
	      "  verify --set ID [--item NAME] [--digest HEX] [--at LOCATION]\n"
	      "  restore --set ID --item NAME [--only PATH]... (--to DIR | --in-place | --stdout | --command -- PROGRAM ARGUMENT...)\n"
	      "      [--delete] [--dry-run] [--digest HEX]\n"
	      "  export --set ID [--item NAME] --to FILE.tar.zst [--digest HEX]\n"
	      "  remove --set ID [--dry-run]\n"
	      "  key change --new-key-file FILE | --new-passphrase-file FILE\n"
	      "  prune [--keep ID... | --remove ID...] [--dry-run] [--at LOCATION]\n"
	      "  push LOCATION [--set ID [--digest HEX]]...\n"
	      "  pull LOCATION [--set ID [--digest HEX]]... [--into DIR]\n"
	      "LOCATION: /DIR, s3://BUCKET[/PREFIX], ssh://[USER@]HOST[:PORT]/DIR, or - for a JSON object on standard input\n"
	      "failback-store(8) says what they do.\n",
	      to);
}

/* 0, or -1 with errno */
static int put_answer(json_t *answer, const char *path)
{
	FILE *to = path ? fopen(path, "we") : stdout;
	int r = to ? json_dumpf(answer, to, JSON_INDENT(1) | JSON_SORT_KEYS) : -1;

	json_decref(answer);
	if (r == 0 && (putc('\n', to) == EOF || fflush(to) == EOF))
		r = -1;
	if (to && path && fclose(to) == EOF)
		r = -1;
	return r;
}

static int run(struct fb_store_args *args, size_t i)
{
	struct fb_err err = {0};
	json_t *answer = NULL;
	int r = fb_store_args_check(args, commands[i].name, commands[i].takes, &err);

	if (r == 0)
		r = commands[i].run(args, &answer, &err);
	if (answer && put_answer(answer, args->answer) < 0) {
		fprintf(stderr, "failback-store: cannot write the answer to %s: %s\n", args->answer ? args->answer : "standard output", strerror(errno));
		return FB_STORE_IO;
	}
	if (r < 0) {
		fprintf(stderr, "failback-store: %s\n", err.text);
		return err.code ? err.code : FB_STORE_BUG;
	}
	return r;
}

int main(int argc, char **argv)
{
	struct fb_store_args args = {0};
	struct fb_err err = {0};
	struct rlimit files, none = {0};
	int r = FB_STORE_USAGE, fd;

	if (fb_store_link(argv, &err) < 0) {
		fprintf(stderr, "failback-store: %s\n", err.text);
		return err.code;
	}
	while ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0 && fd <= STDERR_FILENO)
		; /* what was closed: nothing of the store shall be what is printed to */
	if (fd >= 0)
		close(fd);
	args.program.umask = umask(077);
	setrlimit(RLIMIT_CORE, &none); /* keys */
	if (sodium_init() < 0) {
		fputs("failback-store: libsodium does not start\n", stderr);
		return FB_STORE_BUG;
	}
	if (getrlimit(RLIMIT_NOFILE, &args.program.files) == 0) { /* a deep tree is as many open folders */
		files = args.program.files;
		files.rlim_cur = files.rlim_max < 65536 ? files.rlim_max : 65536;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (argc == 2 && !strcmp(argv[1], "--help")) {
		usage(stdout);
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		puts("failback-store " PACKAGE_VERSION);
		return 0;
	}
	if (fb_store_args_parse(&args, argc, argv, &err) < 0) {
		fprintf(stderr, "failback-store: %s\n", err.text);
	} else {
		size_t i;

		for (i = 0; i < sizeof commands / sizeof *commands && !fb_streq(commands[i].name, args.command); i++)
			;
		if (i < sizeof commands / sizeof *commands)
			r = run(&args, i);
		else
			usage(stderr);
	}
	fb_store_args_clear(&args);
	return r;
}
