/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that a sandboxed plugin may not make (seccomp(2)). Those of the host's filter are handed to the engine, which names what was refused and
 * answers EPERM; where that is not to be had the kernel answers EPERM by itself. A worker that starts no process has a second filter, which the host
 * cannot have, because it forks: its refusals arrive as SIGSYS in the worker and are noted here.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/sandbox.h"

#define SOCK_TYPE 0xfu
#define FAMILIES 64 /* AF_MAX of any kernel to come is below */

/* What reaches into other processes or the machine: no sandbox allows it. */
static const int machine[] = {
	SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(kcmp), SCMP_SYS(pidfd_getfd), SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root),
	SCMP_SYS(chroot), SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(fsopen), SCMP_SYS(fsconfig), SCMP_SYS(fsmount), SCMP_SYS(fspick), SCMP_SYS(mount_setattr), SCMP_SYS(setns),
	SCMP_SYS(unshare), SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load), SCMP_SYS(reboot), SCMP_SYS(swapon),
	SCMP_SYS(swapoff), SCMP_SYS(acct), SCMP_SYS(quotactl), SCMP_SYS(settimeofday), SCMP_SYS(clock_settime), SCMP_SYS(clock_adjtime), SCMP_SYS(adjtimex), SCMP_SYS(iopl), SCMP_SYS(ioperm),
	SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(open_by_handle_at), SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register), SCMP_SYS(syslog), SCMP_SYS(vhangup)};
/* What changes files by their owner's right, which Landlock does not know: refused to who writes nothing, or nothing but a folder of its own. */
static const int inodes[] = {
	SCMP_SYS(chmod), SCMP_SYS(fchmod), SCMP_SYS(fchmodat), SCMP_SYS(chown), SCMP_SYS(fchown), SCMP_SYS(lchown), SCMP_SYS(fchownat), SCMP_SYS(setxattr),
	SCMP_SYS(lsetxattr), SCMP_SYS(fsetxattr), SCMP_SYS(removexattr), SCMP_SYS(lremovexattr), SCMP_SYS(fremovexattr), SCMP_SYS(utime), SCMP_SYS(utimes), SCMP_SYS(futimesat),
	SCMP_SYS(utimensat),
	452, 463, 466, 469}; /* fchmodat2, setxattrat, removexattrat, file_setattr: the same number on every machine, which an older libseccomp has no name for */
/* What reaches other processes of the same user: who it is about is the nth argument, 0 is the caller. */
static const struct {
	int call;
	unsigned who;
} others[] = {{SCMP_SYS(setpriority), 1}, {SCMP_SYS(sched_setscheduler), 0}, {SCMP_SYS(sched_setparam), 0}, {SCMP_SYS(sched_setattr), 0}, {SCMP_SYS(sched_setaffinity), 0}, {SCMP_SYS(ioprio_set), 1}};
static const unsigned long namespaces[] = {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET};

/* ---- the host's filter ---- */

/* Rules for a call that this architecture or this kernel does not have are no rules. */
static int deny(scmp_filter_ctx f, uint32_t action, int call)
{
	int r = seccomp_rule_add(f, action, call, 0);

	return r == -EDOM ? 0 : r;
}

static int deny_if(scmp_filter_ctx f, uint32_t action, int call, struct scmp_arg_cmp arg)
{
	int r = seccomp_rule_add_array(f, action, call, 1, &arg);

	return r == -EDOM ? 0 : r;
}

static struct scmp_arg_cmp is(unsigned arg, scmp_datum_t value)
{
	return (struct scmp_arg_cmp){.arg = arg, .op = SCMP_CMP_MASKED_EQ, .datum_a = 0xffffffffu, .datum_b = value};
}

static struct scmp_arg_cmp has(unsigned arg, scmp_datum_t bits, scmp_datum_t value)
{
	return (struct scmp_arg_cmp){.arg = arg, .op = SCMP_CMP_MASKED_EQ, .datum_a = bits, .datum_b = value};
}

static struct scmp_arg_cmp not_zero(unsigned arg)
{
	return (struct scmp_arg_cmp){.arg = arg, .op = SCMP_CMP_NE, .datum_a = 0};
}

static bool has_user(const json_t *policy)
{
	return json_is_string(json_object_get(policy, "user"));
}

/* A check or a notifier: who has this little of root's has no files of its own to change. */
static bool is_small(const json_t *policy)
{
	const char *kept = json_string_value(json_object_get(policy, "capabilities"));

	return !kept || strcmp(kept, "most") != 0;
}

