/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets by their look. One automaton (Aho and Corasick, as a table over classes of bytes) finds the anchors of all kinds in one look at each byte;
 * what an anchor opens is a small machine of its own that is fed byte by byte until it is sure. At most FB_SCAN_OPEN are open and each waits a bounded
 * number of bytes: no text makes it slow. Nothing here goes by the borders of pieces.
 */
#include "base/redact_scan.h"

#include <string.h>

#include "base/mem.h"
#include "base/redact_kinds.h"

#define NEAR 300          /* bytes for which a mark counts */
#define WORD 32           /* bytes of a value after which it is no known word */
#define BLANKS 24         /* between a key, its separator and its value */
#define LONGEST_RUN 400   /* bytes in which a run must show its digit */
#define LONGEST_QUOTE 16384
#define LONGEST_HEAD 3000 /* of a JWT */
#define LONGEST_USER 256
#define LONGEST_PASS 512
#define LONGEST_BLOCK 65536
#define NOWHERE UINT64_MAX

/* ---- the automaton ---- */

enum { ROOM = 4096, CLASSES = 64 };

static struct {
	bool made;
	uint16_t next[ROOM][CLASSES];
	uint16_t kind[ROOM];  /* 1 + the first kind whose anchor ends here; 0: none */
	uint16_t other[ROOM]; /* the longest suffix at which some anchor ends; 0: none */
	uint16_t same[512];   /* 1 + the next kind with this kind's anchor */
	uint8_t ends[ROOM];   /* does any anchor end here? */
	uint8_t class[256];
	uint32_t set[256];
	size_t n;
} net;

static unsigned char fold(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
}

static void make_sets(void)
{
	static const struct { char c; uint32_t set; } one[] = {{'_', FB_SET_UNDER}, {'-', FB_SET_DASH}, {'.', FB_SET_DOT}, {'/', FB_SET_SLASH}, {'+', FB_SET_PLUS},
		{'=', FB_SET_EQUAL}, {'%', FB_SET_PERCENT}, {'~', FB_SET_TILDE}, {'$', FB_SET_DOLLAR}, {'@', FB_SET_AT}};

	for (int c = 'a'; c <= 'z'; c++) {
		net.set[c] = FB_SET_LOWER | (c <= 'f' ? FB_SET_HEX : 0);
		net.set[c - 32] = FB_SET_UPPER;
	}
	for (int c = '0'; c <= '9'; c++)
		net.set[c] = FB_SET_DIGIT | FB_SET_HEX;
	for (size_t i = 0; i < sizeof one / sizeof *one; i++)
		net.set[(unsigned char)one[i].c] = one[i].set;
}

/* Each byte that some anchor has gets a class of its own, the rest share class 0. */
static void make_classes(void)
{
	uint8_t used = 0;

	for (size_t k = 0; k < fb_secret_kind_count; k++)
		for (const char *p = fb_secret_kinds[k].anchor; *p; p++)
			if (!net.class[fold((unsigned char)*p)])
				net.class[fold((unsigned char)*p)] = ++used;
	for (int c = 'A'; c <= 'Z'; c++)
		net.class[c] = net.class[c + 32];
	if (used >= CLASSES)
		__builtin_trap(); /* a table that does not fit is a mistake of the build: the unit test finds it */
}

static void make_tree(void)
{
	net.n = 1;
	for (size_t k = fb_secret_kind_count; k-- > 0;) {
		uint16_t at = 0;

		for (const char *p = fb_secret_kinds[k].anchor; *p; p++) {
			uint16_t *next = &net.next[at][net.class[(unsigned char)*p]];

			if (!*next) {
				if (net.n == ROOM)
					__builtin_trap();
				*next = (uint16_t)net.n++;
			}
			at = *next;
		}
		net.same[k] = net.kind[at];
		net.kind[at] = (uint16_t)(k + 1);
	}
}

