/* SPDX-License-Identifier: Apache-2.0 */
/* Tries what its option `try` says, on `target`, and tells what came of it. Built for each kind that a sandbox has defaults for. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <failback/plugin.h>
#include <grp.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <unistd.h>

static int32_t no(const struct fb_call *c, const char *what, const char *target)
{
	int e = errno;

	c->host->fail(c, "cannot %s %s: %s", what, target, strerror(e));
	return FB_FAIL;
}

static int32_t do_read(const struct fb_call *c, const char *target)
{
	char buf[4096];
	int fd = open(target, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof buf - 1);

	if (n < 0)
		return no(c, "read", target);
	for (ssize_t i = 0; i < n; i++)
		buf[i] = buf[i] ? buf[i] : '\n';
	buf[n] = 0;
	c->host->log(c, FB_LOG_INFO, "%s", buf);
	return FB_OK;
}

static int32_t do_write(const struct fb_call *c, const char *target)
{
	int fd = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	return fd < 0 || write(fd, "x", 1) != 1 ? no(c, "write", target) : FB_OK;
}

static int32_t do_list(const struct fb_call *c, const char *target)
{
	return open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC) < 0 ? no(c, "list", target) : FB_OK;
}

static int32_t do_truncate(const struct fb_call *c, const char *target)
{
	return truncate(target, 0) < 0 ? no(c, "truncate", target) : FB_OK;
}

static int32_t do_unlink(const struct fb_call *c, const char *target)
{
	return unlink(target) < 0 ? no(c, "unlink", target) : FB_OK;
}

/* target: a port */
static int32_t do_inet(const struct fb_call *c, const char *target)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(target)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0 ? no(c, "connect to port", target) : FB_OK;
}

static int32_t to_unix(const struct fb_call *c, const char *target, int type)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof to.sun_path, "%s", target);
	return fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0 ? no(c, "connect to", target) : FB_OK;
}

static int32_t do_unix(const struct fb_call *c, const char *target)
{
	return to_unix(c, target, SOCK_STREAM);
}

static int32_t do_datagram(const struct fb_call *c, const char *target)
{
	return to_unix(c, target, SOCK_DGRAM);
}

/* Of a pair that needs no connect: it sends to any address. */
static int32_t do_pair(const struct fb_call *c, const char *target)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fds[2];

	snprintf(to.sun_path, sizeof to.sun_path, "%s", target);
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds) < 0 || sendto(fds[0], "x", 1, 0, (struct sockaddr *)&to, sizeof to) != 1)
		return no(c, "send to", target);
	return FB_OK;
}

static int32_t do_chmod(const struct fb_call *c, const char *target)
{
	int fd = open(target, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && fchmod(fd, 0777) == 0)
		return FB_OK;
	return chmod(target, 0777) < 0 ? no(c, "chmod", target) : FB_OK;
}

/* target: a pid */
static int32_t do_limit(const struct fb_call *c, const char *target)
{
	struct rlimit none = {0};

	return prlimit(atoi(target), RLIMIT_CORE, &none, NULL) < 0 ? no(c, "limit", target) : FB_OK;
}

/* Between two folders of its own */
static int32_t do_move(const struct fb_call *c, const char *target)
{
	char from[4096], to[4096];

	snprintf(from, sizeof from, "%s/from", c->scratch);
	snprintf(to, sizeof to, "%s/to", c->scratch);
	if (mkdir(from, 0700) < 0 || mkdir(to, 0700) < 0)
		return no(c, "make", "folders");
	snprintf(from, sizeof from, "%s/from/%s", c->scratch, target);
	snprintf(to, sizeof to, "%s/to/%s", c->scratch, target);
	if (do_write(c, from) != FB_OK)
		return FB_FAIL;
	return rename(from, to) < 0 ? no(c, "move", target) : FB_OK;
}

static int32_t do_names(const struct fb_call *c, const char *target)
{
	struct group *g = getgrnam(target);

	return g ? FB_OK : no(c, "find group", target);
}

