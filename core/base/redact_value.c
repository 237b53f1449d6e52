/* SPDX-License-Identifier: Apache-2.0 */
/* Values of keys: "password": "…", token=…, --secret …, Authorization: Bearer …, in JSON, YAML, XML, SQL, shells and prose. */
#include <string.h>

#include "base/redact_machine.h"

#define BLANKS 24 /* between a key, its separator and its value */
#define LONGEST_QUOTE 16384

enum { AFTER, SEPARATED, PLAIN, QUOTED, REST, NEXT_VALUE };

/* What prose says of a password or a token, and what stands for one. Folded; sorted by nothing. */
static const char *const no_secrets[] = {"required", "invalid", "missing", "expired", "true", "false", "null", "none", "nil", "yes", "no", "not", "empty", "incorrect",
	"wrong", "denied", "failed", "must", "should", "cannot", "can't", "could", "unable", "is", "was", "has", "the", "this", "for", "and", "with", "from", "unset", "set", "set,",
	"undefined", "string", "unauthorized", "forbidden", "error", "unknown", "redacted", "[redacted]", "hidden", "masked", "omitted", "xxx", "xxxx", "xxxxx", "xxxxxx", "xxxxxxxx", "...",
	"optional", "ok", "enabled", "disabled", "changed", "accepted", "rejected", "eof", "eof,", "end", "identifier", "bearer", "basic", "self", "this", "here", "a", "an", "in", "of",
	"unexpected", "too", "never", "authentication", "mismatch", "malformed", "revoked", "prompt", "default", "file", "env", "opaque", "cached", "skipped", "invalid_token", "interactive"};

static bool says_no_secret(const struct fb_scan_open *o)
{
	char word[sizeof o->word];
	size_t n = o->n < FB_SCAN_WORD ? o->n : FB_SCAN_WORD;
	static const char *const ends[] = {"password", "passwd", "secret", "token", "apikey", "api_key", "credentials", "key"};

	if (o->n >= FB_SCAN_WORD)
		return false;
	memcpy(word, o->word, n);
	while (n && strchr(".!?:", word[n - 1]) && !(n == 3 && word[0] == '.'))
		n--;
	word[n] = 0;
	for (size_t i = 0; i < sizeof no_secrets / sizeof *no_secrets; i++)
		if (!strcmp(word, no_secrets[i]))
			return true;
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) { /* the name of a variable */
		size_t m = strlen(ends[i]);

		if (n >= m && o->plain && !o->digit && !memcmp(word + n - m, ends[i], m))
			return true;
	}
	if (n > 1 && word[0] == '$' && strspn(word + 1, "abcdefghijklmnopqrstuvwxyz0123456789_") == n - 1)
		return true;
	return n > 2 && word[0] == '<' && word[n - 1] == '>';
}

static bool stands_for_another(const struct fb_scan_open *o)
{
	return o->n == 2 && ((o->word[0] == '$' && strchr("{(", o->word[1])) || (o->word[0] == '{' && o->word[1] == '{') || (o->word[0] == '%' && o->word[1] == '('));
}

/* "token: x" of prose is less sure than "token=x" and "token": "x". */
static bool sure(const struct fb_scan_open *o)
{
	if (o->state == QUOTED)
		return o->n >= ((o->kind->flags & FB_SECRET_WEAK) ? o->kind->min : 1u);
	if (o->n < o->kind->min)
		return false;
	if (!(o->kind->flags & FB_SECRET_WEAK) || o->option || (o->separator == '=' && !o->spaced))
		return true;
	return (o->digit && o->n >= 8) || o->n >= FB_SCAN_WORD; /* a word of prose is shorter, and has no digit */
}

static bool begin_value(struct fb_scan_open *o, uint8_t state, uint64_t p)
{
	o->state = state;
	o->from = o->hold = p;
	o->n = 0;
	o->digit = false;
	o->plain = true;
	return true;
}

static bool is_path(const struct fb_scan_open *o)
{
	return (o->kind->flags & FB_SECRET_PATHS) && ((o->n == 3 && o->word[0] == '/' && o->word[1] >= 'a' && o->word[1] <= 'z' && !o->digit && o->word[2] >= 'a' && o->word[2] <= 'z') ||
	       (o->n == 2 && (o->word[0] == '.' || o->word[0] == '~') && o->word[1] == '/'));
}

