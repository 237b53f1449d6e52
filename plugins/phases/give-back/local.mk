plugin_LTLIBRARIES += phase-give-back.la
phase_give_back_la_SOURCES = \
	plugins/common/item.h \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/common/store.c \
	plugins/common/store.h \
	plugins/phases/give-back/give_back.c
phase_give_back_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir)
phase_give_back_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
phase_give_back_la_LDFLAGS = $(module_ldflags)
phase_give_back_la_LIBADD = plugins/phases/libphase.la $(JANSSON_LIBS)
dist_man_MANS += plugins/phases/give-back/failback-phase-give-back.7
EXTRA_DIST += plugins/phases/give-back/example.conf
