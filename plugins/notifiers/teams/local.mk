plugin_LTLIBRARIES += notifier-teams.la
notifier_teams_la_SOURCES = \
	plugins/common/incident.c \
	plugins/common/incident.h \
	plugins/common/post.c \
	plugins/common/post.h \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/notifiers/teams/teams.c
notifier_teams_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir) -D_GNU_SOURCE
notifier_teams_la_CFLAGS = $(plugin_cflags) $(CURL_CFLAGS) $(JANSSON_CFLAGS)
notifier_teams_la_LDFLAGS = $(module_ldflags)
notifier_teams_la_LIBADD = $(CURL_LIBS) $(JANSSON_LIBS)
dist_man_MANS += plugins/notifiers/teams/failback-notifier-teams.7
EXTRA_DIST += plugins/notifiers/teams/example.conf

