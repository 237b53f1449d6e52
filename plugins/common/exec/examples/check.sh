#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A check: the number in the file $COUNT, against the thresholds $WARNING and $CRITICAL. What cannot be read is blind: no reason to roll back.
exec 3>&1 1>&2
read -r call || exit 100
tell() { printf '%s\n' "$1" >&3; }

if ! read -r n 2>/dev/null <"$COUNT" || [ -z "$n" ] || [ -n "$(printf '%s' "$n" | tr -d 0-9)" ]; then
	tell '{"tell":"health","state":"blind","text":"the file of the count cannot be read"}'
	exit 0
fi
state=healthy
[ "$n" -ge "$WARNING" ] && state=warning
[ "$n" -ge "$CRITICAL" ] && state=failed
tell '{"tell":"health","state":"'"$state"'","value":'"$n"',"latency_us":-1,"text":"'"$n"' are waiting"}'
exit 0
