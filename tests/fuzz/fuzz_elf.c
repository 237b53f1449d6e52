/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a plugin's file: the reader that looks into it before anything of it runs takes none of its offsets on trust, and says what it refuses. */
#include <stdlib.h>
#include <string.h>

#include "host/elf.h"
#include "tests/fuzz/fuzz.h"

#define ENTRY "failback_plugin_entry"

const char *const fuzz_words[] = {"\x7f" "ELF", ENTRY, "\xff\xff\xff\xff", "\xff\xff\xff\xff\xff\xff\xff\xff", "\x01", "\x02", "\x03", "\x0b", "\x7f", "\x80", "\x40", "\x18", NULL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fb_err err = {0};
	int r = fb_elf_check(data, size, "the file", ENTRY, &err);

	if (r != 0 && (r != -1 || strncmp(err.text, "the file ", 9) != 0 || err.code != FB_EXIT_PLUGIN))
		abort();
	/* what it found must be there to be found */
	if (r == 0 && !memmem(data, size, ENTRY, sizeof ENTRY))
		abort();
	return 0;
}
