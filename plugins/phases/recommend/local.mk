plugin_LTLIBRARIES += phase-recommend.la
phase_recommend_la_SOURCES = \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/common/visible.c \
	plugins/common/visible.h \
	plugins/phases/recommend/advice.c \
	plugins/phases/recommend/advice.h \
	plugins/phases/recommend/recommend.c
phase_recommend_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir) -include config.h
phase_recommend_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
phase_recommend_la_LDFLAGS = $(module_ldflags)
phase_recommend_la_LIBADD = plugins/phases/libphase.la $(JANSSON_LIBS)
dist_man_MANS += plugins/phases/recommend/failback-phase-recommend.7
EXTRA_DIST += plugins/phases/recommend/example.conf

check_PROGRAMS += plugins/phases/recommend/test_recommend
TESTS += plugins/phases/recommend/test_recommend
plugins_phases_recommend_test_recommend_SOURCES = \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/common/visible.c \
	plugins/common/visible.h \
	plugins/phases/recommend/advice.c \
	plugins/phases/recommend/test_recommend.c \
	plugins/phases/test_phase.h
plugins_phases_recommend_test_recommend_CPPFLAGS = $(unit_cppflags) -I$(top_srcdir)
plugins_phases_recommend_test_recommend_CFLAGS = $(unit_cflags)
plugins_phases_recommend_test_recommend_LDADD = $(fake_libs)

phase_recommend_la_SOURCES += plugins/phases/recommend/before.c plugins/phases/recommend/before.h
plugins_phases_recommend_test_recommend_SOURCES += plugins/phases/recommend/before.c plugins/phases/recommend/before.h
