/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One link: a step of a plan, an entry of the recovery or backup chain, a group of them. One reader for all; the chain gives the defaults.
 * Knows link members and the shipped phases' titles and times, and nothing of what a phase does.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "config/internal.h"
#include "config/read.h"

const char *const fb_link_reserved[] = {"phase", "name", "title", "service", "timeout", "retries", "backoff", "backoff_max", "on_failure", "fallback",
				       "risk", "undo", "after", "parallel", "promote", "options", NULL};
static const char *const group_members[] = {"name", "title", "on_failure", "parallel", NULL};
static const char *const on_failures[] = {"stop", "continue", "fallback", NULL};
static const char *const risks[] = {"low", "medium", "high", NULL};

/* What is known of the shipped phases. Others: a minute. */
static const struct phase {
	const char *name, *title; /* the seeds' */
	int64_t timeout;
	bool go_on; /* in a recovery: its failure must not keep the others from running */
} phases[] = {
	{"protect-traffic", "Traffic Protection", 5000, true},
	{"restore", "Restore Previous Version", 30000, false},
	{"verify", "Verify Stability", 10000, false},
	{"cleanup", "Cleanup Resources", 10000, true},
	{"analyze", "Root Cause Analysis", 10000, true},
	{"recommend", "Fix Recommendations", 5000, true},
	{"archive", "Archive Logs", 10000, true},
	{"notify", "Notify Team", 15000, true},
	{"backup", "Pre-Deployment Backup", 1800000, false},
	{"copy-backup", "Copy of the Backup", 14400000, true},
	{"command", NULL, 600000, false},
	{"promote", NULL, 300000, false},
	{NULL, NULL, 60000, false},
};

static const struct phase *phase_of(const char *name)
{
	const struct phase *p = phases;

	while (p->name && strcmp(p->name, name) != 0)
		p++;
	return p;
}

/* Where a link stands: at the top of a chain, in a group, or as another's undo or fallback. */
enum role { STEP, MEMBER, UNDO, FALLBACK };

struct link {
	struct fb_build *b;
	struct fb_chain *chain;
	const struct fb_node *node;
	const char *id;
	enum role role;
	json_t *outer;     /* UNDO, FALLBACK: the link that it belongs to */
	const char *phase; /* NULL: a group */
	json_t *ret;
};

static json_t *read_link(struct fb_build *b, struct fb_chain *chain, const struct fb_node *node, const char *id, enum role role, json_t *outer);

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void set_text(json_t *object, const char *key, const char *s)
{
	json_object_set_new(object, key, s ? json_string(s) : json_null());
}

/* Finds what carries the link out. False: nothing does, told. */
static bool take_phase(struct link *l, const struct fb_node **ret_at)
{
	const struct fb_node *phase = fb_node_member(l->node, "phase"), *promote = fb_node_member(l->node, "promote"), *run = fb_node_member(l->node, "run");

	*ret_at = phase ? phase : promote ? promote : run;
	if (phase && promote) {
		fb_node_error(l->b->errs, promote, "a link has either 'phase' or 'promote'");
		return false;
	}
	if (promote && run) {
		fb_node_error(l->b->errs, run, "a link has either 'run' or 'promote'");
		return false;
	}
	if (phase)
		return fb_read_name(l->b->errs, phase, &l->phase);
	if (promote || run) {
		l->phase = promote ? "promote" : "command";
		return true;
	}
	fb_node_error(l->b->errs, l->node, "a link needs one of 'run', 'phase', 'promote' and 'parallel'");
	return false;
}

