/* SPDX-License-Identifier: Apache-2.0 */
/* What a transaction has written so far, so that it can be made again. Must not decide when that is. */
#include "journal/internal.h"

#include <stdio.h>

#include "base/clock.h"

void fb_ops_add(struct fb_ops *ops, const char *sql, const struct fb_value *v, int n)
{
	struct fb_op *op;

	if (ops->n == ops->room) {
		ops->room = ops->room ? ops->room * 2 : 16;
		ops->v = fb_realloc(ops->v, ops->room * sizeof *ops->v);
	}
	op = &ops->v[ops->n++];
	*op = (struct fb_op){.sql = fb_strdup(sql), .v = fb_alloc((size_t)(n ? n : 1) * sizeof *v), .n = n};
	for (int i = 0; i < n; i++) {
		op->v[i] = v[i];
		op->v[i].t = v[i].type == 't' ? fb_strdup(v[i].t) : NULL;
	}
}

static void op_clear(struct fb_op *op)
{
	for (int i = 0; i < op->n; i++)
		fb_free(op->v[i].t);
	fb_free(op->v);
	fb_free(op->sql);
}

void fb_ops_clear(struct fb_ops *ops)
{
	for (size_t i = 0; i < ops->n; i++)
		op_clear(&ops->v[i]);
	fb_free(ops->v);
	*ops = (struct fb_ops){0};
}

void fb_ops_move(struct fb_ops *to, struct fb_ops *from)
{
	if (to->n + from->n > to->room) {
		to->room = (to->n + from->n) * 2;
		to->v = fb_realloc(to->v, to->room * sizeof *to->v);
	}
	for (size_t i = 0; i < from->n; i++)
		to->v[to->n++] = from->v[i];
	fb_free(from->v);
	*from = (struct fb_ops){0};
}

void fb_ops_cut(struct fb_ops *ops, size_t n)
{
	while (ops->n > n)
		op_clear(&ops->v[--ops->n]);
}

static int replay_one(struct fb_journal *j, struct fb_db *db, const struct fb_op *op, bool late, int *lost, struct fb_err *err)
{
	int code;

	if (!op->sql) /* memory has no chain */
		return db == &j->memory ? 0 : fb_audit_append(j, db, op->v, late, err);
	code = fb_db_execute(j, db, op->sql, op->v, op->n);
	if (code == SQLITE_DONE)
		return 0;
	/* A row that another process made in the meantime, such as its claim of the same service: that one stays. */
	if (late && (code & 0xff) == SQLITE_CONSTRAINT) {
		(*lost)++;
		return 0;
	}
	fb_db_fail(j, db, code, "write", err);
	return fb_db_no_space(db, code) ? 1 : -1;
}

int fb_ops_replay(struct fb_journal *j, struct fb_db *db, const struct fb_ops *ops, bool late, struct fb_err *err)
{
	char detail[96];
	int lost = 0, r = 0;

	for (size_t i = 0; i < ops->n && r == 0; i++)
		r = replay_one(j, db, &ops->v[i], late, &lost, err);
	if (r || !lost)
		return r;
	snprintf(detail, sizeof detail, "%d changes contradict what others wrote in the meantime, and were left out", lost);
	return fb_audit_append(j, db,
			       (struct fb_value[]){{.type = 'i', .i = fb_clock_wall_ms()}, {.type = 't', .t = j->execution}, {.type = 't', .t = (char *)"engine"},
						   {.type = 't', .t = (char *)"journal.conflict"}, {.type = 't', .t = detail}},
			       true, err);
}
