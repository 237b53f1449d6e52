/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a language model is shown of a failure, and what of its answer is believed. It sees the quotes that analyze has found, which were redacted when they were captured,
 * and nothing else. It may order them and say in its own words what they mean; an answer that quotes anything else is refused whole.
 */
#ifndef FB_LLM_PACK_H
#define FB_LLM_PACK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define PACK_EXPLANATION 1200 /* bytes of its words, at most */
#define PACK_WHY 300

/* The request's body for a chat completion. cause: root_cause of the report. To be freed; NULL: there is no evidence. */
char *pack_request(const json_t *cause, const char *step, const char *model, int max_tokens);
/* Reads what came back. The root cause with the evidence in the model's order and its "explanation" {text, by, note}: a new reference. NULL: why says why it is not believed. */
json_t *pack_answer(const json_t *cause, const char *step, const char *model, const char *body, size_t n, char why[PACK_WHY]);

#endif
