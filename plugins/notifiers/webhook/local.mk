plugin_LTLIBRARIES += notifier-webhook.la
notifier_webhook_la_SOURCES = \
	plugins/common/incident.c \
	plugins/common/incident.h \
	plugins/common/post.c \
	plugins/common/post.h \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/notifiers/webhook/sign.c \
	plugins/notifiers/webhook/sign.h \
	plugins/notifiers/webhook/webhook.c
notifier_webhook_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir) -D_GNU_SOURCE
notifier_webhook_la_CFLAGS = $(plugin_cflags) $(CURL_CFLAGS) $(JANSSON_CFLAGS) $(SODIUM_CFLAGS)
notifier_webhook_la_LDFLAGS = $(module_ldflags)
notifier_webhook_la_LIBADD = $(CURL_LIBS) $(JANSSON_LIBS) $(SODIUM_LIBS)
dist_man_MANS += plugins/notifiers/webhook/failback-notifier-webhook.7
EXTRA_DIST += plugins/notifiers/webhook/example.conf

check_PROGRAMS += plugins/notifiers/webhook/test_notifier_webhook
TESTS += plugins/notifiers/webhook/test_notifier_webhook
plugins_notifiers_webhook_test_notifier_webhook_SOURCES = plugins/notifiers/webhook/test_notifier_webhook.c plugins/notifiers/webhook/sign.c
plugins_notifiers_webhook_test_notifier_webhook_CPPFLAGS = $(unit_cppflags)
plugins_notifiers_webhook_test_notifier_webhook_CFLAGS = $(unit_cflags)
plugins_notifiers_webhook_test_notifier_webhook_LDADD = $(fake_libs) $(SODIUM_LIBS)
