# A host for unit tests of plugins. A plugin's test links $(fake_libs) and uses unit_cppflags and unit_cflags.
check_LTLIBRARIES += tests/fake/libfake.la
tests_fake_libfake_la_SOURCES = \
	tests/fake/fake.c \
	tests/fake/host.c \
	tests/fake/host.h \
	tests/fake/options.c \
	tests/fake/private.h \
	tests/fake/process.c \
	tests/fake/server.c \
	tests/fake/server.h
tests_fake_libfake_la_CPPFLAGS = $(unit_cppflags)
tests_fake_libfake_la_CFLAGS = $(unit_cflags)
fake_libs = tests/fake/libfake.la $(unit_libs)

check_PROGRAMS += tests/fake/test_fake
TESTS += tests/fake/test_fake
tests_fake_test_fake_SOURCES = tests/fake/test_fake.c
tests_fake_test_fake_CPPFLAGS = $(unit_cppflags)
tests_fake_test_fake_CFLAGS = $(unit_cflags)
tests_fake_test_fake_LDADD = $(fake_libs)
