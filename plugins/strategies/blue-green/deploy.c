/* SPDX-License-Identifier: Apache-2.0 */
/* The way forward: record the way back, bring the new release up on the idle side, shift users to it, retire the old one; and the undoing of these. */
#include "blue-green.h"

#include <stdio.h>
#include <string.h>

int32_t bg_capture(const struct fb_call *call)
{
	struct bg b;
	char text[256];
	int live;

	bg_open(&b, call);
	if (bg_look(&b))
		return FB_RETRY;
	live = bg_live(&b);
	if (live == BG_NONE) {
		call->host->fail(call, "HAProxy has both or none of %s/%s and %s/%s in rotation, and nothing is remembered: which release is live? Put one of them "
				 "into maintenance", b.backend, b.side[0].server.name, b.backend, b.side[1].server.name);
		return FB_FAIL;
	}
	snprintf(text, sizeof text, "%s weight %lld/%lld", b.side[live].name, (long long)b.side[0].server.weight, (long long)b.side[1].server.weight);
	if (call->flags & FB_CALL_DRY_RUN)
		return FB_OK;
	if (call->host->fact_set(call, FB_SCOPE_OWN, "before.side", b.side[live].name) || call->host->fact_set(call, FB_SCOPE_OWN, "before", text)) {
		call->host->fail(call, "the way back (%s) could not be recorded in the journal", text);
		return FB_FAIL;
	}
	if (call->last_good && !b.side[live].release[0] && bg_remember_release(&b, live, call->last_good))
		return FB_FAIL;
	return bg_answer(bg_remember(&b, "live", b.side[live].name));
}

/* The way back of a deployment is the side that is live now: it must stay, or be startable. */
int32_t bg_prove(const struct fb_call *call)
{
	struct bg b;
	struct bg_side *side;
	char text[BG_ERROR_SIZE];
	int live, healthy;

	bg_open(&b, call);
	if (bg_look(&b))
		return FB_RETRY;
	live = bg_side_of(&b, call->last_good);
	if (live == BG_NONE)
		live = bg_live(&b);
	if (live == BG_NONE) {
		call->host->fail(call, "it is not known which side is live: run the operation 'capture' first");
		return FB_FAIL;
	}
	side = &b.side[live];
	healthy = bg_health(&b, side, 2000, text);
	if (healthy == 1 || (healthy < 0 && bg_reached(side) == 1) || bg_can_start(&b, side))
		return FB_OK;
	call->host->fail(call, "there is no way back: the %s side is not healthy (%s) and there is no '%s.start'", side->name, text, side->name);
	return FB_FAIL;
}

static int park(struct bg *b, int which)
{
	int rc = bg_set_state(b, &b->side[which].spare, "maint");

	return rc < 0 ? rc : bg_set_state(b, &b->side[which].server, "maint");
}

/* The side to bring a release up on: in a recovery where it is, in a deployment the idle one. */
static int target_of(struct bg *b, const char *release)
{
	int live = bg_live(b), good, failed;

	if (b->call->failed)
		return bg_sides(b, release, &good, &failed) ? good : BG_NONE;
	if (live == BG_NONE) {
		b->host->fail(b->call, "which side is idle? HAProxy has both or none of %s/%s and %s/%s in rotation. Put the idle one into maintenance", b->backend,
			      b->side[0].server.name, b->backend, b->side[1].server.name);
		return BG_NONE;
	}
	return !live;
}

int32_t bg_prepare(const struct fb_call *call)
{
	bool deployment = !call->failed;
	struct bg b;
	int which, rc = BG_MADE;

	bg_open(&b, call);
	if (bg_look(&b))
		return FB_RETRY;
	if (!call->release) {
		call->host->fail(call, "no release was named that could be brought up");
		return FB_FAIL;
	}
	which = target_of(&b, call->release);
	if (which == BG_NONE)
		return FB_FAIL;
	if (deployment && !(call->flags & FB_CALL_DRY_RUN) &&
	    (call->host->fact_set(call, FB_SCOPE_OWN, "prepared.side", b.side[which].name) ||
	     call->host->fact_set(call, FB_SCOPE_OWN, "prepared.release", call->release))) {
		call->host->fail(call, "that release %s goes to the %s side could not be recorded in the journal", call->release, b.side[which].name);
		return FB_FAIL;
	}
	if (deployment) /* the side of a deployment is idle: nobody may be led there while it starts */
		rc = park(&b, which);
	if (rc >= 0)
		rc = bg_start(&b, which, call->release);
	bg_save_state(&b);
	return bg_answer(rc);
}

