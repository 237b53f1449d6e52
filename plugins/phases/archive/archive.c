/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Phase 7 of a recovery: beside the logs and the evidence that the core has kept, the report, the error, the state, the configuration and the versions as files of
 * their own, one tar of all of it, most important first, and a manifest with the hash of every file. The folder of logs belongs to the core: what is added to it goes
 * through evidence_text, and so is redacted.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "../failure.h"
#include "../files.h"
#include "../phase.h"
#include "retain.h"
#include "rollback_log.h"
#include "tar.h"
#include "yaml.h"

#define LIMIT 5000 /* files in a manifest */
#define LOGS_LIMIT ((int64_t)16 * 1024 * 1024) /* what is compressed while people wait for the word */

struct text {
	FILE *file;
	char *p;
	size_t n;
};

static int text_begin(struct text *t)
{
	t->p = NULL;
	t->file = open_memstream(&t->p, &t->n);
	return t->file ? 0 : -1;
}

/* Gives the text to the archive. 0, or -1 with fail() called. */
static int text_keep(const struct fb_call *call, struct text *t, const char *name, const char *title)
{
	int rc = fclose(t->file) ? -1 : call->host->evidence_text(call, name, title, t->p, t->n);

	free(t->p);
	if (rc)
		call->host->fail(call, "%s could not be written to the archive %s: see the log of this link, and whether its disk is full", name,
				 call->archive ? call->archive : "of this execution");
	return rc ? -1 : 0;
}

static int keep_json(const struct fb_call *call, const json_t *value, const char *name, const char *title)
{
	struct text t;

	if (text_begin(&t))
		return -1;
	if (json_dumpf(value, t.file, JSON_INDENT(2) | JSON_ENCODE_ANY))
		fputs("null", t.file);
	fputc('\n', t.file);
	return text_keep(call, &t, name, title);
}

/* For a file that people show in a terminal: control characters become a question mark; further lines stand below the first. */
static void put_clean(FILE *to, const char *s)
{
	for (; *s; s++)
		if (*s == '\n')
			fputs("\n    ", to);
		else if (*s != '\r' || s[1] != '\n')
			fputc((unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s, to);
}

static void put_line(FILE *to, const char *label, const char *value)
{
	if (!value)
		return;
	fprintf(to, "%-14s ", label);
	put_clean(to, value);
	fputc('\n', to);
}

static int keep_error(const struct fb_call *call, const struct failure *failure, const char *name)
{
	const json_t *cause = json_object_get(failure->report, "root_cause");
	struct text t;
	json_t *e;
	size_t i;
	json_t *list = json_object_get(cause, "evidence");

	if (text_begin(&t))
		return -1;
	put_line(t.file, "Execution:", call->execution);
	put_line(t.file, "Environment:", call->environment);
	put_line(t.file, "Release:", call->failed ? call->failed : call->release);
	put_line(t.file, "Failed:", failure->title);
	put_line(t.file, "Message:", failure->message ? failure->message : call->reason);
	put_line(t.file, "Cause:", failure_text(cause, "cause", NULL, NULL));
	put_line(t.file, "Likely cause:", failure_text(cause, "likely_cause", NULL, NULL));
	json_array_foreach(list, i, e) {
		fprintf(t.file, "%s%s:%" JSON_INTEGER_FORMAT ": ", i ? "" : "\n", failure_text(e, "file", NULL, NULL) ? failure_text(e, "file", NULL, NULL) : "?",
			json_integer_value(json_object_get(e, "line")));
		put_clean(t.file, failure_text(e, "text", NULL, NULL) ? failure_text(e, "text", NULL, NULL) : "");
		fputc('\n', t.file);
	}
	return text_keep(call, &t, name, "Error details");
}

static int keep_state(const struct fb_call *call, const json_t *report, const char *name)
{
	const char *text = call->host->document(call, "services");
	const json_t *rollback = json_object_get(report, "rollback");
	json_t *members = json_object_get(report, "members"), *services = text ? json_loads(text, 0, NULL) : NULL;
	json_t *state = json_pack("{s:s, s:s*, s:s*, s:O*, s:O*, s:O*, s:o*}", "schema", "failback.state/1", "execution", call->execution, "environment",
				  call->environment, "status", json_object_get(report, "status"), "system_status", json_object_get(rollback, "system_status"),
				  "members", members ? members : json_object_get(rollback, "members"), "services", services);
	struct text t;
	int rc = -1;

	if (!state)
		call->host->fail(call, "the state of the services is not UTF-8 and cannot be archived");
	else if (!text_begin(&t)) {
		yaml_write(t.file, state);
		rc = text_keep(call, &t, name, "System state");
	}
	json_decref(state);
	return rc;
}

/* The operating system's own name, "Debian GNU/Linux 12 (bookworm)". */
static void system_name(char *ret, size_t size)
{
	FILE *f = fopen("/etc/os-release", "re");
	char line[256];

	snprintf(ret, size, "?");
	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, "PRETTY_NAME=", 12)) {
			line[strcspn(line, "\n")] = 0;
			snprintf(ret, size, "%s", line + 12 + (line[12] == '"'));
			if (*ret && ret[strlen(ret) - 1] == '"')
				ret[strlen(ret) - 1] = 0;
		}
	if (f)
		fclose(f);
}

