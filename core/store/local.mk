# The backup store: a library of its own, for failback-store and its tests alone; nothing else links zstd
noinst_LTLIBRARIES += libfailback-store.la
libfailback_store_la_SOURCES = \
	core/store/content.c \
	core/store/content.h \
	core/store/document.c \
	core/store/document.h \
	core/store/flush.c \
	core/store/flush.h \
	core/store/hash.c \
	core/store/hash.h \
	core/store/index.c \
	core/store/index.h \
	core/store/keys.c \
	core/store/keys.h \
	core/store/list.c \
	core/store/list.h \
	core/store/manifest.c \
	core/store/manifest.h \
	core/store/mark.c \
	core/store/mark.h \
	core/store/names.c \
	core/store/names.h \
	core/store/object.c \
	core/store/object.h \
	core/store/pool.c \
	core/store/pool.h \
	core/store/prune.c \
	core/store/prune.h \
	core/store/put.c \
	core/store/put.h \
	core/store/program.c \
	core/store/program.h \
	core/store/put_read.c \
	core/store/put_tree.c \
	core/store/put_tree.h \
	core/store/restore.c \
	core/store/restore.h \
	core/store/restore_stream.c \
	core/store/set.c \
	core/store/set.h \
	core/store/store.c \
	core/store/store.h \
	core/store/target.c \
	core/store/target.h \
	core/store/target_file.c \
	core/store/verify.c \
	core/store/verify.h \
	core/store/walk.c \
	core/store/walk.h
libfailback_store_la_CPPFLAGS = $(FB_CPPFLAGS)
libfailback_store_la_CFLAGS = $(FB_CFLAGS) $(JANSSON_CFLAGS) $(SODIUM_CFLAGS) $(NETTLE_CFLAGS) $(ZSTD_CFLAGS) -pthread
libfailback_store_la_LIBADD = libfailback-base.la $(JANSSON_LIBS) $(SODIUM_LIBS) $(NETTLE_LIBS) $(ZSTD_LIBS)

# Copies elsewhere
libfailback_store_la_SOURCES += \
	core/store/copy.c \
	core/store/copy.h \
	core/store/copy_prune.c \
	core/store/copy_pull.c \
	core/store/copy_push.c \
	core/store/location.c \
	core/store/location.h \
	core/store/location_directory.c \
	core/store/location_ssh.c \
	core/store/refs.c \
	core/store/refs.h \
	core/store/sftp.c \
	core/store/sftp.h

# What needs libarchive and libcurl
noinst_LTLIBRARIES += libfailback-store-full.la
libfailback_store_full_la_SOURCES = \
	core/store/export.c \
	core/store/export.h \
	core/store/location_s3.c \
	core/store/s3_sign.c \
	core/store/s3_sign.h \
	core/store/s3_xml.c \
	core/store/s3_xml.h
libfailback_store_full_la_CPPFLAGS = $(FB_CPPFLAGS)
libfailback_store_full_la_CFLAGS = $(FB_CFLAGS) $(JANSSON_CFLAGS) $(SODIUM_CFLAGS) $(NETTLE_CFLAGS) $(ARCHIVE_CFLAGS) $(CURL_CFLAGS) -pthread
libfailback_store_full_la_LIBADD = libfailback-store.la $(NETTLE_LIBS) $(ARCHIVE_LIBS) $(CURL_LIBS)

# One program, linked twice: see link_light.c
pkglibexec_PROGRAMS += failback-store failback-store-full
store_sources = \
	core/store/args.c \
	core/store/commands.c \
	core/store/commands.h \
	core/store/copy_commands.c \
	core/store/failback_store.c \
	core/store/give.c
failback_store_SOURCES = $(store_sources) core/store/link_light.c
failback_store_CPPFLAGS = $(FB_CPPFLAGS)
failback_store_CFLAGS = $(FB_CFLAGS) $(FB_PIE_CFLAGS) $(JANSSON_CFLAGS) $(SODIUM_CFLAGS) $(NETTLE_CFLAGS) -pthread
failback_store_LDFLAGS = $(AM_LDFLAGS) $(FB_PIE_LDFLAGS) -pthread
failback_store_LDADD = libfailback-store.la
failback_store_full_SOURCES = $(store_sources) core/store/link_full.c
failback_store_full_CPPFLAGS = $(FB_CPPFLAGS)
failback_store_full_CFLAGS = $(failback_store_CFLAGS) $(CURL_CFLAGS)
failback_store_full_LDFLAGS = $(AM_LDFLAGS) $(FB_PIE_LDFLAGS) -pthread
failback_store_full_LDADD = libfailback-store-full.la
