/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's process: forked from the command, in a session of its own, deaf to hangups. It reads and checks everything, claims the services,
 * runs the execution, and says to the command what the command cannot read in the journal.
 */
#include "recovery/aside.h"
#include "recovery/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "recovery/flush.h"
#include "recovery/internal.h"

#define LEARN_WAIT_MS 100 /* the command waits so long, at most, for what is learned of a success */

/* What one engine process works with; one execution after another when it first goes on with an interrupted one. */
struct process {
	const struct fb_engine_request *request;
	int say;
	struct fb_config *config;
	char *host_program, *programs; /* programs: the folder that it is in */
};

/* ---- words to the command ---- */

static void say(struct process *p, json_t *line)
{
	struct fb_engine e = {.say = p->say};

	fb_engine_say(&e, line);
	p->say = e.say;
}

static int say_errors(struct process *p, const struct fb_errs *errs)
{
	json_t *list = json_array();
	char text[sizeof errs->v->text + sizeof errs->v->file + 16];
	int code = FB_EXIT_BUG;

	for (size_t i = 0; i < errs->n; i++) {
		json_array_append_new(list, json_string(fb_err_format(&errs->v[i], text, sizeof text)));
		if (i == 0 || errs->v[i].code == FB_EXIT_CONFIG)
			code = errs->v[i].code;
	}
	say(p, json_pack("{s:o}", "errors", list));
	return code;
}

static int say_error(struct process *p, const struct fb_err *err)
{
	char text[sizeof err->text + sizeof err->file + 16];

	say(p, json_pack("{s:[s]}", "errors", fb_err_format(err, text, sizeof text)));
	return err->code;
}

/* ---- one execution ---- */

static json_t *actions_of(const struct fb_action_row *rows, size_t n, const char *link)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		if (!strcmp(rows[i].link, link))
			json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "service", rows[i].service, "operation", rows[i].operation, "text", rows[i].text));
	return list;
}

/* What would have been done, from the journal that is in memory only. */
static json_t *dry_run_of(struct fb_journal *j, const char *id, const json_t *frozen)
{
	struct fb_action_row *actions = NULL;
	struct fb_link_row *links = NULL;
	json_t *list = json_array();
	size_t n = 0, m = 0;
	struct fb_err err;

	if (fb_journal_links(j, id, &links, &n, &err) < 0 || fb_journal_actions(j, id, &actions, &m, &err) < 0)
		n = 0;
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:o}", "id", links[i].id, "chain", links[i].chain, "name", links[i].name, "title", links[i].title,
						      "status", links[i].status, "message", links[i].message, "actions", actions_of(actions, m, links[i].id)));
	fb_links_free(links, n);
	fb_actions_free(actions, m);
	return json_pack("{s:O, s:O, s:O, s:o}", "kind", json_object_get(frozen, "kind"), "title", json_object_get(frozen, "title"), "environment", json_object_get(frozen, "environment"),
			 "links", list);
}

static int run(struct process *p, struct fb_journal *j, struct fb_pool *pool, const char *id, json_t *frozen, bool resumed)
{
	struct fb_engine *e = fb_alloc(sizeof *e);
	char dry_dir[] = "/tmp/failback-dry-run.XXXXXX";
	struct fb_err err = {0};
	int code;

	e->request = p->request;
	e->say = p->say;
	e->x.journal = j;
	e->x.pool = pool;
	e->x.programs = p->programs;
	e->x.dry = p->request->dry_run;
	e->x.resumed = resumed;
	e->deploys = fb_streq(json_string_value(json_object_get(frozen, "kind")), "deploy");
	e->enhanced = fb_streq(json_string_value(json_object_get(frozen, "executor")), "enhanced") || !e->deploys;
	uv_loop_init(&e->loop);
	if (!e->x.dry)
		fb_engine_say(e, json_pack("{s:s}", "execution", id));
	if (e->x.dry && !mkdtemp(dry_dir)) {
		fb_err_set(&err, FB_EXIT_FAILED, "cannot make a folder for the dry run in /tmp: %s", strerror(errno));
		code = err.code;
	} else if (fb_context_init(&e->x, id, frozen, e->x.dry ? dry_dir : fb_config_state_dir(p->config), &err) < 0) {
		fb_context_clear(&e->x);
		code = err.code;
	} else if (fb_execution_run(e, &err) < 0) {
		code = err.code;
	} else {
		code = e->exit_code;
	}
	p->say = e->say;
	if (e->x.dry) {
		say(p, json_pack("{s:o}", "dry_run", dry_run_of(j, id, frozen)));
		fb_io_remove_tree(dry_dir);
	}
	if (err.code) {
		say_error(p, &err);
		if (err.code == FB_EXIT_CONFIG && !resumed && fb_journal_status(j, "refused", true, FB_EXIT_CONFIG, &err) < 0)
			say_error(p, &err);
	}
	uv_loop_close(&e->loop);
	fb_free(e);
	return code;
}

