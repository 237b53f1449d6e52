# A plugin is one folder and one line. Each folder's fragment names its library <kind>-<name>.la, its sources, manual page, example and test.
plugin_cflags = $(FB_CFLAGS)
plugin_cppflags = -I$(top_srcdir)/core
module_ldflags = $(AM_LDFLAGS) $(FB_PLUGIN_LDFLAGS) -module -avoid-version -no-undefined -shared -export-symbols-regex '^failback_plugin_entry$$'

EXTRA_DIST += plugins/common/utf8.h
include plugins/phases/local.mk
include plugins/strategies/local.mk
include plugins/checks/command/local.mk
include plugins/checks/http/local.mk
include plugins/checks/process/local.mk
include plugins/checks/tcp/local.mk
include plugins/notifiers/console/local.mk
include plugins/notifiers/exec/local.mk
include plugins/notifiers/webhook/local.mk
include plugins/notifiers/slack/local.mk
include plugins/notifiers/pagerduty/local.mk
include plugins/notifiers/email/local.mk
include plugins/notifiers/teams/local.mk
include plugins/notifiers/syslog/local.mk
include plugins/notifiers/local.mk
include plugins/phases/command/local.mk
include plugins/strategies/immediate/local.mk
include plugins/strategies/tree/local.mk
include plugins/strategies/stream/local.mk
include plugins/strategies/sqlite/local.mk
include plugins/strategies/git/local.mk
include plugins/strategies/packages/local.mk
include plugins/strategies/dependencies/local.mk
include plugins/strategies/state/local.mk
include plugins/strategies/units/local.mk
include plugins/strategies/redis/local.mk
include plugins/strategies/images/local.mk
include plugins/strategies/postgresql/local.mk
include plugins/strategies/systemd/local.mk
include plugins/strategies/files/local.mk
include plugins/common/exec/local.mk
include plugins/phases/exec/local.mk
include plugins/strategies/exec/local.mk
include plugins/checks/exec/local.mk
include plugins/notifiers/debug/local.mk
include plugins/checks/debug/local.mk
include plugins/strategies/debug/local.mk
include plugins/phases/debug/local.mk

# The build tree's own plugin directory, for running without installing: copies, since files that are loaded must not be links
staged = plugins/staged
all-local: $(staged)/stamp
$(staged)/stamp: $(plugin_LTLIBRARIES)
	$(AM_V_GEN)mkdir -p $(staged) && rm -f $(staged)/*.so && for l in $(plugin_LTLIBRARIES); do \
	  cp -f $$(dirname $$l)/.libs/$$(basename $$l .la).so $(staged)/ || exit 1; done && touch $@
clean-local: clean-staged
clean-staged:
	rm -rf $(staged)
