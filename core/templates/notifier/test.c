/* SPDX-License-Identifier: Apache-2.0 */
/* What notifier-@NAME@ promises, against a host of this test's own and a receiver on the loopback. */
#include "fake_host.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct fb_event event = {
	.id = "1", .name = "rollback.completed", .time = "2026-01-20T11:00:00.000Z", .severity = "warning", .summary = "web is back at 1.0", .incident = "INC-1", .data = "{}",
};

/* A socket that listens on a free port of the loopback. */
static int receiver(int *ret_port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, size), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

static int32_t notify(int port)
{
	const struct fake_option options[] = {{"host", "127.0.0.1", 0}, {"port", NULL, port}, {0}};
	struct fb_call call = fake_call(options, FB_ACT_NO);

	return fake_plugin()->notifier->notify(&call, &event);
}

static void an_event_becomes_one_line(void **state)
{
	char line[256];
	int port, fd = receiver(&port), from;
	ssize_t n;

	(void)state;
	assert_int_equal(notify(port), FB_OK);
	from = accept(fd, NULL, NULL);
	assert_true(from >= 0);
	n = read(from, line, sizeof line - 1);
	assert_true(n > 0);
	line[n] = 0;
	assert_string_equal(line, "2026-01-20T11:00:00.000Z warning rollback.completed: web is back at 1.0\n");
	close(from);
	close(fd);
}

static void a_receiver_that_is_down_is_tried_again_later(void **state)
{
	int port, fd = receiver(&port);

	(void)state;
	close(fd); /* nobody listens there now */
	assert_int_equal(notify(port), FB_RETRY);
	assert_non_null(strstr(fake.message, "cannot connect to 127.0.0.1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_becomes_one_line),
		cmocka_unit_test(a_receiver_that_is_down_is_tried_again_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
