plugin_LTLIBRARIES += strategy-units.la
strategy_units_la_SOURCES = \
	plugins/common/item.c \
	plugins/common/item.h \
	plugins/common/item_steps.c \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/common/store.c \
	plugins/common/store.h \
	plugins/strategies/units/units.c
strategy_units_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir)
strategy_units_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
strategy_units_la_LDFLAGS = $(module_ldflags)
strategy_units_la_LIBADD = $(JANSSON_LIBS)
dist_man_MANS += plugins/strategies/units/failback-strategy-units.7
EXTRA_DIST += plugins/strategies/units/example.conf

check_PROGRAMS += plugins/strategies/units/test_strategy_units
TESTS += plugins/strategies/units/test_strategy_units
plugins_strategies_units_test_strategy_units_SOURCES = plugins/strategies/units/test_strategy_units.c plugins/common/test_item.h
plugins_strategies_units_test_strategy_units_CPPFLAGS = $(unit_cppflags)
plugins_strategies_units_test_strategy_units_CFLAGS = $(unit_cflags)
plugins_strategies_units_test_strategy_units_LDADD = $(fake_libs)
