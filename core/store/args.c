/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/commands.h"

enum { STORE = 256, KEY_FILE, PASSPHRASE_FILE, PROGRESS, ANSWER, FIRST };

/* The command's own options: where each goes */
struct option_form {
	const char *name;
	size_t at;
	enum { TEXT, FLAG, LIST } sort;
};
#define AT(field) __builtin_offsetof(struct fb_store_args, field)
static const struct option_form forms[] = {
	{"encryption", AT(encryption), TEXT}, {"set", AT(set), TEXT},	    {"item", AT(item), TEXT},	    {"kind", AT(kind), TEXT},
	{"source", AT(source), TEXT},	      {"file", AT(file), TEXT},	    {"to", AT(to), TEXT},	    {"digest", AT(digest), TEXT},
	{"owner", AT(owner), TEXT},	      {"secret", AT(secret), FLAG}, {"stdin", AT(from_stdin), FLAG}, {"stdout", AT(to_stdout), FLAG},
	{"rehash", AT(rehash), FLAG},	      {"files", AT(files), FLAG},   {"in-place", AT(in_place), FLAG}, {"delete", AT(delete), FLAG},
	{"dry-run", AT(dry_run), FLAG},	      {"tree", AT(tree), LIST},	    {"exclude", AT(exclude), LIST}, {"only", AT(only), LIST},
	{"command", AT(with_program), FLAG},  {"new-key-file", AT(new_key.key_file), TEXT}, {"new-passphrase-file", AT(new_key.passphrase_file), TEXT},
	{"at", AT(at), TEXT},		      {"into", AT(into), TEXT},
	{"keep", AT(keep), LIST},	      {"remove", AT(remove), LIST}, {"meta", AT(meta), LIST},
};
#define FORMS (sizeof forms / sizeof *forms)

/* Is word (of n bytes) one of the words of list, maybe marked as needed? */
static bool has_word(const char *list, const char *word, size_t n)
{
	while (*list) {
		size_t m = strcspn(list, " ");

		if ((m == n || (m == n + 1 && list[n] == '!')) && !strncmp(list, word, n))
			return true;
		list += m + (list[m] == ' ');
	}
	return false;
}

static void add(struct fb_store_list *list, const char *text)
{
	list->v = fb_realloc(list->v, (list->n + 2) * sizeof *list->v);
	list->v[list->n++] = text;
	list->v[list->n] = NULL;
}

static int take(struct fb_store_args *a, const struct option_form *form, const char *value, struct fb_err *err)
{
	char *field = (char *)a + form->at;
	size_t n = strlen(a->given);

	if (!has_word(a->given, form->name, strlen(form->name)))
		snprintf(a->given + n, sizeof a->given - n, "%s ", form->name);
	if (form->at == AT(set) && (fb_streq(a->command, "push") || fb_streq(a->command, "pull"))) { /* these take many */
		add(&a->sets, value);
		return 0;
	}
	switch (form->sort) {
	case FLAG:
		*(bool *)(void *)field = true;
		return 0;
	case LIST:
		add((struct fb_store_list *)(void *)field, value);
		return 0;
	default:
		if (*(const char **)(void *)field)
			return fb_err_set(err, FB_STORE_USAGE, "--%s is given twice", form->name);
		*(const char **)(void *)field = value;
		return 0;
	}
}

static void fill(struct option *o)
{
	*o++ = (struct option){"store", required_argument, NULL, STORE};
	*o++ = (struct option){"key-file", required_argument, NULL, KEY_FILE};
	*o++ = (struct option){"passphrase-file", required_argument, NULL, PASSPHRASE_FILE};
	*o++ = (struct option){"progress", no_argument, NULL, PROGRESS};
	*o++ = (struct option){"answer", required_argument, NULL, ANSWER};
	for (size_t i = 0; i < FORMS; i++)
		*o++ = (struct option){forms[i].name, forms[i].sort == FLAG ? no_argument : required_argument, NULL, FIRST + (int)i};
	*o = (struct option){0};
}

