/* SPDX-License-Identifier: Apache-2.0 */
/* Made once, when the release was made, by tests/abi/header.py sizes from this folder's failback/plugin.h. Never edited. */

#define OUR_MINOR 0u
#define OURS(type) OURS_##type

#if __SIZEOF_POINTER__ == 8
#define OURS_fb_call 120u
#define OURS_fb_command 56u
#define OURS_fb_command_result 40u
#define OURS_fb_health 32u
#define OURS_fb_wait 16u
#define OURS_fb_sample 64u
#define OURS_fb_event 64u
#define OURS_fb_host 240u
#define OURS_fb_option 72u
#define OURS_fb_phase_ops 24u
#define OURS_fb_strategy_ops 112u
#define OURS_fb_check_ops 32u
#define OURS_fb_notifier_ops 16u
#define OURS_fb_plugin 168u
#elif defined(__i386__)
#define OURS_fb_call 72u
#define OURS_fb_command 32u
#define OURS_fb_command_result 36u
#define OURS_fb_health 28u
#define OURS_fb_wait 16u
#define OURS_fb_sample 56u
#define OURS_fb_event 32u
#define OURS_fb_host 120u
#define OURS_fb_option 48u
#define OURS_fb_phase_ops 12u
#define OURS_fb_strategy_ops 56u
#define OURS_fb_check_ops 16u
#define OURS_fb_notifier_ops 8u
#define OURS_fb_plugin 128u
#else
#define OURS_fb_call 72u
#define OURS_fb_command 40u
#define OURS_fb_command_result 40u
#define OURS_fb_health 32u
#define OURS_fb_wait 16u
#define OURS_fb_sample 56u
#define OURS_fb_event 32u
#define OURS_fb_host 120u
#define OURS_fb_option 56u
#define OURS_fb_phase_ops 12u
#define OURS_fb_strategy_ops 56u
#define OURS_fb_check_ops 16u
#define OURS_fb_notifier_ops 8u
#define OURS_fb_plugin 128u
#endif