static int keep_versions(const struct fb_call *call, json_t *report, const char *name)
{
	struct utsname u = {0};
	char os[256];
	json_t *v;
	int rc;

	uname(&u);
	system_name(os, sizeof os);
	v = json_pack("{s:s, s:s, s:s, s:s, s:s, s:O*}", "schema", "failback.versions/1", "failback", PACKAGE_VERSION, "system", os, "kernel", u.release, "machine",
		      u.machine, "plugins", json_object_get(report, "plugins"));
	rc = v ? keep_json(call, v, name, "Versions") : 0;
	json_decref(v);
	return rc;
}

static int keep_configuration(const struct fb_call *call, const char *name)
{
	const char *text = call->host->document(call, "configuration");
	json_t *v = text ? json_loads(text, 0, NULL) : NULL;
	int rc = v ? keep_json(call, v, name, "Configuration in force") : 0;

	json_decref(v);
	return rc;
}

/* ---- the tar ---- */

struct item {
	char *path; /* below the folder of logs */
	int rank;
	int64_t size; /* what it has now: a log that is still written to only grows */
	bool beside;  /* too large for a recovery to wait for: it stays where it is */
	char hash[crypto_hash_sha256_BYTES * 2 + 1]; /* "": not in the tar */
};
struct content {
	struct item *items;
	size_t n, in, beside; /* in: how many are in the tar */
	int left_out;
	int64_t bytes;
};

/* Most important first: what a disk that is nearly full still takes. */
static int rank_of(const char *path, const char *failed_log)
{
	static const char *const first[] = {"execution-", "error-", "state-", "configuration-", "versions-"};

	for (int i = 0; i < 5; i++)
		if (!strncmp(path, "evidence/", 9) && strstr(path, first[i]))
			return i;
	if (failed_log && strstr(failed_log, path))
		return 5;
	return strncmp(path, "logs/", 5) ? 7 : 6;
}

static int by_rank(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return x->rank != y->rank ? x->rank - y->rank : strcmp(x->path, y->path);
}

static void content_clear(struct content *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->items[i].path);
	free(c->items);
}

/* limit: bytes of logs that the tar takes; what else there is stays beside it. The files that this phase has made are always in it. */
static void set_beside(struct content *c, int64_t limit)
{
	int64_t sum = 0;

	for (size_t i = 0; i < c->n; i++) {
		struct item *it = &c->items[i];

		it->beside = it->rank >= 5 && limit > 0 && sum + it->size > limit;
		c->beside += it->beside;
		sum += it->beside ? 0 : it->size;
	}
}

