/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the viewer's loop: waits for the engine's word, for time and for signals, and shows the journal's events. It changes nothing but,
 * on the first interrupt of a deployment, the request to stop. */
#include "cli/follow.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "cli/render.h"
#include "cli/screen.h"
#include "cli/view.h"
#include "recovery/report.h"

#define TICK_MS 100
#define PACE_MS 40 /* between two looks at the journal: the engine has better use for the processor */
#define BATCH 500

struct follow {
	struct fb_cli *cli;
	struct fb_view *view;
	struct fb_screen screen;
	struct fb_style style;
	bool terminal, muted; /* muted: nobody reads what we write any more */
	char id[FB_ID_SIZE];
	const char *asked;    /* the execution that the engine was to go on with; NULL: a new one */
	int fd, pid;          /* the engine's pipe; -1 when we only watch */
	struct fb_text input; /* from the pipe, not yet whole lines */
	json_t *errors, *dry_run, *report; /* report: when the journal could not take it */
	int exit_code;        /* -1: not told */
	int64_t seq, version;
	int interrupts;
};

static volatile sig_atomic_t got_interrupt, got_hangup, interrupt_number;

static void on_signal(int number)
{
	if (number == SIGHUP)
		got_hangup = 1;
	else {
		got_interrupt = got_interrupt + 1;
		interrupt_number = number;
	}
}

static void on_resize(int number)
{
	(void)number; /* it only ends poll */
}

/* Only after the engine was forked: it must not inherit these. */
static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal}, resize = {.sa_handler = on_resize};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	sigaction(SIGWINCH, &resize, NULL);
}

static void say(struct follow *f, const char *text)
{
	struct fb_text t = {0};
	int lost = 0;
	fb_text_puts(&t, "failback: ");
	fb_style_safe(&f->style, &t, text);
	fb_text_puts(&t, "\n");
	if (f->terminal && !f->muted) {
		char *live = fb_strdup(f->screen.drawn.p);
		lost = fb_screen_draw(&f->screen, fb_style_columns(f->screen.fd), t.p, live);
		fb_free(live);
	} else if (!f->muted)
		lost = fb_io_write_all(STDERR_FILENO, t.p, t.n);
	f->muted |= lost != 0;
	fb_text_clear(&t);
}

/* Shows the events that are new; on a terminal draws the live lines anew. */
static int show_events(struct follow *f, bool draw_live, struct fb_err *err)
{
	struct fb_text settled = {0}, live = {0};
	struct fb_event_row *v;
	size_t n = 0;
	int64_t version = *f->id ? fb_journal_version(f->cli->journal) : 0;
	if (*f->id && version != f->version) {
		do {
			if (fb_journal_events(f->cli->journal, f->id, f->seq, BATCH, &v, &n, err) != 0)
				return -1;
			for (size_t i = 0; i < n; i++) {
				f->seq = v[i].seq;
				if (f->terminal)
					fb_view_event(f->view, &f->style, &v[i], &settled);
				else
					fb_view_plain(f->view, &f->style, &v[i], &settled);
			}
			fb_events_free(v, n);
		} while (n == BATCH);
		f->version = version;
	}
	if (f->terminal && draw_live)
		fb_view_live(f->view, &f->style, fb_clock_wall_ms(), 16, &live);
	if (!f->muted && f->terminal)
		f->muted = fb_screen_draw(&f->screen, f->style.width, settled.p, live.p) != 0;
	else if (!f->muted && settled.n)
		f->muted = fb_io_write_all(f->screen.fd, settled.p, settled.n) != 0;
	fb_text_clear(&settled);
	fb_text_clear(&live);
	return 0;
}

static int begin_execution(struct follow *f, const char *id)
{
	struct fb_text t = {0};
	int code = f->cli->journal ? 0 : fb_cli_journal(f->cli, FB_JOURNAL_READ);
	if (code)
		return code;
	snprintf(f->id, sizeof f->id, "%s", id);
	f->version = -1;
	fb_style_put(&f->style, &t, FB_TONE_DIM, f->id);
	fb_text_puts(&t, "\n");
	if (!f->muted)
		f->muted = fb_io_write_all(f->screen.fd, t.p, t.n) != 0;
	fb_text_clear(&t);
	return 0;
}

static int on_line(struct follow *f, const char *line)
{
	json_t *o = json_loads(line, 0, NULL), *value;
	int code = 0;
	if (!json_is_object(o)) {
		json_decref(o);
		return fb_cli_fail(f->cli, FB_EXIT_BUG, "the engine said something that is not understood: %.200s", line);
	}
	/* a dry run is in no journal: what it would do comes over the pipe */
	if ((value = json_object_get(o, "execution")) && json_is_string(value) && !f->cli->dry_run)
		code = begin_execution(f, json_string_value(value));
	if ((value = json_object_get(o, "errors")) && json_is_array(value)) {
		if (!f->errors)
			f->errors = json_array();
		json_array_extend(f->errors, value);
	}
	if ((value = json_object_get(o, "dry_run"))) {
		json_decref(f->dry_run);
		f->dry_run = json_incref(value);
	}
	if ((value = json_object_get(o, "report"))) {
		json_decref(f->report);
		f->report = json_incref(value);
	}
	if (json_is_integer(value = json_object_get(o, "exit")))
		f->exit_code = (int)json_integer_value(value);
	json_decref(o);
	return code;
}

