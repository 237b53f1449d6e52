plugin_LTLIBRARIES += check-exec.la
check_exec_la_SOURCES = plugins/checks/exec/exec.c
check_exec_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir)
check_exec_la_CFLAGS = $(plugin_cflags)
check_exec_la_LDFLAGS = $(module_ldflags)
check_exec_la_LIBADD = plugins/common/exec/libexec.la
dist_man_MANS += plugins/checks/exec/failback-check-exec.7
EXTRA_DIST += plugins/checks/exec/example.conf

check_PROGRAMS += plugins/checks/exec/test_check_exec
TESTS += plugins/checks/exec/test_check_exec
plugins_checks_exec_test_check_exec_SOURCES = plugins/checks/exec/test_check_exec.c plugins/common/exec/test_exec.h
plugins_checks_exec_test_check_exec_CPPFLAGS = $(unit_cppflags) $(exec_examples)
plugins_checks_exec_test_check_exec_CFLAGS = $(unit_cflags)
plugins_checks_exec_test_check_exec_LDADD = $(fake_libs)
