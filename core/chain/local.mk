libfailback_core_la_SOURCES += \
	core/chain/context.c \
	core/chain/context.h \
	core/chain/evidence.c \
	core/chain/link.c \
	core/chain/link.h \
	core/chain/record.c \
	core/chain/run.c \
	core/chain/run.h \
	core/chain/service.c \
	core/chain/step.c \
	core/chain/step.h \
	core/chain/task.c \
	core/chain/task.h
