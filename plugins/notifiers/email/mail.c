/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/notifiers/email/mail.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PART_MAX (64 * 1024) /* characters of a text */

struct out {
	char *p;
	size_t n;
};

static void add(struct out *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct out *o, const char *format, ...)
{
	char *text = NULL, *grown;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0 || !(grown = realloc(o->p, o->n + (size_t)n + 1)))
		abort();
	memcpy(grown + o->n, text, (size_t)n + 1);
	o->p = grown;
	o->n += (size_t)n;
	free(text);
}

/* ---- encodings ---- */

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* n bytes to 4 * ceil(n / 3) characters at out, not ended. */
static size_t to_base64(const unsigned char *s, size_t n, char *out)
{
	char *p = out;

	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)s[i] << 16 | (i + 1 < n ? (unsigned)s[i + 1] << 8 : 0) | (i + 2 < n ? s[i + 2] : 0);

		*p++ = base64[v >> 18];
		*p++ = base64[v >> 12 & 63];
		*p++ = i + 1 < n ? base64[v >> 6 & 63] : '=';
		*p++ = i + 2 < n ? base64[v & 63] : '=';
	}
	return (size_t)(p - out);
}

/* The text's lines ended by CRLF (RFC 2046, 4.1.1), in lines of 76 characters (RFC 2045, 6.8) */
static void add_base64(struct out *o, const char *text)
{
	unsigned char *canonical = malloc(2 * strlen(text) + 1);
	size_t n = 0;
	char line[80];

	if (!canonical)
		abort();
	for (; *text; text++) {
		if (*text == '\n')
			canonical[n++] = '\r';
		canonical[n++] = (unsigned char)*text;
	}
	for (size_t i = 0; i < n; i += 57) {
		size_t k = to_base64(canonical + i, n - i < 57 ? n - i : 57, line);

		add(o, "%.*s\r\n", (int)k, line);
	}
	free(canonical);
}

static bool is_plain(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || (unsigned char)*s > '~' || (s[0] == '=' && s[1] == '?'))
			return false;
	return true;
}

/* Words that leave room for the header's name on a line of at most 76 characters, cut between characters of UTF-8 (RFC 2047, 2 and 5) */
static void add_words(struct out *o, const char *s)
{
	char line[80];
	bool first = true;

	while (*s) {
		size_t n = strlen(s) < 39 ? strlen(s) : 39;

		while (n > 1 && n < strlen(s) && ((unsigned char)s[n] & 0xc0) == 0x80)
			n--;
		add(o, "%s=?UTF-8?B?%.*s?=", first ? "" : "\r\n ", (int)to_base64((const unsigned char *)s, n, line), line);
		s += n;
		first = false;
	}
}

/* At spaces, so that no line has more than 78 bytes where that is possible */
static void add_folded(struct out *o, const char *s, size_t column)
{
	while (*s) {
		size_t n = strcspn(s + 1, " ") + 1; /* a space and the word after it */

		if (column + n > 77 && *s == ' ' && s[1] && s[1] != ' ') {
			add(o, "\r\n");
			column = 0;
		}
		add(o, "%.*s", (int)n, s);
		column += n;
		s += n;
	}
}

char *mail_encode_header(const char *text, size_t n)
{
	char *clean = incident_cut(text, 400);
	struct out o = {0};
	size_t longest = 0;

	for (char *p = clean; *p; p++) {
		size_t word = strcspn(p, " ");

		longest = word > longest ? word : longest;
		if (*p == '\n' || *p == '\t') /* the other control characters are gone */
			*p = ' ';
	}
	while (*clean && clean[strlen(clean) - 1] == ' ')
		clean[strlen(clean) - 1] = 0;
	add(&o, "%s", "");
	if (is_plain(clean) && longest < 60 && *clean != ' ')
		add_folded(&o, clean, n);
	else
		add_words(&o, clean);
	free(clean);
	return o.p;
}

