plugin_LTLIBRARIES += phase-notify.la
phase_notify_la_SOURCES = plugins/phases/notify/notify.c
phase_notify_la_CPPFLAGS = $(plugin_cppflags)
phase_notify_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
phase_notify_la_LDFLAGS = $(module_ldflags)
phase_notify_la_LIBADD = plugins/phases/libphase.la $(JANSSON_LIBS)
dist_man_MANS += plugins/phases/notify/failback-phase-notify.7
EXTRA_DIST += plugins/phases/notify/example.conf
