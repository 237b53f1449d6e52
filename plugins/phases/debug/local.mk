plugin_LTLIBRARIES += phase-debug.la
phase_debug_la_SOURCES = \
	plugins/common/debug/debug.c \
	plugins/common/debug/debug.h \
	plugins/phases/debug/debug.c
phase_debug_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir)
phase_debug_la_CFLAGS = $(plugin_cflags)
phase_debug_la_LDFLAGS = $(module_ldflags)
dist_man_MANS += plugins/phases/debug/failback-phase-debug.7
EXTRA_DIST += plugins/phases/debug/example.conf

# One test for all four kinds
dist_man_MANS += plugins/common/debug/failback-debug.7
check_PROGRAMS += plugins/common/debug/test_debug
TESTS += plugins/common/debug/test_debug
plugins_common_debug_test_debug_SOURCES = plugins/common/debug/test_debug.c
plugins_common_debug_test_debug_CPPFLAGS = $(unit_cppflags)
plugins_common_debug_test_debug_CFLAGS = $(unit_cflags)
plugins_common_debug_test_debug_LDADD = $(fake_libs)
