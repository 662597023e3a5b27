#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The Debian packages that rf needs: installs those that are missing, and says which. `make deps` and `make deps GOAL` call it.
# Usage: scripts/deps.sh [--check|--list] [GROUP...]
#   --check  installs nothing: tells in a sentence what is missing and what to run (exit 1). Asks the compiler (CC, CFLAGS) for
#            the headers, so that libraries that came some other way count, too; only for --build and --test
#   --list   only names the packages
# Groups (--test when none is named):
#   --build  what the programs are built with
#   --test   that, and what the tests are
#   --ci     also what the style, sanitizer and package checks need
#   --deb    what `make deb` needs to make Debian packages
#   --runtimes  what reads exported networks: OpenCV, and Node for onnxruntime
#   --fuzz   what `make fuzz` needs
#   --cross [TRIPLET]  the compilers and the emulator that scripts/check_c.sh tries exported C sources with and
#            scripts/check_cross.sh another machine's programs (Debian's compiler of that name, aarch64-linux-gnu is one)
set -eu

build="gcc make libjpeg-dev libpng-dev zlib1g-dev libinih-dev libcjson-dev libexpat1-dev protobuf-c-compiler libprotobuf-c-dev"
test="$build libcmocka-dev libmatio-dev"
headers="jpeglib.h:libjpeg-dev png.h:libpng-dev zlib.h:zlib1g-dev ini.h:libinih-dev cjson/cJSON.h:libcjson-dev expat.h:libexpat1-dev
    protobuf-c/protobuf-c.h:libprotobuf-c-dev"
test_headers="cmocka.h:libcmocka-dev matio.h:libmatio-dev"

what=install
packages=""
wanted=""
goal=""
while [ $# -gt 0 ]; do
    case "$1" in
    --check | --list) what=${1#--} ;;
    --build) packages="$packages $build" wanted="$wanted $headers" ;;
    --test) packages="$packages $test" wanted="$wanted $headers $test_headers" ;;
    --ci) packages="$packages $test clang clang-format mandoc strace man-db" ;;
    --deb) packages="$packages $build dpkg-dev debhelper" ;;
    --cross)
        packages="$packages $test clang gcc-i686-linux-gnu libc6-dev-i386-cross gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"
        case "${2:---}" in
        --*) ;;
        aarch64-linux-gnu | i686-linux-gnu) shift ;;
        *) packages="$packages gcc-$2" && shift ;;
        esac
        ;;
    --runtimes)
        packages="$packages $test python3-opencv"
        command -v npm >/dev/null 2>&1 || packages="$packages nodejs npm"
        ;;
    --fuzz)
        # libFuzzer comes in the runtime package of clang's own version
        version=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p')
        packages="$packages $test clang libclang-rt-${version:-14}-dev"
        ;;
    --for=*) goal=" ${1#--for=}" ;; # what `make deps` is asked for in the sentence of --check
    *)
        echo "deps: unknown word $1; known are --check, --list, --build, --test, --ci, --deb, --runtimes, --fuzz and --cross" >&2
        exit 2
        ;;
    esac
    shift
done
[ -n "$packages" ] || { packages=$test && wanted="$headers $test_headers"; }

if [ "$what" = list ]; then
    # shellcheck disable=SC2086
    echo $packages
    exit 0
fi

has_header() { # has_header HEADER...
    for header in "$@"; do echo "#include <$header>"; done | ${CC:-gcc} ${CFLAGS:-} -E -x c - >/dev/null 2>&1
}

if [ "$what" = check ]; then
    # All at once, which is fast; one by one only to tell what is missing.
    # shellcheck disable=SC2046
    command -v protoc-c >/dev/null 2>&1 && has_header stdio.h $(for pair in $wanted; do echo "${pair%%:*}"; done) && exit 0
    missing=""
    compiler=${CC:-gcc}
    if command -v "${compiler%% *}" >/dev/null 2>&1; then
        has_header stdio.h || missing=" libc6-dev"
        for pair in $wanted; do has_header "${pair%%:*}" || missing="$missing ${pair##*:}"; done
    else
        missing=" ${compiler%% *}$(for pair in $wanted; do echo " ${pair##*:}"; done | tr -d '\n')"
    fi
    command -v protoc-c >/dev/null 2>&1 || missing="$missing protobuf-c-compiler"
    [ -n "$missing" ] || exit 0
    if command -v dpkg-query >/dev/null 2>&1; then
        echo "rf cannot be built yet, these packages are missing:$missing; to install them run: make deps$goal" >&2
    else
        echo "rf cannot be built yet: install what your system calls Debian's packages$missing" >&2
    fi
    exit 1
fi

command -v dpkg-query >/dev/null 2>&1 || {
    echo "deps: this is not a Debian system; install the equivalents of:$packages" >&2
    exit 0 # the build itself will tell if something is missing
}

missing=""
for package in $packages; do
    case " $missing " in *" $package "*) continue ;; esac
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

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
