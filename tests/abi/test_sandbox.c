/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that tries what its sandbox does not allow: each attempt is refused by the kernel, its call fails, and the message names what was refused. */
#include <errno.h>
#include <netinet/in.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "host/frame.h"
#include "tests/abi/rig.h"

#define PLUGINS "tests/abi/sandboxed/plugins"
#define DEFAULTS "state_dir = \"@/state\"; plugins = ( { name = \"tries\"; sandbox = { }; } );"

struct sandbox {
	struct rig rig;
	char *outside, *listed; /* two files with "hidden words" */
};

static void put(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static char *in(const struct sandbox *s, const char *name)
{
	return rig_path(&s->rig, name);
}

static void begin(struct sandbox *s, const char *config)
{
	static const char *const folders[] = {"state", "state/executions", "open", "closed"};

	rig_start_confined(&s->rig, PLUGINS, config);
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		char *path = in(s, folders[i]);

		assert_int_equal(mkdir(path, 0755), 0);
		fb_free(path);
	}
	s->outside = in(s, "closed/file");
	s->listed = in(s, "open/file");
	put(s->outside, "hidden words", 0644);
	put(s->listed, "hidden words", 0644);
}

static void end(struct sandbox *s)
{
	fb_free(s->outside);
	fb_free(s->listed);
	rig_end(&s->rig);
}

static struct heard *start(struct sandbox *s, const char *kind, const char *what, const char *target)
{
	json_t *o = json_pack("{s:s, s:s, s:s}", "try", what, "target", target, "secret", "opensesame");
	char *options = json_dumps(o, 0);
	struct heard *h = rig_begin(&s->rig, &(struct ask){.kind = kind, .name = "tries", .operation = *kind == 'c' ? "probe" : *kind == 'n' ? "notify" : "run", .options = options, .within_ms = 60000});

	json_decref(o);
	free(options);
	return h;
}

static struct heard *try(struct sandbox *s, const char *kind, const char *what, const char *target)
{
	struct heard *h = start(s, kind, what, target);

	rig_wait(h);
	return h;
}

/* The attempt fails its call, and the message has all of the words, which are separated by '|'. */
static void refused(struct sandbox *s, const char *kind, const char *what, const char *target, const char *words)
{
	struct heard *h = try(s, kind, what, target);
	char *copy = fb_strdup(words), *rest = copy, *word;

	if (h->r.answer == FB_OK)
		fail_msg("%s %s was allowed to a %s", what, target, kind);
	while ((word = strsep(&rest, "|")))
		if (!strstr(h->message, word))
			fail_msg("%s %s: '%s' is not in: %s", what, target, word, h->message);
	fb_free(copy);
	rig_forget(h);
}

static void allowed(struct sandbox *s, const char *kind, const char *what, const char *target)
{
	struct heard *h = try(s, kind, what, target);

	if (h->r.answer != FB_OK)
		fail_msg("%s %s of a %s: %s", what, target, kind, h->message);
	rig_forget(h);
}

static const char *logged(const struct heard *h)
{
	const char *text = json_string_value(json_object_get(rig_frame(h, "log", 0), "text"));

	return text ? text : "";
}

static int listen_at(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static int listen_on(char port[16])
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	snprintf(port, 16, "%d", (int)ntohs(at.sin_port));
	return fd;
}

/* ---- files ---- */

static void a_check_reads_what_it_needs_and_writes_nothing(void **state)
{
	struct sandbox s;

	(void)state;
	begin(&s, DEFAULTS);
	allowed(&s, "check", "read", "/etc/passwd");
	allowed(&s, "check", "read", "/proc/self/stat");
	allowed(&s, "check", "write", "/dev/null");
	refused(&s, "check", "read", "/etc/shadow", "cannot read /etc/shadow: Permission denied|(sandboxed: network; no local sockets; reads only what every plugin needs; writes nothing; starts no process)");
	refused(&s, "check", "read", s.outside, "Permission denied|(sandboxed: ");
	refused(&s, "check", "write", s.outside, "Permission denied|(sandboxed: ");
	refused(&s, "check", "list", s.rig.dir, "Permission denied|(sandboxed: ");
	refused(&s, "check", "write", "/tmp/failback-sandbox-outside", "Permission denied|writes nothing");
	refused(&s, "check", "scratch", "file", "cannot find scratch|writes nothing");
	end(&s);
}

