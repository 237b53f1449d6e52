# What `failback plugin new` fills in. Found beside the program in the build tree, where they are copied to, and in $(pkgdatadir) when installed.
FB_CPPFLAGS += -DFB_PKGDATADIR='"$(pkgdatadir)"'

templatescommondir = $(pkgdatadir)/templates/common
dist_templatescommon_DATA = \
	core/templates/common/Makefile \
	core/templates/common/README.md \
	core/templates/common/fake_host.h \
	core/templates/common/flags.c \
	core/templates/common/flags.c++
templatesphasedir = $(pkgdatadir)/templates/phase
dist_templatesphase_DATA = \
	core/templates/phase/example.conf \
	core/templates/phase/manual.7 \
	core/templates/phase/plugin.c \
	core/templates/phase/plugin.c++ \
	core/templates/phase/test.c
templatesstrategydir = $(pkgdatadir)/templates/strategy
dist_templatesstrategy_DATA = \
	core/templates/strategy/example.conf \
	core/templates/strategy/manual.7 \
	core/templates/strategy/plugin.c \
	core/templates/strategy/plugin.c++ \
	core/templates/strategy/test.c
templatescheckdir = $(pkgdatadir)/templates/check
dist_templatescheck_DATA = \
	core/templates/check/example.conf \
	core/templates/check/manual.7 \
	core/templates/check/plugin.c \
	core/templates/check/plugin.c++ \
	core/templates/check/test.c
templatesnotifierdir = $(pkgdatadir)/templates/notifier
dist_templatesnotifier_DATA = \
	core/templates/notifier/example.conf \
	core/templates/notifier/manual.7 \
	core/templates/notifier/plugin.c \
	core/templates/notifier/plugin.c++ \
	core/templates/notifier/test.c

template_files = \
	$(dist_templatescommon_DATA) \
	$(dist_templatesphase_DATA) \
	$(dist_templatesstrategy_DATA) \
	$(dist_templatescheck_DATA) \
	$(dist_templatesnotifier_DATA)
BUILT_SOURCES += templates/stamp
CLEANFILES += templates/stamp templates/*/*
templates/stamp: $(template_files)
	$(AM_V_GEN)for f in $(template_files); do \
	  d=templates/$$(basename $$(dirname $$f)); mkdir -p $$d && cp -f $(srcdir)/$$f $$d/ && chmod u+w $$d/$$(basename $$f) || exit 1; done && touch $@
