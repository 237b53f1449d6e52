/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which sandbox a plugin has, from the engine's side: chosen by name, told to its host, a folder of its own to write in, and what it comes to when the
 * plugin tried more. Enforcing it is the host's (sandbox.h) and the guard's.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "failback/plugin.h"
#include "host/guard.h"
#include "host/pool.h"

/* Where every user may go: the state directory is closed to them. */
#define SCRATCH_ROOT "/var/tmp"
#define SCRATCH_NAME "failback-scratch-"

static void set_policy(struct fb_plugin_host *h, const json_t *policy)
{
	json_decref(h->policy);
	h->policy = json_is_object(policy) ? json_deep_copy(policy) : NULL;
}

void fb_confine_choose(struct fb_plugin_host *h)
{
	const json_t *item;
	size_t i;

	json_array_foreach(h->pool->sandboxes, i, item)
		if (fb_streq(json_string_value(json_object_get(item, "kind")), h->kind) && fb_streq(json_string_value(json_object_get(item, "name")), h->name)) {
			set_policy(h, json_object_get(item, "policy"));
			return;
		}
}

void fb_pool_confine(struct fb_pool *p, const char *kind, const char *name, const json_t *policy)
{
	struct fb_plugin_host *h = fb_pool_find(p, kind, name);

	if (h->state == FB_HOST_IDLE)
		set_policy(h, policy);
}

/* ---- its folder ---- */

/* Folders whose engine is gone. */
static void sweep(void)
{
	DIR *dir = opendir(SCRATCH_ROOT);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		struct fb_proc owner = {0};
		unsigned long long start;
		char path[sizeof SCRATCH_ROOT + sizeof entry->d_name];
		struct stat st;
		int pid;

		if (!fb_has_prefix(entry->d_name, SCRATCH_NAME) || sscanf(entry->d_name + strlen(SCRATCH_NAME), "%d-%llu-", &pid, &start) != 2)
			continue;
		owner.pid = pid;
		owner.start = start;
		snprintf(path, sizeof path, "%s/%s", SCRATCH_ROOT, entry->d_name);
		if (!fb_proc_alive(&owner) && lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid())
			fb_io_remove_tree(path);
	}
	if (dir)
		closedir(dir);
}

static bool has_user(const struct fb_plugin_host *h)
{
	return json_is_string(json_object_get(h->policy, "user")) && geteuid() == 0;
}

int fb_confine_begin(struct fb_plugin_host *h, struct fb_err *err)
{
	struct fb_proc self = {.pid = getpid()};
	static bool swept;

	if (!json_is_true(json_object_get(h->policy, "scratch")) || h->pool->loads_only || h->scratch)
		return 0;
	if (!swept)
		sweep();
	swept = true;
	if (fb_proc_look(self.pid, &self) < 0)
		self.start = 0;
	h->scratch = fb_asprintf("%s/%s%d-%llu-XXXXXX", SCRATCH_ROOT, SCRATCH_NAME, (int)self.pid, (unsigned long long)self.start);
	if (mkdtemp(h->scratch)) {
		h->work = fb_asprintf("%s/work", h->scratch);
		/* The outer folder stays ours, so that nobody else names what is removed. */
		if (chmod(h->scratch, 0711) == 0 && mkdir(h->work, 0700) == 0 &&
		    (!has_user(h) || chown(h->work, (uid_t)json_integer_value(json_object_get(h->policy, "uid")), (gid_t)json_integer_value(json_object_get(h->policy, "gid"))) == 0))
			return 0;
	}
	fb_err_set(err, FB_EXIT_PLUGIN, "cannot make a folder for %s in %s: %s", h->label, SCRATCH_ROOT, strerror(errno));
	fb_confine_end(h);
	return -1;
}

void fb_confine_end(struct fb_plugin_host *h)
{
	fb_guard_end(h);
	if (h->work) /* without it the outer folder was not made */
		fb_io_remove_tree(h->scratch);
	fb_free(h->scratch);
	fb_free(h->work);
	h->scratch = h->work = NULL;
	json_decref(h->load_refused);
	h->load_refused = NULL;
}

json_t *fb_confine_order(const struct fb_plugin_host *h)
{
	json_t *policy = h->policy ? json_deep_copy(h->policy) : json_null();
	bool no_new_privs = h->policy ? json_is_true(json_object_get(h->policy, "no_new_privs")) : !fb_config_may_gain(h->name);

	if (h->pool->loads_only && geteuid() != 0 && h->policy)
		json_object_set_new(policy, "user", json_null());
	return json_pack("{s:s, s:b, s:o, s:s?, s:b}", "m", "load", "no_new_privs", no_new_privs, "sandbox", policy, "scratch", h->work, "looks", fb_guard_looks());
}

