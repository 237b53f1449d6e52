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
	etc/signatures/apple.conf \
	etc/signatures/build-tools.conf \
	etc/signatures/c-cpp.conf \
	etc/signatures/ci.conf \
	etc/signatures/containers.conf \
	etc/signatures/dart-perl-r-lua.conf \
	etc/signatures/databases.conf \
	etc/signatures/dotnet.conf \
	etc/signatures/functional.conf \
	etc/signatures/git.conf \
	etc/signatures/go.conf \
	etc/signatures/hints.conf \
	etc/signatures/infrastructure.conf \
	etc/signatures/jvm-build.conf \
	etc/signatures/jvm.conf \
	etc/signatures/languages.conf \
	etc/signatures/kubernetes.conf \
	etc/signatures/linux.conf \
	etc/signatures/network.conf \
	etc/signatures/nodejs.conf \
	etc/signatures/noise.conf \
	etc/signatures/os-packages.conf \
	etc/signatures/php.conf \
	etc/signatures/python.conf \
	etc/signatures/ruby.conf \
	etc/signatures/rust.conf \
	etc/signatures/servers.conf \
	etc/signatures/steps.conf \
	etc/signatures/verdicts.conf
dist_signatures_DATA += \
	etc/signatures/builders.conf \
	etc/signatures/cloud.conf \
	etc/signatures/common-tools.conf \
	etc/signatures/compilers.conf \
	etc/signatures/delivery.conf \
	etc/signatures/deployment.conf \
	etc/signatures/hosted-ci.conf \
	etc/signatures/javascript-tools.conf \
	etc/signatures/services.conf \
	etc/signatures/compilers.blocks \
	etc/signatures/infrastructure.blocks \
	etc/signatures/tests.blocks \
	etc/signatures/traces.blocks
BUILT_SOURCES += signatures/stamp
CLEANFILES += signatures/stamp signatures/*.conf signatures/*.blocks
signatures/stamp: $(dist_signatures_DATA) Makefile
	$(AM_V_GEN)mkdir -p signatures && rm -f signatures/*.conf signatures/*.blocks && for f in $(dist_signatures_DATA); do cp -f $(srcdir)/$$f signatures/ && chmod u+w signatures/$$(basename $$f) || exit 1; done && touch $@

# Tests of the whole program want a cause in time: what is known is compiled before the first of them, into the cache that the program uses anyway
check_DATA += signatures/warm
signatures/warm: failback-analyze$(EXEEXT) signatures/stamp
	$(AM_V_GEN)./failback-analyze --warm; touch $@
CLEANFILES += signatures/warm
