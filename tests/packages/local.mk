# The Debian packages: built, installed in a bare root, used, upgraded and purged. Minutes, the network and root: by make check-long.
dist_check_SCRIPTS += tests/packages/test_packages.sh
LONG_TESTS += tests/packages/test_packages.sh
EXTRA_DIST += \
	debian/changelog \
	debian/control \
	debian/copyright \
	debian/failback-dev.install \
	debian/failback-dev.lintian-overrides \
	debian/failback-plugins-http.install \
	debian/failback-plugins-postgresql.install \
	debian/failback-plugins-postgresql.lintian-overrides \
	debian/failback-plugins-http.lintian-overrides \
	debian/failback-analyze.install \
	debian/failback-analyze.lintian-overrides \
	debian/failback-analyze.postrm \
	debian/failback-store.install \
	debian/failback-store.lintian-overrides \
	debian/failback.dirs \
	debian/failback.docs \
	debian/failback.install \
	debian/failback.lintian-overrides \
	debian/failback.postinst \
	debian/failback.postrm \
	debian/rules \
	debian/source/format
