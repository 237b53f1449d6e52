# bench

# A small one with every check; by hand: bench_journal 100000 2
check_PROGRAMS += tests/bench/bench_journal
TESTS += tests/bench/bench_journal
tests_bench_bench_journal_SOURCES = tests/bench/bench_journal.c
tests_bench_bench_journal_CPPFLAGS = $(unit_cppflags)
tests_bench_bench_journal_CFLAGS = $(unit_cflags)
tests_bench_bench_journal_LDADD = libfailback-core.la
