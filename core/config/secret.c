/* SPDX-License-Identifier: Apache-2.0 */
/*
 * References to secrets. They are put in place in a copy of a link's options, for one call; values never get into a message, and what this
 * file held of them is wiped. It knows declared options by name and type, and nobody who uses them.
 */
#include "config/secret.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"

#define LIMIT (64 * 1024) /* bytes of a secret's file */

enum kind { ENV, FILE_, CRED };

struct reference {
	enum kind kind;
	char *name;
	size_t length; /* of the whole reference in the text */
};

static const char names[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
static const char forms[] = "a \"${\" must begin \"${env:NAME}\", \"${file:/PATH}\" or \"${cred:NAME}\"";

/* Takes the reference at p, which begins with "${": NULL when it is one, else why not. name is to be freed. */
static const char *take_reference(const char *p, struct reference *ret)
{
	const char *end = strchr(p, '}'), *name;
	size_t n;

	if (fb_has_prefix(p, "${env:"))
		ret->kind = ENV;
	else if (fb_has_prefix(p, "${file:"))
		ret->kind = FILE_;
	else if (fb_has_prefix(p, "${cred:"))
		ret->kind = CRED;
	else
		return forms;
	name = strchr(p, ':') + 1;
	if (!end)
		return "a reference to a secret has no closing \"}\"";
	n = (size_t)(end - name);
	if (ret->kind == ENV && (!n || strspn(name, names) != n || (*name >= '0' && *name <= '9')))
		return "\"${env:NAME}\" needs the name of an environment variable: letters, digits and _";
	if (ret->kind == FILE_ && *name != '/')
		return "\"${file:PATH}\" needs an absolute path";
	if (ret->kind == CRED && (!n || *name == '.' || memchr(name, '/', n)))
		return "\"${cred:NAME}\" needs the name of a credential: a file's name without a slash";
	ret->name = fb_asprintf("%.*s", (int)n, name);
	ret->length = (size_t)(end + 1 - p);
	return NULL;
}

bool fb_secret_is_reference(const char *s, const char **ret_error)
{
	const char *p = s, *error = NULL;
	bool any = false;

	while (!error && (p = strstr(p, "${"))) {
		struct reference r = {0};

		error = take_reference(p, &r);
		if (!error)
			any = true;
		p += r.length;
		fb_free(r.name);
	}
	if (ret_error)
		*ret_error = error;
	return any && !error;
}

static void wipe(char *s)
{
	if (s)
		sodium_memzero(s, strlen(s));
	fb_free(s);
}

/* What an option's text is made of its references; knows the option for messages. */
struct resolver {
	struct fb_redactor *redactor;
	const json_t *declared;
	struct fb_err *err;
};

static char *read_secret_file(const struct resolver *r, const char *option, const char *path)
{
	struct fb_err why = {0};
	char *text = NULL;
	size_t n = 0;

	if (fb_io_safe_path(path, (uid_t)-1, &why) < 0 || fb_io_read_file(path, LIMIT, &text, &n, &why) < 0) {
		fb_err_set(r->err, FB_EXIT_CONFIG, "cannot get the secret of option '%s': %s", option, why.text);
		return NULL;
	}
	if (n && text[n - 1] == '\n')
		text[--n] = 0;
	if (n && !memchr(text, 0, n))
		return text;
	fb_err_set(r->err, FB_EXIT_CONFIG, "cannot get the secret of option '%s': %s %s", option, path, n ? "holds a zero byte" : "is empty: write the secret into it");
	sodium_memzero(text, n);
	fb_free(text);
	return NULL;
}

static char *read_credential(const struct resolver *r, const char *option, const char *name)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	char *path, *ret;

	if (!folder || *folder != '/') {
		fb_err_set(r->err, FB_EXIT_CONFIG, "cannot get the secret of option '%s': ${cred:%s} needs CREDENTIALS_DIRECTORY, which systemd sets for a unit with "
			   "LoadCredential=%s:PATH", option, name, name);
		return NULL;
	}
	path = fb_asprintf("%s/%s", folder, name);
	ret = read_secret_file(r, option, path);
	fb_free(path);
	return ret;
}

