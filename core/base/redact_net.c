/* SPDX-License-Identifier: Apache-2.0 */
/* The automaton of all anchors (Aho and Corasick), as a table over classes of bytes. */
#include <string.h>

#include "base/redact_machine.h"

struct fb_scan_net fb_scan_net;

static void make_sets(void)
{
	static const struct { char c; uint32_t set; } one[] = {{'_', FB_SET_UNDER}, {'-', FB_SET_DASH}, {'.', FB_SET_DOT}, {'/', FB_SET_SLASH}, {'+', FB_SET_PLUS},
		{'=', FB_SET_EQUAL}, {'%', FB_SET_PERCENT}, {'~', FB_SET_TILDE}, {'$', FB_SET_DOLLAR}, {'@', FB_SET_AT}};

	for (int c = 'a'; c <= 'z'; c++) {
		fb_scan_net.set[c] = FB_SET_LOWER | (c <= 'f' ? FB_SET_HEX : 0);
		fb_scan_net.set[c - 32] = FB_SET_UPPER;
	}
	for (int c = '0'; c <= '9'; c++)
		fb_scan_net.set[c] = FB_SET_DIGIT | FB_SET_HEX;
	for (size_t i = 0; i < sizeof one / sizeof *one; i++)
		fb_scan_net.set[(unsigned char)one[i].c] = one[i].set;
}

/* Each byte that some anchor has gets a class of its own, the rest share class 0. */
static void make_classes(void)
{
	uint8_t used = 0;

	for (size_t k = 0; k < fb_secret_kind_count; k++)
		for (const char *p = fb_secret_kinds[k].anchor; *p; p++)
			if (!fb_scan_net.class[fb_scan_fold((unsigned char)*p)])
				fb_scan_net.class[fb_scan_fold((unsigned char)*p)] = ++used;
	for (int c = 'A'; c <= 'Z'; c++)
		fb_scan_net.class[c] = fb_scan_net.class[c + 32];
	if (used >= FB_SCAN_CLASSES)
		__builtin_trap(); /* a table that does not fit is a mistake of the build: the unit test finds it */
}

static void make_tree(void)
{
	fb_scan_net.n = 1;
	for (size_t k = fb_secret_kind_count; k-- > 0;) {
		uint16_t at = 0;

		for (const char *p = fb_secret_kinds[k].anchor; *p; p++) {
			uint16_t *next = &fb_scan_net.next[at][fb_scan_net.class[(unsigned char)*p]];

			if (!*next) {
				if (fb_scan_net.n == FB_SCAN_ROOM)
					__builtin_trap();
				*next = (uint16_t)fb_scan_net.n++;
			}
			at = *next;
		}
		fb_scan_net.same[k] = fb_scan_net.kind[at];
		fb_scan_net.kind[at] = (uint16_t)(k + 1);
	}
}

static void link_up(void)
{
	static uint16_t fail[FB_SCAN_ROOM], queue[FB_SCAN_ROOM];
	size_t head = 0, tail = 0;

	for (size_t c = 0; c < FB_SCAN_CLASSES; c++)
		if (fb_scan_net.next[0][c])
			queue[tail++] = fb_scan_net.next[0][c];
	while (head < tail) {
		uint16_t at = queue[head++], f = fail[at];

		fb_scan_net.other[at] = fb_scan_net.kind[f] ? f : fb_scan_net.other[f];
		fb_scan_net.ends[at] = fb_scan_net.kind[at] || fb_scan_net.other[at];
		for (size_t c = 0; c < FB_SCAN_CLASSES; c++) {
			uint16_t *next = &fb_scan_net.next[at][c];

			if (*next) {
				fail[*next] = fb_scan_net.next[f][c];
				queue[tail++] = *next;
			} else {
				*next = fb_scan_net.next[f][c];
			}
		}
	}
}

void fb_scan_net_make(void)
{
	if (fb_scan_net.made)
		return;
	make_sets();
	make_classes();
	make_tree();
	link_up();
	fb_scan_net.made = true;
}
