# What a plugin's file and its descriptor can say, before and after it is loaded
check_PROGRAMS += tests/fuzz/fuzz_elf
TESTS += tests/fuzz/fuzz_elf
tests_fuzz_fuzz_elf_SOURCES = $(fuzz_driver) \
	tests/fuzz/fuzz_elf.c
tests_fuzz_fuzz_elf_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_elf_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_elf_LDADD = $(fuzz_libs)
EXTRA_DIST += \
	tests/fuzz/corpus/elf/check \
	tests/fuzz/corpus/elf/cut \
	tests/fuzz/corpus/elf/i386 \
	tests/fuzz/corpus/elf/magic \
	tests/fuzz/corpus/elf/small

check_PROGRAMS += tests/fuzz/fuzz_descriptor
TESTS += tests/fuzz/fuzz_descriptor
tests_fuzz_fuzz_descriptor_SOURCES = $(fuzz_driver) \
	core/host/abi.c \
	core/host/declared.c \
	core/host/descriptor.c \
	tests/fuzz/descriptor_bytes.h \
	tests/fuzz/fuzz_descriptor.c
tests_fuzz_fuzz_descriptor_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_descriptor_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_descriptor_LDADD = $(fuzz_libs) -lm
EXTRA_DIST += \
	tests/fuzz/corpus/descriptor/every-type \
	tests/fuzz/corpus/descriptor/huge \
	tests/fuzz/corpus/descriptor/no-options \
	tests/fuzz/corpus/descriptor/right-parts \
	tests/fuzz/corpus/descriptor/strategy \
	tests/fuzz/corpus/descriptor/wide-stride \
	tests/fuzz/corpus/descriptor/wild \
	tests/fuzz/corpus/descriptor/wild-options
