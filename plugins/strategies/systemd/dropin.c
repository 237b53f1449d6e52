/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one drop-in file that this strategy owns of each unit: made from a template for a release, captured byte for byte, given back byte for byte. It is replaced by
 * rename, so that systemd reads the old one or the new one. Does not know of jobs.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/strategies/systemd/systemd.h"

#define HEADER "# failback: release "

struct content {
	char *bytes; /* NULL: there is no file */
	size_t n;
	mode_t mode;
};

bool dropin_is_set(const struct fb_call *call)
{
	return run_is_set(call, "dropin") || run_is_set(call, "dropin_file");
}

static char *format_path(const char *a, const char *b, const char *c)
{
	size_t n = strlen(a) + strlen(b) + strlen(c) + sizeof "/.d/";
	char *ret = malloc(n);

	if (!ret)
		abort();
	snprintf(ret, n, "%s/%s%s%s", a, b, *c ? ".d/" : "", c);
	return ret;
}

char *dropin_directory(const struct systemd *s)
{
	const char *set = s->host->option(s->call, "unit_directory"), *home;

	if (set && *set)
		return run_copy(set);
	if (!systemd_is_user(s))
		return run_copy("/etc/systemd/system");
	home = getenv("HOME");
	return format_path(home ? home : "/root", ".config/systemd/user", "");
}

char *dropin_path(const struct systemd *s, const struct unit *u)
{
	const char *name = s->host->option(s->call, "dropin_name");
	char *name_copy = run_copy(name && *name ? name : "50-failback.conf"), *directory = dropin_directory(s), *ret;

	ret = format_path(directory, u->name, name_copy);
	free(directory);
	free(name_copy);
	return ret;
}

/* 0; -1 with its sentence. A link is not followed: what is behind it is not ours. */
static int read_content(struct systemd *s, const char *path, struct content *c)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t n = 0;

	memset(c, 0, sizeof *c);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0 || fstat(fd, &st)) {
		s->host->fail(s->call, "the drop-in %s could not be read: %s%s", path, strerror(errno), errno == ELOOP ? "; it is a link: make it a file, or set 'dropin_name'" : "");
		goto failed;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > DROPIN_MAX) {
		s->host->fail(s->call, "the drop-in %s is %s: it must be a file of at most %d bytes", path, S_ISREG(st.st_mode) ? "too large" : "no file", DROPIN_MAX);
		goto failed;
	}
	c->bytes = calloc(1, DROPIN_MAX + 2);
	if (!c->bytes)
		abort();
	while (c->n <= DROPIN_MAX && (n = read(fd, c->bytes + c->n, DROPIN_MAX + 1 - c->n)) > 0)
		c->n += (size_t)n;
	if (n < 0 || c->n > DROPIN_MAX) {
		s->host->fail(s->call, "the drop-in %s could not be read whole: %s", path, n < 0 ? strerror(errno) : "it grows");
		free(c->bytes);
		goto failed;
	}
	c->mode = st.st_mode & 07777;
	close(fd);
	return 0;
failed:
	if (fd >= 0)
		close(fd);
	c->bytes = NULL;
	return -1;
}

static bool is_plain(const char *release)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+:@~/-";

	return *release && !release[strspn(release, allowed)] && !strstr(release, "..");
}

static char *fill(const char *text, const char *release, const char *unit, size_t *ret_size)
{
	char *ret = NULL;
	FILE *f = open_memstream(&ret, ret_size);

	if (!f)
		abort();
	for (const char *p = text; *p; p++) {
		if (!strncmp(p, "{release}", 9)) {
			fputs(release, f);
			p += 8;
		} else if (!strncmp(p, "{unit}", 6)) {
			fputs(unit, f);
			p += 5;
		} else {
			fputc(*p, f);
		}
	}
	if (fclose(f))
		abort();
	return ret;
}

/* The text of a release's own file. */
static char *own_file(struct systemd *s, const char *path)
{
	struct content c;

	if (read_content(s, path, &c))
		return NULL;
	if (!c.bytes)
		s->host->fail(s->call, "'dropin_file' names %s, which is not there: a release must bring its drop-in with it", path);
	else if (memchr(c.bytes, 0, c.n)) {
		s->host->fail(s->call, "%s is no text", path);
		free(c.bytes);
		c.bytes = NULL;
	}
	return c.bytes;
}

