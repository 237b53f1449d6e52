plugin_LTLIBRARIES += strategy-debug.la
strategy_debug_la_SOURCES = \
	plugins/common/debug/debug.c \
	plugins/common/debug/debug.h \
	plugins/strategies/debug/debug.c
strategy_debug_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir)
strategy_debug_la_CFLAGS = $(plugin_cflags)
strategy_debug_la_LDFLAGS = $(module_ldflags)
dist_man_MANS += plugins/strategies/debug/failback-strategy-debug.7
EXTRA_DIST += plugins/strategies/debug/example.conf
