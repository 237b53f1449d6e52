/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence: files copied into the archive, redacted as they are copied and cut in the middle when they are large. Each becomes a row of the
 * document "evidence". The copy goes in slices on the loop, so that a large log never holds up a recovery.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "chain/task.h"

#define SLICE (1024 * 1024)

struct copy {
	uv_idle_t idle;
	struct fb_task *task; /* whose request it is; NULL: nobody's, or it has ended */
	struct fb_context *context;
	struct fb_redact_stream *stream;
	char *name, *title, *service; /* name: relative to the archive */
	int in, out;
	int64_t left, tail_at; /* bytes of this part; where the tail begins, 0: whole */
	int64_t size;
	bool failed;
};

static void write_out(void *ctx, const char *data, size_t size)
{
	struct copy *c = ctx;

	if (!c->failed && fb_io_write_all(c->out, data, size) < 0)
		c->failed = true;
}

static void free_copy(uv_handle_t *handle)
{
	struct copy *c = handle->data;

	fb_free(c->name);
	fb_free(c->title);
	fb_free(c->service);
	fb_free(c);
}

static void forget(void *waiting)
{
	((struct copy *)waiting)->task = NULL;
}

static void record(struct copy *c)
{
	struct fb_context *x = c->context;
	char hash[FB_HASH_SIZE] = "", *path = fb_asprintf("%s/%s", x->archive, c->name), *text;
	struct fb_err err;
	struct stat st;

	if (fb_hash_file(path, hash, &err) == 0 && stat(path, &st) == 0) {
		json_array_append_new(x->evidence, json_pack("{s:s, s:s, s:s?, s:I, s:s, s:b}", "file", c->name, "title", c->title, "service", c->service, "size",
							     (json_int_t)st.st_size, "sha256", hash, "cut", c->tail_at > 0));
		text = json_dumps(x->evidence, JSON_COMPACT);
		if (!x->is_lost && fb_journal_document_set(x->journal, "evidence", text, &err) < 0)
			fb_context_lost(x, &err);
		fb_free(text);
	}
	fb_free(path);
}

static void finish(struct copy *c)
{
	c->context->copies--;
	fb_redact_stream_end(c->stream, write_out, c);
	close(c->in);
	close(c->out);
	if (!c->failed)
		record(c);
	if (c->task)
		fb_task_reply(c->task, json_pack("{s:i}", "value", c->failed ? -1 : 0));
	uv_close((uv_handle_t *)&c->idle, free_copy);
}

static void go_to_tail(struct copy *c)
{
	char line[128];
	int n = snprintf(line, sizeof line, "\n[failback: %lld bytes left out here]\n", (long long)(c->size - c->context->log_limit));

	fb_redact_stream_put(c->stream, line, (size_t)n, write_out, c);
	if (lseek(c->in, c->tail_at, SEEK_SET) < 0)
		c->failed = true;
	c->left = c->size - c->tail_at;
	c->size = 0; /* once */
}

static void copy_slice(uv_idle_t *idle)
{
	static char buf[SLICE];
	struct copy *c = idle->data;
	ssize_t n = read(c->in, buf, c->left < SLICE ? (size_t)c->left : SLICE);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0)
		c->failed = true;
	if (n > 0) {
		fb_redact_stream_put(c->stream, buf, (size_t)n, write_out, c);
		c->left -= n;
	}
	if (!c->failed && c->left <= 0 && c->tail_at && c->size)
		go_to_tail(c);
	else if (n <= 0 || c->left <= 0 || c->failed)
		finish(c);
}

/* A file name made of the wished one: plain letters, and a number when it is taken. Returns an open file, or -1. */
static int create(struct copy *c, const char *wish)
{
	const char *slash = strrchr(wish, '/');
	char plain[80];
	size_t n = 0;

	if (slash)
		wish = slash + 1;
	for (; *wish && n < sizeof plain - 1; wish++)
		plain[n++] = isalnum((unsigned char)*wish) || strchr("._-", *wish) ? *wish : '-';
	plain[n] = 0;
	if (!n || plain[0] == '.')
		snprintf(plain, sizeof plain, "evidence");
	for (int i = 0; i < 1000; i++) {
		char *path, number[16] = "";
		int fd;

		if (i)
			snprintf(number, sizeof number, "%d-", i + 1);
		fb_free(c->name);
		c->name = fb_asprintf("evidence/%s%s%s%s", c->service ? c->service : "", c->service ? "-" : "", number, plain);
		path = fb_asprintf("%s/%s", c->context->archive, c->name);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
		fb_free(path);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

/* Starts a copy of an open file, of which size bytes from its beginning count; takes fd. */
static struct copy *begin(struct fb_context *x, const char *service, const char *name, const char *title, int fd, off_t size)
{
	struct copy *c = fb_alloc(sizeof *c);

	x->copies++;
	c->context = x;
	c->in = fd;
	c->title = fb_strdup(title ? title : "");
	c->service = fb_strdup(service);
	c->out = create(c, name ? name : "evidence");
	c->size = c->left = size;
	if (c->size > x->log_limit) {
		c->left = x->log_limit / 2;
		c->tail_at = c->size - (x->log_limit - c->left);
	}
	c->stream = fb_redact_stream_new(x->redactor);
	c->failed = c->out < 0;
	uv_idle_init(x->loop, &c->idle);
	c->idle.data = c;
	uv_idle_start(&c->idle, copy_slice);
	return c;
}

void fb_task_evidence(struct fb_task *t, const json_t *frame, int fd)
{
	struct fb_context *x = t->spec.context;
	struct copy *c;
	struct stat st;

	if (fd < 0 || x->dry || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		if (fd >= 0)
			close(fd);
		fb_task_reply(t, json_pack("{s:i}", "value", x->dry ? 0 : -1));
		return;
	}
	c = begin(x, t->spec.service, json_string_value(json_object_get(frame, "name")), json_string_value(json_object_get(frame, "title")), fd, st.st_size);
	c->task = t;
	t->waiting = c;
	t->cancel = forget;
}

/* Did a process of this file start in this execution, or, when nothing was deployed in it, does one still run? */
static bool concerns(struct fb_context *x, const char *service, const char *file)
{
	struct fb_process_row *rows;
	bool yes = strstr(file, x->id) != NULL;
	struct fb_err err;
	size_t n;

	if (yes || fb_streq(json_string_value(json_object_get(x->frozen, "kind")), "deploy") ||
	    fb_journal_processes(x->journal, NULL, "service", x->environment, service, NULL, &rows, &n, &err) < 0)
		return yes;
	for (size_t i = 0; i < n && !yes; i++)
		yes = strstr(file, rows[i].execution) != NULL;
	fb_processes_free(rows, n);
	return yes;
}

void fb_evidence_of_service(struct fb_context *x, const char *service)
{
	char *folder = fb_asprintf("%s/%s", x->service_logs, service);
	struct dirent *entry;
	DIR *dir = opendir(folder);

	while (dir && !x->dry && (entry = readdir(dir))) {
		struct stat st;
		int fd;

		if (!concerns(x, service, entry->d_name))
			continue;
		fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
			begin(x, service, entry->d_name, "output of the service", fd, st.st_size);
		else if (fd >= 0)
			close(fd);
	}
	if (dir)
		closedir(dir);
	fb_free(folder);
}
