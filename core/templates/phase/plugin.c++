// SPDX-License-Identifier: Apache-2.0
// phase @NAME@: puts a flag file in place that other programs look at; its undo takes the file away.
#include <failback/plugin.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <unistd.h>

namespace {

constexpr size_t text_max = 255;

const fb_option options[] = {
	{.name = "file", .type = FB_TYPE_PATH, .flags = FB_OPTION_REQUIRED, .summary = "Flag file to make"},
	{.name = "text", .type = FB_TYPE_STRING, .default_value = "maintenance", .summary = "What it holds"},
	{},
};

// Makes the file, or removes it when text is null. False with errno.
bool change(const std::string &file, const std::string *text)
{
	if (!text)
		return unlink(file.c_str()) == 0 || errno == ENOENT;
	const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return false;
	const bool written = write(fd, text->data(), text->size()) == static_cast<ssize_t>(text->size()) && fsync(fd) == 0;
	return close(fd) == 0 && written;
}

// Is it so already: a file with this text, or no file when text is null?
bool holds(const std::string &file, const std::string *text)
{
	char now[text_max + 1];
	const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return !text && errno == ENOENT;
	const ssize_t n = read(fd, now, sizeof now);
	close(fd);
	return text && n >= 0 && text->compare(0, std::string::npos, now, static_cast<size_t>(n)) == 0;
}

// One action: declared to the host before it is made, so that dry run, audit and resume hold.
int32_t put(const fb_call *call, const char *key, const char *what, const std::string *text)
{
	const fb_host *h = call->host;
	const std::string file = h->option(call, "file"); // a copy: what option gives lives until it is asked again
	const int32_t answer = h->act(call, key, FB_REPEAT_IDEMPOTENT, what);

	switch (answer) {
	case FB_ACT_DO:
		break;
	case FB_ACT_DONE: // by an earlier attempt: does it still hold?
		if (holds(file, text))
			return FB_SKIP;
		break;
	case FB_ACT_DRY:
		return FB_OK;
	default: // FB_ACT_NO and any other: return at once
		h->fail(call, "did not %s: failback is stopping", what);
		return FB_RETRY;
	}
	if (!change(file, text)) {
		h->fail(call, "cannot %s at %s: %s", what, file.c_str(), std::strerror(errno));
		return FB_FAIL;
	}
	return answer == FB_ACT_DONE || h->acted(call, key, nullptr) == 0 ? FB_OK : FB_RETRY; // what is recorded as done is so once
}

// No exception may leave an operation.
int32_t run(const fb_call *call) noexcept
{
	const std::string text = call->host->option(call, "text");

	if (text.size() > text_max) {
		call->host->fail(call, "the text has %zu bytes, at most %zu are allowed: shorten 'text'", text.size(), text_max);
		return FB_FATAL;
	}
	return put(call, "set-flag", "put the flag file in place", &text);
}

int32_t undo(const fb_call *call) noexcept
{
	return put(call, "clear-flag", "take the flag file away", nullptr);
}

const fb_phase_ops ops = {.run = run, .undo = undo};

} // namespace

FB_PLUGIN(PHASE, .name = "@NAME@", .version = "0.1", .summary = "Puts a flag file in place", .license = "Apache-2.0", .options = options, .phase = &ops)