static void a_notifier_writes_its_scratch_folder_only(void **state)
{
	struct sandbox s;
	struct heard *h;
	char *scratch;

	(void)state;
	begin(&s, DEFAULTS);
	allowed(&s, "notifier", "scratch", "file");
	h = try(&s, "notifier", "who", "me");
	scratch = fb_strdup(strstr(logged(h), "scratch ") + strlen("scratch "));
	*strchr(scratch, ' ') = 0;
	assert_int_equal(access(scratch, F_OK), 0);
	rig_forget(h);
	refused(&s, "notifier", "write", s.outside, "cannot write|Permission denied|writes only its scratch folder");
	end(&s);
	assert_int_equal(access(scratch, F_OK), -1);
	fb_free(scratch);
}

static void a_phase_reads_all_but_secrets(void **state)
{
	struct sandbox s;
	char *journal, *config, *gathered, *list;

	(void)state;
	begin(&s, DEFAULTS);
	journal = in(&s, "state/journal.db");
	config = in(&s, "failback.conf");
	gathered = in(&s, "state/executions/report");
	list = in(&s, "state");
	put(journal, "journal", 0600);
	put(gathered, "gathered", 0600);
	allowed(&s, "phase", "read", s.outside);
	allowed(&s, "phase", "read", gathered);
	allowed(&s, "phase", "list", list);
	refused(&s, "phase", "read", "/etc/shadow", "cannot read /etc/shadow: Permission denied|reads all but secrets");
	refused(&s, "phase", "read", journal, "Permission denied|reads all but secrets");
	refused(&s, "phase", "read", config, "Permission denied|(sandboxed: ");
	refused(&s, "phase", "write", journal, "Permission denied|(sandboxed: ");
	refused(&s, "phase", "truncate", s.outside, "Permission denied|(sandboxed: ");
	refused(&s, "phase", "unlink", s.outside, "Permission denied|(sandboxed: ");
	/* what it starts is in the same sandbox */
	allowed(&s, "phase", "run", "true");
	refused(&s, "phase", "run", "cat /etc/shadow", "Permission denied|(sandboxed: ");
	fb_free(journal);
	fb_free(config);
	fb_free(gathered);
	fb_free(list);
	end(&s);
}

