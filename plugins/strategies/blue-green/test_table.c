/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "plugins/strategies/blue-green/table.h"

static void statistics_are_read_by_column_name(void **state)
{
	struct bg_table t;

	(void)state;
	assert_int_equal(bg_table_parse("# pxname,svname,scur,status,\nweb,FRONTEND,3,OPEN,\napp,blue,1,DOWN 1/2,\n\n", ',', &t), 0);
	assert_int_equal(t.columns, 4);
	assert_int_equal(t.rows, 3);
	assert_int_equal(bg_table_find(&t, "pxname", "app", "svname", "blue"), 2);
	assert_string_equal(bg_table_cell(&t, 2, "status"), "DOWN 1/2");
	assert_int_equal(bg_table_number(&t, 2, "scur", -1), 1);
	assert_int_equal(bg_table_number(&t, 2, "status", -7), -7);
	assert_null(bg_table_cell(&t, 2, "qcur"));
	assert_int_equal(bg_table_find(&t, "pxname", "app", "svname", "green"), 0);
	bg_table_clear(&t);
}

static void a_quoted_cell_may_hold_separators_and_quotes(void **state)
{
	struct bg_table t;

	(void)state;
	assert_int_equal(bg_table_parse("# a,b,c\n1,\"x,\"\"y\"\"\",3\n", ',', &t), 0);
	assert_string_equal(bg_table_cell(&t, 1, "b"), "x,\"y\"");
	assert_int_equal(bg_table_number(&t, 1, "c", -1), 3);
	bg_table_clear(&t);
}

static void server_states_are_read_after_their_version_line(void **state)
{
	struct bg_table t;

	(void)state;
	assert_int_equal(bg_table_parse("1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state\n"
					"3 app 1 blue 127.0.0.1 2 0\n3 app 2 green 127.0.0.1 0 5\n\n# pxname,svname\n", ' ', &t), 0);
	assert_int_equal(t.rows, 3);
	assert_int_equal(bg_table_number(&t, bg_table_find(&t, "be_name", "app", "srv_name", "green"), "srv_admin_state", -1), 5);
	bg_table_clear(&t);
}

static void a_short_row_has_empty_cells_and_a_long_one_is_cut(void **state)
{
	struct bg_table t;

	(void)state;
	assert_int_equal(bg_table_parse("# a,b,c\n1\n1,2,3,4,5\n", ',', &t), 0);
	assert_string_equal(bg_table_cell(&t, 1, "c"), "");
	assert_int_equal(bg_table_number(&t, 1, "b", -1), -1);
	assert_int_equal(bg_table_number(&t, 2, "c", -1), 3);
	bg_table_clear(&t);
}

static void what_is_no_table_is_refused(void **state)
{
	static const char *const texts[] = {"", "\n", "Can't find backend.\n", "Unknown command: 'shwo'\n#nospace\n"};
	struct bg_table t = {.rows = 99};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_int_equal(bg_table_parse(texts[i], ',', &t), -1);
	assert_int_equal(t.rows, 99);
}

static void any_cut_of_a_reply_is_survived(void **state)
{
	static const char whole[] = "1\n# pxname,svname,scur,desc,\nweb,FRONTEND,3,\"a \"\"b\"\", c\",\napp,blue,1,\"x\",\n\n";

	(void)state;
	for (size_t n = 0; n < sizeof whole; n++) {
		char *copy = strndup(whole, n);
		struct bg_table t = {0};

		assert_non_null(copy);
		if (bg_table_parse(copy, ',', &t) == 0) {
			for (size_t r = 0; r < t.rows; r++)
				for (size_t c = 0; c < t.columns; c++)
					assert_non_null(t.cells[r * t.columns + c]);
		}
		bg_table_clear(&t);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statistics_are_read_by_column_name),
		cmocka_unit_test(a_quoted_cell_may_hold_separators_and_quotes),
		cmocka_unit_test(server_states_are_read_after_their_version_line),
		cmocka_unit_test(a_short_row_has_empty_cells_and_a_long_one_is_cut),
		cmocka_unit_test(what_is_no_table_is_refused),
		cmocka_unit_test(any_cut_of_a_reply_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