const char *mail_bad_address(const char *a)
{
	static const char atom[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~.";
	static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
	const char *at = strchr(a, '@');

	if (!at || at == a || !at[1])
		return "it is not of the form name@domain";
	if (strlen(a) > MAIL_ADDRESS_MAX || at - a > 64)
		return "it is too long";
	if (strspn(a, atom) != (size_t)(at - a) || *a == '.' || at[-1] == '.' || strstr(a, ".."))
		return "its name has characters that a mail address without quotes cannot have";
	if (strspn(at + 1, name) != strlen(at + 1) || at[1] == '.' || at[1] == '-')
		return "its domain has characters that a domain cannot have";
	return NULL;
}

/* ---- headers ---- */

/* "2026-01-20T11:00:00.000Z" as RFC 5322 has it; what cannot be read is left to the server */
static void add_date(struct out *o, const char *rfc3339)
{
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct tm tm = {0};

	if (!rfc3339 || !strptime(rfc3339, "%Y-%m-%dT%H:%M:%S", &tm) || timegm(&tm) < 0)
		return;
	add(o, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* What may stand left of the @ of a Message-ID */
static void add_id(struct out *o, const char *header, const char *id, const char *domain)
{
	char clean[161];
	size_t n = 0;

	for (; *id && n < sizeof(clean) - 1; id++) {
		bool fine = (*id >= 'a' && *id <= 'z') || (*id >= 'A' && *id <= 'Z') || (*id >= '0' && *id <= '9');
		bool dot = *id == '.' && n > 0 && clean[n - 1] != '.' && id[1];

		clean[n++] = fine || dot ? *id : '-';
	}
	clean[n] = 0;
	add(o, "%s: <%s@%s>\r\n", header, clean, domain);
}

static char *subject_of(const struct mail *m)
{
	const struct incident *i = m->incident;
	const char *services = incident_field(i, "services"), *environment = incident_field(i, "environment"), *prefix = m->subject_prefix ? m->subject_prefix : "";
	bool broken = !strcmp(i->state, "open") || !strcmp(i->state, "recovering") || !strncmp(m->event->name, "rollback.", 9);
	char *ret = NULL;

	/* The same for all of an incident: clients thread by it, too. A deployment's failure is called what it is. */
	if (i->own_title || !i->fields) {
		if (asprintf(&ret, "%s%s%s", prefix, *prefix ? " " : "", i->title) < 0)
			abort();
	} else if (asprintf(&ret, "%s%s%s%s%s%s%s%s", prefix, *prefix ? " " : "",
			  !broken ? i->title : strcmp(incident_field(i, "kind"), "rollback") ? "Deployment Failure - Action Required" : "Rollback - Action Required", *services ? ": " : "", services,
			  *environment ? " (" : "", environment, *environment ? ")" : "") < 0) {
		abort();
	}
	return ret;
}

static void add_headers(struct out *o, const struct mail *m)
{
	const char *domain = strchr(m->from, '@') + 1;
	char *subject = subject_of(m), *encoded = mail_encode_header(subject, strlen("Subject: "));
	bool urgent = !strcmp(m->incident->severity, "error") || !strcmp(m->incident->severity, "critical");

	add_date(o, m->event->time);
	add(o, "From: failback <%s>\r\n", m->from);
	for (size_t i = 0; m->to[i]; i++)
		add(o, "%s%s%s", i ? "\r\n " : "To: ", m->to[i], m->to[i + 1] ? "," : "\r\n");
	add(o, "Subject: %s\r\n", encoded);
	add_id(o, "Message-ID", m->event->id, domain);
	/* The root is no message of its own: what refers to the same belongs together (RFC 5256, REFERENCES). */
	add_id(o, "In-Reply-To", m->incident->key, domain);
	add_id(o, "References", m->incident->key, domain);
	add(o, "Auto-Submitted: auto-generated\r\nX-Failback-Event: %.80s\r\n%s", m->event->name, urgent ? "Importance: high\r\nX-Priority: 2\r\n" : "");
	free(subject);
	free(encoded);
}

/* ---- parts ---- */

static void add_html_text(struct out *o, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '&':
			add(o, "&amp;");
			break;
		case '<':
			add(o, "&lt;");
			break;
		case '>':
			add(o, "&gt;");
			break;
		case '"':
			add(o, "&quot;");
			break;
		default:
			add(o, "%c", *s);
		}
	}
}

static void add_row(struct out *o, const char *label, const char *text, bool code)
{
	char *clean;

	if (!text || !*text)
		return;
	clean = incident_cut(text, 4000);
	add(o, "<tr><td style=\"padding:2px 12px 2px 0;vertical-align:top;color:#555\">%s</td><td style=\"padding:2px 0\">%s", label,
	    code ? "<code style=\"white-space:pre-wrap\">" : "");
	add_html_text(o, clean);
	add(o, "%s</td></tr>\n", code ? "</code>" : "");
	free(clean);
}

/* A document without anything to load: no image, no script, no link. To be freed. */
static char *html_of(const struct incident *i)
{
	const char *colour = !strcmp(i->state, "over") ? "#1a7f37" : !strcmp(i->severity, "info") ? "#57606a" : !strcmp(i->severity, "warning") ? "#9a6700" : "#cf222e";
	const char *summary = incident_field(i, "summary");
	char *text = incident_cut(i->own_text || !*summary ? i->text : summary, PART_MAX), *title = incident_cut(i->title, 400);
	struct out o = {0};

	add(&o, "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>");
	add_html_text(&o, title);
	add(&o, "</title></head>\n<body style=\"font-family:sans-serif;font-size:14px\">\n<h2 style=\"color:%s\">", colour);
	add_html_text(&o, title);
	add(&o, "</h2>\n<p style=\"white-space:pre-wrap\">");
	add_html_text(&o, text);
	add(&o, "</p>\n");
	if (!i->own_text) {
		add(&o, "<table>\n");
		for (const struct incident_fact *f = incident_facts; f->label; f++) {
			char *value = incident_fact_text(i, f);

			add_row(&o, f->label, value, false);
			free(value);
		}
		add_row(&o, "Seen", incident_field(i, "quote"), true);
		add_row(&o, "Fix", incident_field(i, "fix"), true);
		add_row(&o, "Next", incident_field(i, "next"), true);
		add_row(&o, "Incident", i->key, false);
		add_row(&o, "Audit head", incident_field(i, "audit_head"), true);
		add(&o, "</table>\n");
	}
	add(&o, "</body></html>\n");
	free(text);
	free(title);
	return o.p;
}

static void add_part(struct out *o, const char *boundary, const char *type, const char *content)
{
	add(o, "--%s\r\nContent-Type: %s; charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\n\r\n", boundary, type);
	add_base64(o, content);
}

char *mail_write(const struct mail *m)
{
	static const char boundary[] = "=_failback_alternative"; /* '_' is in no line of base64 */
	char *text = NULL, *clean, *html = html_of(m->incident);
	struct out o = {0};

	if (asprintf(&text, "%s\n\n%s\n\n%s\n", m->incident->title, m->incident->text, m->incident->key) < 0)
		abort();
	clean = incident_cut(text, PART_MAX);
	add_headers(&o, m);
	add(&o, "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"%s\"\r\n\r\n", boundary);
	add_part(&o, boundary, "text/plain", clean);
	add_part(&o, boundary, "text/html", html);
	add(&o, "--%s--\r\n", boundary);
	free(text);
	free(clean);
	free(html);
	return o.p;
}
