plugin_LTLIBRARIES += phase-verify.la
phase_verify_la_SOURCES = plugins/phases/verify/verify.c
phase_verify_la_CPPFLAGS = $(plugin_cppflags)
phase_verify_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
phase_verify_la_LDFLAGS = $(module_ldflags)
phase_verify_la_LIBADD = plugins/phases/libphase.la $(JANSSON_LIBS)
dist_man_MANS += plugins/phases/verify/failback-phase-verify.7
EXTRA_DIST += plugins/phases/verify/example.conf

check_PROGRAMS += plugins/phases/verify/test_verify
TESTS += plugins/phases/verify/test_verify
plugins_phases_verify_test_verify_SOURCES = plugins/phases/verify/test_verify.c plugins/phases/test_phase.h
plugins_phases_verify_test_verify_CPPFLAGS = $(unit_cppflags)
plugins_phases_verify_test_verify_CFLAGS = $(unit_cflags)
plugins_phases_verify_test_verify_LDADD = $(fake_libs)
