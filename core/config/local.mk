libfailback_core_la_SOURCES += \
	core/config/chains.c \
	core/config/config.c \
	core/config/copies.c \
	core/config/config.h \
	core/config/freeze.c \
	core/config/frozen.h \
	core/config/internal.h \
	core/config/items.c \
	core/config/links.c \
	core/config/notifiers.c \
	core/config/options.c \
	core/config/parse.c \
	core/config/read.c \
	core/config/read.h \
	core/config/scan.c \
	core/config/secret.c \
	core/config/secret.h \
	core/config/services.c \
	core/config/settings.c \
	core/config/tree.c \
	core/config/tree.h \
	core/config/value.c \
	core/config/value.h
libfailback_core_la_SOURCES += core/config/offers.c
libfailback_core_la_SOURCES += core/config/offers.h
libfailback_core_la_SOURCES += core/config/apart.c
libfailback_core_la_SOURCES += core/config/backup_store.c
libfailback_core_la_SOURCES += core/config/plugins.c
libfailback_core_la_SOURCES += core/config/words.c
libfailback_core_la_SOURCES += core/config/words.h
