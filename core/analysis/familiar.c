/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/familiar.h"

#include "base/mem.h"

#define WORDS_LOOK ((size_t)4096) /* so much of a line is looked through for words */
#define FACTOR 0x9e3779b97f4a7c15u
#define SEED 14695981039346656037u
#define WORD_SEED 0x51afd7ed558ccd25u /* a word is not the line that has it alone */

enum { OTHER, BLANK, LETTER, DIGIT };

/* What a byte is; control characters and blanks are one. */
static const uint8_t kinds[256] = {
	[0 ... ' '] = BLANK, ['0' ... '9'] = DIGIT, ['A' ... 'Z'] = LETTER, ['a' ... 'z'] = LETTER,
};

void fb_familiar_clear(struct fb_familiar *f)
{
	fb_free(f->table);
	*f = (struct fb_familiar){0};
}

static uint64_t mix(uint64_t h, uint64_t with)
{
	h = (h ^ with) * FACTOR;
	return h ^ h >> 32;
}

uint64_t fb_familiar_shape(const char *line, size_t n)
{
	const unsigned char *p = (const unsigned char *)line, *end = p + n;
	uint64_t h = SEED;

	while (p < end) {
		unsigned kind = kinds[*p], seen = 0;
		uint64_t word = 0;

		if (kind <= BLANK) {
			h = kind == BLANK ? h : mix(h, *p);
			p++;
			continue;
		}
		do { /* of letters and digits the case bit tells nothing else */
			word = (word ^ (*p | 0x20)) * FACTOR;
			seen |= kind;
		} while (++p < end && (kind = kinds[*p]) >= LETTER);
		h = mix(h, seen & 1 ? '0' : word);
	}
	return h ? h : 1;
}

static size_t place(const uint64_t *table, size_t room, uint64_t h)
{
	size_t i = (h ^ h >> 29) & (room - 1);

	while (table[i] && table[i] != h)
		i = (i + 1) & (room - 1);
	return i;
}

static void grow(struct fb_familiar *f)
{
	size_t room = f->room ? 2 * f->room : 4096;
	uint64_t *table = fb_alloc(room * sizeof *table);

	for (size_t i = 0; i < f->room; i++)
		if (f->table[i])
			table[place(table, room, f->table[i])] = f->table[i];
	fb_free(f->table);
	f->table = table;
	f->room = room;
}

/* Was it not there before? */
static bool add(struct fb_familiar *f, uint64_t h)
{
	size_t i;

	if (f->count * 2 >= f->room && f->count < FB_FAMILIAR_MOST)
		grow(f);
	i = place(f->table, f->room, h);
	if (f->table[i])
		return false;
	if (f->count >= FB_FAMILIAR_MOST)
		return true;
	f->table[i] = h;
	f->count++;
	return true;
}

void fb_familiar_add(struct fb_familiar *f, uint64_t number)
{
	(void)add(f, number ? number : 1);
}

bool fb_familiar_has(const struct fb_familiar *f, uint64_t number)
{
	return f->room && f->table[place(f->table, f->room, number)];
}

/* The next word of three letters or more, from *at on; 0: there is none. */
static uint64_t next_word(const unsigned char *p, size_t n, size_t *at)
{
	size_t i = *at;

	while (i < n) {
		uint64_t h = WORD_SEED;
		size_t from;

		while (i < n && kinds[p[i]] != LETTER)
			i++;
		for (from = i; i < n && kinds[p[i]] == LETTER; i++)
			h = (h ^ (p[i] | 0x20)) * FACTOR;
		if (i - from >= 3) {
			*at = i;
			h ^= h >> 32;
			return h ? h : 1;
		}
	}
	return 0;
}

void fb_familiar_learn(struct fb_familiar *f, const char *line, size_t n)
{
	size_t at = 0;
	uint64_t word;

	if (!add(f, fb_familiar_shape(line, n))) /* so are its words */
		return;
	n = n < WORDS_LOOK ? n : WORDS_LOOK;
	while ((word = next_word((const unsigned char *)line, n, &at)))
		(void)add(f, word);
}

bool fb_familiar_new_word(const struct fb_familiar *f, const char *line, size_t n)
{
	size_t at = 0;
	uint64_t word;

	n = n < WORDS_LOOK ? n : WORDS_LOOK;
	while ((word = next_word((const unsigned char *)line, n, &at)))
		if (!fb_familiar_has(f, word))
			return true;
	return false;
}
