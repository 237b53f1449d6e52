/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Phase 7 of a recovery: beside the logs and the evidence that the core has kept, the report, the error and the state as files of their own, and a
 * manifest with the hash of every file. The archive itself belongs to the core: what is added goes through evidence_text.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../failure.h"
#include "../files.h"
#include "../phase.h"
#include "yaml.h"

#define LIMIT 5000 /* files in a manifest */

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

/* For a file that people show in a terminal: control characters become a question mark. */
static void put_clean(FILE *to, const char *s)
{
	for (; *s; s++)
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

/* The SHA-256 of a file's first *ret_size bytes, which is its size now: a log that is still written to only grows. 0 or -1 with errno. */
static int hash_file(int archive, const char *path, char *ret_hex, int64_t *ret_size)
{
	enum { ROOM = 65536 };
	int fd = openat(archive, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), rc = -1, saved;
	unsigned char hash[crypto_hash_sha256_BYTES], *buf = malloc(ROOM);
	crypto_hash_sha256_state h;
	struct stat st;
	int64_t left = 0;

	if (fd >= 0 && buf && !fstat(fd, &st) && S_ISREG(st.st_mode)) {
		*ret_size = left = st.st_size;
		rc = 0;
		crypto_hash_sha256_init(&h);
	}
	while (!rc && left) {
		ssize_t n = read(fd, buf, (size_t)(left < ROOM ? left : ROOM));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			rc = -1;
		else
			crypto_hash_sha256_update(&h, buf, (unsigned long long)n);
		left -= n > 0 ? n : 0;
	}
	if (!rc) {
		crypto_hash_sha256_final(&h, hash);
		sodium_bin2hex(ret_hex, crypto_hash_sha256_BYTES * 2 + 1, hash, sizeof hash);
	}
	saved = errno;
	free(buf);
	if (fd >= 0)
		close(fd);
	errno = saved;
	return rc;
}

/* All files of the archive with size and hash; *ret_bytes is their sum. */
static json_t *make_manifest(const struct fb_call *call, int archive, size_t *ret_count, int64_t *ret_bytes)
{
	struct files files = {0};
	json_t *list = json_array();
	int left_out;

	*ret_count = 0;
	*ret_bytes = 0;
	files_list(archive, "", LIMIT, &files);
	left_out = files.left_out;
	for (size_t i = 0; i < files.n; i++) {
		char hex[crypto_hash_sha256_BYTES * 2 + 1];
		int64_t size = 0;

		if (hash_file(archive, files.paths[i], hex, &size)) {
			call->host->log(call, FB_LOG_WARNING, "%s is not in the manifest: %s", files.paths[i], strerror(errno));
			left_out++;
			continue;
		}
		json_array_append_new(list, json_pack("{s:s, s:I, s:s}", "file", files.paths[i], "size", (json_int_t)size, "sha256", hex));
		*ret_bytes += size;
		++*ret_count;
	}
	files_clear(&files);
	return json_pack("{s:s, s:s*, s:o, s:i}", "schema", "failback.manifest/1", "execution", call->execution, "files", list, "left_out", left_out);
}

static int32_t finish(const struct fb_call *call, int archive)
{
	size_t count;
	int64_t bytes;
	json_t *manifest = make_manifest(call, archive, &count, &bytes);
	int rc = manifest ? keep_json(call, manifest, "manifest.json", "Manifest") : -1;

	json_decref(manifest);
	if (rc)
		return FB_RETRY;
	phase_say(call, "%zu files archived in %s (%" PRId64 " KiB)", count + 1, call->archive, (bytes + 1023) / 1024);
	return FB_OK;
}

static int keep_all(const struct fb_call *call)
{
	const char *id = call->execution ? call->execution : "unknown";
	struct failure failure;
	char name[256];
	int rc = 0;

	failure_read(call, &failure);
	snprintf(name, sizeof name, "execution-%s.json", id);
	if (failure.report)
		rc = keep_json(call, failure.report, name, "Execution log");
	else
		call->host->log(call, FB_LOG_WARNING, "the report of this execution could not be read: it is not in the archive");
	snprintf(name, sizeof name, "error-%s.txt", id);
	if (!rc)
		rc = keep_error(call, &failure, name);
	snprintf(name, sizeof name, "state-%s.yaml", id);
	if (!rc)
		rc = keep_state(call, failure.report, name);
	failure_clear(&failure);
	return rc;
}

static int32_t run(const struct fb_call *call)
{
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
	if (sodium_init() < 0 || keep_all(call))
		return FB_RETRY;
	archive = open(call->archive, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (archive < 0) {
		call->host->fail(call, "the archive %s cannot be read, so it has no manifest: %s", call->archive, strerror(errno));
		return FB_RETRY;
	}
	phase_progress(call, 5000, "hashing what is archived");
	answer = finish(call, archive);
	close(archive);
	return answer;
}

static const struct fb_phase_ops ops = {.run = run};

FB_PLUGIN(PHASE, .name = "archive", .version = "0.1.0", .summary = "Keeps report, error and state with the logs, and hashes all of it",
	  .license = "Apache-2.0", .phase = &ops)
