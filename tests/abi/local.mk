# abi: plugins that behave and plugins that do not, loaded by the real host
abi_module_ldflags = $(AM_LDFLAGS) -module -avoid-version -no-undefined -shared -rpath /nowhere -export-symbols-regex '^failback_plugin_entry$$'

check_LTLIBRARIES += tests/abi/tame/phase-tame.la
tests_abi_tame_phase_tame_la_SOURCES = tests/abi/tame/phase_tame.c
tests_abi_tame_phase_tame_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_tame_phase_tame_la_CFLAGS = $(plugin_cflags)
tests_abi_tame_phase_tame_la_LDFLAGS = $(abi_module_ldflags)

check_LTLIBRARIES += tests/abi/tame/check-tame.la
tests_abi_tame_check_tame_la_SOURCES = tests/abi/tame/check_tame.c
tests_abi_tame_check_tame_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_tame_check_tame_la_CFLAGS = $(plugin_cflags)
tests_abi_tame_check_tame_la_LDFLAGS = $(abi_module_ldflags)

check_LTLIBRARIES += tests/abi/tame/check-stepping.la
tests_abi_tame_check_stepping_la_SOURCES = tests/abi/tame/check_stepping.c
tests_abi_tame_check_stepping_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_tame_check_stepping_la_CFLAGS = $(plugin_cflags)
tests_abi_tame_check_stepping_la_LDFLAGS = $(abi_module_ldflags)

check_LTLIBRARIES += tests/abi/tame/notifier-tame.la
tests_abi_tame_notifier_tame_la_SOURCES = tests/abi/tame/notifier_tame.c
tests_abi_tame_notifier_tame_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_tame_notifier_tame_la_CFLAGS = $(plugin_cflags)
tests_abi_tame_notifier_tame_la_LDFLAGS = $(abi_module_ldflags)

check_LTLIBRARIES += tests/abi/tame/strategy-tame.la
tests_abi_tame_strategy_tame_la_SOURCES = tests/abi/tame/strategy_tame.c
tests_abi_tame_strategy_tame_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_tame_strategy_tame_la_CFLAGS = $(plugin_cflags)
tests_abi_tame_strategy_tame_la_LDFLAGS = $(abi_module_ldflags)

check_PROGRAMS += tests/unit/test_host
TESTS += tests/unit/test_host
tests_unit_test_host_SOURCES = tests/unit/test_host.c tests/abi/rig.c tests/abi/rig.h
tests_unit_test_host_CPPFLAGS = $(unit_cppflags) -DTEST_CC='"$(CC)"'
tests_unit_test_host_CFLAGS = $(unit_cflags)
tests_unit_test_host_LDADD = $(unit_libs)

include tests/abi/hostile/local.mk

check_PROGRAMS += tests/abi/test_hostile
TESTS += tests/abi/test_hostile
tests_abi_test_hostile_SOURCES = \
	tests/abi/outcomes.inc \
	tests/abi/refusals.inc \
	tests/abi/rig.c \
	tests/abi/rig.h \
	tests/abi/test_hostile.c
tests_abi_test_hostile_CPPFLAGS = $(unit_cppflags)
tests_abi_test_hostile_CFLAGS = $(unit_cflags)
tests_abi_test_hostile_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_frame
TESTS += tests/unit/test_frame
tests_unit_test_frame_SOURCES = tests/unit/test_frame.c
tests_unit_test_frame_CPPFLAGS = $(unit_cppflags)
tests_unit_test_frame_CFLAGS = $(unit_cflags)
tests_unit_test_frame_LDADD = $(unit_libs)
include tests/abi/compat.mk
include tests/abi/adversary.mk
EXTRA_DIST += tests/abi/test_header.py
TESTS += tests/abi/test_header.py
include tests/abi/sandboxed/local.mk