static int32_t do_fork(const struct fb_call *c, const char *target)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 ? no(c, "fork", target) : FB_OK;
}

static int32_t do_exec(const struct fb_call *c, const char *target)
{
	execl(target, target, (char *)NULL);
	return no(c, "execute", target);
}

static int32_t do_run(const struct fb_call *c, const char *target)
{
	struct fb_command_result r = {0};

	if (c->host->run(c, &(struct fb_command){.shell = target}, &r) != 0)
		return no(c, "run", target);
	c->host->log(c, FB_LOG_INFO, "%.*s", (int)r.output_size, r.output);
	if (r.exit_code == 0)
		return FB_OK;
	c->host->fail(c, "it ended with %d, signal %d: %.*s", (int)r.exit_code, (int)r.signal, (int)r.output_size, r.output);
	return FB_FAIL;
}

static void *nothing(void *arg)
{
	return arg;
}

static int32_t do_thread(const struct fb_call *c, const char *target)
{
	pthread_t t;

	errno = pthread_create(&t, NULL, nothing, NULL);
	if (errno)
		return no(c, "start a thread", target);
	pthread_join(t, NULL);
	return FB_OK;
}

static int32_t do_kill(const struct fb_call *c, const char *target)
{
	pid_t pid = strcmp(target, "host") == 0 ? getppid() : atoi(target);

	return kill(pid, SIGCONT) < 0 ? no(c, "signal", target) : FB_OK;
}

static int32_t do_ptrace(const struct fb_call *c, const char *target)
{
	return ptrace(PTRACE_SEIZE, atoi(target), NULL, NULL) < 0 ? no(c, "trace", target) : FB_OK;
}

static int32_t do_vm(const struct fb_call *c, const char *target)
{
	char byte;
	struct iovec here = {.iov_base = &byte, .iov_len = 1}, there = {.iov_base = &errno, .iov_len = 1};

	return process_vm_readv(atoi(target), &here, 1, &there, 1, 0) < 0 ? no(c, "read the memory of", target) : FB_OK;
}

static int32_t do_uring(const struct fb_call *c, const char *target)
{
	char parameters[512] = "";

	return syscall(SYS_io_uring_setup, 1, parameters) < 0 ? no(c, "set up", target) : FB_OK;
}

static int32_t do_who(const struct fb_call *c, const char *target)
{
	char status[8192] = "", *caps;
	gid_t groups[64];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC), n = getgroups(64, groups);
	ssize_t got = fd < 0 ? -1 : read(fd, status, sizeof status - 1);

	(void)target;
	caps = got > 0 ? strstr(status, "CapEff:") : NULL;
	c->host->log(c, FB_LOG_INFO, "uid %d %d gid %d %d groups %d scratch %s %.24s nnp %s", (int)getuid(), (int)geteuid(), (int)getgid(), (int)getegid(), n, c->scratch ? c->scratch : "none",
		     caps ? caps : "", got > 0 && strstr(status, "NoNewPrivs:\t1") ? "yes" : "no");
	return FB_OK;
}

