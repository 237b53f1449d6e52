# A fuzz target is fuzz_NAME.c with LLVMFuzzerTestOneInput and fuzz_words (fuzz.h), a folder corpus/NAME and the lines below. As a test it runs
# its corpus and a seeded sample of mutations; with libFuzzer: clang -fsanitize=fuzzer -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION, without driver.c.
fuzz_cflags = $(unit_cflags)
fuzz_cppflags = $(unit_cppflags)
fuzz_libs = libfailback-core.la
CLEANFILES += *.input
fuzz_driver = \
	tests/fuzz/driver.c \
	tests/fuzz/fuzz.h

check_PROGRAMS += tests/fuzz/fuzz_config
TESTS += tests/fuzz/fuzz_config
tests_fuzz_fuzz_config_SOURCES = $(fuzz_driver) \
	tests/fuzz/fuzz_conf.h \
	tests/fuzz/fuzz_config.c
tests_fuzz_fuzz_config_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_config_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_config_LDADD = $(fuzz_libs)
EXTRA_DIST += \
	tests/fuzz/corpus/config/all-types.conf \
	tests/fuzz/corpus/config/chains.conf \
	tests/fuzz/corpus/config/lexical.conf \
	tests/fuzz/corpus/config/settings.conf \
	tests/fuzz/corpus/config/shop.conf

check_PROGRAMS += tests/fuzz/fuzz_plan
TESTS += tests/fuzz/fuzz_plan
tests_fuzz_fuzz_plan_SOURCES = $(fuzz_driver) \
	tests/fuzz/fuzz_conf.h \
	tests/fuzz/fuzz_plan.c
tests_fuzz_fuzz_plan_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_plan_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_plan_LDADD = $(fuzz_libs)
EXTRA_DIST += \
	tests/fuzz/corpus/plan/empty.conf \
	tests/fuzz/corpus/plan/parallel.conf \
	tests/fuzz/corpus/plan/web.conf

check_PROGRAMS += tests/fuzz/fuzz_frame
TESTS += tests/fuzz/fuzz_frame
tests_fuzz_fuzz_frame_SOURCES = $(fuzz_driver) \
	tests/fuzz/fuzz_frame.c
tests_fuzz_fuzz_frame_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_frame_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_frame_LDADD = $(fuzz_libs)
EXTRA_DIST += \
	tests/fuzz/corpus/frame/cut \
	tests/fuzz/corpus/frame/huge \
	tests/fuzz/corpus/frame/two
# fuzz

check_PROGRAMS += tests/fuzz/fuzz_journal
TESTS += tests/fuzz/fuzz_journal
tests_fuzz_fuzz_journal_SOURCES = tests/fuzz/fuzz_journal.c
tests_fuzz_fuzz_journal_CPPFLAGS = $(unit_cppflags) -DFB_FUZZ_STANDALONE
tests_fuzz_fuzz_journal_CFLAGS = $(unit_cflags)
tests_fuzz_fuzz_journal_LDADD = libfailback-core.la
include tests/fuzz/plugins.mk

check_PROGRAMS += tests/fuzz/fuzz_manifest
TESTS += tests/fuzz/fuzz_manifest
tests_fuzz_fuzz_manifest_SOURCES = $(fuzz_driver) \
	tests/fuzz/fuzz_manifest.c
tests_fuzz_fuzz_manifest_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_manifest_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_manifest_LDFLAGS = $(AM_LDFLAGS) -pthread
tests_fuzz_fuzz_manifest_LDADD = libfailback-store-full.la
EXTRA_DIST += \
	tests/fuzz/corpus/manifest/file \
	tests/fuzz/corpus/manifest/hard \
	tests/fuzz/corpus/manifest/root \
	tests/fuzz/corpus/manifest/set.json

check_PROGRAMS += tests/fuzz/fuzz_s3_xml
TESTS += tests/fuzz/fuzz_s3_xml
tests_fuzz_fuzz_s3_xml_SOURCES = $(fuzz_driver) \
	tests/fuzz/fuzz_s3_xml.c
tests_fuzz_fuzz_s3_xml_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_s3_xml_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_s3_xml_LDFLAGS = $(AM_LDFLAGS) -pthread
tests_fuzz_fuzz_s3_xml_LDADD = libfailback-store-full.la
EXTRA_DIST += \
	tests/fuzz/corpus/s3_xml/error.xml \
	tests/fuzz/corpus/s3_xml/list.xml

check_PROGRAMS += tests/fuzz/fuzz_log
TESTS += tests/fuzz/fuzz_log
tests_fuzz_fuzz_log_SOURCES = $(fuzz_driver) \
	tests/fuzz/fuzz_log.c
tests_fuzz_fuzz_log_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_log_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_log_LDADD = libfailback-analysis.la
EXTRA_DIST += \
	tests/fuzz/corpus/log/actions.log \
	tests/fuzz/corpus/log/bytes.log

check_PROGRAMS += tests/fuzz/fuzz_signatures
TESTS += tests/fuzz/fuzz_signatures
tests_fuzz_fuzz_signatures_SOURCES = $(fuzz_driver) \
	tests/fuzz/fuzz_signatures.c
tests_fuzz_fuzz_signatures_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_signatures_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_signatures_LDADD = libfailback-analysis.la
EXTRA_DIST += tests/fuzz/corpus/signatures/two.conf
