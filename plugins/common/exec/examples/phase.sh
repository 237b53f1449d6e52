#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A phase: points the link $LINK at the folder of the release in $RELEASES, and back to where it pointed when it is undone.

# Standard output belongs to the protocol, standard input to the answers: keep both for that, and let no command touch them.
exec 3>&1 1>&2 4<&0 0</dev/null
read -r call <&4 || exit 100 # the call, one line; what most need of it is in the environment too
tell() { printf '%s\n' "$1" >&3; }
ask() { printf '%s\n' "$1" >&3 && read -r answer <&4 || exit 1; }
text() { printf '%s' "$1" | sed 's/[\\"]/\\&/g'; } # into a JSON text of one line
value() { v=${answer#'{"answer":"ok","value":"'} && printf '%s' "${v%'"}'}"; }

now=$(readlink "$LINK")
case $FAILBACK_OPERATION in
check)
	[ -d "$RELEASES" ] && exit 0
	tell '{"tell":"fail","text":"the folder of the releases is missing"}'
	tell '{"tell":"advise","text":"make the folder of the releases","command":"mkdir -p '"$(text "$RELEASES")"'"}'
	exit 100 ;;
run)
	target=$RELEASES/$FAILBACK_RELEASE
	ask '{"ask":"fact","scope":"own","key":"before"}'
	case $answer in
	'{"answer":"none"}') ask '{"ask":"fact_set","scope":"own","key":"before","value":"'"$(text "$now")"'"}' ;;
	esac ;;
undo)
	ask '{"ask":"fact","scope":"own","key":"before"}'
	case $answer in
	'{"answer":"ok","value":""}' | '{"answer":"none"}') exit 99 ;; # nothing to go back to
	esac
	target=$(value) ;;
esac

tell '{"tell":"log","level":"info","text":"'"$(text "$LINK points at $now")"'"}'
tell '{"tell":"progress","basis_points":5000,"text":"looked"}'
ask '{"ask":"act","key":"link","repeat":"probe","text":"'"$(text "point $LINK at $target")"'"}'
case $answer in
'{"answer":"do"}') ;;
'{"answer":"dry"}') exit 0 ;;
'{"answer":"done"'*)
	ask '{"ask":"act_result","key":"link"}'
	tell '{"tell":"log","text":"it was done already: '"$(text "$(value)")"'"}'
	[ "$now" = "$target" ] && exit 0
	again=1 ;; # it does not hold any more
'{"answer":"unsure"}') # it was begun, and nobody knows how it ended: look
	if [ "$now" = "$target" ]; then
		ask '{"ask":"acted","key":"link","result":"found in place"}'
		exit 0
	fi
	ask '{"ask":"act","key":"link","repeat":"again","text":"'"$(text "point $LINK at $target")"'"}'
	[ "$answer" = '{"answer":"do"}' ] || exit 1 ;;
*) exit 1 ;;
esac

ask '{"ask":"remaining"}'
if [ ! -d "$target" ] || ! ln -sfn "$target" "$LINK.new" || ! mv -T "$LINK.new" "$LINK"; then
	tell '{"tell":"fail","text":"'"$(text "cannot point $LINK at $target")"'"}'
	exit 1
fi
[ "${again:-}" ] && exit 0 # what is recorded as done is so once
ask '{"ask":"acted","key":"link","result":"'"$(text "it pointed at $now")"'"}'
[ "$answer" = '{"answer":"ok"}' ] || exit 1
tell '{"tell":"report","member":"summary","value":{"text":"'"$(text "$LINK points at $target")"'"}}'
exit 0
