/* SPDX-License-Identifier: Apache-2.0 */
#include "weights.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#define WORDS_MOST 3 /* the same word counts so many times at most */
#define MORE 2       /* surer by this for each */
#define LESS 5

static void count(json_t *table, const json_t *name, int n)
{
	const char *s = json_string_value(name);

	if (s && *s)
		json_object_set_new(table, s, json_integer(json_integer_value(json_object_get(table, s)) + n));
}

/* For and against: the signature where there is one, else the class. */
static void take(const json_t *word, json_t *signatures, json_t *types)
{
	const json_t *signature = json_object_get(word, "signature"), *type = json_object_get(word, "type");
	const json_t *said = json_object_get(word, "said_signature"), *said_type = json_object_get(word, "said_type");
	const char *verdict = json_string_value(json_object_get(word, "verdict"));
	bool corrected = verdict && !strcmp(verdict, "corrected");

	if (corrected && json_equal(signature, said) && json_equal(type, said_type))
		corrected = false; /* only its words were another's */
	count(json_is_string(signature) ? signatures : types, json_is_string(signature) ? signature : type, 1);
	if (corrected && json_is_string(said))
		count(signatures, said, -1);
	else if (corrected && !json_equal(type, said_type))
		count(types, said_type, -1);
}

static void weigh(json_t *table)
{
	const char *name;
	json_t *value;
	void *next;

	json_object_foreach_safe(table, next, name, value) {
		json_int_t n = json_integer_value(value);

		n = n > WORDS_MOST ? WORDS_MOST : n < -WORDS_MOST ? -WORDS_MOST : n;
		json_object_set_new(table, name, json_integer(n > 0 ? n * MORE : n * LESS));
	}
}

bool weights_write(const struct fb_call *call, const char *path)
{
	const char *text = call->host->document(call, "learned");
	json_t *learned = text ? json_loads(text, 0, NULL) : NULL, *signatures = json_object(), *types = json_object(), *all, *word;
	bool written = false;
	size_t i;
	int fd;

	json_array_foreach(json_object_get(learned, "verdicts"), i, word)
		take(word, signatures, types);
	json_decref(learned);
	weigh(signatures);
	weigh(types);
	all = json_pack("{s:o, s:o}", "signatures", signatures, "types", types);
	if (json_object_size(signatures) + json_object_size(types)) {
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
		written = fd >= 0 && !json_dumpfd(all, fd, JSON_COMPACT);
		if (!written)
			call->host->log(call, FB_LOG_WARNING, "what people said of earlier causes is not weighed: %s could not be written: %s", path, strerror(errno));
		if (fd >= 0 && close(fd) && written)
			written = false;
	}
	json_decref(all);
	return written;
}
