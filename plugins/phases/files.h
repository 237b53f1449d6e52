/* SPDX-License-Identifier: Apache-2.0 */
/* The files of an execution's archive: regular ones only, no link is followed, in an order that stays. */
#ifndef FB_PHASES_FILES_H
#define FB_PHASES_FILES_H

#include <stddef.h>

struct files {
	char **paths; /* relative to the folder they were listed for, sorted by bytes */
	size_t n;
	int left_out; /* beyond the limit, too deep, or a name that is not UTF-8 */
};

/* Adds what is in folder/sub ("" for the folder itself). Folders that are not there hold nothing. */
void files_list(int folder, const char *sub, size_t limit, struct files *ret);
void files_sort(struct files *f);
void files_clear(struct files *f);

#endif
