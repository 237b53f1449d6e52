plugin_LTLIBRARIES += strategy-redis.la
strategy_redis_la_SOURCES = \
	plugins/common/item.c \
	plugins/common/item.h \
	plugins/common/item_steps.c \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/common/store.c \
	plugins/common/store.h \
	plugins/strategies/redis/redis.c
strategy_redis_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir)
strategy_redis_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
strategy_redis_la_LDFLAGS = $(module_ldflags)
strategy_redis_la_LIBADD = $(JANSSON_LIBS)
dist_man_MANS += plugins/strategies/redis/failback-strategy-redis.7
EXTRA_DIST += plugins/strategies/redis/example.conf

check_PROGRAMS += plugins/strategies/redis/test_strategy_redis
TESTS += plugins/strategies/redis/test_strategy_redis
plugins_strategies_redis_test_strategy_redis_SOURCES = plugins/strategies/redis/test_strategy_redis.c plugins/common/test_item.h
plugins_strategies_redis_test_strategy_redis_CPPFLAGS = $(unit_cppflags)
plugins_strategies_redis_test_strategy_redis_CFLAGS = $(unit_cflags)
plugins_strategies_redis_test_strategy_redis_LDADD = $(fake_libs)