static void take_service(struct link *l)
{
	const struct fb_node *node = fb_node_member(l->node, "service"), *promote = fb_node_member(l->node, "promote");
	const char *name = NULL;
	char hint[FB_READ_HINT];

	if (promote && node)
		fb_node_error(l->b->errs, node, "'promote' names the service already");
	if (promote)
		node = promote;
	if (!node) {
		set_text(l->ret, "service", l->outer ? text_of(l->outer, "service") : NULL);
		return;
	}
	if (fb_read_string(l->b->errs, node, &name) && fb_service_missing(l->b->config, name))
		fb_node_error(l->b->errs, node, "there is no service '%.63s'%s", name, fb_read_hint(name, l->b->config->service_names, hint));
	set_text(l->ret, "service", name);
}

/* The name a link goes by when its author gives none, to be freed; NULL: it must have one. */
static char *default_name(const struct link *l)
{
	if (l->outer)
		return fb_asprintf("%s %s", l->role == UNDO ? "Undo" : "Instead of", text_of(l->outer, "name"));
	if (!l->phase)
		return fb_strdup("parallel");
	if (fb_node_member(l->node, "promote"))
		return fb_asprintf("Promote %s", text_of(l->ret, "service") ? text_of(l->ret, "service") : "");
	return fb_node_member(l->node, "phase") ? fb_strdup(l->phase) : NULL;
}

static void take_name(struct link *l)
{
	const struct fb_node *node = fb_node_member(l->node, "name");
	const char *given = NULL;
	char *name;

	if (node && fb_read_string(l->b->errs, node, &given)) {
		if (strlen(given) > 100 || strpbrk(given, "\r\n\t"))
			fb_node_error(l->b->errs, node, "a name is one line of at most 100 bytes");
		else if (fb_name_taken(l->chain->names, given))
			fb_node_error(l->b->errs, node, "the name '%s' is taken in this chain", given);
		name = fb_strdup(given);
	} else {
		name = default_name(l);
		if (!name && !node)
			fb_node_error(l->b->errs, l->node, "'name' is missing: a command goes by a name in progress, report and log");
		for (int n = 2; name && fb_name_taken(l->chain->names, name) && !l->outer; n++) {
			fb_free(name);
			name = default_name(l);
			name = fb_realloc(name, strlen(name) + 16);
			sprintf(name + strlen(name), "-%d", n);
		}
	}
	set_text(l->ret, "name", name ? name : l->id);
	if (name && !l->outer)
		json_array_append_new(l->chain->names, json_pack("{s:s}", "name", name));
	fb_free(name);
}

static void take_title(struct link *l)
{
	const struct fb_node *node = fb_node_member(l->node, "title");
	const char *title = NULL;

	if (node)
		(void)fb_read_string(l->b->errs, node, &title);
	if (!title && l->phase && !l->chain->steps)
		title = phase_of(l->phase)->title;
	set_text(l->ret, "title", title ? title : text_of(l->ret, "name"));
}

static bool is_once(const json_t *link)
{
	return fb_streq(text_of(json_object_get(link, "options"), "repeat"), "once");
}

static void take_retries(struct link *l)
{
	int64_t retries = l->chain->retries, backoff = l->chain->backoff, most = l->chain->backoff_max;
	const struct fb_node *node, *cap = fb_node_member(l->node, "backoff_max");

	if (strcmp(l->phase, "promote") == 0 || strcmp(l->phase, "watch") == 0 || is_once(l->ret))
		retries = 0;
	if ((node = fb_node_member(l->node, "retries")))
		(void)fb_read_int(l->b->errs, node, 0, 1000, &retries);
	if ((node = fb_node_member(l->node, "backoff")))
		(void)fb_read_duration(l->b->errs, node, 0, 0, FB_FOREVER_MS, &backoff);
	if (cap && fb_read_duration(l->b->errs, cap, 0, 0, FB_FOREVER_MS, &most) && most < backoff)
		fb_node_error(l->b->errs, cap, "backoff_max (%lld ms) is less than backoff (%lld ms)", (long long)most, (long long)backoff);
	if (most < backoff)
		most = backoff;
	json_object_set_new(l->ret, "retries", json_integer(retries));
	json_object_set_new(l->ret, "backoff", json_integer(backoff));
	json_object_set_new(l->ret, "backoff_max", json_integer(most));
}

