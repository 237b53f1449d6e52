/* SPDX-License-Identifier: Apache-2.0 */
/* backup_store.copies: the places beside the store that sets are copied to. What comes out is what failback-store(8) takes as a location, with references to secrets. */
#include <string.h>

#include "base/mem.h"
#include "config/internal.h"
#include "config/read.h"
#include "config/secret.h"

#define MOST 16

static const char *const uses[] = {"directory", "s3", "ssh", NULL};
static const char *const of_directory[] = {"name", "use", "timeout", "retention_days", "keep_last", "max_size", "path", NULL};
static const char *const of_s3[] = {"name", "use", "timeout", "retention_days", "keep_last", "max_size", "bucket", "endpoint", "region", "prefix", "style", "access_key", "secret_key", "session_token", "ca_file", NULL};
static const char *const of_ssh[] = {"name", "use", "timeout", "retention_days", "keep_last", "max_size", "path", "host", "user", "port", "command", NULL};
static const char *const styles[] = {"path", "virtual", NULL};

struct copy {
	struct fb_errs *errs;
	const struct fb_node *node;
	json_t *ret;
};

static const struct fb_node *member(const struct copy *c, const char *name)
{
	return fb_node_member(c->node, name);
}

/* A text that may have references; usual: where it is not set (NULL: nothing). */
static void take_text(struct copy *c, const char *name, const char *usual)
{
	const struct fb_node *node = member(c, name);
	const char *s = usual, *error = NULL;

	if (node && !fb_read_string(c->errs, node, &s))
		return;
	if (s && !fb_secret_is_reference(s, &error) && error)
		fb_node_error(c->errs, node, "%s", error);
	else if (s)
		json_object_set_new(c->ret, name, json_string(s));
}

/* One that is never in the file: what a copy needs goes with every execution. */
static void take_secret(struct copy *c, const char *name, const char *usual)
{
	const struct fb_node *node = member(c, name);

	if (node && node->type == FB_NODE_STRING && *node->s && !strstr(node->s, "${")) {
		fb_node_error(c->errs, node, "a secret does not stand in the configuration: give a reference, \"${env:NAME}\", \"${file:/PATH}\" or \"${cred:NAME}\"");
		return;
	}
	take_text(c, name, usual);
}

static void take_path(struct copy *c, const char *name, bool needed)
{
	const struct fb_node *node = member(c, name);
	const char *s;

	if (node && fb_read_path(c->errs, node, &s))
		json_object_set_new(c->ret, name, json_string(s));
	else if (!node && needed)
		fb_node_error(c->errs, c->node, "'%s' is missing: the absolute path of a folder of its own there", name);
}

/* How long it keeps sets, where that is not as long as the store does. */
static void take_retention(struct copy *c)
{
	const struct fb_node *days = member(c, "retention_days"), *last = member(c, "keep_last"), *size = member(c, "max_size");
	int64_t n;

	if (days && fb_read_int(c->errs, days, 0, 36500, &n))
		json_object_set_new(c->ret, "retention_days", json_integer(n));
	if (last && fb_read_int(c->errs, last, 1, 1000000, &n))
		json_object_set_new(c->ret, "keep_last", json_integer(n));
	if (size && fb_read_size(c->errs, size, false, 1048576, INT64_C(1) << 60, &n))
		json_object_set_new(c->ret, "max_size", json_integer(n));
}

static void take_s3(struct copy *c)
{
	const struct fb_node *node = member(c, "style"), *endpoint = member(c, "endpoint");
	const char *style;

	take_text(c, "bucket", "${env:S3_BACKUP_BUCKET}");
	take_text(c, "endpoint", NULL);
	take_text(c, "region", NULL);
	take_text(c, "prefix", NULL);
	take_text(c, "access_key", "${env:AWS_ACCESS_KEY_ID}");
	take_secret(c, "secret_key", "${env:AWS_SECRET_ACCESS_KEY}");
	take_secret(c, "session_token", NULL);
	take_path(c, "ca_file", false);
	if (node && fb_read_choice(c->errs, node, styles, &style))
		json_object_set_new(c->ret, "style", json_string(style));
	if (endpoint && endpoint->type == FB_NODE_STRING && !fb_has_prefix(endpoint->s, "https://") && !fb_has_prefix(endpoint->s, "http://") && !fb_has_prefix(endpoint->s, "${"))
		fb_node_error(c->errs, endpoint, "an endpoint begins with https:// (or http://), such as \"https://s3.example.org\"");
}

static void take_ssh(struct copy *c)
{
	const struct fb_node *port = member(c, "port"), *command = member(c, "command");
	json_t *words;
	int64_t n;

	take_text(c, "host", NULL);
	take_text(c, "user", NULL);
	take_path(c, "path", true);
	if (port && fb_read_int(c->errs, port, 1, 65535, &n))
		json_object_set_new(c->ret, "port", json_integer(n));
	if (command && fb_read_command(c->errs, command, &words))
		json_object_set_new(c->ret, "command", words);
	if (!member(c, "host") && !command)
		fb_node_error(c->errs, c->node, "'host' is missing: the SSH host, or 'command', which reaches an SFTP server");
	if (command && (port || member(c, "user")))
		fb_node_error(c->errs, port ? port : member(c, "user"), "it would not be used: 'command' says how the host is reached");
}

static bool name_taken(const json_t *copies, const char *name)
{
	const json_t *one;
	size_t i;

	json_array_foreach(copies, i, one)
		if (fb_streq(json_string_value(json_object_get(one, "name")), name))
			return true;
	return false;
}

static void take_name(struct copy *c, const json_t *copies, const char *use)
{
	const struct fb_node *node = member(c, "name");
	const char *name = use;

	if (node && !fb_read_name(c->errs, node, &name))
		return;
	if (name_taken(copies, name))
		fb_node_error(c->errs, node ? node : c->node, "another copy is named '%s'%s", name, node ? "" : ": give each a 'name'");
	json_object_set_new(c->ret, "name", json_string(name));
}

static void take_copy(struct fb_errs *errs, const struct fb_node *node, json_t *copies)
{
	struct copy c = {.errs = errs, .node = node};
	const struct fb_node *use_node, *timeout;
	const char *use;
	int64_t ms;

	if (!fb_read_group(errs, node))
		return;
	use_node = fb_node_member(node, "use");
	if (!use_node) {
		fb_node_error(errs, node, "'use' is missing: \"directory\", \"s3\" or \"ssh\"");
		return;
	}
	if (!fb_read_choice(errs, use_node, uses, &use))
		return;
	fb_read_known(errs, node, use == uses[0] ? of_directory : use == uses[1] ? of_s3 : of_ssh);
	c.ret = json_pack("{s:s}", "use", use);
	take_name(&c, copies, use);
	timeout = member(&c, "timeout");
	if (timeout && fb_read_duration(errs, timeout, 0, 100, 3600000, &ms))
		json_object_set_new(c.ret, "timeout_ms", json_integer(ms));
	take_retention(&c);
	if (use == uses[0])
		take_path(&c, "path", true);
	else if (use == uses[1])
		take_s3(&c);
	else
		take_ssh(&c);
	json_array_append_new(copies, c.ret);
}

json_t *fb_copies_read(const struct fb_node *node, struct fb_errs *errs)
{
	json_t *copies = json_array();

	if (!node || !fb_read_list(errs, node))
		return copies;
	if (node->n > MOST)
		fb_node_error(errs, node, "there are %zu copies, more than %d", node->n, MOST);
	for (size_t i = 0; i < node->n && i < MOST; i++)
		take_copy(errs, &node->v[i], copies);
	return copies;
}
