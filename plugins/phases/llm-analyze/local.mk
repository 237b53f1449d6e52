plugin_LTLIBRARIES += phase-llm-analyze.la
phase_llm_analyze_la_SOURCES = \
	plugins/common/post.c \
	plugins/common/post.h \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/common/visible.c \
	plugins/common/visible.h \
	plugins/phases/llm-analyze/llm.c \
	plugins/phases/llm-analyze/pack.c \
	plugins/phases/llm-analyze/pack.h
phase_llm_analyze_la_CPPFLAGS = $(plugin_cppflags) -I$(top_srcdir) -D_GNU_SOURCE
phase_llm_analyze_la_CFLAGS = $(plugin_cflags) $(CURL_CFLAGS) $(JANSSON_CFLAGS)
phase_llm_analyze_la_LDFLAGS = $(module_ldflags)
phase_llm_analyze_la_LIBADD = plugins/phases/libphase.la $(CURL_LIBS) $(JANSSON_LIBS)
dist_man_MANS += plugins/phases/llm-analyze/failback-phase-llm-analyze.7
EXTRA_DIST += plugins/phases/llm-analyze/example.conf

check_PROGRAMS += plugins/phases/llm-analyze/test_llm_analyze
TESTS += plugins/phases/llm-analyze/test_llm_analyze
plugins_phases_llm_analyze_test_llm_analyze_SOURCES = \
	plugins/common/visible.c \
	plugins/common/visible.h \
	plugins/phases/llm-analyze/pack.c \
	plugins/phases/llm-analyze/pack.h \
	plugins/phases/llm-analyze/test_llm_analyze.c
plugins_phases_llm_analyze_test_llm_analyze_CPPFLAGS = $(unit_cppflags) -I$(top_srcdir) -D_GNU_SOURCE
plugins_phases_llm_analyze_test_llm_analyze_CFLAGS = $(unit_cflags) $(JANSSON_CFLAGS)
plugins_phases_llm_analyze_test_llm_analyze_LDADD = $(fake_libs)
