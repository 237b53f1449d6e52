/* SPDX-License-Identifier: Apache-2.0 */
/* Host services that ask the engine and wait for its word. When the engine is gone each says so in its own terms: NO, -1, NULL. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "host/operations.h"
#include "host/worker.h"

#define DOCUMENT_LIMIT (64u * 1024 * 1024)
#define EVIDENCE_LIMIT (256u * 1024 * 1024)

static json_t *text(const char *s)
{
	return fb_frame_text(s, FB_VALUE_LIMIT);
}

/* A value that would be cut is not sent: half of it would be a lie. */
static bool fits(const char *s)
{
	return !s || strnlen(s, FB_VALUE_LIMIT + 1) <= FB_VALUE_LIMIT;
}

static json_int_t ask_number(const struct fb_call *call, json_t *request, int fd, json_int_t otherwise)
{
	json_t *reply = fb_worker_ask(fb_worker_of(call), request, fd, NULL);
	const json_t *value = json_object_get(reply, "value");
	json_int_t n = json_is_integer(value) ? json_integer_value(value) : otherwise;

	json_decref(reply);
	return n;
}

/* 0 or -1 */
static int32_t ask_done(const struct fb_call *call, json_t *request, int fd)
{
	return ask_number(call, request, fd, -1) == 0 ? 0 : -1;
}

static const char *ask_text(const struct fb_call *call, json_t *request, enum fb_worker_text slot)
{
	struct fb_worker *w = fb_worker_of(call);
	json_t *reply = fb_worker_ask(w, request, -1, NULL);
	const char *kept = fb_worker_keep(w, slot, fb_strdup(json_string_value(json_object_get(reply, "value"))));

	json_decref(reply);
	return kept;
}

const char *fb_service_fact(const struct fb_call *call, int32_t scope, const char *key)
{
	if (!key || !*key)
		return NULL;
	return ask_text(call, json_pack("{s:s, s:i, s:o}", "m", "fact", "scope", scope, "key", text(key)), FB_TEXT_FACT);
}

int32_t fb_service_fact_set(const struct fb_call *call, int32_t scope, const char *key, const char *value)
{
	if (!key || !*key || !fits(value))
		return -1;
	return ask_done(call, json_pack("{s:s, s:i, s:o, s:o}", "m", "fact_set", "scope", scope, "key", text(key), "value", text(value)), -1);
}

int32_t fb_service_act(const struct fb_call *call, const char *key, int32_t repeat, const char *words)
{
	json_int_t answer;

	if (!key || !*key || repeat < FB_REPEAT_IDEMPOTENT || repeat > FB_REPEAT_AGAIN || fb_worker_remaining_ms(fb_worker_of(call)) == 0)
		return FB_ACT_NO;
	answer = ask_number(call, json_pack("{s:s, s:o, s:i, s:o}", "m", "act", "key", text(key), "repeat", repeat, "text", text(words ? words : "")), -1, FB_ACT_NO);
	return answer >= FB_ACT_NO && answer <= FB_ACT_DRY ? (int32_t)answer : FB_ACT_NO;
}

int32_t fb_service_acted(const struct fb_call *call, const char *key, const char *result)
{
	if (!key || !*key || !fits(result))
		return -1;
	return ask_done(call, json_pack("{s:s, s:o, s:o}", "m", "acted", "key", text(key), "result", text(result)), -1);
}

const char *fb_service_act_result(const struct fb_call *call, const char *key)
{
	if (!key || !*key)
		return NULL;
	return ask_text(call, json_pack("{s:s, s:o}", "m", "act_result", "key", text(key)), FB_TEXT_RESULT);
}

static json_t *texts(const char *const *v)
{
	json_t *list = json_array();

	for (; v && *v; v++)
		json_array_append_new(list, text(*v));
	return list;
}

static bool all_fit(const char *const *v)
{
	for (; v && *v; v++)
		if (!fits(*v))
			return false;
	return true;
}

int32_t fb_service_start(const struct fb_call *call, const char *name, const struct fb_command *theirs, int64_t *ret_pid)
{
	struct fb_worker *w = fb_worker_of(call);
	struct fb_command c;
	json_t *request, *reply;
	int32_t r;

	if (!name || !theirs)
		return -1;
	fb_worker_take(w, FB_SIZE_COMMAND, &c, theirs);
	if ((!c.argv || !c.argv[0]) == !c.shell) {
		fb_worker_log(w, FB_LOG_ERROR, "start_service %s: give either argv or shell", name);
		return -1;
	}
	if (!fits(c.shell) || !fits(c.input) || !fits(c.directory) || !all_fit(c.argv) || !all_fit(c.environment)) {
		fb_worker_log(w, FB_LOG_ERROR, "start_service %s: a text of the command is longer than 256 KiB: put it into a file and name that", name);
		return -1;
	}
	request = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "m", "start_service", "name", text(name), "directory", text(c.directory), "environment", texts(c.environment),
			    "input", text(c.input), "log", text(c.log));
	if (c.shell)
		json_object_set_new(request, "shell", text(c.shell));
	else
		json_object_set_new(request, "argv", texts(c.argv));
	reply = fb_worker_ask(w, request, -1, NULL);
	r = json_is_integer(json_object_get(reply, "value")) && json_integer_value(json_object_get(reply, "value")) == 0 ? 0 : -1;
	if (r == 0 && ret_pid)
		*ret_pid = json_integer_value(json_object_get(reply, "pid"));
	json_decref(reply);
	return r;
}