static int32_t do_environment(const struct fb_call *c, const char *target)
{
	char text[8192] = "";
	size_t n = 0;

	(void)target;
	for (char **p = environ; *p && n < sizeof text; p++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s\n", *p);
	c->host->log(c, FB_LOG_INFO, "%s", text);
	return getuid() == 0 ? do_read(c, "/proc/self/environ") : FB_OK; /* others may not read their own, since it is kept from tracing */
}

static int32_t do_scratch(const struct fb_call *c, const char *target)
{
	char path[4096];

	if (!c->scratch)
		return no(c, "find", "scratch");
	snprintf(path, sizeof path, "%s/%s", c->scratch, target);
	return do_write(c, path);
}

static int32_t do_spin(const struct fb_call *c, const char *target)
{
	(void)target;
	for (volatile unsigned n = 0; c->host->remaining_ms(c) > 0; n++)
		;
	return FB_OK;
}

static int32_t do_eat(const struct fb_call *c, const char *target)
{
	size_t n = 0;
	char *p;

	while ((p = malloc((size_t)1 << 20))) {
		memset(p, 1, (size_t)1 << 20);
		if (++n > 1024)
			return FB_OK;
	}
	return no(c, "take more memory of", target);
}

static int32_t do_wait(const struct fb_call *c, const char *target)
{
	c->host->log(c, FB_LOG_INFO, "%s", target);
	c->host->sleep_ms(c, 60000);
	return FB_OK;
}

static int32_t do_service(const struct fb_call *c, const char *target)
{
	int64_t pid;

	return c->host->start_service(c, "escape", &(struct fb_command){.shell = target}, &pid) < 0 ? no(c, "start", target) : FB_OK;
}

static const struct {
	const char *name;
	int32_t (*f)(const struct fb_call *c, const char *target);
} all[] = {
	{"read", do_read}, {"write", do_write}, {"list", do_list}, {"truncate", do_truncate}, {"unlink", do_unlink}, {"inet", do_inet}, {"unix", do_unix}, {"datagram", do_datagram}, {"pair", do_pair}, {"chmod", do_chmod}, {"limit", do_limit}, {"move", do_move},
	{"names", do_names}, {"fork", do_fork}, {"exec", do_exec}, {"run", do_run}, {"thread", do_thread}, {"kill", do_kill}, {"ptrace", do_ptrace}, {"vm", do_vm}, {"uring", do_uring},
	{"environment", do_environment}, {"who", do_who}, {"scratch", do_scratch}, {"spin", do_spin}, {"eat", do_eat}, {"wait", do_wait}, {"service", do_service},
};

static int32_t go(const struct fb_call *c)
{
	char what[32];
	const char *target = c->host->option(c, "try");

	snprintf(what, sizeof what, "%s", target ? target : "");
	target = c->host->option(c, "target");
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (strcmp(all[i].name, what) == 0)
			return all[i].f(c, target ? target : "it");
	return FB_FATAL;
}

static const struct fb_option options[] = {
	{.name = "try", .type = FB_TYPE_STRING, .flags = FB_OPTION_REQUIRED, .summary = "What to try"},
	{.name = "target", .type = FB_TYPE_STRING, .summary = "On what"},
	{.name = "secret", .type = FB_TYPE_STRING, .flags = FB_OPTION_SECRET, .summary = "Known to this one only"},
	{0},
};

#if defined(AS_CHECK)
static int32_t probe(const struct fb_call *c, struct fb_health *ret)
{
	int32_t r = go(c);

	ret->state = FB_HEALTH_HEALTHY;
	return r;
}
static const struct fb_check_ops ops = {.probe = probe};
FB_PLUGIN(CHECK, .name = "tries", .version = "1", .summary = "Tries", .license = "Apache-2.0", .options = options, .check = &ops)
#elif defined(AS_NOTIFIER)
static int32_t notify(const struct fb_call *c, const struct fb_event *e)
{
	(void)e;
	return go(c);
}
static const struct fb_notifier_ops ops = {.notify = notify};
FB_PLUGIN(NOTIFIER, .name = "tries", .version = "1", .summary = "Tries", .license = "Apache-2.0", .options = options, .notifier = &ops)
#else
static const struct fb_phase_ops ops = {.run = go};
#if defined(AS_EARLY)
/* In its constructor already */
__attribute__((constructor)) static void early(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd >= 0)
		close(fd);
}
FB_PLUGIN(PHASE, .name = "early", .version = "1", .summary = "Tries too early", .license = "Apache-2.0", .options = options, .phase = &ops)
#elif defined(AS_FORKS)
__attribute__((constructor)) static void early(void)
{
	if (fork() == 0)
		for (;;)
			pause();
}
FB_PLUGIN(PHASE, .name = "forks", .version = "1", .summary = "Forks too early", .license = "Apache-2.0", .options = options, .phase = &ops)
#else
FB_PLUGIN(PHASE, .name = "tries", .version = "1", .summary = "Tries", .license = "Apache-2.0", .options = options, .phase = &ops)
#endif
#endif
