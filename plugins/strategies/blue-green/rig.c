/* SPDX-License-Identifier: Apache-2.0 */
/* The rig of the strategy's tests; see rig.h. */
#include "plugins/strategies/blue-green/rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/mem.h"

extern char **environ;

void rig_sleep_ms(int64_t ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static int listen_anywhere(int *ret_port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

/* Ports that nobody has now. All are held until all are known, so that they differ. */
static void find_ports(int *ret, int count)
{
	int fds[8];

	for (int i = 0; i < count; i++)
		fds[i] = listen_anywhere(&ret[i]);
	for (int i = 0; i < count; i++)
		close(fds[i]);
}

/* Runs to its end; the exit status. */
static int run_program(const char *const *argv)
{
	pid_t pid;
	int status;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ))
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int haproxy_sh(const char *verb, struct rig *r)
{
	char script[512], ports[3][16];

	snprintf(script, sizeof script, "%s/tests/chain/rig/haproxy.sh", RIG_SRCDIR);
	snprintf(ports[0], sizeof ports[0], "%d", r->front);
	snprintf(ports[1], sizeof ports[1], "%d", r->port[0]);
	snprintf(ports[2], sizeof ports[2], "%d", r->port[1]);
	return run_program((const char *const[]){"sh", script, verb, r->dir, strcmp(verb, "write") ? NULL : ports[0], ports[1], ports[2], NULL});
}

bool rig_possible(void)
{
	return run_program((const char *const[]){"sh", "-c", "PATH=$PATH:/usr/sbin; command -v haproxy >/dev/null", NULL}) == 0;
}

void rig_haproxy(struct rig *r, const char *verb)
{
	assert_int_equal(haproxy_sh(verb, r), 0);
}

pid_t rig_haproxy_pid(struct rig *r)
{
	char path[128];
	FILE *f;
	int pid = 0;

	snprintf(path, sizeof path, "%s/haproxy.pid", r->dir);
	f = fopen(path, "re");
	if (f) {
		if (fscanf(f, "%d", &pid) != 1)
			pid = 0;
		fclose(f);
	}
	return pid;
}

static char *options_json(struct rig *r, const char *more)
{
	char web[512], *here = realpath("tests/chain/web/web", NULL), *sides[2], *json;

	assert_non_null(here);
	snprintf(web, sizeof web, "%s", here);
	free(here);
	for (int i = 0; i < 2; i++) {
		const char *name = i ? "green" : "blue";

		sides[i] = fb_asprintf("\"%s\": {\"server\": \"%s\", \"spare\": \"%s-spare\", \"check_url\": \"http://127.0.0.1:%d/health\", "
				       "\"logs\": [\"%s/%s.log\"], \"start\": \"cd %s; c=; case $FAILBACK_RELEASE in broken*) c='--config config/production.json';; esac; "
				       "exec %s --port %d --control %d --release $FAILBACK_RELEASE --delay 5 --counter %s/count.%s $c 2>>%s.log\"}",
				       name, name, name, r->port[i], r->dir, name, r->dir, web, r->port[i], r->control[i], r->dir, name, name);
	}
	json = fb_asprintf("{\"socket\": \"%s/haproxy.sock\", \"backend\": \"app\", \"state_file\": \"%s/servers.state\", \"config\": \"%s/haproxy.cfg\", "
			   "\"validation_timeout\": \"5s\", \"drain_timeout\": \"2s\", \"stop_grace\": \"1s\", %s, %s%s%s}",
			   r->dir, r->dir, r->dir, sides[0], sides[1], more ? ", " : "", more ? more : "");
	fb_free(sides[0]);
	fb_free(sides[1]);
	return json;
}

struct rig *rig_new(const struct rig_options *options)
{
	struct rig *r = fb_alloc(sizeof *r);
	int ports[5], up = -1;
	char *json;

	strcpy(r->dir, "/tmp/failback-rig-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	setenv("OMIT", options && options->omit ? options->omit : "", 1);
	setenv("STICKY", options && options->sticky ? "1" : "", 1);
	for (int i = 0; i < 5 && up != 0; i++) { /* a port may be taken in between: other ones then */
		find_ports(ports, 5);
		r->front = ports[0];
		r->port[0] = ports[1];
		r->port[1] = ports[2];
		r->control[0] = ports[3];
		r->control[1] = ports[4];
		assert_int_equal(haproxy_sh("write", r), 0);
		up = haproxy_sh("start", r);
	}
	assert_int_equal(up, 0);
	json = options_json(r, options ? options->more : NULL);
	r->f = fake_new("strategy-blue-green", json);
	fb_free(json);
	/* Release 1.0 on blue, as a first deployment leaves it */
	r->f->call.failed = "none";
	assert_int_equal(json_object_set_new(r->f->facts, "3/live", json_string("blue")), 0);
	assert_int_equal(json_object_set_new(r->f->facts, "3/release.blue", json_string("1.0")), 0);
	assert_int_equal(rig_operate(r, FB_OP_PREPARE, "1.0", 0), FB_OK);
	r->f->call.failed = NULL;
	json_object_del(r->f->facts, "2/started");
	fake_forget(r->f, true);
	for (int i = 0; strncmp(rig_status(r, "blue"), "UP", 2) != 0; i++) {
		assert_true(i < 1000);
		rig_sleep_ms(5);
	}
	return r;
}

static void remove_dir(const char *dir)
{
	run_program((const char *const[]){"rm", "-rf", dir, NULL});
}

void rig_free(struct rig *r)
{
	if (r->client > 0)
		json_decref(rig_client_end(r));
	haproxy_sh("stop", r);
	fake_free(r->f);
	remove_dir(r->dir);
	fb_free(r);
}

int32_t rig_operate(struct rig *r, uint32_t operation, const char *release, uint32_t share)
{
	r->f->call.deadline_ms = fake_now_ms() + 20000;
	r->f->call.release = release;
	r->f->call.last_good = "1.0";
	r->f->call.share = share;
	return fake_call(r->f, operation);
}

int32_t rig_recover(struct rig *r, uint32_t operation, const char *failed)
{
	int32_t answer;

	r->f->call.failed = failed;
	r->f->call.flags |= FB_CALL_RECOVERY;
	r->f->call.link = "recovery";
	answer = rig_operate(r, operation, "1.0", 0);
	r->f->call.failed = NULL;
	r->f->call.flags &= ~FB_CALL_RECOVERY;
	r->f->call.link = "test";
	return answer;
}

void rig_promote(struct rig *r, const char *release)
{
	assert_int_equal(rig_operate(r, FB_OP_CAPTURE, release, 0), FB_OK);
	assert_int_equal(rig_operate(r, FB_OP_PREPARE, release, 0), FB_OK);
	assert_int_equal(rig_operate(r, FB_OP_SHIFT, release, 10000), FB_OK);
}

pid_t rig_service(struct rig *r, const char *side)
{
	json_t *service = json_object_get(r->f->services, side);

	return service ? (pid_t)json_integer_value(json_object_get(service, "pid")) : 0;
}

static int connect_port(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval limit = {.tv_sec = 5};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	if (connect(fd, (struct sockaddr *)&a, sizeof a)) {
		close(fd);
		return -1;
	}
	return fd;
}

const char *rig_get(int port, const char *method, const char *path, const char *cookie, int *ret_status)
{
	static char release[64];
	char text[2048], *p;
	int fd = connect_port(port), status = 0, n;
	size_t got = 0;
	ssize_t r;

	release[0] = '\0';
	n = snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n%s%s%s\r\n", method, path,
		     cookie ? "Cookie: " : "", cookie ? cookie : "", cookie ? "\r\n" : "");
	if (fd >= 0 && send(fd, text, (size_t)n, MSG_NOSIGNAL) == n) {
		while (got < sizeof text - 1 && (r = recv(fd, text + got, sizeof text - 1 - got, 0)) > 0)
			got += (size_t)r;
		text[got] = '\0';
		if (sscanf(text, "HTTP/1.%*d %d", &status) != 1)
			status = 0;
		p = strcasestr(text, "\r\nX-Release: ");
		if (p)
			snprintf(release, sizeof release, "%.*s", (int)strcspn(p + 13, "\r"), p + 13);
	}
	if (fd >= 0)
		close(fd);
	if (ret_status)
		*ret_status = status;
	return release;
}

/* A connection to HAProxy's socket, or -1 with errno. */
static int dial(struct rig *r)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), number;

	snprintf(a.sun_path, sizeof a.sun_path, "%s/haproxy.sock", r->dir);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	number = errno;
	close(fd);
	errno = number;
	return -1;
}

