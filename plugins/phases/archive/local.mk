plugin_LTLIBRARIES += phase-archive.la
phase_archive_la_SOURCES = \
	plugins/phases/archive/archive.c \
	plugins/phases/archive/retain.c \
	plugins/phases/archive/retain.h \
	plugins/phases/archive/rollback_log.c \
	plugins/phases/archive/rollback_log.h \
	plugins/phases/archive/tar.c \
	plugins/phases/archive/tar.h \
	plugins/phases/archive/yaml.c \
	plugins/phases/archive/yaml.h
phase_archive_la_CPPFLAGS = $(plugin_cppflags) -include config.h
phase_archive_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS) $(SODIUM_CFLAGS) $(ARCHIVE_CFLAGS) $(ZSTD_CFLAGS)
phase_archive_la_LDFLAGS = $(module_ldflags)
phase_archive_la_LIBADD = plugins/phases/libphase.la $(JANSSON_LIBS) $(SODIUM_LIBS) $(ARCHIVE_LIBS) $(ZSTD_LIBS)
dist_man_MANS += plugins/phases/archive/failback-phase-archive.7
EXTRA_DIST += plugins/phases/archive/example.conf

check_PROGRAMS += plugins/phases/archive/test_archive
TESTS += plugins/phases/archive/test_archive
plugins_phases_archive_test_archive_SOURCES = \
	plugins/phases/archive/retain.c \
	plugins/phases/archive/rollback_log.c \
	plugins/phases/archive/tar.c \
	plugins/phases/archive/test_archive.c \
	plugins/phases/archive/yaml.c \
	plugins/phases/test_phase.h
plugins_phases_archive_test_archive_CPPFLAGS = $(unit_cppflags)
plugins_phases_archive_test_archive_CFLAGS = $(unit_cflags) $(SODIUM_CFLAGS) $(ARCHIVE_CFLAGS) $(ZSTD_CFLAGS)
plugins_phases_archive_test_archive_LDADD = $(fake_libs) $(SODIUM_LIBS) $(ARCHIVE_LIBS) $(ZSTD_LIBS)
