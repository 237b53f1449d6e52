libfailback_core_la_SOURCES += \
	core/journal/actions.c \
	core/journal/approvals.c \
	core/journal/audit.c \
	core/journal/claims.c \
	core/journal/db.c \
	core/journal/degrade.c \
	core/journal/documents.c \
	core/journal/events.c \
	core/journal/events.h \
	core/journal/executions.c \
	core/journal/figures.c \
	core/journal/facts.c \
	core/journal/internal.h \
	core/journal/journal.h \
	core/journal/links.c \
	core/journal/migrate.c \
	core/journal/open.c \
	core/journal/ops.c \
	core/journal/outbox.c \
	core/journal/processes.c \
	core/journal/releases.c \
	core/journal/schema.c \
	core/journal/transaction.c

libfailback_core_la_SOURCES += core/journal/verdicts.c
