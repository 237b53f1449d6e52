bin_PROGRAMS += failback
failback_SOURCES = core/cli/main.c
failback_CPPFLAGS = $(FB_CPPFLAGS)
failback_CFLAGS = $(FB_CFLAGS) $(FB_PIE_CFLAGS) $(UV_CFLAGS) $(JANSSON_CFLAGS)
failback_LDFLAGS = $(AM_LDFLAGS) $(FB_PIE_LDFLAGS)
failback_LDADD = libfailback-core.la

libfailback_core_la_SOURCES += \
	core/cli/cli.c \
	core/cli/cli.h \
	core/cli/follow.h \
	core/cli/options.c \
	core/cli/render.h \
	core/cli/render_markdown.c \
	core/cli/render_text.c \
	core/cli/screen.c \
	core/cli/screen.h \
	core/cli/style.c \
	core/cli/style.h \
	core/cli/view.c \
	core/cli/view.h \
	core/cli/view_model.h \
	core/cli/view_plain.c
