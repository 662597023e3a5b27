#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the built programs promise to a system: they link a handful of libraries and nothing those bring along, the stripped file
# stays small, and training opens no network socket. Usage: scripts/check_programs.sh [build/release]
# Exit 1 and one line for each breach. What needs strace is skipped in a sentence where there is none.
set -eu
cd "$(dirname "$0")/.."
folder=${1:-build/release}
limit=2500000
bad=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
say() { echo "programs: $*"; bad=1; }

allowed="linux-vdso ld-linux libc libm libjpeg libpng16 libz libinih libcjson libexpat libprotobuf-c"
libraries() { # libraries FILE ALLOWED...: all that the loader would load, those of libraries too
    file=$1
    shift
    ldd "$file" >"$work/ldd" || { say "ldd cannot read $file"; return; }
    for library in $(sed -n 's,^[[:space:]]*\([^[:space:]]*\).*,\1,p' "$work/ldd"); do
        name=$(basename "$library")
        case " $* " in
        *" ${name%%[.]so*} "*) ;;
        *) case "$name" in ld-linux*) ;; *) say "$file needs $name, which is not among: $*" ;; esac ;;
        esac
    done
    ! grep -i 'not found' "$work/ldd" || say "$file: a library is missing"
}

[ -x "$folder/rf" ] || { echo "programs: there is no $folder/rf; run make first"; exit 1; }
# shellcheck disable=SC2086
libraries "$folder/rf" $allowed
count=$(sed '/vdso\|ld-linux/d' "$work/ldd" | wc -l)
# shellcheck disable=SC2086
[ ! -x "$folder-openmp/rf" ] || libraries "$folder-openmp/rf" $allowed libgomp libpthread libdl
[ "$(wc -l <"$work/ldd")" -ge 9 ] || say "ldd lists too little to be true"

strip -o "$work/rf" "$folder/rf"
bytes=$(wc -c <"$work/rf")
[ "$bytes" -le "$limit" ] || say "the stripped program has $bytes bytes, over $limit: look at size build/release/*/*.o"
echo "programs: $bytes bytes stripped, $count libraries"

if command -v strace >/dev/null 2>&1 && strace -o /dev/null true 2>/dev/null; then
    "$folder/rf" data synth --out "$work/set" --train 8 --val 4 --size 96x96 --seed 1 >/dev/null
    strace -f -e trace=network -o "$work/trace" "$folder/rf" train configs/demo.ini --set data.root="$work/set" --set schedule.epochs=1 \
        --set train.batch=4 --set input.size=64 --out "$work/run" >"$work/log" 2>&1 ||
        { tail -n 3 "$work/log"; say "training under strace failed"; }
    grep -q '+++ exited with 0' "$work/trace" || say "strace saw no end of the program"
    if grep -E '[a-z0-9]+\(' "$work/trace" | head -n 3 | grep .; then say "training made the network calls above"; fi
else
    echo "skip: strace is not installed or not allowed here, network calls not checked"
fi
exit $bad
