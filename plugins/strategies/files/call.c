/* SPDX-License-Identifier: Apache-2.0 */
/* One call: options, actions, facts and commands in the ways that all operations have them. */
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/strategies/files/files.h"

char *fs_text(const char *format, ...)
{
	char *ret = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&ret, format, args) < 0)
		abort();
	va_end(args);
	return ret;
}

/* Without the slashes at its end. */
static char *folder_option(const struct fb_call *call, const char *name)
{
	char *path = run_copy(call->host->option(call, name));

	for (size_t n = path ? strlen(path) : 0; n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = 0;
	return path;
}

void fs_open(struct fs *s, const struct fb_call *call)
{
	const char *layout = call->host->option(call, "layout");

	memset(s, 0, sizeof *s);
	s->call = call;
	s->host = call->host;
	s->tree = layout && !strcmp(layout, "tree");
	s->dry = call->flags & FB_CALL_DRY_RUN;
	s->recovery = call->failed || call->flags & FB_CALL_RECOVERY;
	s->owners = geteuid() == 0;
	s->releases = folder_option(call, "releases");
	s->live_at = folder_option(call, s->tree ? "target" : "link");
	if (sodium_init() < 0)
		abort();
	if (!s->live_at)
		return;
	s->live = s->tree ? run_copy(fs_fact(s, "live", NULL)) : fs_link_live(s);
}

void fs_close(struct fs *s)
{
	free(s->releases);
	free(s->live_at);
	free(s->live);
	free(s->laid_over);
}

int32_t fs_leave(struct fs *s, const char *key, const char *format, ...)
{
	char text[FS_TEXT];
	va_list args;
	int32_t leave;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	leave = s->host->act(s->call, key, FB_REPEAT_IDEMPOTENT, text);
	if (leave == FB_ACT_DO || leave == FB_ACT_DONE || leave == FB_ACT_DRY)
		return leave;
	s->host->fail(s->call, "told to stop, or out of time, before: %s", text);
	return FB_ACT_NO;
}

int32_t fs_made(struct fs *s, const char *key, int32_t leave)
{
	if (leave != FB_ACT_DO || !s->host->acted(s->call, key, NULL))
		return FB_OK;
	s->host->fail(s->call, "what was done to %s could not be recorded (%s)", s->call->service, key);
	return FB_RETRY;
}

static char *key_of(const char *what, const char *name)
{
	return name ? fs_text("%s.%s", what, name) : run_copy(what);
}

const char *fs_fact(struct fs *s, const char *what, const char *name)
{
	char *key = key_of(what, name);
	const char *value = s->host->fact(s->call, FB_SCOPE_SERVICE, key);

	free(key);
	return value && *value ? value : NULL;
}

int fs_fact_set(struct fs *s, const char *what, const char *name, const char *value)
{
	char *key = key_of(what, name);
	int32_t rc = s->host->fact_set(s->call, FB_SCOPE_SERVICE, key, value ? value : "");

	if (rc)
		s->host->fail(s->call, "the fact %s of %s could not be recorded in the journal", key, s->call->service);
	free(key);
	return rc ? -1 : 0;
}

int fs_in_time(struct fs *s, const char *what)
{
	if (s->host->remaining_ms(s->call) > 0)
		return 0;
	s->host->fail(s->call, "told to stop, or out of time, while %s", what);
	return -1;
}

int fs_good_name(struct fs *s, const char *release)
{
	if (release && *release && *release != '.' && !strchr(release, '/') && strlen(release) <= 200)
		return 0;
	if (!release)
		s->host->fail(s->call, "no release of %s is named: give --release, or 'release' in the plan", s->call->service);
	else
		s->host->fail(s->call, "'%s' cannot be a release of %s: a release is a folder in %s, so its name has no slash and does not begin with a dot", release, s->call->service, s->releases);
	return -1;
}

static void add_environment(struct fs *s, struct run_spec *spec, const char *directory, const char *release)
{
	int64_t left = s->host->remaining_ms(s->call), margin = left / 20 < 200 ? left / 20 : 200;

	run_add_map(s->call, spec, "environment");
	run_add_map(s->call, spec, "secret_environment");
	run_add_environment(spec, "FAILBACK_RELEASE", release);
	run_add_environment(spec, "FAILBACK_DIRECTORY", directory);
	run_add_environment(spec, "FAILBACK_LIVE", s->live_at);
	spec->command.timeout_ms = left > margin ? left - margin : 1;
}

int32_t fs_run(struct fs *s, const char *option, const char *directory, const char *release, const char *what, const char *evidence)
{
	struct fb_command_result r = {0};
	char outcome[80], line[400], show[200];
	struct run_spec spec;
	int32_t answer = FB_FAIL;

	run_option(s->call, option, &spec);
	run_set_directory(&spec, directory);
	add_environment(s, &spec, directory, release);
	if (s->host->run(s->call, &spec.command, &r))
		s->host->fail(s->call, "%s: '%s' could not be started; the log says why", what, run_show(&spec, show, sizeof show));
	else if (!r.timed_out && !r.signal && r.exit_code == 0)
		answer = FB_OK;
	else
		s->host->fail(s->call, "%s: '%s' ended with %s%s", what, run_show(&spec, show, sizeof show), run_outcome(&r, outcome, sizeof outcome), run_line_after(&r, line, sizeof line));
	if (evidence && answer != FB_OK && r.output_size)
		s->host->evidence_text(s->call, evidence, what, r.output, r.output_size);
	run_clear(&spec);
	return answer;
}
