plugin_LTLIBRARIES += phase-analyze.la
phase_analyze_la_SOURCES = \
	plugins/phases/analyze/analyze.c \
	plugins/phases/analyze/findings.c \
	plugins/phases/analyze/findings.h \
	plugins/phases/analyze/matcher.c \
	plugins/phases/analyze/patterns.c \
	plugins/phases/analyze/patterns.h \
	plugins/phases/analyze/quote.c \
	plugins/phases/analyze/quote.h \
	plugins/phases/analyze/scan.c \
	plugins/phases/analyze/scan.h
phase_analyze_la_CPPFLAGS = $(plugin_cppflags) -include config.h
phase_analyze_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
phase_analyze_la_LDFLAGS = $(module_ldflags)
phase_analyze_la_LIBADD = plugins/phases/libphase.la $(JANSSON_LIBS)
dist_man_MANS += plugins/phases/analyze/failback-phase-analyze.7
EXTRA_DIST += plugins/phases/analyze/example.conf

check_PROGRAMS += plugins/phases/analyze/test_analyze
TESTS += plugins/phases/analyze/test_analyze
plugins_phases_analyze_test_analyze_SOURCES = \
	plugins/phases/analyze/findings.c \
	plugins/phases/analyze/matcher.c \
	plugins/phases/analyze/patterns.c \
	plugins/phases/analyze/quote.c \
	plugins/phases/analyze/scan.c \
	plugins/phases/analyze/test_analyze.c \
	plugins/phases/test_phase.h
plugins_phases_analyze_test_analyze_CPPFLAGS = $(unit_cppflags)
plugins_phases_analyze_test_analyze_CFLAGS = $(unit_cflags)
plugins_phases_analyze_test_analyze_LDADD = $(fake_libs)
