plugin_LTLIBRARIES += phase-copy-backup.la
phase_copy_backup_la_SOURCES = \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/common/store.c \
	plugins/common/store.h \
	plugins/phases/copy-backup/copy-backup.c
phase_copy_backup_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir)
phase_copy_backup_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
phase_copy_backup_la_LDFLAGS = $(module_ldflags)
phase_copy_backup_la_LIBADD = plugins/phases/libphase.la $(JANSSON_LIBS)
dist_man_MANS += plugins/phases/copy-backup/failback-phase-copy-backup.7
EXTRA_DIST += plugins/phases/copy-backup/example.conf
