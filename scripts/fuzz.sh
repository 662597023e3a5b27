#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs every fuzz target of a folder (make fuzz) for FUZZ_SECONDS each, starting from generated inputs and from what
# earlier runs found. A target that fails leaves its input in FOLDER/found/. The last line is "N passed, N failed".
# Usage: scripts/fuzz.sh FOLDER [NAME...]    NAME: image, config, ... (all)
set -eu
dir=$1
shift
seconds=${FUZZ_SECONDS:-20}
passed=0
failed=0
mkdir -p "$dir/found"
"$dir/seeds" "$dir/seed"
[ $# -gt 0 ] || set -- $(ls "$dir" | sed -n 's/^fuzz_\([a-z0-9_]*\)$/\1/p')
for name in "$@"; do
    log=$dir/$name.log
    mkdir -p "$dir/corpus/$name"
    if RF_FUZZ_MAT="$(pwd)/$dir/seed/mat_good" "$dir/fuzz_$name" -max_total_time="$seconds" -timeout=25 \
        -rss_limit_mb=3000 -print_final_stats=1 -artifact_prefix="$dir/found/$name-" "$dir/corpus/$name" \
        "$dir/seed/$name" >"$log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        echo "ok   $name ($runs inputs, $(grep -oE 'cov: [0-9]+' "$log" | tail -n 1 | cut -c6-) places reached)"
        passed=$((passed + 1))
    else
        echo "FAIL $name"
        grep -E 'ERROR|runtime error|Assertion|SUMMARY|Test unit written' "$log" || tail -n 20 "$log"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
