plugin_LTLIBRARIES += strategy-stream.la
strategy_stream_la_SOURCES = \
	plugins/common/item.c \
	plugins/common/item.h \
	plugins/common/item_steps.c \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/common/store.c \
	plugins/common/store.h \
	plugins/strategies/stream/stream.c
strategy_stream_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir)
strategy_stream_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
strategy_stream_la_LDFLAGS = $(module_ldflags)
strategy_stream_la_LIBADD = $(JANSSON_LIBS)
dist_man_MANS += plugins/strategies/stream/failback-strategy-stream.7
EXTRA_DIST += plugins/strategies/stream/example.conf

check_PROGRAMS += plugins/strategies/stream/test_strategy_stream
TESTS += plugins/strategies/stream/test_strategy_stream
plugins_strategies_stream_test_strategy_stream_SOURCES = plugins/strategies/stream/test_strategy_stream.c plugins/common/test_item.h
plugins_strategies_stream_test_strategy_stream_CPPFLAGS = $(unit_cppflags)
plugins_strategies_stream_test_strategy_stream_CFLAGS = $(unit_cflags)
plugins_strategies_stream_test_strategy_stream_LDADD = $(fake_libs)
