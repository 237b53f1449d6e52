/* SPDX-License-Identifier: Apache-2.0 */
/* What strategy dependencies runs: pip and npm through /bin/sh, whose texts hold no value of the configuration. Decides nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/strategies/dependencies/dependencies.h"

/* Environments are for the service's own user to read; a record may hold an address with a password.
 * $E environment, $R record, $Q requirements or project, $W cache ("": none), $P python, $D digest; "$@" are pip_options or npm_options. */
#define PIP "\"$E/bin/python\" -m pip --disable-pip-version-check --no-input "
#define NPM "npm ci --no-audit --no-fund --no-update-notifier "
/* What runs leave in an environment is none of its content. */
#define CONTENT "find . \\( -name __pycache__ -o -name .cache \\) -prune -o "
#define STATS CONTENT "\\( -type f -printf '%p\\t%i\\t%s\\t%T@\\t%C@\\t%m\\n' -o -type l -printf '%p\\t%l\\n' \\) | LC_ALL=C sort"
#define DIGEST "b2sum -l 256 \"$R/list\" | cut -d' ' -f1"

/* The packages and versions that are there, one a line. pip itself is not asked: it takes half a second, and a recovery waits for this. */
#define LIST_PIP                                                                                                                                                 \
	"list() { \"$E/bin/python\" -Es -c 'import importlib.metadata as m, re;"                                                                                     \
	" all = {(re.sub(\"[-_.]+\", \"-\", d.metadata[\"Name\"] or \"?\").lower(), d.version) for d in m.distributions()};"                                          \
	" print(\"\\n\".join(sorted(n + \"==\" + v for n, v in all if n not in (\"pip\", \"setuptools\", \"wheel\"))))' 2>/dev/null"                                    \
	" || { echo 'error: its Python does not run' >&2; exit 1; }; }; "
#define LIST_NPM                                                                                                                                                 \
	"list() { node -e 'const fs = require(\"fs\"), f = process.argv[1] + \"/node_modules/.package-lock.json\";"                                                  \
	" const all = fs.existsSync(f) ? JSON.parse(fs.readFileSync(f)).packages : {};"                                                                              \
	" console.log(Object.keys(all).map(k => k.replace(/^node_modules\\//, \"\") + \"==\" + (all[k].version || all[k].resolved || \"?\")).sort().join(\"\\n\"))' \"$E\""  \
	" || { echo 'error: its list of packages cannot be read' >&2; exit 1; }; }; "

/* F: from the pins of a record, which are all there is; else from requirements, and then what they need, too. With hashes it is the requirements in each case. */
const char dep_make_pip[] =
	"set -e; umask 022; rm -rf \"$E\"; \"$P\" -m venv \"$E\"; r=$Q; only=;"
	" if test -n \"$F\" && { test -z \"$H\" || ! test -e \"$R/requirements\"; }; then r=$R/pins; only=--no-deps; elif test -n \"$F\"; then r=$R/requirements; fi;"
	" test -z \"$H\" || test \"$r\" = \"$R/pins\" || set -- --require-hashes \"$@\";"
	" if LC_ALL=C grep -qE '^[[:space:]]*[^#[:space:]]' \"$r\"; then"
	" if test -n \"$W\"; then"
	" if test -z \"$F$O\"; then if test -n \"$H\"; then " PIP "download --quiet --find-links \"$W\" --dest \"$W\" \"$@\" -r \"$r\";"
	" else " PIP "wheel --quiet --find-links \"$W\" --wheel-dir \"$W\" \"$@\" -r \"$r\"; fi; fi;"
	" " PIP "install --quiet $only --no-index --find-links \"$W\" \"$@\" -r \"$r\";"
	" else " PIP "install --quiet $only \"$@\" -r \"$r\"; fi; fi;"
	" test -n \"$C\" || " PIP "check";
const char dep_make_npm[] =
	"set -e; umask 022; rm -rf \"$E\"; mkdir -p \"$E\"; r=$Q; test -z \"$F\" || r=$R; cp \"$r/package.json\" \"$r/package-lock.json\" \"$E/\"; cd \"$E\";"
	" test -z \"$W\" || set -- --cache \"$W\" \"$@\"; if test -n \"$O\" || { test -n \"$F\" && test -n \"$W\"; }; then set -- --offline \"$@\"; else set -- --prefer-offline \"$@\"; fi;"
	" " NPM "\"$@\"; mkdir -p node_modules";

