plugin_LTLIBRARIES += strategy-files.la
strategy_files_la_SOURCES = \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/strategies/files/aside.c \
	plugins/strategies/files/back.c \
	plugins/strategies/files/call.c \
	plugins/strategies/files/due.c \
	plugins/strategies/files/files.h \
	plugins/strategies/files/forward.c \
	plugins/strategies/files/link.c \
	plugins/strategies/files/manifest.c \
	plugins/strategies/files/release.c \
	plugins/strategies/files/scan.c \
	plugins/strategies/files/strategy.c \
	plugins/strategies/files/tree.c \
	plugins/strategies/files/tree.h \
	plugins/strategies/files/write.c
strategy_files_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir) -D_GNU_SOURCE
strategy_files_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS) $(SODIUM_CFLAGS)
strategy_files_la_LDFLAGS = $(module_ldflags)
strategy_files_la_LIBADD = $(JANSSON_LIBS) $(SODIUM_LIBS)
dist_man_MANS += plugins/strategies/files/failback-strategy-files.7
EXTRA_DIST += plugins/strategies/files/example.conf

check_PROGRAMS += plugins/strategies/files/test_strategy_files
TESTS += plugins/strategies/files/test_strategy_files
plugins_strategies_files_test_strategy_files_SOURCES = plugins/strategies/files/test_strategy_files.c plugins/common/test_item.h
plugins_strategies_files_test_strategy_files_CPPFLAGS = $(unit_cppflags)
plugins_strategies_files_test_strategy_files_CFLAGS = $(unit_cflags)
plugins_strategies_files_test_strategy_files_LDADD = $(fake_libs)
