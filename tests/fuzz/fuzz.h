/* SPDX-License-Identifier: Apache-2.0 */
/* What a fuzz target gives its driver, or libFuzzer. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Takes any bytes; aborts when something that must hold does not. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Words of the language to mix in, ends in NULL; at least one. */
extern const char *const fuzz_words[];

#endif
