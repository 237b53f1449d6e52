plugin_LTLIBRARIES += strategy-packages.la
strategy_packages_la_SOURCES = \
	plugins/common/item.c \
	plugins/common/item.h \
	plugins/common/item_steps.c \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/common/store.c \
	plugins/common/store.h \
	plugins/strategies/packages/packages.c
strategy_packages_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir)
strategy_packages_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
strategy_packages_la_LDFLAGS = $(module_ldflags)
strategy_packages_la_LIBADD = $(JANSSON_LIBS)
dist_man_MANS += plugins/strategies/packages/failback-strategy-packages.7
EXTRA_DIST += plugins/strategies/packages/example.conf

check_PROGRAMS += plugins/strategies/packages/test_strategy_packages
TESTS += plugins/strategies/packages/test_strategy_packages
plugins_strategies_packages_test_strategy_packages_SOURCES = plugins/strategies/packages/test_strategy_packages.c plugins/common/test_item.h
plugins_strategies_packages_test_strategy_packages_CPPFLAGS = $(unit_cppflags)
plugins_strategies_packages_test_strategy_packages_CFLAGS = $(unit_cflags)
plugins_strategies_packages_test_strategy_packages_LDADD = $(fake_libs)
