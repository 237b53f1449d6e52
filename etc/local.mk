failbackconfdir = $(sysconfdir)/failback
dist_failbackconf_DATA = etc/failback.conf
