plugin_LTLIBRARIES += phase-backup.la
phase_backup_la_SOURCES = \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/common/store.c \
	plugins/common/store.h \
	plugins/phases/backup/backup.c \
	plugins/phases/backup/set.c \
	plugins/phases/backup/set.h
phase_backup_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir)
phase_backup_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
phase_backup_la_LDFLAGS = $(module_ldflags)
phase_backup_la_LIBADD = plugins/phases/libphase.la $(JANSSON_LIBS)
dist_man_MANS += plugins/phases/backup/failback-phase-backup.7
EXTRA_DIST += plugins/phases/backup/example.conf

check_PROGRAMS += plugins/phases/backup/test_backup
TESTS += plugins/phases/backup/test_backup
plugins_phases_backup_test_backup_SOURCES = plugins/phases/backup/test_backup.c plugins/phases/test_phase.h
plugins_phases_backup_test_backup_CPPFLAGS = $(unit_cppflags)
plugins_phases_backup_test_backup_CFLAGS = $(unit_cflags)
plugins_phases_backup_test_backup_LDADD = $(fake_libs)
