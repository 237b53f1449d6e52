/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strategy acme-database: an SQLite file whose releases are folders of SQL scripts. The table acme_release says which one is in it and changes in the same
 * transaction as the rest, so that what is half done never shows. The way back is an online backup, and goes back through SQLite too, in one transaction,
 * into the file that programs have open. Rows written since the backup are lost by that: a copy of what failed is kept. Needs the program sqlite3.
 */
#include <failback/plugin.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct fb_option options[] = {
	{.name = "database", .type = FB_TYPE_PATH, .flags = FB_OPTION_REQUIRED, .summary = "The SQLite file"},
	{.name = "migrations", .type = FB_TYPE_PATH, .flags = FB_OPTION_REQUIRED, .summary = "Folder that has a folder of SQL scripts for each release"},
	{.name = "backups", .type = FB_TYPE_PATH, .flags = FB_OPTION_REQUIRED, .summary = "Folder for backups, which nobody else may write"},
	{.name = "healthy", .type = FB_TYPE_STRING, .summary = "Query that gives 1 when the data is well"},
	{0},
};

#define SQL "sqlite3 -batch -bail -cmd '.timeout 5000' "
static const char release_in[] = "t=$(" SQL "-readonly \"$A\" \"select name from sqlite_master where name = 'acme_release'\") || { echo \"$t\"; exit 1; }\n"
	"test -z \"$t\" || " SQL "-readonly \"$A\" 'select release from acme_release'";
static const char check_all[] = "r=$(" SQL "-readonly \"$A\" 'pragma integrity_check') && test \"$r\" = ok || { echo \"not whole: $r\"; exit 1; }\n"
	"test -z \"$B\" || { r=$(" SQL "-readonly \"$A\" \"$B\") && test \"$r\" = 1; } || { echo \"'healthy' gives '$r', not 1\"; exit 1; }";
static const char copy[] = SQL "\"$A\" \".backup '$B'\"";        /* makes B, in a transaction */
static const char copy_back[] = SQL "\"$B\" \".restore '$A'\""; /* replaces what is in B, in a transaction; B stays the file it is */
static const char migrate[] = "{ echo 'begin immediate;'; cat \"$B\"/*.sql || echo 'no scripts;'; echo 'create table if not exists acme_release(release text);'\n"
	"echo \"delete from acme_release; insert into acme_release values ('$C'); commit;\"; } | " SQL "\"$A\"";

/* Of this call: a worker makes one. */
static char database[PATH_MAX], beside[PATH_MAX], kept[PATH_MAX], backup[PATH_MAX], scripts[PATH_MAX], wanted[200];

static int32_t set_paths(const struct fb_call *call)
{
	const struct fb_host *h = call->host;
	char key[300];

	snprintf(database, sizeof database, "%s", h->option(call, "database"));
	snprintf(beside, sizeof beside, "%.4000s.back", database);
	snprintf(kept, sizeof kept, "%s/%s-%s-failed.db", h->option(call, "backups"), call->service, call->execution);
	snprintf(wanted, sizeof wanted, "%s", call->release ?: "");
	snprintf(scripts, sizeof scripts, "%s/%s", h->option(call, "migrations"), wanted);
	snprintf(key, sizeof key, "backup.%s", wanted);
	snprintf(backup, sizeof backup, "%s", h->fact(call, FB_SCOPE_SERVICE, key) ?: "");
	return FB_OK;
}

/* Runs a script with its values in the environment. out: 200 bytes for the first line that it prints. */
static int32_t run(const struct fb_call *call, const char *script, const char *a, const char *b, char *out)
{
	char va[PATH_MAX + 2], vb[PATH_MAX + 2], vc[300], line[200], *environment[] = {va, vb, vc, NULL};
	const struct fb_command command = {.shell = script, .environment = (const char *const *)environment};
	struct fb_command_result r = {0};

	if (strpbrk(a, "'\"\n") || (b && script != check_all && strpbrk(b, "'\"\n")) || strpbrk(wanted, "'\"/\n")) {
		call->host->fail(call, "%s, %s or release %s has a quote or a slash in its name: name it otherwise", a, b ?: "-", wanted);
		return FB_FATAL;
	}
	snprintf(va, sizeof va, "A=%s", a);
	snprintf(vb, sizeof vb, "B=%s", b ?: "");
	snprintf(vc, sizeof vc, "C=%s", wanted);
	if (call->host->run(call, &command, &r))
		return FB_FAIL; /* the host has said why */
	snprintf(out ?: line, sizeof line, "%.*s", (int)strcspn(r.output ?: "", "\n"), r.output ?: "");
	if (!r.exit_code)
		return FB_OK;
	call->host->fail(call, "sqlite3 on %s ended with %d: %s; look at the file and at who has it open", a, (int)r.exit_code, out ?: line);
	return strstr(r.output ?: "", "locked") ? FB_RETRY : FB_FAIL;
}

/* One effect, declared before and recorded after; making it twice is as making it once. */
static int32_t change(const struct fb_call *call, const char *key, const char *script, const char *a, const char *b)
{
	char text[2 * PATH_MAX + 100];
	int32_t answer;

	snprintf(text, sizeof text, "%s: %s%s%s", key, a, b ? ", " : "", b ?: "");
	answer = call->host->act(call, key, FB_REPEAT_IDEMPOTENT, text);
	if (answer != FB_ACT_DO && answer != FB_ACT_DONE) /* DONE: but we have seen that it is not so any more */
		return answer == FB_ACT_DRY ? FB_OK : FB_RETRY;
	answer = run(call, script, a, b, NULL);
	return answer == FB_OK && call->host->acted(call, key, NULL) ? FB_RETRY : answer;
}

