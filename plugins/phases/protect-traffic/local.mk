plugin_LTLIBRARIES += phase-protect-traffic.la
phase_protect_traffic_la_SOURCES = plugins/phases/protect-traffic/protect-traffic.c
phase_protect_traffic_la_CPPFLAGS = $(plugin_cppflags)
phase_protect_traffic_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
phase_protect_traffic_la_LDFLAGS = $(module_ldflags)
phase_protect_traffic_la_LIBADD = plugins/phases/libphase.la $(JANSSON_LIBS)
dist_man_MANS += plugins/phases/protect-traffic/failback-phase-protect-traffic.7
EXTRA_DIST += plugins/phases/protect-traffic/example.conf

check_PROGRAMS += plugins/phases/protect-traffic/test_protect-traffic
TESTS += plugins/phases/protect-traffic/test_protect-traffic
plugins_phases_protect_traffic_test_protect_traffic_SOURCES = plugins/phases/protect-traffic/test_protect-traffic.c plugins/phases/test_phase.h
plugins_phases_protect_traffic_test_protect_traffic_CPPFLAGS = $(unit_cppflags)
plugins_phases_protect_traffic_test_protect_traffic_CFLAGS = $(unit_cflags)
plugins_phases_protect_traffic_test_protect_traffic_LDADD = $(fake_libs)
