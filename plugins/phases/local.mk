# What the shipped phases share; hidden in each of them
noinst_LTLIBRARIES += plugins/phases/libphase.la
plugins_phases_libphase_la_SOURCES = \
	plugins/phases/failure.c \
	plugins/phases/failure.h \
	plugins/phases/files.c \
	plugins/phases/files.h \
	plugins/phases/phase.c \
	plugins/phases/phase.h
plugins_phases_libphase_la_CPPFLAGS = $(plugin_cppflags) -include config.h
plugins_phases_libphase_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
plugins_phases_libphase_la_LIBADD = $(JANSSON_LIBS)

include plugins/phases/analyze/local.mk
include plugins/phases/archive/local.mk
include plugins/phases/backup/local.mk
include plugins/phases/cleanup/local.mk
include plugins/phases/copy-backup/local.mk
include plugins/phases/give-back/local.mk
include plugins/phases/llm-analyze/local.mk
include plugins/phases/notify/local.mk
include plugins/phases/promote/local.mk
include plugins/phases/protect-traffic/local.mk
include plugins/phases/recommend/local.mk
include plugins/phases/restore/local.mk
include plugins/phases/verify/local.mk
include plugins/phases/watch/local.mk
