/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notifier email: sends an incident by SMTP (RFC 5321), encrypted unless the server is on this machine or it is told otherwise. Which recipients have a
 * message already is a fact of the execution, so that another attempt goes only to those that have it not.
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "plugins/common/incident.h"
#include "plugins/common/run.h"
#include "plugins/notifiers/email/mail.h"

#define RECIPIENTS_MAX 100

static const struct fb_option options[] = {
	{.name = "host", .type = FB_TYPE_STRING, .flags = FB_OPTION_REQUIRED, .alias = "server", .summary = "Name or address of the mail server"},
	{.name = "port", .type = FB_TYPE_INT, .min = 1, .max = 65535, .summary = "587 with tls starttls, 465 with tls, 25 with none when not set"},
	{.name = "tls", .type = FB_TYPE_CHOICE, .choices = "starttls|tls|none", .default_value = "starttls", .summary = "starttls: required, never left out; tls: from the first byte; none: only to this machine"},
	{.name = "allow_plain", .type = FB_TYPE_BOOL, .default_value = "false", .summary = "Allows tls none to another machine: everybody on the way can read what is sent, the password too"},
	{.name = "user", .type = FB_TYPE_STRING, .summary = "Name to log in with; no login when not set"},
	{.name = "password", .type = FB_TYPE_STRING, .flags = FB_OPTION_SECRET, .summary = "Password to log in with"},
	{.name = "auth", .type = FB_TYPE_CHOICE, .choices = "any|plain|login", .default_value = "any", .summary = "How to log in: the best that the server offers, PLAIN or LOGIN"},
	{.name = "from", .type = FB_TYPE_STRING, .summary = "Address of the sender; failback@HOSTNAME when not set"},
	{.name = "recipients", .type = FB_TYPE_LIST, .flags = FB_OPTION_REQUIRED, .summary = "Addresses that it is sent to"},
	{.name = "subject_prefix", .type = FB_TYPE_STRING, .summary = "Words before every subject, such as [ops]"},
	{.name = "verify_tls", .type = FB_TYPE_BOOL, .default_value = "true", .summary = "Refuse a certificate that does not verify"},
	{.name = "ca_file", .type = FB_TYPE_PATH, .summary = "File of trusted certificates, instead of the system's"},
	INCIDENT_GROUP_OPTIONS("each"),
	{0},
};

enum verdict { WAITING, TAKEN, LATER, REFUSED };

struct recipient {
	char *address;
	enum verdict verdict;
	char reply[160];
};

struct letter {
	const struct fb_call *call;
	char *host, *user, *password, *from, *prefix, *ca_file;
	struct recipient *to;
	size_t n;
	char *mail;
	size_t sent; /* bytes of mail that were read */
	/* the conversation, as it goes by */
	struct recipient *asked; /* whose RCPT waits for its answer */
	char last[160];          /* the server's last answer of 4xx or 5xx */
	long code;
	bool data;               /* the server has asked for the message */
};

static char *option_copy(const struct fb_call *call, const char *name)
{
	const char *s = call->host->option(call, name);

	return s && *s ? run_copy(s) : NULL;
}

/* ---- the conversation ---- */

static size_t read_mail(char *buf, size_t size, size_t count, void *ctx)
{
	struct letter *l = ctx;
	size_t left = strlen(l->mail + l->sent), n = size * count < left ? size * count : left;

	memcpy(buf, l->mail + l->sent, n);
	l->sent += n;
	return n;
}

static void we_said(struct letter *l, const char *line, size_t n)
{
	l->asked = NULL;
	if (n < 9 || strncasecmp(line, "RCPT TO:<", 9))
		return;
	for (size_t i = 0; i < l->n; i++) {
		size_t k = strlen(l->to[i].address);

		if (n > 9 + k && !strncasecmp(line + 9, l->to[i].address, k) && line[9 + k] == '>')
			l->asked = &l->to[i];
	}
}

static void they_said(struct letter *l, const char *line, size_t n)
{
	char text[160];

	if (n < 4 || line[0] < '2' || line[0] > '5' || line[3] == '-')
		return;
	while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		n--;
	run_printable(line, n, text, sizeof(text));
	if (l->asked) {
		l->asked->verdict = line[0] == '2' ? TAKEN : line[0] == '4' ? LATER : REFUSED;
		snprintf(l->asked->reply, sizeof(l->asked->reply), "%s", text);
		l->asked = NULL;
	}
	l->data = l->data || !strncmp(line, "354", 3);
	if (line[0] >= '4')
		snprintf(l->last, sizeof(l->last), "%s", text);
}

