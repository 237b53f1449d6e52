/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sftp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/store.h"

#define PACKET_LIMIT ((size_t)262144) /* what OpenSSH sends at most */
#define PIECE 32768                   /* of a file, in one request: what every server takes */
#define AHEAD 16                      /* requests that are under way for one file */
#define END_MS 3000

enum { P_INIT = 1, P_VERSION = 2, P_OPEN = 3, P_CLOSE = 4, P_READ = 5, P_WRITE = 6, P_LSTAT = 7, P_OPENDIR = 11, P_READDIR = 12, P_REMOVE = 13, P_MKDIR = 14, P_RMDIR = 15, P_RENAME = 18, P_STATUS = 101,
       P_HANDLE = 102, P_DATA = 103, P_NAME = 104, P_ATTRS = 105, P_EXTENDED = 200 };
enum { FOR_READ = 1, FOR_WRITE = 2, CREATE = 8, EXCLUSIVE = 32 };

extern char **environ;

struct fb_sftp {
	pid_t pid;
	int in, out;
	int64_t timeout_ms;
	uint32_t id;
	bool replaces, syncs; /* posix-rename@openssh.com, fsync@openssh.com */
	bool broken;
	struct fb_text packet;        /* being made */
	uint8_t *got;                 /* the answer: PACKET_LIMIT bytes */
	size_t got_size;
	char said[300];
};

/* ---- bytes ---- */

static void put_number(struct fb_text *t, uint32_t v)
{
	const char b[4] = {(char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v};

	fb_text_add(t, b, 4);
}

static void put_bytes(struct fb_text *t, const void *data, size_t n)
{
	put_number(t, (uint32_t)n);
	fb_text_add(t, data, n);
}

static uint32_t number_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

struct cursor {
	const uint8_t *p;
	size_t n;
	bool bad;
};

static uint32_t take_number(struct cursor *c)
{
	uint32_t v;

	if (c->n < 4) {
		c->bad = true;
		return 0;
	}
	v = number_at(c->p);
	c->p += 4;
	c->n -= 4;
	return v;
}

static const uint8_t *take_bytes(struct cursor *c, uint32_t *ret_n)
{
	const uint8_t *p;

	*ret_n = take_number(c);
	if (c->bad || c->n < *ret_n) {
		c->bad = true;
		*ret_n = 0;
		return NULL;
	}
	p = c->p;
	c->p += *ret_n;
	c->n -= *ret_n;
	return p;
}

static void take_attributes(struct cursor *c, uint32_t *ret_mode, uint64_t *ret_size)
{
	uint32_t flags = take_number(c), n;

	*ret_mode = 0;
	*ret_size = 0;
	if (flags & 1) {
		*ret_size = (uint64_t)take_number(c) << 32;
		*ret_size |= take_number(c);
	}
	if (flags & 2) {
		take_number(c);
		take_number(c);
	}
	if (flags & 4)
		*ret_mode = take_number(c);
	if (flags & 8) {
		take_number(c);
		take_number(c);
	}
	if (flags & 0x80000000u)
		for (uint32_t k = take_number(c); k && !c->bad; k--) {
			take_bytes(c, &n);
			take_bytes(c, &n);
		}
}

/* ---- packets ---- */

static int __attribute__((format(printf, 2, 3))) over(struct fb_sftp *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->said, sizeof s->said, format, args);
	va_end(args);
	s->broken = true;
	return FB_SFTP_BROKEN;
}

/* Waits until fd can be used. */
static int wait_for(struct fb_sftp *s, int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};
	int64_t until = fb_clock_ms() + s->timeout_ms;
	int n;

	while ((n = poll(&p, 1, (int)(until > fb_clock_ms() ? until - fb_clock_ms() : 0))) < 0 && errno == EINTR)
		;
	return n > 0 ? 0 : over(s, "nothing came for %lld s", (long long)s->timeout_ms / 1000);
}