static const char *risk_names[] = {"low", "medium", "high"};

static int risk_of(const json_t *text)
{
	for (int i = 0; i < 3; i++)
		if (fb_streq(json_string_value(text), risk_names[i]))
			return i;
	return 3; /* never */
}

/* The highest risk of the plan's links that reaches the least one that needs approval; -1: none does. */
static int needs_approval(const json_t *frozen)
{
	const json_t *links = json_object_get(json_object_get(frozen, "chains"), "plan"), *l, *m;
	int least = risk_of(json_object_get(json_object_get(frozen, "settings"), "approval")), most = -1;
	size_t i, k;

	json_array_foreach(links, i, l) {
		if (risk_of(json_object_get(l, "risk")) < 3 && risk_of(json_object_get(l, "risk")) > most)
			most = risk_of(json_object_get(l, "risk"));
		json_array_foreach(json_object_get(l, "parallel"), k, m)
			if (risk_of(json_object_get(m, "risk")) < 3 && risk_of(json_object_get(m, "risk")) > most)
				most = risk_of(json_object_get(m, "risk"));
	}
	return most >= least ? most : -1;
}

static const char **service_names(const json_t *frozen)
{
	const json_t *services = json_object_get(frozen, "services"), *s;
	const char **names = fb_alloc((json_array_size(services) + 1) * sizeof *names);
	size_t i;

	json_array_foreach(services, i, s)
		names[i] = json_string_value(json_object_get(s, "name"));
	return names;
}

static int refuse_conflict(struct process *p, const struct fb_conflict *c)
{
	char since[FB_TIME_SIZE];
	struct fb_err err;

	fb_err_set(&err, FB_EXIT_REFUSED, "service '%s' is held by %s (%s, process %d, since %s): wait for it ('failback watch %s'), or end it ('failback stop %s')", c->service, c->execution,
		   c->kind, (int)c->owner.pid, fb_clock_format(c->since_ms, since), c->execution, c->execution);
	return say_error(p, &err);
}

static int go_on_with(struct process *p, struct fb_journal *j, const char *id, bool by_itself);

/* Records the execution and claims its services; goes on first with an interrupted one that holds any of them.
 * 0: ours, or waiting; else *ret_code is the program's. */
static int claim(struct process *p, struct fb_journal *j, const struct fb_execution_new *n, int *ret_code)
{
	struct fb_conflict conflict;
	struct fb_err err;
	int r;

	for (int tries = 0; tries < 8; tries++) {
		r = fb_journal_start(j, n, &conflict, &err);
		if (r < 0) {
			*ret_code = say_error(p, &err);
			return -1;
		}
		if (r == 0)
			return 0;
		if (conflict.owner_alive || p->request->dry_run) {
			*ret_code = refuse_conflict(p, &conflict);
			return -1;
		}
		*ret_code = go_on_with(p, j, conflict.execution, true);
		if (*ret_code == FB_EXIT_REFUSED || *ret_code == FB_EXIT_JOURNAL || *ret_code == FB_EXIT_INTERRUPTED)
			return -1;
	}
	*ret_code = refuse_conflict(p, &conflict);
	return -1;
}

static int start(struct process *p, struct fb_journal *j, struct fb_pool *pool, json_t *frozen)
{
	const char **services = service_names(frozen);
	int64_t now = fb_clock_wall_ms();
	char id[FB_ID_SIZE], *alias = fb_asprintf("plan_%s_%s_%lld", json_string_value(json_object_get(frozen, "kind")), json_string_value(json_object_get(frozen, "environment")),
						  (long long)(now / 1000));
	char *text = json_dumps(frozen, JSON_COMPACT);
	bool deploy = !strcmp(p->request->kind, "deploy");
	int risk = deploy && !p->request->approve && !p->request->dry_run ? needs_approval(frozen) : -1, code;
	struct fb_execution_new n = {.id = fb_id_new(p->request->kind, json_string_value(json_object_get(frozen, "environment")), now, id), .alias = alias, .kind = p->request->kind,
				     .environment = json_string_value(json_object_get(frozen, "environment")), .status = risk >= 0 ? "waiting_approval" : "running",
				     .title = json_string_value(json_object_get(frozen, "title")), .release = json_string_value(json_object_get(frozen, "release")),
				     .reason = p->request->reason, .retry_of = p->request->execution, .frozen = text, .services = services, .now_ms = now};
	struct fb_err err = {0};

	if (claim(p, j, &n, &code) < 0)
		goto out;
	if (fb_journal_audit(j, id, p->request->actor, p->request->kind, n.title, &err) < 0 || (risk >= 0 && fb_journal_approval_ask(j, NULL, risk_names[risk], &err) < 0)) {
		code = say_error(p, &err);
		goto out;
	}
	if (deploy && p->request->approve && needs_approval(frozen) >= 0 &&
	    fb_journal_audit(j, id, p->request->actor, "approval.approved", "with the command that started it", &err) < 0) {
		code = say_error(p, &err);
		goto out;
	}
	if (risk >= 0) {
		say(p, json_pack("{s:s}", "execution", id));
		if (fb_outbox_tell(p->config, j, pool, id, frozen, "approval.waiting", "its risk needs approval", &err) < 0)
			say_error(p, &err);
		code = FB_EXIT_WAITING;
	} else {
		code = run(p, j, pool, id, frozen, false);
	}
out:
	fb_free(services);
	fb_free(alias);
	fb_free(text);
	return code;
}