/* Commands may hold a password: they are looked at, and go nowhere. */
static int overhear(CURL *curl, curl_infotype type, char *data, size_t n, void *ctx)
{
	(void)curl;
	if (type == CURLINFO_HEADER_OUT)
		we_said(ctx, data, n);
	else if (type == CURLINFO_HEADER_IN)
		they_said(ctx, data, n);
	return 0;
}

static bool is_this_machine(const char *host)
{
	return !strcasecmp(host, "localhost") || !strcmp(host, "::1") || !strncmp(host, "127.", 4);
}

static CURLcode talk(struct letter *l)
{
	const struct fb_host *h = l->call->host;
	const char *tls = h->option(l->call, "tls"), *auth;
	bool implicit = tls && !strcmp(tls, "tls"), none = tls && !strcmp(tls, "none"), verify = h->option_int(l->call, "verify_tls", 1);
	int64_t port = h->option_int(l->call, "port", implicit ? 465 : none ? 25 : 587), left = h->remaining_ms(l->call);
	struct curl_slist *to = NULL;
	CURL *curl = curl_easy_init();
	CURLcode code = CURLE_FAILED_INIT;
	char url[400], path[MAIL_ADDRESS_MAX + 3];

	if (!curl)
		return code;
	snprintf(url, sizeof(url), strchr(l->host, ':') ? "%s://[%s]:%d/%s" : "%s://%s:%d/%s", implicit ? "smtps" : "smtp", l->host, (int)port, strchr(l->from, '@') + 1);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* a proxy for web pages takes no mail */
	curl_easy_setopt(curl, CURLOPT_USE_SSL, none ? (long)CURLUSESSL_NONE : (long)CURLUSESSL_ALL);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(left > 400 ? left - 200 : left > 0 ? left : 1));
	if (l->ca_file)
		curl_easy_setopt(curl, CURLOPT_CAINFO, l->ca_file);
	if (l->user) {
		curl_easy_setopt(curl, CURLOPT_USERNAME, l->user);
		curl_easy_setopt(curl, CURLOPT_PASSWORD, l->password ? l->password : "");
		auth = h->option(l->call, "auth");
		if (auth && strcmp(auth, "any"))
			curl_easy_setopt(curl, CURLOPT_LOGIN_OPTIONS, !strcmp(auth, "plain") ? "AUTH=PLAIN" : "AUTH=LOGIN");
	}
	snprintf(path, sizeof(path), "<%s>", l->from);
	curl_easy_setopt(curl, CURLOPT_MAIL_FROM, path);
	for (size_t i = 0; i < l->n; i++) {
		snprintf(path, sizeof(path), "<%s>", l->to[i].address);
		if (l->to[i].verdict == WAITING)
			to = curl_slist_append(to, path);
	}
	curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
	curl_easy_setopt(curl, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_mail);
	curl_easy_setopt(curl, CURLOPT_READDATA, l);
	curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
	curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, overhear);
	curl_easy_setopt(curl, CURLOPT_DEBUGDATA, l);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &l->code);
	curl_easy_cleanup(curl);
	curl_slist_free_all(to);
	return code;
}

/* ---- what came of it ---- */

/* "accepted/EVENT": addresses that have the message, one a line */
static char *fact_name(const struct fb_event *event)
{
	char *ret = NULL;

	if (asprintf(&ret, "accepted/%s", event->id) < 0)
		abort();
	return ret;
}

static bool line_is(const char *lines, const char *line)
{
	size_t n = strlen(line);

	for (const char *p = lines; p && *p; p += strcspn(p, "\n"), p += *p == '\n')
		if (strcspn(p, "\n") == n && !strncmp(p, line, n))
			return true;
	return false;
}

static void recall(struct letter *l, const struct fb_event *event)
{
	char *name = fact_name(event);
	const char *have = l->call->host->fact(l->call, FB_SCOPE_OWN, name);

	for (size_t i = 0; i < l->n; i++)
		if (line_is(have, l->to[i].address))
			l->to[i].verdict = TAKEN;
	free(name);
}

