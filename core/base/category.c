/* SPDX-License-Identifier: Apache-2.0 */
#include "base/category.h"

#include "base/mem.h"

static const struct {
	const char *name, *text;
} categories[] = {
	{"auth", "a log-in was refused"},
	{"compile_error", "the source does not compile"},
	{"config_syntax", "the configuration is not well-formed"},
	{"crash", "a program crashed"},
	{"database", "the database refused"},
	{"dependency_missing", "something that it depends on is not installed"},
	{"disk_full", "the disk is full"},
	{"image_not_found", "the image is not there"},
	{"lint", "a check of the source's style failed"},
	{"lock", "another run holds the lock"},
	{"missing_file", "a file is missing"},
	{"network", "a connection could not be made"},
	{"out_of_memory", "memory ran out"},
	{"permission", "something was not permitted"},
	{"port_in_use", "the port is in use"},
	{"probe_failure", "a health probe failed"},
	{"quota_limit", "a limit was reached"},
	{"test_failure", "a test failed"},
	{"timeout", "something took too long"},
	{"tls", "a certificate was not accepted"},
	{"unknown", "the cause is not known"},
	{"vcs_ref_missing", "a revision is not in the repository"},
	{"version_conflict", "versions do not fit together"},
};
#define CATEGORY_COUNT (sizeof categories / sizeof *categories)

const char *const fb_categories[] = {"auth", "compile_error", "config_syntax", "crash", "database", "dependency_missing", "disk_full", "image_not_found", "lint", "lock",
				     "missing_file", "network", "out_of_memory", "permission", "port_in_use", "probe_failure", "quota_limit", "test_failure", "timeout", "tls",
				     "unknown", "vcs_ref_missing", "version_conflict", NULL};

const char *fb_category_text(const char *category)
{
	for (size_t i = 0; i < CATEGORY_COUNT; i++)
		if (fb_streq(categories[i].name, category))
			return categories[i].text;
	return NULL;
}
