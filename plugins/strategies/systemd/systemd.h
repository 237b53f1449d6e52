/* SPDX-License-Identifier: Apache-2.0 */
/* Strategy systemd: what its files share. bus.c talks to the manager, unit.c knows what a unit is doing, job.c has jobs done, dropin.c owns our file, place.c the order. */
#ifndef FB_PLUGINS_SYSTEMD_H
#define FB_PLUGINS_SYSTEMD_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "plugins/common/run.h"

#define MOST_UNITS 16
#define UNIT_NAME_MAX 256
#define DROPIN_MAX 16384
#define MANAGER_NAME "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE "org.freedesktop.systemd1.Manager"

/* What systemd says of a unit. Texts are cut to their size, and empty where it says nothing. */
struct status {
	char load[24], active[24], sub[32], result[40], file_state[24], type[24], invocation[33];
	char load_error[300], text[200], fragment[512], dropins[2048], job[128]; /* dropins: paths, a line each. job: of the pending one, "" when there is none */
	bool need_reload, can_reload;
	uint32_t restarts, main_pid;
	int32_t main_code, main_status; /* si_code and si_status of the main process's end */
	uint64_t started_us;            /* CLOCK_REALTIME */
};

struct unit {
	char name[UNIT_NAME_MAX];
	struct status now; /* as of the last unit_look */
};

struct systemd {
	const struct fb_call *call;
	const struct fb_host *host;
	sd_bus *bus;
	size_t n;
	struct unit units[MOST_UNITS];
};

/* bus.c. Every function that answers has set its sentence when the answer is not FB_OK. */

/* Reads the names of the units. FB_OK or FB_FATAL. */
int32_t systemd_begin(struct systemd *s, const struct fb_call *call);
/* Connects when it is not connected. */
int32_t systemd_connect(struct systemd *s);
void systemd_end(struct systemd *s);
bool systemd_is_user(const struct systemd *s);
/* Says why a call of the manager failed: attempt ("restart shop.service"), the error or r. */
int32_t systemd_refused(struct systemd *s, const char *attempt, const char *unit, const sd_bus_error *e, int r);
/* Was the connection lost, so that another may succeed? */
bool systemd_is_gone(const sd_bus_error *e, int r);
/* Calls a method of the manager with one string (NULL: none), which answers nothing that matters. */
int systemd_call(struct systemd *s, const char *method, const char *word, sd_bus_error *e);
/* "systemctl" or "systemctl --user", then the words: a command for people. Returns buf. */
char *systemd_command(const struct systemd *s, const char *verb, const char *unit, char *buf, size_t size);

/* unit.c */
int32_t unit_look(struct systemd *s, struct unit *u);
int32_t units_look(struct systemd *s);
/* Masked, not found, or its file has an error: FB_FATAL or FB_FAIL with what to do. */
int32_t unit_usable(struct systemd *s, const struct unit *u);
bool unit_is_up(const struct unit *u);   /* it runs, or has done its work (Type=oneshot) */
bool unit_is_down(const struct unit *u); /* nothing of it runs */
/* "failed (exit-code; its main process ended with exit code 3)". Returns buf. */
char *unit_words(const struct unit *u, char *buf, size_t size);

/* job.c */

/* Start, Stop, Restart or Reload a unit as the action key, and wait for the job. */
int32_t job_act(struct systemd *s, struct unit *u, const char *verb);
/* A call without a job as an action: Reload (unit NULL: systemd reads its files again) or ResetFailedUnit. */
int32_t manager_act(struct systemd *s, struct unit *u, const char *method, const char *key, const char *text);
/* The units stay up for `settle`, without being started again. */
int32_t units_settle(struct systemd *s);
/* KEY, KEY:UNIT or these with the number of the attempt. Returns buf. */
char *action_key(const struct systemd *s, const struct unit *u, const char *key, char *buf, size_t size);

/* dropin.c */
bool dropin_is_set(const struct fb_call *call);
char *dropin_directory(const struct systemd *s); /* to be freed */
char *dropin_path(const struct systemd *s, const struct unit *u); /* to be freed */
/* The release that our file says, to be freed; NULL: there is none, or it does not say. */
char *dropin_release(struct systemd *s, const struct unit *u);
/* Records every unit's file as it is, as what `release` has. */
int32_t dropins_capture(struct systemd *s, const char *release);
/* What was captured can be read, and what stands is what was captured. */
int32_t dropins_prove(struct systemd *s, const char *release);
/* 1: it stands as release has it, 0: it does not, -1: with its sentence. */
int dropin_stands(struct systemd *s, const struct unit *u, const char *release);
/* Puts it in place as an action. *ret_changed is set when it had to. */
int32_t dropin_place(struct systemd *s, const struct unit *u, const char *release, bool *ret_changed);
/* Text for release with {release} and {unit} filled in, to be freed; NULL with its sentence. */
char *dropin_render(struct systemd *s, const struct unit *u, const char *release, size_t *ret_size);

/* place.c */
int32_t place(struct systemd *s, const char *release, const char *command);
char *live_release(struct systemd *s, const char **ret_source); /* to be freed; NULL: not known */
/* Is it live and running, and nothing of it in doubt? */
bool is_live(struct systemd *s, const char *release);
int32_t verify_units(struct systemd *s, const char *release);

/* evidence.c */
int32_t evidence_take(struct systemd *s);
/* The last line that the unit wrote since this execution touched it, or "". Returns buf. */
char *evidence_last_line(struct systemd *s, const struct unit *u, char *buf, size_t size);

#endif
