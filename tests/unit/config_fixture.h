/* SPDX-License-Identifier: Apache-2.0 */
/* A folder with configuration files for one test, and what was found wrong with them as text. */
#ifndef TESTS_CONFIG_FIXTURE_H
#define TESTS_CONFIG_FIXTURE_H

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/io.h"
#include "fake_catalog.h"

struct fixture {
	char here[PATH_MAX];
	char folder[64];
	struct fb_errs errs;
	struct fb_config *config;
	json_t *chain;
	struct fb_text text; /* of the errors */
};

static inline void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fputs(text, file) >= 0 && fclose(file) == 0, 1);
}

/* Files are named relative to the folder, which is the working directory: so places are short. */
static inline int fixture_setup(void **state)
{
	struct fixture *f = fb_alloc(sizeof *f);

	assert_non_null(getcwd(f->here, sizeof f->here));
	strcpy(f->folder, "/tmp/failback-test-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	assert_int_equal(chdir(f->folder), 0);
	umask(022);
	assert_int_equal(mkdir("conf.d", 0755), 0);
	put("failback.conf", "");
	*state = f;
	return 0;
}

static inline void fixture_reset(struct fixture *f)
{
	fb_errs_clear(&f->errs);
	fb_config_free(f->config);
	f->config = NULL;
	json_decref(f->chain);
	f->chain = NULL;
	fb_text_clear(&f->text);
}

static inline int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	fixture_reset(f);
	fake_clear();
	assert_int_equal(chdir(f->here), 0);
	assert_int_equal(fb_io_remove_tree(f->folder), 0);
	fb_free(f);
	return 0;
}

/* All errors, a line each. */
static inline const char *errors(struct fixture *f)
{
	char line[2048];

	fb_text_clear(&f->text);
	for (size_t i = 0; i < f->errs.n; i++)
		fb_text_printf(&f->text, "%s\n", fb_err_format(&f->errs.v[i], line, sizeof line));
	return f->text.p ? f->text.p : "";
}

static inline int load(struct fixture *f)
{
	struct fb_config_request request = {.file = "failback.conf"};

	fixture_reset(f);
	return fb_config_load(&request, &f->config, &f->errs);
}

/* The configuration alone, without and with the plugins: its errors. */
static inline const char *check(struct fixture *f, const char *conf)
{
	struct fb_config_request request = {.file = "failback.conf"};

	fixture_reset(f);
	put("failback.conf", conf);
	(void)!fb_config_load_all(&request, &f->config, &f->errs);
	(void)!fb_config_check(f->config, &fake_catalog, &f->errs);
	return errors(f);
}

static inline int freeze_deploy(struct fixture *f, const char *plan)
{
	struct fb_freeze_request request = {.kind = "deploy", .plan_file = "plan.conf"};

	put("plan.conf", plan);
	if (load(f) < 0)
		return -1;
	return fb_config_freeze(f->config, &request, &fake_catalog, &f->chain, &f->errs);
}

/* The value at a path of names and indexes such as "chains.plan.0.name", as compact JSON text; lives until the next call. */
static inline const char *at(const json_t *json, const char *path)
{
	static char *text;
	char *copy = fb_strdup(path), *save = NULL;

	for (char *part = strtok_r(copy, ".", &save); part; part = strtok_r(NULL, ".", &save))
		json = json_is_array(json) ? json_array_get(json, (size_t)atoi(part)) : json_object_get(json, part);
	fb_free(copy);
	free(text);
	text = json ? json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS) : strdup("(none)");
	return text;
}

#endif
