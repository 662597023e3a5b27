#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What takes longer than .ci/run allows, for a release or a night: every document's commands, every test on other machines,
# exported networks in all runtimes and compilers, every fuzz target for a while. What a machine lacks is skipped and named
# by the scripts themselves. Usage: scripts/check_all.sh [FUZZ_SECONDS] (60 for each target). Last line: "N passed, N failed".
set -u
cd "$(dirname "$0")/.."
seconds=${1:-60}
jobs=$(nproc 2>/dev/null || echo 1)
passed=0
failed=0

step() { # step NAME COMMAND...
    name=$1
    shift
    echo "== $name"
    begin=$(date +%s)
    if "$@"; then
        passed=$((passed + 1))
        echo "== $name: $(($(date +%s) - begin)) s"
    else
        failed=$((failed + 1))
        echo "== $name FAILED ($(($(date +%s) - begin)) s)"
    fi
}

built() { # with every warning an error, so that the steps below find programs
    sh scripts/deps.sh --ci --fuzz --deb && { sh scripts/deps.sh --cross || true; } && make -j"$jobs" CFLAGS=-Werror programs tests >/dev/null
}

tests_under() { # tests_under VARIANT: every test program, slow ones too
    make -j"$jobs" V="$1" programs tests >/dev/null && sh scripts/run_tests.sh "build/$1/tests"
}

threads() {
    make -j"$jobs" V=tsan tests-parallel >/dev/null && sh scripts/run_tests.sh build/tsan/tests
}

runtimes() {
    sh scripts/deps.sh --runtimes || true
    ! command -v npm >/dev/null || [ -d build/runtimes/node_modules/onnxruntime-node ] ||
        npm install --prefix build/runtimes --no-save --silent --ignore-scripts onnxruntime-node@1.30.0 >/dev/null || true
    NODE_PATH=$PWD/build/runtimes/node_modules sh scripts/check_onnx.sh
}

step "programs and tests" built
step "documents" bash scripts/check_docs.sh
step "every test with address and undefined-behaviour sanitizers" tests_under asan
step "threads with the thread sanitizer" threads
step "every test for ARM64" sh scripts/check_cross.sh --all aarch64-linux-gnu
step "exports in onnxruntime and OpenCV" runtimes
step "exported C sources with every compiler" sh scripts/check_c.sh
step "Debian packages on a clean Debian" bash scripts/check_deb.sh
step "the README's two commands on a clean Debian" bash scripts/check_deb.sh --readme
step "fuzz targets" make fuzz FUZZ_SECONDS="$seconds"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
