failbackconfdir = $(sysconfdir)/failback
dist_failbackconf_DATA = etc/failback.conf

# The demonstration; tests/chain/test_demo.sh runs it
EXTRA_DIST += \
	etc/demo/failback.conf.in \
	etc/demo/run \
	etc/demo/start-web \
	etc/demo/steps \
	etc/demo/web.plan.in

# What programs say when they fail, failback-signatures(5); copied beside the program in the build tree
signaturesdir = $(pkgdatadir)/signatures
dist_signatures_DATA = \
	etc/signatures/auth.conf \
	etc/signatures/compile_error.conf \
	etc/signatures/config_syntax.conf \
	etc/signatures/crash.conf \
	etc/signatures/database.conf \
	etc/signatures/dependency_missing.conf \
	etc/signatures/disk_full.conf \
	etc/signatures/image_not_found.conf \
	etc/signatures/lock.conf \
	etc/signatures/missing_file.conf \
	etc/signatures/network.conf \
	etc/signatures/noise.conf \
	etc/signatures/out_of_memory.conf \
	etc/signatures/permission.conf \
	etc/signatures/port_in_use.conf \
	etc/signatures/probe_failure.conf \
	etc/signatures/quota_limit.conf \
	etc/signatures/test_failure.conf \
	etc/signatures/timeout.conf \
	etc/signatures/tls.conf \
	etc/signatures/version_conflict.conf
BUILT_SOURCES += signatures/stamp
CLEANFILES += signatures/stamp signatures/*.conf
signatures/stamp: $(dist_signatures_DATA)
	$(AM_V_GEN)mkdir -p signatures && for f in $(dist_signatures_DATA); do cp -f $(srcdir)/$$f signatures/ && chmod u+w signatures/$$(basename $$f) || exit 1; done && touch $@
