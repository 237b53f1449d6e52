failbackincludedir = $(includedir)/failback
failbackinclude_HEADERS = core/failback/plugin.h
