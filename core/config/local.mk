libfailback_core_la_SOURCES += \
	core/config/config.h \
	core/config/frozen.h \
	core/config/secret.h
