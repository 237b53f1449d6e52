bin_PROGRAMS += failback
failback_SOURCES = core/cli/main.c
failback_CPPFLAGS = $(FB_CPPFLAGS)
failback_CFLAGS = $(FB_CFLAGS) $(FB_PIE_CFLAGS) $(UV_CFLAGS) $(JANSSON_CFLAGS)
failback_LDFLAGS = $(AM_LDFLAGS) $(FB_PIE_LDFLAGS)
failback_LDADD = libfailback-core.la

libfailback_core_la_SOURCES += \
	core/cli/cli.c \
	core/cli/cli.h \
	core/cli/cmd_analyze.c \
	core/cli/cmd_approve.c \
	core/cli/cmd_audit.c \
	core/cli/cmd_config.c \
	core/cli/cmd_deploy.c \
	core/cli/cmd_history.c \
	core/cli/cmd_plan.c \
	core/cli/cmd_plugin.c \
	core/cli/cmd_report.c \
	core/cli/cmd_resume.c \
	core/cli/cmd_rollback.c \
	core/cli/cmd_show.c \
	core/cli/cmd_status.c \
	core/cli/cmd_stop.c \
	core/cli/cmd_watch.c \
	core/cli/commands.c \
	core/cli/complete.c \
	core/cli/follow.c \
	core/cli/follow.h \
	core/cli/help.c \
	core/cli/options.c \
	core/cli/pool.h \
	core/cli/render.h \
	core/cli/render_markdown.c \
	core/cli/render_text.c \
	core/cli/rows.c \
	core/cli/rows.h \
	core/cli/screen.c \
	core/cli/screen.h \
	core/cli/style.c \
	core/cli/style.h \
	core/cli/view.c \
	core/cli/view.h \
	core/cli/view_model.h \
	core/cli/view_plain.c

dist_bashcompletion_DATA += core/cli/completion/failback

libfailback_core_la_SOURCES += \
	core/cli/cmd_plugin_new.c

# plugin check
libfailback_core_la_SOURCES += \
	core/cli/check/call.c \
	core/cli/check/check.h \
	core/cli/check/faults.c \
	core/cli/check/gone.c \
	core/cli/check/file.c \
	core/cli/check/leaks.c \
	core/cli/check/lines.c \
	core/cli/check/runs.c \
	core/cli/check/values.c \
	core/cli/check/world.c \
	core/cli/cmd_plugin_check.c
libfailback_core_la_SOURCES += core/cli/cmd_doctor.c

# backup
libfailback_core_la_SOURCES += \
	core/cli/backup/copies.c \
	core/cli/backup/copies.h \
	core/cli/backup/live.h \
	core/cli/backup/needed.c \
	core/cli/backup/needed.h \
	core/cli/backup/progress.c \
	core/cli/backup/progress.h \
	core/cli/backup/retain.c \
	core/cli/backup/retain.h \
	core/cli/backup/sets.c \
	core/cli/backup/sets.h \
	core/cli/backup/tool.c \
	core/cli/backup/tool.h \
	core/cli/cmd_backup.c \
	core/cli/cmd_backup_copy.c \
	core/cli/cmd_backup_give.c \
	core/cli/cmd_backup_live.c \
	core/cli/cmd_backup_prune.c \
	core/cli/cmd_backup_show.c \
	core/cli/cmd_backup_verify.c

libfailback_core_la_SOURCES += \
	core/cli/cmd_stats.c \
	core/cli/render_html.c \
	core/cli/render_junit.c \
	core/cli/stats.c \
	core/cli/stats.h

libfailback_core_la_SOURCES += \
	core/cli/cmd_cause.c \
	core/cli/verdict.c \
	core/cli/verdict.h
