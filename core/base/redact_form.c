/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets with a form of their own: runs after an anchor, passwords in URLs, key blocks, JSON web tokens, operands of commands. */
#include <string.h>

#include "base/redact_machine.h"

#define LONGEST_HEAD 3000 /* of a JWT */
#define LONGEST_PASS 512
#define LONGEST_BLOCK 65536

/* ---- runs ---- */

static bool feed_run(const struct fb_scan_look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
{
	const struct fb_secret_kind *k = o->kind;

	if (fb_scan_net.set[c] & k->set) {
		o->n++;
		o->digit |= (fb_scan_net.set[c] & FB_SET_DIGIT) != 0;
		if (o->covering)
			fb_scan_cover(l, p, p + 1);
		else if (k->flags & FB_SECRET_EXACT)
			return o->n <= k->max;
		else if (o->n >= k->min && (o->digit || !(k->flags & FB_SECRET_DIGITS)))
			fb_scan_take(l, o, p + 1);
		return o->covering || o->n < FB_SCAN_LONGEST_RUN;
	}
	if ((k->flags & FB_SECRET_EXACT) && o->n >= k->min && !fb_scan_is_word(c))
		fb_scan_cover(l, o->from, p);
	return false;
}

/* ---- URLs ---- */

enum { USER, PASS, BEHIND };

static bool feed_url(const struct fb_scan_look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
{
	bool stop = c <= ' ' || strchr("\"'<>`\\/?#,)", c);

	if (o->state == BEHIND) {
		if (o->digest && c == (unsigned char)"sha256:"[o->n] && o->n == 6)
			return false; /* docker://name:tag@sha256:… */
		if (o->digest && (stop || c != (unsigned char)"sha256:"[o->n])) {
			o->digest = false;
			fb_scan_cover(l, o->from, o->to);
		}
		if (c == '@')
			fb_scan_cover(l, o->from, p); /* the password had one itself */
		return !stop && ++o->n < FB_SCAN_LONGEST_USER;
	}
	if (stop)
		return false;
	if (o->state == USER && c == ':') {
		o->state = PASS;
		o->from = o->hold = p + 1;
		o->n = 0;
		return true;
	}
	if (c == '@') {
		o->to = p;
		if (o->to == o->from || (o->state == USER && (p - o->from < 16 || !o->digit || !o->plain)))
			return false;
		o->state = BEHIND;
		o->digest = true;
		o->n = 0;
		return true;
	}
	fb_scan_remember(o, c);
	if (o->state == PASS && o->n == 2 && o->word[0] == '$' && o->word[1] == '{')
		return false;
	return o->n < (o->state == USER ? FB_SCAN_LONGEST_USER : LONGEST_PASS);
}

/* ---- blocks ---- */

enum { HEAD, BODY };

static bool feed_pem(const struct fb_scan_look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
{
	if (o->state == HEAD) {
		if (c != '-' && !(fb_scan_net.set[c] & FB_SET_UPPER) && c != ' ')
			return false;
		if (c != '-') {
			if (o->n < FB_SCAN_WORD)
				o->word[o->n] = (char)c;
			return ++o->n < 48;
		}
		o->word[o->n < FB_SCAN_WORD ? o->n : FB_SCAN_WORD] = 0;
		if (!strstr(o->word, "PRIVATE KEY"))
			return false;
		o->state = BODY;
		o->n = 0;
		o->from = p + 1; /* of the whole block */
		return true;
	}
	if (p - o->from > LONGEST_BLOCK || (c == '"' && l->s->text && !o->escape))
		return false;
	if (o->blanks) { /* of \uXXXX */
		o->blanks--;
		return true;
	}
	if (o->escape) {
		o->escape = false;
		o->blanks = c == 'u' ? 4 : 0;
		o->n = 0;
		return true;
	}
	if (c == '\\') {
		o->escape = true;
	} else if (fb_scan_net.set[c] & FB_SET_BASE64) {
		if (++o->n == 4)
			fb_scan_cover(l, p - 3, p + 1);
		else if (o->n > 4)
			fb_scan_cover(l, p, p + 1);
		o->hold = o->n < 4 ? p + 1 - o->n : FB_SCAN_NOWHERE;
		o->quote = 0;
		return true;
	} else if (c == '-') {
		o->quote++;
		if (o->quote >= 5 && p - o->from > 8) /* of the END line; the rest of the BEGIN line is nearer */
			return false;
		o->n = 0;
		o->hold = FB_SCAN_NOWHERE;
		return true;
	}
	o->n = 0;
	o->quote = 0;
	o->hold = FB_SCAN_NOWHERE;
	return true;
}

static bool feed_jwt(const struct fb_scan_look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
{
	if (o->covering) {
		if (!(fb_scan_net.set[c] & (FB_SET_URL64 | FB_SET_DOT)))
			return false;
		fb_scan_cover(l, p, p + 1);
		return true;
	}
	if (o->state == HEAD && c == '.') {
		if (o->n < 8)
			return false;
		o->state = BODY;
		o->n = 0;
		return true;
	}
	if (!(fb_scan_net.set[c] & FB_SET_URL64) || ++o->n > LONGEST_HEAD)
		return o->state == BODY && c == '.' && o->n == 0; /* a JWE has an empty part */
	if (o->state == BODY && o->n >= 8)
		fb_scan_take(l, o, p + 1);
	return true;
}

/* ---- operands ---- */

static bool feed_operand(const struct fb_scan_look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
{
	bool stop = c <= ' ' || c == '"' || c == '\'' || c == '\\';

	if (o->quote == '"' && !o->n && !o->state && !o->covering && fb_scan_ends_json(l, c))
		return false;
	if (o->kind->form == FB_SECRET_USER && o->state == USER) {
		if ((c == '"' || c == '\'') && !o->n && !o->quote) {
			o->quote = c;
			return true;
		}
		if (c == ':') {
			o->state = PASS;
			o->from = o->hold = p + 1;
			o->n = 0;
			return true;
		}
		return !stop && ++o->n < FB_SCAN_LONGEST_USER;
	}
	if (o->kind->form == FB_SECRET_PGPASS && o->state < 2) {
		if (c == ':') {
			o->state++;
			o->from = o->hold = p + 1;
			return true;
		}
		return !stop && c != '/' && ++o->n < FB_SCAN_LONGEST_USER;
	}
	if (!o->n && !o->covering && (c == '"' || c == '\'') && !o->quote && o->kind->form == FB_SECRET_WORD) {
		o->quote = c;
		o->from = o->hold = p + 1;
		return true;
	}
	if (stop) {
		if (!o->covering && o->n >= o->kind->min)
			fb_scan_cover(l, o->from, p);
		return false;
	}
	fb_scan_remember(o, c);
	if (!o->covering && o->n == 2 && o->word[0] == '$' && (o->word[1] == '{' || o->word[1] == '('))
		return false;
	if (o->covering)
		fb_scan_cover(l, p, p + 1);
	else if (o->n >= FB_SCAN_WORD)
		fb_scan_take(l, o, p + 1);
	return true;
}

/* ---- which ---- */

bool fb_scan_feed_form(const struct fb_scan_look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
{
	switch (o->kind->form) {
	case FB_SECRET_RUN:
		return feed_run(l, o, c, p);
	case FB_SECRET_URL:
		return feed_url(l, o, c, p);
	case FB_SECRET_PEM:
		return feed_pem(l, o, c, p);
	case FB_SECRET_JWT:
		return feed_jwt(l, o, c, p);
	default:
		return feed_operand(l, o, c, p);
	}
}
