/* SPDX-License-Identifier: Apache-2.0 */
/* Made once, when the release was made, by tests/abi/header.py layout from this folder's failback/plugin.h. Never edited. */

/*
 * Every member of every struct: offset and size on LP64 (x86-64, aarch64, riscv64, …), on ILP32 where int64_t is aligned to 8 (arm), and to 4
 * (i386); its type; and every constant. A struct may be longer than this by what was appended; FB_LAYOUT_EXACT: it is just this long.
 */
#if __SIZEOF_POINTER__ == 8
#define FB_LAYOUT(lp64, ilp32, i386) (lp64)
#elif defined(__i386__)
#define FB_LAYOUT(lp64, ilp32, i386) (i386)
#else
#define FB_LAYOUT(lp64, ilp32, i386) (ilp32)
#endif
#ifdef FB_LAYOUT_EXACT
#define FB_LONG(s, n) _Static_assert(sizeof(struct s) == (n), "struct " #s " has another size")
#else
#define FB_LONG(s, n) _Static_assert(sizeof(struct s) >= (n), "struct " #s " has lost members")
#endif
#define FB_AT(s, m, n, o) \
	_Static_assert(offsetof(struct s, m) == (o), "struct " #s ": " #m " has moved"); \
	_Static_assert(sizeof(((struct s *)0)->m) == (n), "struct " #s ": " #m " has another size")
#define FB_TYPE(s, m, ...) _Static_assert(_Generic(((struct s *)0)->m, __VA_ARGS__: 1, default: 0), "struct " #s ": " #m " has another type")
#define FB_IS(name, value) _Static_assert((name) == (value), #name " has another value")

FB_LONG(fb_call, FB_LAYOUT(120, 72, 72));
FB_AT(fb_call, host, FB_LAYOUT(8, 4, 4), FB_LAYOUT(0, 0, 0));
FB_TYPE(fb_call, host, const struct fb_host *);
FB_AT(fb_call, handle, FB_LAYOUT(8, 4, 4), FB_LAYOUT(8, 4, 4));
FB_TYPE(fb_call, handle, void *);
FB_AT(fb_call, operation, 4, FB_LAYOUT(16, 8, 8));
FB_TYPE(fb_call, operation, uint32_t);
FB_AT(fb_call, flags, 4, FB_LAYOUT(20, 12, 12));
FB_TYPE(fb_call, flags, uint32_t);
FB_AT(fb_call, attempt, 4, FB_LAYOUT(24, 16, 16));
FB_TYPE(fb_call, attempt, uint32_t);
FB_AT(fb_call, share, 4, FB_LAYOUT(28, 20, 20));
FB_TYPE(fb_call, share, uint32_t);
FB_AT(fb_call, execution, FB_LAYOUT(8, 4, 4), FB_LAYOUT(32, 24, 24));
FB_TYPE(fb_call, execution, const char *);
FB_AT(fb_call, environment, FB_LAYOUT(8, 4, 4), FB_LAYOUT(40, 28, 28));
FB_TYPE(fb_call, environment, const char *);
FB_AT(fb_call, service, FB_LAYOUT(8, 4, 4), FB_LAYOUT(48, 32, 32));
FB_TYPE(fb_call, service, const char *);
FB_AT(fb_call, release, FB_LAYOUT(8, 4, 4), FB_LAYOUT(56, 36, 36));
FB_TYPE(fb_call, release, const char *);
FB_AT(fb_call, last_good, FB_LAYOUT(8, 4, 4), FB_LAYOUT(64, 40, 40));
FB_TYPE(fb_call, last_good, const char *);
FB_AT(fb_call, failed, FB_LAYOUT(8, 4, 4), FB_LAYOUT(72, 44, 44));
FB_TYPE(fb_call, failed, const char *);
FB_AT(fb_call, link, FB_LAYOUT(8, 4, 4), FB_LAYOUT(80, 48, 48));
FB_TYPE(fb_call, link, const char *);
FB_AT(fb_call, reason, FB_LAYOUT(8, 4, 4), FB_LAYOUT(88, 52, 52));
FB_TYPE(fb_call, reason, const char *);
FB_AT(fb_call, archive, FB_LAYOUT(8, 4, 4), FB_LAYOUT(96, 56, 56));
FB_TYPE(fb_call, archive, const char *);
FB_AT(fb_call, scratch, FB_LAYOUT(8, 4, 4), FB_LAYOUT(104, 60, 60));
FB_TYPE(fb_call, scratch, const char *);
FB_AT(fb_call, deadline_ms, 8, FB_LAYOUT(112, 64, 64));
FB_TYPE(fb_call, deadline_ms, int64_t);

FB_LONG(fb_command, FB_LAYOUT(56, 40, 32));
FB_AT(fb_command, argv, FB_LAYOUT(8, 4, 4), FB_LAYOUT(0, 0, 0));
FB_TYPE(fb_command, argv, const char *const *);
FB_AT(fb_command, shell, FB_LAYOUT(8, 4, 4), FB_LAYOUT(8, 4, 4));
FB_TYPE(fb_command, shell, const char *);
FB_AT(fb_command, directory, FB_LAYOUT(8, 4, 4), FB_LAYOUT(16, 8, 8));
FB_TYPE(fb_command, directory, const char *);
FB_AT(fb_command, environment, FB_LAYOUT(8, 4, 4), FB_LAYOUT(24, 12, 12));
FB_TYPE(fb_command, environment, const char *const *);
FB_AT(fb_command, input, FB_LAYOUT(8, 4, 4), FB_LAYOUT(32, 16, 16));
FB_TYPE(fb_command, input, const char *);
FB_AT(fb_command, timeout_ms, 8, FB_LAYOUT(40, 24, 20));
FB_TYPE(fb_command, timeout_ms, int64_t);
FB_AT(fb_command, log, FB_LAYOUT(8, 4, 4), FB_LAYOUT(48, 32, 28));
FB_TYPE(fb_command, log, const char *);

FB_LONG(fb_command_result, FB_LAYOUT(40, 40, 36));
FB_AT(fb_command_result, exit_code, 4, FB_LAYOUT(0, 0, 0));
FB_TYPE(fb_command_result, exit_code, int32_t);
FB_AT(fb_command_result, signal, 4, FB_LAYOUT(4, 4, 4));
FB_TYPE(fb_command_result, signal, int32_t);
FB_AT(fb_command_result, timed_out, 4, FB_LAYOUT(8, 8, 8));
FB_TYPE(fb_command_result, timed_out, int32_t);
FB_AT(fb_command_result, reserved, 4, FB_LAYOUT(12, 12, 12));
FB_TYPE(fb_command_result, reserved, int32_t);
FB_AT(fb_command_result, output, FB_LAYOUT(8, 4, 4), FB_LAYOUT(16, 16, 16));
FB_TYPE(fb_command_result, output, const char *);
FB_AT(fb_command_result, output_size, 8, FB_LAYOUT(24, 24, 20));
FB_TYPE(fb_command_result, output_size, uint64_t);
FB_AT(fb_command_result, elapsed_ms, 8, FB_LAYOUT(32, 32, 28));
FB_TYPE(fb_command_result, elapsed_ms, int64_t);

FB_LONG(fb_health, FB_LAYOUT(32, 32, 28));
FB_AT(fb_health, state, 4, FB_LAYOUT(0, 0, 0));
FB_TYPE(fb_health, state, int32_t);
FB_AT(fb_health, reserved, 4, FB_LAYOUT(4, 4, 4));
FB_TYPE(fb_health, reserved, int32_t);
FB_AT(fb_health, latency_us, 8, FB_LAYOUT(8, 8, 8));
FB_TYPE(fb_health, latency_us, int64_t);
FB_AT(fb_health, value_u, 8, FB_LAYOUT(16, 16, 16));
FB_TYPE(fb_health, value_u, int64_t);
FB_AT(fb_health, text, FB_LAYOUT(8, 4, 4), FB_LAYOUT(24, 24, 24));
FB_TYPE(fb_health, text, const char *);

FB_LONG(fb_wait, FB_LAYOUT(16, 16, 16));
FB_AT(fb_wait, fd, 4, FB_LAYOUT(0, 0, 0));
FB_TYPE(fb_wait, fd, int32_t);
FB_AT(fb_wait, events, 4, FB_LAYOUT(4, 4, 4));
FB_TYPE(fb_wait, events, uint32_t);
FB_AT(fb_wait, until_ms, 8, FB_LAYOUT(8, 8, 8));
FB_TYPE(fb_wait, until_ms, int64_t);

FB_LONG(fb_sample, FB_LAYOUT(64, 56, 56));
FB_AT(fb_sample, release, FB_LAYOUT(8, 4, 4), FB_LAYOUT(0, 0, 0));
FB_TYPE(fb_sample, release, const char *);
FB_AT(fb_sample, source, FB_LAYOUT(8, 4, 4), FB_LAYOUT(8, 4, 4));
FB_TYPE(fb_sample, source, const char *);
FB_AT(fb_sample, requests, 8, FB_LAYOUT(16, 8, 8));
FB_TYPE(fb_sample, requests, int64_t);
FB_AT(fb_sample, failed, 8, FB_LAYOUT(24, 16, 16));
FB_TYPE(fb_sample, failed, int64_t);
FB_AT(fb_sample, in_flight, 8, FB_LAYOUT(32, 24, 24));
FB_TYPE(fb_sample, in_flight, int64_t);
FB_AT(fb_sample, latency_us, 8, FB_LAYOUT(40, 32, 32));
FB_TYPE(fb_sample, latency_us, int64_t);
FB_AT(fb_sample, aborted, 8, FB_LAYOUT(48, 40, 40));
FB_TYPE(fb_sample, aborted, int64_t);
FB_AT(fb_sample, up, 4, FB_LAYOUT(56, 48, 48));
FB_TYPE(fb_sample, up, int32_t);
FB_AT(fb_sample, reset, 4, FB_LAYOUT(60, 52, 52));
FB_TYPE(fb_sample, reset, int32_t);

FB_LONG(fb_event, FB_LAYOUT(64, 32, 32));
FB_AT(fb_event, id, FB_LAYOUT(8, 4, 4), FB_LAYOUT(0, 0, 0));
FB_TYPE(fb_event, id, const char *);
FB_AT(fb_event, name, FB_LAYOUT(8, 4, 4), FB_LAYOUT(8, 4, 4));
FB_TYPE(fb_event, name, const char *);
FB_AT(fb_event, time, FB_LAYOUT(8, 4, 4), FB_LAYOUT(16, 8, 8));
FB_TYPE(fb_event, time, const char *);
FB_AT(fb_event, severity, FB_LAYOUT(8, 4, 4), FB_LAYOUT(24, 12, 12));
FB_TYPE(fb_event, severity, const char *);
FB_AT(fb_event, summary, FB_LAYOUT(8, 4, 4), FB_LAYOUT(32, 16, 16));
FB_TYPE(fb_event, summary, const char *);
FB_AT(fb_event, incident, FB_LAYOUT(8, 4, 4), FB_LAYOUT(40, 20, 20));
FB_TYPE(fb_event, incident, const char *);
FB_AT(fb_event, data, FB_LAYOUT(8, 4, 4), FB_LAYOUT(48, 24, 24));
FB_TYPE(fb_event, data, const char *);
FB_AT(fb_event, report, FB_LAYOUT(8, 4, 4), FB_LAYOUT(56, 28, 28));
FB_TYPE(fb_event, report, const char *);

FB_LONG(fb_host, FB_LAYOUT(240, 120, 120));
FB_AT(fb_host, log, FB_LAYOUT(8, 4, 4), FB_LAYOUT(0, 0, 0));
FB_TYPE(fb_host, log, void (*)(const struct fb_call *call, int32_t level, const char *format, ...));
FB_AT(fb_host, fail, FB_LAYOUT(8, 4, 4), FB_LAYOUT(8, 4, 4));
FB_TYPE(fb_host, fail, void (*)(const struct fb_call *call, const char *format, ...));
FB_AT(fb_host, advise, FB_LAYOUT(8, 4, 4), FB_LAYOUT(16, 8, 8));
FB_TYPE(fb_host, advise, void (*)(const struct fb_call *call, const char *text, const char *command));
FB_AT(fb_host, progress, FB_LAYOUT(8, 4, 4), FB_LAYOUT(24, 12, 12));
FB_TYPE(fb_host, progress, void (*)(const struct fb_call *call, int32_t basis_points, const char *text));
FB_AT(fb_host, option, FB_LAYOUT(8, 4, 4), FB_LAYOUT(32, 16, 16));
FB_TYPE(fb_host, option, const char *(*)(const struct fb_call *call, const char *path));
FB_AT(fb_host, option_int, FB_LAYOUT(8, 4, 4), FB_LAYOUT(40, 20, 20));
FB_TYPE(fb_host, option_int, int64_t (*)(const struct fb_call *call, const char *path, int64_t absent));
FB_AT(fb_host, option_count, FB_LAYOUT(8, 4, 4), FB_LAYOUT(48, 24, 24));
FB_TYPE(fb_host, option_count, uint32_t (*)(const struct fb_call *call, const char *path));
FB_AT(fb_host, option_key, FB_LAYOUT(8, 4, 4), FB_LAYOUT(56, 28, 28));
FB_TYPE(fb_host, option_key, const char *(*)(const struct fb_call *call, const char *path, uint32_t index));
FB_AT(fb_host, fact, FB_LAYOUT(8, 4, 4), FB_LAYOUT(64, 32, 32));
FB_TYPE(fb_host, fact, const char *(*)(const struct fb_call *call, int32_t scope, const char *key));
FB_AT(fb_host, fact_set, FB_LAYOUT(8, 4, 4), FB_LAYOUT(72, 36, 36));
FB_TYPE(fb_host, fact_set, int32_t (*)(const struct fb_call *call, int32_t scope, const char *key, const char *value));
FB_AT(fb_host, act, FB_LAYOUT(8, 4, 4), FB_LAYOUT(80, 40, 40));
FB_TYPE(fb_host, act, int32_t (*)(const struct fb_call *call, const char *key, int32_t repeat, const char *text));
FB_AT(fb_host, acted, FB_LAYOUT(8, 4, 4), FB_LAYOUT(88, 44, 44));
FB_TYPE(fb_host, acted, int32_t (*)(const struct fb_call *call, const char *key, const char *result));
FB_AT(fb_host, act_result, FB_LAYOUT(8, 4, 4), FB_LAYOUT(96, 48, 48));
FB_TYPE(fb_host, act_result, const char *(*)(const struct fb_call *call, const char *key));
FB_AT(fb_host, run, FB_LAYOUT(8, 4, 4), FB_LAYOUT(104, 52, 52));
FB_TYPE(fb_host, run, int32_t (*)(const struct fb_call *call, const struct fb_command *command, struct fb_command_result *ret));
FB_AT(fb_host, start_service, FB_LAYOUT(8, 4, 4), FB_LAYOUT(112, 56, 56));
FB_TYPE(fb_host, start_service, int32_t (*)(const struct fb_call *call, const char *name, const struct fb_command *command, int64_t *ret_pid));
FB_AT(fb_host, stop_service, FB_LAYOUT(8, 4, 4), FB_LAYOUT(120, 60, 60));
FB_TYPE(fb_host, stop_service, int32_t (*)(const struct fb_call *call, const char *name, int64_t grace_ms));
FB_AT(fb_host, service_pid, FB_LAYOUT(8, 4, 4), FB_LAYOUT(128, 64, 64));
FB_TYPE(fb_host, service_pid, int64_t (*)(const struct fb_call *call, const char *name));
FB_AT(fb_host, evidence, FB_LAYOUT(8, 4, 4), FB_LAYOUT(136, 68, 68));
FB_TYPE(fb_host, evidence, int32_t (*)(const struct fb_call *call, const char *path, const char *title));
FB_AT(fb_host, evidence_text, FB_LAYOUT(8, 4, 4), FB_LAYOUT(144, 72, 72));
FB_TYPE(fb_host, evidence_text, int32_t (*)(const struct fb_call *call, const char *name, const char *title, const char *text, uint64_t size));
FB_AT(fb_host, report, FB_LAYOUT(8, 4, 4), FB_LAYOUT(152, 76, 76));
FB_TYPE(fb_host, report, int32_t (*)(const struct fb_call *call, const char *member, const char *json));
FB_AT(fb_host, document, FB_LAYOUT(8, 4, 4), FB_LAYOUT(160, 80, 80));
FB_TYPE(fb_host, document, const char *(*)(const struct fb_call *call, const char *name));
FB_AT(fb_host, remaining_ms, FB_LAYOUT(8, 4, 4), FB_LAYOUT(168, 84, 84));
FB_TYPE(fb_host, remaining_ms, int64_t (*)(const struct fb_call *call));
FB_AT(fb_host, sleep_ms, FB_LAYOUT(8, 4, 4), FB_LAYOUT(176, 88, 88));
FB_TYPE(fb_host, sleep_ms, int32_t (*)(const struct fb_call *call, int64_t ms));
FB_AT(fb_host, operate, FB_LAYOUT(8, 4, 4), FB_LAYOUT(184, 92, 92));
FB_TYPE(fb_host, operate, int32_t (*)(const struct fb_call *call, uint32_t operation, const char *service, uint32_t share, uint32_t flags, const char **ret_json));
FB_AT(fb_host, probe, FB_LAYOUT(8, 4, 4), FB_LAYOUT(192, 96, 96));
FB_TYPE(fb_host, probe, int32_t (*)(const struct fb_call *call, const char *service, const char **ret_json));
FB_AT(fb_host, notify, FB_LAYOUT(8, 4, 4), FB_LAYOUT(200, 100, 100));
FB_TYPE(fb_host, notify, int32_t (*)(const struct fb_call *call, const char *name, const char *summary, int64_t wait_ms, const char **ret_json));
FB_AT(fb_host, sample, FB_LAYOUT(8, 4, 4), FB_LAYOUT(208, 104, 104));
FB_TYPE(fb_host, sample, void (*)(const struct fb_call *call, const struct fb_sample *sample));
FB_AT(fb_host, retry_after, FB_LAYOUT(8, 4, 4), FB_LAYOUT(216, 108, 108));
FB_TYPE(fb_host, retry_after, void (*)(const struct fb_call *call, int64_t ms));
FB_AT(fb_host, json_string, FB_LAYOUT(8, 4, 4), FB_LAYOUT(224, 112, 112));
FB_TYPE(fb_host, json_string, const char *(*)(const struct fb_call *call, const char *text));
FB_AT(fb_host, json_value, FB_LAYOUT(8, 4, 4), FB_LAYOUT(232, 116, 116));
FB_TYPE(fb_host, json_value, const char *(*)(const struct fb_call *call, const char *json, const char *path));

FB_LONG(fb_option, FB_LAYOUT(72, 56, 48));
FB_AT(fb_option, name, FB_LAYOUT(8, 4, 4), FB_LAYOUT(0, 0, 0));
FB_TYPE(fb_option, name, const char *);
FB_AT(fb_option, type, 4, FB_LAYOUT(8, 4, 4));
FB_TYPE(fb_option, type, uint32_t);
FB_AT(fb_option, flags, 4, FB_LAYOUT(12, 8, 8));
FB_TYPE(fb_option, flags, uint32_t);
FB_AT(fb_option, default_value, FB_LAYOUT(8, 4, 4), FB_LAYOUT(16, 12, 12));
FB_TYPE(fb_option, default_value, const char *);
FB_AT(fb_option, choices, FB_LAYOUT(8, 4, 4), FB_LAYOUT(24, 16, 16));
FB_TYPE(fb_option, choices, const char *);
FB_AT(fb_option, unit, FB_LAYOUT(8, 4, 4), FB_LAYOUT(32, 20, 20));
FB_TYPE(fb_option, unit, const char *);
FB_AT(fb_option, alias, FB_LAYOUT(8, 4, 4), FB_LAYOUT(40, 24, 24));
FB_TYPE(fb_option, alias, const char *);
FB_AT(fb_option, min, 8, FB_LAYOUT(48, 32, 28));
FB_TYPE(fb_option, min, int64_t);
FB_AT(fb_option, max, 8, FB_LAYOUT(56, 40, 36));
FB_TYPE(fb_option, max, int64_t);
FB_AT(fb_option, summary, FB_LAYOUT(8, 4, 4), FB_LAYOUT(64, 48, 44));
FB_TYPE(fb_option, summary, const char *);

FB_LONG(fb_phase_ops, FB_LAYOUT(24, 12, 12));
FB_AT(fb_phase_ops, check, FB_LAYOUT(8, 4, 4), FB_LAYOUT(0, 0, 0));
FB_TYPE(fb_phase_ops, check, int32_t (*)(const struct fb_call *call));
FB_AT(fb_phase_ops, run, FB_LAYOUT(8, 4, 4), FB_LAYOUT(8, 4, 4));
FB_TYPE(fb_phase_ops, run, int32_t (*)(const struct fb_call *call));
FB_AT(fb_phase_ops, undo, FB_LAYOUT(8, 4, 4), FB_LAYOUT(16, 8, 8));
FB_TYPE(fb_phase_ops, undo, int32_t (*)(const struct fb_call *call));

FB_LONG(fb_strategy_ops, FB_LAYOUT(112, 56, 56));
FB_AT(fb_strategy_ops, check, FB_LAYOUT(8, 4, 4), FB_LAYOUT(0, 0, 0));
FB_TYPE(fb_strategy_ops, check, int32_t (*)(const struct fb_call *call));
FB_AT(fb_strategy_ops, state, FB_LAYOUT(8, 4, 4), FB_LAYOUT(8, 4, 4));
FB_TYPE(fb_strategy_ops, state, int32_t (*)(const struct fb_call *call));
FB_AT(fb_strategy_ops, capture, FB_LAYOUT(8, 4, 4), FB_LAYOUT(16, 8, 8));
FB_TYPE(fb_strategy_ops, capture, int32_t (*)(const struct fb_call *call));
FB_AT(fb_strategy_ops, prove, FB_LAYOUT(8, 4, 4), FB_LAYOUT(24, 12, 12));
FB_TYPE(fb_strategy_ops, prove, int32_t (*)(const struct fb_call *call));
FB_AT(fb_strategy_ops, prepare, FB_LAYOUT(8, 4, 4), FB_LAYOUT(32, 16, 16));
FB_TYPE(fb_strategy_ops, prepare, int32_t (*)(const struct fb_call *call));
FB_AT(fb_strategy_ops, shift, FB_LAYOUT(8, 4, 4), FB_LAYOUT(40, 20, 20));
FB_TYPE(fb_strategy_ops, shift, int32_t (*)(const struct fb_call *call));
FB_AT(fb_strategy_ops, protect, FB_LAYOUT(8, 4, 4), FB_LAYOUT(48, 24, 24));
FB_TYPE(fb_strategy_ops, protect, int32_t (*)(const struct fb_call *call));
FB_AT(fb_strategy_ops, restore, FB_LAYOUT(8, 4, 4), FB_LAYOUT(56, 28, 28));
FB_TYPE(fb_strategy_ops, restore, int32_t (*)(const struct fb_call *call));
FB_AT(fb_strategy_ops, verify, FB_LAYOUT(8, 4, 4), FB_LAYOUT(64, 32, 32));
FB_TYPE(fb_strategy_ops, verify, int32_t (*)(const struct fb_call *call));
FB_AT(fb_strategy_ops, evidence, FB_LAYOUT(8, 4, 4), FB_LAYOUT(72, 36, 36));
FB_TYPE(fb_strategy_ops, evidence, int32_t (*)(const struct fb_call *call));
FB_AT(fb_strategy_ops, commit, FB_LAYOUT(8, 4, 4), FB_LAYOUT(80, 40, 40));
FB_TYPE(fb_strategy_ops, commit, int32_t (*)(const struct fb_call *call));
FB_AT(fb_strategy_ops, cleanup, FB_LAYOUT(8, 4, 4), FB_LAYOUT(88, 44, 44));
FB_TYPE(fb_strategy_ops, cleanup, int32_t (*)(const struct fb_call *call));
FB_AT(fb_strategy_ops, undo, FB_LAYOUT(8, 4, 4), FB_LAYOUT(96, 48, 48));
FB_TYPE(fb_strategy_ops, undo, int32_t (*)(const struct fb_call *call));
FB_AT(fb_strategy_ops, observe, FB_LAYOUT(8, 4, 4), FB_LAYOUT(104, 52, 52));
FB_TYPE(fb_strategy_ops, observe, int32_t (*)(const struct fb_call *call, void **state, struct fb_wait *wait));

FB_LONG(fb_check_ops, FB_LAYOUT(32, 16, 16));
FB_AT(fb_check_ops, check, FB_LAYOUT(8, 4, 4), FB_LAYOUT(0, 0, 0));
FB_TYPE(fb_check_ops, check, int32_t (*)(const struct fb_call *call));
FB_AT(fb_check_ops, probe, FB_LAYOUT(8, 4, 4), FB_LAYOUT(8, 4, 4));
FB_TYPE(fb_check_ops, probe, int32_t (*)(const struct fb_call *call, struct fb_health *ret));
FB_AT(fb_check_ops, step, FB_LAYOUT(8, 4, 4), FB_LAYOUT(16, 8, 8));
FB_TYPE(fb_check_ops, step, int32_t (*)(const struct fb_call *call, void **state, struct fb_wait *wait, struct fb_health *ret));
FB_AT(fb_check_ops, end, FB_LAYOUT(8, 4, 4), FB_LAYOUT(24, 12, 12));
FB_TYPE(fb_check_ops, end, void (*)(const struct fb_call *call, void *state));

FB_LONG(fb_notifier_ops, FB_LAYOUT(16, 8, 8));
FB_AT(fb_notifier_ops, check, FB_LAYOUT(8, 4, 4), FB_LAYOUT(0, 0, 0));
FB_TYPE(fb_notifier_ops, check, int32_t (*)(const struct fb_call *call));
FB_AT(fb_notifier_ops, notify, FB_LAYOUT(8, 4, 4), FB_LAYOUT(8, 4, 4));
FB_TYPE(fb_notifier_ops, notify, int32_t (*)(const struct fb_call *call, const struct fb_event *event));

FB_LONG(fb_plugin, FB_LAYOUT(168, 128, 128));
FB_AT(fb_plugin, magic, 4, FB_LAYOUT(0, 0, 0));
FB_TYPE(fb_plugin, magic, uint32_t);
FB_AT(fb_plugin, abi_major, 4, FB_LAYOUT(4, 4, 4));
FB_TYPE(fb_plugin, abi_major, uint32_t);
FB_AT(fb_plugin, abi_minor, 4, FB_LAYOUT(8, 8, 8));
FB_TYPE(fb_plugin, abi_minor, uint32_t);
FB_AT(fb_plugin, struct_size, 4, FB_LAYOUT(12, 12, 12));
FB_TYPE(fb_plugin, struct_size, uint32_t);
FB_AT(fb_plugin, kind, 4, FB_LAYOUT(16, 16, 16));
FB_TYPE(fb_plugin, kind, uint32_t);
FB_AT(fb_plugin, sizes, 64, FB_LAYOUT(20, 20, 20));
FB_TYPE(fb_plugin, sizes, uint32_t *);
FB_AT(fb_plugin, needs_minor, 4, FB_LAYOUT(84, 84, 84));
FB_TYPE(fb_plugin, needs_minor, uint32_t);
FB_AT(fb_plugin, features, 4, FB_LAYOUT(88, 88, 88));
FB_TYPE(fb_plugin, features, uint32_t);
FB_AT(fb_plugin, name, FB_LAYOUT(8, 4, 4), FB_LAYOUT(96, 92, 92));
FB_TYPE(fb_plugin, name, const char *);
FB_AT(fb_plugin, version, FB_LAYOUT(8, 4, 4), FB_LAYOUT(104, 96, 96));
FB_TYPE(fb_plugin, version, const char *);
FB_AT(fb_plugin, summary, FB_LAYOUT(8, 4, 4), FB_LAYOUT(112, 100, 100));
FB_TYPE(fb_plugin, summary, const char *);
FB_AT(fb_plugin, license, FB_LAYOUT(8, 4, 4), FB_LAYOUT(120, 104, 104));
FB_TYPE(fb_plugin, license, const char *);
FB_AT(fb_plugin, options, FB_LAYOUT(8, 4, 4), FB_LAYOUT(128, 108, 108));
FB_TYPE(fb_plugin, options, const struct fb_option *);
FB_AT(fb_plugin, phase, FB_LAYOUT(8, 4, 4), FB_LAYOUT(136, 112, 112));
FB_TYPE(fb_plugin, phase, const struct fb_phase_ops *);
FB_AT(fb_plugin, strategy, FB_LAYOUT(8, 4, 4), FB_LAYOUT(144, 116, 116));
FB_TYPE(fb_plugin, strategy, const struct fb_strategy_ops *);
FB_AT(fb_plugin, check, FB_LAYOUT(8, 4, 4), FB_LAYOUT(152, 120, 120));
FB_TYPE(fb_plugin, check, const struct fb_check_ops *);
FB_AT(fb_plugin, notifier, FB_LAYOUT(8, 4, 4), FB_LAYOUT(160, 124, 124));
FB_TYPE(fb_plugin, notifier, const struct fb_notifier_ops *);

FB_IS(FB_ABI_MAJOR, 1u);
FB_IS(FB_PLUGIN_MAGIC, 0x4b434246u);
FB_IS(FB_KIND_PHASE, 1u);
FB_IS(FB_KIND_STRATEGY, 2u);
FB_IS(FB_KIND_CHECK, 3u);
FB_IS(FB_KIND_NOTIFIER, 4u);
FB_IS(FB_OK, 0);
FB_IS(FB_SKIP, 1);
FB_IS(FB_RETRY, 2);
FB_IS(FB_FAIL, 3);
FB_IS(FB_FATAL, 4);
FB_IS(FB_OP_CHECK, 1u);
FB_IS(FB_OP_RUN, 2u);
FB_IS(FB_OP_UNDO, 3u);
FB_IS(FB_OP_PROBE, 4u);
FB_IS(FB_OP_NOTIFY, 5u);
FB_IS(FB_OP_STATE, 32u);
FB_IS(FB_OP_CAPTURE, 33u);
FB_IS(FB_OP_PROVE, 34u);
FB_IS(FB_OP_PREPARE, 35u);
FB_IS(FB_OP_SHIFT, 36u);
FB_IS(FB_OP_PROTECT, 37u);
FB_IS(FB_OP_RESTORE, 38u);
FB_IS(FB_OP_VERIFY, 39u);
FB_IS(FB_OP_EVIDENCE, 40u);
FB_IS(FB_OP_OBSERVE, 41u);
FB_IS(FB_OP_COMMIT, 42u);
FB_IS(FB_OP_CLEANUP, 43u);
FB_IS(FB_CALL_DRY_RUN, 0x1u);
FB_IS(FB_CALL_RECOVERY, 0x2u);
FB_IS(FB_CALL_RESUMED, 0x4u);
FB_IS(FB_CALL_UNDO, 0x8u);
FB_IS(FB_CALL_PRESERVE, 0x10u);
FB_IS(FB_LOG_DEBUG, 0);
FB_IS(FB_LOG_INFO, 1);
FB_IS(FB_LOG_WARNING, 2);
FB_IS(FB_LOG_ERROR, 3);
FB_IS(FB_ACT_NO, 0);
FB_IS(FB_ACT_DO, 1);
FB_IS(FB_ACT_DONE, 2);
FB_IS(FB_ACT_UNSURE, 3);
FB_IS(FB_ACT_DRY, 4);
FB_IS(FB_REPEAT_IDEMPOTENT, 1);
FB_IS(FB_REPEAT_PROBE, 2);
FB_IS(FB_REPEAT_ONCE, 3);
FB_IS(FB_REPEAT_AGAIN, 4);
FB_IS(FB_SCOPE_EXECUTION, 1);
FB_IS(FB_SCOPE_OWN, 2);
FB_IS(FB_SCOPE_SERVICE, 3);
FB_IS(FB_HEALTH_HEALTHY, 1);
FB_IS(FB_HEALTH_WARNING, 2);
FB_IS(FB_HEALTH_FAILED, 3);
FB_IS(FB_HEALTH_BLIND, 4);
FB_IS(FB_WAIT_READ, 0x1u);
FB_IS(FB_WAIT_WRITE, 0x2u);
FB_IS(FB_STEP_DONE, 0);
FB_IS(FB_STEP_WAIT, 1);
FB_IS(FB_TYPE_STRING, 1u);
FB_IS(FB_TYPE_INT, 2u);
FB_IS(FB_TYPE_BOOL, 3u);
FB_IS(FB_TYPE_DURATION, 4u);
FB_IS(FB_TYPE_SIZE, 5u);
FB_IS(FB_TYPE_CHOICE, 6u);
FB_IS(FB_TYPE_COMMAND, 7u);
FB_IS(FB_TYPE_LIST, 8u);
FB_IS(FB_TYPE_MAP, 9u);
FB_IS(FB_TYPE_URL, 10u);
FB_IS(FB_TYPE_PATH, 11u);
FB_IS(FB_TYPE_FLOAT, 12u);
FB_IS(FB_TYPE_PERCENT, 13u);
FB_IS(FB_TYPE_GROUPS, 14u);
FB_IS(FB_OPTION_REQUIRED, 0x1u);
FB_IS(FB_OPTION_SECRET, 0x2u);
FB_IS(FB_SIZE_CALL, 0);
FB_IS(FB_SIZE_HOST, 1);
FB_IS(FB_SIZE_OPTION, 2);
FB_IS(FB_SIZE_COMMAND, 3);
FB_IS(FB_SIZE_COMMAND_RESULT, 4);
FB_IS(FB_SIZE_HEALTH, 5);
FB_IS(FB_SIZE_WAIT, 6);
FB_IS(FB_SIZE_SAMPLE, 7);
FB_IS(FB_SIZE_EVENT, 8);
FB_IS(FB_SIZE_PHASE_OPS, 9);
FB_IS(FB_SIZE_STRATEGY_OPS, 10);
FB_IS(FB_SIZE_CHECK_OPS, 11);
FB_IS(FB_SIZE_NOTIFIER_OPS, 12);
FB_IS(FB_SIZES, 16);
FB_IS(FB_FEATURE_ZERO_DOWNTIME, 0x1u);
FB_IS(FB_FEATURE_BY_OPTIONS, 0x2u);

#undef FB_LAYOUT
#undef FB_LONG
#undef FB_AT
#undef FB_TYPE
#undef FB_IS