static void link_up(void)
{
	static uint16_t fail[ROOM], queue[ROOM];
	size_t head = 0, tail = 0;

	for (size_t c = 0; c < CLASSES; c++)
		if (net.next[0][c])
			queue[tail++] = net.next[0][c];
	while (head < tail) {
		uint16_t at = queue[head++], f = fail[at];

		net.other[at] = net.kind[f] ? f : net.other[f];
		net.ends[at] = net.kind[at] || net.other[at];
		for (size_t c = 0; c < CLASSES; c++) {
			uint16_t *next = &net.next[at][c];

			if (*next) {
				fail[*next] = net.next[f][c];
				queue[tail++] = *next;
			} else {
				*next = net.next[f][c];
			}
		}
	}
}

void fb_scan_begin(struct fb_scan *s, bool text)
{
	if (!net.made) {
		make_sets();
		make_classes();
		make_tree();
		link_up();
		net.made = true;
	}
	memset(s, 0, sizeof *s);
	s->text = text;
}

/* ---- one byte ---- */

struct look {
	struct fb_scan *s;
	const unsigned char *data;
	size_t i; /* the current byte */
	void (*cover)(void *ctx, uint64_t from, uint64_t to, char by);
	void *ctx;
	uint64_t end; /* nothing is covered from here on: the byte that stands for the end of the stream is none of it */
};

/* The byte n before the current one; a line feed before the beginning. */
static unsigned char back(const struct look *l, size_t n)
{
	if (n <= l->i)
		return l->data[l->i - n];
	n -= l->i;
	return n <= FB_SCAN_BACK && n <= l->s->position - l->i ? l->s->back[FB_SCAN_BACK - n] : '\n';
}

static bool is_word(unsigned char c)
{
	return net.set[c] & (FB_SET_ALNUM | FB_SET_UNDER);
}

/* Does an anchor of n bytes begin a word? "\n", "%3D" and the end of a colour sequence before it are none of its letters. */
static bool bound(const struct look *l, size_t n)
{
	unsigned char c = back(l, n);
	size_t k = n + 1;

	if (!is_word(c))
		return true;
	if (strchr("nrt", c) && back(l, n + 1) == '\\')
		return true;
	if (back(l, n + 2) == '%' && (net.set[c] & (FB_SET_DIGIT | FB_SET_UPPER | FB_SET_HEX)))
		return true;
	if (c != 'm')
		return false;
	while (k < n + 12 && ((net.set[back(l, k)] & FB_SET_DIGIT) || back(l, k) == ';'))
		k++;
	return back(l, k) == '[';
}

static void cover(const struct look *l, uint64_t from, uint64_t to)
{
	if (to > l->end)
		to = l->end;
	if (to > from)
		l->cover(l->ctx, from, to, '*');
}

/* From now on each byte is covered as it comes. */
static void take(const struct look *l, struct fb_scan_open *o, uint64_t to)
{
	o->covering = true;
	o->hold = NOWHERE;
	cover(l, o->from, to);
}

/* ---- runs ---- */

static bool feed_run(const struct look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
{
	const struct fb_secret_kind *k = o->kind;

	if (net.set[c] & k->set) {
		o->n++;
		o->digit |= (net.set[c] & FB_SET_DIGIT) != 0;
		if (o->covering)
			cover(l, p, p + 1);
		else if (k->flags & FB_SECRET_EXACT)
			return o->n <= k->max;
		else if (o->n >= k->min && (o->digit || !(k->flags & FB_SECRET_DIGITS)))
			take(l, o, p + 1);
		return o->covering || o->n < LONGEST_RUN;
	}
	if ((k->flags & FB_SECRET_EXACT) && o->n >= k->min && !is_word(c))
		cover(l, o->from, p);
	return false;
}

/* ---- values of keys ---- */

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
	size_t n = o->n < WORD ? o->n : WORD;
	static const char *const ends[] = {"password", "passwd", "secret", "token", "apikey", "api_key", "credentials", "key"};

	if (o->n >= WORD)
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
	return (o->digit && o->n >= 8) || o->n >= WORD; /* a word of prose is shorter, and has no digit */
}

