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
libfailback_base_la_SOURCES += \
	core/base/redact_form.c \
	core/base/redact_kinds.c \
	core/base/redact_kinds.h \
	core/base/redact_machine.h \
	core/base/redact_net.c \
	core/base/redact_scan.c \
	core/base/redact_scan.h \
	core/base/redact_value.c
libfailback_base_la_SOURCES += \
	core/base/category.c \
	core/base/category.h
