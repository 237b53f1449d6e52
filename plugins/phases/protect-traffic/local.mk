plugin_LTLIBRARIES += phase-protect-traffic.la
phase_protect_traffic_la_SOURCES = plugins/phases/protect-traffic/protect-traffic.c
phase_protect_traffic_la_CPPFLAGS = $(plugin_cppflags)
phase_protect_traffic_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
phase_protect_traffic_la_LDFLAGS = $(module_ldflags)
phase_protect_traffic_la_LIBADD = plugins/phases/libphase.la $(JANSSON_LIBS)
dist_man_MANS += plugins/phases/protect-traffic/failback-phase-protect-traffic.7
EXTRA_DIST += plugins/phases/protect-traffic/example.conf
