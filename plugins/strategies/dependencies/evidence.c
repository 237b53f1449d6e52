/* SPDX-License-Identifier: Apache-2.0 */
/* How the packages of two releases differ, for the log and the archive. Changes nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/strategies/dependencies/dependencies.h"

/* "~ acme 1.0 -> 2.0", one a line, to be freed; NULL: it is not known. */
static char *difference(struct dep *d, const char *from, const char *to)
{
	char *a = from ? dep_record(d, from, NULL) : NULL, *b = to ? dep_record(d, to, NULL) : NULL, *ret = NULL;
	const struct dep_words words = {.record = a, .requirements = b};

	if (a && b && dep_script(d, dep_difference, &words, &ret)) {
		free(ret);
		ret = NULL;
	}
	free(a);
	free(b);
	return ret;
}

void dep_tell_difference(struct dep *d, const char *from, const char *to)
{
	char *text, *rest = NULL;

	if (!from || !to || !strcmp(from, to))
		return;
	text = difference(d, from, to);
	if (text && !*text)
		d->h->log(d->call, FB_LOG_INFO, "release %s has the packages of release %s", to, from);
	for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest))
		d->h->log(d->call, FB_LOG_INFO, "packages of release %s, beside %s: %s", to, from, line);
	free(text);
}

static bool keep(struct dep *d, const char *name, const char *title, const char *text)
{
	if (!d->h->evidence_text(d->call, name, title, text, strlen(text)))
		return true;
	d->h->log(d->call, FB_LOG_WARNING, "'%s' could not be kept as evidence", title);
	return false;
}

/* What pip or npm says of an environment in which packages do not get on with each other. */
static bool conflicts(struct dep *d, const char *release)
{
	char *place = dep_place(d, release), *output = NULL;
	const struct dep_words words = {.environment = place};
	bool ret = dep_script(d, dep_of(d, dep_conflicts_pip, dep_conflicts_npm), &words, &output) > 0 && *output && keep(d, "conflicts", "packages that do not get on with each other", output);

	free(output);
	free(place);
	return ret;
}

static uint32_t logs(struct dep *d)
{
	uint32_t n = d->h->option_count(d->call, "logs"), copied = 0;
	char item[64], title[300];

	for (uint32_t i = 0; i < n; i++) {
		char *path;

		snprintf(item, sizeof item, "logs[%u]", (unsigned)i);
		path = run_copy(d->h->option(d->call, item));
		snprintf(title, sizeof title, "log of %s", d->call->service);
		if (path && !d->h->evidence(d->call, path, title))
			copied++;
		else
			d->h->log(d->call, FB_LOG_WARNING, "log %s could not be copied", path ? path : "(none)");
		free(path);
	}
	return copied;
}

int32_t dep_evidence(const struct fb_call *call)
{
	const char *failed = call->failed ? call->failed : call->release;
	char title[400], *text;
	uint32_t kept;
	struct dep d;

	dep_open(&d, call);
	kept = logs(&d);
	text = difference(&d, call->last_good, failed);
	if (text) {
		snprintf(title, sizeof title, "how the packages of release %s differ from those of release %s", failed, call->last_good);
		kept += keep(&d, "packages", title, *text ? text : "they do not\n");
	}
	if (failed && !strpbrk(failed, "/:"))
		kept += conflicts(&d, failed);
	free(text);
	dep_close(&d);
	return kept ? FB_OK : FB_SKIP;
}