static char *value_of(const struct resolver *r, const char *option, const struct reference *reference)
{
	const char *s;

	if (reference->kind == FILE_)
		return read_secret_file(r, option, reference->name);
	if (reference->kind == CRED)
		return read_credential(r, option, reference->name);
	s = getenv(reference->name);
	if (s && *s)
		return fb_strdup(s);
	fb_err_set(r->err, FB_EXIT_CONFIG, "option '%s' needs the environment variable %s, which is %s: set it for failback", option, reference->name,
		   s ? "empty" : "not set");
	return NULL;
}

/* The references of s in place; to be wiped. NULL with err. */
static char *expand(const struct resolver *r, const char *option, bool secret, const char *s)
{
	struct fb_text t = {0};
	const char *p;

	while ((p = strstr(s, "${"))) {
		struct reference reference = {0};
		const char *error = take_reference(p, &reference);
		char *value;

		if (error) {
			fb_err_set(r->err, FB_EXIT_CONFIG, "option '%s': %s", option, error);
			goto fail;
		}
		value = value_of(r, option, &reference);
		fb_text_add(&t, s, (size_t)(p - s));
		s = p + reference.length;
		fb_free(reference.name);
		if (!value)
			goto fail;
		if (r->redactor && (secret || reference.kind != ENV))
			(void)fb_redactor_add(r->redactor, value); /* too short a value stays readable: redact.h says why */
		fb_text_puts(&t, value);
		wipe(value);
	}
	fb_text_puts(&t, s);
	return fb_text_take(&t);
fail:
	wipe(fb_text_take(&t));
	return NULL;
}

static json_t *resolve_string(const struct resolver *r, const char *option, bool secret, const char *s)
{
	char *text = expand(r, option, secret, s);
	json_t *ret;

	if (!text)
		return NULL;
	ret = json_string(text);
	if (!ret)
		fb_err_set(r->err, FB_EXIT_CONFIG, "cannot use the secret of option '%s': it is not UTF-8", option);
	if (secret && r->redactor)
		(void)fb_redactor_add(r->redactor, text);
	wipe(text);
	return ret;
}

static const json_t *declared(const struct resolver *r, const char *name)
{
	const json_t *option;
	size_t i;

	json_array_foreach(r->declared, i, option)
		if (fb_streq(json_string_value(json_object_get(option, "name")), name))
			return option;
	return NULL;
}

static json_t *resolve(const struct resolver *r, const char *name, const json_t *option, const json_t *value);

/* Members of a group of options (option NULL) are declared by their own names; those of a map and items of a list are of its declaration. */
static json_t *resolve_object(const struct resolver *r, const char *name, const json_t *option, const json_t *value)
{
	json_t *ret = json_object(), *item;
	const char *key;

	json_object_foreach((json_t *)value, key, item) {
		char *inner = fb_asprintf("%s%s%s", name, *name ? "." : "", key);
		json_t *made = resolve(r, inner, option ? option : declared(r, inner), item);

		fb_free(inner);
		if (!made || json_object_set_new(ret, key, made) < 0) {
			json_decref(ret);
			return NULL;
		}
	}
	return ret;
}

static json_t *resolve_array(const struct resolver *r, const char *name, const json_t *option, const json_t *value)
{
	char *inner = fb_asprintf("%s[]", name);
	json_t *ret = json_array(), *item;
	size_t i;

	json_array_foreach((json_t *)value, i, item) {
		json_t *made = resolve(r, inner, json_is_object(item) ? NULL : option, item);

		if (!made || json_array_append_new(ret, made) < 0) {
			json_decref(ret);
			ret = NULL;
			break;
		}
	}
	fb_free(inner);
	return ret;
}

static json_t *resolve(const struct resolver *r, const char *name, const json_t *option, const json_t *value)
{
	if (fb_streq(json_string_value(json_object_get(option, "type")), "command"))
		return json_deep_copy(value);
	if (json_is_string(value))
		return resolve_string(r, name, json_is_true(json_object_get(option, "secret")), json_string_value(value));
	if (json_is_object(value))
		return resolve_object(r, name, option, value);
	if (json_is_array(value))
		return resolve_array(r, name, option, value);
	return json_deep_copy(value);
}

json_t *fb_secret_resolve(const json_t *options, const json_t *declared_options, struct fb_redactor *redactor, struct fb_err *err)
{
	const struct resolver r = {.redactor = redactor, .declared = declared_options, .err = err};

	return resolve_object(&r, "", NULL, options);
}
