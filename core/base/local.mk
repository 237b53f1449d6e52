libfailback_base_la_SOURCES += \
	core/base/clock.c \
	core/base/clock.h \
	core/base/err.c \
	core/base/err.h \
	core/base/io.c \
	core/base/io.h \
	core/base/mem.c \
	core/base/mem.h \
	core/base/proc.c \
	core/base/proc.h \
	core/base/redact.c \
	core/base/redact.h