static int content_find(int archive, const char *failed_log, int64_t limit, struct content *ret)
{
	struct files files = {0};

	memset(ret, 0, sizeof *ret);
	files_list(archive, "", LIMIT, &files);
	ret->left_out = files.left_out;
	ret->items = calloc(files.n + 1, sizeof *ret->items);
	for (size_t i = 0; ret->items && i < files.n; i++) {
		struct item *it = &ret->items[ret->n];
		struct stat st;

		if (strstr(files.paths[i], "manifest.json") || fstatat(archive, files.paths[i], &st, AT_SYMLINK_NOFOLLOW))
			continue;
		it->path = files.paths[i];
		files.paths[i] = NULL;
		it->rank = rank_of(it->path, failed_log);
		it->size = st.st_size;
		ret->bytes += it->size;
		ret->n++;
	}
	files_clear(&files);
	if (ret->n)
		qsort(ret->items, ret->n, sizeof *ret->items, by_rank);
	set_beside(ret, limit);
	return ret->items ? 0 : -1;
}

static bool time_is_left(void *ctx)
{
	const struct fb_call *call = ctx;

	return call->host->remaining_ms(call) > 500;
}

static json_t *make_manifest(const struct fb_call *call, const struct content *c, bool whole)
{
	json_t *list = json_array(), *missing = json_array(), *beside = json_array();

	for (size_t i = 0; i < c->n; i++)
		if (c->items[i].beside)
			json_array_append_new(beside, json_pack("{s:s, s:I}", "file", c->items[i].path, "size", (json_int_t)c->items[i].size));
		else if (*c->items[i].hash)
			json_array_append_new(list, json_pack("{s:s, s:I, s:s}", "file", c->items[i].path, "size", (json_int_t)c->items[i].size, "sha256", c->items[i].hash));
		else
			json_array_append_new(missing, json_string(c->items[i].path));
	return json_pack("{s:s, s:s*, s:b, s:o, s:o, s:o, s:s, s:i}", "schema", "failback.manifest/1", "execution", call->execution, "complete", whole, "files", list, "missing", missing,
			 "beside", beside, "folder", call->archive, "left_out", c->left_out);
}