void rig_haproxy_kill(struct rig *r)
{
	int fd;

	kill(rig_haproxy_pid(r), SIGKILL);
	for (int i = 0; (fd = dial(r)) >= 0 || errno != ECONNREFUSED; i++) {
		if (fd >= 0)
			close(fd);
		assert_true(i < 1000);
		rig_sleep_ms(5);
	}
}

char *rig_ask(struct rig *r, const char *command)
{
	struct fb_text t = {0};
	char buf[4096];
	ssize_t n;
	int fd = dial(r);

	assert_true(fd >= 0);
	assert_int_equal(dprintf(fd, "%s\n", command), (int)strlen(command) + 1);
	while ((n = recv(fd, buf, sizeof buf, 0)) > 0)
		fb_text_add(&t, buf, (size_t)n);
	close(fd);
	return fb_text_take(&t);
}

/* The nth column of a server's row; columns of show stat keep their places. */
static void stat_cell(struct rig *r, const char *server, int column, char ret[32])
{
	char *text = rig_ask(r, "show stat app 4 -1"), row[64], *p;

	snprintf(row, sizeof row, "\napp,%s,", server);
	p = strstr(text, row);
	assert_non_null(p);
	p++;
	for (int i = 0; i < column; i++) {
		p = strchr(p, ',');
		assert_non_null(p);
		p++;
	}
	snprintf(ret, 32, "%.*s", (int)strcspn(p, ",\n"), p);
	fb_free(text);
}

