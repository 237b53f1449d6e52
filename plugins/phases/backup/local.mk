plugin_LTLIBRARIES += phase-backup.la
phase_backup_la_SOURCES = plugins/phases/backup/backup.c
phase_backup_la_CPPFLAGS = $(plugin_cppflags)
phase_backup_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
phase_backup_la_LDFLAGS = $(module_ldflags)
phase_backup_la_LIBADD = plugins/phases/libphase.la $(JANSSON_LIBS)
dist_man_MANS += plugins/phases/backup/failback-phase-backup.7
EXTRA_DIST += plugins/phases/backup/example.conf
