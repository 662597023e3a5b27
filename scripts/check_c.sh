#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Exports a detector as C source, builds it with every compiler that is there (gcc, clang, 32-bit x86, 64-bit ARM in an
# emulator) and compares the faces with rf's own. With ../shared: the public weights on five WIDER FACE pictures, and the
# time of each build; else, or with --quick: random weights on drawn pictures. What is missing is skipped and named
# (scripts/deps.sh --cross installs it). Last line: passed, failed, skipped.
set -eu
B=${B:-build/release}
shared=../shared/data
quick=no
[ "${1:-}" = --quick ] && quick=yes
[ -x "$B/rf-export" ] || { echo "check_c: $B/rf-export is missing: run make"; exit 2; }
[ -x "$B/cexport-reference" ] || make --no-print-directory "$B/cexport-reference" >/dev/null
W=$(mktemp -d)
trap 'rm -rf "$W"' EXIT
passed=0
failed=0
skipped=0

if [ $quick = no ] && [ -f $shared/weights/mobilenet0.25_Final.safetensors ]; then
    model=$shared/weights/mobilenet0.25_Final.safetensors
    score=0.02
    limits="1024 2048"
    pictures=$(head -n 5 $shared/wider/val_subset.txt | sed "s,^,$shared/wider/WIDER_val/images/,")
else
    model=$W/random.safetensors
    score=0.95
    limits="160 120"
    "$B/cexport-reference" random "$model" 8
    "$B/rf-data" synth --out "$W/set" --train 1 --val 2 --size 160x120 --max-faces 3 --seed 3 >/dev/null
    pictures=$(find "$W/set/val/images" -name '*.jpg' | sort)
fi
# shellcheck disable=SC2086
"$B/cexport-reference" faces "$model" $score "$W/ref" $pictures
"$B/rf-export" "$model" -o "$W/retinaface.c" --score $score >/dev/null
ppms=$(find "$W/ref" -name '*.ppm' | sort)

check() { # check COMPILER FLAGS RUNNER
    runner=${3:-}
    for program in "$1" $runner; do
        case $program in -*) continue ;; esac
        command -v "$program" >/dev/null 2>&1 || {
            echo "skip  $1 $2: $program is not installed"
            skipped=$((skipped + 1))
            return 0
        }
    done
    repeat=1
    [ $quick = no ] && [ -z "$runner" ] && repeat=7
    # shellcheck disable=SC2086
    if "$1" -Wall -Wextra -Wpedantic -Werror $2 -I"$W" "$W/retinaface.c" tests/cexport/driver.c -o "$W/driver" -lm \
        >"$W/log" 2>&1 && $runner "$W/driver" -t $repeat "$W/retinaface.bin" $limits $ppms >"$W/have" 2>"$W/times" &&
        verdict=$("$B/cexport-reference" compare "$W/ref/faces.txt" "$W/have"); then
        echo "ok    $1 $2: $verdict$(sed -n 's/^1024x768 \(.*\)/; \1 at 1024x768/p' "$W/times")"
        passed=$((passed + 1))
    else
        echo "FAIL  $1 $2: ${verdict:-} $(cat "$W/log" | head -n 3)"
        failed=$((failed + 1))
    fi
}

check gcc "-std=c99 -O3"
check clang "-std=c99 -O3"
[ $quick = yes ] || check gcc "-std=c99 -O3 -DRF_NO_CLONES"
[ $quick = yes ] || check clang "-std=c99 -O3 -DRF_NO_CLONES"
[ $quick = yes ] || check gcc "-std=gnu99 -O3 -march=native"
[ $quick = yes ] || check clang "-std=gnu99 -O3 -march=native"
[ $quick = yes ] || check gcc "-std=c99 -O3 -DRF_PLAIN_C"
check i686-linux-gnu-gcc "-std=c99 -O3 -static" # no SSE: the plain branch, on the x87
check i686-linux-gnu-gcc "-std=c99 -O3 -msse2 -mfpmath=sse -static"
check aarch64-linux-gnu-gcc "-std=gnu99 -O3" "qemu-aarch64 -L /usr/aarch64-linux-gnu"

# The example of the manual compiles and runs.
manual=docs/deploy.md
awk '/^```c$/ { block = ""; inside = 1; next }
    /^```$/ { if (inside && block ~ /rf_detect\(/) { printf "%s", block; exit } inside = 0 }
    inside { block = block $0 "\n" }' "$manual" >"$W/main.c"
if gcc -std=c99 -Wall -Wextra -Wpedantic -Werror -O1 -I"$W" "$W/main.c" "$W/retinaface.c" -o "$W/main" -lm >"$W/log" 2>&1 &&
    "$W/main" "$W/retinaface.bin" "$W/ref/0.ppm" >"$W/have" && [ "$(wc -l <"$W/have")" -eq "$(grep -c '^0 ' "$W/ref/faces.txt")" ]; then
    echo "ok    the example of $manual: $(wc -l <"$W/have") faces"
    passed=$((passed + 1))
else
    echo "FAIL  the example of $manual: $(head -n 3 "$W/log")"
    failed=$((failed + 1))
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
