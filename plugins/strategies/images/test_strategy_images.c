/* SPDX-License-Identifier: Apache-2.0 */
/* With a stand-in for the Docker Engine, which takes what the real one takes and nothing else; a real one is in tests/chain/test_images.py. */
#include <signal.h>

#include "plugins/common/test_item.h"

#define FIRST "{}"
#define DOCKER "/usr/bin/python3 '" SOURCES "/tests/fake/docker.py'"
#define LOOK "/usr/bin/python3 -c 'import json; s = json.load(open(\"state.json\")); "
#define CHANGE(what) "/usr/bin/python3 -c 'import json; s = json.load(open(\"state.json\")); " what "; json.dump(s, open(\"state.json\", \"w\"))'"

static struct fake *begin(const char *options)
{
	struct fake *f = item_new("strategy-images", FIRST, options);

	signal(SIGINT, SIG_DFL);
	assert_int_equal(sh(f, DOCKER " --add . shop/web:live one && " DOCKER " --add . shop/db two"), 0);
	assert_int_equal(sh(f, "{ " DOCKER " s . >/dev/null 2>&1 & echo $! > pid; } && n=0; until curl -sf --unix-socket s http://localhost/_ping; do n=$((n + 1)); test $n -lt 600 || exit 1; sleep 0.05; done"), 0);
	return f;
}

static void end(struct fake *f)
{
	assert_int_equal(sh(f, "kill $(cat pid)"), 0);
	fake_free(f);
}

#define SAVED "{\"socket\": \"%/s\", \"images\": [\"shop/web:live\", \"shop/db\"], \"save\": true, \"verify\": \"restore\"}"
#define LISTED "{\"socket\": \"%/s\", \"images\": [\"shop/web:live\"]}"

/* A release that is built over the name of the last one, and the image before is swept away. */
static void lose(struct fake *f)
{
	assert_int_equal(sh(f, CHANGE("s[\"images\"].pop(s[\"names\"][\"shop/web:live\"])")), 0);
	assert_int_equal(sh(f, DOCKER " --add . shop/web:live worse"), 0);
}

static void a_name_stands_for_its_image_again(void **state)
{
	struct fake *f = begin(LISTED);

	(void)state;
	assert_call(f, FB_OP_CHECK, FB_OK);
	assert_sealed(f);
	assert_call(f, FB_OP_PROVE, FB_OK);
	assert_string_equal(json_string_value(item_reported(f, "proven_by")), "read");
	assert_int_equal(sh(f, DOCKER " --add . shop/web:live worse"), 0);
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_int_equal(sh(f, LOOK "assert s[\"images\"][s[\"names\"][\"shop/web:live\"]][0] == \"one\"'"), 0);
	assert_true(fake_did(f, "tag/shop/web:live"));
	assert_call(f, FB_OP_RESTORE, FB_OK); /* nothing differs any more */
	assert_null(fake_act(f, "tag/shop/web:live"));
	end(f);
}

static void an_image_that_is_gone_is_loaded_from_the_backup(void **state)
{
	struct fake *f = begin(SAVED);

	(void)state;
	assert_sealed(f);
	assert_call(f, FB_OP_PROVE, FB_OK);
	assert_string_equal(json_string_value(item_reported(f, "proven_by")), "restore");
	set_item_options(f, "{\"socket\": \"%/s\", \"images\": [\"shop/web:live\", \"shop/db\"], \"save\": true}");
	lose(f);
	assert_call(f, FB_OP_PROVE, FB_OK); /* it needs none of the engine's */
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_int_equal(sh(f, LOOK "assert s[\"images\"][s[\"names\"][\"shop/web:live\"]][0] == \"one\"; assert s[\"images\"][s[\"names\"][\"shop/db:latest\"]][0] == \"two\"'"), 0);
	assert_int_equal(sh(f, "test $(grep -c 'POST /v1.41/images/load' requests) = 1"), 0);
	end(f);
}

static void an_image_that_is_gone_and_was_not_saved_is_told_or_pulled(void **state)
{
	struct fake *f = begin(LISTED);

	(void)state;
	assert_sealed(f);
	lose(f);
	assert_call(f, FB_OP_RESTORE, FB_FAIL);
	assert_says(f, "was not saved");
	assert_non_null(strstr(json_string_value(json_object_get(json_array_get(f->advice, 0), "command")), "docker pull registry.example/shop/web@sha256:"));
	set_item_options(f, "{\"socket\": \"%/s\", \"images\": [\"shop/web:live\"], \"pull\": true}");
	assert_call(f, FB_OP_RESTORE, FB_FAIL);
	assert_says(f, "manifest unknown"); /* its answer began with 200 */
	assert_int_equal(sh(f, CHANGE("import hashlib; s[\"registry\"][\"registry.example/shop/web@sha256:\" + hashlib.sha256(b\"one\").hexdigest()] = \"another\"")), 0);
	assert_call(f, FB_OP_RESTORE, FB_FAIL);
	assert_says(f, "what came is another one");
	assert_int_equal(sh(f, CHANGE("import hashlib; s[\"registry\"][\"registry.example/shop/web@sha256:\" + hashlib.sha256(b\"one\").hexdigest()] = \"one\"")), 0);
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_int_equal(sh(f, LOOK "assert s[\"images\"][s[\"names\"][\"shop/web:live\"]][0] == \"one\"'"), 0);
	end(f);
}

