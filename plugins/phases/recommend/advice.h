/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What to do about a cause: sentences and commands that can be copied. Values come from logs, that is from anyone: what enters a command is
 * quoted for the shell, and what holds characters that a person cannot see enters none.
 */
#ifndef FB_RECOMMEND_ADVICE_H
#define FB_RECOMMEND_ADVICE_H

#include <jansson.h>

struct advice {
	json_t *list;        /* recommendations, the most urgent first */
	const json_t *cause; /* root_cause; NULL: none */
	const char *execution, *service, *archive; /* service, archive: NULL when unknown */
};

/* Fills list for the class of the cause. */
void advice_make(struct advice *a);

#endif
