plugin_LTLIBRARIES += strategy-git.la
strategy_git_la_SOURCES = \
	plugins/common/item.c \
	plugins/common/item.h \
	plugins/common/item_steps.c \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/common/step.c \
	plugins/common/step.h \
	plugins/common/store.c \
	plugins/common/store.h \
	plugins/strategies/git/both.c \
	plugins/strategies/git/deploy.c \
	plugins/strategies/git/git.c \
	plugins/strategies/git/git.h \
	plugins/strategies/git/item.c \
	plugins/strategies/git/release.c \
	plugins/strategies/git/repo.c \
	plugins/strategies/git/repo.h \
	plugins/strategies/git/service.c \
	plugins/strategies/git/service.h \
	plugins/strategies/git/stage.c
strategy_git_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir)
strategy_git_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
strategy_git_la_LDFLAGS = $(module_ldflags)
strategy_git_la_LIBADD = $(JANSSON_LIBS)
dist_man_MANS += plugins/strategies/git/failback-strategy-git.7
EXTRA_DIST += plugins/strategies/git/example.conf

check_PROGRAMS += plugins/strategies/git/test_strategy_git
TESTS += plugins/strategies/git/test_strategy_git
plugins_strategies_git_test_strategy_git_SOURCES = plugins/strategies/git/test_strategy_git.c plugins/common/test_item.h
plugins_strategies_git_test_strategy_git_CPPFLAGS = $(unit_cppflags)
plugins_strategies_git_test_strategy_git_CFLAGS = $(unit_cflags)
plugins_strategies_git_test_strategy_git_LDADD = $(fake_libs)

check_PROGRAMS += plugins/strategies/git/test_strategy_git_service
TESTS += plugins/strategies/git/test_strategy_git_service
plugins_strategies_git_test_strategy_git_service_SOURCES = plugins/strategies/git/test_strategy_git_service.c plugins/common/test_item.h
plugins_strategies_git_test_strategy_git_service_CPPFLAGS = $(unit_cppflags)
plugins_strategies_git_test_strategy_git_service_CFLAGS = $(unit_cflags)
plugins_strategies_git_test_strategy_git_service_LDADD = $(fake_libs)