/* What a link cannot be shorter than, by its phase's own options. */
static int64_t link_minimum(const json_t *link)
{
	const json_t *options = json_object_get(link, "options"), *member;
	int64_t least = 0, n;
	size_t i;

	json_array_foreach(json_object_get(link, "parallel"), i, member) {
		n = link_minimum(member);
		least = n > least ? n : least;
	}
	if (fb_streq(text_of(link, "phase"), "verify"))
		least = json_integer_value(json_object_get(options, "stable_for"));
	else if (fb_streq(text_of(link, "phase"), "watch"))
		least = json_integer_value(json_object_get(options, "for"));
	return least;
}

int64_t fb_chain_minimum(const json_t *links)
{
	int64_t sum = 0;
	const json_t *link;
	size_t i;

	json_array_foreach(links, i, link)
		sum += link_minimum(link);
	return sum;
}

static void take_timeout(struct link *l)
{
	const struct fb_node *node = fb_node_member(l->node, "timeout");
	int64_t least = link_minimum(l->ret), timeout = phase_of(l->phase)->timeout;

	if (timeout < least + 10000 && least)
		timeout = least + 10000;
	if (node && fb_read_duration(l->b->errs, node, 0, 1, FB_FOREVER_MS, &timeout) && timeout < least)
		fb_node_error(l->b->plugin_errs, node, "a timeout of %lld ms is over before the %lld ms that '%s' has to hold: raise it to that and some time for the probes",
			      (long long)timeout, (long long)least, l->phase);
	json_object_set_new(l->ret, "timeout", json_integer(timeout));
}

static void take_failure(struct link *l)
{
	const struct fb_node *node = fb_node_member(l->node, "on_failure"), *fallback = fb_node_member(l->node, "fallback");
	const char *value = "stop";
	char *id;

	if (fallback)
		value = "fallback";
	else if (!l->chain->steps && phase_of(l->phase)->go_on)
		value = "continue";
	if (node && fb_read_choice(l->b->errs, node, on_failures, &value)) {
		if (strcmp(value, "fallback") == 0 && !fallback)
			fb_node_error(l->b->errs, node, "there is no 'fallback' to go to: give one");
		else if (strcmp(value, "fallback") != 0 && fallback)
			fb_node_error(l->b->errs, fallback, "it would never run: on_failure is \"%s\"", value);
	}
	set_text(l->ret, "on_failure", value);
	json_object_set_new(l->ret, "fallback", json_null());
	if (!fallback || !fb_read_group(l->b->errs, fallback))
		return;
	if (l->outer) {
		fb_node_error(l->b->errs, fallback, "an undo or a fallback has no fallback of its own");
		return;
	}
	id = fb_asprintf("%s.fallback", l->id);
	json_object_set_new(l->ret, "fallback", read_link(l->b, l->chain, fallback, id, FALLBACK, l->ret));
	fb_free(id);
}

static void take_risk(struct link *l)
{
	const struct fb_node *node = fb_node_member(l->node, "risk");
	const char *risk = strcmp(l->phase, "promote") == 0 ? "high" : "low";

	if (node)
		(void)fb_read_choice(l->b->errs, node, risks, &risk);
	set_text(l->ret, "risk", risk);
}

static void take_undo(struct link *l)
{
	const struct fb_node *node = fb_node_member(l->node, "undo");
	char *id;

	json_object_set_new(l->ret, "undo", json_null());
	if (!node)
		return;
	if (l->outer) {
		fb_node_error(l->b->errs, node, "an undo or a fallback has no undo of its own");
		return;
	}
	id = fb_asprintf("%s.undo", l->id);
	json_object_set_new(l->ret, "undo", read_link(l->b, l->chain, node, id, UNDO, l->ret));
	fb_free(id);
}

