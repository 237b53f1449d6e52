/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void write_scalar(FILE *to, const json_t *v)
{
	char *s = json_dumps(v, JSON_ENCODE_ANY | JSON_ENSURE_ASCII | JSON_COMPACT);

	fputs(s ? s : "null", to);
	free(s);
}

/* A key that no reader takes for a number, a boolean or a null (YAML 1.1 readers are still about). */
static bool plain_key(const char *s)
{
	static const char *const words[] = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", NULL};

	for (int i = 0; words[i]; i++)
		if (!strcasecmp(s, words[i]))
			return false;
	return *s && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_", *s) &&
	       !s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")];
}

static bool is_block(const json_t *v)
{
	return json_object_size(v) || json_array_size(v);
}

static void write_block(FILE *to, const json_t *v, int indent, bool hanging);

/* What follows "key:" or "-". */
static void write_value(FILE *to, const json_t *v, int indent, bool in_list)
{
	if (!is_block(v)) {
		fputc(' ', to);
		write_scalar(to, v);
		fputc('\n', to);
	} else if (in_list) {
		fputc(' ', to);
		write_block(to, v, indent + 2, true);
	} else {
		fputc('\n', to);
		write_block(to, v, indent + 2, false);
	}
}

/* hanging: the first line stands behind a dash that is written already. */
static void write_block(FILE *to, const json_t *v, int indent, bool hanging)
{
	const char *key;
	size_t i;
	json_t *e;

	json_object_foreach((json_t *)v, key, e) {
		fprintf(to, "%*s", hanging ? 0 : indent, "");
		hanging = false;
		if (plain_key(key)) {
			fputs(key, to);
		} else {
			json_t *k = json_string(key);

			write_scalar(to, k);
			json_decref(k);
		}
		fputc(':', to);
		write_value(to, e, indent, false);
	}
	json_array_foreach(v, i, e) {
		fprintf(to, "%*s-", hanging ? 0 : indent, "");
		hanging = false;
		write_value(to, e, indent, true);
	}
}

void yaml_write(FILE *to, const json_t *value)
{
	if (is_block(value)) {
		write_block(to, value, 0, false);
	} else {
		write_scalar(to, value);
		fputc('\n', to);
	}
}
