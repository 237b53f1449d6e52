/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of plugins: options into commands, results into words. Runs nothing itself. */
#include "plugins/common/run.h"

#include <ctype.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

char *run_copy(const char *s)
{
	return s ? must(strdup(s)) : NULL;
}

bool run_is_set(const struct fb_call *call, const char *path)
{
	const char *s = call->host->option(call, path);

	return (s && *s) || call->host->option_count(call, path) > 0;
}

bool run_option(const struct fb_call *call, const char *path, struct run_spec *ret)
{
	const struct fb_host *h = call->host;
	uint32_t n = h->option_count(call, path);
	const char *s = n ? NULL : h->option(call, path);
	char item[128];

	memset(ret, 0, sizeof(*ret));
	if (s && *s)
		ret->shell = run_copy(s);
	if (n)
		ret->argv = must(calloc(n + 1, sizeof(*ret->argv)));
	for (uint32_t i = 0; i < n; i++) {
		snprintf(item, sizeof(item), "%s[%" PRIu32 "]", path, i);
		s = h->option(call, item);
		ret->argv[i] = run_copy(s ? s : "");
	}
	ret->command.shell = ret->shell;
	ret->command.argv = (const char *const *)ret->argv;
	return ret->shell || ret->argv;
}

static void free_list(char **list)
{
	for (size_t i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}

void run_clear(struct run_spec *s)
{
	free(s->shell);
	free(s->directory);
	free(s->input);
	free_list(s->argv);
	free_list(s->environment);
	memset(s, 0, sizeof(*s));
}

void run_add_environment(struct run_spec *s, const char *name, const char *value)
{
	size_t n = 0, size;

	if (!value)
		return;
	while (s->environment && s->environment[n])
		n++;
	s->environment = must(realloc(s->environment, (n + 2) * sizeof(*s->environment)));
	size = strlen(name) + strlen(value) + 2;
	s->environment[n] = must(malloc(size));
	snprintf(s->environment[n], size, "%s=%s", name, value);
	s->environment[n + 1] = NULL;
	s->command.environment = (const char *const *)s->environment;
}

void run_add_map(const struct fb_call *call, struct run_spec *s, const char *path)
{
	const struct fb_host *h = call->host;
	uint32_t n = h->option_count(call, path);

	for (uint32_t i = 0; i < n; i++) {
		char *key = run_copy(h->option_key(call, path, i));
		size_t size = key ? strlen(path) + strlen(key) + 2 : 0;
		char *full = key ? must(malloc(size)) : NULL;
		if (key) {
			snprintf(full, size, "%s.%s", path, key);
			run_add_environment(s, key, h->option(call, full));
		}
		free(full);
		free(key);
	}
}

void run_set_directory(struct run_spec *s, const char *directory)
{
	free(s->directory);
	s->command.directory = s->directory = run_copy(directory);
}

void run_set_input(struct run_spec *s, const char *input)
{
	free(s->input);
	s->command.input = s->input = run_copy(input);
}

/* Length of the UTF-8 character at s (RFC 3629), 0 when it is none. */
static size_t utf8_length(const unsigned char *s, size_t n)
{
	size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;

	if (!len || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

char *run_printable(const char *s, size_t n, char *buf, size_t size)
{
	size_t at = 0;

	for (size_t i = 0, len; i < n && size; i += len) {
		bool good;
		len = utf8_length((const unsigned char *)s + i, n - i);
		good = len > 1 || (len == 1 && (unsigned char)s[i] >= 0x20 && s[i] != 0x7f);
		if (!len)
			len = 1;
		if (at + len >= size)
			break;
		if (good)
			memcpy(buf + at, s + i, len);
		else
			buf[at] = s[i] == '\t' ? ' ' : '?';
		at += len;
	}
	if (size)
		buf[at] = 0;
	return buf;
}

char *run_show(const struct run_spec *s, char *buf, size_t size)
{
	size_t at = 0;
	char part[256];

	if (!size)
		return buf;
	*buf = 0;
	if (s->shell)
		return run_printable(s->shell, strlen(s->shell), buf, size);
	for (size_t i = 0; s->argv && s->argv[i] && at + 1 < size; i++) {
		int n;
		run_printable(s->argv[i], strlen(s->argv[i]), part, sizeof(part));
		n = snprintf(buf + at, size - at, "%s%s", i ? " " : "", part);
		at += n > 0 ? (size_t)n : 0;
	}
	return at < size ? buf : run_printable(buf, strlen(buf), buf, size);
}

char *run_signal_name(int number, char *buf, size_t size)
{
	static const struct { int number; const char *name; } names[] = {
		{SIGHUP, "SIGHUP"}, {SIGINT, "SIGINT"}, {SIGQUIT, "SIGQUIT"}, {SIGILL, "SIGILL"}, {SIGTRAP, "SIGTRAP"}, {SIGABRT, "SIGABRT"},
		{SIGBUS, "SIGBUS"}, {SIGFPE, "SIGFPE"}, {SIGKILL, "SIGKILL"}, {SIGUSR1, "SIGUSR1"}, {SIGSEGV, "SIGSEGV"}, {SIGUSR2, "SIGUSR2"},
		{SIGPIPE, "SIGPIPE"}, {SIGALRM, "SIGALRM"}, {SIGTERM, "SIGTERM"}, {SIGXCPU, "SIGXCPU"}, {SIGXFSZ, "SIGXFSZ"}, {SIGSYS, "SIGSYS"},
	};

	snprintf(buf, size, "signal %d", number);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].number == number)
			snprintf(buf, size, "%s", names[i].name);
	return buf;
}

char *run_outcome(const struct fb_command_result *r, char *buf, size_t size)
{
	char name[32];

	if (r->timed_out)
		snprintf(buf, size, "not finished after %.1f s, and ended", (double)r->elapsed_ms / 1000);
	else if (r->signal)
		snprintf(buf, size, "killed by %s", run_signal_name(r->signal, name, sizeof(name)));
	else
		snprintf(buf, size, "exit code %d", (int)r->exit_code);
	return buf;
}

static bool holds(const char *line, size_t n, const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; i + len <= n; i++)
		if (!strncasecmp(line + i, word, len))
			return true;
	return false;
}