const char *rig_status(struct rig *r, const char *server)
{
	static char status[32];

	stat_cell(r, server, 17, status);
	return status;
}

int rig_in_flight(struct rig *r, const char *server)
{
	char scur[32];

	stat_cell(r, server, 4, scur);
	return atoi(scur);
}

void rig_client_start(struct rig *r, const char *rate, const char *post)
{
	char port[16], ids[128], *program = realpath("tests/bench/loadgen", NULL);
	posix_spawn_file_actions_t actions;
	int fds[2];

	assert_non_null(program);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	snprintf(port, sizeof port, "%d", r->front);
	snprintf(ids, sizeof ids, "%s/ids", r->dir);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
	assert_int_equal(posix_spawn(&r->client, program, &actions, NULL,
				     (char *const[]){program, (char *)"--port", port, (char *)"--rate", (char *)rate, (char *)"--post", (char *)post,
						     (char *)"--ids", ids, NULL}, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	r->client_out = fds[0];
	free(program);
}

json_t *rig_client_end(struct rig *r)
{
	struct fb_text t = {0};
	char buf[4096];
	json_t *o;
	ssize_t n;
	int status;

	kill(r->client, SIGTERM);
	while ((n = read(r->client_out, buf, sizeof buf)) > 0)
		fb_text_add(&t, buf, (size_t)n);
	close(r->client_out);
	while (waitpid(r->client, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	r->client = 0;
	assert_int_equal(status, 0);
	o = json_loads(t.p ? t.p : "", 0, NULL);
	assert_non_null(o);
	fb_text_clear(&t);
	return o;
}

int64_t rig_number(const json_t *o, const char *path)
{
	char name[64];
	const char *dot;

	while ((dot = strchr(path, '.'))) {
		snprintf(name, sizeof name, "%.*s", (int)(dot - path), path);
		o = json_object_get(o, name);
		path = dot + 1;
	}
	o = json_object_get(o, path);
	assert_true(json_is_number(o));
	return (int64_t)json_number_value(o);
}

int rig_double_executions(struct rig *r)
{
	json_t *seen = json_object();
	int doubles = 0;

	for (int i = 0; i < 2; i++) {
		char path[128], line[128];
		FILE *f;

		snprintf(path, sizeof path, "%s/count.%s", r->dir, i ? "green" : "blue");
		f = fopen(path, "re");
		while (f && fgets(line, sizeof line, f)) {
			doubles += json_object_get(seen, line) != NULL;
			json_object_set_new(seen, line, json_true());
		}
		if (f)
			fclose(f);
	}
	json_decref(seen);
	return doubles;
}
