# compatibility: a sample plugin of each kind against each frozen header, today's and a next one that is not yet; by hosts of today, of that next
# minor, and of both cut down to each release. A release adds its folder (header.py freeze), its binaries (build-samples) and its lines here.
abi_releases = 1.0-rc 1.0-rc2
abi_built = tests/abi/built
abi_samples = \
	tests/abi/samples/check.c \
	tests/abi/samples/notifier.c \
	tests/abi/samples/phase.c \
	tests/abi/samples/sample.h \
	tests/abi/samples/strategy.c
EXTRA_DIST += $(abi_samples) \
	tests/abi/build-samples \
	tests/abi/header.py \
	tests/abi/next.awk \
	tests/abi/1.0-rc/failback/plugin.h \
	tests/abi/1.0-rc/layout.h \
	tests/abi/1.0-rc/sizes.h \
	tests/abi/1.0-rc/x86_64/check-sample.so \
	tests/abi/1.0-rc/x86_64/check-stepping.so \
	tests/abi/1.0-rc/x86_64/notifier-sample.so \
	tests/abi/1.0-rc/x86_64/phase-sample.so \
	tests/abi/1.0-rc/x86_64/strategy-sample.so \
	tests/abi/1.0-rc2/failback/plugin.h \
	tests/abi/1.0-rc2/layout.h \
	tests/abi/1.0-rc2/sizes.h \
	tests/abi/1.0-rc2/x86_64/check-sample.so \
	tests/abi/1.0-rc2/x86_64/check-stepping.so \
	tests/abi/1.0-rc2/x86_64/notifier-sample.so \
	tests/abi/1.0-rc2/x86_64/phase-sample.so \
	tests/abi/1.0-rc2/x86_64/strategy-sample.so

abi_next = $(abi_built)/include/next
abi_next_header = $(abi_next)/failback/plugin.h
$(abi_next_header): core/failback/plugin.h tests/abi/next.awk
	$(AM_V_GEN)mkdir -p $(@D) && $(AWK) -f $(srcdir)/tests/abi/next.awk $(srcdir)/core/failback/plugin.h >$@.new && mv $@.new $@

check_DATA += $(abi_built)/stamp
$(abi_built)/stamp: $(abi_samples) $(abi_next_header) tests/abi/build-samples core/failback/plugin.h
	$(AM_V_GEN)build() { include=$$1; folder=$$2; shift 2; $(SHELL) $(srcdir)/tests/abi/build-samples $(srcdir)/tests/abi/samples $$include $(abi_built)/$$folder \
	  $(CC) $(plugin_cflags) $(CFLAGS) $(AM_LDFLAGS) "$$@"; } && \
	build $(srcdir)/core today && build $(abi_next) next && build $(abi_next) next-only -DNEEDS=1 && \
	for r in $(abi_releases); do \
	  build $(srcdir)/tests/abi/$$r $$r || exit 1; \
	  kept=$(srcdir)/tests/abi/$$r/`uname -m`; rm -rf $(abi_built)/$$r-kept; \
	  if test -d $$kept; then mkdir -p $(abi_built)/$$r-kept && cp $$kept/*.so $(abi_built)/$$r-kept/ && chmod 755 $(abi_built)/$$r-kept/*.so || exit 1; fi; \
	done && touch $@
clean-local: clean-abi-built
clean-abi-built:
	rm -rf $(abi_built)

# The same objects as failback-host; the flags say what it knows
check_PROGRAMS += tests/abi/host_cut
tests_abi_host_cut_SOURCES = $(failback_host_SOURCES)
tests_abi_host_cut_CPPFLAGS = $(failback_host_CPPFLAGS) -I$(top_srcdir) -DFB_ABI_CUT='"tests/abi/1.0-rc/sizes.h"'
tests_abi_host_cut_CFLAGS = $(failback_host_CFLAGS)
tests_abi_host_cut_LDFLAGS = $(failback_host_LDFLAGS)
tests_abi_host_cut_LDADD = $(failback_host_LDADD)

abi_wrap = -Wl,--wrap=fb_services -Wl,--wrap=fb_abi_give -Wl,--wrap=fb_abi_put -Wl,--wrap=fb_abi_take
check_PROGRAMS += tests/abi/host_next
tests_abi_host_next_SOURCES = $(failback_host_SOURCES) tests/abi/next_host.c
tests_abi_host_next_CPPFLAGS = -I$(abi_next) $(failback_host_CPPFLAGS)
tests_abi_host_next_CFLAGS = $(failback_host_CFLAGS)
tests_abi_host_next_LDFLAGS = $(failback_host_LDFLAGS) $(abi_wrap)
tests_abi_host_next_LDADD = $(failback_host_LDADD)
$(tests_abi_host_next_OBJECTS): $(abi_next_header)

check_PROGRAMS += tests/abi/host_next_cut
tests_abi_host_next_cut_SOURCES = $(failback_host_SOURCES) tests/abi/next_host.c
tests_abi_host_next_cut_CPPFLAGS = -I$(abi_next) $(failback_host_CPPFLAGS) -I$(top_srcdir) -DFB_ABI_CUT='"tests/abi/1.0-rc/sizes.h"'
tests_abi_host_next_cut_CFLAGS = $(failback_host_CFLAGS)
tests_abi_host_next_cut_LDFLAGS = $(failback_host_LDFLAGS) $(abi_wrap)
tests_abi_host_next_cut_LDADD = $(failback_host_LDADD)
$(tests_abi_host_next_cut_OBJECTS): $(abi_next_header)

check_PROGRAMS += tests/abi/test_compat
TESTS += tests/abi/test_compat
tests_abi_test_compat_SOURCES = \
	tests/abi/rig.c \
	tests/abi/rig.h \
	tests/abi/test_compat.c
tests_abi_test_compat_CPPFLAGS = $(unit_cppflags)
tests_abi_test_compat_CFLAGS = $(unit_cflags)
tests_abi_test_compat_LDADD = $(unit_libs)