char *dropin_render(struct systemd *s, const struct unit *u, const char *release, size_t *ret_size)
{
	const char *set = s->host->option(s->call, "dropin");
	char *text = NULL, *full = NULL, *path;
	size_t n;
	FILE *f;

	if (!is_plain(release)) {
		s->host->fail(s->call, "the release '%s' cannot stand in a unit file: only letters, digits and . _ + : @ ~ / - can", release);
		return NULL;
	}
	if (set && *set) {
		text = fill(set, release, u->name, &n);
	} else {
		char *template = run_copy(s->host->option(s->call, "dropin_file"));

		path = fill(template ? template : "", release, u->name, &n);
		text = own_file(s, path);
		free(path);
		free(template);
	}
	if (!text)
		return NULL;
	f = open_memstream(&full, ret_size);
	if (!f)
		abort();
	fprintf(f, HEADER "%s\n%s%s", release, text, *text && text[strlen(text) - 1] != '\n' ? "\n" : "");
	if (fclose(f))
		abort();
	free(text);
	if (*ret_size <= DROPIN_MAX)
		return full;
	s->host->fail(s->call, "the drop-in of release %s has %zu bytes: at most %d are taken", release, *ret_size, DROPIN_MAX);
	free(full);
	return NULL;
}

char *dropin_release(struct systemd *s, const struct unit *u)
{
	char *path = dropin_path(s, u), *ret = NULL;
	struct content c;

	if (!read_content(s, path, &c) && c.bytes && !strncmp(c.bytes, HEADER, strlen(HEADER))) {
		ret = run_copy(c.bytes + strlen(HEADER));
		ret[strcspn(ret, "\n")] = 0;
	}
	free(c.bytes);
	free(path);
	return ret;
}

static char *fact_key(const char *release, char *buf, size_t size)
{
	snprintf(buf, size, "drop-ins.%s", release ? release : "");
	return buf;
}

static json_t *to_json(const struct content *c)
{
	static const char digits[] = "0123456789abcdef";
	char *hex;
	json_t *ret;

	if (!c->bytes)
		return json_null();
	hex = malloc(c->n * 2 + 1);
	if (!hex)
		abort();
	for (size_t i = 0; i < c->n; i++) {
		hex[2 * i] = digits[(unsigned char)c->bytes[i] >> 4];
		hex[2 * i + 1] = digits[(unsigned char)c->bytes[i] & 15];
	}
	hex[c->n * 2] = 0;
	ret = json_pack("{s:s, s:i}", "hex", hex, "mode", (int)c->mode);
	free(hex);
	return ret;
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 0, or -1: it is damaged. */
static int from_json(const json_t *o, struct content *c)
{
	const char *hex = json_string_value(json_object_get(o, "hex"));
	size_t n = hex ? strlen(hex) : 0;

	memset(c, 0, sizeof *c);
	if (json_is_null(o))
		return 0;
	if (!hex || n % 2 || n / 2 > DROPIN_MAX)
		return -1;
	c->mode = (mode_t)json_integer_value(json_object_get(o, "mode")) & 07777;
	c->n = n / 2;
	c->bytes = calloc(1, c->n + 1);
	if (!c->bytes)
		abort();
	for (size_t i = 0; i < c->n; i++) {
		int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);

		if (high < 0 || low < 0) {
			free(c->bytes);
			return -1;
		}
		c->bytes[i] = (char)(high << 4 | low);
	}
	return 0;
}

int32_t dropins_capture(struct systemd *s, const char *release)
{
	json_t *all = json_object();
	int32_t answer = FB_OK;
	char key[300], *text;

	for (size_t i = 0; i < s->n && answer == FB_OK; i++) {
		char *path = dropin_path(s, &s->units[i]);
		struct content c;

		if (read_content(s, path, &c))
			answer = FB_FAIL;
		else
			json_object_set_new(all, s->units[i].name, to_json(&c));
		free(c.bytes);
		free(path);
	}
	text = json_dumps(all, JSON_COMPACT);
	if (answer == FB_OK && (!text || s->host->fact_set(s->call, FB_SCOPE_SERVICE, fact_key(release, key, sizeof key), text))) {
		s->host->fail(s->call, "the drop-ins of release %s of %s could not be recorded", release, s->call->service);
		answer = FB_FAIL;
	}
	free(text);
	json_decref(all);
	return answer;
}

/* 1: c is what was captured of it, 0: nothing was captured of this release, -1 with its sentence. */
static int captured(struct systemd *s, const struct unit *u, const char *release, struct content *c)
{
	char key[300];
	const char *text = s->host->fact(s->call, FB_SCOPE_SERVICE, fact_key(release, key, sizeof key));
	json_t *all = text ? json_loads(text, 0, NULL) : NULL, *one = json_object_get(all, u->name);
	int ret = one ? 1 : 0;

	memset(c, 0, sizeof *c);
	if ((text && !all) || (one && from_json(one, c))) {
		s->host->fail(s->call, "what was recorded of the drop-in of %s for release %s cannot be read: deploy release %s instead of going back to it", u->name, release, release);
		ret = -1;
	}
	json_decref(all);
	return ret;
}