static void an_image_that_goes_before_the_proof_is_no_way_back(void **state)
{
	struct fake *f = begin(LISTED);

	(void)state;
	assert_sealed(f);
	lose(f);
	assert_call(f, FB_OP_PROVE, FB_FAIL);
	assert_says(f, "is not at the engine any more, and was not saved");
	end(f);
}

static void a_container_is_kept_as_it_was_made_without_values_that_may_be_secret(void **state)
{
	struct fake *f = begin("{\"socket\": \"%/s\", \"containers\": [\"web\"]}");

	(void)state;
	assert_int_equal(sh(f, CHANGE("s[\"containers\"][\"web\"] = {\"Id\": \"c1\", \"Image\": s[\"names\"][\"shop/web:live\"], \"Config\": {\"Image\": \"shop/web:live\", \"Env\": [\"PASSWORD=hunter2\", \"A=b\"], "
				      "\"Cmd\": [\"serve\"]}, \"HostConfig\": {\"NetworkMode\": \"host\"}, \"NetworkSettings\": {\"Networks\": {\"host\": {\"IPAddress\": \"10.0.0.7\", \"Aliases\": [\"w\"]}}}}")), 0);
	assert_sealed(f);
	assert_int_equal(sh(f, "failback-store --store store restore --set %s --item web.item --to out && ! grep -r hunter2 out", f->call.execution), 0);
	assert_int_equal(sh(f, "/usr/bin/python3 -c 'import json; c = json.load(open(\"out/images.json\"))[\"containers\"][0][\"create\"]; assert c[\"Env\"] == [\"PASSWORD=(not kept)\", \"A=(not kept)\"], c; "
			       "assert c[\"HostConfig\"] == {\"NetworkMode\": \"host\"} and c[\"NetworkingConfig\"] == {\"EndpointsConfig\": {\"host\": {\"Aliases\": [\"w\"]}}}, c'"), 0);
	assert_int_equal(sh(f, DOCKER " --add . shop/web:live worse"), 0);
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_int_equal(sh(f, LOOK "assert s[\"images\"][s[\"names\"][\"shop/web:live\"]][0] == \"one\"'"), 0);
	end(f);
}

static void values_are_kept_where_the_store_encrypts_them(void **state)
{
	struct fake *f = begin("{\"socket\": \"%/s\", \"containers\": [\"web\"]}");

	(void)state;
	json_object_set_new(f->documents, "backup_store", json_pack("{s:s}", "encryption", "secrets"));
	assert_int_equal(sh(f, "rm -r store && failback-store --store store init --encryption secrets --key-file $PWD/key"), 0);
	assert_int_equal(sh(f, CHANGE("s[\"containers\"][\"web\"] = {\"Id\": \"c1\", \"Image\": s[\"names\"][\"shop/web:live\"], \"Config\": {\"Image\": \"shop/web:live\", \"Env\": [\"PASSWORD=hunter2\"]}}")), 0);
	assert_sealed(f);
	assert_true(json_is_true(item_reported(f, "encrypted")));
	assert_int_equal(sh(f, "failback-store --store store restore --set %s --item web.item --to out && grep -q hunter2 out/images.json", f->call.execution), 0);
	end(f);
}

static void what_is_not_there_yet_is_no_failure_at_the_first_deployment_only(void **state)
{
	struct fake *f = begin("{\"socket\": \"%/s\", \"images\": [\"shop/new:1\"], \"containers\": [\"none\"]}");

	(void)state;
	assert_call(f, FB_OP_CAPTURE, FB_FAIL);
	assert_says(f, "image shop/new:1 is not there");
	f->call.last_good = NULL;
	assert_sealed(f);
	assert_call(f, FB_OP_PROVE, FB_OK);
	end(f);
}

static void what_the_engine_refuses_is_told_in_its_words(void **state)
{
	struct fake *f = begin(LISTED);

	(void)state;
	assert_sealed(f);
	assert_int_equal(sh(f, DOCKER " --add . shop/web:live worse"), 0);
	assert_int_equal(sh(f, CHANGE("s[\"fail\"] = {\"POST /images/%%s/tag\" %% [i for i in s[\"images\"] if s[\"images\"][i][0] == \"one\"][0]: [409, \"the name is in use\"]}")), 0);
	assert_call(f, FB_OP_RESTORE, FB_FAIL);
	assert_says(f, "status 409: the name is in use");
	assert_int_equal(sh(f, CHANGE("s[\"fail\"] = {\"GET /images/shop/web:live/json\": [500, \"out of order\"]}")), 0);
	assert_call(f, FB_OP_CAPTURE, FB_FAIL);
	assert_says(f, "status 500: out of order");
	end(f);
}

