/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a plugin's descriptor. Where its pointers lead into memory, nothing that it says may bring the host down; where they lead nowhere it may
 * cost the host, which is a process for that (here a child), and never with an answer that is half taken.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/declared.h"
#include "host/frame.h"
#include "tests/fuzz/descriptor_bytes.h"
#include "tests/fuzz/fuzz.h"

const char *const fuzz_words[] = {"FBCK\x01", "\xff\xff\xff\xff", "\x0f", "\xcf", "a|b", "10%", "5s", "ms", "bytes", "true", "items[].path", "[].", "9223372036854775807", "1e308", "-0", "/",
				  "http://", "\xc3\x28", "\x48\x01", "\xa8\x01", "\x01\x01\x01\x01\x01\x01\x01\x01", NULL};

#define PATH "the file"

#ifdef FB_SANITIZED
#define SANITIZER_EXIT 1 /* which says so before the signal comes */
#else
#define SANITIZER_EXIT 0
#endif

static void must_take_or_say(const struct fb_plugin *p)
{
	struct fb_loaded *l = fb_alloc(sizeof *l);
	struct fb_err err = {0};
	int64_t n;

	if (fb_descriptor_take(p, PATH, "phase", "fuzz", l, &err) == 0) {
		json_t *document = fb_descriptor_json(l);
		char *text = document ? json_dumps(document, JSON_COMPACT) : NULL;

		if (!text || l->option_count < 0 || l->option_count > FB_OPTIONS_LIMIT)
			abort();
		for (int i = 0; i < l->option_count; i++) {
			const struct fb_option *o = fb_declared_find(l, l->options[i].name);

			if (!o || (o->default_value && fb_declared_int(o, o->default_value, &n, &err) < 0 && !err.text[0]))
				abort();
		}
		free(text);
		json_decref(document);
	} else if (!strstr(err.text, PATH) || err.code != FB_EXIT_PLUGIN) {
		abort();
	}
	fb_free(l);
}

static void in_a_child(const struct fb_plugin *p)
{
	pid_t child;
	int status;

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
	return; /* libFuzzer's children write into its own findings; the plain driver and tests/abi/test_bytes do these */
#endif
	child = fork();
	if (child < 0)
		abort();
	if (child == 0) {
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		alarm(20);
		must_take_or_say(p);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child)
		abort();
	/* it read a stranger's pointer: that may end it, nothing else may */
	if (!(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == SANITIZER_EXIT)) && !(WIFSIGNALED(status) && (WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGBUS)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct fb_plugin *p = descriptor_from(data, size);

	if (!p)
		abort();
	if (size && (data[0] & WILD) == WILD)
		in_a_child(p);
	else
		must_take_or_say(p);
	return 0;
}
