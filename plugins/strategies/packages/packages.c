/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strategy packages: which versions are installed, as an item of a backup: of Debian, of a Python environment, of a folder of npm's. What the set has is a folder
 * of small files, and wheels where they are asked for. Only a Python environment is brought back; for the others the commands are told.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/common/item.h"
#include "plugins/common/run.h"

static const struct fb_option options[] = {
	{.name = "of", .type = FB_TYPE_CHOICE, .flags = FB_OPTION_REQUIRED, .choices = "dpkg|pip|npm", .summary = "Whose packages: Debian's, a Python environment's, npm's"},
	{.name = "venv", .type = FB_TYPE_PATH, .summary = "pip: the Python environment"},
	{.name = "python", .type = FB_TYPE_PATH, .default_value = "/usr/bin/python3", .summary = "pip: makes the environment anew when it is gone or does not run"},
	{.name = "wheels", .type = FB_TYPE_BOOL, .default_value = "false", .summary = "pip: keep the packages themselves, so that they can be installed without a network"},
	{.name = "pip_options", .type = FB_TYPE_LIST, .summary = "pip: more words for pip wheel, and for pip install without wheels, such as --index-url=URL"},
	{.name = "directory", .type = FB_TYPE_PATH, .summary = "npm: the folder with package-lock.json"},
	{.name = "after_restore", .type = FB_TYPE_COMMAND, .summary = "pip: run after a restore"},
	ITEM_OPTIONS("keep"),
	{0},
};

/* The commands: values come in V (venv, directory), P (python), PLACE (folder of the backup); "$@" are pip_options. */
#define PIP "\"$V/bin/python\" -m pip --disable-pip-version-check "
#define FROZEN PIP "freeze 2>/dev/null | LC_ALL=C sort"
#define DPKG "dpkg-query -W -f '${db:Status-Abbrev}${binary:Package}=${Version}\\n' | sed -n 's/^ii[ R]*//p' | LC_ALL=C sort"

static const char capture_dpkg[] = "set -e; " DPKG " > \"$PLACE/packages\"; test -s \"$PLACE/packages\"";
static const char capture_pip[] = "set -e; \"$V/bin/python\" -c 'import platform; print(platform.python_version())' > \"$PLACE/python-version\"; " PIP
				  "freeze > \"$PLACE/frozen\"; LC_ALL=C sort \"$PLACE/frozen\" > \"$PLACE/requirements.txt\"; rm \"$PLACE/frozen\"";
static const char capture_wheels[] = "set -e; mkdir \"$PLACE/wheels\"; " PIP "wheel --quiet --no-deps --wheel-dir \"$PLACE/wheels\" -r \"$PLACE/requirements.txt\" \"$@\"";
static const char capture_npm[] = "set -e; cp \"$V/package-lock.json\" \"$PLACE/\"; ! test -e \"$V/package.json\" || cp \"$V/package.json\" \"$PLACE/\";"
				  " cd \"$V\"; npm ls --all --json > \"$PLACE/installed.json\" || test -s \"$PLACE/installed.json\"";
/* Would all of it be installed from what is there? */
static const char prove_wheels[] = PIP "install --quiet --dry-run --ignore-installed --no-deps --no-index --find-links \"$PLACE/wheels\" -r \"$PLACE/requirements.txt\"";
/* In place where the environment runs, else anew; then what is there too much goes, and what is there is compared. */
static const char restore_pip[] = "set -e; if ! \"$V/bin/python\" -m pip --version >/dev/null 2>&1; then \"$P\" -m venv --clear \"$V\"; fi;"
				  " if test -d \"$PLACE/wheels\"; then set -- --no-index --find-links \"$PLACE/wheels\"; fi; " FROZEN " > \"$PLACE/now\";"
				  " if ! cmp -s \"$PLACE/now\" \"$PLACE/requirements.txt\"; then"
				  " if test -s \"$PLACE/requirements.txt\"; then " PIP "install --quiet --no-deps \"$@\" -r \"$PLACE/requirements.txt\"; fi; " FROZEN
				  " > \"$PLACE/now\"; LC_ALL=C comm -23 \"$PLACE/now\" \"$PLACE/requirements.txt\" | sed 's/[ =@].*//' > \"$PLACE/more\";"
				  " if test -s \"$PLACE/more\"; then " PIP "uninstall --quiet --yes -r \"$PLACE/more\"; fi; " FROZEN
				  " > \"$PLACE/now\"; fi; if ! cmp -s \"$PLACE/now\" \"$PLACE/requirements.txt\"; then"
				  " echo \"error: still different: $(LC_ALL=C comm -3 \"$PLACE/now\" \"$PLACE/requirements.txt\" | tr -s '\\n\\t' ' ')\"; exit 1; fi";