/* All users to side `to`: it is in rotation before the other one leaves. The other's spare stands by, where it is to. */
static int promote(struct bg *b, int to)
{
	struct bg_side *new = &b->side[to], *old = &b->side[!to];
	bool keep_warm = bg_reached(old) != 0;
	int rc = bg_set_state(b, &new->spare, "maint");

	if (rc >= 0)
		rc = bg_bring_in(b, new);
	if (rc >= 0 && keep_warm)
		rc = bg_set_state(b, &old->spare, "ready");
	if (rc >= 0 && !bg_maint(&old->server)) /* out of maintenance it would be no nearer to drained */
		rc = bg_set_state(b, &old->server, "drain");
	if (rc >= 0)
		rc = bg_set_weight(b, &old->server, -1);
	return rc < 0 ? rc : bg_remember(b, "live", new->name) ? BG_ERROR : rc;
}

/* A part of the users, by weights out of 256: steps of 39 basis points. */
static int split(struct bg *b, int to, uint32_t share)
{
	struct bg_side *new = &b->side[to], *old = &b->side[!to];
	int weight = (int)((share * 256 + 5000) / 10000), rc;

	weight = weight < 1 ? 1 : weight > 255 ? 255 : weight;
	rc = bg_set_weight(b, &new->server, weight);
	if (rc >= 0)
		rc = bg_set_weight(b, &old->server, 256 - weight);
	if (rc >= 0)
		rc = bg_set_state(b, &old->server, "ready");
	return rc < 0 ? rc : bg_set_state(b, &new->server, "ready");
}

int32_t bg_shift(const struct fb_call *call)
{
	char text[BG_ERROR_SIZE];
	struct bg b;
	int to, rc;

	bg_open(&b, call);
	if (bg_look(&b))
		return FB_RETRY;
	to = bg_side_of(&b, call->release);
	if (to == BG_NONE && (call->flags & FB_CALL_DRY_RUN)) /* where prepare would have put it */
		to = target_of(&b, call->release);
	if (to == BG_NONE) {
		call->host->fail(call, "release %s is on neither side: prepare it first", call->release ? call->release : "(none)");
		return FB_FAIL;
	}
	if (call->share == 0) {
		rc = bg_set_state(&b, &b.side[to].server, "maint");
	} else if (!(call->flags & FB_CALL_DRY_RUN) && bg_health(&b, &b.side[to], 2000, text) == 0) {
		call->host->fail(call, "no user was sent to release %s on the %s side, since it is not healthy: %s", call->release, b.side[to].name, text);
		return FB_FAIL;
	} else {
		rc = call->share >= 10000 ? promote(&b, to) : split(&b, to, call->share);
	}
	bg_save_state(&b);
	return bg_answer(rc);
}

int32_t bg_commit(const struct fb_call *call)
{
	bool keep = call->host->option_int(call, "keep_old", 1);
	struct bg b;
	int live, rc;

	bg_open(&b, call);
	if (bg_look(&b))
		return FB_RETRY;
	live = bg_side_of(&b, call->release);
	if (live == BG_NONE)
		live = bg_live(&b);
	if (live == BG_NONE || !bg_in_rotation(&b.side[live].server)) {
		call->host->fail(call, "release %s is not in rotation: the old one was left as it is", call->release ? call->release : "(none)");
		return FB_FAIL;
	}
	rc = bg_remember(&b, "live", b.side[live].name);
	if (rc >= 0) /* drained clients with a cookie still come: now they move, too; a spare goes on standing by */
		rc = bg_set_state(&b, &b.side[!live].server, "maint");
	if (rc >= 0 && !keep)
		rc = bg_set_state(&b, &b.side[!live].spare, "maint");
	if (rc >= 0 && !keep)
		rc = bg_stop(&b, !live, "since its successor is good");
	bg_save_state(&b);
	return bg_answer(rc);
}

int32_t bg_undo(const struct fb_call *call)
{
	const char *side;
	struct bg b;
	int before, rc;

	if (call->operation != FB_OP_PREPARE && call->operation != FB_OP_SHIFT)
		return FB_SKIP;
	bg_open(&b, call);
	if (bg_look(&b))
		return FB_RETRY;
	side = call->host->fact(call, FB_SCOPE_OWN, "prepared.side");
	if (!side)
		return FB_SKIP; /* nothing was prepared in this execution */
	before = strcmp(side, "blue") == 0 ? BG_GREEN : BG_BLUE;
	if (call->operation == FB_OP_SHIFT) {
		rc = bg_bring_in(&b, &b.side[before]);
		if (rc >= 0)
			rc = park(&b, !before);
		if (rc >= 0)
			rc = bg_remember(&b, "live", b.side[before].name);
	} else {
		if (bg_in_rotation(&b.side[!before].server)) {
			call->host->fail(call, "the %s side has users: undo the shift before the preparation", side);
			return FB_FAIL;
		}
		rc = park(&b, !before);
		if (rc >= 0)
			rc = bg_stop(&b, !before, "since its preparation is undone");
		if (rc == BG_MADE)
			rc = bg_remember_release(&b, !before, "");
	}
	bg_save_state(&b);
	return bg_answer(rc);
}
