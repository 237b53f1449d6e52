# Each file is one thing that a plugin must not get away with. They are built with what an author would use, less the checks that would
# find the mistake at build time.
hostile_ldflags = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere

check_LTLIBRARIES += tests/abi/hostile/phase-after-done.la
tests_abi_hostile_phase_after_done_la_SOURCES = tests/abi/hostile/after_done.c
tests_abi_hostile_phase_after_done_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_after_done_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_after_done_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-answers-77.la
tests_abi_hostile_phase_answers_77_la_SOURCES = tests/abi/hostile/answers_77.c
tests_abi_hostile_phase_answers_77_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_answers_77_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_answers_77_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-bad-name.la
tests_abi_hostile_phase_bad_name_la_SOURCES = tests/abi/hostile/bad_name.c
tests_abi_hostile_phase_bad_name_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_bad_name_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_bad_name_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-closes-all.la
tests_abi_hostile_phase_closes_all_la_SOURCES = tests/abi/hostile/closes_all.c
tests_abi_hostile_phase_closes_all_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_closes_all_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_closes_all_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-closes-reply.la
tests_abi_hostile_phase_closes_reply_la_SOURCES = tests/abi/hostile/closes_reply.c
tests_abi_hostile_phase_closes_reply_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_closes_reply_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_closes_reply_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-closes-waits.la
tests_abi_hostile_phase_closes_waits_la_SOURCES = tests/abi/hostile/closes_waits.c
tests_abi_hostile_phase_closes_waits_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_closes_waits_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_closes_waits_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-ctor-close.la
tests_abi_hostile_phase_ctor_close_la_SOURCES = tests/abi/hostile/ctor_close.c
tests_abi_hostile_phase_ctor_close_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_ctor_close_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_ctor_close_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-ctor-crash.la
tests_abi_hostile_phase_ctor_crash_la_SOURCES = tests/abi/hostile/ctor_crash.c
tests_abi_hostile_phase_ctor_crash_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_ctor_crash_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_ctor_crash_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-ctor-exit.la
tests_abi_hostile_phase_ctor_exit_la_SOURCES = tests/abi/hostile/ctor_exit.c
tests_abi_hostile_phase_ctor_exit_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_ctor_exit_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_ctor_exit_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-ctor-hang.la
tests_abi_hostile_phase_ctor_hang_la_SOURCES = tests/abi/hostile/ctor_hang.c
tests_abi_hostile_phase_ctor_hang_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_ctor_hang_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_ctor_hang_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-ctor-rubbish.la
tests_abi_hostile_phase_ctor_rubbish_la_SOURCES = tests/abi/hostile/ctor_rubbish.c
tests_abi_hostile_phase_ctor_rubbish_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_ctor_rubbish_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_ctor_rubbish_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-ctor-thread.la
tests_abi_hostile_phase_ctor_thread_la_SOURCES = tests/abi/hostile/ctor_thread.c
tests_abi_hostile_phase_ctor_thread_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_ctor_thread_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_ctor_thread_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-daemon.la
tests_abi_hostile_phase_daemon_la_SOURCES = tests/abi/hostile/daemon.c
tests_abi_hostile_phase_daemon_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_daemon_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_daemon_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-done-twice.la
tests_abi_hostile_phase_done_twice_la_SOURCES = tests/abi/hostile/done_twice.c
tests_abi_hostile_phase_done_twice_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_done_twice_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_done_twice_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-eats-memory.la
tests_abi_hostile_phase_eats_memory_la_SOURCES = tests/abi/hostile/eats_memory.c
tests_abi_hostile_phase_eats_memory_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_eats_memory_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_eats_memory_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-entry-crash.la
tests_abi_hostile_phase_entry_crash_la_SOURCES = tests/abi/hostile/entry_crash.c
tests_abi_hostile_phase_entry_crash_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_entry_crash_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_entry_crash_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-entry-null.la
tests_abi_hostile_phase_entry_null_la_SOURCES = tests/abi/hostile/entry_null.c
tests_abi_hostile_phase_entry_null_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_entry_null_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_entry_null_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-fork-exit.la
tests_abi_hostile_phase_fork_exit_la_SOURCES = tests/abi/hostile/fork_exit.c
tests_abi_hostile_phase_fork_exit_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_fork_exit_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_fork_exit_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-fork-storm.la
tests_abi_hostile_phase_fork_storm_la_SOURCES = tests/abi/hostile/fork_storm.c
tests_abi_hostile_phase_fork_storm_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_fork_storm_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_fork_storm_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-huge-frame.la
tests_abi_hostile_phase_huge_frame_la_SOURCES = tests/abi/hostile/huge_frame.c
tests_abi_hostile_phase_huge_frame_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_huge_frame_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_huge_frame_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-ignores-term.la
tests_abi_hostile_phase_ignores_term_la_SOURCES = tests/abi/hostile/ignores_term.c
tests_abi_hostile_phase_ignores_term_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_ignores_term_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_ignores_term_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-kills-host.la
tests_abi_hostile_phase_kills_host_la_SOURCES = tests/abi/hostile/kills_host.c
tests_abi_hostile_phase_kills_host_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_kills_host_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_kills_host_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-kills-host-exec.la
tests_abi_hostile_phase_kills_host_exec_la_SOURCES = tests/abi/hostile/kills_host_exec.c
tests_abi_hostile_phase_kills_host_exec_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_kills_host_exec_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_kills_host_exec_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-kind-other.la
tests_abi_hostile_phase_kind_other_la_SOURCES = tests/abi/hostile/kind_other.c
tests_abi_hostile_phase_kind_other_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_kind_other_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_kind_other_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-kind-unknown.la
tests_abi_hostile_phase_kind_unknown_la_SOURCES = tests/abi/hostile/kind_unknown.c
tests_abi_hostile_phase_kind_unknown_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_kind_unknown_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_kind_unknown_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-long-text.la
tests_abi_hostile_phase_long_text_la_SOURCES = tests/abi/hostile/long_text.c
tests_abi_hostile_phase_long_text_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_long_text_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_long_text_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-never-returns.la
tests_abi_hostile_phase_never_returns_la_SOURCES = tests/abi/hostile/never_returns.c
tests_abi_hostile_phase_never_returns_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_never_returns_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_never_returns_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-newer-host.la
tests_abi_hostile_phase_newer_host_la_SOURCES = tests/abi/hostile/newer_host.c
tests_abi_hostile_phase_newer_host_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_newer_host_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_newer_host_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-newer-minor.la
tests_abi_hostile_phase_newer_minor_la_SOURCES = tests/abi/hostile/newer_minor.c
tests_abi_hostile_phase_newer_minor_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_newer_minor_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_newer_minor_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-no-entry.la
tests_abi_hostile_phase_no_entry_la_SOURCES = tests/abi/hostile/no_entry.c
tests_abi_hostile_phase_no_entry_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_no_entry_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_no_entry_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-no-run.la
tests_abi_hostile_phase_no_run_la_SOURCES = tests/abi/hostile/no_run.c
tests_abi_hostile_phase_no_run_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_no_run_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_no_run_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-not-json.la
tests_abi_hostile_phase_not_json_la_SOURCES = tests/abi/hostile/not_json.c
tests_abi_hostile_phase_not_json_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_not_json_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_not_json_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-not-object.la
tests_abi_hostile_phase_not_object_la_SOURCES = tests/abi/hostile/not_object.c
tests_abi_hostile_phase_not_object_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_not_object_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_not_object_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-null-ops.la
tests_abi_hostile_phase_null_ops_la_SOURCES = tests/abi/hostile/null_ops.c
tests_abi_hostile_phase_null_ops_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_null_ops_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_null_ops_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-null-text.la
tests_abi_hostile_phase_null_text_la_SOURCES = tests/abi/hostile/null_text.c
tests_abi_hostile_phase_null_text_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_null_text_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_null_text_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-op-crash.la
tests_abi_hostile_phase_op_crash_la_SOURCES = tests/abi/hostile/op_crash.c
tests_abi_hostile_phase_op_crash_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_op_crash_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_op_crash_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-op-exit.la
tests_abi_hostile_phase_op_exit_la_SOURCES = tests/abi/hostile/op_exit.c
tests_abi_hostile_phase_op_exit_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_op_exit_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_op_exit_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-op-thread.la
tests_abi_hostile_phase_op_thread_la_SOURCES = tests/abi/hostile/op_thread.c
tests_abi_hostile_phase_op_thread_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_op_thread_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_op_thread_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-option-choice.la
tests_abi_hostile_phase_option_choice_la_SOURCES = tests/abi/hostile/option_choice.c
tests_abi_hostile_phase_option_choice_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_option_choice_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_option_choice_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-option-default.la
tests_abi_hostile_phase_option_default_la_SOURCES = tests/abi/hostile/option_default.c
tests_abi_hostile_phase_option_default_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_option_default_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_option_default_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-option-endless.la
tests_abi_hostile_phase_option_endless_la_SOURCES = tests/abi/hostile/option_endless.c
tests_abi_hostile_phase_option_endless_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_option_endless_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_option_endless_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-option-name.la
tests_abi_hostile_phase_option_name_la_SOURCES = tests/abi/hostile/option_name.c
tests_abi_hostile_phase_option_name_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_option_name_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_option_name_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-option-stride.la
tests_abi_hostile_phase_option_stride_la_SOURCES = tests/abi/hostile/option_stride.c
tests_abi_hostile_phase_option_stride_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_option_stride_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_option_stride_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-option-twice.la
tests_abi_hostile_phase_option_twice_la_SOURCES = tests/abi/hostile/option_twice.c
tests_abi_hostile_phase_option_twice_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_option_twice_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_option_twice_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-option-type.la
tests_abi_hostile_phase_option_type_la_SOURCES = tests/abi/hostile/option_type.c
tests_abi_hostile_phase_option_type_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_option_type_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_option_type_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-other-major.la
tests_abi_hostile_phase_other_major_la_SOURCES = tests/abi/hostile/other_major.c
tests_abi_hostile_phase_other_major_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_other_major_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_other_major_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-other-name.la
tests_abi_hostile_phase_other_name_la_SOURCES = tests/abi/hostile/other_name.c
tests_abi_hostile_phase_other_name_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_other_name_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_other_name_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-rubbish.la
tests_abi_hostile_phase_rubbish_la_SOURCES = tests/abi/hostile/rubbish.c
tests_abi_hostile_phase_rubbish_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_rubbish_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_rubbish_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-size-huge.la
tests_abi_hostile_phase_size_huge_la_SOURCES = tests/abi/hostile/size_huge.c
tests_abi_hostile_phase_size_huge_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_size_huge_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_size_huge_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-size-zero.la
tests_abi_hostile_phase_size_zero_la_SOURCES = tests/abi/hostile/size_zero.c
tests_abi_hostile_phase_size_zero_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_size_zero_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_size_zero_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-small-call.la
tests_abi_hostile_phase_small_call_la_SOURCES = tests/abi/hostile/small_call.c
tests_abi_hostile_phase_small_call_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_small_call_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_small_call_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-stops-host.la
tests_abi_hostile_phase_stops_host_la_SOURCES = tests/abi/hostile/stops_host.c
tests_abi_hostile_phase_stops_host_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_stops_host_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_stops_host_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-stops-host-hangs.la
tests_abi_hostile_phase_stops_host_hangs_la_SOURCES = tests/abi/hostile/stops_host_hangs.c
tests_abi_hostile_phase_stops_host_hangs_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_stops_host_hangs_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_stops_host_hangs_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-stops-itself.la
tests_abi_hostile_phase_stops_itself_la_SOURCES = tests/abi/hostile/stops_itself.c
tests_abi_hostile_phase_stops_itself_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_stops_itself_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_stops_itself_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-two-requests.la
tests_abi_hostile_phase_two_requests_la_SOURCES = tests/abi/hostile/two_requests.c
tests_abi_hostile_phase_two_requests_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_two_requests_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_two_requests_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-undefined.la
tests_abi_hostile_phase_undefined_la_SOURCES = tests/abi/hostile/undefined.c
tests_abi_hostile_phase_undefined_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_undefined_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_undefined_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-unknown-method.la
tests_abi_hostile_phase_unknown_method_la_SOURCES = tests/abi/hostile/unknown_method.c
tests_abi_hostile_phase_unknown_method_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_unknown_method_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_unknown_method_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-wrong-magic.la
tests_abi_hostile_phase_wrong_magic_la_SOURCES = tests/abi/hostile/wrong_magic.c
tests_abi_hostile_phase_wrong_magic_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_wrong_magic_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_wrong_magic_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-wrong-type.la
tests_abi_hostile_phase_wrong_type_la_SOURCES = tests/abi/hostile/wrong_type.c
tests_abi_hostile_phase_wrong_type_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_wrong_type_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_wrong_type_la_LDFLAGS = $(hostile_ldflags)

check_LTLIBRARIES += tests/abi/hostile/phase-background.la
tests_abi_hostile_phase_background_la_SOURCES = tests/abi/hostile/background.c
tests_abi_hostile_phase_background_la_CPPFLAGS = $(plugin_cppflags)
tests_abi_hostile_phase_background_la_CFLAGS = $(plugin_cflags)
tests_abi_hostile_phase_background_la_LDFLAGS = $(hostile_ldflags)
