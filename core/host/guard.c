/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refused system calls. Nothing that a caller could change meanwhile is let through: a call is answered with EPERM, or, for connect, made here with a
 * copy of the caller's socket and of its address. What was tried is kept with the call that it belongs to.
 */
#include "host/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define NAMED_MAX 8       /* refusals of one call that are told */
#define TURNS 32          /* of one turn of the loop */
#define CONNECTS_MAX 32   /* under way for one host */
#define ANCESTORS_MAX 64
#define GROUPS_MAX 256

/* A blocking connect that is under way */
struct waiting {
	struct waiting *next;
	struct fb_plugin_host *host;
	uint64_t id;
	int fd, flags;
	uv_poll_t *poll;
};

struct fb_guard {
	int fd;
	uv_poll_t *poll;
	struct seccomp_notif *call;
	struct seccomp_notif_resp *answer;
	size_t call_size, answer_size;
	struct waiting *connects;
};

bool fb_guard_looks(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};

	return syscall(SYS_capget, &header, data) == 0 && data[CAP_SYS_PTRACE / 32].effective & 1u << CAP_SYS_PTRACE % 32;
}

void fb_guard_begin(struct fb_plugin_host *h, int listener)
{
	struct seccomp_notif_sizes sizes;
	struct fb_guard *g;

	if (h->guard || syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0) {
		close(listener);
		return;
	}
	g = h->guard = fb_alloc(sizeof *g);
	g->fd = listener;
	/* The kernel may know more members than we do, or fewer. */
	g->call_size = sizes.seccomp_notif > sizeof *g->call ? sizes.seccomp_notif : sizeof *g->call;
	g->answer_size = sizes.seccomp_notif_resp > sizeof *g->answer ? sizes.seccomp_notif_resp : sizeof *g->answer;
	g->call = fb_alloc(g->call_size);
	g->answer = fb_alloc(g->answer_size);
	fb_guard_watch(h);
}

int fb_guard_fd(const struct fb_plugin_host *h)
{
	return h->guard ? h->guard->fd : -1;
}

/* ---- who and what ---- */

/* Members of /proc/PID/status: the process that a thread belongs to, and its parent. 0 or -1. */
static int family_of(pid_t tid, pid_t *ret_pid, pid_t *ret_parent)
{
	char path[64], buf[2048], *pid, *parent;
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/status", (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, sizeof buf - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return -1;
	buf[n] = 0;
	pid = strstr(buf, "\nTgid:");
	parent = strstr(buf, "\nPPid:");
	return pid && parent && sscanf(pid, "\nTgid: %d", ret_pid) == 1 && sscanf(parent, "\nPPid: %d", ret_parent) == 1 ? 0 : -1;
}

/* The call that a process works for; *ret_itself: it is the worker, and no program that it started. */
static struct fb_host_call *caller(const struct fb_plugin_host *h, pid_t tid, bool *ret_itself)
{
	pid_t pid, parent;

	*ret_itself = true;
	for (int i = 0; i < ANCESTORS_MAX && tid > 1 && family_of(tid, &pid, &parent) == 0; i++) {
		for (struct fb_host_call *c = h->pool->calls; c; c = c->next)
			if (c->host == h && !c->exited && c->worker.pid == pid)
				return c;
		*ret_itself = false;
		tid = parent;
	}
	return NULL;
}

