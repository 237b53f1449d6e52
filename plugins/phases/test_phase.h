/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the phases share: strategies and checks whose answers are scripted, one after the other, the last one staying. */
#ifndef FB_PHASES_TEST_PHASE_H
#define FB_PHASES_TEST_PHASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/fake/host.h"

struct script {
	struct {
		uint32_t operation;
		const char *services; /* JSON of the "services" array */
		int times;            /* how often this line is used; 0: from now on */
	} operate[16];
	struct {
		const char *checks;   /* JSON of the "checks" array */
		int times;
	} probe[16];
	const char *deliveries;
	int32_t notify_answer;
};

static inline json_t *script_document(const char *member, const char *array)
{
	json_t *v = json_loads(array, 0, NULL);

	assert_non_null(v);
	return json_pack("{s:o}", member, v);
}

static inline int32_t script_worst(const json_t *services)
{
	int32_t worst = FB_OK;
	size_t i;
	json_t *entry;

	json_array_foreach(services, i, entry)
		if (json_integer_value(json_object_get(entry, "answer")) > worst)
			worst = (int32_t)json_integer_value(json_object_get(entry, "answer"));
	return worst;
}

static inline int32_t script_operate(struct fake *f, uint32_t operation, const char *service, json_t **ret)
{
	struct script *s = f->ctx;

	(void)service;
	for (size_t i = 0; i < 16; i++) {
		if (s->operate[i].operation != operation || !s->operate[i].services || s->operate[i].times < 0)
			continue;
		if (s->operate[i].times && !--s->operate[i].times)
			s->operate[i].times = -1;
		*ret = script_document("services", s->operate[i].services);
		return script_worst(json_object_get(*ret, "services"));
	}
	*ret = json_loads("{\"services\": [{\"service\": \"web\", \"answer\": 1, \"message\": null, \"skipped\": true}]}", 0, NULL);
	return FB_SKIP;
}

static inline int32_t script_probe(struct fake *f, const char *service, json_t **ret)
{
	struct script *s = f->ctx;

	(void)service;
	for (size_t i = 0; i < 16; i++) {
		if (!s->probe[i].checks || s->probe[i].times < 0)
			continue;
		if (s->probe[i].times && !--s->probe[i].times)
			s->probe[i].times = -1;
		*ret = script_document("checks", s->probe[i].checks);
		return strstr(s->probe[i].checks, "failed") ? FB_FAIL : FB_OK;
	}
	*ret = json_loads("{\"checks\": []}", 0, NULL);
	return FB_OK;
}

static inline int32_t script_notify(struct fake *f, const char *name, const char *summary, json_t **ret)
{
	struct script *s = f->ctx;

	assert_null(name);
	assert_null(summary);
	*ret = s->deliveries ? script_document("deliveries", s->deliveries) : NULL;
	return s->notify_answer;
}

static inline struct fake *script_new(const char *plugin, const char *options, struct script *s)
{
	struct fake *f = fake_new(plugin, options);

	f->operate = script_operate;
	f->probe = script_probe;
	f->notify = script_notify;
	f->ctx = s;
	f->call.release = "2.0";
	f->call.failed = "2.0";
	f->call.last_good = "1.0";
	return f;
}

/* The sentence that phase_say kept. */
static inline const char *said(const struct fake *f)
{
	const char *s = json_string_value(json_object_get(json_object_get(f->reports, "summary"), "text"));

	return s ? s : "";
}

static inline bool operated(const struct fake *f, uint32_t operation)
{
	size_t i;
	json_t *o;

	json_array_foreach(f->operated, i, o)
		if (json_integer_value(json_object_get(o, "operation")) == operation)
			return true;
	return false;
}

#define OK_BACKEND "[{\"service\": \"backend\", \"answer\": 0, \"message\": null, \"skipped\": false}]"
#define FAIL_BACKEND "[{\"service\": \"backend\", \"answer\": 3, \"message\": \"no route to 10.0.0.7\", \"skipped\": false}]"
#define SKIP_BACKEND "[{\"service\": \"backend\", \"answer\": 1, \"message\": null, \"skipped\": true}]"
#define HEALTHY "[{\"service\": \"backend\", \"check\": \"http\", \"state\": \"healthy\", \"latency_us\": 900, \"text\": \"200\"}," \
		" {\"service\": \"backend\", \"check\": \"tcp\", \"state\": \"warning\", \"latency_us\": 900, \"text\": \"slow\"}]"
#define FAILING "[{\"service\": \"backend\", \"check\": \"http\", \"state\": \"failed\", \"latency_us\": 900, \"text\": \"503 from /health\"}," \
		" {\"service\": \"backend\", \"check\": \"tcp\", \"state\": \"healthy\", \"latency_us\": 900, \"text\": \"open\"}]"
#define BLIND "[{\"service\": \"backend\", \"check\": \"http\", \"state\": \"blind\", \"latency_us\": -1, \"text\": \"resolver down\"}]"

#endif
