/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Phase 5 of a recovery: why it failed. failback-analyze reads the logs and the evidence of the archive; this phase chooses what says most, reads every quote
 * again, and puts it into the report. It knows no sentence of any program.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../phase.h"
#include "logs.h"
#include "quote.h"
#include "tail.h"

#define EVIDENCE_MOST 6 /* one of them may be the block that the first stands in */

/* What a category is called in a report; and the sentence under it, when it is told with what it is about. */
static const struct {
	const char *category, *cause, *likely;
} titles[] = {
	{"auth", "Log-in refused", NULL},
	{"compile_error", "Source does not compile", NULL},
	{"config_syntax", "Configuration not well-formed", NULL},
	{"crash", "Crash at start", "The program crashed when it was started"},
	{"database", "Refused by the database", NULL},
	{"dependency_missing", "Missing dependency", NULL},
	{"disk_full", "Disk full", NULL},
	{"image_not_found", "Missing image", NULL},
	{"lint", "Source style not accepted", NULL},
	{"lock", "Lock held by another run", NULL},
	{"missing_file", "Missing configuration file", "Missing configuration or dependency file"},
	{"network", "Network not reachable", NULL},
	{"out_of_memory", "Out of memory", "The program needed more memory than it may use"},
	{"permission", "Missing permission", "The program may not do what it tried"},
	{"port_in_use", "Port in use", NULL},
	{"probe_failure", "Health probe failed", NULL},
	{"quota_limit", "Limit reached", NULL},
	{"test_failure", "Test failed", NULL},
	{"timeout", "Time over", NULL},
	{"tls", "Certificate not accepted", NULL},
	{"unknown", "unknown", NULL},
	{"vcs_ref_missing", "Revision missing in the repository", NULL},
	{"version_conflict", "Versions that do not fit together", NULL},
};

struct finding {
	const char *class, *cause, *likely_prefix;
	const json_t *source; /* root_cause of failback.analysis/1; NULL: how the step ended says it, or nothing does */
	double confidence;
};

static const char *text_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s && *s ? s : NULL;
}

static bool has_crashed(const struct failure *f)
{
	return (f->signal >= 4 && f->signal <= 11 && f->signal != 9 && f->signal != 10) || (f->exit_code >= 132 && f->exit_code <= 139 && f->exit_code != 137);
}

static void name_it(struct finding *x, const char *class)
{
	x->class = class;
	x->cause = class;
	for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
		if (!strcmp(titles[i].category, class)) {
			x->cause = titles[i].cause;
			x->likely_prefix = titles[i].likely;
		}
}

static struct finding find(const struct logs *l, const struct failure *failure)
{
	const char *type = l->best ? text_of(l->best, "type") : NULL;
	bool known = type && strcmp(type, "unknown");
	struct finding x = {.source = l->best, .confidence = known ? json_number_value(json_object_get(l->best, "confidence")) : 0};

	name_it(&x, known ? type : "unknown");
	if (!known && has_crashed(failure)) {
		name_it(&x, "crash");
		x.confidence = 0.8;
	}
	return x;
}

