plugin_LTLIBRARIES += strategy-dependencies.la
strategy_dependencies_la_SOURCES = \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/strategies/dependencies/dependencies.c \
	plugins/strategies/dependencies/dependencies.h \
	plugins/strategies/dependencies/environment.c \
	plugins/strategies/dependencies/evidence.c \
	plugins/strategies/dependencies/live.c \
	plugins/strategies/dependencies/retire.c \
	plugins/strategies/dependencies/script.c
strategy_dependencies_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir)
strategy_dependencies_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
strategy_dependencies_la_LDFLAGS = $(module_ldflags)
strategy_dependencies_la_LIBADD = $(JANSSON_LIBS)
dist_man_MANS += plugins/strategies/dependencies/failback-strategy-dependencies.7
EXTRA_DIST += plugins/strategies/dependencies/example.conf

check_PROGRAMS += plugins/strategies/dependencies/test_strategy_dependencies
TESTS += plugins/strategies/dependencies/test_strategy_dependencies
plugins_strategies_dependencies_test_strategy_dependencies_SOURCES = plugins/strategies/dependencies/test_strategy_dependencies.c plugins/common/test_item.h
plugins_strategies_dependencies_test_strategy_dependencies_CPPFLAGS = $(unit_cppflags)
plugins_strategies_dependencies_test_strategy_dependencies_CFLAGS = $(unit_cflags)
plugins_strategies_dependencies_test_strategy_dependencies_LDADD = $(fake_libs)
