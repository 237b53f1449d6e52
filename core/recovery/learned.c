/* SPDX-License-Identifier: Apache-2.0 */
#include "recovery/learned.h"

#include "base/mem.h"
#include "recovery/report_parts.h"

#define VERDICTS_MOST 100
#define FAILURES_MOST 30

static json_t *verdict_json(const struct fb_verdict_row *v)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o}", "verdict", fb_report_text(v->verdict), "type", fb_report_text(v->type), "cause", fb_report_text(v->cause), "signature",
			 fb_report_text(v->signature), "fix", fb_report_text(v->fix), "command", fb_report_text(v->command), "worked", v->worked, "by", fb_report_text(v->by), "at",
			 fb_report_stamp(v->at_ms));
}

json_t *fb_learned_verdict(struct fb_journal *j, const char *execution, struct fb_err *err)
{
	struct fb_verdict_row *v;
	json_t *ret, *earlier;
	size_t n;

	if (fb_journal_verdicts(j, execution, &v, &n, err) < 0)
		return NULL;
	ret = n ? verdict_json(&v[0]) : json_null();
	earlier = json_array();
	for (size_t i = 1; i < n; i++)
		json_array_append_new(earlier, verdict_json(&v[i]));
	if (n)
		json_object_set(ret, "earlier", earlier);
	json_decref(earlier);
	fb_verdicts_free(v, n);
	return ret;
}

static json_t *words_of(const struct fb_verdict_row *v, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *one = verdict_json(&v[i]);

		json_object_set_new(one, "execution", fb_report_text(v[i].execution));
		json_object_set_new(one, "said_type", fb_report_text(v[i].said_type));
		json_object_set_new(one, "said_signature", fb_report_text(v[i].said_signature));
		json_array_append_new(list, one);
	}
	return list;
}

/* What it failed of: as a person said, else as the analysis found. */
static json_t *mended_json(const struct fb_mended_row *m, const struct fb_verdict_row *words, size_t n)
{
	json_t *cause = json_loads(m->root_cause, 0, NULL), *type = fb_report_member(cause, "class"), *signature = fb_report_member(cause, "signature"), *ret;

	for (size_t i = 0; i < n; i++) {
		if (!fb_streq(words[i].execution, m->execution))
			continue;
		json_decref(type);
		json_decref(signature);
		type = fb_report_text(words[i].type);
		signature = fb_report_text(words[i].signature);
	}
	ret = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "execution", fb_report_text(m->execution), "release", fb_report_text(m->release), "at", fb_report_stamp(m->ended_ms),
			"type", type, "signature", signature, "about", fb_report_member(cause, "parameters"), "by_execution", fb_report_text(m->by_execution), "by_release",
			fb_report_text(m->by_release), "mended_at", fb_report_stamp(m->mended_ms));
	json_decref(cause);
	return ret;
}

json_t *fb_learned(struct fb_journal *j, const char *execution, struct fb_err *err)
{
	struct fb_verdict_row *words;
	struct fb_mended_row *mended;
	json_t *list;
	size_t n, count;

	if (fb_journal_verdicts_near(j, execution, VERDICTS_MOST, &words, &n, err) < 0)
		return NULL;
	if (fb_journal_mended(j, execution, FAILURES_MOST, &mended, &count, err) < 0) {
		fb_verdicts_free(words, n);
		return NULL;
	}
	list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, mended_json(&mended[i], words, n));
	fb_mended_free(mended, count);
	list = json_pack("{s:o, s:o}", "verdicts", words_of(words, n), "mended", list);
	fb_verdicts_free(words, n);
	return list;
}