#define SEAL                                                                                                                                                     \
	" cd \"$E\"; " CONTENT "-type f -print0 | LC_ALL=C sort -z | xargs -0 -r b2sum -l 256 -- > \"$R/sums\"; " STATS " > \"$R/stats\"; cd \"$R\"; rm -f list;"   \
	" b2sum -l 256 -- * > list.new; mv list.new list; sync list . ; " DIGEST
const char dep_seal_pip[] = "set -e; umask 077; rm -rf \"$R\"; mkdir -p \"$R\"; " LIST_PIP "p=$(list); printf '%s\\n' \"$p\" | LC_ALL=C sort > \"$R/packages\"; p=$(" PIP "freeze); printf '%s\\n' \"$p\" > \"$R/pins\";"
			    " \"$E/bin/python\" -c 'import platform; print(platform.python_version())' > \"$R/python\"; test -z \"$Q\" || cp \"$Q\" \"$R/requirements\";" SEAL;
const char dep_seal_npm[] = "set -e; umask 077; rm -rf \"$R\"; mkdir -p \"$R\"; " LIST_NPM "p=$(list); printf '%s\\n' \"$p\" | LC_ALL=C sort > \"$R/packages\";"
			    " node --version > \"$R/node\"; cp \"$E/package.json\" \"$E/package-lock.json\" \"$R/\";" SEAL;

/* 0: as recorded; 10: the record is damaged; 11: the environment is not as it was. */
#define RECORD "test -s \"$R/list\" && test \"$(" DIGEST ")\" = \"$D\" && (cd \"$R\" && b2sum --status --ignore-missing -c list) || { echo 'error: its record is damaged'; exit 10; }; "
#define LISTS "test -s \"$R/stats\" && test -s \"$R/sums\" || { echo 'error: its lists were retired'; exit 11; }; "
#define SUMS "b2sum --quiet -c \"$R/sums\" 2>/dev/null | head -n 3 | tr '\\n' ' '"
#define FILES "cd \"$E\"; if test -n \"$(" STATS " | LC_ALL=C comm -13 - \"$R/stats\" | head -n 1)\"; then x=$(" SUMS "); test -z \"$x\" || { echo \"error: files are not as they were: $x\"; exit 11; }; fi; "
#define ALL_FILES "cd \"$E\"; x=$(" SUMS "); test -z \"$x\" || { echo \"error: files are not as they were: $x\"; exit 11; }; "
#define SAME "p=$(list) || exit 11; x=$(printf '%s\\n' \"$p\" | LC_ALL=C sort | LC_ALL=C comm -3 - \"$R/packages\" | head -n 5 | tr -s '\\n\\t' ' '); test -z \"$x\" || { echo \"error: other packages than were recorded: $x\"; exit 11; }; "
const char dep_sound[] = RECORD ":";
const char dep_list_pip[] = LIST_PIP SAME;
const char dep_list_npm[] = LIST_NPM SAME;
const char dep_intact_pip[] = RECORD LISTS FILES LIST_PIP SAME;
const char dep_intact_npm[] = RECORD LISTS FILES LIST_NPM SAME;
const char dep_whole_pip[] = RECORD LISTS ALL_FILES LIST_PIP SAME "test -n \"$C\" || " PIP "check || exit 11";
const char dep_whole_npm[] = RECORD LISTS ALL_FILES LIST_NPM SAME "npm ls --all >/dev/null || test -n \"$C\" || exit 11";
/* Are the requirements those that the record was made from? Where they are not known they are. */
const char dep_same[] = "if test -f \"$R/requirements\" && test -n \"$Q\"; then cmp -s \"$R/requirements\" \"$Q\"; elif test -f \"$R/package-lock.json\" && test -n \"$Q\"; then"
			" cmp -s \"$R/package-lock.json\" \"$Q/package-lock.json\" && cmp -s \"$R/package.json\" \"$Q/package.json\"; fi";
