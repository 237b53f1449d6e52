if HAVE_LIBPQ
plugin_LTLIBRARIES += strategy-postgresql.la
strategy_postgresql_la_SOURCES = \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/common/store.c \
	plugins/common/store.h \
	plugins/strategies/postgresql/back.c \
	plugins/strategies/postgresql/call.c \
	plugins/strategies/postgresql/catalog.c \
	plugins/strategies/postgresql/connection.c \
	plugins/strategies/postgresql/database.c \
	plugins/strategies/postgresql/evidence.c \
	plugins/strategies/postgresql/files.c \
	plugins/strategies/postgresql/forward.c \
	plugins/strategies/postgresql/migration.c \
	plugins/strategies/postgresql/postgresql.h \
	plugins/strategies/postgresql/preserve.c \
	plugins/strategies/postgresql/proof.c \
	plugins/strategies/postgresql/prove.c \
	plugins/strategies/postgresql/script.c \
	plugins/strategies/postgresql/snapshot.c \
	plugins/strategies/postgresql/strategy.c \
	plugins/strategies/postgresql/swap.c \
	plugins/strategies/postgresql/tool.c
strategy_postgresql_la_SOURCES += plugins/common/item.c plugins/common/item.h plugins/common/item_steps.c
strategy_postgresql_la_SOURCES += plugins/strategies/postgresql/dump.c
strategy_postgresql_la_SOURCES += plugins/strategies/postgresql/flyway.c
strategy_postgresql_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir) -D_GNU_SOURCE
strategy_postgresql_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS) $(LIBPQ_CFLAGS)
strategy_postgresql_la_LDFLAGS = $(module_ldflags)
strategy_postgresql_la_LIBADD = $(JANSSON_LIBS) $(LIBPQ_LIBS)
dist_man_MANS += plugins/strategies/postgresql/failback-strategy-postgresql.7

check_PROGRAMS += plugins/strategies/postgresql/test_strategy_postgresql
TESTS += plugins/strategies/postgresql/test_strategy_postgresql
plugins_strategies_postgresql_test_strategy_postgresql_SOURCES = plugins/strategies/postgresql/test_strategy_postgresql.c
plugins_strategies_postgresql_test_strategy_postgresql_CPPFLAGS = $(unit_cppflags)
plugins_strategies_postgresql_test_strategy_postgresql_CFLAGS = $(unit_cflags)
plugins_strategies_postgresql_test_strategy_postgresql_LDADD = $(fake_libs)
endif
EXTRA_DIST += plugins/strategies/postgresql/example.conf
