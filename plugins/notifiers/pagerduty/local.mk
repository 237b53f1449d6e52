plugin_LTLIBRARIES += notifier-pagerduty.la
notifier_pagerduty_la_SOURCES = \
	plugins/common/incident.c \
	plugins/common/incident.h \
	plugins/common/post.c \
	plugins/common/post.h \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/notifiers/pagerduty/pagerduty.c
notifier_pagerduty_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir) -D_GNU_SOURCE
notifier_pagerduty_la_CFLAGS = $(plugin_cflags) $(CURL_CFLAGS) $(JANSSON_CFLAGS)
notifier_pagerduty_la_LDFLAGS = $(module_ldflags)
notifier_pagerduty_la_LIBADD = $(CURL_LIBS) $(JANSSON_LIBS)
dist_man_MANS += plugins/notifiers/pagerduty/failback-notifier-pagerduty.7
EXTRA_DIST += plugins/notifiers/pagerduty/example.conf

