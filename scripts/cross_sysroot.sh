#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Unpacks the libraries that rf is built with, for another architecture, below build/sysroot/: the folder that
# `make CROSS=TRIPLET-` takes as the compiler's --sysroot and QEMU as its -L. Debian's packages are fetched by apt with lists
# of its own and unpacked, not installed: no root is needed, no `dpkg --add-architecture`, and packages that exist once on a
# system (libmatio-dev, libxml2-dev ...) keep their native version there.
# Usage: scripts/cross_sysroot.sh TRIPLET   (aarch64-linux-gnu, powerpc64le-linux-gnu, x86_64-linux-gnu)
# Exit 1 and one sentence when the packages cannot be had.
set -eu
cd "$(dirname "$0")/.."

say() {
    echo "cross_sysroot: $*" >&2
    exit 1
}

case "${1:-}" in
aarch64-linux-gnu) arch=arm64 ;;
powerpc64le-linux-gnu) arch=ppc64el ;;
x86_64-linux-gnu) arch=amd64 ;;
i?86-linux-gnu | arm-linux-gnueabi* | mips*) say "rf needs 64-bit addresses, which $1 has not (what rf-export --to c writes runs there)" ;;
s390x-linux-gnu | powerpc-linux-gnu | powerpc64-linux-gnu)
    say "rf needs a machine that stores the lowest byte of a number first, and $1 does not (what rf-export --to c writes runs there)"
    ;;
"") say "which architecture? Usage: scripts/cross_sysroot.sh TRIPLET, for example aarch64-linux-gnu" ;;
*) say "no Debian architecture is known for $1; known are aarch64-linux-gnu, powerpc64le-linux-gnu and x86_64-linux-gnu" ;;
esac
command -v apt-get >/dev/null 2>&1 && command -v dpkg-deb >/dev/null 2>&1 ||
    say "this is not a Debian system; unpack $arch versions of the libraries that scripts/deps.sh names into a folder and pass it as make CROSS=$1- SYSROOT=FOLDER"

# The libraries among what scripts/deps.sh installs, those programs aside that run on this machine.
packages=""
for package in $(sh scripts/deps.sh --list); do
    case "$package" in
    *-dev) packages="$packages $package" ;;
    esac
done
packages="libc6-dev libgomp1$packages"

root=build/sysroot/$1
stamp="$root/.packages"
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$packages" ] && exit 0

state=$PWD/build/sysroot/apt-$arch
mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
: >"$state/status"
log="$state/log"
own() { # own COMMAND...: apt with lists, cache and status of its own; keys and sources are the system's
    apt-get -q -y -o APT::Architecture="$arch" -o APT::Architectures="$arch" -o Dir::State="$state" -o Dir::State::lists="$state/lists" \
        -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache" -o Debug::NoLocking=1 -o APT::Sandbox::User="$(id -un)" \
        -o APT::Install-Recommends=0 -o Dir::Log="$state" -o APT::Get::List-Cleanup=0 "$@" >>"$log" 2>&1
}
: >"$log"
echo "cross_sysroot: fetching Debian's $arch packages:$packages"
own update || true # a source without this architecture is no harm; what is missing shows below
# shellcheck disable=SC2086
own --download-only install $packages || {
    grep '^E:' "$log" | head -n 3 >&2
    say "the $arch packages could not be fetched (whole log: $log)"
}

rm -rf "$root.new"
mkdir -p "$root.new/usr/lib"
ln -s usr/lib "$root.new/lib" # as merged systems have it
n=0
for deb in "$state"/cache/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$root.new" --keep-directory-symlink --exclude './usr/share/*' ||
        say "$deb could not be unpacked"
    n=$((n + 1))
done
# Links to /lib/... would leave the root.
find "$root.new" -type l -lname '/*' | while read -r link; do
    target=$(readlink "$link")
    [ -e "$root.new$target" ] || continue
    ln -sfn "$(realpath --no-symlinks --relative-to="$(dirname "$link")" "$root.new$target")" "$link"
done
echo "$packages" >"$root.new/.packages"
rm -rf "$root"
mv "$root.new" "$root"
rm -rf "$state"
echo "cross_sysroot: $n packages in $root ($(du -sh "$root" | cut -f1))"
