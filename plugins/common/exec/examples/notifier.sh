#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A notifier (protocol = "lines"): appends the event to the file $INBOX, or asks to be tried again in a minute while $INBOX.closed is there.
exec 3>&1 1>&2 4<&0 0</dev/null
read -r call <&4 || exit 100
tell() { printf '%s\n' "$1" >&3; }
ask() { printf '%s\n' "$1" >&3 && read -r answer <&4 || exit 1; }

if [ -e "$INBOX.closed" ]; then
	tell '{"tell":"retry_after","ms":60000}'
	tell '{"tell":"fail","text":"the inbox is closed"}'
	exit 75
fi
ask '{"ask":"document","name":"services"}' # whatever the core knows may be asked for
printf '%s %s: %s\n' "$FAILBACK_EVENT_ID" "$FAILBACK_EVENT" "$FAILBACK_SUMMARY" >>"$INBOX"
