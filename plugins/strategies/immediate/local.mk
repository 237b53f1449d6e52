plugin_LTLIBRARIES += strategy-immediate.la
strategy_immediate_la_SOURCES = \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/common/step.c \
	plugins/common/step.h \
	plugins/strategies/immediate/immediate.c
strategy_immediate_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir)
strategy_immediate_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
strategy_immediate_la_LDFLAGS = $(module_ldflags)
strategy_immediate_la_LIBADD = $(JANSSON_LIBS)
dist_man_MANS += plugins/strategies/immediate/failback-strategy-immediate.7
EXTRA_DIST += plugins/strategies/immediate/example.conf

check_PROGRAMS += plugins/strategies/immediate/test_strategy_immediate
TESTS += plugins/strategies/immediate/test_strategy_immediate
plugins_strategies_immediate_test_strategy_immediate_SOURCES = plugins/strategies/immediate/test_strategy_immediate.c
plugins_strategies_immediate_test_strategy_immediate_CPPFLAGS = $(unit_cppflags)
plugins_strategies_immediate_test_strategy_immediate_CFLAGS = $(unit_cflags)
plugins_strategies_immediate_test_strategy_immediate_LDADD = $(fake_libs)
