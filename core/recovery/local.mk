libfailback_core_la_SOURCES += \
	core/recovery/asked.c \
	core/recovery/deployment.c \
	core/recovery/ending.c \
	core/recovery/engine.c \
	core/recovery/engine.h \
	core/recovery/execution.c \
	core/recovery/hosts.c \
	core/recovery/internal.h \
	core/recovery/observe.c \
	core/recovery/operate.c \
	core/recovery/outbox.c \
	core/recovery/outcome.c \
	core/recovery/predecessor.c \
	core/recovery/preflight.c \
	core/recovery/probe.c \
	core/recovery/recover.c \
	core/recovery/report.c \
	core/recovery/report.h \
	core/recovery/report_chains.c \
	core/recovery/report_parts.h \
	core/recovery/report_source.c \
	core/recovery/report_tasks.c \
	core/recovery/targets.c \
	core/recovery/targets.h
libfailback_core_la_SOURCES += core/recovery/word.c
libfailback_core_la_SOURCES += core/recovery/word.h
libfailback_core_la_SOURCES += core/recovery/channel.c
libfailback_core_la_SOURCES += core/recovery/channel.h
libfailback_core_la_SOURCES += core/recovery/escalate.c
libfailback_core_la_SOURCES += core/recovery/flush.c
libfailback_core_la_SOURCES += core/recovery/flush.h
libfailback_core_la_SOURCES += core/cli/cmd_notify.c

libfailback_core_la_SOURCES += \
	core/recovery/learned.c \
	core/recovery/learned.h
libfailback_core_la_SOURCES += \
	core/recovery/aside.c \
	core/recovery/aside.h
