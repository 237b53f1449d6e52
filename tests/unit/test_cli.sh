#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The command as a user meets it: usage errors, help and manual page, listings and their JSON, over a journal of made-up stories.
set -u
here=$(pwd)
srcdir=${srcdir:-.}
failback=$here/failback
play=$here/tests/unit/play
work=$(mktemp -d)
player=
failures=0
# shellcheck disable=SC2317 # called by trap
cleanup() {
	[ -z "$player" ] || kill "$player" 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
export LC_ALL=C.UTF-8 TERM=dumb
printf 'environment = "production";\n' >"$work/failback.conf"
chmod 600 "$work/failback.conf"

fail() { failures=$((failures + 1)); printf 'FAILED: %s\n' "$*"; }
fb() { "$failback" -c "$work/failback.conf" --state-dir "$work/state" "$@" >"$work/out" 2>"$work/err" </dev/null; }
# expect CODE TEXT ARGUMENT…: exit code, and a text that standard output or error has
expect() {
	local code=$1 text=$2 got
	shift 2
	fb "$@"
	got=$?
	[ "$got" -eq "$code" ] || fail "failback $*: exit code $got, not $code; $(cat "$work/err")"
	cat "$work/out" "$work/err" | grep -qF -- "$text" || fail "failback $*: '$text' is not in: $(cat "$work/out" "$work/err")"
}
# document SCHEMA CODE ARGUMENT…: exactly one JSON document of that schema on standard output
document() {
	local schema=$1 code=$2 got
	shift 2
	fb --json "$@"
	got=$?
	[ "$got" -eq "$code" ] || fail "failback --json $*: exit code $got, not $code"
	python3 -c 'import json, sys; d = json.load(sys.stdin); sys.exit(d["schema"] != sys.argv[1])' "$schema" <"$work/out" 2>"$work/python" ||
		fail "failback --json $*: not one $schema: $(head -c 300 "$work/out") $(tail -n 1 "$work/python")"
}

# ---- before anything was ever run
expect 64 "no command was given"
expect 0 "failback " --version
fb status && fail "status without a journal came to a good end"
[ $? -eq 64 ] && fail "status without a journal is a usage error"

# ---- a log alone, without journal or configuration
printf 'start\ncp: cannot stat /etc/shop.conf: No such file or directory\n' >"$work/failed.log"
export FAILBACK_CACHE=$work/cache
expect 0 "missing_file: " analyze --log "$work/failed.log"
expect 0 "/etc/shop.conf" analyze --log "$work/failed.log"
expect 64 "--log FILE" analyze
expect 64 "cannot read" analyze --log "$work/nothing.log"
document failback.analysis/1 0 analyze --log "$work/failed.log"
document failback.signatures/1 0 signatures lint
printf 'signatures = ( { id = "a"; category = "crsh"; match = "x"; } );\n' >"$work/bad.conf"
mkdir "$work/signatures" && mv "$work/bad.conf" "$work/signatures"
expect 65 "did you mean crash" signatures lint "$work/signatures"

# ---- usage errors name the nearest
expect 64 "did you mean 'failback deploy'?" deplooy x
expect 64 "did you mean --release?" deploy --relaese 2
expect 64 "did you mean --json?" --jsn status
expect 64 "did you mean 'failback plan show'?" plan shwo x
expect 64 "unknown option '-q'" -q status
expect 64 "takes no value" --json=3 status
expect 64 "needs PLAN" deploy
expect 64 "does not take 'extra'" status extra
expect 64 "needs a value" rollback web --reason
expect 64 "needs a reason" rollback web
expect 64 "needs a reason" rollback web --reason " "
expect 64 "has no dry run" --dry-run stop x
expect 64 "there are text, json, markdown, html and junit" report --format pdf
expect 64 "ask for two different things" --json report --format text
expect 64 "neither a date" history --since yesterday
expect 64 "neither a date" stats --since yesterday
expect 64 "not a number from 1" history --limit 0
expect 64 "not a head" audit verify --head zz
expect 64 "needs a second word: failback plan show" plan
document failback.error/1 64 frob
document failback.error/1 64 --unknown

# ---- listings
"$play" "$work/state" failed incomplete waiting dies || fail "the stories could not be written"
expect 0 "go on with: failback resume deploy-production-20260120t140000z-dddd" status
expect 0 "approve with: failback approve deploy-production-20260120t130000z-cccc" status
expect 0 "rollback_incomplete" history
expect 0 "interrupted" history --limit 1
expect 0 "no such execution" history --since 1h --service web --limit 1 # the stories are old
expect 0 "failed_with_rollback" history --service web --since 2026-01-20
expect 0 "push image web:2.1" show deploy-production-20260120t110000z-aaaa
expect 0 "Rollback complete in 3.1 s" report deploy-production-20260120t11
expect 0 "[HIGH] Add config/production.json" report deploy-production-20260120t11
expect 0 "- **Trigger**: 5xx since 14:02" report --format markdown rollback-production
expect 0 "<!doctype html>" report --format html deploy-production-20260120t11
expect 0 "<testsuite name=" report --format junit deploy-production-20260120t11
expect 0 "Left to do" report deploy-production-20260120t11
expect 0 "Change fail rate" stats
expect 0 "config/production.json is not there" stats --since 2026-01-20
expect 0 "no execution has ended" stats --since 1h
expect 0 "the audit trail is whole" audit verify
expect 1 "the audit trail is broken" audit verify --head 0000000000000000000000000000000000000000000000000000000000000000
expect 64 "there is no execution 'nope'" show nope

# ---- what people know of a cause
failed=deploy-production-20260120t11
expect 64 "there is no execution 'nope'" cause confirm nope
expect 64 "no cause was looked for" cause confirm deploy-production-20260120t13
expect 64 "needs --type CATEGORY" cause correct $failed
expect 64 "did you mean disk_full?" cause correct $failed --type diskfull
expect 64 "there are auth, compile_error" cause correct $failed --type qqqqqqqqq
expect 64 "there is no category 'unknown'" cause correct $failed --type unknown
expect 64 "give one" cause confirm $failed --worked --fix x
expect 64 "needs some words" cause confirm $failed --fix " "
expect 64 "one line" cause confirm $failed --fix "$(printf 'a\nb')"
expect 64 "is no name of a signature" cause correct $failed --type disk_full --signature "a b"
expect 0 "is confirmed: missing_file" cause confirm $failed --worked
expect 0 "(it was already)" cause confirm $failed --worked
expect 0 "Confirmed by user " report $failed
expect 0 "What mended it: Add config/production.json" report $failed
expect 0 "Confirmed by user " show $failed
expect 0 "corrected from missing_file to disk_full" cause correct $failed --type disk_full --cause "/var was full; token=ghp_0123456789abcdefghijklmnopqrstuvwxyz" --fix "empty <b>/var/crash</b>"
expect 0 "the disk is full (disk_full): /var was full" report $failed
expect 0 "**Root Cause by Hand**: Corrected by user " report --format markdown $failed
expect 0 "What mended it: empty &lt;b&gt;/var/crash&lt;/b&gt;" report --format html $failed
grep -q ghp_0123456789 "$work/out" && fail "a token in the words of a correction is in the report"
document failback.verdict/1 0 cause correct $failed --type disk_full --fix "empty it"
document failback.report/1 0 report $failed
python3 -c 'import json, sys; v = json.load(sys.stdin)["root_cause"]["verdict"]; sys.exit(not (v["verdict"] == "corrected" and [e["verdict"] for e in v["earlier"]] == ["corrected", "confirmed"]))' \
	<"$work/out" || fail "the report has not all that was said: $(cat "$work/out")"
expect 0 "disk_full" stats
document failback.error/1 64 cause correct $failed --type diskfull
expect 0 "the audit trail is whole" audit verify
expect 5 "there is nothing to go on with" resume rollback-production
expect 5 "waits for approval" resume deploy-production-20260120t13
expect 5 "has ended" stop rollback-production
expect 5 "its engine is gone" stop deploy-production-20260120t14
expect 64 "2.0                      good" rollback web --to
expect 64 "2.1                      failed" rollback --to --reason x web
document failback.status/1 0 status
document failback.history/1 0 history
document failback.stats/1 0 stats
document failback.execution/1 0 show
document failback.report/1 0 report
document failback.report/1 0 report --format json deploy-production-20260120t11
document failback.audit/1 0 audit verify
document failback.error/1 64 rollback web --to
document failback.error/1 64 show nope

# ---- following: the execution's own exit code, plain lines without escape codes
expect 3 "plan: Deploy: FAILED after 2.9 s: Missing config file" watch deploy-production-20260120t11
grep -q $'\033' "$work/out" && fail "escape codes where there is no terminal"
expect 4 "kill 99" watch rollback-production
expect 6 "Waiting for approval" watch deploy-production-20260120t13
expect 7 "failback resume deploy-production-20260120t14" watch deploy-production-20260120t14
document failback.report/1 3 watch deploy-production-20260120t11
[ -s "$work/err" ] || fail "with --json the progress is not on standard error"

# ---- deciding
document failback.decision/1 0 reject deploy-production-20260120t13 --reason "not on a Friday"
fb reject deploy-production-20260120t13
[ $? -eq 5 ] || fail "what was rejected can be rejected again"

# ---- stopping a live one
rm -rf "$work/state"
"$play" "$work/state" running >"$work/player" &
player=$!
for ((i = 0; i < 200; i++)); do
	[ -s "$work/player" ] && break
	sleep 0.05
done
expect 0 "was asked to stop after its current action" stop deploy-production-20260120t14
expect 5 "runs (engine $player)" resume deploy-production-20260120t14
"$failback" -c "$work/failback.conf" --state-dir "$work/state" watch >"$work/watch" 2>&1 </dev/null &
watcher=$!
for ((i = 0; i < 200; i++)); do
	grep -q "Build: done" "$work/watch" && break
	sleep 0.05
done
kill -TERM "$watcher"
wait "$watcher"
[ $? -eq 143 ] || fail "a watcher that was told to end did not exit with 143: $(cat "$work/watch")"
grep -q "goes on; look again with: failback watch" "$work/watch" || fail "leaving the view does not say that the execution goes on"
kill -0 "$player" || fail "leaving the view ended the execution"
kill "$player"
wait "$player" 2>/dev/null
player=
expect 0 "interrupted" status

# ---- help, manual page and completion say the same
man=$srcdir/core/man/failback.1
for line in $("$failback" __complete); do
	case $line in
	--*) grep -qE "^\.It.* Fl -${line#--}( |$)|^\.It Fl -${line#--}( |$)" "$man" || fail "option $line is not in the manual page" ;;
	esac
