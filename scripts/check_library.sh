#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The library as others meet it: installed below build/prefix, found by pkg-config, called from C, C++ and Python; its symbols are those
# that the headers declare, and it needs a handful of libraries. Usage: scripts/check_library.sh. Last line: "N passed, N failed".
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
prefix=$PWD/build/prefix
rm -rf "$prefix"
trap 'rm -rf "$work" "$prefix"' EXIT
passed=0
failed=0
holds() { # holds SENTENCE COMMAND...
    sentence=$1
    shift
    if "$@" >"$work/log" 2>&1; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "FAIL $sentence"
        tail -n 5 "$work/log"
    fi
}
skip() { echo "skip: $*"; }

make --no-print-directory -j"$(nproc)" install PREFIX="$prefix" build/release/cexport-reference >"$work/log" 2>&1 ||
    { tail -n 20 "$work/log"; echo "0 passed, 1 failed"; exit 1; }
lib=$prefix/lib/librf.so.0
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig" LD_LIBRARY_PATH="$prefix/lib"

# shellcheck disable=SC2016
if command -v pkg-config >/dev/null 2>&1; then
    flags=$(pkg-config --cflags --libs rf)
    holds "pkg-config tells the version" sh -c '[ "$(pkg-config --modversion rf)" = "$(sed -n "s/^VERSION := //p" Makefile)" ]'
else
    skip "pkg-config is not installed, rf.pc not tried"
    flags="-I$prefix/include -L$prefix/lib -lrf"
fi

# A model with random weights, and a drawn picture.
build/release/cexport-reference random "$work/model.safetensors" 8
build/release/rf-data synth --out "$work/set" --train 1 --val 1 --size 160x120 --max-faces 3 --seed 3 >/dev/null
photo=$(find "$work/set/val/images" -name '*.jpg' | head -n 1)

# ---- symbols and libraries ----
nm -D --defined-only "$lib" | sed -n 's/.* T \([^@]*\).*/\1/p' | sort >"$work/have"
sed -n 's/^RF_API .*[ *]\(rf_[a-z_]*\)(.*/\1/p' include/rf/*.h | sort >"$work/want"
holds "the library's symbols are what the headers declare" diff "$work/want" "$work/have"
holds "nothing else is exported" sh -c "! nm -D --defined-only '$lib' | grep -vE ' T rf_| A LIBRF_0'"
[ "$(wc -l <"$work/want")" -ge 10 ] || { echo "FAIL too few functions to be true"; failed=$((failed + 1)); }
holds "its name is librf.so.0" sh -c "readelf -d '$lib' | grep -q 'SONAME.*\[librf.so.0\]'"
ldd "$lib" | sed -n 's,^[[:space:]]*\([^[:space:]]*\).*,\1,p' | sed 's,.*/,,' |
    grep -vE '^(linux-vdso|linux-gate|ld-linux[^.]*|ld64|libc|libm|libjpeg|libpng16|libz|libinih|libcjson)\.so' >"$work/more" || true
holds "it needs libc, libm, libjpeg, libpng, zlib and two small parsers" test ! -s "$work/more"
# shellcheck disable=SC2016
holds "it neither prints, exits, reads the environment nor takes signals" sh -c '! nm -D --undefined-only "$0" |
    grep -E " (getenv|secure_getenv|exit|_exit|abort|printf|puts|putchar|perror|signal|sigaction|atexit|setlocale|system|environ)@"' "$lib"

# ---- headers alone, and a first program with every compiler ----
for compiler in gcc g++ clang clang++; do
    command -v "$compiler" >/dev/null 2>&1 || { skip "$compiler is not installed"; continue; }
    case $compiler in *++) language="c++ -std=c++11" ;; *) language="c -std=c99" ;; esac
    for header in "$prefix"/include/rf/*.h; do
        # shellcheck disable=SC2086
        holds "$compiler: ${header##*/} compiles alone" "$compiler" -x $language -Wall -Wextra -Wshadow -pedantic -Werror -fsyntax-only "$header"
    done
    # shellcheck disable=SC2086
    holds "$compiler builds the first program" "$compiler" -x $language -Wall -Wextra -pedantic -Werror examples/first.c -x none \
        -o "$work/first-$compiler" $flags
    holds "$compiler: it runs" sh -c "'$work/first-$compiler' '$work/model.safetensors' '$photo' >'$work/$compiler.txt' && test -s '$work/$compiler.txt'"
    holds "$compiler: the same faces" cmp "$work/gcc.txt" "$work/$compiler.txt"
done
holds "a mistake is one sentence" sh -c "! '$work/first-gcc' no-model '$photo' 2>'$work/err' && [ \$(wc -l <'$work/err') = 1 ]"
mkdir -p "$prefix/share/rf/models"
cp "$work/model.safetensors" "$prefix/share/rf/models/sample.safetensors"
holds "an installed model is found by its name" sh -c "cd / && '$work/first-gcc' sample '$photo' | cmp - '$work/gcc.txt'"

# ---- Python ----
if /usr/bin/python3 -c 'import numpy' 2>/dev/null; then
    module=$(find "$prefix" -name rf.py)
    export PYTHONDONTWRITEBYTECODE=1
    for path in "${module%/*}" "$PWD/python"; do # as installed, and in the source tree
        holds "rf.py of $path" env -u LD_LIBRARY_PATH /usr/bin/python3 python/test_rf.py --module "$path"
    done
    holds "Python's first program finds the same" sh -c "env -u LD_LIBRARY_PATH PYTHONPATH='${module%/*}' /usr/bin/python3 examples/first.py \
        '$work/model.safetensors' '$photo' | cmp - '$work/gcc.txt'"
else
    skip "/usr/bin/python3 has no numpy (python3-numpy), rf.py not tried"
fi

# ---- the document shows these programs ----
for example in examples/first.c examples/first.py; do
    # shellcheck disable=SC2016
    holds "docs/library.md shows $example" /usr/bin/python3 -c 'import sys; sys.exit(open(sys.argv[1]).read() not in open("docs/library.md").read())' "$example"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