/* As a user of its own the kernel keeps it from others' files and processes. */
static int as_the_same_user(scmp_filter_ctx f, uint32_t action, const json_t *policy)
{
	struct scmp_arg_cmp limits[2] = {not_zero(0), not_zero(2)}; /* of another, and not merely read */
	int r = 0;

	if (has_user(policy))
		return 0;
	for (size_t i = 0; r == 0 && is_small(policy) && i < sizeof inodes / sizeof *inodes; i++)
		r = deny(f, action, inodes[i]);
	for (size_t i = 0; r == 0 && i < sizeof others / sizeof *others; i++)
		r = deny_if(f, action, others[i].call, not_zero(others[i].who));
	if (r == 0)
		r = seccomp_rule_add_array(f, action, SCMP_SYS(prlimit64), 2, limits);
	return r == -EDOM ? 0 : r;
}

/* A datagram socket, or one of a pair, sends to any address without connect. */
static int no_datagrams(scmp_filter_ctx f, uint32_t action, int call)
{
	static const scmp_datum_t other[] = {SOCK_DGRAM, SOCK_RAW, SOCK_RDM};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof other / sizeof *other; i++) {
		struct scmp_arg_cmp v[2] = {is(0, AF_UNIX), has(1, SOCK_TYPE, other[i])};

		r = seccomp_rule_add_array(f, action, call, 2, v);
	}
	return r;
}

/* Those that are listed, where connect can be asked about: streams may be made. */
static int listed_sockets(scmp_filter_ctx f, uint32_t action)
{
	int r = no_datagrams(f, action, SCMP_SYS(socket));

	return r ? r : deny(f, action, SCMP_SYS(connect));
}

static int sockets(scmp_filter_ctx f, uint32_t action, const json_t *policy, bool looks)
{
	bool network = json_is_true(json_object_get(policy, "network")), listed = json_array_size(json_object_get(policy, "sockets")) > 0;
	bool any = network && (json_is_null(json_object_get(policy, "sockets")) || (listed && !looks));
	int r = 0;

	for (scmp_datum_t family = 0; r == 0 && family < FAMILIES; family++)
		if (family != AF_UNIX && !(network && (family == AF_INET || family == AF_INET6 || family == AF_NETLINK)))
			r = deny_if(f, action, SCMP_SYS(socket), is(0, family));
	if (r || any)
		return r;
	r = no_datagrams(f, action, SCMP_SYS(socketpair));
	if (r)
		return r;
	return listed && looks ? listed_sockets(f, action) : deny_if(f, action, SCMP_SYS(socket), is(0, AF_UNIX));
}

static int fill(scmp_filter_ctx f, uint32_t action, const json_t *policy, bool looks)
{
	int r = sockets(f, action, policy, looks);

	if (r == 0)
		r = as_the_same_user(f, action, policy);
	for (size_t i = 0; r == 0 && i < sizeof machine / sizeof *machine; i++)
		r = deny(f, action, machine[i]);
	for (size_t i = 0; r == 0 && i < sizeof namespaces / sizeof *namespaces; i++)
		r = deny_if(f, action, SCMP_SYS(clone), has(0, namespaces[i], namespaces[i]));
	if (r == 0) /* its flags cannot be looked at; everybody falls back to clone */
		r = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (r == 0)
		r = deny_if(f, action, SCMP_SYS(ioctl), is(1, TIOCSTI));
	if (r == 0 && json_integer_value(json_object_get(policy, "processes")) == 0)
		r = deny(f, action, SCMP_SYS(execve));
	if (r == 0 && json_integer_value(json_object_get(policy, "processes")) == 0)
		r = deny(f, action, SCMP_SYS(execveat));
	return r;
}

/* 0, or a negative errno. *ret_listener: -1 without SCMP_ACT_NOTIFY */
static int load(uint32_t action, const json_t *policy, bool looks, int *ret_listener)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int r = f ? seccomp_attr_set(f, SCMP_FLTATR_CTL_NNP, 0) : -ENOMEM;

	if (r == 0)
		r = fill(f, action, policy, looks);
	if (r == 0)
		r = seccomp_load(f);
	if (r == 0 && action == SCMP_ACT_NOTIFY)
		*ret_listener = seccomp_notify_fd(f);
	seccomp_release(f);
	return r;
}

static void say_gaps(const json_t *policy, bool looks, json_t *cannot)
{
	bool network = json_is_true(json_object_get(policy, "network"));
	const json_t *listed = json_object_get(policy, "sockets");

	if (!has_user(policy) && !is_small(policy))
		json_array_append_new(cannot, json_string("modes, owners, attributes and times of files that belong to its user can be changed wherever they are: give it a user of its own"));
	if (looks || !json_array_size(listed))
		return;
	if (network)
		json_array_append_new(cannot, json_string("which local sockets it connects to cannot be looked at without CAP_SYS_PTRACE: all are allowed while its network is on; run failback as root"));
	else
		json_array_append_new(cannot, json_string("its 'sockets' cannot be looked at without CAP_SYS_PTRACE: none is allowed; run failback as root"));
}

