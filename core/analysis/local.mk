# What a log says: a library of its own, for failback-analyze and its tests alone; nothing else links Hyperscan or PCRE2
noinst_LTLIBRARIES += libfailback-analysis.la
libfailback_analysis_la_SOURCES = \
	core/analysis/database.c \
	core/analysis/database.h \
	core/analysis/document.c \
	core/analysis/document.h \
	core/analysis/expression.c \
	core/analysis/expression.h \
	core/analysis/findings.c \
	core/analysis/findings.h \
	core/analysis/lint.c \
	core/analysis/lint.h \
	core/analysis/rank.c \
	core/analysis/rank.h \
	core/analysis/reader.c \
	core/analysis/reader.h \
	core/analysis/signature.c \
	core/analysis/signature.h
libfailback_analysis_la_CPPFLAGS = $(FB_CPPFLAGS)
libfailback_analysis_la_CFLAGS = $(FB_CFLAGS) $(JANSSON_CFLAGS) $(LIBCONFIG_CFLAGS) $(HYPERSCAN_CFLAGS) $(PCRE2_CFLAGS)
libfailback_analysis_la_LIBADD = libfailback-base.la $(JANSSON_LIBS) $(LIBCONFIG_LIBS) $(HYPERSCAN_LIBS) $(PCRE2_LIBS)

libfailback_analysis_la_SOURCES += \
	core/analysis/index.c \
	core/analysis/index.h \
	core/analysis/map.c \
	core/analysis/map.h \
	core/analysis/suggest.c \
	core/analysis/suggest.h \
	core/analysis/trial.c \
	core/analysis/trial.h

libfailback_analysis_la_SOURCES += \
	core/analysis/blocks.c \
	core/analysis/blocks.h \
	core/analysis/excerpt.c \
	core/analysis/excerpt.h \
	core/analysis/familiar.c \
	core/analysis/familiar.h \
	core/analysis/line.c \
	core/analysis/line.h \
	core/analysis/novelty.c \
	core/analysis/novelty.h \
	core/analysis/place.c \
	core/analysis/place.h \
	core/analysis/quote.c \
	core/analysis/quote.h \
	core/analysis/steps.c \
	core/analysis/steps.h

pkglibexec_PROGRAMS += failback-analyze
failback_analyze_SOURCES = core/analysis/failback_analyze.c
failback_analyze_CPPFLAGS = $(FB_CPPFLAGS)
failback_analyze_CFLAGS = $(FB_CFLAGS) $(FB_PIE_CFLAGS) $(JANSSON_CFLAGS)
failback_analyze_LDFLAGS = $(AM_LDFLAGS) $(FB_PIE_LDFLAGS)
failback_analyze_LDADD = libfailback-analysis.la

libfailback_analysis_la_SOURCES += \
	core/analysis/prior.c \
	core/analysis/prior.h
libfailback_analysis_la_SOURCES += \
	core/analysis/known.c \
	core/analysis/known.h
