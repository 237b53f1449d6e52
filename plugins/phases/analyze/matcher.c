/* SPDX-License-Identifier: Apache-2.0 */
#include <regex.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "patterns.h"

#define STATES 8192
#define GROUPS 10

struct state {
	uint16_t next[256];
	uint16_t fail;
	uint16_t output; /* nearest state by fail links at which a pattern's words end; 0: none */
	int16_t first;   /* first pattern whose words end here; -1: none */
};

struct matcher {
	struct state *states;
	size_t n;
	int16_t *same;     /* next pattern with the same words; -1: none */
	regex_t *compiled;
	unsigned char *has; /* compiled is set */
	unsigned char *hit; /* words found in this line */
};

static int add_words(struct matcher *m, size_t index)
{
	uint16_t s = 0;

	for (const char *p = patterns[index].words; *p; p++) {
		uint16_t *next = &m->states[s].next[(unsigned char)*p];

		if (!*next) {
			if (m->n == STATES)
				return -1;
			m->states[m->n].first = -1;
			*next = (uint16_t)m->n++;
		}
		s = *next;
	}
	m->same[index] = m->states[s].first;
	m->states[s].first = (int16_t)index;
	return 0;
}

/* Breadth first: fail links, then a complete transition table. */
static int link_states(struct matcher *m)
{
	uint16_t *queue = calloc(m->n, sizeof *queue);
	size_t head = 0, tail = 0;

	if (!queue)
		return -1;
	for (int c = 0; c < 256; c++)
		if (m->states[0].next[c])
			queue[tail++] = m->states[0].next[c];
	while (head < tail) {
		uint16_t s = queue[head++];
		struct state *st = &m->states[s];

		st->output = m->states[st->fail].first >= 0 ? st->fail : m->states[st->fail].output;
		for (int c = 0; c < 256; c++) {
			uint16_t t = st->next[c];

			if (!t) {
				st->next[c] = m->states[st->fail].next[c];
				continue;
			}
			m->states[t].fail = m->states[st->fail].next[c];
			queue[tail++] = t;
		}
	}
	free(queue);
	return 0;
}

struct matcher *matcher_new(const struct pattern **ret_bad)
{
	struct matcher *m = calloc(1, sizeof *m);

	*ret_bad = NULL;
	if (!m)
		return NULL;
	m->states = calloc(STATES, sizeof *m->states);
	m->same = calloc(pattern_count, sizeof *m->same);
	m->compiled = calloc(pattern_count, sizeof *m->compiled);
	m->has = calloc(pattern_count, 1);
	m->hit = calloc(pattern_count, 1);
	if (!m->states || !m->same || !m->compiled || !m->has || !m->hit)
		goto fail;
	m->n = 1;
	m->states[0].first = -1;
	for (size_t i = 0; i < pattern_count; i++) {
		if (patterns[i].expression) {
			if (regcomp(&m->compiled[i], patterns[i].expression, REG_EXTENDED | REG_ICASE)) {
				*ret_bad = &patterns[i];
				goto fail;
			}
			m->has[i] = 1;
		}
		if (add_words(m, i)) {
			*ret_bad = &patterns[i];
			goto fail;
		}
	}
	if (link_states(m))
		goto fail;
	return m;
fail:
	matcher_free(m);
	return NULL;
}

void matcher_free(struct matcher *m)
{
	if (!m)
		return;
	for (size_t i = 0; m->has && i < pattern_count; i++)
		if (m->has[i])
			regfree(&m->compiled[i]);
	free(m->states);
	free(m->same);
	free(m->compiled);
	free(m->has);
	free(m->hit);
	free(m);
}

/* Marks the patterns whose words are in the line. Returns how many. */
static size_t find_words(struct matcher *m, const char *lower, size_t n)
{
	size_t found = 0;
	uint16_t s = 0;

	for (size_t i = 0; i < n; i++) {
		s = m->states[s].next[(unsigned char)lower[i]];
		for (uint16_t o = m->states[s].first >= 0 ? s : m->states[s].output; o; o = m->states[o].output)
			for (int k = m->states[o].first; k >= 0 && !m->hit[k]; k = m->same[k]) {
				m->hit[k] = 1;
				found++;
			}
	}
	return found;
}

static void take_parameters(const struct pattern *p, const char *text, const regmatch_t *groups, struct match *ret)
{
	const char *s = p->parameters;
	char name[16];
	int group, used;

	ret->parameter_count = 0;
	while (s && sscanf(s, " %15[a-z_]=%d%n", name, &group, &used) == 2) {
		const regmatch_t *g = group > 0 && group < GROUPS ? &groups[group] : NULL;

		s += used;
		if (!g || g->rm_so < 0 || g->rm_eo <= g->rm_so || ret->parameter_count == PATTERN_PARAMETERS)
			continue;
		snprintf(ret->parameters[ret->parameter_count].name, sizeof name, "%s", name);
		snprintf(ret->parameters[ret->parameter_count].value, sizeof ret->parameters[0].value, "%.*s", (int)(g->rm_eo - g->rm_so), text + g->rm_so);
		ret->parameter_count++;
	}
}

int matcher_find(struct matcher *m, const char *text, const char *lower, size_t n, struct match *ret)
{
	int best = -1;
	regmatch_t groups[GROUPS];

	if (!find_words(m, lower, n))
		return 0;
	for (size_t i = 0; i < pattern_count; i++) {
		const struct pattern *p = &patterns[i];

		if (!m->hit[i])
			continue;
		m->hit[i] = 0;
		if (best >= 0 && p->weight <= patterns[best].weight)
			continue;
		if (m->has[i] && regexec(&m->compiled[i], text, GROUPS, groups, 0))
			continue;
		best = (int)i;
		ret->pattern = p;
		if (m->has[i]) {
			ret->from = (size_t)groups[0].rm_so;
			ret->to = (size_t)groups[0].rm_eo;
			take_parameters(p, text, groups, ret);
		} else {
			const char *at = strstr(lower, p->words);

			ret->from = at ? (size_t)(at - lower) : 0;
			ret->to = ret->from + strlen(p->words);
			ret->parameter_count = 0;
		}
	}
	return best >= 0;
}