int fb_seccomp_enter(const json_t *policy, bool looks, json_t *cannot, int *ret_listener, struct fb_err *err)
{
	int r = load(SCMP_ACT_NOTIFY, policy, looks, ret_listener);

	if (r == 0) {
		say_gaps(policy, looks, cannot);
		return 0;
	}
	*ret_listener = -1;
	r = load(SCMP_ACT_ERRNO(EPERM), policy, false, ret_listener);
	if (r == 0) {
		say_gaps(policy, false, cannot);
		json_array_append_new(cannot, json_string("what it is refused cannot be named: this kernel (before 5.0), or a filter that is in force already, gives no word of it"));
		return 0;
	}
	if (r == -EINVAL || r == -ENOSYS) {
		json_array_append_new(cannot, json_string("this kernel has no seccomp filters: sockets, processes and calls that reach into the machine are not limited"));
		return 0;
	}
	return fb_err_set(err, FB_EXIT_PLUGIN, "its sandbox cannot be entered: seccomp: %s%s", strerror(-r), r == -EACCES || r == -EPERM ? ": set no_new_privs = true for it, or run failback as root" : "");
}

/* ---- a worker's own ---- */

static char refused[512];

const char *fb_sandbox_refused(void)
{
	return refused;
}

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#define ARGUMENT(u, n) ((u)->uc_mcontext.gregs[(n) == 0 ? REG_RDI : REG_RSI])
#define RESULT(u) ((u)->uc_mcontext.gregs[REG_RAX])
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#define ARGUMENT(u, n) ((u)->uc_mcontext.regs[n])
#define RESULT(u) ((u)->uc_mcontext.regs[0])
#endif

#ifdef ARCH
#define REFUSE SECCOMP_RET_TRAP

/* Runs where the call was made, so what it uses was not under way there. */
static void on_refused(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;
	size_t n = strlen(refused);
	char text[96];

	(void)sig;
	if (info->si_syscall == SYS_kill || info->si_syscall == SYS_tgkill || info->si_syscall == SYS_rt_sigqueueinfo)
		snprintf(text, sizeof text, "to send a signal to process %d", (int)ARGUMENT(u, 0));
	else if (info->si_syscall == SYS_tkill || info->si_syscall == SYS_pidfd_send_signal || info->si_syscall == SYS_rt_tgsigqueueinfo)
		snprintf(text, sizeof text, "to send a signal to another process");
	else
		snprintf(text, sizeof text, "to start a process (fork)");
	if (!strstr(refused, text) && n + strlen(text) + 2 < sizeof refused)
		snprintf(refused + n, sizeof refused - n, "%s%s", n ? "\n" : "", text);
	RESULT(u) = -EPERM;
}
#else
#define ARCH 0
#define REFUSE (SECCOMP_RET_ERRNO | EPERM)
#endif

#define LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define LOAD_ARGUMENT(n) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[n])) /* the low half, little endian */
#define IF(value, then, other) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), then, other)
#define IF_BIT(value, then, other) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (uint32_t)(value), then, other)
#define ANSWER(value) BPF_STMT(BPF_RET | BPF_K, value)

/* Written by hand because it names this process, and is made for every call. */
void fb_seccomp_worker(void)
{
	uint32_t me = (uint32_t)getpid();
	struct sock_filter code[] = {
		LOAD(nr),
#ifdef SYS_fork
		IF(SYS_fork, 12, 0),
		IF(SYS_vfork, 11, 0),
#else
		IF(SYS_clone, 0, 0),
		IF(SYS_clone, 0, 0),
#endif
		IF(SYS_clone, 6, 0),
		IF(SYS_kill, 7, 0),
		IF(SYS_tgkill, 6, 0),
		IF(SYS_rt_sigqueueinfo, 5, 0),
		IF(SYS_tkill, 6, 0),
		IF(SYS_pidfd_send_signal, 5, 0),
		IF(SYS_rt_tgsigqueueinfo, 4, 5), /* 9 */
		LOAD_ARGUMENT(0),
		IF_BIT(CLONE_THREAD, 3, 2),
		LOAD_ARGUMENT(0), /* 12 */
		IF(me, 1, 0),
		ANSWER(REFUSE), /* 14 */
		ANSWER(SECCOMP_RET_ALLOW), /* 15 */
	};
	struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
#if ARCH
	struct sigaction action = {.sa_sigaction = on_refused, .sa_flags = SA_SIGINFO | SA_NODEFER};

	if (sigaction(SIGSYS, &action, NULL) < 0)
		_exit(126);
#endif
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 && errno != EINVAL)
		_exit(126);
}
