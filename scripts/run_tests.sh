#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs every test program of the given folders from the repository root; one line each, the log of those that fail.
# The last line is "N passed, N failed" over all test cases. --fast leaves out programs named test_slow_*; --only "NAME..."
# takes test_NAME ... alone. RF_RUNNER starts the programs of another machine (scripts/check_cross.sh).
set -eu
fast=no
only=""
case "${1:-}" in
--fast)
    fast=yes
    shift
    ;;
--only)
    only=" $(echo $2) "
    shift 2
    ;;
esac
passed=0
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for folder in "$@"; do
    for program in "$folder"/test_*; do
        case "$program" in *.o | *.d) continue ;; esac
        [ -x "$program" ] || continue
        case "$fast:$program" in yes:*/test_slow_*) continue ;; esac
        case "$only" in "" | *" ${program##*/test_} "*) ;; *) continue ;; esac
        begin=$(date +%s)
        status=0
        # shellcheck disable=SC2086
        timeout 600 ${RF_RUNNER:-} "$program" >"$log" 2>&1 || status=$?
        p=$(grep -c '^\[       OK \]' "$log" || true)
        f=$(grep -c '^\[  FAILED  \] .*' "$log" || true)
        if [ "$status" -ne 0 ]; then
            [ "$f" -gt 0 ] && f=$(grep -cE '^\[  FAILED  \] [a-z]' "$log" || true)
            [ "$f" -gt 0 ] || f=1
            echo "FAIL $program ($p passed, exit $status)"
            tail -n 40 "$log"
        else
            f=0
            echo "ok   $program ($p tests, $(($(date +%s) - begin)) s)"
            grep -E '^(skip|measured)' "$log" | sed 's/^/       /' || true
        fi
        passed=$((passed + p))
        failed=$((failed + f))
    done
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