static void keep(const struct letter *l, const struct fb_event *event)
{
	char *name = fact_name(event), *list = NULL;
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += strlen(l->to[i].address) + 1;
	list = calloc(1, n + 1);
	if (!list)
		abort();
	for (size_t i = 0; i < l->n; i++)
		if (l->to[i].verdict == TAKEN)
			strcat(strcat(list, l->to[i].address), "\n");
	if (l->call->host->fact_set(l->call, FB_SCOPE_OWN, name, list))
		l->call->host->log(l->call, FB_LOG_WARNING, "who has the message could not be recorded: another attempt goes to all of them");
	free(list);
	free(name);
}

static size_t count(const struct letter *l, enum verdict v)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += l->to[i].verdict == v;
	return n;
}

static const struct recipient *first(const struct letter *l, enum verdict v)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->to[i].verdict == v)
			return &l->to[i];
	return NULL;
}

static int32_t delivered(struct letter *l, const struct fb_event *event)
{
	const struct fb_host *h = l->call->host;
	const struct recipient *r = first(l, LATER);

	for (size_t i = 0; i < l->n; i++)
		if (l->to[i].verdict == REFUSED)
			h->log(l->call, FB_LOG_WARNING, "%s does not take mail for %s: %s; the other recipients have it: mend or take out the address", l->host, l->to[i].address, l->to[i].reply);
	if (!r)
		return FB_OK;
	keep(l, event);
	h->fail(l->call, "mailing %s: %s does not take it now for %s: %s; %zu others have it, and only those that have it not are tried again", event->name, l->host, r->address, r->reply,
		count(l, TAKEN));
	return FB_RETRY;
}

static int32_t refused(struct letter *l, const struct fb_event *event, CURLcode code)
{
	const struct fb_host *h = l->call->host;
	const struct recipient *r;
	bool passing = *l->last == '4' || !*l->last;

	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		h->fail(l->call, "mailing %s: %s: %s; another attempt would end the same: mend the server's certificate, 'ca_file' or 'host'", event->name, l->host, curl_easy_strerror(code));
		return FB_FAIL;
	case CURLE_USE_SSL_FAILED:
		h->fail(l->call, "mailing %s: %s does not offer STARTTLS, or somebody on the way takes the offer out: nothing was sent; see to the server, or set 'tls'", event->name, l->host);
		return *l->last == '4' ? FB_RETRY : FB_FAIL;
	case CURLE_LOGIN_DENIED:
		h->fail(l->call, "mailing %s: %s refuses the login%s%s%s", event->name, l->host, *l->last ? ": " : "", l->last, passing && *l->last ? "" : ": look at 'user', 'password' and 'auth'");
		return *l->last == '4' ? FB_RETRY : FB_FAIL;
	default:
		break;
	}
	if (!count(l, TAKEN) && (r = first(l, LATER) ? first(l, LATER) : first(l, REFUSED))) {
		h->fail(l->call, "mailing %s: %s takes mail for none of the recipients: %s: %s", event->name, l->host, r->address, r->reply);
		return r->verdict == LATER ? FB_RETRY : FB_FAIL;
	}
	if (*l->last == '5' && l->code / 100 == 5) {
		h->fail(l->call, "mailing %s: %s answered: %s; it will not take it however often it is sent", event->name, l->host, l->last);
		return FB_FAIL;
	}
	h->fail(l->call, "mailing %s: %s: %s%s%s", event->name, l->host, curl_easy_strerror(code), *l->last ? ": " : "", l->last);
	return FB_RETRY;
}

/* ---- the notifier ---- */

static void write_mail(struct letter *l, const struct fb_event *event, const struct incident *i)
{
	const char **to = calloc(l->n + 1, sizeof(*to));
	struct mail m = {.from = l->from, .to = to, .subject_prefix = l->prefix, .event = event, .incident = i};

	if (!to)
		abort();
	for (size_t k = 0; k < l->n; k++)
		to[k] = l->to[k].address;
	l->mail = mail_write(&m);
	free(to);
}

static char *sender(void)
{
	char name[200] = "localhost", *ret = NULL;

	if (gethostname(name, sizeof(name) - 1) < 0 || !*name)
		snprintf(name, sizeof(name), "localhost");
	if (asprintf(&ret, "failback@%s", name) < 0)
		abort();
	if (mail_bad_address(ret)) {
		free(ret);
		ret = run_copy("failback@localhost");
	}
	return ret;
}

