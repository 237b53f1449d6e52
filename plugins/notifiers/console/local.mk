plugin_LTLIBRARIES += notifier-console.la
notifier_console_la_SOURCES = \
	plugins/notifiers/console/console.c
notifier_console_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir)
notifier_console_la_CFLAGS = $(plugin_cflags)
notifier_console_la_LDFLAGS = $(module_ldflags)
dist_man_MANS += plugins/notifiers/console/failback-notifier-console.7
EXTRA_DIST += plugins/notifiers/console/example.conf

check_PROGRAMS += plugins/notifiers/console/test_notifier_console
TESTS += plugins/notifiers/console/test_notifier_console
plugins_notifiers_console_test_notifier_console_SOURCES = plugins/notifiers/console/test_notifier_console.c
plugins_notifiers_console_test_notifier_console_CPPFLAGS = $(unit_cppflags)
plugins_notifiers_console_test_notifier_console_CFLAGS = $(unit_cflags)
plugins_notifiers_console_test_notifier_console_LDADD = $(fake_libs)