/* One byte of a value. */
static bool value_byte(const struct fb_scan_look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
{
	fb_scan_remember(o, c);
	if (o->covering) {
		fb_scan_cover(l, p, p + 1);
		return true;
	}
	if (stands_for_another(o) || is_path(o))
		return false;
	if (o->n >= FB_SCAN_WORD) {
		if (!sure(o))
			return o->n < FB_SCAN_LONGEST_RUN;
		fb_scan_take(l, o, p + 1);
	}
	return true;
}

static bool is_scheme(const struct fb_scan_open *o)
{
	static const char *const schemes[] = {"bearer", "basic", "token", "digest", "negotiate", "ntlm", "apikey", "bot", "sso-key", "geniekey", "splunk", "key", "aws4-hmac-sha256", "flyv1", "ssws"};

	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (o->n == strlen(schemes[i]) && !memcmp(o->word, schemes[i], o->n))
			return true;
	return false;
}

static bool is_number(const struct fb_scan_open *o)
{
	char word[FB_SCAN_WORD + 1] = "";

	memcpy(word, o->word, o->n < FB_SCAN_WORD ? o->n : FB_SCAN_WORD);
	return o->state == PLAIN && word[strspn(word, "0123456789.+-e")] == 0;
}

/* A value has ended before p. */
static bool end_value(const struct fb_scan_look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
{
	bool calls = o->state == PLAIN && (c == '(' || c == '[') && o->plain && o->n < FB_SCAN_WORD;

	if (!o->covering && !calls && sure(o) && !says_no_secret(o)) {
		if (o->json_key && l->s->text && is_number(o)) {
			for (uint32_t i = 0; i < o->n && i < FB_SCAN_WORD; i++) /* a number of JSON stays one */
				if (o->word[i] >= '0' && o->word[i] <= '9')
					l->cover(l->ctx, o->from + i, o->from + i + 1, '9');
		} else {
			fb_scan_cover(l, o->from, p);
		}
	}
	return false;
}

/* A backslash: what it means is known with the next byte. */
static bool begin_escape(struct fb_scan_open *o, uint64_t p)
{
	o->escape = true;
	if (o->covering)
		o->hold = p;
	return true;
}

/* The byte after a backslash that both are the value's. */
static bool escaped_byte(const struct fb_scan_look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
{
	o->hold = o->covering ? FB_SCAN_NOWHERE : o->from;
	return value_byte(l, o, '\\', p - 1) && value_byte(l, o, c, p);
}

static bool feed_plain(const struct fb_scan_look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
{
	if (o->escape) {
		o->escape = false;
		if (strchr("nrtu\"'/", c) || c < 0x20)
			return end_value(l, o, c, p - 1);
		return escaped_byte(l, o, c, p);
	}
	if (c == '\\')
		return begin_escape(o, p);
	if (o->state == PLAIN && c == ' ' && (o->kind->flags & FB_SECRET_SCHEME) && is_scheme(o)) {
		o->state = REST;
		o->n = 0;
		o->from = o->hold = p + 1;
		return true;
	}
	if (c <= ' ' || c == 0x7f || strchr("\"'`,;&<>|)}](", c) || (c == '[' && o->plain))
		return end_value(l, o, c, p);
	return value_byte(l, o, c, p);
}

static bool feed_quoted(const struct fb_scan_look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
{
	if (o->escape) {
		o->escape = false;
		if (o->escaped_quote && c == o->quote)
			return end_value(l, o, c, p - 1);
		return escaped_byte(l, o, c, p);
	}
	if (c == '\\')
		return begin_escape(o, p);
	if (!o->n && !o->json_key && !o->escaped_quote && fb_scan_ends_json(l, c))
		return false;
	if (c == o->quote || c == '\n' || c == '\r' || (c == '"' && (o->escaped_quote || l->s->text)))
		return end_value(l, o, c, p);
	return value_byte(l, o, c, p) && o->n < LONGEST_QUOTE;
}

/* To the end of the line or of the quoted text that it stands in. */
static bool feed_rest(const struct fb_scan_look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
{
	if (o->escape) {
		o->escape = false;
		if (strchr("nr\"'", c))
			return false;
		o->n += 2;
		o->hold = o->covering ? FB_SCAN_NOWHERE : o->from;
		if (o->covering)
			fb_scan_cover(l, p - 1, p + 1);
		return o->covering || o->n < FB_SCAN_LONGEST_USER;
	}
	if (c == '\\')
		return begin_escape(o, p);
	if (c == '\n' || c == '\r' || c == '"' || c == '\'' || !c)
		return false;
	if (c == ' ' && !o->n) {
		o->from = o->hold = p + 1;
		return true;
	}
	o->n++;
	if (o->covering)
		fb_scan_cover(l, p, p + 1);
	else if (c == '=' || ((o->kind->flags & FB_SECRET_SCHEME) && o->n >= 4))
		fb_scan_take(l, o, p + 1);
	return o->covering || o->n < FB_SCAN_LONGEST_USER;
}

/* {"name": "DB_PASSWORD", "value": "…"} and the same in YAML and XML. */
static bool feed_next_value(struct fb_scan_open *o, unsigned char c)
{
	static const char word[] = "value";

	if (!o->n && c != 'v' && c != 'V')
		return ++o->blanks < 40 && (c <= ' ' || strchr(",\"'-\\n", c));
	if (fb_scan_fold(c) != (unsigned char)word[o->n])
		return false;
	if (++o->n == 5) {
		o->state = AFTER;
		o->blanks = 0;
		o->key_quoted = o->escape = o->spaced = false;
	}
	return true;
}

static bool feed_after(const struct fb_scan_look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
{
	const struct fb_secret_kind *k = o->kind;

	if (c == '\\' && !o->key_quoted && !o->escape)
		return o->escape = true;
	if ((c == '"' || c == '\'') && !o->spaced && !o->key_quoted) {
		o->json_key = c == '"';
		return o->key_quoted = true;
	}
	if (o->escape && !o->key_quoted)
		return false;
	if (c == ']' && !o->spaced)
		return true;
	if ((k->flags & FB_SECRET_SUFFIX) && !o->blanks && fb_scan_is_word(c))
		return ++o->n < 80;
	if ((c == ' ' || c == '\t') && ++o->blanks < BLANKS)
		return o->spaced = true;
	if (c == '=' || c == ':') {
		if ((k->flags & FB_SECRET_QUOTED) && !o->key_quoted)
			return false;
		o->separator = c;
		o->state = (k->flags & FB_SECRET_COOKIE) && !o->key_quoted ? REST : SEPARATED;
		o->from = o->hold = p + 1;
		o->n = 0;
		o->blanks = 0;
		o->escape = false;
		if (o->state == SEPARATED)
			o->hold = FB_SCAN_NOWHERE;
		return true;
	}
	if (o->key_quoted && (c == ',' || c == '\n' || fb_scan_fold(c) == 'v') && o->n == 0) {
		o->state = NEXT_VALUE;
		o->blanks = 0;
		return feed_next_value(o, c);
	}
	if (c == '\n' && !o->spaced) {
		o->state = NEXT_VALUE;
		o->n = 0;
		o->blanks = 0;
		return true;
	}
	if (c == '>' && !o->spaced && !o->key_quoted) {
		o->separator = '=';
		return begin_value(o, PLAIN, p + 1);
	}
	if (!o->spaced || c <= ' ' || o->key_quoted)
		return false;
	if (c == '\'' && (k->flags & FB_SECRET_OPTION) && !(k->flags & FB_SECRET_WEAK)) { /* SQL: PASSWORD 'x' */
		o->quote = c;
		return begin_value(o, QUOTED, p + 1);
	}
	if (!o->option || c == '-')
		return false;
	if (c == '"') {
		o->quote = c;
		return begin_value(o, QUOTED, p + 1);
	}
	begin_value(o, PLAIN, p);
	return feed_plain(l, o, c, p);
}

static bool feed_separated(const struct fb_scan_look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
{
	if (o->escape) {
		o->escape = false;
		if (c != '"' && c != '\'')
			return false;
		o->quote = c;
		o->escaped_quote = true;
		return begin_value(o, QUOTED, p + 1);
	}
	if ((c == ' ' || c == '\t') && ++o->blanks < BLANKS)
		return o->spaced = true;
	if (!o->blanks && o->separator == ':' && c == ':') /* C++ */
		return false;
	if (!o->blanks && (c == '>' || c == '=' || (c == ':' && o->separator == '=')) && ++o->n == 1)
		return true;
	if (c == '\\')
		return o->escape = true;
	if (c == '"' || c == '\'' || c == '`') {
		o->quote = c;
		return begin_value(o, QUOTED, p + 1);
	}
	if (c <= ' ' || strchr("*[(|><,;&})]", c) || (c == '{' && o->blanks))
		return false;
	begin_value(o, PLAIN, p);
	return feed_plain(l, o, c, p);
}

bool fb_scan_feed_value(const struct fb_scan_look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
{
	switch (o->state) {
	case AFTER:
		return feed_after(l, o, c, p);
	case SEPARATED:
		return feed_separated(l, o, c, p);
	case PLAIN:
		return feed_plain(l, o, c, p);
	case QUOTED:
		return feed_quoted(l, o, c, p);
	case REST:
		return feed_rest(l, o, c, p);
	default:
		return feed_next_value(o, c);
	}
}
