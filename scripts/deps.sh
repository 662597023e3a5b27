#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that rf needs to build and to test, and says which. Usage: scripts/deps.sh [--check|--list|--ci|--fuzz|--cross]
#   --check  only tell what is missing (exit 1)
#   --list   only name the packages that rf is built with
#   --ci     also what the style and sanitizer checks need
#   --runtimes  also what reads exported networks: OpenCV, and Node for onnxruntime
#   --fuzz   also what `make fuzz` needs
#   --cross [TRIPLET]  also the compilers and the emulator that scripts/check_c.sh tries exported C sources with and
#            scripts/check_cross.sh another machine's programs (Debian's compiler of that name, aarch64-linux-gnu is one)
set -eu

packages="gcc make libjpeg-dev libpng-dev zlib1g-dev libinih-dev libcjson-dev libexpat1-dev libmatio-dev libcmocka-dev protobuf-c-compiler libprotobuf-c-dev"
case "${1:-}" in
--list)
    echo "$packages"
    exit 0
    ;;
--ci) packages="$packages clang clang-format" ;;
--cross)
    packages="$packages clang gcc-i686-linux-gnu libc6-dev-i386-cross gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"
    case "${2:-}" in
    "" | aarch64-linux-gnu | i686-linux-gnu) ;;
    *) packages="$packages gcc-$2" ;;
    esac
    ;;
--runtimes)
    packages="$packages python3-opencv"
    command -v npm >/dev/null 2>&1 || packages="$packages nodejs npm"
    ;;
--fuzz)
    # libFuzzer comes in the runtime package of clang's own version
    version=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p')
    packages="$packages clang libclang-rt-${version:-14}-dev"
    ;;
esac

command -v dpkg-query >/dev/null 2>&1 || {
    echo "deps: this is not a Debian system; install the equivalents of: $packages" >&2
    exit 0 # the build itself will tell if something is missing
}

missing=""
for package in $packages; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "${1:-}" = --check ]; then
    echo "deps: missing:$missing"
    exit 1
fi

sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo"
echo "deps: installing Debian packages:$missing"
if [ -n "$sudo" ] && ! command -v sudo >/dev/null 2>&1; then
    echo "deps: not root and no sudo; as root run: apt-get install$missing" >&2
    exit 1
fi
log=$(mktemp)
# shellcheck disable=SC2086
if $sudo env DEBIAN_FRONTEND=noninteractive sh -c "apt-get -o DPkg::Lock::Timeout=120 update && apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends $missing" >"$log" 2>&1; then
    rm -f "$log"
else
    tail -n 5 "$log" >&2
    rm -f "$log"
    echo "deps: these packages could not be installed:$missing" >&2
    echo "deps: install them by hand (apt-get install$missing), then run make again" >&2
    exit 1
fi
