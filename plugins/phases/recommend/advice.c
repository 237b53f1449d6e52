/* SPDX-License-Identifier: Apache-2.0 */
#include "advice.h"
#include "plugins/common/run.h"
#include "plugins/common/visible.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HIGH "HIGH"
#define MEDIUM "MEDIUM"
#define LOW "LOW"

static char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *text(const char *format, ...)
{
	va_list args;
	char *ret = NULL;

	va_start(args, format);
	if (vasprintf(&ret, format, args) < 0)
		ret = NULL;
	va_end(args);
	return ret ? ret : strdup("");
}

/* Takes action, description and example, which may be NULL. */
static void add(struct advice *a, const char *priority, char *action, char *description, char *example)
{
	json_t *e = json_pack("{s:s, s:s*, s:s*, s:s*}", "priority", priority, "action", action, "description", description, "example", example);

	if (e && action && *action)
		json_array_append_new(a->list, e);
	else
		json_decref(e);
	free(action);
	free(description);
	free(example);
}

/* A parameter of the cause that may be shown and quoted; NULL. */
static const char *parameter(const struct advice *a, const char *name)
{
	const char *s = json_string_value(json_object_get(json_object_get(a->cause, "parameters"), name));

	return s && *s && visible_text(s) ? s : NULL;
}

static bool mentions(const struct advice *a, const char *component)
{
	size_t i;
	json_t *v;
	json_t *list = json_object_get(a->cause, "components");

	json_array_foreach(list, i, v)
		if (json_string_value(v) && !strcmp(json_string_value(v), component))
			return true;
	return false;
}

static const json_t *evidence(const struct advice *a)
{
	return json_array_get(json_object_get(a->cause, "evidence"), 0);
}

/* A command that shows the lines around the best quote; NULL when there is none. */
static char *show_lines(const struct advice *a)
{
	const char *file = json_string_value(json_object_get(evidence(a), "file"));
	long long line = json_integer_value(json_object_get(evidence(a), "line"));
	char *path, *quoted, *ret;

	if (!file || !a->archive || line < 1 || !visible_text(file))
		return NULL;
	path = text("%s/%s", a->archive, file);
	quoted = run_quote(path);
	ret = text("sed -n '%lld,%lldp' %s", line > 20 ? line - 20 : 1, line + 10, quoted ? quoted : "");
	free(quoted);
	free(path);
	return ret;
}

static void add_push(struct advice *a, const char *what, const char *files)
{
	char *message = text("Fix: %s", what), *quoted = run_quote(message);

	add(a, MEDIUM, text("Commit and push"), text("Pushing starts the next deployment where a webhook is set up"),
	    text("git add -- %s && git commit -m %s && git push", files, quoted ? quoted : "fix"));
	free(quoted);
	free(message);
}

/* ---- a file that is not there */

/* The file's folder with a slash at the end, to be freed; NULL: it lies at the top. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash != path ? strndup(path, (size_t)(slash - path) + 1) : NULL;
}

static char *create_command(const char *path)
{
	char *folder = folder_of(path), *qfolder = folder ? run_quote(folder) : NULL, *qpath = run_quote(path);
	const char *dot = strrchr(path, '.');
	bool braces = dot && (!strcmp(dot, ".json") || !strcmp(dot, ".yaml") || !strcmp(dot, ".yml"));
	char *ret = text("%s%s%s%s%s", qfolder ? "mkdir -p -- " : "", qfolder ? qfolder : "", qfolder ? " && " : "",
			 braces ? "printf '%s\\n' '{}' > " : "touch -- ", qpath ? qpath : "");

	free(qpath);
	free(qfolder);
	free(folder);
	return ret;
}

/* COPY in its JSON form wherever the plain one would be read otherwise (Dockerfile reference, COPY). */
static char *copy_line(const char *from, const char *to)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-";
	json_t *form;
	char *json, *ret;

	if (*from != '-' && !from[strspn(from, plain)] && !to[strspn(to, plain)])
		return text("COPY %s %s", from, to);
	form = json_pack("[s, s]", from, to);
	json = form ? json_dumps(form, 0) : NULL;
	ret = text("COPY %s", json ? json : "");
	free(json);
	json_decref(form);
	return ret;
}

