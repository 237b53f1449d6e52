/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plugins that mean harm. Each costs its own link, with its own message, and nothing else: another plugin's call goes on beside it, the next call is made,
 * no process, descriptor or file is left. As which user they run decides what they can reach (failback-plugin(3), "TRUST"):
 *   - as a user of their own, none of them harms the engine or another plugin;
 *   - as the engine's own user, these here do not either, but others could: NEVER is run so.
 * As root without a sandbox a plugin can end the engine; that is trust, and no test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "host/frame.h"
#include "tests/abi/rig.h"

#define FOLDER "tests/abi/adversary"
#define VICTIM "tests/abi/tame/.libs/phase-tame.so"

#define NEVER (-1)
#define ONLY_AS_ANOTHER {.cause = NEVER}
#define SAME {.cause = NEVER - 1}
#define ENDS(how, what, words) {.cause = (how), .answer = (what), .text = (words)}
#define LEAVES(how, what, words, left) {.cause = (how), .answer = (what), .text = (words), .leftover = (left)}

struct end {
	int cause, answer;
	const char *text, *leftover;
};

struct attack {
	const char *name;
	int64_t within_ms, grace_ms;
	struct end ours, other;
	const char *again; /* of a second call, cause HOST; NULL: as the first; "?" before it: of either call, or as it stands above */
};

static const struct attack attacks[] = {
#include "attacks.inc"
};

/* "~" stands for anything up to the next character of the pattern. */
static bool fits(const char *text, const char *pattern)
{
	while (*pattern) {
		if (*pattern == '~') {
			pattern++;
			while (*text && (*text != *pattern || (*pattern && strncmp(text, pattern, strcspn(pattern, "~")) != 0)))
				text++;
		} else if (*pattern++ != *text++) {
			return false;
		}
	}
	return !*text;
}

static char *make_folder(const char *attacker)
{
	char template[] = "/tmp/failback-adversary-XXXXXX", *command;

	assert_non_null(mkdtemp(template));
	assert_int_equal(chmod(template, 0755), 0);
	command = fb_asprintf("cp %s/phase-%s.so %s %s/ && chmod 755 %s/*.so", FOLDER, attacker, VICTIM, template, template);
	assert_int_equal(system(command), 0);
	fb_free(command);
	return fb_strdup(template);
}

static bool is_end(const struct heard *h, const struct end *e)
{
	const char *left = json_string_value(json_array_get(h->leftovers, 0));

	return h->r.cause == e->cause && h->r.answer == e->answer && fits(h->message, e->text) && (e->leftover ? left && strstr(left, e->leftover) != NULL : !left);
}

/* NULL: neither */
static const struct end *ended_as(const struct heard *h, const struct end *wanted, const struct end *instead)
{
	if (is_end(h, wanted))
		return wanted;
	return is_end(h, instead) ? instead : NULL;
}

/* What it does to its host may end that before the answer is heard. */
static bool loses_its_host(const struct attack *a, const struct heard *h)
{
	return a->again && a->again[0] == '?' && h->r.cause == FB_CAUSE_HOST && fits(h->message, a->again + 1);
}

static bool has_said_something(void *ctx)
{
	return json_array_size(((struct heard *)ctx)->frames) > 0;
}

/* A call of another plugin, which is under way before, and is there to be stopped after. */
static struct heard *begin_victim(struct rig *rig)
{
	struct heard *h = rig_begin(rig, &(struct ask){.name = "tame", .options = "{\"do\":\"sleep\"}", .within_ms = 120000});

	assert_true(rig_until(rig, has_said_something, h));
	return h;
}

static void end_victim(struct heard *h)
{
	if (h->done)
		fail_msg("another plugin's call has ended: %s", h->message);
	fb_host_call_stop(h->call, false);
	rig_wait(h);
	assert_int_equal(h->r.cause, FB_CAUSE_ANSWER);
	assert_int_equal(h->r.answer, FB_RETRY);
	assert_string_equal(h->message, "woken: remaining 0, act 0");
	rig_forget(h);
}

static struct heard *attack_once(struct rig *rig, const struct attack *a)
{
	return rig_call(rig, &(struct ask){.name = a->name, .within_ms = a->within_ms, .grace_ms = a->grace_ms});
}

