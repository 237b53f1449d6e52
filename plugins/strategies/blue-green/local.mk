plugin_LTLIBRARIES += strategy-blue-green.la
strategy_blue_green_la_SOURCES = \
	plugins/strategies/blue-green/blue-green.c \
	plugins/strategies/blue-green/blue-green.h \
	plugins/strategies/blue-green/change.c \
	plugins/strategies/blue-green/check.c \
	plugins/strategies/blue-green/config.c \
	plugins/strategies/blue-green/context.c \
	plugins/strategies/blue-green/deploy.c \
	plugins/strategies/blue-green/haproxy.c \
	plugins/strategies/blue-green/haproxy.h \
	plugins/strategies/blue-green/observe.c \
	plugins/strategies/blue-green/recover.c \
	plugins/strategies/blue-green/service.c \
	plugins/strategies/blue-green/table.c \
	plugins/strategies/blue-green/table.h
strategy_blue_green_la_CPPFLAGS = $(plugin_cppflags) -include config.h
strategy_blue_green_la_CFLAGS = $(plugin_cflags) $(CURL_CFLAGS)
strategy_blue_green_la_LDFLAGS = $(module_ldflags)
strategy_blue_green_la_LIBADD = $(CURL_LIBS)
dist_man_MANS += plugins/strategies/blue-green/failback-strategy-blue-green.7
EXTRA_DIST += plugins/strategies/blue-green/example.conf

check_PROGRAMS += plugins/strategies/blue-green/test_table
TESTS += plugins/strategies/blue-green/test_table
plugins_strategies_blue_green_test_table_SOURCES = \
	plugins/strategies/blue-green/table.c \
	plugins/strategies/blue-green/test_table.c
plugins_strategies_blue_green_test_table_CPPFLAGS = $(unit_cppflags)
plugins_strategies_blue_green_test_table_CFLAGS = $(unit_cflags)
plugins_strategies_blue_green_test_table_LDADD = $(CMOCKA_LIBS)

check_PROGRAMS += plugins/strategies/blue-green/test_blue_green
TESTS += plugins/strategies/blue-green/test_blue_green
plugins_strategies_blue_green_test_blue_green_SOURCES = \
	plugins/strategies/blue-green/rig.c \
	plugins/strategies/blue-green/rig.h \
	plugins/strategies/blue-green/test_blue_green.c
plugins_strategies_blue_green_test_blue_green_CPPFLAGS = $(unit_cppflags) -DRIG_SRCDIR='"$(abs_top_srcdir)"'
plugins_strategies_blue_green_test_blue_green_CFLAGS = $(unit_cflags)
plugins_strategies_blue_green_test_blue_green_LDADD = $(fake_libs)
