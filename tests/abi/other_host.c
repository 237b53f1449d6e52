/* SPDX-License-Identifier: Apache-2.0 */
/* failback-host as a sandbox with a user makes it: another user from the moment before the plugin is loaded, one for each plugin. For tests that run as root. */
#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/load.h"

#define FIRST_USER 61100 /* nobody's: nothing of the system runs as these */

int __wrap_fb_load(const char *path, const char *kind, const char *name, struct fb_loaded *ret, struct fb_err *err);
int __real_fb_load(const char *path, const char *kind, const char *name, struct fb_loaded *ret, struct fb_err *err);

int __wrap_fb_load(const char *path, const char *kind, const char *name, struct fb_loaded *ret, struct fb_err *err)
{
	uid_t user = FIRST_USER + fb_streq(name, "tame");

	if (setgroups(0, NULL) < 0 || setresgid(user, user, user) < 0 || setresuid(user, user, user) < 0)
		return fb_err_set(err, FB_EXIT_PLUGIN, "cannot become user %u", (unsigned)user);
	prctl(PR_SET_DUMPABLE, 0); /* which a change of user has reset */
	return __real_fb_load(path, kind, name, ret, err);
}
