# The real programs with real servers. web: the small service that the demo and the tests deploy; rig: a HAProxy before it.
noinst_PROGRAMS += tests/chain/web/web
tests_chain_web_web_SOURCES = tests/chain/web/web.c
tests_chain_web_web_CPPFLAGS = -include config.h
tests_chain_web_web_CFLAGS = $(FB_CFLAGS)

EXTRA_DIST += tests/chain/rig/haproxy.sh

# What goes wrong, and what a chain promises: the whole program over services that are files
EXTRA_DIST += tests/chain/files_lab.py
trouble_tests = \
	tests/chain/test_chains.py \
	tests/chain/test_disks.py \
	tests/chain/test_haproxy_gone.py \
	tests/chain/test_hostile.py \
	tests/chain/test_mistakes.py \
	tests/chain/test_rollbacks.py \
	tests/chain/test_stops.py \
	tests/chain/test_word.py
EXTRA_DIST += $(trouble_tests)
TESTS += $(trouble_tests)
dist_check_SCRIPTS += tests/chain/test_demo.sh
TESTS += tests/chain/test_demo.sh
EXTRA_DIST += tests/chain/run
EXTRA_DIST += tests/chain/lab.py
EXTRA_DIST += tests/chain/web_lab.py

# What users feel
EXTRA_DIST += tests/chain/impact_lab.py
EXTRA_DIST += tests/chain/test_impact.py
TESTS += tests/chain/test_impact.py

# Killed at any moment: a module that is preloaded into failback
check_LTLIBRARIES += crashpoint.la
crashpoint_la_SOURCES = tests/chain/crash/crashpoint.c
crashpoint_la_CPPFLAGS =
crashpoint_la_CFLAGS = -std=gnu11 -Wall -Wextra
crashpoint_la_LDFLAGS = -module -avoid-version -rpath /nowhere

EXTRA_DIST += tests/chain/trio_lab.py
EXTRA_DIST += tests/chain/test_resume.py
EXTRA_DIST += tests/chain/test_sweep.py
TESTS += tests/chain/test_resume.py
TESTS += tests/chain/test_sweep.py
LONG_TESTS += tests/chain/test_sweep.py

# Programs in any language as plugins, and plugins that do what they are told
EXTRA_DIST += tests/chain/test_scripts.py
TESTS += tests/chain/test_scripts.py
# The author's kit, and what shipped plugins say of themselves
EXTRA_DIST += tests/chain/test_documented.py
EXTRA_DIST += tests/chain/test_kit.py
TESTS += tests/chain/test_documented.py
TESTS += tests/chain/test_kit.py
EXTRA_DIST += tests/chain/test_sandbox.py
TESTS += tests/chain/test_sandbox.py

# Plugins as other teams write them, built outside of the tree
EXTRA_DIST += tests/chain/test_third_party.py
TESTS += tests/chain/test_third_party.py
EXTRA_DIST += tests/third-party/notifier-acme-pagerduty/Makefile
EXTRA_DIST += tests/third-party/notifier-acme-pagerduty/acme-pagerduty.c
EXTRA_DIST += tests/third-party/notifier-acme-pagerduty/example.conf
EXTRA_DIST += tests/third-party/notifier-acme-slack/Makefile
EXTRA_DIST += tests/third-party/notifier-acme-slack/acme-slack.c
EXTRA_DIST += tests/third-party/notifier-acme-slack/example.conf
EXTRA_DIST += tests/third-party/strategy-acme-database/Makefile
EXTRA_DIST += tests/third-party/strategy-acme-database/acme-database.c
EXTRA_DIST += tests/third-party/strategy-acme-database/example.conf

# The backup store by its program
EXTRA_DIST += tests/chain/store_lab.py
EXTRA_DIST += tests/chain/test_store.py
EXTRA_DIST += tests/chain/test_store_faults.py
TESTS += tests/chain/test_store.py
EXTRA_DIST += tests/chain/test_store_sweep.py
EXTRA_DIST += tests/chain/test_store_command.py
TESTS += tests/chain/test_store_command.py
TESTS += tests/chain/test_store_faults.py
TESTS += tests/chain/test_store_sweep.py
LONG_TESTS += tests/chain/test_store_sweep.py
LONG_TESTS += tests/chain/test_store_faults.py

# Killed, or out of space, at any write: a module that is preloaded into failback-store
check_LTLIBRARIES += writepoint.la
writepoint_la_SOURCES = tests/chain/crash/writepoint.c
writepoint_la_CPPFLAGS =
writepoint_la_CFLAGS = -std=gnu11 -Wall -Wextra
writepoint_la_LDFLAGS = -module -avoid-version -rpath /nowhere

# Items of backups: put into the store before a deployment, given back by a recovery
EXTRA_DIST += tests/chain/test_backup.py
TESTS += tests/chain/test_backup.py
EXTRA_DIST += tests/chain/test_items.py
TESTS += tests/chain/test_items.py

