plugin_LTLIBRARIES += strategy-tree.la
strategy_tree_la_SOURCES = \
	plugins/common/item.c \
	plugins/common/item.h \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/common/store.c \
	plugins/common/store.h \
	plugins/strategies/tree/tree.c
strategy_tree_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir)
strategy_tree_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
strategy_tree_la_LDFLAGS = $(module_ldflags)
strategy_tree_la_LIBADD = $(JANSSON_LIBS)
dist_man_MANS += plugins/strategies/tree/failback-strategy-tree.7
EXTRA_DIST += plugins/strategies/tree/example.conf

check_PROGRAMS += plugins/strategies/tree/test_strategy_tree
TESTS += plugins/strategies/tree/test_strategy_tree
plugins_strategies_tree_test_strategy_tree_SOURCES = plugins/strategies/tree/test_strategy_tree.c plugins/common/test_item.h
plugins_strategies_tree_test_strategy_tree_CPPFLAGS = $(unit_cppflags)
plugins_strategies_tree_test_strategy_tree_CFLAGS = $(unit_cflags)
plugins_strategies_tree_test_strategy_tree_LDADD = $(fake_libs)
