# fuzz

check_PROGRAMS += tests/fuzz/fuzz_journal
TESTS += tests/fuzz/fuzz_journal
tests_fuzz_fuzz_journal_SOURCES = tests/fuzz/fuzz_journal.c
tests_fuzz_fuzz_journal_CPPFLAGS = $(unit_cppflags) -DFB_FUZZ_STANDALONE
tests_fuzz_fuzz_journal_CFLAGS = $(unit_cflags)
tests_fuzz_fuzz_journal_LDADD = libfailback-core.la
