plugin_LTLIBRARIES += check-process.la
check_process_la_SOURCES = \
	plugins/common/health.c \
	plugins/common/health.h \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/checks/process/process.c
check_process_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir)
check_process_la_CFLAGS = $(plugin_cflags)
check_process_la_LDFLAGS = $(module_ldflags)
dist_man_MANS += plugins/checks/process/failback-check-process.7
EXTRA_DIST += plugins/checks/process/example.conf

check_PROGRAMS += plugins/checks/process/test_check_process
TESTS += plugins/checks/process/test_check_process
plugins_checks_process_test_check_process_SOURCES = plugins/checks/process/test_check_process.c
plugins_checks_process_test_check_process_CPPFLAGS = $(unit_cppflags)
plugins_checks_process_test_check_process_CFLAGS = $(unit_cflags)
plugins_checks_process_test_check_process_LDADD = $(fake_libs)