done
for command in $("$failback" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) \?\([a-z]*\)  .*/\1_\2/p'); do
	name=${command/_/ }
	name=${name% }
	grep -q "^\.It Cm $name\( \|\$\)" "$man" || fail "command '$name' is not in the manual page"
	read -ra words <<<"$name"
	"$failback" help "${words[@]}" | grep -q "^Examples:" || fail "help $name has no examples"
	"$failback" "${words[@]}" --help >"$work/help" 2>&1 || fail "$name --help failed"
	# shellcheck disable=SC2013 # words are meant
	for option in $(grep -oE -- '--[a-z-]+' "$work/help" | sort -u); do
		grep -qE "^\.It .*Fl -${option#--}( |$)" "$man" || fail "option $option of '$name' is not in the manual page"
	done
done
# shellcheck disable=SC2013 # words are meant
for option in $(grep -oE '^\.It .*Fl -[a-z-]+' "$man" | sed 's/.*Fl -/--/' | sort -u); do
	{ "$failback" --help; for c in analyze deploy rollback stop history stats report reject "audit verify" "plugin new" "plugin check" "backup list" "backup show" "backup verify" "backup restore" "backup copy" "backup fetch" "backup export" "backup prune" "notify test" "notify flush" "signatures test" "signatures suggest" "cause confirm" "cause correct"; do read -ra words <<<"$c"; "$failback" help "${words[@]}"; done; } |
		grep -q -- "$option" || fail "the manual page has $option, which no help has"
