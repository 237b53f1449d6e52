# loadgen: an open-loop client that counts what users would have seen
noinst_PROGRAMS += tests/bench/loadgen
tests_bench_loadgen_SOURCES = tests/bench/loadgen.c
tests_bench_loadgen_CPPFLAGS = -include config.h
tests_bench_loadgen_CFLAGS = $(FB_CFLAGS)
