# failback-host links the worker's side only: no event loop, no database
pkglibexec_PROGRAMS += failback-host
failback_host_SOURCES = \
	core/host/abi.c \
	core/host/abi.h \
	core/host/children.c \
	core/host/children.h \
	core/host/command.c \
	core/host/declared.c \
	core/host/declared.h \
	core/host/descriptor.c \
	core/host/descriptor.h \
	core/host/elf.c \
	core/host/elf.h \
	core/host/failback_host.c \
	core/host/frame.c \
	core/host/frame.h \
	core/host/json.c \
	core/host/load.c \
	core/host/load.h \
	core/host/operations.c \
	core/host/operations.h \
	core/host/options.c \
	core/host/requests.c \
	core/host/services.c \
	core/host/worker.c \
	core/host/worker.h
failback_host_CPPFLAGS = $(FB_CPPFLAGS)
failback_host_CFLAGS = $(FB_CFLAGS) $(FB_PIE_CFLAGS) $(JANSSON_CFLAGS) $(SECCOMP_CFLAGS)
failback_host_LDFLAGS = $(AM_LDFLAGS) $(FB_PIE_LDFLAGS)
failback_host_LDADD = libfailback-base.la $(JANSSON_LIBS) $(SECCOMP_LIBS) -lm

libfailback_core_la_SOURCES += \
	core/host/call.c \
	core/host/capture.c \
	core/host/capture.h \
	core/host/children.c \
	core/host/children.h \
	core/host/control.c \
	core/host/elf.c \
	core/host/elf.h \
	core/host/ending.c \
	core/host/frame.c \
	core/host/frame.h \
	core/host/host.h \
	core/host/incoming.c \
	core/host/operations.c \
	core/host/operations.h \
	core/host/orphans.c \
	core/host/outbox.c \
	core/host/outbox.h \
	core/host/pool.c \
	core/host/pool.h \
	core/host/start.c

# Least privilege: the host's side and the engine's
failback_host_SOURCES += core/host/landlock.c core/host/sandbox.c core/host/sandbox.h core/host/seccomp.c
libfailback_core_la_SOURCES += core/host/confine.c core/host/guard.c core/host/guard.h
