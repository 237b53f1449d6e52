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

# cost: the engine's own cost beside its floor and its peer; scale: the whole program with many executions. Samples run with every check.
bench_plugins = tests/bench/plugins
bench_noops = 1 2 3 4 5 6 7 8
check_DATA += $(bench_plugins)/stamp
$(bench_plugins)/stamp: tests/bench/noop.c core/failback/plugin.h
	$(AM_V_GEN)rm -rf $(bench_plugins) && mkdir -p $(bench_plugins) && \
	build() { $(CC) $(plugin_cppflags) "$$@" $(plugin_cflags) $(CFLAGS) $(AM_LDFLAGS) -fPIC -shared $(srcdir)/tests/bench/noop.c; } && \
	for n in $(bench_noops); do build -DNAME="\"noop-$$n\"" -o $(bench_plugins)/phase-noop-$$n.so || exit 1; done && \
	build -DNAME='"noop"' -DSTRATEGY -o $(bench_plugins)/strategy-noop.so && touch $@
clean-local: clean-bench-plugins
clean-bench-plugins:
	rm -rf $(bench_plugins)

check_LTLIBRARIES += tests/bench/commits.la
tests_bench_commits_la_SOURCES = tests/bench/commits.c
tests_bench_commits_la_CPPFLAGS = -include config.h
tests_bench_commits_la_CFLAGS = $(FB_CFLAGS)
tests_bench_commits_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -no-undefined -shared -rpath /nowhere

check_PROGRAMS += tests/bench/floor
tests_bench_floor_SOURCES = tests/bench/floor.c
tests_bench_floor_CPPFLAGS = $(FB_CPPFLAGS)
tests_bench_floor_CFLAGS = $(FB_CFLAGS) $(JANSSON_CFLAGS) $(SODIUM_CFLAGS)
tests_bench_floor_LDADD = libfailback-base.la $(JANSSON_LIBS) $(SODIUM_LIBS)

dist_check_SCRIPTS += tests/bench/cost tests/bench/scale tests/bench/sample
# The backup store beside tar | zstd and restic; by hand: tests/bench/store --check
dist_check_SCRIPTS += tests/bench/store
TESTS += tests/bench/sample

# By hand, on a quiet machine: the table of the engine's cost, its floor and its peer, and of a large journal
bench: all $(check_PROGRAMS) $(check_LTLIBRARIES) $(check_DATA)
	SRC=$(abs_top_srcdir) BUILD=$(abs_top_builddir) python3 $(srcdir)/tests/bench/cost $(BENCH_COST)
	SRC=$(abs_top_srcdir) BUILD=$(abs_top_builddir) python3 $(srcdir)/tests/bench/scale $(BENCH_SCALE)
	tests/bench/bench_call
	tests/bench/bench_journal 100000 2
.PHONY: bench
EXTRA_DIST += tests/bench/noop.c tests/bench/noop_lab.py
# What users feel: by hand, in a quiet hour: tests/chain/run tests/bench/impact
EXTRA_DIST += tests/bench/impact
# Strategy postgresql beside pg_dump and pg_restore, under a writer; by hand: tests/chain/run tests/bench/postgresql
dist_check_SCRIPTS += tests/bench/postgresql
EXTRA_DIST += tests/bench/analysis/evaluate.py
EXTRA_DIST += tests/bench/analysis/samples.tsv

# scan: the analysis beside a bare scan over the same database; by hand: scan SIGNATURES LOG [GREEN]...
check_PROGRAMS += tests/bench/analysis/scan
tests_bench_analysis_scan_SOURCES = tests/bench/analysis/scan.c
tests_bench_analysis_scan_CPPFLAGS = $(FB_CPPFLAGS)
tests_bench_analysis_scan_CFLAGS = $(FB_CFLAGS)
tests_bench_analysis_scan_LDADD = libfailback-analysis.la
