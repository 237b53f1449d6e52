# loadgen: an open-loop client that counts what users would have seen
noinst_PROGRAMS += tests/bench/loadgen
tests_bench_loadgen_SOURCES = tests/bench/loadgen.c
tests_bench_loadgen_CPPFLAGS = -include config.h
tests_bench_loadgen_CFLAGS = $(FB_CFLAGS)

# bench_call: a call beside a bare fork
check_PROGRAMS += tests/bench/bench_call
tests_bench_bench_call_SOURCES = \
	tests/abi/rig.c \
	tests/abi/rig.h \
	tests/bench/bench_call.c
tests_bench_bench_call_CPPFLAGS = $(unit_cppflags)
tests_bench_bench_call_CFLAGS = $(unit_cflags)
tests_bench_bench_call_LDADD = $(unit_libs)
# bench

# A small one with every check; by hand: bench_journal 100000 2
check_PROGRAMS += tests/bench/bench_journal
TESTS += tests/bench/bench_journal
tests_bench_bench_journal_SOURCES = tests/bench/bench_journal.c
tests_bench_bench_journal_CPPFLAGS = $(unit_cppflags)
tests_bench_bench_journal_CFLAGS = $(unit_cflags)
tests_bench_bench_journal_LDADD = libfailback-core.la

# What users feel: by hand, in a quiet hour: tests/chain/run tests/bench/impact
EXTRA_DIST += tests/bench/impact