# Databases: a real server, and the tools that projects migrate with
EXTRA_DIST += tests/chain/postgresql_lab.py
EXTRA_DIST += tests/chain/test_postgresql.py
EXTRA_DIST += tests/chain/test_postgresql_tools.py
if HAVE_LIBPQ
TESTS += tests/chain/test_postgresql.py
TESTS += tests/chain/test_postgresql_tools.py
endif
EXTRA_DIST += tests/chain/test_backup_sweep.py
TESTS += tests/chain/test_backup_sweep.py
# Backups by their commands
EXTRA_DIST += tests/chain/test_backup_commands.py
TESTS += tests/chain/test_backup_commands.py
# Backups that are damaged between their capture and their proof
EXTRA_DIST += tests/chain/store_damage.py
EXTRA_DIST += tests/chain/test_backup_faults.py
TESTS += tests/chain/test_backup_faults.py
LONG_TESTS += tests/chain/test_backup_faults.py
# Images of containers, with real engines
EXTRA_DIST += tests/chain/images_lab.py
EXTRA_DIST += tests/chain/test_images.py
TESTS += tests/chain/test_images.py
# Databases: what options do, and refusals
EXTRA_DIST += tests/chain/test_postgresql_options.py
if HAVE_LIBPQ
TESTS += tests/chain/test_postgresql_options.py
endif
# Scenarios of going back: dependencies, and state
EXTRA_DIST += tests/chain/service_lab.py
EXTRA_DIST += tests/chain/test_scenario_dependencies.py
TESTS += tests/chain/test_scenario_dependencies.py
EXTRA_DIST += tests/chain/test_scenario_state.py
TESTS += tests/chain/test_scenario_state.py

# A real systemd in a container
EXTRA_DIST += tests/chain/systemd_lab.py
EXTRA_DIST += tests/chain/test_systemd_lab.py
TESTS += tests/chain/test_systemd_lab.py
EXTRA_DIST += tests/chain/test_systemd.py
if HAVE_SYSTEMD
TESTS += tests/chain/test_systemd.py
endif

# Strategy files: units that read what it puts in place
EXTRA_DIST += tests/chain/units_lab.py
EXTRA_DIST += tests/chain/test_files.py
TESTS += tests/chain/test_files.py

# Three services as one: a module that makes operations of strategies fail stands before the real ones
EXTRA_DIST += tests/chain/saga_lab.py
EXTRA_DIST += tests/chain/test_saga.py
check_LTLIBRARIES += faulty.la
faulty_la_SOURCES = tests/chain/saga/faulty.c
faulty_la_CPPFLAGS = -I$(top_srcdir)/core
faulty_la_CFLAGS = -std=gnu11 -D_GNU_SOURCE -Wall -Wextra
faulty_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere
if HAVE_LIBPQ
TESTS += tests/chain/test_saga.py
LONG_TESTS += tests/chain/test_saga.py
endif
# A deployment of code that fails: strategy git, a Python environment, settings
EXTRA_DIST += tests/chain/test_scenario_code.py
TESTS += tests/chain/test_scenario_code.py
EXTRA_DIST += tests/chain/test_scenario_units.py
TESTS += tests/chain/test_scenario_units.py
# Copies of backups elsewhere
EXTRA_DIST += tests/chain/s3_lab.py
EXTRA_DIST += tests/chain/test_locations.py
TESTS += tests/chain/test_locations.py
EXTRA_DIST += tests/chain/test_copies.py
TESTS += tests/chain/test_copies.py

# Word to people: stand-ins of the services, one module each, and what is killed on the way
EXTRA_DIST += tests/chain/http_stand_in.py
EXTRA_DIST += tests/chain/pagerduty_stand_in.py
EXTRA_DIST += tests/chain/slack_stand_in.py
EXTRA_DIST += tests/chain/teams_stand_in.py
EXTRA_DIST += tests/chain/test_notifiers.py
TESTS += tests/chain/test_notifiers.py
EXTRA_DIST += tests/chain/mail_stand_in.py
EXTRA_DIST += tests/chain/test_email.py
TESTS += tests/chain/test_email.py
EXTRA_DIST += tests/chain/test_outbox_sweep.py
TESTS += tests/chain/test_outbox_sweep.py
LONG_TESTS += tests/chain/test_outbox_sweep.py
# The archive and the reports: what is in them, and that no secret is
EXTRA_DIST += tests/chain/test_archive.py
TESTS += tests/chain/test_archive.py
# A language model beside the analysis
EXTRA_DIST += tests/chain/llm_stand_in.py
EXTRA_DIST += tests/chain/test_llm.py
TESTS += tests/chain/test_llm.py
# What an analysis learns and asks
EXTRA_DIST += tests/chain/test_learned.py
TESTS += tests/chain/test_learned.py
