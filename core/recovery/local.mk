libfailback_core_la_SOURCES += \
	core/recovery/engine.h \
	core/recovery/report.h
