/* SPDX-License-Identifier: Apache-2.0 */
/* What secrets look like: a table of kinds, each known by an anchor, a literal that stands before it, and by the form of what follows. */
#ifndef FB_BASE_REDACT_KINDS_H
#define FB_BASE_REDACT_KINDS_H

#include <stddef.h>
#include <stdint.h>

/* How what follows the anchor is read. */
enum fb_secret_form {
	FB_SECRET_RUN,      /* at least `min` bytes of `set` */
	FB_SECRET_VALUE,    /* the anchor ends a key: a separator and a value */
	FB_SECRET_URL,      /* user:password@ */
	FB_SECRET_PEM,      /* a block until its -----END */
	FB_SECRET_JWT,      /* header.payload.signature */
	FB_SECRET_USER,     /* user:password as an operand */
	FB_SECRET_WORD,     /* one word as an operand */
	FB_SECRET_PGPASS,   /* database:user:password */
	FB_SECRET_MARK,     /* no secret: a word that gives others their meaning, for a short while */
	FB_SECRET_NOT       /* no secret: keeps a VALUE that ends here from being one */
};

/* Sets of bytes. */
#define FB_SET_UPPER 1u
#define FB_SET_LOWER 2u
#define FB_SET_DIGIT 4u
#define FB_SET_HEX 8u /* 0-9 a-f */
#define FB_SET_UNDER 16u
#define FB_SET_DASH 32u
#define FB_SET_DOT 64u
#define FB_SET_SLASH 128u
#define FB_SET_PLUS 256u
#define FB_SET_EQUAL 512u
#define FB_SET_PERCENT 1024u
#define FB_SET_TILDE 2048u
#define FB_SET_DOLLAR 4096u
#define FB_SET_AT 8192u
#define FB_SET_ALNUM (FB_SET_UPPER | FB_SET_LOWER | FB_SET_DIGIT)
#define FB_SET_URL64 (FB_SET_ALNUM | FB_SET_UNDER | FB_SET_DASH)
#define FB_SET_BASE64 (FB_SET_ALNUM | FB_SET_PLUS | FB_SET_SLASH | FB_SET_EQUAL)

/* Flags. RUN: */
#define FB_SECRET_BOUND 1u   /* no letter, digit or _ stands before the anchor */
#define FB_SECRET_EXACT 2u   /* at most max bytes, and then neither letter, digit nor _ */
#define FB_SECRET_DIGITS 4u  /* with a digit among them: words are none */
#define FB_SECRET_ANYCASE 8u /* the anchor in any case; VALUE, MARK and NOT always */
#define FB_SECRET_NUMBER 16u /* eight digits stand before the anchor */
/* VALUE: */
#define FB_SECRET_WEAK 32u    /* a key that prose uses too: the value must look like a secret */
#define FB_SECRET_QUOTED 64u  /* only a quoted key */
#define FB_SECRET_SCHEME 128u /* a header: the first word may be a scheme (Bearer), then it is the rest of the line */
#define FB_SECRET_COOKIE 256u /* a header: name=value; the rest of the line */
#define FB_SECRET_SUFFIX 512u /* the key may go on after the anchor */
#define FB_SECRET_OPTION 1024u /* also "--key value" */
#define FB_SECRET_PATHS 2048u  /* a path is no secret: PWD=/home/x */
/* MARK, and those that need one: a bit of its own */
#define FB_SECRET_CURL 4096u
#define FB_SECRET_MYSQL 8192u
#define FB_SECRET_REDIS 16384u
#define FB_SECRET_LOGIN 32768u
#define FB_SECRET_MARKS (FB_SECRET_CURL | FB_SECRET_MYSQL | FB_SECRET_REDIS | FB_SECRET_LOGIN)

struct fb_secret_kind {
	const char *name;
	const char *anchor; /* at most 40 bytes */
	uint8_t form; /* enum fb_secret_form */
	uint32_t set;
	uint16_t min, max; /* max 0: none */
	uint32_t flags;
};

extern const struct fb_secret_kind fb_secret_kinds[];
extern const size_t fb_secret_kind_count;

/* The name of the first kind in the table whose secret stands in text beyond doubt: a token by its prefix, a private key, a JWT. NULL: none. */
const char *fb_secret_kind_of(const char *text);

#endif
