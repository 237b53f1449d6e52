if HAVE_SYSTEMD
plugin_LTLIBRARIES += strategy-systemd.la
strategy_systemd_la_SOURCES = \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/common/step.c \
	plugins/common/step.h \
	plugins/strategies/systemd/bus.c \
	plugins/strategies/systemd/dropin.c \
	plugins/strategies/systemd/evidence.c \
	plugins/strategies/systemd/job.c \
	plugins/strategies/systemd/place.c \
	plugins/strategies/systemd/strategy.c \
	plugins/strategies/systemd/systemd.h \
	plugins/strategies/systemd/unit.c
strategy_systemd_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir) -D_GNU_SOURCE
strategy_systemd_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS) $(SYSTEMD_CFLAGS)
strategy_systemd_la_LDFLAGS = $(module_ldflags)
strategy_systemd_la_LIBADD = $(JANSSON_LIBS) $(SYSTEMD_LIBS)
dist_man_MANS += plugins/strategies/systemd/failback-strategy-systemd.7

check_PROGRAMS += plugins/strategies/systemd/test_strategy_systemd
TESTS += plugins/strategies/systemd/test_strategy_systemd
plugins_strategies_systemd_test_strategy_systemd_SOURCES = plugins/strategies/systemd/test_strategy_systemd.c
plugins_strategies_systemd_test_strategy_systemd_CPPFLAGS = $(unit_cppflags) -D_GNU_SOURCE
plugins_strategies_systemd_test_strategy_systemd_CFLAGS = $(unit_cflags) $(SYSTEMD_CFLAGS)
plugins_strategies_systemd_test_strategy_systemd_LDADD = $(fake_libs) $(SYSTEMD_LIBS)
endif
EXTRA_DIST += plugins/strategies/systemd/example.conf