static bool read_memory(pid_t pid, uint64_t from, void *to, size_t size)
{
	struct iovec here = {.iov_base = to, .iov_len = size}, there = {.iov_base = (void *)(uintptr_t)from, .iov_len = size}; /* NOLINT */

	return process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

/* A text of the caller's, piece by piece: its end may be the end of what is mapped. */
static void read_text(pid_t pid, uint64_t from, char *to, size_t size)
{
	size_t n = 0;

	while (n < size - 1 && read_memory(pid, from + n, to + n, 1) && to[n])
		n++;
	to[n] = 0;
	for (char *p = to; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

static const char *family_name(uint64_t family)
{
	switch ((uint32_t)family) {
	case AF_UNIX:
		return "AF_UNIX";
	case AF_INET:
		return "AF_INET";
	case AF_INET6:
		return "AF_INET6";
	case AF_NETLINK:
		return "AF_NETLINK";
	case AF_PACKET:
		return "AF_PACKET";
	default:
		return NULL;
	}
}

static const struct {
	int call;
	const char *name;
} names[] = {
	{SYS_ptrace, "ptrace"}, {SYS_process_vm_readv, "process_vm_readv"}, {SYS_process_vm_writev, "process_vm_writev"}, {SYS_kcmp, "kcmp"}, {SYS_mount, "mount"}, {SYS_umount2, "umount"},
	{SYS_chroot, "chroot"}, {SYS_pivot_root, "pivot_root"}, {SYS_setns, "setns"}, {SYS_unshare, "unshare"}, {SYS_clone, "clone into new namespaces"}, {SYS_init_module, "init_module"},
	{SYS_finit_module, "finit_module"}, {SYS_delete_module, "delete_module"}, {SYS_reboot, "reboot"}, {SYS_bpf, "bpf"}, {SYS_perf_event_open, "perf_event_open"}, {SYS_keyctl, "keyctl"},
	{SYS_add_key, "add_key"}, {SYS_request_key, "request_key"}, {SYS_syslog, "syslog"}, {SYS_open_by_handle_at, "open_by_handle_at"}, {SYS_settimeofday, "settimeofday"},
	{SYS_prlimit64, "prlimit for another process"}, {SYS_setpriority, "setpriority for another process"}, {SYS_sched_setscheduler, "sched_setscheduler for another process"},
	{SYS_sched_setaffinity, "sched_setaffinity for another process"}, {SYS_fchmod, "fchmod"}, {SYS_fchmodat, "fchmodat"}, {SYS_fchown, "fchown"}, {SYS_fchownat, "fchownat"},
	{SYS_utimensat, "utimensat"}, {SYS_setxattr, "setxattr"}, {SYS_fsetxattr, "fsetxattr"}, {SYS_removexattr, "removexattr"},
#ifdef SYS_chmod
	{SYS_chmod, "chmod"}, {SYS_chown, "chown"}, {SYS_lchown, "lchown"},
#endif
	{SYS_clock_settime, "clock_settime"}, {SYS_ioctl, "ioctl TIOCSTI"}, {SYS_userfaultfd, "userfaultfd"}, {SYS_io_uring_setup, "io_uring_setup"}, {SYS_pidfd_getfd, "pidfd_getfd"},
};

static char *describe(const struct seccomp_notif *n)
{
	const struct seccomp_data *d = &n->data;
	char path[512] = "";

	if (d->nr == SYS_socket || d->nr == SYS_socketpair) {
		const char *name = family_name(d->args[0]);

		return name ? fb_asprintf("to open a socket (%s)", name) : fb_asprintf("to open a socket (family %d)", (int)d->args[0]);
	}
	if (d->nr == SYS_execve || d->nr == SYS_execveat) {
		read_text((pid_t)n->pid, d->args[d->nr == SYS_execveat], path, sizeof path);
		return *path ? fb_asprintf("to start a program (%s)", path) : fb_strdup("to start a program");
	}
	if (d->nr == SYS_ptrace || d->nr == SYS_process_vm_readv || d->nr == SYS_process_vm_writev)
		return fb_asprintf("to look into process %d (%s)", (int)d->args[d->nr == SYS_ptrace], d->nr == SYS_ptrace ? "ptrace" : d->nr == SYS_process_vm_readv ? "process_vm_readv" : "process_vm_writev");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].call == d->nr)
			return fb_asprintf("to call %s", names[i].name);
	return fb_asprintf("to make system call %d", (int)d->nr);
}

static void keep(json_t **list, const char *text)
{
	const json_t *item;
	size_t i;

	if (!*list)
		*list = json_array();
	json_array_foreach(*list, i, item)
		if (fb_streq(json_string_value(item), text))
			return;
	if (json_array_size(*list) < NAMED_MAX)
		json_array_append_new(*list, json_string(text));
}

static void note(struct fb_plugin_host *h, const struct seccomp_notif *n, char *text)
{
	bool itself;
	struct fb_host_call *c = caller(h, (pid_t)n->pid, &itself);
	char line[1024];

	if (c) {
		snprintf(line, sizeof line, "its sandbox refused %s%s", itself ? "" : "a program that it started ", text);
		fb_host_call_note(c, line);
		if (itself) /* what its programs try is in the log: they may well do without */
			keep(&c->refused, text);
	} else if (h->state == FB_HOST_STARTING) {
		keep(&h->load_refused, text);
	}
	fb_free(text);
}

/* ---- answers ---- */

static void answer(struct fb_guard *g, uint64_t id, int error)
{
	memset(g->answer, 0, g->answer_size);
	g->answer->id = id;
	g->answer->error = -error;
	ioctl(g->fd, SECCOMP_IOCTL_NOTIF_SEND, g->answer); /* fails when the caller is gone */
}

static bool still_there(const struct fb_guard *g, uint64_t id)
{
	return ioctl(g->fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

/* How the C library and systemd's modules ask for names: without an answer they look for themselves, so this is no attempt of the plugin's. */
static bool asks_for_names(const struct seccomp_data *d)
{
	return d->nr == SYS_socket && d->args[0] == AF_UNIX && (int)d->args[1] == (SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static bool is_name_service(const char *path)
{
	static const char *const paths[] = {"/var/run/nscd/socket", "/run/nscd/socket", "/run/systemd/resolve/io.systemd.Resolve"};

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (strcmp(paths[i], path) == 0)
			return true;
	return fb_has_prefix(path, "/run/systemd/userdb/");
}

static bool listed(const struct fb_plugin_host *h, const char *path)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(h->policy, "sockets"), i, item)
		if (fb_streq(json_string_value(item), path))
			return true;
	return false;
}

static void free_poll(uv_handle_t *handle)
{
	fb_free(handle);
}

static void drop_waiting(struct fb_guard *g, struct waiting *w)
{
	for (struct waiting **p = &g->connects; *p; p = &(*p)->next)
		if (*p == w) {
			*p = w->next;
			break;
		}
	uv_close((uv_handle_t *)w->poll, free_poll);
	close(w->fd);
	fb_free(w);
}

static void on_connected(uv_poll_t *poll, int status, int events)
{
	struct waiting *w = poll->data;
	struct fb_guard *g = w->host->guard;
	int error = 0;
	socklen_t size = sizeof error;

	(void)events;
	if (status < 0 || getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = error ? error : EIO;
	fcntl(w->fd, F_SETFL, w->flags);
	answer(g, w->id, error);
	drop_waiting(g, w);
}

/*
 * As the plugin's own user: who listens is told who connects, and the way to the socket has rights of its own. By system calls, which change this thread
 * alone. 0 or an errno.
 */
static int connect_as(const json_t *policy, int fd, const struct sockaddr *to, socklen_t size)
{
	const json_t *groups = json_object_get(policy, "groups"), *item;
	gid_t mine[GROUPS_MAX], theirs[GROUPS_MAX];
	int n = getgroups(GROUPS_MAX, mine), error = 0;
	size_t i, count = 0;

	if (!json_is_string(json_object_get(policy, "user")) || geteuid() != 0)
		return connect(fd, to, size) < 0 ? errno : 0;
	json_array_foreach(groups, i, item)
		if (count < GROUPS_MAX)
			theirs[count++] = (gid_t)json_integer_value(item);
	if (n < 0)
		return EPERM;
	if (syscall(SYS_setgroups, count, theirs) < 0)
		return EPERM;
	if (syscall(SYS_setresgid, -1, (gid_t)json_integer_value(json_object_get(policy, "gid")), -1) < 0 ||
	    syscall(SYS_setresuid, -1, (uid_t)json_integer_value(json_object_get(policy, "uid")), -1) < 0)
		error = EPERM;
	else if (connect(fd, to, size) < 0)
		error = errno;
	if (syscall(SYS_setresuid, -1, 0, -1) < 0 || syscall(SYS_setresgid, -1, getgid(), -1) < 0 || syscall(SYS_setgroups, (size_t)n, mine) < 0)
		abort(); /* nothing may go on as somebody else */
	return error;
}

/* The connection is made with our copy of the socket, so that neither it nor the address can be changed on the way. */
static void make_connection(struct fb_plugin_host *h, uint64_t id, int fd, const struct sockaddr_storage *to, socklen_t size)
{
	int flags = fcntl(fd, F_GETFL), error, under_way = 0;
	struct waiting *w;

	for (w = h->guard->connects; w; w = w->next)
		under_way++;
	if (under_way >= CONNECTS_MAX) {
		answer(h->guard, id, EAGAIN);
		close(fd);
		return;
	}
	fcntl(fd, F_SETFL, flags | O_NONBLOCK); /* the engine waits for nobody */
	error = connect_as(h->policy, fd, (const struct sockaddr *)to, size);
	if (error != EINPROGRESS || flags & O_NONBLOCK || !h->pool->loop) {
		fcntl(fd, F_SETFL, flags);
		answer(h->guard, id, error);
		close(fd);
		return;
	}
	w = fb_alloc(sizeof *w);
	*w = (struct waiting){.host = h, .id = id, .fd = fd, .flags = flags, .poll = fb_alloc(sizeof *w->poll)};
	if (uv_poll_init(h->pool->loop, w->poll, fd) < 0) {
		answer(h->guard, id, EIO);
		close(fd);
		fb_free(w->poll);
		fb_free(w);
		return;
	}
	w->next = h->guard->connects;
	h->guard->connects = w;
	w->poll->data = w;
	uv_poll_start(w->poll, UV_WRITABLE, on_connected);
}

static int copy_socket(pid_t tid, int fd)
{
	pid_t pid, parent;
	int process = family_of(tid, &pid, &parent) == 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1, copy;

	if (process < 0)
		return -1;
	copy = (int)syscall(SYS_pidfd_getfd, process, fd, 0);
	close(process);
	return copy;
}

static void take_connect(struct fb_plugin_host *h)
{
	const struct seccomp_notif *n = h->guard->call;
	struct sockaddr_storage to = {0};
	socklen_t size = (socklen_t)n->data.args[2];
	char path[sizeof((struct sockaddr_un *)0)->sun_path + 1] = "";
	size_t path_size = size > offsetof(struct sockaddr_un, sun_path) ? size - offsetof(struct sockaddr_un, sun_path) : 0;
	int fd = -1, domain = 0;
	socklen_t domain_size = sizeof domain;

	if (size < sizeof to.ss_family || size > sizeof to || !read_memory((pid_t)n->pid, n->data.args[1], &to, size) || (fd = copy_socket((pid_t)n->pid, (int)n->data.args[0])) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_size) < 0) {
		if (fd >= 0)
			close(fd);
		answer(h->guard, n->id, EINVAL);
		return;
	}
	if (domain == AF_UNIX)
		memcpy(path, (const char *)&to + offsetof(struct sockaddr_un, sun_path), path_size < sizeof path ? path_size : sizeof path - 1);
	if (!still_there(h->guard, n->id)) {
		close(fd);
	} else if (domain != AF_UNIX || (*path == '/' && listed(h, path)) || (is_name_service(path) && json_is_true(json_object_get(h->policy, "network")))) {
		make_connection(h, n->id, fd, &to, size);
	} else {
		close(fd);
		if (is_name_service(path)) {
			answer(h->guard, n->id, ECONNREFUSED);
			return;
		}
		for (char *p = path; *p; p++)
			if (*p < ' ' || *p > '~')
				*p = '?';
		note(h, n, *path ? fb_asprintf("to connect to the socket %s", path) : fb_strdup("to connect to an abstract socket"));
		answer(h->guard, n->id, EPERM);
	}
}

void fb_guard_read(struct fb_plugin_host *h)
{
	for (int i = 0; i < TURNS && h->guard; i++) {
		struct fb_guard *g = h->guard;
		struct pollfd wait = {.fd = g->fd, .events = POLLIN};

		if (poll(&wait, 1, 0) <= 0 || !(wait.revents & POLLIN)) {
			if (wait.revents & (POLLHUP | POLLERR)) /* nobody is left in that sandbox */
				fb_guard_end(h);
			return;
		}
		memset(g->call, 0, g->call_size);
		if (ioctl(g->fd, SECCOMP_IOCTL_NOTIF_RECV, g->call) < 0)
			continue; /* the caller has gone meanwhile */
		if (g->call->data.nr == SYS_connect) {
			take_connect(h);
			continue;
		}
		if (!asks_for_names(&g->call->data))
			note(h, g->call, describe(g->call));
		answer(g, g->call->id, EPERM);
	}
}

static void on_call(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	fb_guard_read(poll->data);
}

void fb_guard_watch(struct fb_plugin_host *h)
{
	struct fb_guard *g = h->guard;

	if (!g || g->poll || !h->pool->loop)
		return;
	g->poll = fb_alloc(sizeof *g->poll);
	if (uv_poll_init(h->pool->loop, g->poll, g->fd) < 0) { /* what can be waited for is a listener's */
		fb_free(g->poll);
		g->poll = NULL;
		fb_guard_end(h);
		return;
	}
	g->poll->data = h;
	uv_unref((uv_handle_t *)g->poll);
	uv_poll_start(g->poll, UV_READABLE, on_call);
}

void fb_guard_unwatch(struct fb_plugin_host *h)
{
	struct fb_guard *g = h->guard;

	if (!g)
		return;
	if (g->poll)
		uv_close((uv_handle_t *)g->poll, free_poll);
	g->poll = NULL;
	while (g->connects) {
		answer(g, g->connects->id, ECANCELED);
		drop_waiting(g, g->connects);
	}
}

void fb_guard_end(struct fb_plugin_host *h)
{
	struct fb_guard *g = h->guard;

	if (!g)
		return;
	fb_guard_unwatch(h);
	h->guard = NULL;
	close(g->fd);
	fb_free(g->call);
	fb_free(g->answer);
	fb_free(g);
}