static void missing_in_tree(struct advice *a, const char *path)
{
	bool inside = *path != '/';
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	char *folder = folder_of(path), *there, *quoted, *what = text("add %s", path);

	add(a, HIGH, text("Add %s", path), inside ? text("The release looks for it and does not find it: create it in the repository, with its real content")
						  : text("The release looks for it and does not find it: create it on the machine, with its real content"),
	    create_command(path));
	there = inside && folder ? text("./%s", folder) : inside ? strdup("./") : strdup(path);
	add(a, HIGH, text("Update Dockerfile to include it"), text("If you build an image: it holds only what is copied into it, and .dockerignore must not leave it out"),
	    copy_line(inside && folder ? folder : base, there ? there : "./"));
	quoted = run_quote(inside && folder ? folder : base);
	free(there);
	there = text("%s Dockerfile", quoted ? quoted : ".");
	add_push(a, what, there);
	free(there);
	free(quoted);
	free(what);
	free(folder);
}

static void missing_in_cluster(struct advice *a, const char *name)
{
	const char *line = json_string_value(json_object_get(evidence(a), "text")), *key = parameter(a, "key");
	bool secret = line && strstr(line, "ecret");
	char *quoted = run_quote(name), *pair = text("%s=./%s", key ? key : "FILE", key ? key : "FILE"), *qpair = run_quote(pair);

	add(a, HIGH, text("Create the %s %s", secret ? "secret" : "config map", name), text("A pod of the release refers to it and it is not in the namespace"),
	    text("kubectl create %s %s --from-file=%s", secret ? "secret generic" : "configmap", quoted ? quoted : "", qpair ? qpair : ""));
	add(a, HIGH, text("Deploy it with the release"), text("Put it into the manifests, so that it is there before the pods are"), NULL);
	add_push(a, "add what the pods refer to", ".");
	free(qpair);
	free(pair);
	free(quoted);
}

static void missing_file(struct advice *a)
{
	const char *path = parameter(a, "path"), *name = parameter(a, "name");

	while (path && path[0] == '.' && path[1] == '/' && path[2])
		path += path[2] == '/' ? 1 : 2;
	if (path && !strcmp(path, "/"))
		path = NULL;
	if (path)
		missing_in_tree(a, path);
	else if (name && mentions(a, "Kubernetes"))
		missing_in_cluster(a, name);
	else
		add(a, HIGH, text("Add the missing file"), text("The log tells which one is looked for"), show_lines(a));
}

/* ---- memory */

static void out_of_memory(struct advice *a)
{
	char *service = run_quote(a->service && visible_text(a->service) ? a->service : "SERVICE");
	const char *s = service ? service : "SERVICE";

	if (mentions(a, "Node.js"))
		add(a, HIGH, text("Give Node.js a larger heap"), text("If the release needs more than before; stay below what the container may use"),
		    text("export NODE_OPTIONS=--max-old-space-size=1024"));
	else if (mentions(a, "Java"))
		add(a, HIGH, text("Give the Java heap more of the memory"), text("If the release needs more than before"), text("export JAVA_TOOL_OPTIONS=-XX:MaxRAMPercentage=75"));
	else if (mentions(a, "PHP"))
		add(a, HIGH, text("Raise memory_limit"), text("If the release needs more than before"), text("memory_limit = 256M"));
	else if (mentions(a, "compiler"))
		add(a, HIGH, text("Build with fewer jobs at a time"), text("The kernel ended the compiler: each job takes its own memory"), text("make -j1"));
	else if (mentions(a, "systemd") || mentions(a, "Linux kernel"))
		add(a, HIGH, text("Raise the memory limit"), text("If the release needs more than before"), text("systemctl set-property %s MemoryMax=1G", s));
	else
		add(a, HIGH, text("Raise the memory limit"), text("If the release needs more than before"),
		    text("kubectl set resources deployment/%s --limits=memory=512Mi", s));
	add(a, HIGH, text("Look for a leak"), text("If the release before did with less: compare how the two grow under the same load"),
	    mentions(a, "Node.js") ? text("node --heapsnapshot-near-heap-limit=2 server.js")
	    : mentions(a, "Java")  ? text("java -XX:+HeapDumpOnOutOfMemoryError -XX:HeapDumpPath=/tmp -jar app.jar")
				   : show_lines(a));
	add(a, MEDIUM, text("Use less at a time"), text("Read large inputs in pieces, bound caches and queues, start fewer workers"), NULL);
	free(service);
}

/* ---- rights */