static void remember(struct fb_scan_open *o, unsigned char c)
{
	if (o->n < WORD)
		o->word[o->n] = (char)fold(c);
	o->n++;
	o->digit |= (net.set[c] & FB_SET_DIGIT) != 0;
	o->plain &= is_word(c) || c == '.' || c == '-' || c == '>';
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
static bool value_byte(const struct look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
{
	remember(o, c);
	if (o->covering) {
		cover(l, p, p + 1);
		return true;
	}
	if (stands_for_another(o) || is_path(o))
		return false;
	if (o->n >= WORD) {
		if (!sure(o))
			return o->n < LONGEST_RUN;
		take(l, o, p + 1);
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
	char word[WORD + 1] = "";

	memcpy(word, o->word, o->n < WORD ? o->n : WORD);
	return o->state == PLAIN && word[strspn(word, "0123456789.+-e")] == 0;
}

/* A value has ended before p. */
static bool end_value(const struct look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
{
	bool calls = o->state == PLAIN && (c == '(' || c == '[') && o->plain && o->n < WORD;

	if (!o->covering && !calls && sure(o) && !says_no_secret(o)) {
		if (o->json_key && l->s->text && is_number(o)) {
			for (uint32_t i = 0; i < o->n && i < WORD; i++) /* a number of JSON stays one */
				if (o->word[i] >= '0' && o->word[i] <= '9')
					l->cover(l->ctx, o->from + i, o->from + i + 1, '9');
		} else {
			cover(l, o->from, p);
		}
	}
	return false;
}

static bool feed_plain(const struct look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
{
	if (o->escape) {
		o->escape = false;
		if (strchr("nrtu\"'/", c) || c < 0x20)
			return end_value(l, o, c, p - 1);
		o->hold = o->covering ? NOWHERE : o->from;
		return value_byte(l, o, '\\', p - 1) && value_byte(l, o, c, p);
	}
	if (c == '\\') {
		o->escape = true;
		if (o->covering)
			o->hold = p;
		return true;
	}
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

/* In JSON the quotation mark behind "Password: " was the end of a text when this follows. */
static bool ends_json(const struct look *l, unsigned char c)
{
	return l->s->text && (c <= ' ' || strchr(",:}]", c));
}

static bool feed_quoted(const struct look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
{
	if (o->escape) {
		o->escape = false;
		if (o->escaped_quote && c == o->quote)
			return end_value(l, o, c, p - 1);
		o->hold = o->covering ? NOWHERE : o->from;
		return value_byte(l, o, '\\', p - 1) && value_byte(l, o, c, p);
	}
	if (c == '\\') {
		o->escape = true;
		if (o->covering)
			o->hold = p;
		return true;
	}
	if (!o->n && !o->json_key && !o->escaped_quote && ends_json(l, c))
		return false;
	if (c == o->quote || c == '\n' || c == '\r' || (c == '"' && (o->escaped_quote || l->s->text)))
		return end_value(l, o, c, p);
	return value_byte(l, o, c, p) && o->n < LONGEST_QUOTE;
}

/* To the end of the line or of the quoted text that it stands in. */
static bool feed_rest(const struct look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
{
	if (o->escape) {
		o->escape = false;
		if (strchr("nr\"'", c))
			return false;
		o->n += 2;
		o->hold = o->covering ? NOWHERE : o->from;
		if (o->covering)
			cover(l, p - 1, p + 1);
		return o->covering || o->n < LONGEST_USER;
	}
	if (c == '\\') {
		o->escape = true;
		if (o->covering)
			o->hold = p;
		return true;
	}
	if (c == '\n' || c == '\r' || c == '"' || c == '\'' || !c)
		return false;
	if (c == ' ' && !o->n) {
		o->from = o->hold = p + 1;
		return true;
	}
	o->n++;
	if (o->covering)
		cover(l, p, p + 1);
	else if (c == '=' || ((o->kind->flags & FB_SECRET_SCHEME) && o->n >= 4))
		take(l, o, p + 1);
	return o->covering || o->n < LONGEST_USER;
}

/* {"name": "DB_PASSWORD", "value": "…"} and the same in YAML and XML. */
static bool feed_next_value(struct fb_scan_open *o, unsigned char c)
{
	static const char word[] = "value";

	if (!o->n && c != 'v' && c != 'V')
		return ++o->blanks < 40 && (c <= ' ' || strchr(",\"'-\\n", c));
	if (fold(c) != (unsigned char)word[o->n])
		return false;
	if (++o->n == 5) {
		o->state = AFTER;
		o->blanks = 0;
		o->key_quoted = o->escape = o->spaced = false;
	}
	return true;
}

static bool feed_after(const struct look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
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
	if ((k->flags & FB_SECRET_SUFFIX) && !o->blanks && is_word(c))
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
			o->hold = NOWHERE;
		return true;
	}
	if (o->key_quoted && (c == ',' || c == '\n' || fold(c) == 'v') && o->n == 0) {
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

static bool feed_separated(const struct look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
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

static bool feed_value(const struct look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
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

/* ---- URLs ---- */

enum { USER, PASS, BEHIND };

static bool feed_url(const struct look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
{
	bool stop = c <= ' ' || strchr("\"'<>`\\/?#,)", c);

	if (o->state == BEHIND) {
		if (o->digest && c == (unsigned char)"sha256:"[o->n] && o->n == 6)
			return false; /* docker://name:tag@sha256:… */
		if (o->digest && (stop || c != (unsigned char)"sha256:"[o->n])) {
			o->digest = false;
			cover(l, o->from, o->to);
		}
		if (c == '@')
			cover(l, o->from, p); /* the password had one itself */
		return !stop && ++o->n < LONGEST_USER;
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
	remember(o, c);
	if (o->state == PASS && o->n == 2 && o->word[0] == '$' && o->word[1] == '{')
		return false;
	return o->n < (o->state == USER ? LONGEST_USER : LONGEST_PASS);
}

/* ---- blocks ---- */

enum { HEAD, BODY };

static bool feed_pem(const struct look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
{
	if (o->state == HEAD) {
		if (c != '-' && !(net.set[c] & FB_SET_UPPER) && c != ' ')
			return false;
		if (c != '-') {
			if (o->n < WORD)
				o->word[o->n] = (char)c;
			return ++o->n < 48;
		}
		o->word[o->n < WORD ? o->n : WORD] = 0;
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
	} else if (net.set[c] & FB_SET_BASE64) {
		if (++o->n == 4)
			cover(l, p - 3, p + 1);
		else if (o->n > 4)
			cover(l, p, p + 1);
		o->hold = o->n < 4 ? p + 1 - o->n : NOWHERE;
		o->quote = 0;
		return true;
	} else if (c == '-') {
		o->quote++;
		if (o->quote >= 5 && p - o->from > 8) /* of the END line; the rest of the BEGIN line is nearer */
			return false;
		o->n = 0;
		o->hold = NOWHERE;
		return true;
	}
	o->n = 0;
	o->quote = 0;
	o->hold = NOWHERE;
	return true;
}

static bool feed_jwt(const struct look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
{
	if (o->covering) {
		if (!(net.set[c] & (FB_SET_URL64 | FB_SET_DOT)))
			return false;
		cover(l, p, p + 1);
		return true;
	}
	if (o->state == HEAD && c == '.') {
		if (o->n < 8)
			return false;
		o->state = BODY;
		o->n = 0;
		return true;
	}
	if (!(net.set[c] & FB_SET_URL64) || ++o->n > LONGEST_HEAD)
		return o->state == BODY && c == '.' && o->n == 0; /* a JWE has an empty part */
	if (o->state == BODY && o->n >= 8)
		take(l, o, p + 1);
	return true;
}

/* ---- operands ---- */

static bool feed_operand(const struct look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
{
	bool stop = c <= ' ' || c == '"' || c == '\'' || c == '\\';

	if (o->quote == '"' && !o->n && !o->state && !o->covering && ends_json(l, c))
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
		return !stop && ++o->n < LONGEST_USER;
	}
	if (o->kind->form == FB_SECRET_PGPASS && o->state < 2) {
		if (c == ':') {
			o->state++;
			o->from = o->hold = p + 1;
			return true;
		}
		return !stop && c != '/' && ++o->n < LONGEST_USER;
	}
	if (!o->n && !o->covering && (c == '"' || c == '\'') && !o->quote && o->kind->form == FB_SECRET_WORD) {
		o->quote = c;
		o->from = o->hold = p + 1;
		return true;
	}
	if (stop) {
		if (!o->covering && o->n >= o->kind->min)
			cover(l, o->from, p);
		return false;
	}
	remember(o, c);
	if (!o->covering && o->n == 2 && o->word[0] == '$' && (o->word[1] == '{' || o->word[1] == '('))
		return false;
	if (o->covering)
		cover(l, p, p + 1);
	else if (o->n >= WORD)
		take(l, o, p + 1);
	return true;
}

/* ---- opening ---- */

static bool feed(const struct look *l, struct fb_scan_open *o, unsigned char c, uint64_t p)
{
	switch (o->kind->form) {
	case FB_SECRET_RUN:
		return feed_run(l, o, c, p);
	case FB_SECRET_VALUE:
		return feed_value(l, o, c, p);
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

static void feed_all(const struct look *l, unsigned char c, uint64_t p)
{
	struct fb_scan *s = l->s;

	for (size_t i = 0; i < s->count;) {
		if (feed(l, &s->open[i], c, p)) {
			i++;
		} else {
			s->count--;
			memmove(&s->open[i], &s->open[i + 1], (s->count - i) * sizeof s->open[0]);
		}
	}
}

static bool marked(const struct fb_scan *s, uint32_t flags, uint64_t p)
{
	static const uint32_t bits[] = {FB_SECRET_CURL, FB_SECRET_MYSQL, FB_SECRET_REDIS, FB_SECRET_LOGIN};

	for (size_t i = 0; i < 4; i++)
		if ((flags & bits[i]) && s->marks[i] && p - s->marks[i] < NEAR)
			return true;
	return !(flags & FB_SECRET_MARKS);
}

static void mark(struct fb_scan *s, uint32_t flags, uint64_t p)
{
	static const uint32_t bits[] = {FB_SECRET_CURL, FB_SECRET_MYSQL, FB_SECRET_REDIS, FB_SECRET_LOGIN};

	for (size_t i = 0; i < 4; i++)
		if (flags & bits[i])
			s->marks[i] = p + 1;
}

/* Is the anchor of n bytes that ends here the end of an option's name, "--db-password"? */
static bool is_option(const struct look *l, size_t n)
{
	size_t k = n;

	while (k < FB_SCAN_BACK - 2 && (is_word(back(l, k)) || back(l, k) == '-'))
		k++;
	return k > n && back(l, k - 1) == '-';
}

static bool fits(const struct look *l, const struct fb_secret_kind *k, size_t n, uint64_t p)
{
	bool any = k->form == FB_SECRET_VALUE || k->form == FB_SECRET_MARK || k->form == FB_SECRET_NOT || (k->flags & FB_SECRET_ANYCASE);

	for (size_t i = 0; !any && i < n; i++)
		if (back(l, i) != (unsigned char)k->anchor[n - 1 - i])
			return false;
	if ((k->flags & FB_SECRET_BOUND) && !bound(l, n))
		return false;
	for (size_t i = 0; (k->flags & FB_SECRET_NUMBER) && i < 8; i++)
		if (!(net.set[back(l, n + i)] & FB_SET_DIGIT))
			return false;
	if ((k->flags & FB_SECRET_QUOTED) && (k->flags & FB_SECRET_BOUND) && back(l, n) != '"') /* the key is this and no more */
		return false;
	return k->form == FB_SECRET_MARK || marked(l->s, k->flags, p);
}

static void open_one(const struct look *l, const struct fb_secret_kind *k, size_t n, uint64_t p)
{
	struct fb_scan *s = l->s;
	struct fb_scan_open *o;

	if (s->count == FB_SCAN_OPEN) { /* only a text that was made for it comes to this: the oldest goes */
		memmove(&s->open[0], &s->open[1], (FB_SCAN_OPEN - 1) * sizeof s->open[0]);
		s->count--;
	}
	o = &s->open[s->count++];
	memset(o, 0, sizeof *o);
	o->kind = k;
	o->from = p + 1;
	o->hold = k->form == FB_SECRET_VALUE || k->form == FB_SECRET_PEM ? NOWHERE : p + 1;
	o->plain = true;
	o->option = (k->flags & FB_SECRET_OPTION) && is_option(l, n);
	if (k->form == FB_SECRET_VALUE && marked(s, FB_SECRET_LOGIN, p) && !strcmp(k->anchor, "password"))
		o->option = true; /* .netrc: login X password Y */
}

/* An anchor ends at this byte. The longest key is the key. */
static void open_all(const struct look *l, uint64_t p)
{
	bool keyed = false;

	for (uint16_t at = l->s->at; at; at = net.other[at]) {
		for (uint16_t i = net.kind[at]; i; i = net.same[i - 1]) {
			const struct fb_secret_kind *k = &fb_secret_kinds[i - 1];
			size_t n = strlen(k->anchor);

			if ((keyed && k->form == FB_SECRET_VALUE) || !fits(l, k, n, p))
				continue;
			keyed |= k->form == FB_SECRET_VALUE || k->form == FB_SECRET_NOT;
			if (k->form == FB_SECRET_MARK)
				mark(l->s, k->flags, p);
			else if (k->form != FB_SECRET_NOT)
				open_one(l, k, n, p);
		}
	}
}

static void keep_back(struct fb_scan *s, const unsigned char *data, size_t size)
{
	if (size >= FB_SCAN_BACK) {
		memcpy(s->back, data + size - FB_SCAN_BACK, FB_SCAN_BACK);
	} else {
		memmove(s->back, s->back + size, FB_SCAN_BACK - size);
		memcpy(s->back + FB_SCAN_BACK - size, data, size);
	}
}

void fb_scan_put(struct fb_scan *s, const char *data, size_t size, void (*cover_range)(void *ctx, uint64_t from, uint64_t to, char by), void *ctx)
{
	struct look l = {.s = s, .data = (const unsigned char *)data, .cover = cover_range, .ctx = ctx, .end = UINT64_MAX};
	uint64_t base = s->position;
	uint16_t at = s->at;

	for (size_t i = 0; i < size; i++) {
		unsigned char c = l.data[i];

		at = net.next[at][net.class[c]];
		if (__builtin_expect(!s->count && !net.ends[at], 1))
			continue;
		l.i = i;
		s->position = base + i;
		s->at = at;
		if (s->count)
			feed_all(&l, c, base + i);
		if (net.ends[at])
			open_all(&l, base + i);
	}
	s->at = at;
	s->position = base + size;
	if (size)
		keep_back(s, l.data, size);
}

void fb_scan_end(struct fb_scan *s, void (*cover_range)(void *ctx, uint64_t from, uint64_t to, char by), void *ctx)
{
	static const unsigned char end[] = "\n";
	struct look l = {.s = s, .data = end, .cover = cover_range, .ctx = ctx, .end = s->position};

	feed_all(&l, '\n', s->position);
	s->count = 0;
}

uint64_t fb_scan_settled(const struct fb_scan *s)
{
	uint64_t p = s->position;

	for (size_t i = 0; i < s->count; i++)
		if (s->open[i].hold < p)
			p = s->open[i].hold;
	return p;
}
