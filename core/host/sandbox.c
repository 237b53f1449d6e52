/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which a host gives up what its plugin may not have: limits, files, system calls, its user, capabilities. Each step is the kernel's. */
#include "host/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/frame.h"

#define GROUPS_MAX 256

/* Of root's capabilities, those that reach into the machine itself; a plugin that keeps "most" loses these (capabilities(7)). */
static const int machine[] = {CAP_DAC_READ_SEARCH, CAP_LINUX_IMMUTABLE, CAP_NET_ADMIN, CAP_IPC_OWNER, CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_PTRACE, CAP_SYS_RESOURCE, CAP_KILL, CAP_SYS_PACCT, CAP_SYS_ADMIN, CAP_SYS_BOOT,
			      CAP_SYS_TIME, CAP_SYS_TTY_CONFIG, CAP_MKNOD, CAP_LEASE, CAP_AUDIT_CONTROL, CAP_SETFCAP, CAP_MAC_OVERRIDE, CAP_MAC_ADMIN, CAP_SYSLOG, CAP_WAKE_ALARM, CAP_BLOCK_SUSPEND,
			      CAP_AUDIT_READ, CAP_PERFMON, CAP_BPF, CAP_CHECKPOINT_RESTORE};

static int fail(struct fb_err *err, const char *file, const char *what)
{
	return fb_err_set(err, FB_EXIT_PLUGIN, "%s cannot be sandboxed: %s: %s", file, what, strerror(errno));
}

static void cannot(struct fb_sandbox *s, const char *text)
{
	json_array_append_new(s->cannot, json_string(text));
}

static int64_t number(const json_t *policy, const char *name)
{
	return json_integer_value(json_object_get(policy, name));
}

/* Under AddressSanitizer no limit of memory can be set: its shadow has none. */
static int limit_memory(int64_t memory, const char *file, struct fb_err *err)
{
#ifdef FB_SANITIZED
	memory = 0;
#endif
	struct rlimit l = {.rlim_cur = (rlim_t)memory, .rlim_max = (rlim_t)memory};

	return memory > 0 && setrlimit(RLIMIT_AS, &l) < 0 ? fail(err, file, "cannot limit its memory") : 0;
}

static int limit(const json_t *policy, const char *file, struct fb_sandbox *s, struct fb_err *err)
{
	int64_t processes = number(policy, "processes");

	if (limit_memory(number(policy, "memory"), file, err) < 0)
		return -1;
	if (processes > 0 && !json_is_string(json_object_get(policy, "user")))
		cannot(s, geteuid() == 0 ? "the kernel counts no processes of root: processes = N needs a user of its own" :
					   "the kernel counts all processes of this user, not of this plugin alone: processes = N needs a user of its own");
	s->processes = processes;
	s->counted = processes > 0 && json_is_string(json_object_get(policy, "user")) && geteuid() == 0;
	s->cpu_ms = number(policy, "cpu");
	return 0;
}

static int become(const json_t *policy, const char *file, struct fb_err *err)
{
	uid_t uid = (uid_t)number(policy, "uid");
	gid_t gid = (gid_t)number(policy, "gid"), groups[GROUPS_MAX];
	const json_t *item;
	size_t i, n = 0;

	if (!json_is_string(json_object_get(policy, "user")) || (geteuid() == uid && getuid() == uid))
		return 0;
	if (geteuid() != 0)
		return fb_err_set(err, FB_EXIT_PLUGIN, "%s cannot be run as the user %s: only root can become another; run failback as root, or leave out 'user'", file,
				  json_string_value(json_object_get(policy, "user")));
	json_array_foreach(json_object_get(policy, "groups"), i, item)
		if (n < GROUPS_MAX)
			groups[n++] = (gid_t)json_integer_value(item);
	if (setgroups(n, groups) < 0)
		return fail(err, file, "setgroups");
	if (setresgid(gid, gid, gid) < 0)
		return fail(err, file, "setresgid");
	if (setresuid(uid, uid, uid) < 0)
		return fail(err, file, "setresuid");
	setenv("HOME", json_string_value(json_object_get(policy, "home")), 1);
	setenv("USER", json_string_value(json_object_get(policy, "user")), 1);
	return 0;
}

