plugin_LTLIBRARIES += phase-notify.la
phase_notify_la_SOURCES = plugins/phases/notify/notify.c
phase_notify_la_CPPFLAGS = $(plugin_cppflags)
phase_notify_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
phase_notify_la_LDFLAGS = $(module_ldflags)
phase_notify_la_LIBADD = plugins/phases/libphase.la $(JANSSON_LIBS)
dist_man_MANS += plugins/phases/notify/failback-phase-notify.7
EXTRA_DIST += plugins/phases/notify/example.conf

check_PROGRAMS += plugins/phases/notify/test_notify
TESTS += plugins/phases/notify/test_notify
plugins_phases_notify_test_notify_SOURCES = plugins/phases/notify/test_notify.c plugins/phases/test_phase.h
plugins_phases_notify_test_notify_CPPFLAGS = $(unit_cppflags)
plugins_phases_notify_test_notify_CFLAGS = $(unit_cflags)
plugins_phases_notify_test_notify_LDADD = $(fake_libs)