static void allow_in_cluster(struct advice *a, const char *user, const char *verb, const char *resource)
{
	const char *namespace = parameter(a, "namespace"), *group = parameter(a, "group"), *rest = user;
	char *full = group ? text("%s.%s", resource, group) : text("%s", resource), *qfull = run_quote(full), *qverb = run_quote(verb);
	char *qspace = namespace ? run_quote(namespace) : NULL, *to, *qto, *quser = run_quote(user);
	char *in = qspace ? text(" -n %s", qspace) : text("%s", "");
	const char *kind = namespace ? "role" : "clusterrole";

	if (!strncmp(user, "system:serviceaccount:", 22)) {
		rest = user + 22;
		to = text("%s", rest);
		qto = run_quote(to);
		free(to);
		to = text("--serviceaccount=%s", qto ? qto : "");
	} else {
		qto = run_quote(user);
		to = text("--user=%s", qto ? qto : "");
	}
	add(a, HIGH, text("Allow %s to %s %s%s%s", rest, verb, full, namespace ? " in " : "", namespace ? namespace : ""),
	    text("Exactly this right is missing. Where roles are kept in manifests, add it there"),
	    text("kubectl create %s failback-missing --verb=%s --resource=%s%s && kubectl create %sbinding failback-missing --%s=failback-missing %s%s", kind,
		 qverb ? qverb : "", qfull ? qfull : "", in, kind, kind, to, in));
	add(a, MEDIUM, text("Check that it is allowed now"), NULL,
	    text("kubectl auth can-i %s %s --as=%s%s", qverb ? qverb : "", qfull ? qfull : "", quser ? quser : "", in));
	free(in);
	free(quser);
	free(qto);
	free(to);
	free(qspace);
	free(qverb);
	free(qfull);
	free(full);
}

static void allow_in_cloud(struct advice *a, const char *user, const char *verb)
{
	const char *resource = parameter(a, "resource");
	json_t *statement = json_pack("{s:s, s:s, s:s}", "Effect", "Allow", "Action", verb, "Resource", resource ? resource : "*");
	char *json = statement ? json_dumps(statement, 0) : NULL;

	add(a, HIGH, text("Allow %s to %s", user ? user : "the deployer", verb), text("Exactly this right is missing; narrow the resource if it says *"),
	    mentions(a, "AWS") ? json : NULL);
	if (!mentions(a, "AWS"))
		free(json);
	json_decref(statement);
}

static void allow_path(struct advice *a, const char *path)
{
	const char *verb = parameter(a, "verb");
	bool runs = (verb && strstr(verb, "exec")) || mentions(a, "systemd");
	char *quoted = run_quote(path);
	const char *q = quoted ? quoted : "";

	add(a, HIGH, text("Look who may do what with %s", path), text("Every folder on the way counts, not only the last"), text("namei -l -- %s", q));
	if (runs)
		add(a, HIGH, text("Make %s executable", path), text("In the repository as well, so that the next build has it"),
		    text("chmod +x -- %s && git update-index --chmod=+x -- %s", q, q));
	else if (strstr(path, "docker.sock"))
		add(a, HIGH, text("Let the deployer use Docker"), text("Members of the group docker may use the socket, and are as good as root"),
		    text("sudo usermod -aG docker \"$(id -un)\""));
	else
		add(a, HIGH, text("Give %s to the user that the service runs as", path), text("Put the service's user for USER"), text("sudo chown USER -- %s && sudo chmod u+rwX -- %s", q, q));
	free(quoted);
}

/* May it stand in SQL as it is? */
static bool is_identifier(const char *s)
{
	return !s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.")];
}

static void permission(struct advice *a)
{
	const char *path = parameter(a, "path"), *user = parameter(a, "user"), *verb = parameter(a, "verb"), *resource = parameter(a, "resource");
	const char *object = parameter(a, "object"), *name = parameter(a, "name");

	if (mentions(a, "Kubernetes") && user && verb && resource)
		allow_in_cluster(a, user, verb, resource);
	else if (mentions(a, "PostgreSQL") && object && name && is_identifier(object) && is_identifier(name))
		add(a, HIGH, text("Grant the service's role what it needs on %s %s", object, name), text("Grant no more than it needs; put its role for ROLE"),
		    text("GRANT %s ON %s %s TO ROLE;", strcmp(object, "schema") && strcmp(object, "database") ? "SELECT, INSERT, UPDATE, DELETE" : "CREATE",
			 strcmp(object, "relation") ? object : "TABLE", name));
	else if (verb && !path)
		allow_in_cloud(a, user, verb);
	else if (path)
		allow_path(a, path);
	else if (parameter(a, "address"))
		add(a, HIGH, text("Listen on a port above 1023, or allow the low one"), text("%s may be used by root only", parameter(a, "address")),
		    text("sudo setcap cap_net_bind_service=+ep PROGRAM"));
	else
		add(a, HIGH, text("Find out which right is missing"), text("The log tells who was refused; grant that right and no more"), show_lines(a));
	add_push(a, "grant the missing permission", ".");
}

/* ---- crash, unknown */

static void add_show(struct advice *a, const char *priority)
{
	char *quoted = run_quote(a->execution ? a->execution : "ID");

	add(a, priority, text("Look at the whole execution"), text("Every link with its messages, and where its logs are"), text("failback show %s", quoted ? quoted : "ID"));
	free(quoted);
}

