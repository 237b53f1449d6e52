plugin_LTLIBRARIES += phase-cleanup.la
phase_cleanup_la_SOURCES = plugins/phases/cleanup/cleanup.c
phase_cleanup_la_CPPFLAGS = $(plugin_cppflags)
phase_cleanup_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
phase_cleanup_la_LDFLAGS = $(module_ldflags)
phase_cleanup_la_LIBADD = plugins/phases/libphase.la $(JANSSON_LIBS)
dist_man_MANS += plugins/phases/cleanup/failback-phase-cleanup.7
EXTRA_DIST += plugins/phases/cleanup/example.conf

check_PROGRAMS += plugins/phases/cleanup/test_cleanup
TESTS += plugins/phases/cleanup/test_cleanup
plugins_phases_cleanup_test_cleanup_SOURCES = plugins/phases/cleanup/test_cleanup.c plugins/phases/test_phase.h
plugins_phases_cleanup_test_cleanup_CPPFLAGS = $(unit_cppflags)
plugins_phases_cleanup_test_cleanup_CFLAGS = $(unit_cflags)
plugins_phases_cleanup_test_cleanup_LDADD = $(fake_libs)
