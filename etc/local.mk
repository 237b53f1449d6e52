failbackconfdir = $(sysconfdir)/failback
dist_failbackconf_DATA = etc/failback.conf

# The demonstration; tests/chain/test_demo.sh runs it
EXTRA_DIST += \
	etc/demo/failback.conf.in \
	etc/demo/run \
	etc/demo/start-web \
	etc/demo/steps \
	etc/demo/web.plan.in