static void an_engine_that_is_away_or_no_engine_at_all_is_told(void **state)
{
	struct fake *f = item_new("strategy-images", FIRST, LISTED);

	(void)state;
	assert_call(f, FB_OP_CHECK, FB_FATAL);
	assert_says(f, "there is no socket");
	assert_int_equal(sh(f, "{ /usr/bin/python3 -c 'import socket\ns = socket.socket(socket.AF_UNIX); s.bind(\"s\"); s.listen()\nwhile True:\n c = s.accept()[0]; c.recv(9999); c.sendall(b\"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n\"); c.close()' >/dev/null 2>&1 & echo $! > pid; }"
			       "; n=0; until test -S s && curl -sf --unix-socket s http://localhost/; do n=$((n + 1)); test $n -lt 600 || exit 1; sleep 0.05; done"), 0);
	assert_call(f, FB_OP_CHECK, FB_FATAL);
	assert_says(f, "is no Docker Engine");
	end(f);
}

static void names_that_no_engine_takes_are_refused(void **state)
{
	struct fake *f = item_new("strategy-images", FIRST, "{\"images\": [\"shop/../../containers\"]}");

	(void)state;
	assert_call(f, FB_OP_CHECK, FB_FATAL);
	assert_says(f, "that is no name that the Docker Engine takes");
	set_item_options(f, "{\"containers\": [\"web?force=1\"]}");
	assert_call(f, FB_OP_CHECK, FB_FATAL);
	assert_says(f, "containers[0]");
	set_item_options(f, "{}");
	assert_call(f, FB_OP_CHECK, FB_FATAL);
	assert_says(f, "neither 'images' nor 'containers'");
	fake_free(f);
}

/* The archive is cut, or a layer of it changed, behind the plugin's back: in what the engine sends. */
static void a_saved_image_that_is_not_whole_refuses_the_backup(void **state)
{
	static const char *const damages[] = {"data[:-12000]", "data.replace(b\"one\", b\"two\")", "data.replace(b\"/layer.tar\", b\"/layer.rat\", 1)", "data[:100] + b\"9\" + data[101:]"};

	(void)state;
	for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
		struct fake *f = begin(SAVED);

		assert_int_equal(sh(f, "kill $(cat pid); rm s; cp '" SOURCES "/tests/fake/docker.py' d.py && printf '%%s\\n' 'whole = archive_of' 'def archive_of(content):' '    data = whole(content)' '    return %s' > more"
				       " && { sed '/^def read/,$d' d.py; cat more; sed -n '/^def read/,$p' d.py; } > e.py && { /usr/bin/python3 e.py s . >/dev/null 2>&1 & echo $! > pid; }"
				       " && n=0; until curl -sf --unix-socket s http://localhost/_ping; do n=$((n + 1)); test $n -lt 600 || exit 1; sleep 0.05; done", damages[i]), 0);
		assert_call(f, FB_OP_CAPTURE, FB_FAIL);
		assert_says(f, "is not whole: ");
		end(f);
	}
}

static void a_dry_run_and_keep_change_nothing(void **state)
{
	struct fake *f = begin(LISTED);

	(void)state;
	assert_sealed(f);
	assert_int_equal(sh(f, DOCKER " --add . shop/web:live worse"), 0);
	f->call.flags = FB_CALL_DRY_RUN;
	assert_call(f, FB_OP_CAPTURE, FB_OK);
	assert_call(f, FB_OP_RESTORE, FB_OK);
	f->call.flags = 0;
	set_item_options(f, "{\"socket\": \"%/s\", \"images\": [\"shop/web:live\"], \"on_rollback\": \"keep\"}");
	assert_call(f, FB_OP_RESTORE, FB_SKIP);
	assert_int_equal(sh(f, "! grep POST requests"), 0);
	end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_stands_for_its_image_again),
		cmocka_unit_test(an_image_that_is_gone_is_loaded_from_the_backup),
		cmocka_unit_test(an_image_that_is_gone_and_was_not_saved_is_told_or_pulled),
		cmocka_unit_test(an_image_that_goes_before_the_proof_is_no_way_back),
		cmocka_unit_test(a_container_is_kept_as_it_was_made_without_values_that_may_be_secret),
		cmocka_unit_test(values_are_kept_where_the_store_encrypts_them),
		cmocka_unit_test(what_is_not_there_yet_is_no_failure_at_the_first_deployment_only),
		cmocka_unit_test(what_the_engine_refuses_is_told_in_its_words),
		cmocka_unit_test(an_engine_that_is_away_or_no_engine_at_all_is_told),
		cmocka_unit_test(names_that_no_engine_takes_are_refused),
		cmocka_unit_test(a_saved_image_that_is_not_whole_refuses_the_backup),
		cmocka_unit_test(a_dry_run_and_keep_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