/* Adds all until one does not fit. 0, or -1 with errno. */
static int fill(const struct fb_call *call, struct tar *t, int archive, const char *id, struct content *c)
{
	for (size_t i = 0; i < c->n; i++) {
		struct item *it = &c->items[i];
		char member[4600];
		int fd, r, saved;

		if (it->beside)
			continue;
		fd = openat(archive, it->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (fd < 0) {
			call->host->log(call, FB_LOG_WARNING, "%s is not archived: %s", it->path, strerror(errno));
			c->left_out++;
			continue;
		}
		snprintf(member, sizeof member, "%s/%s", id, it->path);
		r = tar_file(t, member, fd, it->size, it->hash, time_is_left, (void *)(uintptr_t)call);
		saved = errno;
		close(fd);
		errno = saved;
		if (r) {
			*it->hash = 0;
			return -1;
		}
		c->in++;
	}
	return 0;
}

/* The manifest as the last member; where it does not fit, others make room, the least important first. */
static int add_manifest(const struct fb_call *call, struct tar *t, const char *id, struct content *c, bool whole)
{
	char member[400];
	int r = -1;

	snprintf(member, sizeof member, "%s/manifest.json", id);
	for (int tries = 0; r && tries < 2; tries++) {
		json_t *manifest = make_manifest(call, c, whole);
		char *text = manifest ? json_dumps(manifest, JSON_INDENT(2)) : NULL;

		r = text ? tar_text(t, member, text, strlen(text)) : -1;
		free(text);
		json_decref(manifest);
		if (!r || !c->in || tries)
			break;
		whole = false;
		for (size_t i = c->n; i-- > 0;)
			if (*c->items[i].hash) {
				*c->items[i].hash = 0;
				break;
			}
		c->in--;
		tar_drop(t);
	}
	return r;
}

static int folder_of(const struct fb_call *call, char *ret, size_t size)
{
	const char *given = call->host->option(call, "directory");
	const char *slash = strrchr(call->archive, '/');

	if (given && *given)
		return (size_t)snprintf(ret, size, "%s", given) < size ? 0 : -1;
	if (!slash || slash == call->archive || (size_t)(slash - call->archive) >= size)
		return -1;
	snprintf(ret, size, "%.*s", (int)(slash - call->archive), call->archive);
	return 0;
}

/* Makes the tar. 0: whole · 1: only a part of it fitted (said) · -1 (said). */
static int make_tar(const struct fb_call *call, int archive, struct content *c, char *ret_path, size_t room, int64_t *ret_size)
{
	const char *id = call->execution ? call->execution : "unknown";
	int level = (int)call->host->option_int(call, "level", 1), why = 0;
	char folder[4096];
	bool whole = true;
	struct tar *t;

	if (folder_of(call, folder, sizeof folder)) {
		call->host->fail(call, "there is no folder for the archive of this execution: set the option directory");
		return -1;
	}
	t = tar_begin(folder, id, level, c->bytes > 4 << 20 ? 2 : 0);
	if (!t) {
		call->host->fail(call, "the archive %s/%s.tar.zst cannot be begun: %s. The logs are in %s", folder, id, strerror(errno), call->archive);
		return -1;
	}
	if (fill(call, t, archive, id, c)) {
		why = errno;
		whole = false;
	}
	if (!c->in && !whole) {
		tar_cancel(t);
		call->host->fail(call, "nothing of the archive %s/%s.tar.zst could be written: %s. The logs are in %s", folder, id, strerror(why), call->archive);
		return -1;
	}
	if (add_manifest(call, t, id, c, whole)) {
		why = why ? why : errno;
		whole = false;
	}
	whole = whole && c->in + c->beside + (size_t)c->left_out >= c->n;
	if (tar_end(t, whole, ret_path, room, ret_size)) {
		call->host->fail(call, "the archive %s/%s.tar.zst cannot be written: %s. The logs are in %s", folder, id, strerror(errno), call->archive);
		return -1;
	}
	if (!whole)
		call->host->fail(call, "only %zu of %zu files, the most important, are in %s: %s. Make room, and keep the rest from %s", c->in, c->n, ret_path,
				 why == ETIME ? "the time for this phase is over" : strerror(why ? why : EIO), call->archive);
	return whole ? 0 : 1;
}

/* ---- after it ---- */

static void retain(const struct fb_call *call, const char *own)
{
	const char *given = call->host->option(call, "directory");
	struct retain_rule rule = {.age_s = call->host->option_int(call, "keep_for", 0) / 1000, .count = call->host->option_int(call, "keep_last", 0),
				   .bytes = call->host->option_int(call, "keep_size", 0)};
	struct retain_list list;
	char folder[4096], *up;
	int fd;

	if ((!rule.age_s && !rule.count && !rule.bytes) || folder_of(call, folder, sizeof folder))
		return;
	up = strrchr(folder, '/');
	if (!(given && *given) && up && up != folder)
		*up = 0; /* the executions' folders */
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || retain_find(fd, !(given && *given), &list)) {
		call->host->log(call, FB_LOG_WARNING, "old archives below %s cannot be looked for: %s", folder, strerror(errno));
		if (fd >= 0)
			close(fd);
		return;
	}
	own = strlen(own) > strlen(folder) ? own + strlen(folder) + 1 : "";
	retain_choose(&list, &rule, own, (int64_t)time(NULL));
	for (size_t i = 0; i < list.n && i < 1000; i++) {
		char key[4200], text[8400];

		snprintf(key, sizeof key, "remove %s", list.files[i].path);
		snprintf(text, sizeof text, "remove the archive %s/%s, which is no longer kept", folder, list.files[i].path);
		if (call->host->act(call, key, FB_REPEAT_IDEMPOTENT, text) != FB_ACT_DO)
			continue;
		if (unlinkat(fd, list.files[i].path, 0) && errno != ENOENT)
			call->host->log(call, FB_LOG_WARNING, "the archive %s/%s cannot be removed: %s", folder, list.files[i].path, strerror(errno));
		call->host->acted(call, key, NULL);
	}
	retain_clear(&list);
	close(fd);
}

