#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A HAProxy for one service with a blue and a green side, as failback-strategy-blue-green(7) asks for it: writes the configuration, starts,
# reloads and stops it. Everything lies in one directory; nothing else of the machine is touched.
#
#   haproxy.sh write DIR FRONT_PORT BLUE_PORT GREEN_PORT   configuration into DIR/haproxy.cfg, socket DIR/haproxy.sock
#   haproxy.sh start|reload|stop DIR
#
# Variables change single lines, for controls: STICKY=1 (cookie), OMIT="a|b" (an extended regular expression: lines that are left out),
# LEVEL (admin), SERVER_TIMEOUT (300ms), RETRY_ON, OBSERVE (layer4), LOG (an address: what did not end well is logged there: status, server, connect time,
# method, URI, how it ended).
set -u

die()
{
	echo "haproxy.sh: $*" >&2
	exit 1
}

lines()
{
	sticky_blue='' sticky_green=''
	if test -n "${STICKY:-}"; then
		sticky_blue=' cookie blue' sticky_green=' cookie green'
	fi
	cat <<-END
		global
		    stats socket $dir/haproxy.sock mode 600 level ${LEVEL:-admin} expose-fd listeners
		    server-state-file $dir/servers.state
		    maxconn 2000
	END
	test -z "${LOG:-}" || echo "    log $LOG len 1024 local0"
	cat <<-END
		defaults
		    mode http
		    load-server-state-from-file global
		    option http-server-close
		    option redispatch 1
		    retries 10
		    retry-on ${RETRY_ON:-all-retryable-errors}
		    timeout connect 100ms
		    timeout server ${SERVER_TIMEOUT:-300ms}
		    timeout check 150ms
		    timeout client 30s
		    timeout http-keep-alive 10s
		    timeout http-request 5s
	END
	test -z "${LOG:-}" || printf '    %s\n' "log global" "option dontlog-normal" 'log-format "%ST %s %Tc %HM %HU %tsc"'
	cat <<-END
		frontend web
		    bind 127.0.0.1:$front
		    default_backend app
		backend app
		    balance roundrobin
		    http-request disable-l7-retry if METH_POST
		    option httpchk GET /health
		    default-server check inter 200ms fastinter 50ms fall 2 rise 1 observe ${OBSERVE:-layer4} error-limit 1 on-error mark-down
	END
	test -z "${STICKY:-}" || echo "    cookie SIDE insert indirect nocache"
	cat <<-END
		    server blue 127.0.0.1:$blue$sticky_blue
		    server green 127.0.0.1:$green$sticky_green disabled
		    server blue-spare 127.0.0.1:$blue backup disabled
		    server green-spare 127.0.0.1:$green backup disabled
	END
}

# A process that has ended and that nobody has waited for yet is not alive.
alive()
{
	kill -0 "$1" 2>/dev/null && ! grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null
}

wait_until_up()
{
	i=0
	while ! test -S "$dir/haproxy.sock" || ! test -s "$dir/haproxy.pid"; do
		i=$((i + 1))
		test $i -lt 100 || die "$dir/haproxy.sock did not appear"
		sleep 0.05
	done
}

test $# -ge 2 || die "usage: haproxy.sh write|start|reload|stop DIR [ports]"
command -v haproxy >/dev/null || PATH=$PATH:/usr/sbin
command -v haproxy >/dev/null || exit 77
dir=$2
case $1 in
write)
	test $# -eq 5 || die "usage: haproxy.sh write DIR FRONT_PORT BLUE_PORT GREEN_PORT"
	front=$3 blue=$4 green=$5
	if test -n "${OMIT:-}"; then
		lines | grep -Ev "$OMIT" >"$dir/haproxy.cfg"
	else
		lines >"$dir/haproxy.cfg"
	fi
	test -e "$dir/servers.state" || : >"$dir/servers.state"
	;;
start)
	haproxy -D -f "$dir/haproxy.cfg" -p "$dir/haproxy.pid" >>"$dir/haproxy.out" 2>&1 || die "haproxy did not start: $(tail -3 "$dir/haproxy.out")"
	wait_until_up
	;;
reload)
	old=$(cat "$dir/haproxy.pid") || die "haproxy does not run"
	haproxy -D -f "$dir/haproxy.cfg" -p "$dir/haproxy.pid" -x "$dir/haproxy.sock" -sf "$old" >>"$dir/haproxy.out" 2>&1 ||
		die "haproxy did not reload: $(tail -3 "$dir/haproxy.out")"
	;;
stop)
	test -s "$dir/haproxy.pid" || exit 0
	pid=$(cat "$dir/haproxy.pid")
	kill "$pid" 2>/dev/null
	i=0
	while alive "$pid"; do
		i=$((i + 1))
		test $i -ne 40 || kill -9 "$pid"
		test $i -lt 100 || die "process $pid does not end"
		sleep 0.05
	done
	rm -f "$dir/haproxy.pid"
	;;
*) die "what is '$1'?" ;;
esac
