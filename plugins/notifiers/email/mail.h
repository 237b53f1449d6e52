/* SPDX-License-Identifier: Apache-2.0 */
/* An incident as a message of RFC 5322: headers, text and HTML. Knows nothing of SMTP. */
#ifndef FB_EMAIL_MAIL_H
#define FB_EMAIL_MAIL_H

#include <stddef.h>

#include "plugins/common/incident.h"

#define MAIL_ADDRESS_MAX 254

struct mail {
	const char *from;            /* "name@domain" */
	const char *const *to;       /* those that the message is for, ends in NULL */
	const char *subject_prefix;  /* NULL: none */
	const struct fb_event *event;
	const struct incident *incident;
};

/* The whole message, lines ended by CRLF, none longer than 78 bytes but those of addresses; to be freed. The same event gives the same bytes. */
char *mail_write(const struct mail *m);
/* NULL: an address that can stand in a header and in an envelope (the dot-atom form of RFC 5322, ASCII); else why not. */
const char *mail_bad_address(const char *address);
/* A header's text, in encoded words of RFC 2047 where it is not plain ASCII; folded after the name of a header of n bytes. To be freed. */
char *mail_encode_header(const char *text, size_t n);

#endif