static void a_file_is_not_changed_by_its_owners_right(void **state)
{
	struct sandbox s;
	const json_t *told, *item;
	struct stat st;
	bool said = false;
	size_t i;

	(void)state;
	begin(&s, DEFAULTS);
	refused(&s, "check", "chmod", s.outside, "probe of check-tries was refused by its sandbox: to call |chmod");
	refused(&s, "notifier", "chmod", s.outside, "notify of notifier-tries was refused by its sandbox: to call |chmod");
	assert_int_equal(stat(s.outside, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	/* a phase may have files to set right; that this reaches others is told */
	told = json_object_get(fb_pool_describe(s.rig.pool, "phase", "tries", NULL), "unenforced");
	json_array_foreach(told, i, item)
		said |= strstr(json_string_value(item), "modes, owners, attributes and times of files") != NULL;
	assert_true(said);
	end(&s);
}

/* Wherever the configuration names them, and whether they are there yet or not. */
static void secrets_that_are_named_are_not_read(void **state)
{
	char credentials[] = "/tmp/failback-credentials-XXXXXX", *inside, *later, *folder, *credential;
	struct sandbox s;

	(void)state;
	assert_non_null(mkdtemp(credentials));
	assert_int_equal(chmod(credentials, 0755), 0);
	credential = fb_asprintf("%s/token", credentials);
	put(credential, "hidden words", 0644);
	setenv("CREDENTIALS_DIRECTORY", credentials, 1);
	begin(&s, DEFAULTS "notifiers = ( { use = \"webhook\"; url = \"http://127.0.0.1/\"; headers = { A = \"Bearer ${file:@/open/inside}, ${file:@/later/token}\"; }; } );");
	unsetenv("CREDENTIALS_DIRECTORY");
	inside = in(&s, "open/inside");
	folder = in(&s, "later");
	later = in(&s, "later/token");
	put(inside, "hidden words", 0644);
	allowed(&s, "phase", "read", s.listed); /* beside it; its host has started */
	refused(&s, "phase", "read", inside, "Permission denied|reads all but secrets");
	refused(&s, "phase", "read", credential, "Permission denied|reads all but secrets");
	assert_int_equal(mkdir(folder, 0755), 0);
	put(later, "hidden words", 0644);
	refused(&s, "phase", "read", later, "Permission denied|reads all but secrets");
	end(&s);
	fb_io_remove_tree(credentials);
	fb_free(inside);
	fb_free(folder);
	fb_free(later);
	fb_free(credential);
}

/* On a disk's own device stands every file of it. */
static void devices_are_not_among_all_that_is_read(void **state)
{
	static const char *const all[] = {"/dev/kmsg", "/dev/loop-control", "/dev/mem", "/dev/vda", "/dev/sda"};
	struct sandbox s;
	int there = 0;

	(void)state;
	begin(&s, DEFAULTS);
	allowed(&s, "phase", "read", "/dev/null");
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (access(all[i], R_OK) == 0 && ++there)
			refused(&s, "phase", "read", all[i], "Permission denied|(sandboxed: ");
	end(&s);
	if (!there)
		skip();
}

static void what_is_its_own_is_moved_between_folders(void **state)
{
	struct sandbox s;

	(void)state;
	begin(&s, DEFAULTS);
	allowed(&s, "phase", "move", "file");
	allowed(&s, "notifier", "move", "file");
	end(&s);
}

static void what_is_listed_is_allowed_and_no_more(void **state)
{
	struct sandbox s;

	(void)state;
	begin(&s, "plugins = ( { name = \"tries\"; kind = \"check\"; sandbox = { read = [ \"@/open\" ]; }; }, { name = \"tries\"; sandbox = { read = [ \"@/closed/file\" ]; write = [ \"@/open\" ]; }; } );");
	allowed(&s, "check", "read", s.listed);
	refused(&s, "check", "read", s.outside, "Permission denied|(sandboxed: network; no local sockets; reads |/open");
	refused(&s, "check", "write", s.listed, "Permission denied|writes nothing");
	allowed(&s, "phase", "read", s.outside);
	allowed(&s, "phase", "write", s.listed);
	allowed(&s, "phase", "unlink", s.listed);
	refused(&s, "phase", "write", s.outside, "Permission denied|writes its scratch folder and ");
	end(&s);
}

static void a_path_that_is_not_there_is_told_before_it_matters(void **state)
{
	struct sandbox s;
	const json_t *d, *told;
	struct fb_err err = {0};

	(void)state;
	begin(&s, "plugins = ( { name = \"tries\"; sandbox = { write = [ \"/nowhere/at/all\" ]; }; } );");
	d = fb_pool_describe(s.rig.pool, "check", "tries", &err);
	assert_non_null(d);
	told = json_array_get(json_object_get(d, "unenforced"), 0);
	assert_string_equal(json_string_value(told), "it may write, but that cannot be allowed now: /nowhere/at/all: No such file or directory");
	end(&s);
}

/* ---- sockets ---- */

static void without_a_network_no_socket_is_opened(void **state)
{
	struct sandbox s;
	char port[16], *path;
	int tcp, local;

	(void)state;
	begin(&s, "plugins = ( { name = \"tries\"; sandbox = { network = false; }; } );");
	tcp = listen_on(port);
	path = in(&s, "socket");
	local = listen_at(path);
	refused(&s, "notifier", "inet", port, "notify of notifier-tries was refused by its sandbox: to open a socket (AF_INET); then: cannot connect to port|Operation not permitted|allow it in 'plugins'|no network");
	refused(&s, "notifier", "unix", path, "was refused by its sandbox: to open a socket (AF_UNIX)");
	refused(&s, "check", "datagram", path, "probe of check-tries was refused by its sandbox: to open a socket (AF_UNIX)");
	refused(&s, "check", "pair", path, "probe of check-tries was refused by its sandbox: to open a socket (AF_UNIX)");
	refused(&s, "phase", "pair", path, "run of phase-tries was refused by its sandbox: to open a socket (AF_UNIX)");
	refused(&s, "phase", "inet", port, "run of phase-tries was refused by its sandbox: to open a socket (AF_INET)");
	/* to look for a name is none of it */
	allowed(&s, "notifier", "names", "root");
	close(local);
	close(tcp);
	fb_free(path);
	end(&s);
}

static void with_a_network_a_notifier_reaches_hosts_and_no_local_socket(void **state)
{
	struct sandbox s;
	char port[16], *path;
	int tcp, local;

	(void)state;
	begin(&s, DEFAULTS);
	tcp = listen_on(port);
	path = in(&s, "socket");
	local = listen_at(path);
	allowed(&s, "notifier", "inet", port);
	refused(&s, "notifier", "unix", path, "was refused by its sandbox: to open a socket (AF_UNIX)|no local sockets");
	allowed(&s, "phase", "unix", path);
	close(local);
	close(tcp);
	fb_free(path);
	end(&s);
}

static void of_local_sockets_only_the_listed_are_connected_to(void **state)
{
	struct sandbox s;
	char port[16], *path, *other, *told;
	int tcp, local, more;

	(void)state;
	begin(&s, "plugins = ( { name = \"tries\"; kind = \"check\"; sandbox = { sockets = [ \"@/socket\" ]; }; }, { name = \"tries\"; sandbox = { network = false; sockets = [ \"@/socket\" ]; }; } );");
	tcp = listen_on(port);
	path = in(&s, "socket");
	other = in(&s, "docker.sock");
	local = listen_at(path);
	more = listen_at(other);
	told = fb_asprintf("was refused by its sandbox: to connect to the socket %s", other);
	if (geteuid() == 0) {
		allowed(&s, "notifier", "unix", path);
		refused(&s, "notifier", "unix", other, told);
		refused(&s, "notifier", "datagram", path, "to open a socket (AF_UNIX)");
		allowed(&s, "check", "unix", path);
		allowed(&s, "check", "inet", port);
		refused(&s, "check", "unix", other, told);
	} else { /* nobody can look at what it connects to: none is allowed, and that is told */
		refused(&s, "notifier", "unix", path, "to open a socket (AF_UNIX)");
		assert_non_null(strstr(json_string_value(json_array_get(json_object_get(fb_pool_describe(s.rig.pool, "notifier", "tries", NULL), "unenforced"), 0)), "cannot be looked at"));
	}
	close(local);
	close(more);
	close(tcp);
	fb_free(path);
	fb_free(other);
	fb_free(told);
	end(&s);
}

/* Who listens is told who it is, and it is not the engine. */
static void local_sockets_are_connected_to_as_its_own_user(void **state)
{
	struct sandbox s;
	struct ucred peer;
	socklen_t size = sizeof peer;
	char *path;
	int local, fd;

	(void)state;
	if (geteuid() != 0)
		skip();
	begin(&s, "plugins = ( { name = \"tries\"; sandbox = { user = \"nobody\"; sockets = [ \"@/socket\" ]; }; } );");
	path = in(&s, "socket");
	local = listen_at(path);
	allowed(&s, "notifier", "unix", path);
	fd = accept(local, NULL, NULL);
	assert_true(fd >= 0);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size), 0);
	assert_int_equal(peer.uid, 65534);
	assert_int_equal(geteuid(), 0);
	close(fd);
	assert_int_equal(chmod(path, 0600), 0); /* which is for us */
	refused(&s, "notifier", "unix", path, "Permission denied");
	close(local);
	fb_free(path);
	end(&s);
}

