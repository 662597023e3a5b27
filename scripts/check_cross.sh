#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the programs and tests for another machine and runs the quick tests there, in QEMU: scripts/check_cross.sh
# [--all|--build] [TRIPLET] (aarch64-linux-gnu). --all runs every test, those of double precision too, with ten minutes
# each; --build none. Compilers come by scripts/deps.sh --cross, which is not called here, and libraries by
# scripts/cross_sysroot.sh; where they cannot be had the check is skipped in a sentence. Last line: "N passed, N failed".
set -eu
cd "$(dirname "$0")/.."
which=quick
case "${1:-}" in
--all | --build)
    which=${1#--}
    shift
    ;;
-*)
    echo "check_cross: unknown option $1; known are --all and --build" >&2
    exit 2
    ;;
esac
triplet=${1:-aarch64-linux-gnu}
jobs=$(nproc 2>/dev/null || echo 1)

# Those that take a second or two when emulated, one of every floor, and some that start programs.
quick="args bf16 budget cascade_loss chart compare config core detections docs engine fddb files formats geometry half image insight_data
    insight_loss lint mesh_finder metrics ncnn_files parallel protocol_cli protocols weights wts"

skip() {
    echo "skip: $*"
    echo "0 passed, 0 failed"
    exit 0
}

install="to install it run: make deps test CROSS=$triplet-"
emulator=qemu-$(echo "${triplet%%-*}" | sed 's/^powerpc64le$/ppc64le/')
command -v "$triplet-gcc" >/dev/null 2>&1 || skip "$triplet-gcc is not installed; $install"
[ "$which" = build ] || command -v "$emulator" >/dev/null 2>&1 || skip "$emulator is not installed; $install"
root=$PWD/build/sysroot/$triplet
sh scripts/cross_sysroot.sh "$triplet" || skip "the libraries for $triplet could not be had"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
variants=release
[ "$which" = all ] && variants="release double"
for variant in $variants; do
    targets=tests
    [ "$variant" = release ] && targets="programs tests"
    # shellcheck disable=SC2086
    make -j"$jobs" CROSS="$triplet-" V="$variant" $targets >"$log" 2>&1 || {
        grep -E 'error|Error' "$log" | head -n 10
        echo "FAIL build for $triplet, $variant"
        echo "0 passed, 1 failed"
        exit 1
    }
    if grep -n 'warning:' "$log"; then
        echo "FAIL the build for $triplet, $variant has warnings"
        echo "0 passed, 1 failed"
        exit 1
    fi
done
echo "ok   build for $triplet: build/$triplet/release"
# Machines that rf cannot work on are refused when it is built.
refuses() { # refuses WORDS COMPILER...
    words=$1
    shift
    command -v "$1" >/dev/null 2>&1 || return 0
    "$@" -std=gnu11 -I. -fsyntax-only core/mem.c 2>&1 | grep -q "error: #error \"rf does not run on machines $words" && return 0
    echo "FAIL $* does not refuse machines $words"
    echo "1 passed, 1 failed"
    exit 1
}
refuses "that store the highest byte first" aarch64-linux-gnu-gcc -mbig-endian
refuses "with 32-bit addresses" i686-linux-gnu-gcc
[ "$which" != build ] || { echo "1 passed, 0 failed"; exit 0; }

RF_RUNNER="$emulator -L $root"
export RF_RUNNER
if [ "$which" = all ]; then
    sh scripts/run_tests.sh "build/$triplet/release/tests" "build/$triplet/double/tests"
else
    # shellcheck disable=SC2086
    sh scripts/run_tests.sh --only "$quick" "build/$triplet/release/tests"
fi
