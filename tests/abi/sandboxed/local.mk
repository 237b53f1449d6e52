# One plugin that tries what it may not, for each kind; the tests copy them to where every user may read
sandboxed = tests/abi/sandboxed/plugins
check_DATA += $(sandboxed)/stamp
$(sandboxed)/stamp: tests/abi/sandboxed/tries.c core/failback/plugin.h
	$(AM_V_GEN)rm -rf $(sandboxed) && mkdir -p $(sandboxed) && \
	build() { $(CC) $(plugin_cppflags) "$$@" $(plugin_cflags) $(CFLAGS) $(AM_LDFLAGS) -fPIC -shared -pthread $(srcdir)/tests/abi/sandboxed/tries.c; } && \
	build -DAS_PHASE -o $(sandboxed)/phase-tries.so && \
	build -DAS_CHECK -o $(sandboxed)/check-tries.so && \
	build -DAS_NOTIFIER -o $(sandboxed)/notifier-tries.so && \
	build -DAS_EARLY -o $(sandboxed)/phase-early.so && \
	build -DAS_FORKS -o $(sandboxed)/phase-forks.so && touch $@
clean-local: clean-sandboxed
clean-sandboxed:
	rm -rf $(sandboxed)
EXTRA_DIST += tests/abi/sandboxed/tries.c

check_PROGRAMS += tests/abi/test_sandbox
TESTS += tests/abi/test_sandbox
tests_abi_test_sandbox_SOURCES = \
	tests/abi/rig.c \
	tests/abi/rig.h \
	tests/abi/test_sandbox.c
tests_abi_test_sandbox_CPPFLAGS = $(unit_cppflags)
tests_abi_test_sandbox_CFLAGS = $(unit_cflags)
tests_abi_test_sandbox_LDADD = $(unit_libs)
dist_check_SCRIPTS += tests/abi/test_unprivileged.sh
TESTS += tests/abi/test_unprivileged.sh