/* ---- going on ---- */

static int take_over(struct process *p, struct fb_journal *j, const struct fb_execution *x, bool by_itself, struct fb_err *err)
{
	struct fb_conflict conflict;
	int r;

	if (x->ended_ms)
		return fb_err_set(err, FB_EXIT_REFUSED, "execution %s has ended (%s): there is nothing to go on with", x->id, x->status);
	if (by_itself) {
		json_t *frozen = json_loads(x->frozen, 0, NULL);
		const json_t *within = json_object_get(json_object_get(frozen, "settings"), "resume_within");
		bool late = json_is_integer(within) && fb_clock_wall_ms() - x->started_ms > json_integer_value(within);

		json_decref(frozen);
		if (late)
			return fb_err_set(err, FB_EXIT_REFUSED, "execution %s was interrupted too long ago to go on with it unasked: 'failback resume %s', or 'failback stop %s --force'", x->id, x->id,
					  x->id);
	}
	r = fb_journal_take_over(j, x->id, &conflict, err);
	if (r == 1) {
		refuse_conflict(p, &conflict);
		err->code = FB_EXIT_REFUSED;
		return -1;
	}
	return r < 0 ? -1 : fb_predecessor_end(j, x->id, err);
}

static bool is_approved(struct fb_journal *j, const char *id)
{
	struct fb_approval_row *rows;
	struct fb_err err;
	bool yes = true;
	size_t n;

	if (fb_journal_approvals(j, id, &rows, &n, &err) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		yes = yes && !strcmp(rows[i].decision, "approved");
	fb_approvals_free(rows, n);
	return yes && n > 0;
}

static int go_on_with(struct process *p, struct fb_journal *j, const char *id, bool by_itself)
{
	struct fb_execution x = {0};
	struct fb_err err = {0};
	struct fb_pool *pool;
	json_t *frozen = NULL;
	bool waited;
	int r = fb_journal_execution(j, id, &x, &err), code;

	if (r) {
		if (r == 1)
			err.code = FB_EXIT_USAGE;
		return say_error(p, &err);
	}
	pool = fb_hosts_pool(p->config, p->host_program, p->request->plan_file);
	waited = fb_streq(x.status, "waiting_approval");
	frozen = x.frozen ? json_loads(x.frozen, 0, NULL) : NULL;
	if (waited && strcmp(p->request->kind, "approved")) {
		fb_err_set(&err, FB_EXIT_REFUSED, "execution %s waits for approval: 'failback approve %s' or 'failback reject %s'", x.id, x.id, x.id);
		code = say_error(p, &err);
	} else if (!frozen) {
		fb_err_set(&err, FB_EXIT_JOURNAL, "the chain of execution %s cannot be read", x.id);
		code = say_error(p, &err);
	} else if (waited && !is_approved(j, x.id)) {
		fb_err_set(&err, FB_EXIT_REFUSED, "execution %s is not approved: 'failback approve %s'", x.id, x.id);
		code = say_error(p, &err);
	} else if (take_over(p, j, &x, by_itself, &err) < 0) {
		code = err.text[0] ? say_error(p, &err) : err.code;
	} else if (fb_hosts_warm(pool, frozen, &err) < 0) {
		code = say_error(p, &err);
	} else {
		if (fb_journal_status(j, "running", false, -1, &err) < 0)
			code = say_error(p, &err);
		else
			code = run(p, j, pool, x.id, frozen, !waited);
	}
	fb_pool_free(pool);
	json_decref(frozen);
	fb_execution_clear(&x);
	return code;
}

static bool has_sandbox(const json_t *frozen)
{
	const json_t *d;
	size_t i;

	json_array_foreach(json_object_get(frozen, "plugins"), i, d)
		if (json_is_object(json_object_get(d, "sandbox")))
			return true;
	return false;
}

/* A sandbox is made of what is there: hosts that were started before the first execution's folder was cannot read what is gathered in it. */
static int begin_folders(struct process *p, struct fb_pool **pool, const json_t *frozen, struct fb_err *err)
{
	char *path = fb_asprintf("%s/executions", fb_config_state_dir(p->config));
	bool there = access(path, F_OK) == 0 || !has_sandbox(frozen);
	int r = there ? 0 : fb_io_make_folders(path, 0750, err);

	fb_free(path);
	if (there || r < 0)
		return r;
	fb_pool_free(*pool);
	*pool = fb_hosts_pool(p->config, p->host_program, p->request->plan_file);
	return fb_hosts_warm(*pool, frozen, err);
}

static int fresh(struct process *p)
{
	const struct fb_engine_request *q = p->request;
	struct fb_freeze_request freeze = {.kind = q->kind, .plan_file = q->plan_file, .release = q->release, .services = q->services, .reason = q->reason, .deployment_id = q->deployment_id};
	unsigned flags = FB_JOURNAL_CREATE | (q->dry_run ? FB_JOURNAL_SHADOW : 0) | (strcmp(q->kind, "rollback") ? FB_JOURNAL_ROOM : FB_JOURNAL_DEGRADE);
	struct fb_pool *pool = fb_hosts_pool(p->config, p->host_program, p->request->plan_file);
	struct fb_catalog_fn catalog = fb_pool_catalog(pool);
	struct fb_journal *j = NULL;
	struct fb_errs errs = {0};
	struct fb_err err = {0};
	json_t *frozen = NULL;
	int code;

	if (fb_config_freeze(p->config, &freeze, &catalog, &frozen, &errs) < 0)
		code = say_errors(p, &errs);
	else if (fb_journal_open(fb_config_state_dir(p->config), flags, &j, &err) < 0)
		code = say_error(p, &err);
	else if (!q->dry_run && begin_folders(p, &pool, frozen, &err) < 0)
		code = say_error(p, &err);
	else
		code = start(p, j, pool, frozen);
	fb_journal_close(j);
	json_decref(frozen);
	fb_errs_clear(&errs);
	fb_pool_free(pool);
	return code;
}

static int engine_main(struct process *p)
{
	bool begins = !strcmp(p->request->kind, "approved"); /* a deployment does not begin without room for its journal; what is under way goes on */
	struct fb_errs errs = {0};
	struct fb_journal *j = NULL;
	struct fb_err err = {0};
	int code;

	p->host_program = p->request->host_program ? fb_strdup(p->request->host_program) : fb_hosts_program();
	p->programs = fb_strdup(p->host_program);
	*strrchr(p->programs, '/') = 0;
	if (fb_config_load(&p->request->config, &p->config, &errs) < 0) {
		code = say_errors(p, &errs);
	} else if (!strcmp(p->request->kind, "deploy") || !strcmp(p->request->kind, "rollback")) {
		code = fresh(p);
	} else if (fb_journal_open(fb_config_state_dir(p->config), FB_JOURNAL_WRITE | (begins ? FB_JOURNAL_ROOM : FB_JOURNAL_DEGRADE), &j, &err) < 0) {
		code = say_error(p, &err);
	} else {
		code = go_on_with(p, j, p->request->execution, false);
		fb_journal_close(j);
	}
	fb_config_free(p->config);
	fb_errs_clear(&errs);
	fb_free(p->host_program);
	fb_free(p->programs);
	return code;
}

/* ---- launch ---- */

__attribute__((noreturn)) static void child(const struct fb_engine_request *request, int say_fd)
{
	struct process p = {.request = request, .say = say_fd};
	int null = open("/dev/null", O_RDWR), code;
	struct stat st;

	setsid();
	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
		/* Whoever reads the command's output to its end shall not wait for us. */
		if (fstat(2, &st) < 0 || !S_ISREG(st.st_mode))
			dup2(null, 2);
	}
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	code = engine_main(&p);
	fb_aside_settle(LEARN_WAIT_MS);
	say(&p, json_pack("{s:i}", "exit", code));
	if (say_fd >= 0)
		close(say_fd);
	fb_aside_end();
	exit(code);
}

int fb_engine_launch(const struct fb_engine_request *request, struct fb_engine_process *ret, struct fb_err *err)
{
	int pipe_fds[2];
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		return fb_err_set(err, FB_EXIT_FAILED, "cannot start the engine: %s", strerror(errno));
	if (pid == 0) {
		close(pipe_fds[0]);
		child(request, pipe_fds[1]);
	}
	close(pipe_fds[1]);
	ret->pid = pid;
	ret->fd = pipe_fds[0];
	return 0;
}
