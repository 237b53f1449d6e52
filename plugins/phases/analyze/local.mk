plugin_LTLIBRARIES += phase-analyze.la
phase_analyze_la_SOURCES = \
	plugins/common/run.c \
	plugins/phases/analyze/analyze.c \
	plugins/phases/analyze/logs.c \
	plugins/phases/analyze/logs.h \
	plugins/phases/analyze/tail.c \
	plugins/phases/analyze/tail.h \
	plugins/phases/analyze/quote.c \
	plugins/phases/analyze/quote.h
phase_analyze_la_CPPFLAGS = $(plugin_cppflags) -include config.h
phase_analyze_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
phase_analyze_la_LDFLAGS = $(module_ldflags)
phase_analyze_la_LIBADD = plugins/phases/libphase.la $(JANSSON_LIBS)
dist_man_MANS += plugins/phases/analyze/failback-phase-analyze.7
EXTRA_DIST += plugins/phases/analyze/example.conf

check_PROGRAMS += plugins/phases/analyze/test_analyze
TESTS += plugins/phases/analyze/test_analyze
plugins_phases_analyze_test_analyze_SOURCES = \
	plugins/phases/analyze/quote.c \
	plugins/phases/analyze/test_analyze.c \
	plugins/phases/test_phase.h
plugins_phases_analyze_test_analyze_CPPFLAGS = $(unit_cppflags)
plugins_phases_analyze_test_analyze_CFLAGS = $(unit_cflags)
plugins_phases_analyze_test_analyze_LDADD = $(fake_libs)

phase_analyze_la_SOURCES += plugins/phases/analyze/weights.c plugins/phases/analyze/weights.h
phase_analyze_la_SOURCES += plugins/phases/analyze/moment.c plugins/phases/analyze/moment.h
plugins_phases_analyze_test_analyze_SOURCES += plugins/phases/analyze/moment.c plugins/phases/analyze/moment.h
