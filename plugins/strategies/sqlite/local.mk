plugin_LTLIBRARIES += strategy-sqlite.la
strategy_sqlite_la_SOURCES = \
	plugins/common/item.c \
	plugins/common/item.h \
	plugins/common/item_steps.c \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/common/store.c \
	plugins/common/store.h \
	plugins/strategies/sqlite/sqlite.c \
	plugins/strategies/sqlite/database.c \
	plugins/strategies/sqlite/database.h \
	plugins/strategies/sqlite/replace.c
strategy_sqlite_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir)
strategy_sqlite_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS) $(SQLITE_CFLAGS)
strategy_sqlite_la_LDFLAGS = $(module_ldflags)
strategy_sqlite_la_LIBADD = $(JANSSON_LIBS) $(SQLITE_LIBS)
dist_man_MANS += plugins/strategies/sqlite/failback-strategy-sqlite.7
EXTRA_DIST += plugins/strategies/sqlite/example.conf

check_PROGRAMS += plugins/strategies/sqlite/test_strategy_sqlite
TESTS += plugins/strategies/sqlite/test_strategy_sqlite
plugins_strategies_sqlite_test_strategy_sqlite_SOURCES = plugins/strategies/sqlite/test_strategy_sqlite.c plugins/common/test_item.h
plugins_strategies_sqlite_test_strategy_sqlite_CPPFLAGS = $(unit_cppflags)
plugins_strategies_sqlite_test_strategy_sqlite_CFLAGS = $(unit_cflags)
plugins_strategies_sqlite_test_strategy_sqlite_LDADD = $(fake_libs) $(SQLITE_LIBS)
