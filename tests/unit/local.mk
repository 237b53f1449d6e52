# A unit test is test_<module>.c; it links the real objects and wraps system calls only.
unit_cflags = $(FB_CFLAGS) $(CMOCKA_CFLAGS) $(JANSSON_CFLAGS) $(UV_CFLAGS) $(SQLITE_CFLAGS) $(LIBCONFIG_CFLAGS)
unit_cppflags = $(FB_CPPFLAGS) -I$(top_srcdir)
unit_libs = libfailback-core.la $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_base
TESTS += tests/unit/test_base
tests_unit_test_base_SOURCES = tests/unit/test_base.c
tests_unit_test_base_CPPFLAGS = $(unit_cppflags)
tests_unit_test_base_CFLAGS = $(unit_cflags)
tests_unit_test_base_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_journal
TESTS += tests/unit/test_journal
tests_unit_test_journal_SOURCES = tests/unit/test_journal.c tests/unit/journal_fixture.h
tests_unit_test_journal_CPPFLAGS = $(unit_cppflags)
tests_unit_test_journal_CFLAGS = $(unit_cflags)
tests_unit_test_journal_LDADD = $(unit_libs)
check_PROGRAMS += tests/unit/test_view
TESTS += tests/unit/test_view
tests_unit_test_view_SOURCES = tests/unit/test_view.c
tests_unit_test_view_CPPFLAGS = $(unit_cppflags)
tests_unit_test_view_CFLAGS = $(unit_cflags)
tests_unit_test_view_LDADD = $(unit_libs)
check_PROGRAMS += tests/unit/test_config
TESTS += tests/unit/test_config
tests_unit_test_config_SOURCES = \
	tests/unit/config_fixture.h \
	tests/unit/fake_catalog.h \
	tests/unit/test_config.c
tests_unit_test_config_CPPFLAGS = $(unit_cppflags)
tests_unit_test_config_CFLAGS = $(unit_cflags)
tests_unit_test_config_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_journal_space
TESTS += tests/unit/test_journal_space
tests_unit_test_journal_space_SOURCES = tests/unit/test_journal_space.c tests/unit/journal_fixture.h
tests_unit_test_journal_space_CPPFLAGS = $(unit_cppflags)
tests_unit_test_journal_space_CFLAGS = $(unit_cflags)
tests_unit_test_journal_space_LDADD = $(unit_libs)
check_PROGRAMS += tests/unit/test_config_errors
TESTS += tests/unit/test_config_errors
tests_unit_test_config_errors_SOURCES = \
	tests/unit/config_fixture.h \
	tests/unit/fake_catalog.h \
	tests/unit/test_config_errors.c
tests_unit_test_config_errors_CPPFLAGS = $(unit_cppflags)
tests_unit_test_config_errors_CFLAGS = $(unit_cflags)
tests_unit_test_config_errors_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_redact
TESTS += tests/unit/test_redact
tests_unit_test_redact_SOURCES = tests/unit/test_redact.c tests/unit/redact_corpus.h
tests_unit_test_redact_CPPFLAGS = $(unit_cppflags)
tests_unit_test_redact_CFLAGS = $(unit_cflags)
tests_unit_test_redact_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_secret
TESTS += tests/unit/test_secret
tests_unit_test_secret_SOURCES = \
	tests/unit/config_fixture.h \
	tests/unit/fake_catalog.h \
	tests/unit/test_secret.c
tests_unit_test_secret_CPPFLAGS = $(unit_cppflags)
tests_unit_test_secret_CFLAGS = $(unit_cflags)
tests_unit_test_secret_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_config_docs
TESTS += tests/unit/test_config_docs
tests_unit_test_config_docs_SOURCES = \
	tests/unit/config_fixture.h \
	tests/unit/fake_catalog.h \
	tests/unit/test_config_docs.c
tests_unit_test_config_docs_CPPFLAGS = $(unit_cppflags)
tests_unit_test_config_docs_CFLAGS = $(unit_cflags)
tests_unit_test_config_docs_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_report
TESTS += tests/unit/test_report
tests_unit_test_report_SOURCES = tests/unit/test_report.c tests/unit/synthetic.c tests/unit/synthetic.h
tests_unit_test_report_CPPFLAGS = $(unit_cppflags)
tests_unit_test_report_CFLAGS = $(unit_cflags)
tests_unit_test_report_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/play
tests_unit_play_SOURCES = tests/unit/play.c tests/unit/synthetic.c tests/unit/synthetic.h
tests_unit_play_CPPFLAGS = $(unit_cppflags)
tests_unit_play_CFLAGS = $(unit_cflags)
tests_unit_play_LDADD = $(unit_libs)
check_PROGRAMS += tests/unit/test_journal_open
TESTS += tests/unit/test_journal_open
tests_unit_test_journal_open_SOURCES = tests/unit/test_journal_open.c tests/unit/journal_fixture.h tests/unit/journal_schema_0.h
tests_unit_test_journal_open_CPPFLAGS = $(unit_cppflags)
tests_unit_test_journal_open_CFLAGS = $(unit_cflags)
tests_unit_test_journal_open_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=statfs
tests_unit_test_journal_open_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_journal_rows
TESTS += tests/unit/test_journal_rows
tests_unit_test_journal_rows_SOURCES = tests/unit/test_journal_rows.c tests/unit/journal_fixture.h
tests_unit_test_journal_rows_CPPFLAGS = $(unit_cppflags)
tests_unit_test_journal_rows_CFLAGS = $(unit_cflags)
tests_unit_test_journal_rows_LDADD = $(unit_libs)