/* Would all pins be found again? */
const char dep_dry_pip[] = "LC_ALL=C grep -qE '^[[:space:]]*[^#[:space:]]' \"$R/pins\" || exit 0; " PIP
			   "install --quiet --dry-run --ignore-installed --no-deps --no-index --find-links \"$W\" -r \"$R/pins\"";

/* How the pins of record R differ from those of record Q. */
const char dep_difference[] = "LC_ALL=C awk -F== 'NR == FNR { a[$1] = $2; next } $1 == \"\" { next } !($1 in a) { print \"+ \" $1 \" \" $2; next } a[$1] != $2 { print \"~ \" $1 \" \" a[$1] \" -> \" $2 }"
			      " { delete a[$1] } END { for (k in a) if (k != \"\") print \"- \" k \" \" a[k] }' \"$R/packages\" \"$Q/packages\" | LC_ALL=C sort -k 2";
const char dep_conflicts_pip[] = PIP "check";
const char dep_conflicts_npm[] = "cd \"$E\" && npm ls --all";
const char dep_here_pip[] = "\"$P\" -c 'import venv, ensurepip'";
const char dep_here_npm[] = "npm --version && node --version";

const char *dep_of(const struct dep *d, const char *pip, const char *npm)
{
	return d->npm ? npm : pip;
}

static void add_words(const struct dep *d, char **argv, uint32_t n, const char *option)
{
	char item[64];

	for (uint32_t i = 0; i < n; i++) {
		const char *s;

		snprintf(item, sizeof item, "%s[%u]", option, (unsigned)i);
		s = d->h->option(d->call, item);
		argv[i] = run_copy(s ? s : "");
	}
}

static void add_variables(const struct dep *d, struct run_spec *spec, const struct dep_words *w)
{
	const char *conflicts = d->h->option(d->call, "conflicts");

	run_add_map(d->call, spec, "environment");
	run_add_map(d->call, spec, "secret_environment");
	run_add_environment(spec, "C", conflicts && !strcmp(conflicts, "allow") ? "1" : "");
	run_add_environment(spec, "E", w->environment ? w->environment : "");
	run_add_environment(spec, "R", w->record ? w->record : "");
	run_add_environment(spec, "Q", w->requirements ? w->requirements : "");
	run_add_environment(spec, "D", w->digest ? w->digest : "");
	run_add_environment(spec, "W", d->wheels ? d->wheels : "");
	run_add_environment(spec, "P", d->python);
	run_add_environment(spec, "F", w->frozen ? "1" : "");
	run_add_environment(spec, "O", d->offline ? "1" : "");
	run_add_environment(spec, "H", d->h->option_int(d->call, "require_hashes", 0) ? "1" : "");
	run_add_environment(spec, "PYTHONDONTWRITEBYTECODE", "1");
}

int dep_script(struct dep *d, const char *text, const struct dep_words *words, char **ret_output)
{
	const char *option = dep_of(d, "pip_options", "npm_options");
	uint32_t n = d->h->option_count(d->call, option);
	char **argv = calloc(n + 5, sizeof *argv), how[80], line[DEP_LINE - 100];
	struct fb_command_result r = {0};
	struct run_spec spec = {0};
	int rc;

	if (!argv)
		abort();
	argv[0] = run_copy("/bin/sh");
	argv[1] = run_copy("-c");
	argv[2] = run_copy(text);
	argv[3] = run_copy("sh");
	add_words(d, argv + 4, n, option);
	spec.argv = argv;
	spec.command.argv = (const char *const *)argv;
	add_variables(d, &spec, words);
	rc = d->h->run(d->call, &spec.command, &r);
	if (rc) {
		snprintf(d->line, sizeof d->line, "/bin/sh could not be started; the log says why");
		r.exit_code = -1;
	} else {
		snprintf(d->line, sizeof d->line, "%s%s", run_outcome(&r, how, sizeof how), run_line_after(&r, line, sizeof line));
	}
	if (ret_output) {
		size_t size = rc ? 0 : (size_t)r.output_size;

		*ret_output = strndup(size ? r.output : "", size);
		if (!*ret_output)
			abort();
	}
	run_clear(&spec);
	return r.timed_out || r.signal ? -1 : r.exit_code;
}
