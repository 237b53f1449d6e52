if HAVE_LIBPQ
plugin_LTLIBRARIES += strategy-postgresql.la
strategy_postgresql_la_SOURCES = \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/common/store.c \
	plugins/common/store.h \
	plugins/strategies/postgresql/catalog.c \
	plugins/strategies/postgresql/connection.c \
	plugins/strategies/postgresql/evidence.c \
	plugins/strategies/postgresql/migration.c \
	plugins/strategies/postgresql/postgresql.h \
	plugins/strategies/postgresql/preserve.c \
	plugins/strategies/postgresql/proof.c \
	plugins/strategies/postgresql/prove.c \
	plugins/strategies/postgresql/snapshot.c \
	plugins/strategies/postgresql/strategy.c \
	plugins/strategies/postgresql/swap.c \
	plugins/strategies/postgresql/tool.c
strategy_postgresql_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir) -D_GNU_SOURCE
strategy_postgresql_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS) $(LIBPQ_CFLAGS)
strategy_postgresql_la_LDFLAGS = $(module_ldflags)
strategy_postgresql_la_LIBADD = $(JANSSON_LIBS) $(LIBPQ_LIBS)
dist_man_MANS += plugins/strategies/postgresql/failback-strategy-postgresql.7
endif
EXTRA_DIST += plugins/strategies/postgresql/example.conf
