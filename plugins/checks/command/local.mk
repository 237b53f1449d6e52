plugin_LTLIBRARIES += check-command.la
check_command_la_SOURCES = \
	plugins/common/health.c \
	plugins/common/health.h \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/checks/command/command.c
check_command_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir)
check_command_la_CFLAGS = $(plugin_cflags)
check_command_la_LDFLAGS = $(module_ldflags)
dist_man_MANS += plugins/checks/command/failback-check-command.7
EXTRA_DIST += plugins/checks/command/example.conf

check_PROGRAMS += plugins/checks/command/test_check_command
TESTS += plugins/checks/command/test_check_command
plugins_checks_command_test_check_command_SOURCES = plugins/checks/command/test_check_command.c
plugins_checks_command_test_check_command_CPPFLAGS = $(unit_cppflags)
plugins_checks_command_test_check_command_CFLAGS = $(unit_cflags)
plugins_checks_command_test_check_command_LDADD = $(fake_libs)