int32_t fb_service_stop(const struct fb_call *call, const char *name, int64_t grace_ms)
{
	return name ? ask_done(call, json_pack("{s:s, s:o, s:I}", "m", "stop_service", "name", text(name), "grace_ms", (json_int_t)grace_ms), -1) : -1;
}

int64_t fb_service_pid(const struct fb_call *call, const char *name)
{
	return name ? ask_number(call, json_pack("{s:s, s:o}", "m", "service_pid", "name", text(name)), -1, 0) : 0;
}

int32_t fb_service_evidence(const struct fb_call *call, const char *path, const char *title)
{
	struct fb_worker *w = fb_worker_of(call);
	struct stat st;
	int32_t r = -1;
	int fd;

	if (!path)
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		fb_worker_log(w, FB_LOG_WARNING, "evidence: cannot open %s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		fb_worker_log(w, FB_LOG_WARNING, "evidence: %s is not a regular file", path);
	else
		r = ask_done(call, json_pack("{s:s, s:o, s:o}", "m", "evidence", "title", text(title ? title : path), "name", text(path)), fd);
	if (fd >= 0)
		close(fd);
	return r;
}

int fb_worker_hold(const char *p, uint64_t size)
{
	int fd = memfd_create("failback", MFD_CLOEXEC);

	while (fd >= 0 && size) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			close(fd);
			return -1;
		}
		p += n;
		size -= (uint64_t)n;
	}
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

int32_t fb_service_evidence_text(const struct fb_call *call, const char *name, const char *title, const char *data, uint64_t size)
{
	int32_t r;
	int fd;

	if (!name || !data || size > EVIDENCE_LIMIT)
		return -1;
	fd = fb_worker_hold(data, size);
	if (fd < 0) {
		fb_worker_log(fb_worker_of(call), FB_LOG_WARNING, "evidence: cannot keep %s in memory: %s", name, strerror(errno));
		return -1;
	}
	r = ask_done(call, json_pack("{s:s, s:o, s:o}", "m", "evidence", "title", text(title ? title : name), "name", text(name)), fd);
	close(fd);
	return r;
}

/* What a descriptor of the engine's holds; takes fd. NULL when it cannot be read. */
static char *read_all(int fd)
{
	struct stat st;
	struct fb_text t = {0};
	char buf[16384];
	off_t at = 0;
	ssize_t n;

	if (fstat(fd, &st) < 0 || st.st_size > (off_t)DOCUMENT_LIMIT) {
		close(fd);
		return NULL;
	}
	while ((n = pread(fd, buf, sizeof buf, at)) > 0 && t.n < DOCUMENT_LIMIT) {
		fb_text_add(&t, buf, (size_t)n);
		at += n;
	}
	close(fd);
	if (n < 0) {
		fb_text_clear(&t);
		return NULL;
	}
	return fb_text_take(&t);
}

const char *fb_service_document(const struct fb_call *call, const char *name)
{
	struct fb_worker *w = fb_worker_of(call);
	json_t *reply;
	char *s = NULL;
	int fd;

	if (!name)
		return NULL;
	reply = fb_worker_ask(w, json_pack("{s:s, s:o}", "m", "document", "name", text(name)), -1, &fd);
	if (fd >= 0)
		s = read_all(fd);
	else
		s = fb_strdup(json_string_value(json_object_get(reply, "value")));
	json_decref(reply);
	return fb_worker_keep(w, FB_TEXT_DOCUMENT, s);
}

/* Requests that are answered by one of FB_OK … and a document. */
static int32_t ask_answer(const struct fb_call *call, json_t *request, const char **ret_json)
{
	struct fb_worker *w = fb_worker_of(call);
	int fd;
	json_t *reply = fb_worker_ask(w, request, -1, &fd), *value = json_object_get(reply, "value"), *json = json_object_get(reply, "json");
	json_int_t answer = json_is_integer(value) ? json_integer_value(value) : FB_FATAL;

	fb_free(w->json);
	w->json = fd >= 0 ? read_all(fd) : NULL;
	if (!w->json) {
		char *dumped = json ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

		w->json = fb_strdup(dumped ? dumped : "{}");
		free(dumped);
	}
	if (ret_json)
		*ret_json = w->json;
	json_decref(reply);
	return answer >= FB_OK && answer <= FB_FATAL ? (int32_t)answer : FB_FATAL;
}

int32_t fb_service_operate(const struct fb_call *call, uint32_t operation, const char *service, uint32_t share, uint32_t flags, const char **ret_json)
{
	const char *name = operation >= FB_OP_STATE ? fb_operation_name(operation) : NULL;

	if (ret_json)
		*ret_json = "{}";
	if (!name) {
		fb_worker_log(fb_worker_of(call), FB_LOG_ERROR, "operate: %u is no operation of a strategy", operation);
		return FB_FATAL;
	}
	return ask_answer(call, json_pack("{s:s, s:s, s:o, s:I, s:I}", "m", "operate", "operation", name, "service", text(service), "share", (json_int_t)share, "flags", (json_int_t)flags),
			  ret_json);
}

int32_t fb_service_probe(const struct fb_call *call, const char *service, const char **ret_json)
{
	return ask_answer(call, json_pack("{s:s, s:o}", "m", "probe", "service", text(service)), ret_json);
}

int32_t fb_service_notify(const struct fb_call *call, const char *name, const char *summary, int64_t wait_ms, const char **ret_json)
{
	return ask_answer(call, json_pack("{s:s, s:o, s:o, s:I}", "m", "notify", "name", text(name), "summary", text(summary), "wait_ms", (json_int_t)wait_ms), ret_json);
}
