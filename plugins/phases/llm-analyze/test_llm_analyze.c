/* SPDX-License-Identifier: Apache-2.0 */
/* What a model is shown, and which of its answers are believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plugins/phases/llm-analyze/pack.h"

static json_t *cause(void)
{
	return json_pack("{s:s, s:s, s:s, s:{s:s}, s:[{s:s, s:i, s:s}, {s:s, s:i, s:s}]}", "class", "missing_file", "cause", "Missing configuration file", "likely_cause",
			 "Missing configuration file: config/production.json", "parameters", "path", "config/production.json", "evidence", "file", "logs/7.log", "line", 12, "text",
			 "npm ERR! code 1", "file", "logs/7.log", "line", 9, "text", "Error: Cannot find module './config/production.json'");
}

/* What becomes of an answer with this content; NULL: refused, and why has the words. */
static json_t *answered(const char *content, const char *words)
{
	json_t *c = cause(), *body = json_pack("{s:[{s:{s:s, s:s}}]}", "choices", "message", "role", "assistant", "content", content), *ret;
	char *text = json_dumps(body, 0), why[PACK_WHY] = "";

	ret = pack_answer(c, "Step 7 (deploy)", "m", text, strlen(text), why);
	if (words) {
		assert_null(ret);
		if (!strstr(why, words))
			fail_msg("'%s' is not in '%s'", words, why);
	}
	free(text);
	json_decref(body);
	json_decref(c);
	return ret;
}

static void it_is_shown_the_evidence_and_nothing_else(void **state)
{
	json_t *c = cause(), *request;
	char *text = pack_request(c, "Step 7 (deploy)", "llama3", 300);
	const char *user;

	(void)state;
	request = json_loads(text, 0, NULL);
	user = json_string_value(json_object_get(json_array_get(json_object_get(request, "messages"), 1), "content"));
	assert_string_equal(json_string_value(json_object_get(request, "model")), "llama3");
	assert_int_equal(json_integer_value(json_object_get(request, "max_tokens")), 300);
	assert_non_null(strstr(user, "\"E2\""));
	assert_non_null(strstr(user, "Cannot find module"));
	assert_non_null(strstr(user, "Step 7 (deploy)"));
	json_decref(request);
	free(text);
	json_object_set_new(c, "evidence", json_array());
	assert_null(pack_request(c, "Step 7", "llama3", 300));
	json_decref(c);
}

static void an_answer_orders_the_evidence_and_explains_it(void **state)
{
	json_t *r = answered("```json\n{\"explanation\": \"The module `./config/production.json` is not in the release.\", \"order\": [\"E2\"]}\n```", NULL), *first;

	(void)state;
	assert_non_null(r);
	first = json_array_get(json_object_get(r, "evidence"), 0);
	assert_int_equal(json_integer_value(json_object_get(first, "line")), 9);
	assert_int_equal(json_array_size(json_object_get(r, "evidence")), 2);
	assert_string_equal(json_string_value(json_object_get(r, "class")), "missing_file");
	assert_string_equal(json_string_value(json_object_get(json_object_get(r, "explanation"), "by")), "m");
	assert_non_null(strstr(json_string_value(json_object_get(json_object_get(r, "explanation"), "note")), "language model"));
	json_decref(r);
}

static void an_answer_that_quotes_what_it_was_not_shown_is_refused(void **state)
{
	(void)state;
	answered("{\"explanation\": \"The log says \\\"FATAL: disk is full\\\".\", \"order\": []}", "quotes what is not in the evidence: FATAL: disk is full");
	answered("{\"explanation\": \"The log says \\u201cFATAL: disk is full\\u201d.\", \"order\": []}", "FATAL");
	answered("{\"explanation\": \"Run `rm -rf /`.\", \"order\": []}", "rm -rf /");
	answered("{\"explanation\": \"It says \\\"Error: Cannot find\", \"order\": []}", "does not end");
}

static void an_answer_that_names_other_evidence_is_refused(void **state)
{
	(void)state;
	answered("{\"explanation\": \"It is so.\", \"order\": [\"E3\"]}", "E3");
	answered("{\"explanation\": \"It is so.\", \"order\": [\"E1\", \"E1\"]}", "E1");
	answered("{\"explanation\": \"It is so.\", \"order\": [\"E0\"]}", "E0");
	answered("{\"explanation\": \"It is so.\", \"order\": [\"E99999999999999999999\"]}", "E9");
	answered("{\"explanation\": \"It is so.\", \"order\": [1]}", "no text");
}

static void an_answer_of_another_form_is_refused(void **state)
{
	char *longer = malloc(3000), why[PACK_WHY];
	json_t *c = cause();

	(void)state;
	answered("I think the disk is full.", "the JSON object");
	answered("{\"order\": []}", "no explanation");
	answered("{\"explanation\": \"\", \"order\": []}", "too short");
	answered("{\"explanation\": \"turned \\u202e about\", \"order\": []}", "cannot be seen");
	answered("{\"explanation\": \"\\u001b[2J gone\", \"order\": []}", "cannot be seen");
	memset(longer, 'a', 2999);
	memcpy(longer, "{\"explanation\": \"", 17);
	memcpy(longer + 2980, "\", \"order\": []}", 16);
	answered(longer, "too long");
	assert_null(pack_answer(c, NULL, "m", "<html>", 6, why));
	assert_non_null(strstr(why, "not JSON"));
	assert_null(pack_answer(c, NULL, "m", "{\"choices\": 3}", 14, why));
	assert_non_null(strstr(why, "no chat completion"));
	json_decref(c);
	free(longer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_shown_the_evidence_and_nothing_else),
		cmocka_unit_test(an_answer_orders_the_evidence_and_explains_it),
		cmocka_unit_test(an_answer_that_quotes_what_it_was_not_shown_is_refused),
		cmocka_unit_test(an_answer_that_names_other_evidence_is_refused),
		cmocka_unit_test(an_answer_of_another_form_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