/* What the file of a release is: as it was captured, else made from the template. 0; -1 with its sentence. */
static int wanted(struct systemd *s, const struct unit *u, const char *release, struct content *c)
{
	int r = captured(s, u, release, c);

	if (r)
		return r < 0 ? -1 : 0;
	c->bytes = dropin_render(s, u, release, &c->n);
	c->mode = 0644;
	return c->bytes ? 0 : -1;
}

static bool same(const struct content *a, const struct content *b)
{
	if (!a->bytes || !b->bytes)
		return a->bytes == b->bytes;
	return a->n == b->n && a->mode == b->mode && !memcmp(a->bytes, b->bytes, a->n);
}

int dropin_stands(struct systemd *s, const struct unit *u, const char *release)
{
	struct content want = {0}, is = {0};
	char *path = dropin_path(s, u);
	int ret = wanted(s, u, release, &want) || read_content(s, path, &is) ? -1 : same(&want, &is);

	free(want.bytes);
	free(is.bytes);
	free(path);
	return ret;
}

int32_t dropins_prove(struct systemd *s, const char *release)
{
	for (size_t i = 0; i < s->n; i++) {
		struct content want = {0}, is = {0};
		char *path = dropin_path(s, &s->units[i]);
		int r = captured(s, &s->units[i], release, &want);

		if (!r)
			s->host->fail(s->call, "the drop-in of %s was not captured for release %s", s->units[i].name, release);
		else if (r > 0 && (read_content(s, path, &is) || !same(&want, &is))) {
			s->host->fail(s->call, "the drop-in %s is not what was captured a moment ago: somebody else writes it", path);
			r = 0;
		}
		free(want.bytes);
		free(is.bytes);
		free(path);
		if (r <= 0)
			return FB_FAIL;
	}
	return FB_OK;
}

static int sync_directory(const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (fd < 0)
		return -1;
	r = fsync(fd);
	close(fd);
	return r;
}

static int write_whole(int fd, const struct content *c)
{
	for (size_t at = 0; at < c->n;) {
		ssize_t n = write(fd, c->bytes + at, c->n - at);

		if (n < 0 && errno != EINTR)
			return -1;
		at += n > 0 ? (size_t)n : 0;
	}
	return fchmod(fd, c->mode) || fsync(fd) ? -1 : 0;
}

/* The file beside, then renamed: systemd reads only names that end in .conf. 0, or -1 with errno. */
static int replace(const char *path, const char *directory, const struct content *c)
{
	char beside[4096];
	int fd, r, saved;

	if (snprintf(beside, sizeof beside, "%s.failback-new", path) >= (int)sizeof beside) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (mkdir(directory, 0755) && errno != EEXIST)
		return -1;
	if (unlink(beside) && errno != ENOENT)
		return -1;
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	r = write_whole(fd, c);
	saved = errno;
	if (close(fd) && !r) {
		saved = errno;
		r = -1;
	}
	if (!r && rename(beside, path)) {
		saved = errno;
		r = -1;
	}
	if (r) {
		unlink(beside);
		errno = saved;
		return -1;
	}
	return sync_directory(directory);
}

static int make(const char *path, const struct content *c)
{
	char *copy = run_copy(path), *directory = dirname(copy);
	int r;

	if (c->bytes)
		r = replace(path, directory, c);
	else if (unlink(path) && errno != ENOENT)
		r = -1;
	else
		r = rmdir(directory) && errno != ENOTEMPTY && errno != EEXIST && errno != ENOENT ? -1 : 0; /* ours, or somebody's with more in it */
	free(copy);
	return r;
}

int32_t dropin_place(struct systemd *s, const struct unit *u, const char *release, bool *ret_changed)
{
	struct content want = {0}, is = {0};
	char *path = dropin_path(s, u), key[UNIT_NAME_MAX + 40], text[5000];
	int32_t answer = FB_FAIL, act;

	if (wanted(s, u, release, &want) || read_content(s, path, &is))
		goto out;
	answer = FB_OK;
	if (same(&want, &is))
		goto out;
	snprintf(text, sizeof text, want.bytes ? "write the drop-in %s of release %s" : "remove the drop-in %s, which release %s does not have", path, release);
	act = s->host->act(s->call, action_key(s, u, "drop-in", key, sizeof key), FB_REPEAT_IDEMPOTENT, text);
	*ret_changed = true;
	if (act == FB_ACT_DRY)
		goto out;
	answer = FB_FAIL;
	if (act != FB_ACT_DO && act != FB_ACT_DONE)
		goto out;
	if (make(path, &want))
		s->host->fail(s->call, "could not %s: %s", text, strerror(errno));
	else if (act == FB_ACT_DO && s->host->acted(s->call, key, NULL))
		s->host->fail(s->call, "%s: it was done, but that could not be recorded", text);
	else
		answer = FB_OK;
out:
	free(want.bytes);
	free(is.bytes);
	free(path);
	return answer;
}
