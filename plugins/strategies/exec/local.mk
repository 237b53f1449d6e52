plugin_LTLIBRARIES += strategy-exec.la
strategy_exec_la_SOURCES = plugins/strategies/exec/exec.c
strategy_exec_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir)
strategy_exec_la_CFLAGS = $(plugin_cflags)
strategy_exec_la_LDFLAGS = $(module_ldflags)
strategy_exec_la_LIBADD = plugins/common/exec/libexec.la
dist_man_MANS += plugins/strategies/exec/failback-strategy-exec.7
EXTRA_DIST += plugins/strategies/exec/example.conf

check_PROGRAMS += plugins/strategies/exec/test_strategy_exec
TESTS += plugins/strategies/exec/test_strategy_exec
plugins_strategies_exec_test_strategy_exec_SOURCES = plugins/strategies/exec/test_strategy_exec.c plugins/common/exec/test_exec.h
plugins_strategies_exec_test_strategy_exec_CPPFLAGS = $(unit_cppflags) $(exec_examples)
plugins_strategies_exec_test_strategy_exec_CFLAGS = $(unit_cflags)
plugins_strategies_exec_test_strategy_exec_LDADD = $(fake_libs)