static void take_after(struct link *l)
{
	const struct fb_node *node = fb_node_member(l->node, "after");
	json_t *after = NULL;

	if (node && l->role != MEMBER)
		fb_node_error(l->b->errs, node, "only members of a parallel group wait for one another; links of a chain run in its order");
	else if (node)
		(void)fb_read_strings(l->b->errs, node, true, &after);
	json_object_set_new(l->ret, "after", after ? after : json_array());
}

static void take_options(struct link *l, const struct fb_node *at)
{
	const json_t *descriptor = fb_use_plugin(l->b, at, "phase", l->phase);
	json_t *preset = json_object(), *command;

	if (strcmp(l->phase, "cleanup") == 0)
		json_object_set_new(preset, "preserve_failed_environment", json_boolean(l->b->settings->preserve_failed_environment));
	if (strcmp(l->phase, "copy-backup") == 0)
		json_object_set(preset, "locations", l->b->settings->backup_store->copies);
	if (fb_node_member(l->node, "promote") && text_of(l->ret, "service"))
		set_text(preset, "service", text_of(l->ret, "service"));
	if (l->node->type != FB_NODE_GROUP && fb_read_command(l->b->errs, l->node, &command))
		json_object_set_new(preset, "run", command);
	json_object_set_new(l->ret, "options", fb_options_read(l->b, l->node, fb_link_reserved, descriptor, preset));
	json_decref(preset);
}

static void read_single(struct link *l)
{
	const struct fb_node *at = l->node;

	if (l->node->type != FB_NODE_GROUP)
		l->phase = "command";
	else if (!take_phase(l, &at))
		return;
	take_service(l);
	take_name(l);
	take_title(l);
	set_text(l->ret, "phase", l->phase);
	take_options(l, at);
	take_timeout(l);
	take_retries(l);
	take_failure(l);
	take_risk(l);
	take_undo(l);
	take_after(l);
	json_object_set_new(l->ret, "parallel", json_null());
}

static const json_t *member_named(const json_t *members, const char *name)
{
	const json_t *member;
	size_t i;

	json_array_foreach(members, i, member)
		if (fb_streq(text_of(member, "name"), name))
			return member;
	return NULL;
}

/* Does waiting for `member` lead back to it within so many steps? */
static bool waits_for(const json_t *members, const json_t *member, const char *name, size_t steps)
{
	const json_t *other;
	size_t i;

	json_array_foreach(json_object_get(member, "after"), i, other) {
		const char *s = json_string_value(other);

		if (fb_streq(s, name) || (steps && member_named(members, s) && waits_for(members, member_named(members, s), name, steps - 1)))
			return true;
	}
	return false;
}

static void check_after(struct link *l, const struct fb_node *list, const json_t *members)
{
	size_t count = json_array_size(members), i, k;
	const char **names = fb_alloc((count + 1) * sizeof *names);
	char hint[FB_READ_HINT];

	for (i = 0; i < count; i++)
		names[i] = text_of(json_array_get(members, i), "name");
	for (i = 0; i < count; i++) {
		const json_t *member = json_array_get(members, i), *name;
		const struct fb_node *after = fb_node_member(&list->v[i], "after");

		json_array_foreach(json_object_get(member, "after"), k, name)
			if (!member_named(members, json_string_value(name)))
				fb_node_error(l->b->errs, after, "this group has no member '%.60s'%s", json_string_value(name),
					      fb_read_hint(json_string_value(name), names, hint));
		if (waits_for(members, member, names[i], count))
			fb_node_error(l->b->errs, after, "'%s' would wait for itself", names[i]);
	}
	fb_free(names);
}

static size_t risk_rank(const char *risk)
{
	for (size_t i = 0; risk && risks[i]; i++)
		if (strcmp(risks[i], risk) == 0)
			return i;
	return 0;
}

