# failback-host links the worker's side only: no event loop, no database


libfailback_core_la_SOURCES += \
	core/host/frame.h \
	core/host/host.h