/* ---- processes ---- */

static void nobody_elses_limits_are_set(void **state)
{
	struct sandbox s;
	char me[16];

	(void)state;
	begin(&s, DEFAULTS);
	snprintf(me, sizeof me, "%d", (int)getpid());
	refused(&s, "check", "limit", me, "was refused by its sandbox: to call prlimit for another process");
	refused(&s, "phase", "limit", me, "was refused by its sandbox: to call prlimit for another process");
	end(&s);
	if (geteuid() != 0)
		return;
	begin(&s, "plugins = ( { name = \"tries\"; sandbox = { user = \"nobody\"; }; } );");
	refused(&s, "phase", "limit", me, "cannot limit");
	end(&s);
}

static void as_many_processes_as_were_allowed(void **state)
{
	struct sandbox s;

	(void)state;
	if (geteuid() != 0)
		skip();
	begin(&s, "plugins = ( { name = \"tries\"; sandbox = { user = \"nobody\"; processes = 4; }; } );");
	allowed(&s, "phase", "run", "sleep 0.2 & sleep 0.2 & wait");
	refused(&s, "phase", "run", "for i in 1 2 3 4 5 6 7 8; do sleep 0.2 & done; wait", "it ended with ");
	end(&s);
}

static void who_may_start_no_process_starts_none(void **state)
{
	struct sandbox s;

	(void)state;
	begin(&s, DEFAULTS);
	refused(&s, "check", "fork", "a child", "probe of check-tries was refused by its sandbox: to start a process (fork); then: cannot fork|starts no process");
	refused(&s, "notifier", "exec", "/bin/true", geteuid() == 0 ? "was refused by its sandbox: to start a program (/bin/true)" : "was refused by its sandbox: to start a program");
	refused(&s, "notifier", "run", "true", "was refused by its sandbox: to start a process (fork)");
	allowed(&s, "check", "thread", "of its own");
	end(&s);
}