/* The group's risk is its members' greatest; it stops the chain when one of them would. */
static void sum_up(struct link *l, const json_t *members)
{
	const struct fb_node *node = fb_node_member(l->node, "on_failure");
	const char *failure = "continue";
	struct fb_text title = {0};
	const json_t *member;
	size_t i, risk = 0;

	json_array_foreach(members, i, member) {
		size_t rank = risk_rank(text_of(member, "risk"));

		if (!fb_streq(text_of(member, "on_failure"), "continue"))
			failure = "stop";
		risk = rank > risk ? rank : risk;
		fb_text_printf(&title, "%s%s", title.n ? ", " : "", text_of(member, "title") ? text_of(member, "title") : "");
	}
	if (node && fb_read_choice(l->b->errs, node, on_failures, &failure) && strcmp(failure, "fallback") == 0)
		fb_node_error(l->b->errs, node, "a group has no fallback: give its members one");
	if (title.n && !fb_node_member(l->node, "title") && !fb_node_member(l->node, "name"))
		set_text(l->ret, "title", title.p);
	fb_text_clear(&title);
	set_text(l->ret, "on_failure", failure);
	set_text(l->ret, "risk", risks[risk]);
}

static void read_parallel(struct link *l, const struct fb_node *list)
{
	json_t *members = json_array(), *member;

	if (l->role != STEP) {
		fb_node_error(l->b->errs, list, "a group stands only at the top of a chain");
		json_decref(members);
		return;
	}
	fb_read_known(l->b->errs, l->node, group_members);
	take_name(l);
	take_title(l);
	set_text(l->ret, "phase", NULL);
	json_object_set_new(l->ret, "options", json_object());
	for (size_t i = 0; fb_read_list(l->b->errs, list) && i < list->n; i++) {
		char *id = fb_asprintf("%s.%zu", l->id, i + 1);

		member = read_link(l->b, l->chain, &list->v[i], id, MEMBER, NULL);
		json_array_append_new(members, member ? member : json_object());
		fb_free(id);
	}
	if (list->type == FB_NODE_LIST && !list->n)
		fb_node_error(l->b->errs, list, "the group is empty: it would do nothing");
	check_after(l, list, members);
	sum_up(l, members);
	json_object_set_new(l->ret, "service", json_null());
	json_object_set_new(l->ret, "timeout", json_null());
	json_object_set_new(l->ret, "fallback", json_null());
	json_object_set_new(l->ret, "undo", json_null());
	json_object_set_new(l->ret, "retries", json_integer(0));
	json_object_set_new(l->ret, "backoff", json_integer(0));
	json_object_set_new(l->ret, "backoff_max", json_integer(0));
	json_object_set_new(l->ret, "after", json_array());
	json_object_set_new(l->ret, "parallel", members);
}

/* NULL when it is no link at all; told. */
static json_t *read_link(struct fb_build *b, struct fb_chain *chain, const struct fb_node *node, const char *id, enum role role, json_t *outer)
{
	struct link l = {.b = b, .chain = chain, .node = node, .id = id, .role = role, .outer = outer};
	const struct fb_node *parallel = fb_node_member(node, "parallel");
	char *place;

	if (node->type != FB_NODE_GROUP && (role != UNDO || (node->type != FB_NODE_STRING && node->type != FB_NODE_LIST))) {
		(void)fb_read_group(b->errs, node);
		return NULL;
	}
	place = fb_node_place(node);
	l.ret = json_pack("{s:s, s:s}", "id", id, "place", place);
	fb_free(place);
	if (parallel)
		read_parallel(&l, parallel);
	else
		read_single(&l);
	if (json_object_get(l.ret, "parallel"))
		return l.ret;
	json_decref(l.ret);
	return NULL;
}

void fb_chain_add(struct fb_build *b, struct fb_chain *chain, const struct fb_node *node)
{
	char *id = fb_asprintf("%s/%zu", chain->name, json_array_size(chain->links) + 1);
	json_t *link = read_link(b, chain, node, id, STEP, NULL);

	if (link)
		json_array_append_new(chain->links, link);
	fb_free(id);
}