static struct letter open_letter(const struct fb_call *call)
{
	struct letter l = {.call = call, .host = option_copy(call, "host"), .user = option_copy(call, "user"), .password = option_copy(call, "password"),
			   .from = option_copy(call, "from"), .prefix = option_copy(call, "subject_prefix"), .ca_file = option_copy(call, "ca_file")};
	uint32_t n = call->host->option_count(call, "recipients");

	if (!l.from)
		l.from = sender();
	l.to = calloc(n + 1, sizeof(*l.to));
	if (!l.to)
		abort();
	for (uint32_t i = 0; i < n; i++) {
		char path[40];

		snprintf(path, sizeof(path), "recipients[%u]", i);
		l.to[l.n++].address = run_copy(call->host->option(call, path));
	}
	return l;
}

static void close_letter(struct letter *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->to[i].address);
	if (l->password)
		explicit_bzero(l->password, strlen(l->password));
	free(l->to);
	free(l->host);
	free(l->user);
	free(l->password);
	free(l->from);
	free(l->prefix);
	free(l->ca_file);
	free(l->mail);
}

static bool may_be_sent(const struct letter *l)
{
	const struct fb_host *h = l->call->host;
	const char *why = mail_bad_address(l->from), *tls;

	if (why) {
		h->fail(l->call, "'from': '%s' is no mail address: %s", l->from, why);
		return false;
	}
	if (l->n > RECIPIENTS_MAX) {
		h->fail(l->call, "%zu recipients are more than the %d that one message goes to: use a mailing list", l->n, RECIPIENTS_MAX);
		return false;
	}
	for (size_t i = 0; i < l->n; i++)
		if ((why = mail_bad_address(l->to[i].address))) {
			h->fail(l->call, "'recipients': '%s' is no mail address: %s", l->to[i].address, why);
			return false;
		}
	if (!l->n || !l->host || strspn(l->host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-:_") != strlen(l->host) || strlen(l->host) > 255) {
		h->fail(l->call, l->n ? "'host' is no name or address of a mail server" : "there are no 'recipients'");
		return false;
	}
	tls = h->option(l->call, "tls");
	if (tls && !strcmp(tls, "none") && !is_this_machine(l->host) && !h->option_int(l->call, "allow_plain", 0)) {
		h->fail(l->call, "tls is none, and %s is another machine: everybody on the way could read what is sent%s; set tls, or allow_plain = true", l->host,
			l->user ? ", the password too" : "");
		return false;
	}
	return true;
}

static int32_t deliver(struct letter *l, const struct fb_event *event, const struct incident *i)
{
	CURLcode code;

	recall(l, event);
	write_mail(l, event, i);
	if (l->call->flags & FB_CALL_DRY_RUN) {
		incident_preview(l->call, "SMTP", l->host, l->mail);
		return FB_OK;
	}
	if (!first(l, WAITING))
		return FB_OK; /* all have it */
	code = talk(l);
	return code == CURLE_OK && l->data ? delivered(l, event) : refused(l, event, code);
}

static int32_t notify(const struct fb_call *call, const struct fb_event *event)
{
	struct letter l = open_letter(call);
	struct incident i;
	int32_t answer = FB_FATAL;

	if (incident_read(call, event, &i)) {
		if (may_be_sent(&l))
			answer = deliver(&l, event, &i);
		incident_clear(&i);
	}
	close_letter(&l);
	return answer;
}

static int32_t check(const struct fb_call *call)
{
	struct letter l = open_letter(call);
	int32_t answer = may_be_sent(&l) ? FB_OK : FB_FATAL;

	if (answer == FB_OK && !l.user != !l.password) {
		call->host->fail(call, "a login needs both 'user' and 'password': one of them is missing");
		answer = FB_FATAL;
	}
	close_letter(&l);
	return answer;
}

static const struct fb_notifier_ops ops = {.check = check, .notify = notify};

FB_PLUGIN(NOTIFIER, .name = "email", .version = "0.1.0", .summary = "Mails an incident, by SMTP with TLS", .license = "Apache-2.0", .options = options, .notifier = &ops)