/* The file is whole, well where `healthy` is given, and has this call's release in it. */
static int32_t prove_file(const struct fb_call *call, const char *path, const char *healthy)
{
	char found[200] = "";
	int32_t answer = *path ? run(call, check_all, path, healthy, NULL) : FB_OK;

	if (answer == FB_OK && *path)
		answer = run(call, release_in, path, NULL, found);
	if (answer != FB_OK || !strcmp(found, wanted))
		return answer;
	call->host->fail(call, "'%s' has release '%s' in it, not %s: look for another backup, and bring that back by hand", path, found, wanted);
	return FB_FAIL;
}

static int32_t state(const struct fb_call *call)
{
	char release[200] = "", json[300];
	int32_t answer = set_paths(call);

	answer = access(database, F_OK) ? FB_OK : run(call, release_in, database, NULL, release);
	snprintf(json, sizeof json, "{\"release\": %s}", call->host->json_string(call, *release ? release : NULL));
	return answer != FB_OK ? answer : call->host->report(call, "state", json) ? FB_FAIL : FB_OK;
}

static int32_t capture(const struct fb_call *call)
{
	char release[200] = "", key[300], path[PATH_MAX];
	int32_t answer = set_paths(call);

	if (access(database, F_OK))
		return FB_SKIP; /* the first release makes it */
	snprintf(path, sizeof path, "%s/%s-%s.db", call->host->option(call, "backups"), call->service, call->execution);
	answer = run(call, release_in, database, NULL, release);
	if (answer == FB_OK)
		answer = change(call, "backup", copy, database, path);
	snprintf(key, sizeof key, "backup.%s", release);
	if (answer != FB_OK || call->flags & FB_CALL_DRY_RUN)
		return answer;
	return call->host->fact_set(call, FB_SCOPE_SERVICE, key, path) ? FB_RETRY : FB_OK;
}

static int32_t prove(const struct fb_call *call)
{
	set_paths(call);
	return call->flags & FB_CALL_DRY_RUN || !call->release ? FB_SKIP : prove_file(call, backup, NULL);
}

static int32_t prepare(const struct fb_call *call)
{
	int32_t answer = set_paths(call);

	if ((call->operation != FB_OP_PREPARE || call->flags & FB_CALL_RECOVERY) && (answer = prove_file(call, backup, NULL)) == FB_OK)
		return change(call, "beside", copy, backup, beside);
	if (answer != FB_OK || !access(scripts, R_OK | X_OK))
		return answer;
	call->host->fail(call, "there are no scripts of release %s at %s: put them there", wanted, scripts);
	return FB_FAIL;
}

static int32_t shift(const struct fb_call *call)
{
	char live[200] = "";

	set_paths(call);
	if (call->share != 10000)
		return FB_SKIP; /* there is one database: all or nothing */
	if (!access(database, F_OK) && run(call, release_in, database, NULL, live) == FB_OK && !strcmp(live, wanted))
		return FB_SKIP;
	return change(call, "migrate", migrate, database, scripts);
}

static int32_t restore(const struct fb_call *call)
{
	char live[200] = "";
	int32_t answer = set_paths(call);

	if (run(call, release_in, database, NULL, live) == FB_OK && !strcmp(live, wanted))
		return FB_SKIP;
	answer = access(beside, F_OK) ? prepare(call) : prove_file(call, beside, NULL);
	if (answer == FB_OK && *live) /* what cannot be read cannot be kept */
		answer = change(call, "keep", copy, database, kept);
	return answer == FB_OK ? change(call, "restore", copy_back, beside, database) : answer;
}

static int32_t verify(const struct fb_call *call)
{
	set_paths(call);
	return prove_file(call, database, call->host->option(call, "healthy"));
}

static int32_t cleanup(const struct fb_call *call)
{
	int32_t answer = set_paths(call);

	answer = access(beside, F_OK) ? FB_SKIP : change(call, "remove-copy", "rm \"$A\"", beside, NULL);
	if (answer <= FB_SKIP && !(call->flags & FB_CALL_PRESERVE) && !access(kept, F_OK))
		answer = change(call, "remove-failed", "rm \"$A\"", kept, NULL);
	return answer;
}

static int32_t undo(const struct fb_call *call)
{
	struct fb_call back = *call;

	back.release = call->last_good;
	return call->operation == FB_OP_SHIFT && back.release ? restore(&back) : call->operation == FB_OP_PREPARE ? cleanup(call) : FB_SKIP;
}

static const struct fb_strategy_ops ops = {.state = state, .capture = capture, .prove = prove, .prepare = prepare, .shift = shift, .restore = restore,
					   .verify = verify, .cleanup = cleanup, .undo = undo};

FB_PLUGIN(STRATEGY, .name = "acme-database", .version = "1.0", .summary = "Migrates an SQLite database and brings it back from a backup", .license = "Apache-2.0",
	  .options = options, .strategy = &ops)
