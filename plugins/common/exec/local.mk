# What the four plugins exec share; hidden in each of them
noinst_LTLIBRARIES += plugins/common/exec/libexec.la
plugins_common_exec_libexec_la_SOURCES = \
	plugins/common/health.c \
	plugins/common/health.h \
	plugins/common/run.c \
	plugins/common/run.h \
	plugins/common/exec/document.c \
	plugins/common/exec/exec.h \
	plugins/common/exec/judge.c \
	plugins/common/exec/kinds.c \
	plugins/common/exec/lines.c \
	plugins/common/exec/lines.h \
	plugins/common/exec/message.c \
	plugins/common/exec/process.c \
	plugins/common/exec/process.h \
	plugins/common/exec/services.c \
	plugins/common/exec/session.c \
	plugins/common/exec/session.h
plugins_common_exec_libexec_la_CPPFLAGS = $(plugin_cppflags) -include config.h -I$(top_srcdir)
plugins_common_exec_libexec_la_CFLAGS = $(plugin_cflags) $(JANSSON_CFLAGS)
plugins_common_exec_libexec_la_LIBADD = $(JANSSON_LIBS)

# Programs to learn from; the tests run precisely these
exec_examples = -DFB_EXAMPLES='"$(abs_top_srcdir)/plugins/common/exec/examples"'
exampledir = $(docdir)/examples/exec
dist_example_SCRIPTS = \
	plugins/common/exec/examples/check.py \
	plugins/common/exec/examples/check.sh \
	plugins/common/exec/examples/conduct.py \
	plugins/common/exec/examples/conduct.sh \
	plugins/common/exec/examples/notifier.py \
	plugins/common/exec/examples/notifier.sh \
	plugins/common/exec/examples/phase.py \
	plugins/common/exec/examples/phase.sh \
	plugins/common/exec/examples/strategy.py \
	plugins/common/exec/examples/strategy.sh
dist_man_MANS += plugins/common/exec/failback-exec.7
