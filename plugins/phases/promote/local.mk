plugin_LTLIBRARIES += phase-promote.la
phase_promote_la_SOURCES = plugins/phases/promote/promote.c
phase_promote_la_CPPFLAGS = $(plugin_cppflags)
phase_promote_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
phase_promote_la_LDFLAGS = $(module_ldflags)
phase_promote_la_LIBADD = plugins/phases/libphase.la $(JANSSON_LIBS)
dist_man_MANS += plugins/phases/promote/failback-phase-promote.7
EXTRA_DIST += plugins/phases/promote/example.conf

check_PROGRAMS += plugins/phases/promote/test_promote
TESTS += plugins/phases/promote/test_promote
plugins_phases_promote_test_promote_SOURCES = plugins/phases/promote/test_promote.c plugins/phases/test_phase.h
plugins_phases_promote_test_promote_CPPFLAGS = $(unit_cppflags)
plugins_phases_promote_test_promote_CFLAGS = $(unit_cflags)
plugins_phases_promote_test_promote_LDADD = $(fake_libs)