static int send_all(struct fb_sftp *s, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(s->in, data, size);

		if (n < 0 && errno == EAGAIN) {
			if (wait_for(s, s->in, POLLOUT))
				return FB_SFTP_BROKEN;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return over(s, "the connection ended");
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

static int take_all(struct fb_sftp *s, uint8_t *data, size_t size)
{
	while (size) {
		ssize_t n = wait_for(s, s->out, POLLIN) ? -2 : read(s->out, data, size);

		if (n == -2)
			return FB_SFTP_BROKEN;
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return over(s, "the connection ended");
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

static uint32_t begin(struct fb_sftp *s, uint8_t type)
{
	fb_text_clear(&s->packet);
	put_number(&s->packet, 0);
	fb_text_add(&s->packet, (const char *)&type, 1);
	put_number(&s->packet, ++s->id);
	return s->id;
}

static int finish(struct fb_sftp *s)
{
	uint32_t n = (uint32_t)s->packet.n - 4;

	for (int i = 0; i < 4; i++)
		s->packet.p[i] = (char)(n >> (24 - 8 * i));
	return s->broken ? FB_SFTP_BROKEN : send_all(s, s->packet.p, s->packet.n);
}

/* The next answer, whose type is its first byte. */
static int take_packet(struct fb_sftp *s)
{
	uint8_t head[4];

	if (s->broken || take_all(s, head, 4))
		return FB_SFTP_BROKEN;
	s->got_size = number_at(head);
	if (s->got_size < 1 || s->got_size > PACKET_LIMIT)
		return over(s, "what answered is no SFTP server");
	return take_all(s, s->got, s->got_size);
}

/* The answer to a request. FB_SFTP_OK with *c behind its id when it is of the wanted type (P_STATUS: one that says OK); else its code. */
static int take_answer(struct fb_sftp *s, uint32_t id, uint8_t want, struct cursor *c)
{
	const uint8_t *text;
	uint32_t code, n;

	if (take_packet(s))
		return FB_SFTP_BROKEN;
	*c = (struct cursor){.p = s->got + 1, .n = s->got_size - 1};
	if (take_number(c) != id || c->bad)
		return over(s, "an answer is not that of its request");
	if (s->got[0] != P_STATUS)
		return s->got[0] == want ? FB_SFTP_OK : over(s, "an answer is of another kind than asked for");
	code = take_number(c);
	if (c->bad)
		return over(s, "an answer was cut short");
	if (code == FB_SFTP_OK)
		return want == P_STATUS ? FB_SFTP_OK : over(s, "an answer is of another kind than asked for");
	text = take_bytes(c, &n);
	snprintf(s->said, sizeof s->said, "%.*s", text ? (int)(n < 200 ? n : 200) : 0, text ? (const char *)text : "");
	for (char *p = s->said; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	if (!s->said[0])
		snprintf(s->said, sizeof s->said, "status %u", code);
	return code > FB_SFTP_FAILED ? FB_SFTP_FAILED : (int)code;
}

static int ask(struct fb_sftp *s, uint32_t id, uint8_t want, struct cursor *c)
{
	struct cursor drop;

	if (finish(s))
		return FB_SFTP_BROKEN;
	return take_answer(s, id, want, c ? c : &drop);
}

/* ---- the session ---- */

static int spawn_program(struct fb_sftp *s, char *const *argv)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	sigset_t usual, none;
	int in[2], out[2], code;

	if (pipe2(in, O_CLOEXEC) < 0)
		return errno;
	if (pipe2(out, O_CLOEXEC) < 0) {
		code = errno;
		close(in[0]);
		close(in[1]);
		return code;
	}
	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	sigaddset(&usual, SIGINT);
	sigaddset(&usual, SIGTERM);
	posix_spawnattr_init(&how);
	posix_spawnattr_setsigdefault(&how, &usual);
	posix_spawnattr_setsigmask(&how, &none);
	posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, in[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, out[1], STDOUT_FILENO);
	code = posix_spawnp(&s->pid, argv[0], &files, &how, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&how);
	close(in[0]);
	close(out[1]);
	if (code) {
		close(in[1]);
		close(out[0]);
		s->pid = 0;
		return code;
	}
	s->in = in[1];
	s->out = out[0];
	fcntl(s->in, F_SETFL, O_NONBLOCK);
	return 0;
}

static int shake(struct fb_sftp *s)
{
	static const char hello[] = {0, 0, 0, 5, P_INIT, 0, 0, 0, 3};
	struct cursor c;
	const uint8_t *p;
	uint32_t n;

	if (send_all(s, hello, sizeof hello) || take_packet(s))
		return FB_SFTP_BROKEN;
	c = (struct cursor){.p = s->got + 1, .n = s->got_size - 1};
	if (s->got[0] != P_VERSION || take_number(&c) < 3 || c.bad)
		return over(s, "what answered is no SFTP server of version 3");
	while (c.n && !c.bad) {
		p = take_bytes(&c, &n);
		s->replaces = s->replaces || (p && n == 24 && !memcmp(p, "posix-rename@openssh.com", 24));
		s->syncs = s->syncs || (p && n == 17 && !memcmp(p, "fsync@openssh.com", 17));
		take_bytes(&c, &n);
	}
	return 0;
}

struct fb_sftp *fb_sftp_start(char *const *argv, int64_t timeout_ms, struct fb_err *err)
{
	struct fb_sftp *s = fb_alloc(sizeof *s);
	int code;

	s->timeout_ms = timeout_ms;
	s->in = s->out = -1;
	s->got = fb_alloc(PACKET_LIMIT);
	code = spawn_program(s, argv);
	if (code)
		fb_err_set(err, FB_STORE_PROGRAM, "cannot start %s: %s%s", argv[0], strerror(code), code == ENOENT ? "; install the package openssh-client" : "");
	else if (shake(s))
		fb_err_set(err, FB_STORE_IO, "%s: %s", argv[0], s->said);
	else
		return s;
	fb_sftp_stop(s);
	return NULL;
}

void fb_sftp_stop(struct fb_sftp *s)
{
	int64_t until = fb_clock_ms() + END_MS;

	if (!s)
		return;
	if (s->in >= 0)
		close(s->in);
	if (s->out >= 0)
		close(s->out);
	if (s->pid > 0 && s->broken)
		kill(s->pid, SIGTERM);
	while (s->pid > 0 && waitpid(s->pid, NULL, WNOHANG) == 0) {
		if (fb_clock_ms() > until) {
			kill(s->pid, SIGKILL);
			until = INT64_MAX;
		}
		poll(NULL, 0, 10);
	}
	fb_text_clear(&s->packet);
	fb_free(s->got);
	fb_free(s);
}

const char *fb_sftp_said(const struct fb_sftp *s)
{
	return s->said;
}

/* ---- requests ---- */

static int about(struct fb_sftp *s, uint8_t type, const char *path)
{
	uint32_t id = begin(s, type);

	put_bytes(&s->packet, path, strlen(path));
	if (type == P_MKDIR) {
		put_number(&s->packet, 4);
		put_number(&s->packet, 0700);
	}
	return ask(s, id, P_STATUS, NULL);
}

int fb_sftp_remove(struct fb_sftp *s, const char *path)
{
	return about(s, P_REMOVE, path);
}

int fb_sftp_make_folder(struct fb_sftp *s, const char *path)
{
	return about(s, P_MKDIR, path);
}

int fb_sftp_remove_folder(struct fb_sftp *s, const char *path)
{
	return about(s, P_RMDIR, path);
}

int fb_sftp_look(struct fb_sftp *s, const char *path, bool *ret_folder, uint64_t *ret_size)
{
	uint32_t id = begin(s, P_LSTAT), mode;
	struct cursor c;
	int r;

	put_bytes(&s->packet, path, strlen(path));
	r = ask(s, id, P_ATTRS, &c);
	if (r)
		return r;
	take_attributes(&c, &mode, ret_size);
	*ret_folder = S_ISDIR(mode);
	return c.bad ? over(s, "an answer was cut short") : FB_SFTP_OK;
}

int fb_sftp_rename(struct fb_sftp *s, const char *from, const char *to, bool replace)
{
	static const char extension[] = "posix-rename@openssh.com";
	bool extended = replace && s->replaces;
	uint32_t id;

	if (replace && !extended) { /* as near as such a server can */
		int r = fb_sftp_remove(s, to);

		if (r != FB_SFTP_OK && r != FB_SFTP_ABSENT)
			return r;
	}
	id = begin(s, extended ? P_EXTENDED : P_RENAME);
	if (extended)
		put_bytes(&s->packet, extension, sizeof extension - 1);
	put_bytes(&s->packet, from, strlen(from));
	put_bytes(&s->packet, to, strlen(to));
	return ask(s, id, P_STATUS, NULL);
}

struct handle {
	uint8_t b[256];
	uint32_t n;
};

static int take_handle(struct fb_sftp *s, uint32_t id, struct handle *ret)
{
	const uint8_t *p;
	struct cursor c;
	int r = ask(s, id, P_HANDLE, &c);

	if (r)
		return r;
	p = take_bytes(&c, &ret->n);
	if (!p || ret->n > sizeof ret->b)
		return over(s, "a handle is too long");
	memcpy(ret->b, p, ret->n);
	return FB_SFTP_OK;
}

static int open_file(struct fb_sftp *s, const char *path, uint32_t flags, struct handle *ret)
{
	uint32_t id = begin(s, P_OPEN);

	put_bytes(&s->packet, path, strlen(path));
	put_number(&s->packet, flags);
	put_number(&s->packet, flags & CREATE ? 4 : 0);
	if (flags & CREATE)
		put_number(&s->packet, 0600);
	return take_handle(s, id, ret);
}

static int close_handle(struct fb_sftp *s, const struct handle *h)
{
	uint32_t id = begin(s, P_CLOSE);

	put_bytes(&s->packet, h->b, h->n);
	return ask(s, id, P_STATUS, NULL);
}

static void put_offset(struct fb_sftp *s, uint64_t at)
{
	put_number(&s->packet, (uint32_t)(at >> 32));
	put_number(&s->packet, (uint32_t)at);
}

static int read_all(struct fb_sftp *s, const struct handle *h, size_t limit, struct fb_text *ret)
{
	const uint8_t *p;
	struct cursor c;
	uint32_t id, n;
	int r = FB_SFTP_OK;

	while (r == FB_SFTP_OK && ret->n <= limit) {
		id = begin(s, P_READ);
		put_bytes(&s->packet, h->b, h->n);
		put_offset(s, ret->n);
		put_number(&s->packet, 131072);
		r = ask(s, id, P_DATA, &c);
		if (r == FB_SFTP_OK) {
			p = take_bytes(&c, &n);
			if (!p || !n)
				return over(s, "an answer was cut short");
			fb_text_add(ret, (const char *)p, n);
		}
	}
	return r == FB_SFTP_EOF ? FB_SFTP_OK : r;
}

int fb_sftp_read(struct fb_sftp *s, const char *path, size_t limit, struct fb_text *ret)
{
	struct handle h;
	int r = open_file(s, path, FOR_READ, &h);

	if (r)
		return r;
	r = read_all(s, &h, limit, ret);
	if (r != FB_SFTP_BROKEN)
		close_handle(s, &h);
	return r;
}

/* Some requests are under way at once: each is a round trip. */
static int write_all(struct fb_sftp *s, const struct handle *h, const char *data, size_t size)
{
	size_t at = 0, pieces = 0, answered = 0, n;
	uint32_t first = s->id + 1;
	struct cursor drop;
	int r = FB_SFTP_OK, one;

	while (at < size || answered < pieces) {
		if (at < size && pieces - answered < AHEAD && r == FB_SFTP_OK) {
			n = size - at < PIECE ? size - at : PIECE;
			begin(s, P_WRITE);
			put_bytes(&s->packet, h->b, h->n);
			put_offset(s, at);
			put_bytes(&s->packet, data + at, n);
			if (finish(s))
				return FB_SFTP_BROKEN;
			at += n;
			pieces++;
			continue;
		}
		if (answered == pieces)
			break; /* one was refused */
		one = take_answer(s, first + (uint32_t)answered++, P_STATUS, &drop);
		if (one == FB_SFTP_BROKEN)
			return one;
		r = r ? r : one;
	}
	return r;
}

int fb_sftp_write(struct fb_sftp *s, const char *path, const void *data, size_t size)
{
	static const char extension[] = "fsync@openssh.com";
	struct handle h;
	uint32_t id;
	int r = open_file(s, path, FOR_WRITE | CREATE | EXCLUSIVE, &h), closed;

	if (r)
		return r;
	r = write_all(s, &h, data, size);
	if (r == FB_SFTP_OK && s->syncs) {
		id = begin(s, P_EXTENDED);
		put_bytes(&s->packet, extension, sizeof extension - 1);
		put_bytes(&s->packet, h.b, h.n);
		r = ask(s, id, P_STATUS, NULL);
	}
	if (r == FB_SFTP_BROKEN)
		return r;
	closed = close_handle(s, &h);
	return r ? r : closed;
}

static int take_names(struct fb_sftp *s, struct cursor *c, int (*each)(void *ctx, const char *name, uint64_t size, bool file), void *ctx, int *ret_each)
{
	uint32_t n = take_number(c), length, drop, mode;
	uint64_t size;

	for (; n && !c->bad && !*ret_each; n--) {
		const uint8_t *name = take_bytes(c, &length);
		char *text;

		take_bytes(c, &drop);
		take_attributes(c, &mode, &size);
		if (c->bad || !name || memchr(name, 0, length) || memchr(name, '/', length))
			return over(s, "an answer was cut short, or has a name that cannot be");
		text = fb_asprintf("%.*s", (int)length, (const char *)name);
		if (strcmp(text, ".") && strcmp(text, ".."))
			*ret_each = each(ctx, text, size, S_ISREG(mode));
		fb_free(text);
	}
	return c->bad ? over(s, "an answer was cut short") : FB_SFTP_OK;
}

int fb_sftp_list(struct fb_sftp *s, const char *path, int (*each)(void *ctx, const char *name, uint64_t size, bool file), void *ctx, int *ret_each)
{
	uint32_t id = begin(s, P_OPENDIR);
	struct handle h;
	struct cursor c;
	int r;

	*ret_each = 0;
	put_bytes(&s->packet, path, strlen(path));
	r = take_handle(s, id, &h);
	if (r)
		return r;
	while (r == FB_SFTP_OK && !*ret_each) {
		id = begin(s, P_READDIR);
		put_bytes(&s->packet, h.b, h.n);
		r = ask(s, id, P_NAME, &c);
		if (r == FB_SFTP_OK)
			r = take_names(s, &c, each, ctx, ret_each);
	}
	if (r != FB_SFTP_BROKEN)
		close_handle(s, &h);
	return r == FB_SFTP_EOF ? FB_SFTP_OK : r;
}
