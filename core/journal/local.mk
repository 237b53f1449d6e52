libfailback_core_la_SOURCES += \
	core/journal/events.h \
	core/journal/journal.h