/* wanted or, where the kernel refuses our own user as well (a container without ptrace, say), instead */
static void costs_its_own_link(const struct attack *a, const char *host, const struct end *wanted, const struct end *instead)
{
	char *folder = make_folder(a->name), *file = fb_asprintf("%s/phase-%s.so", folder, a->name), before[FB_HASH_SIZE], after[FB_HASH_SIZE];
	const struct end *first;
	struct heard *h, *victim;
	struct fb_err err;
	struct rig rig;

	assert_int_equal(fb_hash_file(file, before, &err), 0);
	rig_start_host(&rig, host, folder);
	print_message("  %s\n", a->name);
	victim = begin_victim(&rig);
	h = attack_once(&rig, a);
	first = ended_as(h, wanted, instead);
	if (!first && !loses_its_host(a, h))
		fail_msg("cause %d, answer %d, said: %s, left: %s", h->r.cause, h->r.answer, h->message, h->leftovers ? json_string_value(json_array_get(h->leftovers, 0)) : "nothing");
	rig_forget(h);
	h = attack_once(&rig, a);
	if (loses_its_host(a, h)) {
		; /* as it may */
	} else if (a->again && a->again[0] != '?' && first == &a->ours) {
		if (h->r.cause != FB_CAUSE_HOST || !fits(h->message, a->again))
			fail_msg("the second: cause %d, said: %s", h->r.cause, h->message);
	} else {
		const struct end *second = ended_as(h, wanted, instead);

		if (!second || (first && second != first))
			fail_msg("the second: cause %d, answer %d, said: %s", h->r.cause, h->r.answer, h->message);
		first = second;
	}
	rig_forget(h);
	end_victim(victim);
	rig_end(&rig); /* no process, no descriptor */
	if (first == &a->other) { /* and what it was refused it has not done */
		assert_int_equal(fb_hash_file(file, after, &err), 0);
		assert_string_equal(before, after);
	}
	fb_io_remove_tree(folder);
	fb_free(folder);
	fb_free(file);
}

static void none_harms_the_engine_as_its_own_user(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
		const struct attack *a = &attacks[i];

		if (a->ours.cause != NEVER)
			costs_its_own_link(a, "./failback-host", &a->ours, a->other.cause < 0 ? &a->ours : &a->other);
	}
}

static void none_harms_anything_as_a_user_of_its_own(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_message("  this needs root, which can become another user\n");
		skip();
	}
	for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
		const struct attack *a = &attacks[i];
		const struct end *e = a->other.cause < NEVER ? &a->ours : &a->other;

		costs_its_own_link(a, "tests/abi/host_other", e, e);
	}
}

/* As the engine's own user, held by nothing but a sandbox with no word in it. How its call ends depends on what the kernel refuses; that nothing else ends does not. */
static void none_harms_anything_from_a_sandbox(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
		const struct attack *a = &attacks[i];
		char *config = fb_asprintf("plugins = ( { name = \"%s\"; sandbox = { }; } );", a->name), *folder = make_folder(a->name), *file;
		char before[FB_HASH_SIZE], after[FB_HASH_SIZE];
		struct heard *h, *victim;
		struct fb_err err;
		struct rig rig;

		rig_start_confined(&rig, folder, config);
		file = fb_asprintf("%s/phase-%s.so", rig.plugins, a->name);
		assert_int_equal(fb_hash_file(file, before, &err), 0);
		print_message("  %s\n", a->name);
		victim = begin_victim(&rig);
		for (int n = 0; n < 2; n++) {
			h = attack_once(&rig, a);
			if (h->r.cause == FB_CAUSE_ANSWER && (h->r.answer == FB_FATAL || (h->r.answer == FB_FAIL && !strstr(h->message, "refused"))))
				fail_msg("it says: %s", h->message);
			rig_forget(h);
		}
		end_victim(victim);
		assert_int_equal(fb_hash_file(file, after, &err), 0);
		assert_string_equal(before, after);
		rig_end(&rig); /* no process, no descriptor */
		fb_io_remove_tree(folder);
		fb_free(folder);
		fb_free(file);
		fb_free(config);
	}
}

/* It hides whatever tells where it comes from, and the host that would know is killed, where the kernel lets it: then only its user tells. */
static void an_orphan_that_hides_is_ended_where_its_user_is_its_own(void **state)
{
	const char *left;
	struct heard *h;
	struct rig rig;

	(void)state;
	if (geteuid() != 0)
		skip();
	rig_start_confined(&rig, FOLDER, "plugins = ( { name = \"orphaned\"; sandbox = { user = \"nobody\"; }; } );");
	for (int i = 0; i < 2; i++) {
		h = rig_call(&rig, &(struct ask){.name = "orphaned", .within_ms = 500, .grace_ms = 100});
		left = json_string_value(json_array_get(h->leftovers, 0));
		if ((h->r.cause != FB_CAUSE_DEADLINE && h->r.cause != FB_CAUSE_HOST) || !left)
			fail_msg("cause %d, answer %d, said: %s, left: %s", h->r.cause, h->r.answer, h->message, left ? left : "nothing");
		assert_int_equal(rig_count_descendants(), rig.children + (h->r.cause == FB_CAUSE_DEADLINE)); /* the host */
		rig_forget(h);
	}
	rig_end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_harms_the_engine_as_its_own_user),
		cmocka_unit_test(none_harms_anything_as_a_user_of_its_own),
		cmocka_unit_test(none_harms_anything_from_a_sandbox),
		cmocka_unit_test(an_orphan_that_hides_is_ended_where_its_user_is_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