static void crash(struct advice *a)
{
	const char *signal = parameter(a, "signal"), *code = parameter(a, "exit_code"), *message = parameter(a, "message");
	char *quoted = run_quote(a->service && visible_text(a->service) ? a->service : "SERVICE");

	add(a, HIGH, message ? text("Fix what made it crash: %s", message)
		     : signal ? text("Fix what made it crash with signal %s", signal)
		     : code   ? text("Fix what made it end with exit code %s", code)
			      : text("Fix what made it crash"),
	    text("Read what it said just before"), show_lines(a));
	if (mentions(a, "Kubernetes"))
		add(a, HIGH, text("Read what the container said before it was restarted"), NULL, text("kubectl logs --previous deployment/%s", quoted ? quoted : "SERVICE"));
	else
		add(a, HIGH, text("Start the release by hand"), text("With the same configuration, where no user is sent to it"), NULL);
	if (signal || (code && (!strcmp(code, "139") || !strcmp(code, "134"))))
		add(a, MEDIUM, text("Look at the core dump"), text("If the machine keeps them"), text("coredumpctl info"));
	add_push(a, "the crash at start", ".");
	free(quoted);
}

static void unknown(struct advice *a)
{
	char *lines = show_lines(a), *quoted = a->archive ? run_quote(a->archive) : NULL;

	if (lines)
		add(a, HIGH, text("Read the log where it went wrong"), text("No known cause was recognised; these lines look most like it"), lines);
	else
		add(a, HIGH, text("Read the logs"), text("No known cause was recognised"), quoted ? text("ls -l %s", quoted) : NULL);
	add_show(a, HIGH);
	free(quoted);
}

/* ---- what the signature says that found the cause */

static const char *level(const char *priority)
{
	return priority && !strcmp(priority, "high") ? HIGH : priority && !strcmp(priority, "low") ? LOW : MEDIUM;
}

static bool is_there(const struct advice *a, const char *action, const char *command)
{
	size_t i;
	json_t *e;

	json_array_foreach(a->list, i, e) {
		const char *have = json_string_value(json_object_get(e, "example")), *words = json_string_value(json_object_get(e, "action"));

		if ((words && !strcasecmp(words, action)) || (command && have && !strcmp(have, command)))
			return true;
	}
	return false;
}

/* Actions in signatures begin with a small letter. */
static void add_fixes(struct advice *a)
{
	size_t i;
	json_t *fixes = json_object_get(a->cause, "fixes"), *f;

	json_array_foreach(fixes, i, f) {
		const char *action = json_string_value(json_object_get(f, "action")), *command = json_string_value(json_object_get(f, "command"));
		char *words;

		if (!action || !*action || !visible_text(action) || (command && !visible_text(command)) || is_there(a, action, command))
			continue;
		words = strdup(action);
		if (words)
			*words = (char)toupper((unsigned char)*words);
		add(a, level(json_string_value(json_object_get(f, "priority"))), words, NULL, command ? strdup(command) : NULL);
	}
}

static int rank(const json_t *e)
{
	const char *p = json_string_value(json_object_get(e, "priority"));

	return p && !strcmp(p, HIGH) ? 0 : p && !strcmp(p, MEDIUM) ? 1 : 2;
}

/* The most urgent first; of the same urgency as they came. */
static void sort(struct advice *a)
{
	json_t *sorted = json_array(), *e;
	size_t i;

	for (int r = 0; r < 3; r++)
		json_array_foreach(a->list, i, e)
			if (rank(e) == r)
				json_array_append(sorted, e);
	json_array_clear(a->list);
	json_array_extend(a->list, sorted);
	json_decref(sorted);
}

static void known(struct advice *a)
{
	char *lines;

	add_fixes(a);
	lines = show_lines(a);
	if (lines)
		add(a, json_array_size(a->list) ? MEDIUM : HIGH, text("Read the lines that say so"), NULL, lines);
}

void advice_make(struct advice *a)
{
	const char *class = json_string_value(json_object_get(a->cause, "class"));

	if (class && !strcmp(class, "missing_file"))
		missing_file(a);
	else if (class && !strcmp(class, "out_of_memory"))
		out_of_memory(a);
	else if (class && !strcmp(class, "permission"))
		permission(a);
	else if (class && !strcmp(class, "crash"))
		crash(a);
	else if (class && strcmp(class, "unknown"))
		known(a);
	else
		unknown(a);
	add_fixes(a);
	if (class && strcmp(class, "unknown"))
		add_show(a, LOW);
	sort(a);
}
