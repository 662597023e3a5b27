#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Holds the floors of the house (docs/architecture.md): which folder may include which, and that every third-party header
# is included in exactly one source file. Exit 1 and one line for each breach.
set -eu
bad=0

allowed() {
    case "$1" in
    core) echo "core" ;;
    settings) echo "core settings" ;; # and, by settings/sections.def, what the others declare of keys
    autograd) echo "core autograd" ;;
    layers) echo "core settings autograd layers" ;;
    detect) echo "core settings autograd layers detect" ;;
    data) echo "core settings detect data" ;;
    train) echo "core settings autograd layers detect data train" ;;
    eval) echo "core settings autograd layers detect data eval" ;;
    export) echo "core settings autograd layers detect export" ;;
    detectors) echo "core settings autograd layers detect data train eval export detectors" ;;
    lib) echo "core settings autograd layers detect data eval lib rf" ;;
    cli) echo "core settings autograd layers detect data train eval export cli" ;;
    esac
}

# detectors/parts.def is a list of names, which registries of any floor may read.
for floor in core settings autograd layers detect data train eval export detectors lib cli; do
    [ -d "$floor" ] || continue
    may=" $(allowed "$floor") "
    for include in $(grep -rhE '^# *include "[a-z_]+/' --include='*.[ch]' "$floor" | grep -v '"detectors/parts.def"' | sed 's/[^"]*"//; s,/.*,,' | sort -u); do
        case "$may" in
        *" $include "*) ;;
        *)
            echo "layers: $floor/ includes $include/:" $(grep -rlE "^# *include \"$include/" --include='*.[ch]' "$floor")
            bad=1
            ;;
        esac
    done
done

for header in cblas.h png.h jpeglib.h ini.h cjson/cJSON.h expat.h zlib.h omp.h protobuf-c/protobuf-c.h; do
    n=$(grep -rlE "^# *include <$header>" --include='*.[ch]' core settings autograd layers detect data train detectors eval cli $([ -d export ] && echo export) | wc -l)
    [ "$n" -le 1 ] || { echo "layers: <$header> is included in $n files, one is allowed"; bad=1; }
done

# Threads that compute start behind core/team.h and nowhere else: OpenMP in one file, apart from `simd`, and our own in
# another; the loader's only read and decode, and so does the one of rf-detect, which reads ahead of the network.
hits=$(grep -rnE '^ *#pragma +omp' --include='*.[ch]' core settings autograd layers detect data train detectors eval export cli |
    grep -vE '^core/team_openmp\.c:|omp +(declare +)?simd' || true)
[ -z "$hits" ] || { echo "layers: OpenMP beyond simd outside of core/team_openmp.c:"; echo "$hits"; bad=1; }
hits=$(grep -rnE '<omp\.h>|<threads\.h>|pthread_create *\(|linux/futex' --include='*.[ch]' core settings autograd layers detect data train detectors eval export cli |
    grep -vE '^(core/team_(openmp|posix)\.c|data/loader\.c|cli/detect_workers\.c):' || true)
[ -z "$hits" ] || { echo "layers: threads of its own; use core/parallel.h:"; echo "$hits"; bad=1; }

# What protoc-c makes brings protobuf-c.h along.
n=$(grep -rlE '^# *include "onnx\.pb-c\.h"' --include='*.[ch]' core settings autograd layers detect data train detectors eval export cli | wc -l)
[ "$n" -le 1 ] || { echo "layers: onnx.pb-c.h is included in $n files, one is allowed"; bad=1; }

# Library floors do not print, exit or read the environment.
for floor in core settings autograd layers detect data train eval export detectors lib; do
    [ -d "$floor" ] || continue
    hits=$(grep -rnE '(^|[^a-z_])(printf|puts|exit|abort|getenv|perror) *\(' --include='*.[ch]' "$floor" |
        grep -vE '^[^:]*:[0-9]*: *(\*|/\*)|__attribute__' || true)
    [ -z "$hits" ] || { echo "layers: prints, exits or reads the environment:"; echo "$hits"; bad=1; }
done

# The programs print through cli/say.h, which shows what others wrote (the manual and messages in args.c aside).
hits=$(grep -nE '(^|[^a-z_])(v?f?printf|puts|fputs|putchar|fputc|fwrite) *\(' cli/*.c | grep -vE '^cli/(say|args)\.c:' || true)
[ -z "$hits" ] || { echo "layers: prints without cli/say.h:"; echo "$hits"; bad=1; }

# Names that data bring to an output folder go through core/below.h. In a file that writes, a path joined from something
# else than a literal says in a comment on its line what it is: "reads", or "own name" (no part of it comes from data).
writers='rf_atomic_open|rf_file_write_atomic|rf_image_save|rf_chart_write|rf_report_svg|rf_mesh_write|rf_st_write|rf_output_open|rf_output_write|symlink|mkdir|rename|O_CREAT|fopen *\([^)]*"[wa]'
for file in $(grep -rlE "(^|[^a-z_])($writers)" --include='*.c' core settings autograd layers detect data train detectors eval export cli); do
    case "$file" in core/below.c | core/dir.c | core/file*.c) continue ;; esac
    hits=$(grep -nE 'rf_path_join\(' "$file" | grep -vE 'rf_path_join\([^,]*, *"[^"]*"\)|/\* (reads|own name) \*/' || true)
    [ -z "$hits" ] || { echo "layers: $file joins a name that it writes without rf_below_make (core/below.h):"; echo "$hits"; bad=1; }
    hits=$(grep -nE "snprintf\(.*\"[^\"]*%s/" "$file" | grep -vE '/\* (reads|own name) \*/' || true)
    [ -z "$hits" ] || { echo "layers: $file prints a path into a buffer; join it with core/below.h:"; echo "$hits"; bad=1; }
done
exit $bad
