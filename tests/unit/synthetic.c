/* SPDX-License-Identifier: Apache-2.0 */
/* The stories that synthetic.h names. */
#include "tests/unit/synthetic.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "failback/plugin.h"

#define BOOT 5000000 /* the boot clock's reading at SYNTHETIC_AT */
#define MUST(call)                                                                  \
	do {                                                                        \
		if ((call) != 0) {                                                  \
			fprintf(stderr, "synthetic: %s: %s\n", #call, err.text);    \
			exit(99);                                                   \
		}                                                                   \
	} while (0)

static struct fb_err err;
static int64_t now_ms, base_ms; /* of the story, after its beginning; base: 0 or so that a paced story happens now */
static int pace;

static const char frozen[] =
	"{\"schema\":\"failback.chain/1\",\"kind\":\"deploy\",\"name\":\"web-2.1\",\"title\":\"Deploy web to production\",\"environment\":\"production\",\"deployment_id\":\"ci-4711\","
	"\"settings\":{\"approval\":\"high\"},\"services\":[{\"name\":\"web\",\"deploys\":true,\"release\":\"2.1\"}],\"chains\":{\"backup\":[],\"plan\":[],\"recovery\":[]},"
	"\"plugins\":[{\"kind\":\"phase\",\"name\":\"command\",\"version\":\"0.1.0\",\"file\":\"/usr/lib/failback/phase-command.so\",\"sha256\":\"00ff\",\"options\":[]}]}";

static int64_t wall(void)
{
	return base_ms + now_ms;
}

static void pass(int64_t ms)
{
	now_ms += ms;
	if (pace)
		poll(NULL, 0, (int)(ms * pace / 1000));
}

static void start(struct fb_journal *j, const char *id, const char *kind, const char *status, const char *title, const char *reason, const char *service)
{
	const char *const services[] = {service, NULL};
	struct fb_conflict conflict;
	struct fb_execution_new e = {.id = id, .alias = strcmp(kind, "deploy") == 0 ? "plan_deploy_production_1768906800" : "rollback_production", .kind = kind, .environment = "production",
				     .status = status, .title = title, .release = "2.1", .reason = reason, .frozen = frozen, .services = services, .now_ms = wall()};
	MUST(fb_journal_start(j, &e, &conflict, &err));
}

static void event(struct fb_journal *j, const char *name, const char *link, const char *summary, const char *data)
{
	int64_t seq;
	MUST(fb_journal_event(j, name, link, summary, data, &seq, &err));
}

static void mark(struct fb_journal *j, const char *name)
{
	MUST(fb_journal_clock(j, name, wall(), BOOT + now_ms, &err));
}

/* One link from start to end. data: what its row keeps; NULL message: it went well. */
static void link_run(struct fb_journal *j, const char *id, const char *title, const char *plugin, int64_t ms, const char *message, const char *data)
{
	static int seq;
	char chain[16], text[512], note[64];
	snprintf(chain, sizeof chain, "%.*s", (int)strcspn(id, "/"), id);
	struct fb_link_row r = {.id = (char *)(uintptr_t)id, .chain = chain, .name = (char *)(uintptr_t)title, .title = (char *)(uintptr_t)title, .plugin = (char *)(uintptr_t)plugin,
				.status = (char *)"running", .seq = ++seq, .attempt = 1, .answer = -1, .started_ms = wall(), .started_boot_ms = BOOT + now_ms};
	MUST(fb_journal_link(j, &r, &err));
	snprintf(text, sizeof text, "{\"seq\":%d,\"chain\":\"%s\",\"title\":\"%s\",\"plugin\":\"%s\",\"attempt\":1,\"timeout_ms\":60000}", seq, chain, title, plugin);
	event(j, "link.started", id, title, text);
	for (int i = 1; pace && i <= 4; i++) {
		snprintf(note, sizeof note, "{\"basis_points\":%d,\"text\":\"part %d of 4\"}", i * 2500, i);
		pass(ms / 4);
		event(j, "link.progress", id, "", note);
	}
	if (!pace)
		pass(ms);
	r.status = (char *)(uintptr_t)(message ? "failed" : "completed");
	r.message = (char *)(uintptr_t)message;
	r.data = (char *)(uintptr_t)data;
	r.answer = message ? 3 : 0;
	r.log = (char *)"logs/link.log";
	r.ended_ms = wall();
	r.ended_boot_ms = BOOT + now_ms;
	MUST(fb_journal_link(j, &r, &err));
	if (message)
		snprintf(text, sizeof text, "{\"elapsed_ms\":%lld,\"message\":\"%s\"}", (long long)ms, message);
	else
		snprintf(text, sizeof text, "{\"elapsed_ms\":%lld}", (long long)ms);
	event(j, message ? "link.failed" : "link.completed", id, title, text);
}

static void action(struct fb_journal *j, const char *link, const char *key, const char *text)
{
	struct fb_action_key k = {.link = link, .service = "web", .operation = "run", .key = key};
	int answer = fb_journal_act(j, &k, FB_REPEAT_IDEMPOTENT, text, false, &err);
	if (answer < 0)
		MUST(answer);
	MUST(fb_journal_acted(j, &k, "ok", &err));
}

static void recovery(struct fb_journal *j)
{
	link_run(j, "recovery/1", "Traffic Protection", "protect-traffic", 12, NULL, NULL);
	mark(j, "traffic_safe");
	event(j, "rollback.traffic_safe", NULL, "no user is sent to 2.1 any more", NULL);
	link_run(j, "recovery/2", "Restore Previous Version", "restore", 48, NULL, NULL);
	mark(j, "restored");
	event(j, "rollback.restored", NULL, "2.0 is live", NULL);
	link_run(j, "recovery/3", "Verify Stability", "verify", 3000, NULL, NULL);
	mark(j, "verified");
	event(j, "rollback.verified", NULL, "2.0 was healthy for 3 s", NULL);
	link_run(j, "recovery/4.1", "Cleanup Resources", "cleanup", 20, NULL, NULL);
	link_run(j, "recovery/4.2", "Root Cause Analysis", "analyze", 30, NULL,
		 "{\"reported\":{\"root_cause\":{\"type\":\"missing_file\",\"cause\":\"config/production.json is not there\",\"component\":\"web\",\"confidence\":0.93,\"failed_step\":7,"
		 "\"components\":[\"web\"],\"evidence\":[{\"file\":\"logs/plan-7.log\",\"line\":12,\"offset\":345,\"length\":53,\"text\":\"Cannot find module './config/production.json'\"}]}}}");
	link_run(j, "recovery/4.3", "Fix Recommendations", "recommend", 10, NULL,
		 "{\"reported\":{\"recommendations\":[{\"priority\":\"HIGH\",\"action\":\"Add config/production.json\",\"example\":\"echo '{}' > config/production.json\"},"
		 "{\"priority\":\"MEDIUM\",\"action\":\"Commit and push\"}]}}");
	link_run(j, "recovery/5", "Archive Logs", "archive", 15, NULL, NULL);
	mark(j, "reported");
	link_run(j, "recovery/6", "Notify Team", "notify", 5, NULL, NULL);
}

void synthetic_failed(struct fb_journal *j, int pace_ms)
{
	static const char *const steps[] = {"Build", "Test", "Quality", "Security", "Docker", "Verify"};
	char id[32];
	pace = pace_ms;
	now_ms = 0;
	base_ms = pace ? fb_clock_wall_ms() : SYNTHETIC_AT;
	start(j, SYNTHETIC_FAILED, "deploy", "running", "Deploy web to production", NULL, "web");
	MUST(fb_journal_audit(j, SYNTHETIC_FAILED, "user tester", "deploy", "web-2.1", &err));
	mark(j, "started");
	event(j, "deployment.started", NULL, "Deploy web to production", NULL);
	link_run(j, "backup/1", "Pre-Deployment Backup", "backup", 1200, NULL,
		 "{\"reported\":{\"items\":[{\"service\":\"web\",\"item\":\"release 2.0\",\"size\":1024,\"seconds\":0.4,\"proven\":true}]}}");
	event(j, "backup.created", NULL, "1 item, proven", NULL);
	for (int i = 0; i < 6; i++) {
		snprintf(id, sizeof id, "plan/%d", i + 1);
		link_run(j, id, steps[i], "command", 500, NULL, NULL);
	}
	action(j, "plan/6", "push", "push image web:2.1");
	event(j, "impact.changed", NULL, "", "{\"requests\":1204,\"failed\":0,\"source\":\"haproxy frontend web\"}");
	link_run(j, "plan/7", "Deploy", "command", 2900, "Missing config file: config/production.json", "{\"cause\":{\"kind\":\"exit\",\"number\":1}}");
	mark(j, "detected");
	event(j, "deployment.failed", NULL, "Step 7 failed: Missing config file", NULL);
	event(j, "rollback.started", NULL, "Automatic rollback initiated", NULL);
	recovery(j);
	MUST(fb_journal_document_set(j, "impact", "{\"user_impact\":\"ZERO\",\"requests\":1204,\"failed\":0,\"source\":\"haproxy frontend web\",\"window\":{\"from\":\"a\",\"to\":\"b\"}}", &err));
	MUST(fb_journal_document_set(j, "members", "[{\"service\":\"web\",\"status\":\"restored\",\"release\":\"2.0\"}]", &err));
	MUST(fb_journal_document_set(j, "evidence", "[{\"file\":\"logs/plan-7.log\",\"title\":\"output of step 7\",\"size\":999,\"sha256\":\"aa\",\"cut\":false}]", &err));
	MUST(fb_journal_document_set(j, "system", "{\"system_status\":\"STABLE\",\"why\":\"healthy for the whole window\"}", &err));
	MUST(fb_journal_release(j, "production", "web", "2.1", "failed", false, NULL, &err));
	MUST(fb_journal_release(j, "production", "web", "2.0", "good", true, NULL, &err));
	mark(j, "ended");
	event(j, "rollback.completed", NULL, "back on 2.0", NULL);
	MUST(fb_journal_status(j, "failed_with_rollback", true, 3, &err));
	pace = 0;
}

void synthetic_incomplete(struct fb_journal *j)
{
	now_ms = 0;
	base_ms = SYNTHETIC_AT + 3600000;
	start(j, SYNTHETIC_INCOMPLETE, "rollback", "running", "Roll back web", "5xx since 14:02", "web");
	mark(j, "started");
	mark(j, "detected");
	link_run(j, "recovery/1", "Traffic Protection", "protect-traffic", 12, NULL, NULL);
	link_run(j, "recovery/2", "Restore Previous Version", "restore", 5000, "the old release does not start: port 8080 is taken by pid 99", "{\"cause\":{\"kind\":\"answer\"}}");
	MUST(fb_journal_document_set(j, "members", "[{\"service\":\"web\",\"status\":\"protected\",\"detail\":\"no server\",\"commands\":[\"systemctl start web@2.0\"]}]", &err));
	MUST(fb_journal_document_set(j, "way_out", "[{\"text\":\"Free the port\",\"command\":\"kill 99\"},{\"text\":\"Start it\",\"command\":\"systemctl start web@2.0\"}]", &err));
	MUST(fb_journal_document_set(j, "system", "{\"system_status\":\"PROTECTED\",\"why\":\"nobody is sent to web\"}", &err));
	MUST(fb_journal_status(j, "rollback_incomplete", true, 4, &err));
}

void synthetic_waiting(struct fb_journal *j)
{
	now_ms = 0;
	base_ms = SYNTHETIC_AT + 7200000;
	start(j, SYNTHETIC_WAITING, "deploy", "waiting_approval", "Deploy web to production", NULL, "web");
	MUST(fb_journal_approval_ask(j, NULL, "high", &err));
}

/* Undoes a link as the runner does: its row goes on telling of its run. */
static void link_undo(struct fb_journal *j, const char *id, const char *title, bool failed)
{
	struct fb_link_row *rows, r = {0};
	size_t n;
	event(j, "link.started", id, title, "{\"chain\":\"undo\",\"title\":\"x\",\"attempt\":1,\"undo\":true}");
	pass(20);
	MUST(fb_journal_links(j, SYNTHETIC_RUNNING, &rows, &n, &err));
	for (size_t i = 0; i < n; i++)
		if (fb_streq(rows[i].id, id))
			r = rows[i];
	if (!failed)
		r.status = (char *)"undone";
	r.data = (char *)"{\"undo\":{\"status\":\"undone\",\"message\":null,\"attempts\":1,\"elapsed_ms\":20,\"ended_ms\":0,\"log\":\"archive/logs/001-undo.log\"}}";
	MUST(fb_journal_link(j, &r, &err));
	fb_links_free(rows, n);
	event(j, "link.undone", id, "", "{\"elapsed_ms\":20}");
}

void synthetic_undone(struct fb_journal *j)
{
	now_ms = 0;
	base_ms = fb_clock_wall_ms(); /* the journal stamps events with the time that it is */
	start(j, SYNTHETIC_RUNNING, "deploy", "running", "Deploy api to production", NULL, "api");
	mark(j, "started");
	link_run(j, "plan/1", "Build", "command", 500, NULL, NULL);
	link_run(j, "plan/2", "Test", "command", 900, "exit code 3", NULL);
	mark(j, "detected");
	link_undo(j, "plan/2", "Test", true);
	link_undo(j, "plan/1", "Build", false);
	MUST(fb_journal_status(j, "failed", true, 1, &err));
}

void synthetic_running(struct fb_journal *j)
{
	now_ms = 0;
	base_ms = SYNTHETIC_AT + 10800000;
	start(j, SYNTHETIC_RUNNING, "deploy", "running", "Deploy api to production", NULL, "api");
	mark(j, "started");
	link_run(j, "plan/1", "Build", "command", 500, NULL, NULL);
}