/* --command -- ARGV... */
static int take_program(struct fb_store_args *a, int argc, char **argv, struct fb_err *err)
{
	if (!a->with_program)
		return optind < argc ? fb_err_set(err, FB_STORE_USAGE, "'%s' is one word too many", argv[optind]) : 0;
	if (optind >= argc || !*argv[optind] || strcmp(argv[optind - 1], "--") != 0)
		return fb_err_set(err, FB_STORE_USAGE, "--command needs a program: ... --command -- PROGRAM ARGUMENT...");
	a->program.argv = argv + optind;
	return 0;
}

int fb_store_args_parse(struct fb_store_args *a, int argc, char **argv, struct fb_err *err)
{
	struct option options[FORMS + 6];
	struct fb_store_list *last = NULL; /* --tree A B: words after an option of many values are more of them */
	int c, r = 0;

	fill(options);
	opterr = 0;
	while (r == 0 && (c = getopt_long(argc, argv, "-", options, NULL)) != -1) {
		if (c == 1 && !a->command) {
			a->command = optarg;
			continue;
		}
		if (c == 1 && fb_streq(a->command, "key") && !strcmp(optarg, "change")) {
			a->command = "key change";
			continue;
		}
		if (c == 1 && !a->at && !last && (fb_streq(a->command, "push") || fb_streq(a->command, "pull"))) {
			a->at = optarg;
			continue;
		}
		if (c == 1 && last) {
			add(last, optarg);
			continue;
		}
		last = NULL;
		if (c == STORE)
			a->store = optarg;
		else if (c == KEY_FILE)
			a->key.key_file = optarg;
		else if (c == PASSPHRASE_FILE)
			a->key.passphrase_file = optarg;
		else if (c == PROGRESS)
			a->progress = true;
		else if (c == ANSWER)
			a->answer = optarg;
		else if (c >= FIRST) {
			r = take(a, &forms[c - FIRST], optarg, err);
			if (forms[c - FIRST].sort == LIST)
				last = (struct fb_store_list *)(void *)((char *)a + forms[c - FIRST].at);
		} else {
			r = fb_err_set(err, FB_STORE_USAGE, c == 1 ? "'%s' is one word too many" : "'%s' is no option, or lacks its value; see failback-store --help",
				       c == 1 ? optarg : argv[optind - 1]);
		}
	}
	if (r == 0)
		r = take_program(a, argc, argv, err);
	if (r == 0 && !a->command)
		r = fb_err_set(err, FB_STORE_USAGE, "no command is given; see failback-store --help");
	if (!a->store)
		a->store = getenv("FAILBACK_STORE"); /* what failback tells the commands of its plugins */
	if (!a->owner)
		a->owner = getenv("FAILBACK_ENGINE");
	if (r == 0 && !a->store && !a->into)
		r = fb_err_set(err, FB_STORE_USAGE, "say which store: --store DIR");
	if (r == 0 && ((a->key.key_file && a->key.passphrase_file) || (a->new_key.key_file && a->new_key.passphrase_file)))
		r = fb_err_set(err, FB_STORE_USAGE, "a key file and a passphrase exclude each other");
	return r;
}

int fb_store_args_check(const struct fb_store_args *a, const char *command, const char *takes, struct fb_err *err)
{
	size_t n;

	for (const char *g = a->given; *g; g += n + 1) {
		n = strcspn(g, " ");
		if (!has_word(takes, g, n))
			return fb_err_set(err, FB_STORE_USAGE, "%s does not take --%.*s", command, (int)n, g);
	}
	for (const char *t = takes; *t; t += n + (t[n] == ' ')) {
		n = strcspn(t, " ");
		if (t[n - 1] == '!' && !has_word(a->given, t, n - 1))
			return fb_err_set(err, FB_STORE_USAGE, "%s needs --%.*s", command, (int)n - 1, t);
	}
	return 0;
}

void fb_store_args_clear(struct fb_store_args *a)
{
	struct fb_store_list *lists[] = {&a->sets, &a->tree, &a->exclude, &a->only, &a->keep, &a->remove, &a->meta};

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		fb_free(lists[i]->v);
}