static void nobody_is_signalled_from_a_sandbox(void **state)
{
	struct sandbox s;
	char me[16];

	(void)state;
	snprintf(me, sizeof me, "%d", (int)getpid());
	begin(&s, DEFAULTS);
	refused(&s, "check", "kill", me, "was refused by its sandbox: to send a signal to process ");
	refused(&s, "check", "kill", "host", "was refused by its sandbox: to send a signal to process ");
	refused(&s, "phase", "kill", me, "cannot signal|Operation not permitted|(sandboxed: ");
	refused(&s, "phase", "kill", "host", "cannot signal|Operation not permitted|(sandboxed: ");
	end(&s);
}

static bool has_said_something(void *ctx)
{
	return json_array_size(((struct heard *)ctx)->frames) > 0;
}

/* Of another plugin, of another call of the same plugin, and of the engine */
static void the_secrets_of_others_stay_theirs(void **state)
{
	struct sandbox s;
	struct heard *others[2];
	char file[64], pid[16];
	pid_t whose[3] = {getpid()};

	(void)state;
	begin(&s, DEFAULTS);
	others[0] = start(&s, "notifier", "wait", "ready");
	others[1] = start(&s, "phase", "wait", "ready");
	for (int i = 0; i < 2; i++) {
		assert_true(rig_until(&s.rig, has_said_something, others[i]));
		whose[i + 1] = others[i]->worker.pid;
	}
	for (int i = 0; i < 3; i++) {
		snprintf(pid, sizeof pid, "%d", (int)whose[i]);
		snprintf(file, sizeof file, "/proc/%d/mem", (int)whose[i]);
		refused(&s, "phase", "read", file, "Permission denied|(sandboxed: ");
		refused(&s, "check", "read", file, "Permission denied|(sandboxed: ");
		snprintf(file, sizeof file, "/proc/%d/environ", (int)whose[i]);
		refused(&s, "phase", "read", file, "Permission denied|(sandboxed: ");
		refused(&s, "phase", "ptrace", pid, "run of phase-tries was refused by its sandbox: to look into process|(ptrace)");
		refused(&s, "phase", "vm", pid, "was refused by its sandbox: to look into process|(process_vm_readv)");
	}
	refused(&s, "phase", "uring", "a ring", "was refused by its sandbox: to call io_uring_setup");
	for (int i = 0; i < 2; i++) {
		fb_host_call_stop(others[i]->call, true);
		rig_wait(others[i]);
		rig_forget(others[i]);
	}
	end(&s);
}

