if HAVE_SYSTEMD
plugin_LTLIBRARIES += strategy-systemd.la
strategy_systemd_la_SOURCES = \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/strategies/immediate/step.c \
	plugins/strategies/immediate/step.h \
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
endif
EXTRA_DIST += plugins/strategies/systemd/example.conf
