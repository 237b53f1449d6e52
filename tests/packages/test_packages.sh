#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The Debian packages, from nothing: built from what a release contains, clean for lintian; then failback alone in a bare root: no libcurl there,
# a deployment, a plugin of others that is built there and dropped in, an upgrade that keeps it, a purge that leaves nothing but what was dropped.
# Takes minutes and the network; root. The bare root is made once, in FAILBACK_ROOT_CACHE, with the packages that were fetched; DEBS=DIR takes
# packages that are built already.
set -u
build=$(pwd)
suite=bookworm
cache=${FAILBACK_ROOT_CACHE:-/var/tmp/failback-root}
mirror=${FAILBACK_MIRROR:-http://deb.debian.org/debian}
version=0.1.0-1
work=
root=

skip() {
	echo "$*"
	[ -z "${CI:-}" ] || exit 1
	exit 77
}

fail() {
	echo "FAILED: $*"
	exit 1
}

# quietly WHAT COMMAND…: what it said is shown when it fails
quietly() {
	what=$1
	shift
	"$@" >"$work/log" 2>&1 </dev/null && return 0
	tail -n 60 "$work/log"
	fail "$what"
}

mounted() { awk -v at="$root/$1" '$2 == at { found = 1 } END { exit !found }' /proc/mounts; }

finish() {
	if [ -n "$root" ]; then
		for folder in dev/pts dev/shm dev proc; do
			mounted "$folder" && umount -l "$root/$folder"
		done
		if mounted dev || mounted proc; then
			echo "still mounted in $root: it is left there"
			return
		fi
	fi
	[ -z "$work" ] || rm -rf --one-file-system "$work"
}

prerequisites() {
	[ "$(id -u)" -eq 0 ] || skip "not root: a bare root needs chroot and mount"
	for program in debootstrap dpkg-buildpackage dh lintian; do
		command -v "$program" >/dev/null || skip "$program is missing: apt-get install --no-install-recommends debootstrap dpkg-dev debhelper fakeroot lintian"
	done
}

build_packages() {
	source=$work/failback-0.1.0
	quietly "what a release contains cannot be put together" env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C "$build" distdir distdir="$source"
	cd "$source" || exit 1
	quietly "the packages do not build" env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL DEB_BUILD_OPTIONS="nocheck parallel=$(nproc)" dpkg-buildpackage -us -uc -b
	cd "$build" || exit 1
	echo "ok: the packages build"
	lintian --fail-on error,warning --tag-display-limit 0 --allow-root "$work"/failback_*.changes || fail "lintian finds something"
	echo "ok: lintian finds nothing"
}

bare_root() {
	mkdir -p "$cache" || exit 1
	if [ ! -e "$cache/$suite.done" ]; then
		rm -rf --one-file-system "${cache:?}/$suite"
		quietly "no bare root" debootstrap --variant=minbase "$suite" "$cache/$suite" "$mirror"
		touch "$cache/$suite.done"
	fi
	root=$work/root
	cp -a --reflink=auto "$cache/$suite" "$root" || fail "no copy of $cache/$suite"
	[ ! -d "$cache/archives" ] || cp "$cache"/archives/*.deb "$root/var/cache/apt/archives/"
	cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
	printf 'deb %s %s main\n' "$mirror" "$suite" >"$root/etc/apt/sources.list"
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod +x "$root/usr/sbin/policy-rc.d"
	mount -t proc proc "$root/proc" && mount -t tmpfs -o mode=755 tmpfs "$root/dev" || fail "cannot mount in $root"
	for device in null zero full random urandom tty; do
		cp -a "/dev/$device" "$root/dev/" || fail "no device $device in $root"
	done
	mkdir "$root/dev/pts" "$root/dev/shm"
	mount -t devpts devpts "$root/dev/pts" && mount -t tmpfs tmpfs "$root/dev/shm" || fail "cannot mount in $root/dev"
	mkdir "$root/debs"
	cp "$debs"/failback*_*.deb "$root/debs/" || fail "no packages in $debs"
	quietly "apt-get update" inside apt-get -q update
}

inside() {
	env -i HOME=/root TERM=dumb LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} chroot "$root" "$@"
}

install_inside() {
	quietly "apt-get install $*" inside apt-get -q -y --no-install-recommends install "$@"
	mkdir -p "$cache/archives" && cp -n "$root"/var/cache/apt/archives/*.deb "$cache/archives/"
}

deb() { (cd "$root" && ls "debs/$1_"*.deb | sed 's,^,/,'); }

installed_alone() {
	install_inside "$(deb failback)"
	for package in libcurl4 libcurl3-gnutls libpq5 libarchive13 libarchive13t64 libhyperscan5 failback-plugins-http failback-store failback-analyze; do
		inside dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed && fail "failback brings $package"
	done
	[ -z "$(find "$root/usr/lib" -name 'libcurl*' -o -name 'libpq*')" ] || fail "a libcurl or libpq in the root"
	[ ! -e "$root/usr/lib/failback/check-http.so" ] || fail "check-http.so is in failback"
	[ ! -e "$root/usr/libexec/failback/failback-store" ] || fail "failback-store is in failback"
	state=$(inside stat -c '%a %U:%G' /var/lib/failback)
	[ "$state" = "750 root:failback" ] || fail "/var/lib/failback is $state"
	quietly "config check with what the package brings" inside failback config check
	quietly "plugin list" inside failback plugin list
	grep -q 'strategy-immediate\|immediate' "$work/log" || fail "plugin list does not show the strategy immediate"
	echo "ok: failback installs without libcurl, and its configuration is right"
}

# The service is a link in /srv/shop; its plan may have a link of the plugin flag before the promotion
configure_shop() {
	mkdir -p "$root/srv/shop/1.0" "$root/srv/shop/2.0" "$root/srv/shop/3.0"
	cat >"$root/etc/failback/conf.d/shop.conf" <<'CONF'
services = ( {
  name = "shop";
  strategy = {
    use = "immediate";
    deploy = "ln -sfn \"/srv/shop/$FAILBACK_RELEASE\" /srv/shop/current";
    version = "basename \"$(readlink /srv/shop/current)\"";
  };
} );
CONF
	cat >"$root/srv/shop.plan" <<'PLAN'
name = "shop";
title = "Deploy shop";
services = [ "shop" ];
watch_for = "0s";
steps = ( { name = "Deploy"; promote = "shop"; } );
PLAN
	sed 's/^steps = (/&\n  { name = "Flag"; phase = "flag"; file = "\/srv\/flag"; text = "up"; },/' "$root/srv/shop.plan" >"$root/srv/flag.plan"
	echo '# ours' >>"$root/etc/failback/failback.conf"
}

deploys() { # deploys PLAN RELEASE
	quietly "the deployment of $2 by $1" inside failback deploy "/srv/$1" --release "$2"
	[ "$(readlink "$root/srv/shop/current")" = "/srv/shop/$2" ] || fail "$2 is not live"
}

plugin_of_others() {
	install_inside "$(deb failback-dev)" gcc libc6-dev make pkg-config
	quietly "a new project" inside sh -c 'cd /srv && failback plugin new phase flag'
	quietly "the project does not build" inside make -C /srv/failback-phase-flag
	quietly "the plugin fails the check" inside failback plugin check /srv/failback-phase-flag/phase-flag.so --set file=/srv/flag
	cp "$root/srv/failback-phase-flag/phase-flag.so" "$root/usr/lib/failback/"
	deploys flag.plan 2.0
	[ "$(cat "$root/srv/flag")" = up ] || fail "the plugin did nothing"
	echo "ok: a plugin that was built against failback-dev and dropped in is used"
}

# The same files as a later version: an upgrade, not the same once more
upgraded() {
	quietly "unpack" dpkg-deb -R "$root$(deb failback)" "$work/later"
	sed -i "s/^Version: .*/Version: $version+later/" "$work/later/DEBIAN/control"
	quietly "pack" dpkg-deb -b "$work/later" "$root/debs/later.deb"
	quietly "the upgrade" inside dpkg -i /debs/later.deb
	[ "$(inside dpkg-query -W -f '${Version}' failback)" = "$version+later" ] || fail "not upgraded"
	tail -n 1 "$root/etc/failback/failback.conf" | grep -qx '# ours' || fail "the upgrade takes a change of /etc/failback/failback.conf away"
	cmp -s "$root/srv/failback-phase-flag/phase-flag.so" "$root/usr/lib/failback/phase-flag.so" || fail "the upgrade takes a dropped plugin away"
	rm "$root/srv/flag"
	deploys flag.plan 3.0
	[ "$(cat "$root/srv/flag")" = up ] || fail "the plugin does nothing after the upgrade"
	inside failback history | grep -q . || fail "the journal is gone after the upgrade"
	echo "ok: an upgrade keeps the configuration, the journal and the dropped plugin"
}

with_http() {
	install_inside --allow-downgrades "$(deb failback)" "$(deb failback-plugins-http)"
	quietly "plugin show check-http" inside failback plugin show check-http
	quietly "plugin show strategy-blue-green" inside failback plugin show strategy-blue-green
	quietly "plugin show notifier-webhook" inside failback plugin show notifier-webhook
	echo "ok: failback-plugins-http brings its plugins"
}

# A dump put, proved and given back
with_store() {
	install_inside --allow-downgrades "$(deb failback)" "$(deb failback-store)"
	quietly "a backup and its restore" inside sh -ec 's="/usr/libexec/failback/failback-store --store /srv/store"
		$s init --encryption none
		$s put --set one --item dump --kind dump --command -- cat /etc/debian_version
		$s seal --set one
		$s verify --set one
		$s restore --set one --item dump --command -- cmp - /etc/debian_version'
	[ -e "$root/usr/share/man/man8/failback-store.8.gz" ] || fail "failback-store has no manual page"
	echo "ok: failback-store is a package of its own, and keeps and gives back"
}

# A log, and what it says
with_analysis() {
	install_inside --allow-downgrades "$(deb failback)" "$(deb failback-analyze)"
	quietly "the signatures are right" inside failback signatures lint
	quietly "an analysis" inside sh -c 'echo "cp: cannot stat /etc/shop.conf: No such file or directory" | failback analyze --log -'
	grep -q '^missing_file: ' "$work/log" || fail "failback analyze does not see that a file is missing"
	echo "ok: failback-analyze is a package of its own, and brings its signatures"
}

purged() {
	quietly "removal" inside apt-get -q -y remove failback failback-dev failback-plugins-http failback-store failback-analyze
	[ -e "$root/var/lib/failback/journal.db" ] || fail "a mere removal takes the journal away"
	[ -e "$root/etc/failback/failback.conf" ] || fail "a mere removal takes the configuration away"
	quietly "purge" inside dpkg --purge failback failback-dev failback-plugins-http failback-store
	left=$(cd "$root" && find . -xdev \( -path ./proc -o -path ./srv -o -path ./debs -o -path ./var/cache/apt -o -path ./var/lib/apt \) -prune -o \
		-name '*failback*' -print -o -path '*/failback/*' -print | sort)
	wanted="./etc/failback
./etc/failback/conf.d
./etc/failback/conf.d/shop.conf
./usr/lib/failback
./usr/lib/failback/phase-flag.so"
	[ "$left" = "$wanted" ] || fail "after the purge there is: $left"
	echo "ok: a purge leaves what others put there, and nothing else"
}

prerequisites
trap finish EXIT
trap 'exit 130' INT TERM
work=$(mktemp -d /var/tmp/failback-packages.XXXXXX)
debs=${DEBS:-$work}
[ -n "${DEBS:-}" ] || build_packages
bare_root
installed_alone
configure_shop
deploys shop.plan 1.0
echo "ok: a deployment"
plugin_of_others
upgraded
with_http
with_store
with_analysis
purged