/* One entry of evidence as the report has it; NULL when the file does not say so. */
static json_t *checked(const struct fb_call *call, int archive, const json_t *e)
{
	const char *path = logs_file(call, e), *text = text_of(e, "text");
	struct quote q = {.offset = json_integer_value(json_object_get(e, "offset")), .length = json_integer_value(json_object_get(e, "length"))};
	int fd = path && text && strlen(text) < sizeof q.text ? openat(archive, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
	json_t *ret = NULL;

	if (fd < 0)
		return NULL;
	strcpy(q.text, text);
	if (!quote_verify(fd, &q))
		ret = json_pack("{s:s, s:O, s:O, s:O, s:s, s:O*, s:O*}", "file", path, "line", json_object_get(e, "line"), "offset", json_object_get(e, "offset"), "length", json_object_get(e, "length"),
				"text", q.text, "last_line", json_object_get(e, "last_line"), "block", json_object_get(e, "block"));
	else
		call->host->log(call, FB_LOG_WARNING, "%s changed while it was read: line %lld of it is not quoted", path, (long long)json_integer_value(json_object_get(e, "line")));
	close(fd);
	return ret;
}

static json_t *make_evidence(const struct fb_call *call, int archive, const struct logs *l, const struct failure *failure)
{
	const char *own = logs_own(l, failure);
	json_t *ret = json_array(), *list = json_object_get(l->best, "evidence"), *e;
	size_t i;

	json_array_foreach(list, i, e)
		if (json_array_size(ret) < EVIDENCE_MOST && (e = checked(call, archive, e)))
			json_array_append_new(ret, e);
	if (json_array_size(ret) || l->answer)
		return ret;
	json_decref(ret);
	return own ? tail_evidence(archive, own) : json_array();
}

/* What the log named, and how the step ended. */
static json_t *make_parameters(const struct finding *x, const struct failure *failure)
{
	static const char *const messages[] = {"exception", "error", "what", "location"};
	json_t *ret = json_deep_copy(json_object_get(x->source, "parameters"));
	const char *about = x->source ? text_of(x->source, "parameter") : NULL;

	if (!ret)
		ret = json_object();
	if (about && !strcmp(x->class, "missing_file") && !json_object_get(ret, "path") && !json_object_get(ret, "name") && strchr(about, '/'))
		json_object_set_new(ret, "path", json_string(about));
	for (size_t i = 0; !strcmp(x->class, "crash") && i < sizeof messages / sizeof *messages && !json_object_get(ret, "message"); i++)
		if (text_of(ret, messages[i]))
			json_object_set(ret, "message", json_object_get(ret, messages[i]));
	if (failure->exit_code && !json_object_get(ret, "exit_code"))
		json_object_set_new(ret, "exit_code", json_integer(failure->exit_code));
	if (failure->signal && !json_object_get(ret, "signal"))
		json_object_set_new(ret, "signal", json_integer(failure->signal));
	return ret;
}

/* Who is concerned: whoever spoke, the service whose log it is, and the one whose step failed. */
static json_t *make_components(const struct finding *x, const struct failure *failure, const struct fb_call *call, const char *teller)
{
	const char *speaker = x->source && strcmp(x->class, "unknown") ? text_of(x->source, "component") : NULL, *service = failure->service ? failure->service : call->service;
	json_t *ret = json_array();

	if (speaker)
		json_array_append_new(ret, json_string(speaker));
	if (teller && (!speaker || strcmp(speaker, teller)) && (!service || strcmp(service, teller)))
		json_array_append_new(ret, json_string(teller));
	if (service && (!speaker || strcmp(speaker, service)))
		json_array_append_new(ret, json_string(service));
	if (!json_array_size(ret))
		json_array_append_new(ret, json_string("Deployment System"));
	return ret;
}

/* The sentence under the cause. */
static void make_likely(const struct finding *x, const json_t *parameters, const struct logs *l, char *buf, size_t size)
{
	static const char *const of[] = {"path", "name", "resource", "verb", "process", "signal", "address", "message", NULL};
	const char *value = NULL, *said = x->source ? text_of(x->source, "cause") : NULL, *code = text_of(parameters, "exit_code");

	for (int i = 0; of[i] && !value; i++)
		value = text_of(parameters, of[i]);
	if (!strcmp(x->class, "unknown") && *l->why)
		snprintf(buf, size, "%s", l->why);
	else if (!strcmp(x->class, "unknown") && !l->files.n)
		snprintf(buf, size, "no log could be read");
	else if (!strcmp(x->class, "unknown"))
		snprintf(buf, size, "no line in %zu file%s tells the cause", l->files.n, l->files.n == 1 ? "" : "s");
	else if (!x->likely_prefix && said)
		snprintf(buf, size, "%s", said);
	else if (!strcmp(x->class, "crash") && json_object_get(parameters, "exit_code") && !value)
		snprintf(buf, size, "%s (exit code %s)", x->likely_prefix, code ? code : "not 0");
	else
		snprintf(buf, size, "%s%s%s", x->likely_prefix ? x->likely_prefix : x->cause, value ? ": " : "", value ? value : "");
}

static json_t *make_root_cause(const struct fb_call *call, int archive, const struct logs *l, const struct failure *failure, const struct finding *x, char *likely, size_t size)
{
	json_t *parameters = make_parameters(x, failure), *components, *ret;
	const char *teller = l->best_row && x->source && strcmp(x->class, "unknown") ? text_of(l->best_row, "service") : NULL;

	components = make_components(x, failure, call, teller);
	make_likely(x, parameters, l, likely, size);
	ret = json_pack("{s:s, s:s, s:s, s:s, s:O, s:O, s:f, s:s, s:s*, s:O, s:o, s:{s:i, s:I, s:i}}", "type", failure->step ? "deployment_failure" : "health_lost", "class", x->class, "cause",
			x->cause, "likely_cause", likely, "component", json_array_get(components, 0), "components", components, "confidence", x->confidence, "failed_step", failure->title,
			"error_message", failure->message, "parameters", parameters, "evidence",
			make_evidence(call, archive, l, failure), "scanned", "files", (int)l->files.n, "bytes", (json_int_t)l->bytes, "unread", l->unread);
	if (ret && x->source && strcmp(x->class, "unknown")) {
		json_object_set(ret, "fixes", json_object_get(x->source, "recommendations"));
		json_object_set(ret, "signature", json_object_get(x->source, "signature"));
	}
	if (ret && teller) /* the step's own log did not say it */
		json_object_set_new(ret, "told_by", json_pack("{s:s, s:O*, s:O*}", "service", teller, "title", json_object_get(l->best_row, "title"), "file", json_object_get(l->best_row, "file")));
	json_decref(parameters);
	json_decref(components);
	return ret;
}

static int32_t analyze(const struct fb_call *call, int archive)
{
	struct failure failure;
	struct logs logs = {0};
	struct finding x;
	json_t *cause;
	char likely[PHASE_TEXT];

	failure_read(call, &failure);
	if (archive >= 0)
		logs_ask(call, archive, &failure, &logs);
	if (*logs.why)
		call->host->log(call, FB_LOG_WARNING, "%s", logs.why);
	x = find(&logs, &failure);
	cause = make_root_cause(call, archive, &logs, &failure, &x, likely, sizeof likely);
	if (cause) {
		phase_report(call, "root_cause", cause);
		if (!strcmp(x.class, "unknown"))
			phase_say(call, "root cause unknown: %s (%zu files read)", likely, logs.files.n);
		else
			phase_say(call, "root cause: %s (confidence %.0f %%)", likely, 100 * x.confidence);
	} else {
		call->host->fail(call, "the root cause could not be put into words: a text in the report is not UTF-8. Look at the logs in %s",
				 call->archive ? call->archive : "the archive");
	}
	logs_clear(&logs);
	failure_clear(&failure);
	return cause ? FB_OK : FB_FAIL;
}

static int32_t run(const struct fb_call *call)
{
	int archive = call->archive ? open(call->archive, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int32_t answer;

	if (archive < 0)
		call->host->log(call, FB_LOG_WARNING, "the archive %s cannot be read: %s", call->archive ? call->archive : "(none)",
				call->archive ? strerror(errno) : "the execution has none");
	phase_progress(call, 0, "analyzing root cause");
	answer = analyze(call, archive);
	if (archive >= 0)
		close(archive);
	return answer;
}

static const struct fb_phase_ops ops = {.run = run};

FB_PLUGIN(PHASE, .name = "analyze", .version = "0.1.0", .summary = "Finds the cause in the archived logs, and quotes the lines that say so",
	  .license = "Apache-2.0", .phase = &ops)
