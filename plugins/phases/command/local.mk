plugin_LTLIBRARIES += phase-command.la
phase_command_la_SOURCES = \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/phases/command/command.c \
	plugins/phases/command/facts.c \
	plugins/phases/command/facts.h
phase_command_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir)
phase_command_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
phase_command_la_LDFLAGS = $(module_ldflags)
phase_command_la_LIBADD = $(JANSSON_LIBS)
dist_man_MANS += plugins/phases/command/failback-phase-command.7
EXTRA_DIST += plugins/phases/command/example.conf

check_PROGRAMS += plugins/phases/command/test_phase_command
TESTS += plugins/phases/command/test_phase_command
plugins_phases_command_test_phase_command_SOURCES = plugins/phases/command/test_phase_command.c
plugins_phases_command_test_phase_command_CPPFLAGS = $(unit_cppflags)
plugins_phases_command_test_phase_command_CFLAGS = $(unit_cflags)
plugins_phases_command_test_phase_command_LDADD = $(fake_libs)
