plugin_LTLIBRARIES += strategy-state.la
strategy_state_la_SOURCES = \
	plugins/common/item.c \
	plugins/common/item.h \
	plugins/common/item_steps.c \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/common/store.c \
	plugins/common/store.h \
	plugins/strategies/state/aside.c \
	plugins/strategies/state/moment.c \
	plugins/strategies/state/state.c \
	plugins/strategies/state/state.h
strategy_state_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir)
strategy_state_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
strategy_state_la_LDFLAGS = $(module_ldflags)
strategy_state_la_LIBADD = $(JANSSON_LIBS)
dist_man_MANS += plugins/strategies/state/failback-strategy-state.7
EXTRA_DIST += plugins/strategies/state/example.conf

check_PROGRAMS += plugins/strategies/state/test_strategy_state
TESTS += plugins/strategies/state/test_strategy_state
plugins_strategies_state_test_strategy_state_SOURCES = plugins/strategies/state/test_strategy_state.c plugins/common/test_item.h
plugins_strategies_state_test_strategy_state_CPPFLAGS = $(unit_cppflags)
plugins_strategies_state_test_strategy_state_CFLAGS = $(unit_cflags)
plugins_strategies_state_test_strategy_state_LDADD = $(fake_libs)
