/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failback-store --store DIR COMMAND ...: the store as a program, so that what is linked for it (zstd, libarchive) is linked nowhere else. Its arguments, answers and
 * codes are failback-store(8). It knows the command line; what is done is in the files beside it.
 */
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
	{"list", fb_command_list, ""},
	{"show", fb_command_show, "set! item files digest"},
	{"verify", fb_command_verify, "set! item digest"},
	{"restore", fb_command_restore, "set! item! only to stdout command in-place delete dry-run digest"},
	{"export", fb_command_export, "set! item to! digest"},
	{"remove", fb_command_remove, "set! dry-run"},
	{"key change", fb_command_key_change, "new-key-file new-passphrase-file"},
	{"prune", fb_command_prune, "keep remove dry-run"},
};

static void usage(FILE *to)
{
	fputs("usage: failback-store --store DIR [--key-file FILE | --passphrase-file FILE] [--progress] COMMAND ...\n"
	      "  init [--encryption all|secrets|none]\n"
	      "  put --set ID --item NAME --kind KIND [--secret] [--source TEXT] [--meta KEY=VALUE]... [--owner PID[:START]]\n"
	      "      (--tree PATH... [--exclude PATTERN]... | --file PATH | --stdin | --command -- PROGRAM ARGUMENT...) [--rehash]\n"
	      "  seal --set ID [--meta KEY=VALUE]...\n"
	      "  list\n"
	      "  show --set ID [--item NAME [--files]] [--digest HEX]\n"
	      "  verify --set ID [--item NAME] [--digest HEX]\n"
	      "  restore --set ID --item NAME [--only PATH]... (--to DIR | --in-place | --stdout | --command -- PROGRAM ARGUMENT...)\n"
	      "      [--delete] [--dry-run] [--digest HEX]\n"
	      "  export --set ID [--item NAME] --to FILE.tar.zst [--digest HEX]\n"
	      "  remove --set ID [--dry-run]\n"
	      "  key change --new-key-file FILE | --new-passphrase-file FILE\n"
	      "  prune [--keep ID... | --remove ID...] [--dry-run]\n"
	      "failback-store(8) says what they do.\n",
	      to);
}

static int print(json_t *answer)
{
	int r = json_dumpf(answer, stdout, JSON_INDENT(1) | JSON_SORT_KEYS);

	json_decref(answer);
	return r < 0 || putchar('\n') == EOF || fflush(stdout) == EOF ? -1 : 0;
}

static int run(struct fb_store_args *args, size_t i)
{
	struct fb_err err = {0};
	json_t *answer = NULL;
	int r = fb_store_args_check(args, commands[i].name, commands[i].takes, &err);

	if (r == 0)
		r = commands[i].run(args, &answer, &err);
	if (answer && print(answer) < 0) {
		fprintf(stderr, "failback-store: cannot write the answer to standard output\n");
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
