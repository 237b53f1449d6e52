plugin_LTLIBRARIES += phase-exec.la
phase_exec_la_SOURCES = plugins/phases/exec/exec.c
phase_exec_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir)
phase_exec_la_CFLAGS = $(plugin_cflags)
phase_exec_la_LDFLAGS = $(module_ldflags)
phase_exec_la_LIBADD = plugins/common/exec/libexec.la
dist_man_MANS += plugins/phases/exec/failback-phase-exec.7
EXTRA_DIST += plugins/phases/exec/example.conf

check_PROGRAMS += plugins/phases/exec/test_phase_exec
TESTS += plugins/phases/exec/test_phase_exec
plugins_phases_exec_test_phase_exec_SOURCES = plugins/phases/exec/test_phase_exec.c plugins/common/exec/test_exec.h
plugins_phases_exec_test_phase_exec_CPPFLAGS = $(unit_cppflags) $(exec_examples)
plugins_phases_exec_test_phase_exec_CFLAGS = $(unit_cflags)
plugins_phases_exec_test_phase_exec_LDADD = $(fake_libs)
