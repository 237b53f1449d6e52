libfailback_core_la_SOURCES +=
