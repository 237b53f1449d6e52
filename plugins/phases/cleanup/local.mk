plugin_LTLIBRARIES += phase-cleanup.la
phase_cleanup_la_SOURCES = plugins/phases/cleanup/cleanup.c
phase_cleanup_la_CPPFLAGS = $(plugin_cppflags)
phase_cleanup_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
phase_cleanup_la_LDFLAGS = $(module_ldflags)
phase_cleanup_la_LIBADD = plugins/phases/libphase.la $(JANSSON_LIBS)
dist_man_MANS += plugins/phases/cleanup/failback-phase-cleanup.7
EXTRA_DIST += plugins/phases/cleanup/example.conf
