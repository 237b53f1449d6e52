/* SPDX-License-Identifier: Apache-2.0 */
/* phase @NAME@: puts a flag file in place that other programs look at; its undo takes the file away. */
#include <failback/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX 255

static const struct fb_option options[] = {
	{.name = "file", .type = FB_TYPE_PATH, .flags = FB_OPTION_REQUIRED, .summary = "Flag file to make"},
	{.name = "text", .type = FB_TYPE_STRING, .default_value = "maintenance", .summary = "What it holds"},
	{0},
};

/* Makes the file, or removes it when text is NULL. 0, or -1 with errno. */
static int change(const char *file, const char *text)
{
	size_t n = text ? strlen(text) : 0;
	int fd, r;

	if (!text)
		return unlink(file) == 0 || errno == ENOENT ? 0 : -1;
	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -1;
	r = write(fd, text, n) == (ssize_t)n && fsync(fd) == 0 ? 0 : -1;
	return close(fd) == 0 ? r : -1;
}

/* Is it so already: a file with this text, or no file when text is NULL? */
static bool holds(const char *file, const char *text)
{
	char now[TEXT_MAX + 1];
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return !text && errno == ENOENT;
	n = read(fd, now, sizeof now);
	close(fd);
	return text && n == (ssize_t)strlen(text) && memcmp(now, text, (size_t)n) == 0;
}

/* One action: declared to the host before it is made, so that dry run, audit and resume hold. */
static int32_t put(const struct fb_call *call, const char *key, const char *what, const char *text)
{
	const struct fb_host *h = call->host;
	int32_t answer = h->act(call, key, FB_REPEAT_IDEMPOTENT, what);

	switch (answer) {
	case FB_ACT_DO:
		break;
	case FB_ACT_DONE: /* by an earlier attempt: does it still hold? */
		if (holds(h->option(call, "file"), text))
			return FB_SKIP;
		break;
	case FB_ACT_DRY:
		return FB_OK;
	default: /* FB_ACT_NO and any other: return at once */
		h->fail(call, "did not %s: failback is stopping", what);
		return FB_RETRY;
	}
	if (change(h->option(call, "file"), text) != 0) {
		h->fail(call, "cannot %s at %s: %s", what, h->option(call, "file"), strerror(errno));
		return FB_FAIL;
	}
	return answer == FB_ACT_DONE || h->acted(call, key, NULL) == 0 ? FB_OK : FB_RETRY; /* what is recorded as done is so once */
}

static int32_t run(const struct fb_call *call)
{
	char text[TEXT_MAX + 1];
	const char *given = call->host->option(call, "text");

	if (strlen(given) > TEXT_MAX) {
		call->host->fail(call, "the text has %zu bytes, at most %d are allowed: shorten 'text'", strlen(given), TEXT_MAX);
		return FB_FATAL;
	}
	strcpy(text, given); /* what option gave lives until it is asked again */
	return put(call, "set-flag", "put the flag file in place", text);
}

static int32_t undo(const struct fb_call *call)
{
	return put(call, "clear-flag", "take the flag file away", NULL);
}

static const struct fb_phase_ops ops = {.run = run, .undo = undo};

FB_PLUGIN(PHASE, .name = "@NAME@", .version = "0.1", .summary = "Puts a flag file in place", .license = "Apache-2.0", .options = options, .phase = &ops)