static bool looks_like_error(const char *line, size_t n)
{
	static const char *const words[] = {"error",  "fail",      "fatal", "cannot", "can't",      "could not", "not found", "no such",
					    "denied", "forbidden", "refused", "exception", "panic", "invalid", "missing", "timed out"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (holds(line, n, words[i]))
			return true;
	return false;
}

char *run_line(const char *output, size_t n, char *buf, size_t size)
{
	const char *last = NULL, *found = NULL;
	size_t last_n = 0, found_n = 0;

	while (output && n) {
		const char *end = output + n, *line;
		size_t len;
		while (n && output[n - 1] != '\n')
			n--;
		line = output + n;
		if (n)
			n--;
		while (line < end && isspace((unsigned char)*line))
			line++;
		while (end > line && isspace((unsigned char)end[-1]))
			end--;
		len = (size_t)(end - line);
		if (!len)
			continue;
		if (!last) {
			last = line;
			last_n = len;
		}
		if (!looks_like_error(line, len))
			continue;
		found = line;
		found_n = len;
		break;
	}
	if (!found) {
		found = last;
		found_n = last_n;
	}
	return run_printable(found ? found : "", found_n, buf, size);
}

char *run_line_after(const struct fb_command_result *r, char *buf, size_t size)
{
	if (size < 4)
		return memset(buf, 0, size);
	memcpy(buf, ": ", 3);
	run_line(r->output, (size_t)r->output_size, buf + 2, size - 2);
	if (!buf[2])
		*buf = 0;
	return buf;
}

char *run_quote(const char *word)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:@%+=,-";
	size_t n = 3;
	char *ret, *p;

	if (*word && *word != '-' && word[strspn(word, plain)] == '\0')
		return run_copy(word);
	for (const char *s = word; *s; s++)
		n += *s == '\'' ? 4 : 1;
	ret = p = malloc(n);
	if (!ret)
		abort();
	*p++ = '\'';
	for (const char *s = word; *s; s++) {
		if (*s == '\'')
			p = stpcpy(p, "'\\''");
		else
			*p++ = *s;
	}
	strcpy(p, "'");
	return ret;
}