/* 0: go on, 1: the pipe has ended, -1: failed with *ret_code */
static int read_pipe(struct follow *f, int *ret_code)
{
	char buf[4096];
	ssize_t n = read(f->fd, buf, sizeof buf);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : 1;
	if (n == 0)
		return 1;
	fb_text_add(&f->input, buf, (size_t)n);
	for (char *end; (end = memchr(f->input.p, '\n', f->input.n)) != NULL;) {
		size_t length = (size_t)(end - f->input.p) + 1;
		*end = 0;
		*ret_code = on_line(f, f->input.p);
		f->input.n -= length;
		memmove(f->input.p, f->input.p + length, f->input.n + 1);
		if (*ret_code)
			return -1;
	}
	return 0;
}

static bool in_recovery(struct follow *f)
{
	struct fb_execution e = {0};
	bool recovery = fb_view_recovering(f->view);
	if (!recovery && fb_journal_execution(f->cli->journal, f->id, &e, NULL) == 0)
		recovery = fb_streq(e.kind, "rollback");
	fb_execution_clear(&e);
	return recovery;
}

static void ask_stop(struct follow *f)
{
	char actor[96], text[512];
	struct fb_journal *j = NULL;
	struct fb_err err = {0};
	/* What is shown may be a moment old: the answer goes by what is. An error of it is told by whoever shows next. */
	(void)show_events(f, true, &err);
	if (in_recovery(f)) {
		snprintf(text, sizeof text, "a recovery is not stopped by an interrupt: it would leave things half done. To stop it all the same: failback stop %s --force", f->id);
		say(f, text);
		say(f, "another interrupt leaves this view; the recovery goes on");
		return;
	}
	if (fb_journal_open(fb_config_state_dir(f->cli->config), FB_JOURNAL_WRITE, &j, &err) != 0 ||
	    fb_journal_ask_stop(j, f->id, 1, fb_cli_actor(actor, sizeof actor), &err) != 0) {
		snprintf(text, sizeof text, "the deployment could not be asked to stop: %.400s", err.text);
		say(f, text);
	} else {
		say(f, "stopping after the current action, then recovering; another interrupt leaves this view, the execution goes on");
	}
	fb_journal_close(j);
}

/* Has a signal ended the view? Then its exit code, else 0. */
static int on_signals(struct follow *f)
{
	char text[512];
	if (got_hangup)
		return 128 + SIGHUP;
	if (f->interrupts == got_interrupt)
		return 0;
	/* The engine is on its way and has not said yet what to stop: it is asked as soon as that is known. */
	if (!*f->id)
		return got_interrupt > 1 || f->cli->dry_run ? 128 + interrupt_number : 0;
	f->interrupts++;
	if (f->interrupts == 1 && f->fd >= 0) {
		ask_stop(f);
		return 0;
	}
	snprintf(text, sizeof text, "the view ends, %s goes on; look again with: failback watch %s", f->id, f->id);
	say(f, text);
	return 128 + interrupt_number;
}

/* When we only watch: how the execution stands. 0: it runs · 1: it has ended or lost its engine, *ret_code is set */
static int look(struct follow *f, int *ret_code)
{
	struct fb_execution e = {0};
	struct fb_err err = {0};
	int r = fb_journal_execution(f->cli->journal, f->id, &e, &err), ended = 0;
	if (r != 0) {
		*ret_code = fb_cli_fail_err(f->cli, &err);
		return 1;
	}
	if (e.ended_ms) {
		*ret_code = f->exit_code = e.exit_code >= 0 ? e.exit_code : FB_EXIT_BUG;
		ended = 1;
	} else if (fb_streq(e.status, "waiting_approval")) {
		*ret_code = f->exit_code = FB_EXIT_WAITING;
		ended = 1;
	} else if (fb_streq(fb_report_status(&e), "interrupted")) {
		*ret_code = f->exit_code = FB_EXIT_INTERRUPTED;
		ended = 1;
	}
	fb_execution_clear(&e);
	return ended;
}

/* Lets news gather; only the end of the engine or a signal cuts it short. */
static void pace(const struct follow *f)
{
	struct pollfd p = {.fd = f->fd, .events = 0};
	if (f->fd >= 0)
		poll(&p, 1, PACE_MS);
}

