# What the notifiers for people and services have in common
check_PROGRAMS += plugins/notifiers/test_notifiers
TESTS += plugins/notifiers/test_notifiers
plugins_notifiers_test_notifiers_SOURCES = \
	plugins/common/incident.c \
	plugins/common/incident.h \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/notifiers/email/mail.c \
	plugins/notifiers/email/mail.h \
	plugins/notifiers/slack/message.c \
	plugins/notifiers/slack/message.h \
	plugins/notifiers/test_notifiers.c
plugins_notifiers_test_notifiers_CPPFLAGS = $(unit_cppflags) -D_GNU_SOURCE
plugins_notifiers_test_notifiers_CFLAGS = $(unit_cflags) $(JANSSON_CFLAGS)
plugins_notifiers_test_notifiers_LDADD = $(fake_libs) $(JANSSON_LIBS)
