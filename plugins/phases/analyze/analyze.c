/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Phase 5 of a recovery: why it failed. Reads the logs and the evidence of the archive; names one of four causes when a line says so, and
 * "unknown" with the best lines otherwise. Every quote is a byte range of an archived file, read twice.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../failure.h"
#include "../files.h"
#include "../phase.h"
#include "findings.h"
#include "quote.h"

static const struct {
	const char *id, *cause, *likely;
} classes[CLASS_COUNT] = {
	[CLASS_UNKNOWN] = {"unknown", "unknown", NULL},
	[CLASS_MISSING_FILE] = {"missing_file", "Missing configuration file", "Missing configuration or dependency file"},
	[CLASS_CRASH] = {"crash", "Crash at start", "The program crashed when it was started"},
	[CLASS_OUT_OF_MEMORY] = {"out_of_memory", "Out of memory", "The program needed more memory than it may use"},
	[CLASS_PERMISSION] = {"permission", "Missing permission", "The program may not do what it tried"},
};

static bool keep_on(void *ctx)
{
	const struct fb_call *call = ctx;

	return call->host->remaining_ms(call) > 500;
}

/* Is this file the failed step's own log? The report may name it by its whole path or within the archive. */
static bool is_own_log(const struct failure *failure, const char *path)
{
	size_t n = strlen(path), m = failure->log ? strlen(failure->log) : 0;

	return m >= n && !strcmp(failure->log + m - n, path) && (m == n || failure->log[m - n - 1] == '/');
}

static bool ends_in(const char *path, const char *end)
{
	size_t n = strlen(path), m = strlen(end);

	return n >= m && !strcmp(path + n - m, end);
}

/* What can tell the cause: the failed step's logs and those before it, and what was gathered as evidence; not the recovery's own words, nor
 * tables of numbers. Logs are named NNN-link.log, those of a link's operations link.service.operation.log. */
static bool may_tell(const struct failure *failure, const char *path)
{
	const char *own = failure->log ? strrchr(failure->log, '/') : NULL, *name = strrchr(path, '/') + 1;
	size_t n;

	if (strncmp(path, "logs/", 5))
		return !ends_in(path, ".csv") && !ends_in(path, ".json") && !ends_in(path, ".yaml") && !ends_in(path, "-state.txt");
	if (!strncmp(name, "notifier-", 9))
		return false; /* what was told to people about it */
	if (!isdigit((unsigned char)*name) && strchr(name, '.') == strrchr(name, '.'))
		return true; /* not one of the engine's */
	if (!own || !isdigit((unsigned char)own[1]))
		return false;
	if (isdigit((unsigned char)*name))
		return strtol(name, NULL, 10) <= strtol(own + 1, NULL, 10);
	own += 1 + strspn(own + 1, "0123456789") + 1;
	n = strlen(own) - (ends_in(own, ".log") ? 4 : 0);
	return !strncmp(name, own, n) && name[n] == '.';
}

static void scan_archive(const struct fb_call *call, int archive, const struct failure *failure, struct findings *f)
{
	struct files list = {0};

	files_list(archive, "logs", FINDINGS_FILES, &list);
	files_list(archive, "evidence", FINDINGS_FILES, &list);
	f->keep_on = keep_on;
	f->ctx = (void *)call;
	f->unread += list.left_out;
	for (size_t i = 0; i < list.n; i++) {
		if (!may_tell(failure, list.paths[i]))
			continue;
		if (!keep_on((void *)call)) {
			f->unread += (int)(list.n - i);
			call->host->log(call, FB_LOG_WARNING, "%zu files were not read: the time is over", list.n - i);
			break;
		}
		phase_progress(call, (int32_t)(i * 9000 / list.n), "reading %s", list.paths[i]);
		if (findings_scan(f, archive, list.paths[i], is_own_log(failure, list.paths[i])))
			call->host->log(call, FB_LOG_DEBUG, "%s was not read: %s", list.paths[i], strerror(errno));
	}
	files_clear(&list);
}

