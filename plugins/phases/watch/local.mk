plugin_LTLIBRARIES += phase-watch.la
phase_watch_la_SOURCES = plugins/phases/watch/watch.c
phase_watch_la_CPPFLAGS = $(plugin_cppflags)
phase_watch_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
phase_watch_la_LDFLAGS = $(module_ldflags)
phase_watch_la_LIBADD = plugins/phases/libphase.la $(JANSSON_LIBS)
dist_man_MANS += plugins/phases/watch/failback-phase-watch.7
EXTRA_DIST += plugins/phases/watch/example.conf

check_PROGRAMS += plugins/phases/watch/test_watch
TESTS += plugins/phases/watch/test_watch
plugins_phases_watch_test_watch_SOURCES = plugins/phases/watch/test_watch.c plugins/phases/test_phase.h
plugins_phases_watch_test_watch_CPPFLAGS = $(unit_cppflags)
plugins_phases_watch_test_watch_CFLAGS = $(unit_cflags)
plugins_phases_watch_test_watch_LDADD = $(fake_libs)
