/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strategy @NAME@: a service whose releases are folders below `root`, where the link `current` names the one that is live. A release is made live by
 * replacing the link as a whole, so that no user ever sees none.
 */
#include <failback/plugin.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct fb_option options[] = {
	{.name = "root", .type = FB_TYPE_PATH, .flags = FB_OPTION_REQUIRED, .summary = "Folder of the releases and of the link 'current'"},
	{0},
};

/* The release that is live, "" when there is none. */
static const char *live(const struct fb_call *call, char *buf, size_t size)
{
	char path[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof path, "%s/current", call->host->option(call, "root"));
	n = readlink(path, buf, size - 1);
	buf[n > 0 ? n : 0] = 0;
	return buf;
}

/* Is the release's folder there? */
static int32_t look(const struct fb_call *call)
{
	char path[PATH_MAX];
	struct stat st;

	if (!call->release || strchr(call->release, '/')) {
		call->host->fail(call, "there is no release to look for, or its name is no name of a folder");
		return FB_FATAL;
	}
	snprintf(path, sizeof path, "%s/%s", call->host->option(call, "root"), call->release);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return FB_OK;
	call->host->fail(call, "release %s is not at %s: put it there first", call->release, path);
	return FB_FAIL;
}

static int replace_link(const char *root, const char *release)
{
	char temporary[PATH_MAX], path[PATH_MAX];

	snprintf(temporary, sizeof temporary, "%s/.current.%ld", root, (long)getpid());
	snprintf(path, sizeof path, "%s/current", root);
	if (symlink(release, temporary) != 0)
		return -1;
	if (rename(temporary, path) == 0)
		return 0;
	unlink(temporary);
	return -1;
}

/* Makes a release live. The action is declared to the host before it is made, so that dry run, audit and resume hold. */
static int32_t make_live(const struct fb_call *call)
{
	const struct fb_host *h = call->host;
	char now[NAME_MAX + 1], what[2 * NAME_MAX];
	int32_t answer = look(call);

	if (answer != FB_OK)
		return answer;
	if (strcmp(live(call, now, sizeof now), call->release) == 0)
		return FB_SKIP;
	snprintf(what, sizeof what, "point current at %s", call->release);
	answer = h->act(call, "switch-link", FB_REPEAT_IDEMPOTENT, what);
	switch (answer) {
	case FB_ACT_DO:
	case FB_ACT_DONE: /* by an earlier attempt, but we have just seen that it does not hold: make it again */
		break;
	case FB_ACT_DRY:
		return FB_OK;
	default: /* FB_ACT_NO and any other: return at once */
		h->fail(call, "did not %s: failback is stopping", what);
		return FB_RETRY;
	}
	if (replace_link(h->option(call, "root"), call->release) != 0) {
		h->fail(call, "cannot %s: %s", what, strerror(errno));
		return FB_FAIL;
	}
	return answer == FB_ACT_DONE || h->acted(call, "switch-link", NULL) == 0 ? FB_OK : FB_RETRY; /* what is recorded as done is so once */
}

static int32_t state(const struct fb_call *call)
{
	char now[NAME_MAX + 1], json[2 * NAME_MAX];

	live(call, now, sizeof now);
	if (strpbrk(now, "\"\\")) {
		call->host->fail(call, "the link 'current' names '%s', which is no name of a release", now);
		return FB_FAIL;
	}
	if (*now)
		snprintf(json, sizeof json, "{\"release\": \"%s\", \"target\": \"current\"}", now);
	else
		strcpy(json, "{\"release\": null}");
	call->host->report(call, "state", json);
	return FB_OK;
}

/* Traffic goes all at once: there is one link. */
static int32_t shift(const struct fb_call *call)
{
	return call->share == 10000 ? make_live(call) : FB_SKIP;
}

static int32_t verify(const struct fb_call *call)
{
	char now[NAME_MAX + 1];

	if (call->release && strcmp(live(call, now, sizeof now), call->release) == 0)
		return FB_OK;
	call->host->fail(call, "release %s should be live, the link 'current' names '%s'", call->release ? call->release : "(none)", now);
	return FB_FAIL;
}

/* Of shift: the last known good is live again. */
static int32_t undo(const struct fb_call *call)
{
	struct fb_call back = *call;

	if (call->operation != FB_OP_SHIFT || !call->last_good)
		return FB_SKIP;
	back.release = call->last_good;
	return make_live(&back);
}

static const struct fb_strategy_ops ops = {.state = state, .prepare = look, .shift = shift, .restore = make_live, .verify = verify, .undo = undo};

FB_PLUGIN(STRATEGY, .features = FB_FEATURE_ZERO_DOWNTIME, .name = "@NAME@", .version = "0.1", .summary = "Releases are folders, a link names the live one",
	  .license = "Apache-2.0", .options = options, .strategy = &ops)