static void nothing_of_the_engines_environment_reaches_a_plugin(void **state)
{
	static const char *const kept[] = {"PATH=", "HOME=", "TMPDIR=", "LANG=", "FAILBACK_HOST=", "ASAN_OPTIONS=", "USER="};
	struct sandbox s;

	(void)state;
	setenv("SLACK_WEBHOOK_URL", "https://example.org/very-secret", 1);
	for (int confined = 0; confined < 2; confined++) {
		struct heard *h;
		char *text, *rest, *line;

		begin(&s, confined ? DEFAULTS : "environment = \"test\";");
		h = try(&s, "phase", "environment", "of mine");
		assert_int_equal(h->r.answer, FB_OK);
		for (size_t f = 0; rig_frame(h, "log", f); f++) { /* as the program sees it, and as it was when it began */
			text = rest = fb_strdup(json_string_value(json_object_get(rig_frame(h, "log", f), "text")));
			assert_non_null(strstr(text, "FAILBACK_HOST="));
			assert_null(strstr(text, "very-secret"));
			while ((line = strsep(&rest, "\n"))) {
				bool known = !*line;

				for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
					known = known || fb_has_prefix(line, kept[i]);
				if (!known)
					fail_msg("a worker has %s", line);
			}
			fb_free(text);
		}
		rig_forget(h);
		end(&s);
	}
	unsetenv("SLACK_WEBHOOK_URL");
}

/* ---- limits, users, loading ---- */

static void limits_hold(void **state)
{
	struct sandbox s;
	struct heard *h;

	(void)state;
	begin(&s, "plugins = ( { name = \"tries\"; sandbox = { cpu = \"1s\"; memory = \"128MiB\"; }; } );");
	h = try(&s, "check", "spin", "it");
	assert_int_equal(h->r.cause, FB_CAUSE_SIGNAL);
	assert_int_equal(h->r.number, SIGXCPU);
	assert_non_null(strstr(h->message, "memory 128 MiB; cpu 1 s)"));
	rig_forget(h);
#ifndef FB_SANITIZED
	refused(&s, "notifier", "eat", "this machine", "cannot take more memory of this machine: Cannot allocate memory (sandboxed: |memory 128 MiB");
#endif
	end(&s);
}

static void a_plugin_without_an_entry_is_trusted_but_gains_no_privileges(void **state)
{
	struct sandbox s;
	struct heard *h;

	(void)state;
	begin(&s, "environment = \"test\";");
	h = try(&s, "phase", "who", "me");
	assert_non_null(strstr(logged(h), "nnp yes"));
	assert_non_null(strstr(logged(h), "scratch none"));
	rig_forget(h);
	allowed(&s, "phase", "read", s.outside);
	assert_true(json_is_null(json_object_get(fb_pool_describe(s.rig.pool, "phase", "tries", NULL), "sandbox")));
	end(&s);
}