dist_check_SCRIPTS += tests/unit/test_cli.sh
TESTS += tests/unit/test_cli.sh

check_PROGRAMS += tests/unit/test_follow
TESTS += tests/unit/test_follow
tests_unit_test_follow_SOURCES = tests/unit/test_follow.c tests/unit/synthetic.c tests/unit/synthetic.h
tests_unit_test_follow_CPPFLAGS = $(unit_cppflags)
tests_unit_test_follow_CFLAGS = $(unit_cflags)
tests_unit_test_follow_LDADD = $(unit_libs)
check_PROGRAMS += tests/unit/test_journal_audit
TESTS += tests/unit/test_journal_audit
tests_unit_test_journal_audit_SOURCES = tests/unit/test_journal_audit.c tests/unit/journal_fixture.h
tests_unit_test_journal_audit_CPPFLAGS = $(unit_cppflags)
tests_unit_test_journal_audit_CFLAGS = $(unit_cflags)
tests_unit_test_journal_audit_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_journal_crash
TESTS += tests/unit/test_journal_crash
tests_unit_test_journal_crash_SOURCES = tests/unit/test_journal_crash.c tests/unit/journal_fixture.h
tests_unit_test_journal_crash_CPPFLAGS = $(unit_cppflags)
tests_unit_test_journal_crash_CFLAGS = $(unit_cflags)
tests_unit_test_journal_crash_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_store
TESTS += tests/unit/test_store
tests_unit_test_store_SOURCES = tests/unit/test_store.c
tests_unit_test_store_CPPFLAGS = $(unit_cppflags)
tests_unit_test_store_CFLAGS = $(unit_cflags) $(SODIUM_CFLAGS)
tests_unit_test_store_LDFLAGS = $(AM_LDFLAGS) -pthread
tests_unit_test_store_LDADD = libfailback-store-full.la $(CMOCKA_LIBS) $(SODIUM_LIBS)

check_PROGRAMS += tests/unit/test_retain
TESTS += tests/unit/test_retain
tests_unit_test_retain_SOURCES = tests/unit/test_retain.c
tests_unit_test_retain_CPPFLAGS = $(unit_cppflags)
tests_unit_test_retain_CFLAGS = $(unit_cflags)
tests_unit_test_retain_LDADD = $(unit_libs)
check_PROGRAMS += tests/unit/test_store_form
TESTS += tests/unit/test_store_form
tests_unit_test_store_form_SOURCES = tests/unit/test_store_form.c
tests_unit_test_store_form_CPPFLAGS = $(unit_cppflags)
tests_unit_test_store_form_CFLAGS = $(unit_cflags) $(SODIUM_CFLAGS)
tests_unit_test_store_form_LDFLAGS = $(AM_LDFLAGS) -pthread
tests_unit_test_store_form_LDADD = libfailback-store-full.la $(CMOCKA_LIBS) $(SODIUM_LIBS)
check_PROGRAMS += tests/unit/test_store_s3
TESTS += tests/unit/test_store_s3
tests_unit_test_store_s3_SOURCES = tests/unit/test_store_s3.c
tests_unit_test_store_s3_CPPFLAGS = $(unit_cppflags)
tests_unit_test_store_s3_CFLAGS = $(unit_cflags)
tests_unit_test_store_s3_LDFLAGS = $(AM_LDFLAGS) -pthread
tests_unit_test_store_s3_LDADD = libfailback-store-full.la $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_analysis
TESTS += tests/unit/test_analysis
tests_unit_test_analysis_SOURCES = tests/unit/test_analysis.c
tests_unit_test_analysis_CPPFLAGS = $(unit_cppflags)
tests_unit_test_analysis_CFLAGS = $(unit_cflags)
tests_unit_test_analysis_LDADD = libfailback-analysis.la $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_analysis_blocks
TESTS += tests/unit/test_analysis_blocks
tests_unit_test_analysis_blocks_SOURCES = tests/unit/test_analysis_blocks.c
tests_unit_test_analysis_blocks_CPPFLAGS = $(unit_cppflags)
tests_unit_test_analysis_blocks_CFLAGS = $(unit_cflags)
tests_unit_test_analysis_blocks_LDADD = libfailback-analysis.la $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_stats
TESTS += tests/unit/test_stats
tests_unit_test_stats_SOURCES = tests/unit/test_stats.c tests/unit/synthetic.c tests/unit/synthetic.h
tests_unit_test_stats_CPPFLAGS = $(unit_cppflags)
tests_unit_test_stats_CFLAGS = $(unit_cflags)
tests_unit_test_stats_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_verdicts
TESTS += tests/unit/test_verdicts
tests_unit_test_verdicts_SOURCES = tests/unit/test_verdicts.c tests/unit/journal_fixture.h
tests_unit_test_verdicts_CPPFLAGS = $(unit_cppflags)
tests_unit_test_verdicts_CFLAGS = $(unit_cflags)
tests_unit_test_verdicts_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_known
TESTS += tests/unit/test_known
tests_unit_test_known_SOURCES = tests/unit/test_known.c
tests_unit_test_known_CPPFLAGS = $(unit_cppflags)
tests_unit_test_known_CFLAGS = $(unit_cflags)
tests_unit_test_known_LDADD = libfailback-analysis.la $(CMOCKA_LIBS)
