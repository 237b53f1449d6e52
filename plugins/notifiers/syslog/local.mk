plugin_LTLIBRARIES += notifier-syslog.la
notifier_syslog_la_SOURCES = \
	plugins/common/incident.c \
	plugins/common/incident.h \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/notifiers/syslog/syslog.c
notifier_syslog_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir) -D_GNU_SOURCE
notifier_syslog_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
notifier_syslog_la_LDFLAGS = $(module_ldflags)
notifier_syslog_la_LIBADD = $(JANSSON_LIBS)
dist_man_MANS += plugins/notifiers/syslog/failback-notifier-syslog.7
EXTRA_DIST += plugins/notifiers/syslog/example.conf