static void roots_capabilities_do_not_come_with_it(void **state)
{
	static const int gone[] = {CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_SYS_RESOURCE, CAP_KILL, CAP_DAC_READ_SEARCH, CAP_MKNOD};
	struct sandbox s;
	struct heard *h;
	uint64_t kept;

	(void)state;
	if (geteuid() != 0)
		skip();
	begin(&s, DEFAULTS);
	h = try(&s, "check", "who", "me");
	assert_non_null(strstr(logged(h), "CapEff:\t0000000000000000"));
	rig_forget(h);
	h = try(&s, "phase", "who", "me");
	kept = strtoull(strstr(logged(h), "CapEff:") + strlen("CapEff:"), NULL, 16);
	assert_true(kept & UINT64_C(1) << CAP_DAC_OVERRIDE);
	for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
		if (kept & UINT64_C(1) << gone[i])
			fail_msg("capability %d is still there", gone[i]);
	rig_forget(h);
	end(&s);
}

static void it_runs_as_its_own_user(void **state)
{
	const struct passwd *nobody = getpwnam("nobody");
	char *want;
	struct sandbox s;
	struct heard *h;

	(void)state;
	if (geteuid() != 0 || !nobody)
		skip();
	want = fb_asprintf("uid %d %d gid %d %d", (int)nobody->pw_uid, (int)nobody->pw_uid, (int)nobody->pw_gid, (int)nobody->pw_gid);
	begin(&s, "plugins = ( { name = \"tries\"; sandbox = { user = \"nobody\"; }; } );");
	h = try(&s, "phase", "who", "me");
	assert_int_equal(h->r.answer, FB_OK);
	if (!strstr(logged(h), want) || !strstr(logged(h), "CapEff:\t0000000000000000"))
		fail_msg("%s, expected %s and no capabilities", logged(h), want);
	rig_forget(h);
	allowed(&s, "phase", "scratch", "file");
	assert_int_equal(chmod(s.outside, 0600), 0);
	refused(&s, "phase", "read", s.outside, "Permission denied|(sandboxed: user nobody; ");
	/* what it leaves behind is found and ended all the same, and its deadline reaches it */
	h = try(&s, "phase", "run", "setsid sleep 1000 >/dev/null 2>&1 </dev/null &");
	assert_int_equal(h->r.answer, FB_OK);
	assert_int_equal(json_array_size(h->leftovers), 1);
	rig_forget(h);
	h = start(&s, "phase", "wait", "ready");
	assert_true(rig_until(&s.rig, has_said_something, h));
	assert_true(fb_proc_alive(&h->worker));
	fb_host_call_stop(h->call, true);
	rig_wait(h);
	assert_int_equal(h->r.cause, FB_CAUSE_STOPPED);
	assert_false(fb_proc_alive(&h->worker));
	rig_forget(h);
	fb_free(want);
	end(&s);
}

/* The host, its worker, a shell and two that sleep */
static bool has_grandchildren(void *ctx)
{
	return rig_count_descendants() >= ((struct sandbox *)ctx)->rig.children + 5;
}

/* Its host is killed in the middle of a call: what it has left, of another user and in another session, is the engine's to end. */
static void orphans_of_another_user_are_ended(void **state)
{
	struct sandbox s;
	struct heard *h;
	struct fb_proc host;

	(void)state;
	if (geteuid() != 0)
		skip();
	begin(&s, "plugins = ( { name = \"tries\"; sandbox = { user = \"nobody\"; }; } );");
	h = start(&s, "phase", "run", "setsid sleep 1000 & sleep 1001; true");
	assert_true(rig_until(&s.rig, has_grandchildren, &s));
	assert_int_equal(fb_pool_hosts(s.rig.pool, &host, NULL, 1), 1);
	kill(host.pid, SIGKILL);
	rig_wait(h);
	assert_int_equal(h->r.cause, FB_CAUSE_HOST);
	assert_int_equal(rig_count_descendants(), s.rig.children);
	rig_forget(h);
	end(&s);
}

