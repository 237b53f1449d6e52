# Plugins that mean harm, one file each: adversary/NAME.c is phase-NAME.so
abi_adversary = tests/abi/adversary
abi_adversaries = \
	$(abi_adversary)/answers_elsewhere.c \
	$(abi_adversary)/cuts_itself.c \
	$(abi_adversary)/deaf.c \
	$(abi_adversary)/disguised.c \
	$(abi_adversary)/eats_pids.c \
	$(abi_adversary)/floods.c \
	$(abi_adversary)/forges_end.c \
	$(abi_adversary)/forges_failure.c \
	$(abi_adversary)/forges_guard.c \
	$(abi_adversary)/forges_start.c \
	$(abi_adversary)/half_frame.c \
	$(abi_adversary)/harms_engine.c \
	$(abi_adversary)/hoards_descriptors.c \
	$(abi_adversary)/kills_siblings.c \
	$(abi_adversary)/nests.c \
	$(abi_adversary)/orphaned.c \
	$(abi_adversary)/passes_descriptors.c \
	$(abi_adversary)/replaces_itself.c \
	$(abi_adversary)/sends_4_gib.c \
	$(abi_adversary)/starves_host.c \
	$(abi_adversary)/traces_host.c \
	$(abi_adversary)/writes_host.c
EXTRA_DIST += $(abi_adversaries) $(abi_adversary)/adversary.h

check_DATA += $(abi_adversary)/stamp
$(abi_adversary)/stamp: $(abi_adversaries) $(abi_adversary)/adversary.h core/failback/plugin.h tests/abi/bytes_plugin.c tests/fuzz/descriptor_bytes.h
	$(AM_V_GEN)mkdir -p $(abi_adversary) && for f in $(abi_adversaries); do \
	  name=`basename $$f .c | tr _ -`; \
	  $(CC) $(plugin_cppflags) -D_GNU_SOURCE $(plugin_cflags) $(CFLAGS) $(AM_LDFLAGS) -fPIC -shared $(srcdir)/$$f -o $(abi_adversary)/phase-$$name.so || exit 1; \
	done && mkdir -p $(abi_adversary)/bytes && \
	$(CC) $(plugin_cppflags) -D_GNU_SOURCE -I$(top_srcdir) $(plugin_cflags) $(CFLAGS) $(AM_LDFLAGS) -fPIC -shared $(srcdir)/tests/abi/bytes_plugin.c \
	  -o $(abi_adversary)/bytes/phase-fuzz.so && touch $@
clean-local: clean-abi-adversary
clean-abi-adversary:
	rm -rf $(abi_adversary)/*.so $(abi_adversary)/stamp $(abi_adversary)/bytes

check_PROGRAMS += tests/abi/host_other
tests_abi_host_other_SOURCES = $(failback_host_SOURCES) tests/abi/other_host.c
tests_abi_host_other_CPPFLAGS = $(failback_host_CPPFLAGS)
tests_abi_host_other_CFLAGS = $(failback_host_CFLAGS)
tests_abi_host_other_LDFLAGS = $(failback_host_LDFLAGS) -Wl,--wrap=fb_load
tests_abi_host_other_LDADD = $(failback_host_LDADD)

check_PROGRAMS += tests/abi/test_adversary
TESTS += tests/abi/test_adversary
tests_abi_test_adversary_SOURCES = \
	tests/abi/attacks.inc \
	tests/abi/rig.c \
	tests/abi/rig.h \
	tests/abi/test_adversary.c
tests_abi_test_adversary_CPPFLAGS = $(unit_cppflags)
tests_abi_test_adversary_CFLAGS = $(unit_cflags)
tests_abi_test_adversary_LDADD = $(unit_libs)

# Descriptors and files of any bytes, by the real host
EXTRA_DIST += tests/abi/bytes_plugin.c
check_PROGRAMS += tests/abi/test_bytes
TESTS += tests/abi/test_bytes
LONG_TESTS += tests/abi/test_bytes
tests_abi_test_bytes_SOURCES = \
	tests/abi/rig.c \
	tests/abi/rig.h \
	tests/abi/test_bytes.c
tests_abi_test_bytes_CPPFLAGS = $(unit_cppflags)
tests_abi_test_bytes_CFLAGS = $(unit_cflags)
tests_abi_test_bytes_LDADD = $(unit_libs)
EXTRA_DIST += tests/chain/test_many_plugins.py
TESTS += tests/chain/test_many_plugins.py
