bin_PROGRAMS += failback
failback_SOURCES = core/cli/main.c
failback_CPPFLAGS = $(FB_CPPFLAGS)
failback_CFLAGS = $(FB_CFLAGS) $(FB_PIE_CFLAGS) $(UV_CFLAGS) $(JANSSON_CFLAGS)
failback_LDFLAGS = $(AM_LDFLAGS) $(FB_PIE_LDFLAGS)
failback_LDADD = libfailback-core.la
