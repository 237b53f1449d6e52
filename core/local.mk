# The floors, each may use those before it. See the README's map.
noinst_LTLIBRARIES += libfailback-base.la libfailback-core.la

libfailback_base_la_SOURCES =
libfailback_base_la_CPPFLAGS = $(FB_CPPFLAGS)
libfailback_base_la_CFLAGS = $(FB_CFLAGS) $(JANSSON_CFLAGS) $(SODIUM_CFLAGS)
libfailback_base_la_LIBADD = $(SODIUM_LIBS) $(JANSSON_LIBS)

libfailback_core_la_SOURCES =
libfailback_core_la_CPPFLAGS = $(FB_CPPFLAGS)
libfailback_core_la_CFLAGS = $(FB_CFLAGS) $(LIBCONFIG_CFLAGS) $(UV_CFLAGS) $(SQLITE_CFLAGS) $(JANSSON_CFLAGS) $(SODIUM_CFLAGS)
libfailback_core_la_LIBADD = libfailback-base.la $(LIBCONFIG_LIBS) $(UV_LIBS) $(SQLITE_LIBS)

include core/failback/local.mk
include core/templates/local.mk
include core/base/local.mk
include core/config/local.mk
include core/journal/local.mk
include core/host/local.mk
include core/chain/local.mk
include core/recovery/local.mk
include core/cli/local.mk
include core/man/local.mk
include core/store/local.mk
include core/analysis/local.mk
