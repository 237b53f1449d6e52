/* SPDX-License-Identifier: Apache-2.0 */
/* One table of names; it owns nothing else. */
#include "host/operations.h"

#include <stddef.h>

#include "base/mem.h"
#include "failback/plugin.h"

static const char *const kinds[] = {NULL, "phase", "strategy", "check", "notifier"};

static const struct {
	uint32_t number;
	const char *name;
} operations[] = {
	{FB_OP_CHECK, "check"},     {FB_OP_RUN, "run"},           {FB_OP_UNDO, "undo"},     {FB_OP_PROBE, "probe"},
	{FB_OP_NOTIFY, "notify"},   {FB_OP_STATE, "state"},       {FB_OP_CAPTURE, "capture"}, {FB_OP_PROVE, "prove"},
	{FB_OP_PREPARE, "prepare"}, {FB_OP_SHIFT, "shift"},       {FB_OP_PROTECT, "protect"}, {FB_OP_RESTORE, "restore"},
	{FB_OP_VERIFY, "verify"},   {FB_OP_EVIDENCE, "evidence"}, {FB_OP_OBSERVE, "observe"}, {FB_OP_COMMIT, "commit"},
	{FB_OP_CLEANUP, "cleanup"},
};

const char *fb_kind_name(uint32_t kind)
{
	return kind < sizeof kinds / sizeof *kinds ? kinds[kind] : NULL;
}

uint32_t fb_kind_number(const char *name)
{
	for (uint32_t i = 1; name && i < sizeof kinds / sizeof *kinds; i++)
		if (fb_streq(kinds[i], name))
			return i;
	return 0;
}

const char *fb_operation_name(uint32_t operation)
{
	for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
		if (operations[i].number == operation)
			return operations[i].name;
	return NULL;
}

uint32_t fb_operation_number(const char *name)
{
	for (size_t i = 0; name && i < sizeof operations / sizeof *operations; i++)
		if (fb_streq(operations[i].name, name))
			return operations[i].number;
	return 0;
}
