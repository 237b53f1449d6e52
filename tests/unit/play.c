/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the made-up stories of synthetic.h into a state directory, for tests of the command and for looking at the progress view.
 * play DIRECTORY STORY…: failed, paced (a second of the story takes a second), incomplete, waiting, running (and stays), dies. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/synthetic.h"

int main(int argc, char **argv)
{
	if (argc < 3)
		return 64;
	for (int i = 2; i < argc; i++) {
		struct fb_journal *j;
		struct fb_err err = {0};
		if (fb_journal_open(argv[1], FB_JOURNAL_CREATE, &j, &err) != 0) {
			fprintf(stderr, "play: %s\n", err.text);
			return 74;
		}
		if (strcmp(argv[i], "failed") == 0)
			synthetic_failed(j, 0);
		else if (strcmp(argv[i], "paced") == 0)
			synthetic_failed(j, 1000);
		else if (strcmp(argv[i], "incomplete") == 0)
			synthetic_incomplete(j);
		else if (strcmp(argv[i], "waiting") == 0)
			synthetic_waiting(j);
		else
			synthetic_running(j);
		if (strcmp(argv[i], "running") == 0) {
			puts("running");
			fflush(stdout);
			pause();
		}
		fb_journal_close(j);
	}
	return 0;
}
