plugin_LTLIBRARIES += notifier-debug.la
notifier_debug_la_SOURCES = \
	plugins/common/debug/debug.c \
	plugins/common/debug/debug.h \
	plugins/notifiers/debug/debug.c
notifier_debug_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir)
notifier_debug_la_CFLAGS = $(plugin_cflags)
notifier_debug_la_LDFLAGS = $(module_ldflags)
dist_man_MANS += plugins/notifiers/debug/failback-notifier-debug.7
EXTRA_DIST += plugins/notifiers/debug/example.conf
