/* SPDX-License-Identifier: Apache-2.0 */
/* How long a call takes, from the request to its end, beside a bare fork, exit and wait of this process. Prints medians; judges nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/abi/rig.h"

#define ROUNDS 500

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t median(int64_t *v)
{
	qsort(v, ROUNDS, sizeof *v, by_size);
	return v[ROUNDS / 2];
}

int main(void)
{
	int64_t bare[ROUNDS], call[ROUNDS], cold, b, c;
	struct rig rig;
	struct heard *h;

	rig_start(&rig, "tests/abi/tame/.libs");
	cold = fb_clock_us();
	h = rig_call(&rig, &(struct ask){.name = "tame"});
	cold = fb_clock_us() - cold;
	rig_forget(h);
	for (int i = 0; i < ROUNDS; i++) { /* in turn, so that both meet the same machine */
		int64_t began = fb_clock_us();
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
		bare[i] = fb_clock_us() - began;
		h = rig_call(&rig, &(struct ask){.name = "tame"});
		if (h->r.cause != FB_CAUSE_ANSWER) {
			fprintf(stderr, "a call failed: %s\n", h->message);
			return 1;
		}
		call[i] = h->r.elapsed_us;
		rig_forget(h);
	}
	b = median(bare);
	c = median(call);
	printf("fork, exit, wait: %lld us; a call in a warm host: %lld us (%.1f times); the first call, with its host: %lld us; %d rounds, medians\n", (long long)b, (long long)c,
	       (double)c / (double)b, (long long)cold, ROUNDS);
	rig_end(&rig);
	return 0;
}
