plugin_LTLIBRARIES += notifier-email.la
notifier_email_la_SOURCES = \
	plugins/common/incident.c \
	plugins/common/incident.h \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/notifiers/email/mail.c \
	plugins/notifiers/email/mail.h \
	plugins/notifiers/email/email.c
notifier_email_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir) -D_GNU_SOURCE
notifier_email_la_CFLAGS = $(plugin_cflags) $(CURL_CFLAGS) $(JANSSON_CFLAGS)
notifier_email_la_LDFLAGS = $(module_ldflags)
notifier_email_la_LIBADD = $(CURL_LIBS) $(JANSSON_LIBS)
dist_man_MANS += plugins/notifiers/email/failback-notifier-email.7
EXTRA_DIST += plugins/notifiers/email/example.conf