/* Prints what has to be installed again. */
static const char differ_dpkg[] = DPKG " > \"$PLACE/now\"; LC_ALL=C comm -13 \"$PLACE/now\" \"$PLACE/packages\" > \"$PLACE/wanted\"; head -c 3500 \"$PLACE/wanted\" | tr '\\n' ' '";
static const char differ_npm[] = "cmp -s \"$V/package-lock.json\" \"$PLACE/package-lock.json\" && cd \"$V\" && { npm ls --all --json > \"$PLACE/now\" || :; }"
				 " && cmp -s \"$PLACE/now\" \"$PLACE/installed.json\" || echo differs";

struct giving {
	const char *place; /* the first: item_restore_by, item_ask */
};

static bool is(const struct fb_call *call, const char *option, const char *value)
{
	const char *s = call->host->option(call, option);

	return s && !strcmp(s, value);
}

static bool has_wheels(const struct fb_call *call)
{
	return is(call, "of", "pip") && call->host->option_int(call, "wheels", 0);
}

/* "the Python environment /srv/shop/venv" */
static const char *what(const struct fb_call *call, char *buf, size_t size)
{
	if (is(call, "of", "dpkg"))
		snprintf(buf, size, "the versions of Debian's packages");
	else if (is(call, "of", "pip"))
		snprintf(buf, size, "the Python environment %s", call->host->option(call, "venv"));
	else
		snprintf(buf, size, "the packages of npm in %s", call->host->option(call, "directory"));
	return buf;
}

/* Runs a script of the above; ret_output may be NULL. */
static int script(const struct fb_call *call, const char *text, const char *place, char **ret_output, char line[STORE_LINE])
{
	struct store_words w = {0};
	struct run_spec spec = {0};
	int code;

	store_word(&w, "/bin/sh");
	store_word(&w, "-c");
	store_word(&w, text);
	store_word(&w, "sh");
	for (uint32_t i = 0; i < call->host->option_count(call, "pip_options"); i++) {
		char item[64];

		snprintf(item, sizeof item, "pip_options[%u]", (unsigned)i);
		store_word(&w, call->host->option(call, item));
	}
	run_add_environment(&spec, "V", call->host->option(call, is(call, "of", "pip") ? "venv" : "directory"));
	run_add_environment(&spec, "P", call->host->option(call, "python"));
	run_add_environment(&spec, "PLACE", place);
	run_add_environment(&spec, "PIP_NO_INPUT", "1");
	run_add_environment(&spec, "NO_UPDATE_NOTIFIER", "1");
	spec.command.argv = (const char *const *)w.v;
	code = item_ask(call, &spec.command, ret_output, line);
	store_words_clear(&w);
	run_clear(&spec);
	return code;
}

static int32_t check(const struct fb_call *call)
{
	const struct fb_host *h = call->host;

	if (is(call, "of", "pip") && !h->option(call, "venv")) {
		h->fail(call, "of = \"pip\" needs 'venv', the folder of the Python environment");
		return FB_FATAL;
	}
	if (is(call, "of", "npm") && !h->option(call, "directory")) {
		h->fail(call, "of = \"npm\" needs 'directory', the folder with package-lock.json");
		return FB_FATAL;
	}
	if (is(call, "on_rollback", "restore") && !is(call, "of", "pip")) {
		h->fail(call, "on_rollback = \"restore\" is for of = \"pip\" only: the packages of %s are not changed by a recovery, which says the commands", h->option(call, "of"));
		return FB_FATAL;
	}
	return item_check(call);
}

static void add_tool(const struct fb_call *call, struct store_words *w)
{
	static const char ask[] = "case $PLACE in dpkg) dpkg-query --version | head -n 1 ;; pip) " PIP "--version ;; *) echo npm $(npm --version) ;; esac";
	char line[STORE_LINE], text[STORE_LINE], *output = NULL, *of = run_copy(call->host->option(call, "of"));

	if (!script(call, ask, of, &output, line) && output && *output) {
		snprintf(text, sizeof text, "tool=%.300s", output);
		store_option(w, "--meta", text);
	}
	free(output);
	free(of);
}

static int gather(const struct fb_call *call, const char *place, char line[STORE_LINE])
{
	const char *text = is(call, "of", "dpkg") ? capture_dpkg : is(call, "of", "pip") ? capture_pip : capture_npm;

	if (mkdir(place, 0700)) {
		snprintf(line, STORE_LINE, "cannot make the folder %s: %s", place, strerror(errno));
		return -1;
	}
	if (script(call, text, place, NULL, line))
		return -1;
	return has_wheels(call) ? script(call, capture_wheels, place, NULL, line) : 0;
}

