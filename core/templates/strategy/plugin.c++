// SPDX-License-Identifier: Apache-2.0
// strategy @NAME@: a service whose releases are folders below `root`, where the link `current` names the one that is live. A release is made live by
// replacing the link as a whole, so that no user ever sees none.
#include <failback/plugin.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;

const fb_option options[] = {
	{.name = "root", .type = FB_TYPE_PATH, .flags = FB_OPTION_REQUIRED, .summary = "Folder of the releases and of the link 'current'"},
	{},
};

fs::path root(const fb_call *call)
{
	return call->host->option(call, "root");
}

// The release that is live, "" when there is none.
std::string live(const fb_call *call)
{
	std::error_code error;

	return fs::read_symlink(root(call) / "current", error).string();
}

// Is the release's folder there?
int32_t look(const fb_call *call, const char *release)
{
	std::error_code error;

	if (!release || std::string(release).find('/') != std::string::npos) {
		call->host->fail(call, "there is no release to look for, or its name is no name of a folder");
		return FB_FATAL;
	}
	if (fs::is_directory(root(call) / release, error))
		return FB_OK;
	call->host->fail(call, "release %s is not at %s: put it there first", release, (root(call) / release).c_str());
	return FB_FAIL;
}

std::error_code replace_link(const fs::path &folder, const char *release)
{
	const fs::path temporary = folder / (".current." + std::to_string(getpid()));
	std::error_code error, ignored;

	fs::create_symlink(release, temporary, error);
	if (!error)
		fs::rename(temporary, folder / "current", error);
	if (error)
		fs::remove(temporary, ignored);
	return error;
}

// Makes a release live. The action is declared to the host before it is made, so that dry run, audit and resume hold.
int32_t make_live(const fb_call *call, const char *release)
{
	const fb_host *h = call->host;
	int32_t answer = look(call, release);

	if (answer != FB_OK)
		return answer;
	if (live(call) == release)
		return FB_SKIP;
	const std::string what = std::string("point current at ") + release;
	answer = h->act(call, "switch-link", FB_REPEAT_IDEMPOTENT, what.c_str());
	switch (answer) {
	case FB_ACT_DO:
	case FB_ACT_DONE: // by an earlier attempt, but we have just seen that it does not hold: make it again
		break;
	case FB_ACT_DRY:
		return FB_OK;
	default: // FB_ACT_NO and any other: return at once
		h->fail(call, "did not %s: failback is stopping", what.c_str());
		return FB_RETRY;
	}
	if (const std::error_code error = replace_link(root(call), release)) {
		h->fail(call, "cannot %s: %s", what.c_str(), error.message().c_str());
		return FB_FAIL;
	}
	return answer == FB_ACT_DONE || h->acted(call, "switch-link", nullptr) == 0 ? FB_OK : FB_RETRY; // what is recorded as done is so once
}

// No exception may leave an operation.
int32_t state(const fb_call *call) noexcept
{
	const std::string now = live(call);

	if (now.find_first_of("\"\\") != std::string::npos) {
		call->host->fail(call, "the link 'current' names '%s', which is no name of a release", now.c_str());
		return FB_FAIL;
	}
	const std::string json = now.empty() ? "{\"release\": null}" : "{\"release\": \"" + now + "\", \"target\": \"current\"}";
	call->host->report(call, "state", json.c_str());
	return FB_OK;
}

int32_t prepare(const fb_call *call) noexcept
{
	return look(call, call->release);
}

// Traffic goes all at once: there is one link.
int32_t shift(const fb_call *call) noexcept
{
	return call->share == 10000 ? make_live(call, call->release) : FB_SKIP;
}

int32_t restore(const fb_call *call) noexcept
{
	return make_live(call, call->release);
}

int32_t verify(const fb_call *call) noexcept
{
	const std::string now = live(call);

	if (call->release && now == call->release)
		return FB_OK;
	call->host->fail(call, "release %s should be live, the link 'current' names '%s'", call->release ? call->release : "(none)", now.c_str());
	return FB_FAIL;
}

// Of shift: the last known good is live again.
int32_t undo(const fb_call *call) noexcept
{
	return call->operation == FB_OP_SHIFT && call->last_good ? make_live(call, call->last_good) : FB_SKIP;
}

const fb_strategy_ops ops = {.state = state, .prepare = prepare, .shift = shift, .restore = restore, .verify = verify, .undo = undo};

} // namespace

FB_PLUGIN(STRATEGY, .features = FB_FEATURE_ZERO_DOWNTIME, .name = "@NAME@", .version = "0.1", .summary = "Releases are folders, a link names the live one",
	  .license = "Apache-2.0", .options = options, .strategy = &ops)