/* One entry of evidence; NULL when the line cannot be quoted as it is. */
static json_t *make_evidence(const struct fb_call *call, int archive, const struct findings *f, const struct finding *x)
{
	const char *path = f->files[x->file];
	struct quote q;
	json_t *ret = NULL;
	int fd = openat(archive, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return NULL;
	if (!quote_take(fd, x->start, x->end, x->from, x->to, &q)) {
		if (!quote_verify(fd, &q))
			ret = json_pack("{s:s, s:I, s:I, s:I, s:s}", "file", path, "line", (json_int_t)x->number, "offset", (json_int_t)q.offset,
					"length", (json_int_t)q.length, "text", q.text);
		else
			call->host->log(call, FB_LOG_WARNING, "%s changed while it was read: line %lld of it is not quoted", path, (long long)x->number);
	}
	close(fd);
	return ret;
}

static json_t *quote_list(const struct fb_call *call, int archive, const struct findings *f, const struct finding_list *list, json_t *to)
{
	for (int i = 0; i < list->n && json_array_size(to) < 5; i++) {
		json_t *e = make_evidence(call, archive, f, &list->v[i]);

		if (e)
			json_array_append_new(to, e);
	}
	return to;
}

/* Other lines of the class may tell how it ended; what it is about, only the best one tells. */
static bool may_add(const char *name)
{
	return !strcmp(name, "exit_code") || !strcmp(name, "signal") || !strcmp(name, "process");
}

/* Parameters of the best quote, and of the others how it ended. What is not UTF-8 is left out. */
static json_t *make_parameters(const struct finding_list *list, const struct failure *failure)
{
	json_t *ret = json_object();

	for (int i = 0; i < list->n; i++)
		for (size_t k = 0; k < list->v[i].match.parameter_count; k++) {
			const char *name = list->v[i].match.parameters[k].name, *value = list->v[i].match.parameters[k].value;
			size_t n = strlen(value);

			if (quote_utf8_run(value, n) == n && !json_object_get(ret, name) && (!i || may_add(name)))
				json_object_set_new(ret, name, json_string(value));
		}
	if (failure->exit_code && !json_object_get(ret, "exit_code"))
		json_object_set_new(ret, "exit_code", json_integer(failure->exit_code));
	if (failure->signal && !json_object_get(ret, "signal"))
		json_object_set_new(ret, "signal", json_integer(failure->signal));
	return ret;
}

static void add_component(json_t *list, const char *name)
{
	size_t i;
	json_t *v;

	json_array_foreach(list, i, v)
		if (!strcmp(json_string_value(v), name))
			return;
	json_array_append_new(list, json_string(name));
}

/* Who is concerned: the service, and whoever spoke in the quotes of the class. */
static json_t *make_components(const struct verdict *v, const struct finding_list *list, const struct failure *failure, const struct fb_call *call)
{
	json_t *ret = json_array();

	if (v->class != CLASS_UNKNOWN)
		for (int i = 0; i < list->n; i++)
			if (list->v[i].match.pattern->component)
				add_component(ret, list->v[i].match.pattern->component);
	if (failure->service || call->service)
		add_component(ret, failure->service ? failure->service : call->service);
	if (!json_array_size(ret))
		add_component(ret, "Deployment System");
	return ret;
}

/* The sentence under the cause. */
static void make_likely(const struct verdict *v, const json_t *parameters, const struct findings *f, char *buf, size_t size)
{
	static const char *const of[] = {"path", "name", "resource", "verb", "process", "signal", "address", "message", NULL};
	const char *value = NULL;

	for (int i = 0; of[i] && !value; i++)
		value = json_string_value(json_object_get(parameters, of[i]));
	if (v->class == CLASS_UNKNOWN && v->known)
		snprintf(buf, size, "none of the causes that are recognised for sure; what the log says: %s", v->known->match.pattern->component);
	else if (v->class == CLASS_UNKNOWN && !f->file_count)
		snprintf(buf, size, "no log could be read");
	else if (v->class == CLASS_UNKNOWN)
		snprintf(buf, size, "no line in %d file%s tells the cause", f->file_count, f->file_count == 1 ? "" : "s");
	else if (v->class == CLASS_CRASH && json_object_get(parameters, "exit_code") && !value)
		snprintf(buf, size, "%s (exit code %s)", classes[v->class].likely,
			 json_string_value(json_object_get(parameters, "exit_code")) ? json_string_value(json_object_get(parameters, "exit_code")) : "not 0");
	else
		snprintf(buf, size, "%s%s%s", classes[v->class].likely, value ? ": " : "", value ? value : "");
}

static json_t *make_root_cause(const struct fb_call *call, int archive, const struct findings *f, const struct failure *failure, const struct verdict *v,
			       char *likely, size_t likely_size)
{
	const struct finding_list *list = &f->of[v->known ? CLASS_OTHER : v->class];
	json_t *parameters = v->class == CLASS_UNKNOWN ? json_object() : make_parameters(list, failure);
	json_t *components = make_components(v, list, failure, call), *evidence = json_array();

	make_likely(v, parameters, f, likely, likely_size);
	quote_list(call, archive, f, list, evidence);
	if (v->class == CLASS_UNKNOWN || !json_array_size(evidence))
		quote_list(call, archive, f, &f->errors, evidence);
	return json_pack("{s:s, s:s, s:s, s:s, s:O, s:o, s:f, s:s, s:s*, s:o, s:o, s:{s:i, s:I, s:i}}", "type",
			 failure->step ? "deployment_failure" : "health_lost", "class", classes[v->class].id, "cause", classes[v->class].cause, "likely_cause",
			 likely, "component", json_array_get(components, 0), "components", components, "confidence", v->confidence / 100.0, "failed_step",
			 failure->title, "error_message", failure->message, "parameters", parameters, "evidence", evidence, "scanned", "files",
			 f->file_count, "bytes", (json_int_t)f->bytes, "unread", f->unread);
}

static int32_t analyze(const struct fb_call *call, int archive, struct findings *f)
{
	struct failure failure;
	struct verdict verdict;
	json_t *cause;
	char likely[PHASE_TEXT];

	failure_read(call, &failure);
	if (archive >= 0)
		scan_archive(call, archive, &failure, f);
	findings_judge(f, failure.exit_code, failure.signal, &verdict);
	cause = make_root_cause(call, archive, f, &failure, &verdict, likely, sizeof likely);
	failure_clear(&failure);
	if (!cause) {
		call->host->fail(call, "the root cause could not be put into words: a text in the report is not UTF-8. Look at the logs in %s",
				 call->archive ? call->archive : "the archive");
		return FB_FAIL;
	}
	phase_report(call, "root_cause", cause);
	if (verdict.class == CLASS_UNKNOWN)
		phase_say(call, "root cause unknown: %s (%d files read)", likely, f->file_count);
	else
		phase_say(call, "root cause: %s (confidence %d %%)", likely, verdict.confidence);
	return FB_OK;
}

static int32_t run(const struct fb_call *call)
{
	struct findings *f = findings_new();
	int archive = call->archive ? open(call->archive, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int32_t answer;

	if (!f) {
		call->host->fail(call, "the analysis could not begin: no memory for its table of patterns");
		answer = FB_RETRY;
	} else {
		if (archive < 0)
			call->host->log(call, FB_LOG_WARNING, "the archive %s cannot be read: %s", call->archive ? call->archive : "(none)",
					call->archive ? strerror(errno) : "the execution has none");
		phase_progress(call, 0, "analyzing root cause");
		answer = analyze(call, archive, f);
	}
	if (archive >= 0)
		close(archive);
	findings_free(f);
	return answer;
}

static const struct fb_phase_ops ops = {.run = run};

FB_PLUGIN(PHASE, .name = "analyze", .version = "0.1.0", .summary = "Finds the cause in the archived logs, and quotes the lines that say so",
	  .license = "Apache-2.0", .phase = &ops)
