plugin_LTLIBRARIES += strategy-images.la
strategy_images_la_SOURCES = \
	plugins/common/item.c \
	plugins/common/item.h \
	plugins/common/item_steps.c \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/common/store.c \
	plugins/common/store.h \
	plugins/strategies/images/archive.c \
	plugins/strategies/images/capture.c \
	plugins/strategies/images/engine.c \
	plugins/strategies/images/images.c \
	plugins/strategies/images/images.h \
	plugins/strategies/images/restore.c
strategy_images_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir) -D_GNU_SOURCE
strategy_images_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS) $(CURL_CFLAGS) $(SODIUM_CFLAGS)
strategy_images_la_LDFLAGS = $(module_ldflags)
strategy_images_la_LIBADD = $(JANSSON_LIBS) $(CURL_LIBS) $(SODIUM_LIBS)
dist_man_MANS += plugins/strategies/images/failback-strategy-images.7
EXTRA_DIST += plugins/strategies/images/example.conf

check_PROGRAMS += plugins/strategies/images/test_strategy_images
TESTS += plugins/strategies/images/test_strategy_images
plugins_strategies_images_test_strategy_images_SOURCES = plugins/strategies/images/test_strategy_images.c plugins/common/test_item.h
plugins_strategies_images_test_strategy_images_CPPFLAGS = $(unit_cppflags) -DSOURCES='"$(abs_top_srcdir)"'
EXTRA_DIST += tests/fake/docker.py
plugins_strategies_images_test_strategy_images_CFLAGS = $(unit_cflags)
plugins_strategies_images_test_strategy_images_LDADD = $(fake_libs)
