plugin_LTLIBRARIES += phase-restore.la
phase_restore_la_SOURCES = plugins/phases/restore/restore.c
phase_restore_la_CPPFLAGS = $(plugin_cppflags)
phase_restore_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
phase_restore_la_LDFLAGS = $(module_ldflags)
phase_restore_la_LIBADD = plugins/phases/libphase.la $(JANSSON_LIBS)
dist_man_MANS += plugins/phases/restore/failback-phase-restore.7
EXTRA_DIST += plugins/phases/restore/example.conf

check_PROGRAMS += plugins/phases/restore/test_restore
TESTS += plugins/phases/restore/test_restore
plugins_phases_restore_test_restore_SOURCES = plugins/phases/restore/test_restore.c plugins/phases/test_phase.h
plugins_phases_restore_test_restore_CPPFLAGS = $(unit_cppflags)
plugins_phases_restore_test_restore_CFLAGS = $(unit_cflags)
plugins_phases_restore_test_restore_LDADD = $(fake_libs)
