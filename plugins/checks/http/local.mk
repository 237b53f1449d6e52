plugin_LTLIBRARIES += check-http.la
check_http_la_SOURCES = \
	plugins/common/health.c \
	plugins/common/health.h \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/checks/http/http.c
check_http_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir)
check_http_la_CFLAGS = $(plugin_cflags) $(CURL_CFLAGS)
check_http_la_LDFLAGS = $(module_ldflags)
check_http_la_LIBADD = $(CURL_LIBS)
dist_man_MANS += plugins/checks/http/failback-check-http.7
EXTRA_DIST += plugins/checks/http/example.conf

check_PROGRAMS += plugins/checks/http/test_check_http
TESTS += plugins/checks/http/test_check_http
plugins_checks_http_test_check_http_SOURCES = plugins/checks/http/test_check_http.c
plugins_checks_http_test_check_http_CPPFLAGS = $(unit_cppflags)
plugins_checks_http_test_check_http_CFLAGS = $(unit_cflags)
plugins_checks_http_test_check_http_LDADD = $(fake_libs)
