plugin_LTLIBRARIES += check-tcp.la
check_tcp_la_SOURCES = \
	plugins/common/health.c \
	plugins/common/health.h \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/checks/tcp/tcp.c
check_tcp_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir)
check_tcp_la_CFLAGS = $(plugin_cflags)
check_tcp_la_LDFLAGS = $(module_ldflags)
dist_man_MANS += plugins/checks/tcp/failback-check-tcp.7
EXTRA_DIST += plugins/checks/tcp/example.conf

check_PROGRAMS += plugins/checks/tcp/test_check_tcp
TESTS += plugins/checks/tcp/test_check_tcp
plugins_checks_tcp_test_check_tcp_SOURCES = plugins/checks/tcp/test_check_tcp.c
plugins_checks_tcp_test_check_tcp_CPPFLAGS = $(unit_cppflags)
plugins_checks_tcp_test_check_tcp_CFLAGS = $(unit_cflags)
plugins_checks_tcp_test_check_tcp_LDADD = $(fake_libs)