static bool reaches_machine(int capability)
{
	for (size_t i = 0; i < sizeof machine / sizeof *machine; i++)
		if (machine[i] == capability)
			return true;
	return false;
}

/* Of root's, those that the kind keeps; from the bounding set too, so that no program gives them back. */
static int drop_capabilities(const json_t *policy, const char *file, struct fb_err *err)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};
	bool all = strcmp(json_string_value(json_object_get(policy, "capabilities")) ? json_string_value(json_object_get(policy, "capabilities")) : "none", "most") != 0;

	if (syscall(SYS_capget, &header, data) < 0)
		return fail(err, file, "capget");
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (int c = 0; c < 64; c++) {
		uint32_t bit = 1u << (c % 32);

		if (!all && !reaches_machine(c))
			continue;
		prctl(PR_CAPBSET_DROP, c, 0, 0, 0); /* without CAP_SETPCAP there is little to drop */
		data[c / 32].effective &= ~bit;
		data[c / 32].permitted &= ~bit;
		data[c / 32].inheritable &= ~bit;
	}
	return syscall(SYS_capset, &header, data) < 0 ? fail(err, file, "capset") : 0;
}

int fb_sandbox_enter(const json_t *order, const char *file, struct fb_sandbox *ret, struct fb_err *err)
{
	const json_t *policy = json_object_get(order, "sandbox");
	const char *scratch = json_string_value(json_object_get(order, "scratch"));
	bool no_new_privs = json_is_true(json_object_get(order, "no_new_privs"));
	int ruleset;

	*ret = (struct fb_sandbox){.listener = -1, .cannot = json_array()};
	if (!json_is_object(policy)) {
		if (no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
			return fail(err, file, "no_new_privs");
		return 0;
	}
	ret->on = true;
	if (scratch)
		setenv("TMPDIR", scratch, 1);
	if (limit(policy, file, ret, err) < 0 || fb_landlock_prepare(policy, file, scratch, ret->cannot, &ruleset, err) < 0)
		return -1;
	if (no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(err, file, "no_new_privs");
	if (fb_landlock_enter(ruleset, err) < 0 || fb_seccomp_enter(policy, json_is_true(json_object_get(order, "looks")), ret->cannot, &ret->listener, err) < 0)
		return fb_err_prefix(err, "%s", file);
	if (become(policy, file, err) < 0 || drop_capabilities(policy, file, err) < 0)
		return -1;
	prctl(PR_SET_DUMPABLE, 0); /* a change of user sets it anew */
	ret->apart = ruleset >= 0 && no_new_privs;
	if (!no_new_privs)
		cannot(ret, "without no_new_privs its calls are not kept apart from each other, and what gains privileges in it is limited by its sandbox alone");
	return 0;
}

/* Processes of this user; at least this one. */
static rlim_t count_processes(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *e;
	struct stat st;
	rlim_t n = 0;

	while (proc && (e = readdir(proc)))
		if (*e->d_name >= '0' && *e->d_name <= '9' && fstatat(dirfd(proc), e->d_name, &st, 0) == 0 && st.st_uid == geteuid())
			n++;
	if (proc)
		closedir(proc);
	return n ? n : 1;
}

void fb_sandbox_worker(const struct fb_sandbox *s)
{
	struct rlimit l;

	if (!s->on)
		return;
	if (s->cpu_ms > 0) {
		l.rlim_cur = (rlim_t)((s->cpu_ms + 999) / 1000);
		l.rlim_max = l.rlim_cur + 1;
		setrlimit(RLIMIT_CPU, &l); /* lowers; never fails */
	}
	if (s->counted) { /* beside the host, this worker and what the user has under way */
		l.rlim_cur = l.rlim_max = count_processes() + (rlim_t)s->processes;
		setrlimit(RLIMIT_NPROC, &l);
	}
	if (s->apart && fb_landlock_apart() < 0)
		_exit(126);
	if (s->processes == 0)
		fb_seccomp_worker();
}