static void who_is_not_root_cannot_give_it_a_user(void **state)
{
	struct sandbox s;
	struct heard *h;

	(void)state;
	if (geteuid() == 0)
		skip();
	begin(&s, "plugins = ( { name = \"tries\"; sandbox = { user = \"root\"; }; } );");
	h = try(&s, "phase", "who", "me");
	assert_int_equal(h->r.cause, FB_CAUSE_HOST);
	assert_non_null(strstr(h->message, "cannot be run as the user root: only root can become another"));
	rig_forget(h);
	end(&s);
}

static void constructors_run_inside(void **state)
{
	struct fb_err err = {0};
	struct sandbox s;

	(void)state;
	begin(&s, "plugins = ( { name = \"early\"; sandbox = { network = false; }; } );");
	assert_null(fb_pool_describe(s.rig.pool, "phase", "early", &err));
	if (!strstr(err.text, "phase-early.so was refused by its sandbox while it was loaded: to open a socket (AF_INET); a plugin does its work in operations, never in constructors"))
		fail_msg("%s", err.text);
	/* in a sandbox or not, none may leave a process behind from there */
	assert_null(fb_pool_describe(s.rig.pool, "phase", "forks", &err));
	assert_non_null(strstr(err.text, "has started a process while it was loaded"));
	end(&s);
}

static void a_record_is_kept_to_whatever_the_configuration_says_today(void **state)
{
	json_t *recorded;
	struct sandbox s;

	(void)state;
	begin(&s, DEFAULTS);
	recorded = json_deep_copy(json_object_get(fb_pool_describe(s.rig.pool, "check", "tries", NULL), "sandbox"));
	assert_true(json_is_object(recorded));
	end(&s);
	begin(&s, "environment = \"test\";");
	fb_pool_confine(s.rig.pool, "check", "tries", recorded);
	refused(&s, "check", "fork", "a child", "was refused by its sandbox: to start a process (fork)");
	json_decref(recorded);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_check_reads_what_it_needs_and_writes_nothing),
		cmocka_unit_test(a_notifier_writes_its_scratch_folder_only),
		cmocka_unit_test(a_phase_reads_all_but_secrets),
		cmocka_unit_test(a_file_is_not_changed_by_its_owners_right),
		cmocka_unit_test(secrets_that_are_named_are_not_read),
		cmocka_unit_test(devices_are_not_among_all_that_is_read),
		cmocka_unit_test(what_is_its_own_is_moved_between_folders),
		cmocka_unit_test(what_is_listed_is_allowed_and_no_more),
		cmocka_unit_test(a_path_that_is_not_there_is_told_before_it_matters),
		cmocka_unit_test(without_a_network_no_socket_is_opened),
		cmocka_unit_test(with_a_network_a_notifier_reaches_hosts_and_no_local_socket),
		cmocka_unit_test(of_local_sockets_only_the_listed_are_connected_to),
		cmocka_unit_test(local_sockets_are_connected_to_as_its_own_user),
		cmocka_unit_test(nobody_elses_limits_are_set),
		cmocka_unit_test(as_many_processes_as_were_allowed),
		cmocka_unit_test(who_may_start_no_process_starts_none),
		cmocka_unit_test(nobody_is_signalled_from_a_sandbox),
		cmocka_unit_test(the_secrets_of_others_stay_theirs),
		cmocka_unit_test(nothing_of_the_engines_environment_reaches_a_plugin),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(a_plugin_without_an_entry_is_trusted_but_gains_no_privileges),
		cmocka_unit_test(roots_capabilities_do_not_come_with_it),
		cmocka_unit_test(it_runs_as_its_own_user),
		cmocka_unit_test(orphans_of_another_user_are_ended),
		cmocka_unit_test(who_is_not_root_cannot_give_it_a_user),
		cmocka_unit_test(constructors_run_inside),
		cmocka_unit_test(a_record_is_kept_to_whatever_the_configuration_says_today),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