/* Waits and shows until the engine has said its last word. Returns 0, or the code with which the view ends before that. */
static int loop(struct follow *f)
{
	struct fb_err err = {0};
	for (;;) {
		struct pollfd p = {.fd = f->fd, .events = POLLIN};
		int code = on_signals(f), over = 0;
		if (code)
			return code;
		if (poll(&p, 1, TICK_MS) > 0 && f->fd >= 0) {
			over = read_pipe(f, &code);
			if (over < 0)
				return code;
		}
		if (f->fd < 0)
			over = look(f, &code);
		f->style.width = fb_style_columns(f->screen.fd);
		if (show_events(f, !over, &err) != 0)
			return fb_cli_fail_err(f->cli, &err);
		if (over)
			return 0;
		if (f->muted && f->terminal)
			return 128 + SIGHUP;
		pace(f);
	}
}

/* The final word: the report's summary, or with --json the report itself. */
static int finish(struct follow *f)
{
	struct fb_cli *cli = f->cli;
	struct fb_err err = {0};
	struct fb_text t = {0};
	json_t *report;
	int code = f->exit_code >= 0 ? f->exit_code : FB_EXIT_INTERRUPTED;
	if (f->errors && !*f->id) {
		json_t *errors = f->errors;
		f->errors = NULL;
		return fb_cli_fail_json(cli, errors, f->exit_code > 0 ? f->exit_code : FB_EXIT_BUG);
	}
	if (f->dry_run) {
		json_object_set_new(f->dry_run, "schema", json_string("failback.dry_run/1"));
		if (cli->json)
			return fb_cli_print_json(cli, json_incref(f->dry_run), code);
		fb_render_dry_run(&cli->out, f->dry_run, &t);
		return fb_cli_print(cli, &t, code);
	}
	if (!*f->id) {
		if (f->exit_code == 0 && cli->dry_run)
			return fb_cli_fail(cli, FB_EXIT_BUG, "the engine did not say what it would do");
		if (f->exit_code >= 0)
			return f->exit_code;
		if (f->asked)
			return fb_cli_fail(cli, FB_EXIT_INTERRUPTED, "the engine ended before it went on with %s: 'failback show %s' says how to go on", f->asked, f->asked);
		return fb_cli_fail(cli, FB_EXIT_BUG, "the engine ended before it changed anything; if it had recorded an execution, 'failback status' shows that");
	}
	for (size_t i = 0; i < json_array_size(f->errors); i++)
		say(f, json_string_value(json_array_get(f->errors, i)));
	if (f->report)
		say(f, "the journal could not be written: what was done is in memory only, and this is all that is kept of it");
	report = f->report ? json_incref(f->report) : fb_report_build(cli->journal, f->id, &err);
	if (!report)
		return fb_cli_fail_err(cli, &err);
	if (f->exit_code < 0)
		say(f, "the engine is gone; what was recorded is safe");
	if (cli->json)
		return fb_cli_print_json(cli, report, code);
	fb_render_summary(&cli->out, report, &t);
	json_decref(report);
	return f->muted ? (fb_text_clear(&t), code) : fb_cli_print(cli, &t, code);
}

static int run(struct follow *f)
{
	int code;
	f->view = fb_view_new(f->cli->verbose);
	catch_signals();
	code = loop(f);
	fb_screen_end(&f->screen, code != 0);
	if (code == 0)
		code = finish(f);
	if (f->fd >= 0)
		close(f->fd);
	if (f->pid > 0 && f->exit_code >= 0)
		(void)waitpid(f->pid, NULL, WNOHANG); /* it may still put its house in order: not ours to wait for */
	fb_view_free(f->view);
	fb_text_clear(&f->input);
	json_decref(f->errors);
	json_decref(f->dry_run);
	json_decref(f->report);
	return code;
}

static struct follow follow_new(struct fb_cli *cli)
{
	int fd = cli->json ? STDERR_FILENO : STDOUT_FILENO;
	struct follow f = {.cli = cli, .fd = -1, .exit_code = -1, .style = cli->json ? cli->err : cli->out, .screen = {.fd = fd}};
	/* a terminal that knows no cursor movement gets plain lines */
	const char *term = getenv("TERM");
	f.terminal = isatty(fd) == 1 && term && *term && strcmp(term, "dumb") != 0;
	return f;
}

int fb_follow_launch(struct fb_cli *cli, struct fb_engine_request *request)
{
	struct follow f = follow_new(cli);
	struct fb_engine_process engine = {0};
	struct fb_err err = {0};
	char actor[96];
	int code = fb_cli_config(cli); /* where the journal is; and its errors are told before anything starts */
	if (code)
		return code;
	f.asked = request->execution;
	request->config = cli->request;
	request->host_program = fb_cli_host_program();
	request->actor = fb_cli_actor(actor, sizeof actor);
	request->dry_run = cli->dry_run;
	fflush(NULL);
	if (fb_engine_launch(request, &engine, &err) != 0)
		return fb_cli_fail_err(cli, &err);
	f.fd = engine.fd;
	f.pid = engine.pid;
	return run(&f);
}

int fb_follow_execution(struct fb_cli *cli, const char *id)
{
	struct follow f = follow_new(cli);
	int code = begin_execution(&f, id);
	return code ? code : run(&f);
}
