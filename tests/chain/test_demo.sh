#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The demonstration tells what it promises, leaves no process, and removes its folder when asked to.
set -u
demo=${srcdir:-.}/etc/demo/run
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

fail()
{
	failures=$((failures + 1))
	echo "FAILED: $*"
}

# Processes that name the folder in their command line or environment, without this shell and its children
left_over()
{
	for entry in /proc/[0-9]*; do
		[ "$entry" != "/proc/$$" ] || continue
		if cat "$entry/cmdline" "$entry/environ" 2>/dev/null | tr '\0' '\n' | grep -qF "$work/failback-demo"; then
			grep -q '^State:.*Z' "$entry/status" 2>/dev/null || echo "process ${entry#/proc/}"
		fi
	done
}

run()
{
	TMPDIR=$work FAILBACK_BUILD=$(pwd) TERM=dumb "$demo" --fast "$@" >"$work/out" 2>&1 </dev/null
	code=$?
	if [ "$code" -eq 77 ]; then
		cat "$work/out"
		[ -z "${CI:-}" ] || exit 1
		exit 77
	fi
}

run --clean
[ "$code" -eq 0 ] || fail "the demonstration ended with $code"
[ "$(grep -c 'as told' "$work/out")" -eq 8 ] || fail "not all that it promises was as told"
if LC_ALL=C grep -q "$(printf '\033')" "$work/out"; then
	fail "escape codes in a file"
fi
[ -z "$(ls -d "$work"/failback-demo.* 2>/dev/null)" ] || fail "a folder is left: $(ls -d "$work"/failback-demo.*)"
left=$(left_over)
[ -z "$left" ] || fail "still running: $left"
[ "$failures" -eq 0 ] || cat "$work/out"
[ "$failures" -eq 0 ]