static void now_text(char *ret, size_t size)
{
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(ret, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* 0, or -1 with fail() called. An execution that was gone on with finds its own entry. */
static int log_rollback(const struct fb_call *call, const json_t *report)
{
	const char *path = call->host->option(call, "rollback_log"), *id = call->execution ? call->execution : "unknown";
	char at[32], text[4200], *entry;
	int r = 0;

	if (!path || !*path || !json_is_object(json_object_get(report, "rollback")))
		return 0;
	snprintf(text, sizeof text, "append an entry to the rollback log %s", path);
	if (call->host->act(call, "rollback-log", FB_REPEAT_IDEMPOTENT, text) != FB_ACT_DO)
		return 0;
	now_text(at, sizeof at);
	entry = rollback_log_entry(report, id, json_is_string(json_object_get(report, "timestamp")) ? json_string_value(json_object_get(report, "timestamp")) : at);
	if (!entry || rollback_log_append(path, id, entry) < 0) {
		call->host->fail(call, "the rollback log %s has no entry of this execution: %s. \"failback report %s --format markdown\" prints one", path, strerror(errno), id);
		r = -1;
	} else {
		call->host->acted(call, "rollback-log", NULL);
	}
	free(entry);
	return r;
}

static int32_t finish(const struct fb_call *call, int archive, const struct failure *failure)
{
	struct content c;
	char path[4700] = "", text[4800];
	const char *given = call->host->option(call, "directory");
	int64_t size = 0;
	json_t *manifest;
	int32_t may;
	int made, rc = 0;

	/* In a folder of its own the archive stands alone; in that of the execution the logs are beside it anyway. */
	if (content_find(archive, failure->log, call->host->option_int(call, "logs_limit", given && *given ? 0 : LOGS_LIMIT), &c)) {
		call->host->fail(call, "there is no memory for the list of what is to be archived");
		return FB_RETRY;
	}
	snprintf(text, sizeof text, "write the archive %s.tar.zst", call->execution ? call->execution : "unknown");
	may = call->host->act(call, "tar", FB_REPEAT_IDEMPOTENT, text);
	if (may != FB_ACT_DO && may != FB_ACT_DONE) {
		content_clear(&c);
		return may == FB_ACT_DRY ? FB_OK : FB_RETRY;
	}
	made = make_tar(call, archive, &c, path, sizeof path, &size);
	if (made >= 0)
		call->host->acted(call, "tar", path);
	manifest = made >= 0 ? make_manifest(call, &c, made == 0) : NULL;
	if (manifest)
		rc = keep_json(call, manifest, "manifest.json", "Manifest");
	json_decref(manifest);
	if (made == 0 && !rc) {
		retain(call, path);
		snprintf(text, sizeof text, "; %zu large logs stay in %s", c.beside, call->archive);
		phase_say(call, "%zu files archived in %s (%" PRId64 " KiB of %" PRId64 ")%s", c.in + 1, path, (size + 1023) / 1024, (c.bytes + 1023) / 1024, c.beside ? text : "");
	}
	content_clear(&c);
	return made || rc ? FB_FAIL : FB_OK;
}

static int keep_all(const struct fb_call *call, const struct failure *failure)
{
	const char *id = call->execution ? call->execution : "unknown";
	char name[256];
	int rc = 0;

	snprintf(name, sizeof name, "execution-%s.json", id);
	if (failure->report)
		rc = keep_json(call, failure->report, name, "Execution log");
	else
		call->host->log(call, FB_LOG_WARNING, "the report of this execution could not be read: it is not in the archive");
	snprintf(name, sizeof name, "error-%s.txt", id);
	if (!rc)
		rc = keep_error(call, failure, name);
	snprintf(name, sizeof name, "state-%s.yaml", id);
	if (!rc)
		rc = keep_state(call, failure->report, name);
	snprintf(name, sizeof name, "configuration-%s.json", id);
	if (!rc)
		rc = keep_configuration(call, name);
	snprintf(name, sizeof name, "versions-%s.json", id);
	if (!rc)
		rc = keep_versions(call, failure->report, name);
	return rc;
}

static int32_t run(const struct fb_call *call)
{
	struct failure failure;
	int archive;
	int32_t answer;

	if (!call->archive) {
		call->host->fail(call, "this execution has no archive to put files into");
		return FB_FAIL;
	}
	if (call->flags & FB_CALL_DRY_RUN) {
		phase_say(call, "would archive the report, the error and the state in %s", call->archive);
		return FB_OK;
	}
	phase_progress(call, 0, "archiving logs");
	failure_read(call, &failure);
	if (sodium_init() < 0 || keep_all(call, &failure)) {
		failure_clear(&failure);
		return FB_RETRY;
	}
	archive = open(call->archive, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (archive < 0) {
		call->host->fail(call, "the logs in %s cannot be read, so they are not archived: %s", call->archive, strerror(errno));
		failure_clear(&failure);
		return FB_RETRY;
	}
	phase_progress(call, 5000, "writing the archive");
	answer = finish(call, archive, &failure);
	if (log_rollback(call, failure.report) && answer == FB_OK)
		answer = FB_FAIL;
	failure_clear(&failure);
	close(archive);
	return answer;
}

/* Can the configured places be written? */
static int32_t check(const struct fb_call *call)
{
	const char *directory = call->host->option(call, "directory"), *log = call->host->option(call, "rollback_log"), *slash = log ? strrchr(log, '/') : NULL;
	char folder[4096];

	if (directory && *directory && access(directory, W_OK)) {
		call->host->fail(call, "the folder for archives, %s, cannot be written: %s. Make it, and give it to the user that failback runs as", directory, strerror(errno));
		return FB_FAIL;
	}
	if (!slash || (size_t)(slash - log) >= sizeof folder)
		return FB_OK;
	snprintf(folder, sizeof folder, "%.*s", slash == log ? 1 : (int)(slash - log), log);
	if (access(folder, W_OK) || (access(log, W_OK) && errno != ENOENT)) {
		call->host->fail(call, "the rollback log %s cannot be written: %s. Make its folder, and give it to the user that failback runs as", log, strerror(errno));
		return FB_FAIL;
	}
	return FB_OK;
}

static const struct fb_option options[] = {
	{.name = "directory", .type = FB_TYPE_PATH, .summary = "Folder for the archives; without it, that of the execution"},
	{.name = "level", .type = FB_TYPE_INT, .default_value = "1", .min = 1, .max = 19, .summary = "How hard zstd compresses"},
	{.name = "logs_limit", .type = FB_TYPE_SIZE, .summary = "How much of the logs the archive takes; larger ones stay beside it"},
	{.name = "keep_for", .type = FB_TYPE_DURATION, .summary = "Archives that are older are removed"},
	{.name = "keep_last", .type = FB_TYPE_INT, .min = 1, .max = 1000000, .summary = "How many archives are kept"},
	{.name = "keep_size", .type = FB_TYPE_SIZE, .summary = "How much room all archives may take; the oldest go first"},
	{.name = "rollback_log", .type = FB_TYPE_PATH, .summary = "File to which an entry in Markdown is appended for each rollback"},
	{0},
};

static const struct fb_phase_ops ops = {.check = check, .run = run};

FB_PLUGIN(PHASE, .name = "archive", .version = "0.2.0", .summary = "Puts report, error, state and logs into one archive", .license = "Apache-2.0", .options = options,
	  .phase = &ops)
