/* SPDX-License-Identifier: Apache-2.0 */
/* The blocks that findings are in, looked for while the text around them is at hand. What no finding rests on any more is let go. */
#ifndef FB_ANALYSIS_PLACE_H
#define FB_ANALYSIS_PLACE_H

#include "analysis/findings.h"

#define FB_PLACES_MANY 1024 /* pieces: more are worth a look at which of them are used */

struct fb_places {
	struct fb_blocks *blocks; /* NULL: none is looked for */
	struct fb_span **v;       /* what was quoted */
	size_t n, room;
	struct fb_place last;     /* the one found last: others are often in it, too */
};

void fb_places_clear(struct fb_places *p);
/* Fills in the finding's block, if its line stands in what is at hand and was not asked about; what is at its end waits for what comes after it. */
void fb_places_take(struct fb_places *p, const struct fb_log_block *b, struct fb_finding *f);
/* Lets go of the pieces that are not marked as used, and of the marks. */
void fb_places_sweep(struct fb_places *p);

#endif
