libfailback_core_la_SOURCES += \
	core/recovery/engine.h \
	core/recovery/report.c \
	core/recovery/report.h \
	core/recovery/report_chains.c \
	core/recovery/report_parts.h \
	core/recovery/report_source.c
