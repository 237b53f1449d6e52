plugin_LTLIBRARIES += notifier-slack.la
notifier_slack_la_SOURCES = \
	plugins/common/incident.c \
	plugins/common/incident.h \
	plugins/common/post.c \
	plugins/common/post.h \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/notifiers/slack/message.c \
	plugins/notifiers/slack/message.h \
	plugins/notifiers/slack/slack.c
notifier_slack_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir) -D_GNU_SOURCE
notifier_slack_la_CFLAGS = $(plugin_cflags) $(CURL_CFLAGS) $(JANSSON_CFLAGS)
notifier_slack_la_LDFLAGS = $(module_ldflags)
notifier_slack_la_LIBADD = $(CURL_LIBS) $(JANSSON_LIBS)
dist_man_MANS += plugins/notifiers/slack/failback-notifier-slack.7
EXTRA_DIST += plugins/notifiers/slack/example.conf