/* ---- words ---- */

static void put_list(struct fb_text *t, const char *before, const json_t *list, const char *none)
{
	const json_t *item;
	size_t i;

	fb_text_puts(t, json_array_size(list) ? before : none);
	json_array_foreach(list, i, item)
		fb_text_printf(t, "%s%s", i ? ", " : " ", json_string_value(item));
}

char *fb_pool_sandbox_text(const json_t *policy)
{
	const json_t *read = json_object_get(policy, "read"), *sockets = json_object_get(policy, "sockets");
	int64_t processes = json_integer_value(json_object_get(policy, "processes"));
	struct fb_text t = {0};

	if (json_is_string(json_object_get(policy, "user")))
		fb_text_printf(&t, "user %s; ", json_string_value(json_object_get(policy, "user")));
	fb_text_puts(&t, json_is_true(json_object_get(policy, "network")) ? "network" : "no network");
	if (json_is_array(sockets))
		put_list(&t, "; of local sockets only", sockets, "; no local sockets");
	put_list(&t, "; reads", json_is_array(read) ? read : NULL, json_is_array(read) ? "; reads only what every plugin needs" : "; reads all but secrets");
	put_list(&t, json_is_true(json_object_get(policy, "scratch")) ? "; writes its scratch folder and" : "; writes", json_object_get(policy, "write"),
		 json_is_true(json_object_get(policy, "scratch")) ? "; writes only its scratch folder" : "; writes nothing");
	if (processes == 0)
		fb_text_puts(&t, "; starts no process");
	else if (processes > 0)
		fb_text_printf(&t, "; at most %lld processes", (long long)processes);
	if (json_integer_value(json_object_get(policy, "memory")) > 0)
		fb_text_printf(&t, "; memory %lld MiB", (long long)json_integer_value(json_object_get(policy, "memory")) >> 20);
	if (json_integer_value(json_object_get(policy, "cpu")) > 0)
		fb_text_printf(&t, "; cpu %lld s", (long long)(json_integer_value(json_object_get(policy, "cpu")) + 999) / 1000);
	return fb_text_take(&t);
}

static void put_refused(struct fb_text *t, const json_t *refused)
{
	const json_t *item;
	size_t i;

	json_array_foreach(refused, i, item)
		fb_text_printf(t, "%s%s", i ? ", and " : "", json_string_value(item));
}

char *fb_confine_load_verdict(const struct fb_plugin_host *h)
{
	struct fb_text t = {0};

	if (!json_array_size(h->load_refused))
		return NULL;
	fb_text_printf(&t, "%s was refused by its sandbox while it was loaded: ", h->path);
	put_refused(&t, h->load_refused);
	fb_text_puts(&t, "; a plugin does its work in operations, never in constructors");
	return fb_text_take(&t);
}

void fb_host_call_refuse(struct fb_host_call *c, const char *text)
{
	if (!c->refused)
		c->refused = json_array();
	json_array_append_new(c->refused, json_string(text));
}

void fb_confine_judge(struct fb_host_call *c, struct fb_call_result *r)
{
	const json_t *policy = c->host->policy;
	struct fb_text t = {0};
	char *sandbox;

	/* One that was stopped, or whose host could not be had, did not fail at its sandbox. */
	if (!policy || !c->asked || r->cause == FB_CAUSE_STOPPED || r->cause == FB_CAUSE_HOST || (!c->refused && r->cause == FB_CAUSE_ANSWER && r->answer <= FB_SKIP))
		return;
	if (c->refused) {
		fb_text_printf(&t, "%s of %s was refused by its sandbox: ", c->operation, c->host->label);
		put_refused(&t, c->refused);
		if (r->message && *r->message && r->answer > FB_SKIP)
			fb_text_printf(&t, "; then: %s", r->message);
		fb_text_puts(&t, "; allow it in 'plugins' of the configuration, or do without this plugin");
		if (r->answer <= FB_SKIP) {
			r->answer = FB_FAIL;
			r->health = NULL;
		}
	} else {
		fb_text_puts(&t, r->message && *r->message ? r->message : "it failed and did not say why");
	}
	sandbox = fb_pool_sandbox_text(policy);
	fb_text_printf(&t, " (sandboxed: %s)", sandbox);
	fb_free(sandbox);
	c->verdict = fb_text_take(&t);
	r->message = c->verdict;
	fb_host_call_note(c, c->verdict);
}
