#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A strategy for a service that is one process: $RELEASES/RELEASE/start runs it, $LINK points at the release that is live, and $COUNTERS, if it is there,
# holds "requests failed". Stopping the old one and starting the new one costs a moment: no zero downtime.
exec 3>&1 1>&2 4<&0 0</dev/null
read -r call <&4 || exit 100
tell() { printf '%s\n' "$1" >&3; }
ask() { printf '%s\n' "$1" >&3 && read -r answer <&4 || exit 1; }
text() { printf '%s' "$1" | sed 's/[\\"]/\\&/g'; }
fail() {
	tell '{"tell":"fail","text":"'"$(text "$1")"'"}'
	exit 1
}
live() { basename "$(readlink "$LINK")" 2>/dev/null; }
runs() {
	ask '{"ask":"service_pid","name":"app"}'
	[ "$answer" != '{"answer":"none"}' ]
}
# Leave for a change: returns when it is to be made, ends the program when it is not.
leave() {
	ask '{"ask":"act","key":"'"$1"'","repeat":"idempotent","text":"'"$(text "$2")"'"}'
	case $answer in
	'{"answer":"do"}') key=$1 ;;
	'{"answer":"dry"}') exit 0 ;;
	'{"answer":"done"'*) # once it was; is it still so?
		[ "$(live)" = "$FAILBACK_RELEASE" ] && runs && exit 0
		leave "$1-$FAILBACK_ATTEMPT" "$2" ;;
	*) exit 1 ;;
	esac
}
put_live() {
	folder=$RELEASES/$FAILBACK_RELEASE
	[ -x "$folder/start" ] || fail "$folder/start cannot be executed: copy the release there again"
	[ "$(live)" = "$FAILBACK_RELEASE" ] && runs && exit 0
	leave switch "put release $FAILBACK_RELEASE of $FAILBACK_SERVICE live"
	ask '{"ask":"stop_service","name":"app","grace_ms":1000}'
	[ "$answer" = '{"answer":"ok"}' ] || fail "the old process could not be stopped"
	ln -sfn "$folder" "$LINK.new" && mv -T "$LINK.new" "$LINK" || fail "cannot point $LINK at $folder"
	ask '{"ask":"start_service","name":"app","argv":["'"$(text "$folder")"'/start"],"environment":{"ROOT":"'"$(text "$RELEASES")"'"}}'
	case $answer in '{"answer":"ok"'*) ;; *) fail "$folder/start could not be started" ;; esac
	ask '{"ask":"acted","key":"'"$key"'"}'
	[ "$answer" = '{"answer":"ok"}' ] || exit 1
	exit 0
}

case $FAILBACK_OPERATION in
capture | prove | restore | verify) [ -n "$FAILBACK_RELEASE" ] || exit 99 ;; # before the first deployment of all there is no way back
esac
case $FAILBACK_OPERATION in
check) [ -d "$RELEASES" ] || fail "$RELEASES is missing" ;;
state)
	release=$(live)
	[ -n "$release" ] && release='"'$release'"'
	tell '{"tell":"report","member":"state","value":{"release":'"${release:-null}"',"target":null}}' ;;
capture) ask '{"ask":"fact_set","scope":"service","key":"captured","value":"'"$(live)"'"}' ;;
prove) [ -x "$RELEASES/$FAILBACK_RELEASE/start" ] || fail "release $FAILBACK_RELEASE is not there any more" ;;
shift)
	[ "$FAILBACK_SHARE" = 10000 ] || exit 99 # one process has all users or none
	put_live ;;
restore) put_live ;;
verify)
	[ "$(live)" = "$FAILBACK_RELEASE" ] || fail "release $(live) is live, not $FAILBACK_RELEASE"
	runs || fail "$FAILBACK_SERVICE does not run" ;;
evidence)
	ask '{"ask":"evidence","name":"live","title":"what is live","text":"'"$(text "$LINK -> $(readlink "$LINK")")"'\n"}'
	[ -f "$RELEASES/$FAILBACK_RELEASE/log" ] && ask '{"ask":"evidence","path":"'"$(text "$RELEASES/$FAILBACK_RELEASE/log")"'","title":"log of the service"}' ;;
observe)
	while sleep 0.1; do
		read -r requests failed 2>/dev/null <"$COUNTERS" || continue
		tell '{"tell":"sample","source":"counters","requests":'"$requests"',"failed":'"$failed"',"up":true}'
	done ;;
*) exit 99 ;;
esac
exit 0
