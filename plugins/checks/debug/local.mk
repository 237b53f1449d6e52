plugin_LTLIBRARIES += check-debug.la
check_debug_la_SOURCES = \
	plugins/common/debug/debug.c \
	plugins/common/debug/debug.h \
	plugins/checks/debug/debug.c
check_debug_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir)
check_debug_la_CFLAGS = $(plugin_cflags)
check_debug_la_LDFLAGS = $(module_ldflags)
dist_man_MANS += plugins/checks/debug/failback-check-debug.7
EXTRA_DIST += plugins/checks/debug/example.conf
