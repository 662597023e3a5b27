#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs every test program of the given folders from the repository root, as many at a time as there are processors, four at most; one
# line each when it ends, and the log of those that fail. The last line is "N passed, N failed" over all test cases.
# --fast leaves out programs named test_slow_*, --quick also the cases that ask for it (tests/slow.h); --only "NAME..." takes
# test_NAME ... alone; --jobs N runs N at a time. RF_RUNNER starts the programs of another machine (scripts/check_cross.sh).
set -eu

# One program: its line, and its counts at the end of $2/counts, whose lines are short enough to be written whole.
if [ "${1:-}" = --one ]; then
    program=$3
    log=$2/$(echo "$program" | tr / _)
    begin=$(date +%s)
    status=0
    # shellcheck disable=SC2086
    timeout 600 ${RF_RUNNER:-} "$program" >"$log" 2>&1 || status=$?
    p=$(grep -c '^\[       OK \]' "$log" || true)
    f=$(grep -c '^\[  FAILED  \] .*' "$log" || true)
    if [ "$status" -ne 0 ]; then
        [ "$f" -gt 0 ] && f=$(grep -oE '^\[  FAILED  \] [a-z][a-z_0-9]*' "$log" | sort -u | wc -l) # cmocka lists them again
        [ "$f" -gt 0 ] || f=1
        text="FAIL $program ($p passed, exit $status)
$(tail -n 40 "$log")"
    else
        f=0
        text="ok   $program ($p tests, $(($(date +%s) - begin)) s)"
        told=$(grep -E '^(skip|measured)' "$log" | sed 's/^/       /' || true)
        [ -z "$told" ] || text="$text
$told"
    fi
    echo "$text"
    echo "$p $f" >>"$2/counts"
    exit 0
fi

fast=no
only=""
jobs=$(nproc 2>/dev/null || echo 1)
[ "$jobs" -le 4 ] || jobs=4
while :; do
    case "${1:-}" in
    --fast) fast=yes ;;
    --quick) fast=yes RF_QUICK=1 && export RF_QUICK ;;
    --only) only=" $(echo $2) " && shift ;;
    --jobs) jobs=$2 && shift ;;
    *) break ;;
    esac
    shift
done
# Those that measure time or hold threads to what they promise have the machine for themselves.
alone=" parallel "
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for list in alone many; do : >"$work/$list"; done
: >"$work/counts"
for folder in "$@"; do
    for program in "$folder"/test_*; do
        case "$program" in *.o | *.d) continue ;; esac
        [ -x "$program" ] && [ -f "$program" ] || continue
        case "$fast:$program" in yes:*/test_slow_*) continue ;; esac
        case "$only" in "" | *" ${program##*/test_} "*) ;; *) continue ;; esac
        case "$alone" in
        *" ${program##*/test_} "*) echo "$program" >>"$work/alone" ;;
        # What takes longest begins first.
        *) echo "$(case "$program" in */test_slow_* | */test_ops | */test_cexport | */test_streams_cli | */test_pictures_cli) echo 0 ;; *) echo 1 ;; esac) $program" >>"$work/many" ;;
        esac
    done
done
sort -s -k1,1 "$work/many" | cut -d' ' -f2 | xargs -r -n 1 -P "$jobs" sh "$0" --one "$work"
xargs -r -n 1 sh "$0" --one "$work" <"$work/alone"
awk '{ passed += $1; failed += $2 } END { printf "%d passed, %d failed\n", passed, failed; exit !(failed == 0 && passed > 0) }' "$work/counts"
