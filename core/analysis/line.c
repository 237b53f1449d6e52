/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/line.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define LEVELS 3 /* words of a line's level, which come first */

int fb_finding_penalty(const char *line, size_t n)
{
	static const struct {
		const char *word;
		int less;
	} softer[] = {{"warn", 15}, {"info", 25}, {"debug", 25}, {"optional", 20}, {"ignored", 45}, {"ignoring", 45}, {"using default", 45}, {"falling back", 45}, {"non-fatal", 30}, {"deprecat", 30}};
	int most = 0, level = 0;

	for (const char *p = line, *end = line + n; p < end; p++) {
		if (p > line && isalnum((unsigned char)p[-1]))
			continue;
		for (size_t i = 0; i < sizeof softer / sizeof *softer; i++) {
			size_t w = strlen(softer[i].word);
			int *less = i < LEVELS ? &level : &most;

			if ((*p | 0x20) != *softer[i].word || (size_t)(end - p) < w || strncasecmp(p, softer[i].word, w) || (i < LEVELS && p - line > 60)) /* a level stands at the beginning */
				continue;
			*less = softer[i].less > *less ? softer[i].less : *less;
		}
	}
	return level + most;
}

void fb_finding_parameters(struct fb_finding *ret, const struct fb_group *groups, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct fb_parameter *p = &ret->parameters[ret->parameter_count];
		size_t from = 0, to = groups[i].n < sizeof p->value ? groups[i].n : sizeof p->value - 1;

		while (to > from && strchr(" ,;:.", groups[i].text[to - 1]))
			to--;
		for (size_t k = from; k < to;) {
			size_t c = fb_quote_character((const unsigned char *)groups[i].text + k, to - k);

			if (!c) {
				to = k;
				break;
			}
			k += c;
		}
		if (to <= from)
			continue;
		memcpy(p->name, groups[i].name, sizeof p->name);
		memcpy(p->value, groups[i].text + from, to - from);
		p->value[to - from] = 0;
		ret->parameter_count++;
	}
}