done
if command -v mandoc >/dev/null; then
	mandoc -Tlint -W warning "$man" || fail "mandoc has warnings"
elif [ -n "${CI:-}" ]; then
	fail "mandoc is not installed"
fi
complete_words() { # what bash would offer after these words
	bash --norc -c 'PATH=$1:$PATH; source "$2"; shift 2; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _failback 2>/dev/null; printf "%s\n" "${COMPREPLY[@]}"' \
		x "$here" "$srcdir/core/cli/completion/failback" "$@"
}
complete_words failback dep | grep -qx deploy || fail "completion does not know deploy"
complete_words failback plan "" | grep -qx show || fail "completion does not know plan show"
complete_words failback rollback --re | grep -qx -- --reason || fail "completion does not know --reason"
complete_words failback plugin new no | grep -qx notifier || fail "completion does not know the kinds of plugin"
complete_words failback plugin new check mine --language "" | grep -qx c++ || fail "completion does not know the languages"
complete_words failback backup "" | grep -qx prune || fail "completion does not know backup prune"
complete_words failback backup restore --on | grep -qx -- --only || fail "completion does not know --only"
complete_words failback cause "" | grep -qx correct || fail "completion does not know cause correct"
complete_words failback cause correct x --type disk | grep -qx disk_full || fail "completion does not know the categories"
complete_words failback report --format m | grep -qx markdown || fail "completion does not know markdown"
complete_words failback -c "$work/failback.conf" --state-dir "$work/state" show dep | grep -qx deploy-production-20260120t140000z-dddd || fail "completion does not know executions"

[ "$failures" -eq 0 ] && echo "all good"
exit $((failures > 0))