static int32_t capture(const struct fb_call *call)
{
	bool dry = call->flags & FB_CALL_DRY_RUN;
	char *place = dry ? NULL : item_place(call, "packages"), line[STORE_LINE], buf[600];
	struct store_words w = {0};
	int32_t answer = FB_OK;

	if (!dry && !place)
		return FB_FAIL;
	if (place && gather(call, place, line)) {
		call->host->fail(call, "%s could not be backed up: %s", what(call, buf, sizeof buf), line);
		answer = FB_FAIL;
	}
	if (answer == FB_OK) {
		if (place)
			add_tool(call, &w);
		store_option(&w, "--tree", place ? place : "/");
		answer = item_capture(call, "packages", what(call, buf, sizeof buf), &w);
	}
	store_words_clear(&w);
	item_clear(place);
	return answer;
}

static int32_t look(const struct fb_call *call, const char *place)
{
	char line[STORE_LINE], buf[600];

	if (!place || !has_wheels(call) || !script(call, prove_wheels, place, NULL, line))
		return FB_OK;
	call->host->fail(call, "%s could not be brought back from the wheels in its backup: %s", what(call, buf, sizeof buf), line);
	return FB_FAIL;
}

static int32_t prove(const struct fb_call *call)
{
	return item_prove_with(call, look);
}

static int32_t give(const struct fb_call *call, void *ctx)
{
	struct giving *g = ctx;
	char line[STORE_LINE], buf[600];

	if (!script(call, restore_pip, g->place, NULL, line))
		return FB_OK;
	call->host->fail(call, "%s could not be brought back: %s", what(call, buf, sizeof buf), line);
	return FB_FAIL;
}

/* What people would do about the packages of Debian or npm, where they differ. */
static void tell(const struct fb_call *call, const char *place, const char *set)
{
	bool dpkg = is(call, "of", "dpkg"), differs;
	char line[STORE_LINE], command[4400], *output = NULL, *directory = run_copy(call->host->option(call, "directory")), *folder = run_quote(directory ? directory : "");

	differs = !script(call, dpkg ? differ_dpkg : differ_npm, place, &output, line);
	if (!differs)
		call->host->log(call, FB_LOG_WARNING, "whether packages differ from the backup could not be found out: %s", line);
	else if (!(differs = *output))
		call->host->log(call, FB_LOG_INFO, "the packages are those of the backup");
	else if (dpkg)
		snprintf(command, sizeof command, "apt-get install --allow-downgrades %s", output);
	else
		snprintf(command, sizeof command, "failback backup restore %s --item %s --to /tmp/%s-npm && cp /tmp/%s-npm/package*.json %s/ && npm ci --prefix %s", set, call->service, call->execution,
			 call->execution, folder, folder);
	if (differs)
		call->host->advise(call, dpkg ? "packages of Debian have other versions than the backup says; this brings them back" : "the packages of npm are not those of the backup; this brings them back",
				   command);
	free(directory);
	free(folder);
	free(output);
}

static int32_t advise(const struct fb_call *call)
{
	char *set = call->flags & FB_CALL_DRY_RUN ? NULL : item_set(call), *place, buf[600];
	struct store_words where = {0};

	if (!set)
		return call->flags & FB_CALL_DRY_RUN ? FB_SKIP : FB_FAIL;
	place = item_place(call, "advice");
	if (place) {
		store_option(&where, "--to", place);
		if (!item_give(call, what(call, buf, sizeof buf), set, &where))
			tell(call, place, set);
		else
			call->host->log(call, FB_LOG_WARNING, "whether packages differ from the backup could not be found out");
		store_words_clear(&where);
	}
	item_clear(place);
	free(set);
	return FB_SKIP;
}

static int32_t restore(const struct fb_call *call)
{
	struct giving g = {0};
	int32_t answer;
	char buf[600];

	if (!is(call, "of", "pip"))
		return advise(call);
	answer = item_restore_by(call, what(call, buf, sizeof buf), give, &g);
	return answer == FB_OK ? item_command(call, "after_restore", "the environment is back, but after_restore failed") : answer;
}

static const struct fb_strategy_ops ops = {.check = check, .state = item_state, .capture = capture, .prove = prove, .restore = restore};

FB_PLUGIN(STRATEGY, .name = "packages", .version = "0.1.0", .summary = "Backs up which packages are installed, and brings a Python environment back", .license = "Apache-2.0",
	  .options = options, .strategy = &ops)
