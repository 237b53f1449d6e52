plugin_LTLIBRARIES += notifier-exec.la
notifier_exec_la_SOURCES = plugins/notifiers/exec/exec.c
notifier_exec_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir) -D_GNU_SOURCE
notifier_exec_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
notifier_exec_la_LDFLAGS = $(module_ldflags)
notifier_exec_la_LIBADD = plugins/common/exec/libexec.la $(JANSSON_LIBS)
dist_man_MANS += plugins/notifiers/exec/failback-notifier-exec.7
EXTRA_DIST += plugins/notifiers/exec/example.conf

check_PROGRAMS += plugins/notifiers/exec/test_notifier_exec
TESTS += plugins/notifiers/exec/test_notifier_exec
plugins_notifiers_exec_test_notifier_exec_SOURCES = plugins/notifiers/exec/test_notifier_exec.c plugins/common/exec/test_exec.h
plugins_notifiers_exec_test_notifier_exec_CPPFLAGS = $(unit_cppflags) $(exec_examples)
plugins_notifiers_exec_test_notifier_exec_CFLAGS = $(unit_cflags)
plugins_notifiers_exec_test_notifier_exec_LDADD = $(fake_libs)
notifier_exec_la_SOURCES += plugins/common/incident.c
notifier_exec_la_SOURCES += plugins/common/incident.h
