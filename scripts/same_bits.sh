#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Whether the present tree computes the bits that the commit REF does: builds both on this machine, with one instruction
# set, gives both the same drawn pictures and compares what they train, find and export (scripts/same_bits.py). For changes
# that are to change no result. Usage: scripts/same_bits.sh [OPTIONS] REF
#   --only PATTERN  the cases whose names match (*mesh*, say); the table below has them
#   --allow FILE    differences that are meant: lines "CASE/COMPARISON reason", with * for any text
#   --prove         not the present tree, but REF with one constant changed in the last digits: this must fail
#   --keep          leave what was made in build/same_bits/
# RF_ISA=avx2 takes another instruction set than the machine's best, MAKEFLAGS other settings of the build.
# REF is checked out below build/same_bits/ and stays there, built; `git worktree remove` or `make clean` drops it.
# Needs git and python3; onnxruntime for Python where exported networks have other nodes than before. About three minutes on
# two cores, and the build of REF the first time. Last line: "N passed, N failed, N allowed"; exit code 1: something differs.
set -eu
cd "$(dirname "$0")/.."

# ---- the cases: name | configuration | data | exports | settings of training | settings of evaluation ------------------
# For all of them: twenty updates of two pictures, each update in the log. "then" goes on with --resume after ten.
cases() {
    cat <<'END'
mnet025|mnet025|faces|all||
mnet025_ema|mnet025|faces|some|optim.ema=0.9 optim.accumulate=2 augment.expand=2 then|eval.flip=yes eval.scales=128,192 eval.merge=vote
demo|demo|faces|some|model.share_heads=yes|eval.merge=soft_gaussian
r50|r50|faces|few|train.batch=1|
r50_dcn|r50|faces|none|train.batch=1 train.recompute=no model.backbone_dcn=v2 model.context_dcn=v2 loss.normalise=level_count|eval.merge=weighted
cascade_r50|cascade_r50|faces|few|train.batch=1|
refineface_r18|refineface_r18|faces|few|train.batch=1 then|eval.flip=yes
refineface_sml|refineface_r18|faces|none|train.batch=1 loss.sml=yes model.landmarks=no|
insightface_mnet025|insightface_mnet025|faces|all|model.freeze_arrays=0 model.head_box=yes|eval.scales=128,192
mesh_vertices|demo|meshes|some|data.mesh=mesh.obj model.mesh_vertices=357 loss.mesh_weight=1 then|eval.mesh=yes
mesh_pixels|demo|meshes|some|data.mesh=mesh.obj model.mesh_vertices=357 model.mesh_kind=pixels model.mesh_camera=pose model.mesh_frame=box loss.mesh_anchors=16 loss.mesh_side=16 model.mesh_points=108,114,179,227,233|eval.mesh=yes
combined_blur|insightface_mnet025|meshes|some|model.freeze_arrays=0 model.blur=yes model.occlusion=yes data.mesh=mesh.obj model.mesh_vertices=357 model.head_box=yes augment.mixup=0.5|eval.scales=128 eval.mesh=yes eval.flip=yes
combined_cascade|insightface_mnet025|meshes|some|model.freeze_arrays=0 cascade.stages=2 data.mesh=mesh.obj model.mesh_vertices=357 model.head_box=yes match.random_level=yes|eval.scales=128 eval.mesh=yes eval.flip=yes
bf16|mnet025|faces|none|train.precision=bf16 model.channels=128|
bf16_r50|r50|faces|none|train.precision=bf16 train.batch=1|
END
}
# What rf-export is asked for: file | by whom | options. "few" are for large networks.
exports() {
    cat <<'END'
x.onnx|few some all|
x.param|few some all|
retinaface.c|few some all|
x.safetensors|some all|
x_faces.onnx|some all|--outputs faces --preprocess --input dynamic
x_anchors.onnx|all|--outputs anchors
x_half.onnx|all|--fp16
x.wts|all|
x.pth|all|
END
}

only='*'
allow=
prove=no
keep=no
while [ $# -gt 1 ]; do
    case $1 in
    --only) only=$2 && shift ;;
    --allow) allow=$2 && shift ;;
    --prove) prove=yes ;;
    --keep) keep=yes ;;
    *) break ;;
    esac
    shift
done
[ $# = 1 ] && [ "${1#-}" = "$1" ] || { sed -n 's/^# \{0,1\}//; 3,13p' "$0"; exit 2; }
commit=$(git rev-parse --verify --quiet "$1^{commit}") || { echo "same_bits: $1 is no commit"; exit 2; }
[ -z "$allow" ] || [ -r "$allow" ] || { echo "same_bits: $allow cannot be read"; exit 2; }
command -v python3 >/dev/null || { echo "same_bits: python3 is missing"; exit 2; }
[ -z "$allow" ] || allow=$(realpath "$allow")
jobs=$(nproc 2>/dev/null || echo 1)
here=$PWD
B=$here/build/same_bits
export RF_ISA="${RF_ISA:-auto}"

build_commit() { # build_commit FOLDER: REF's own files there
    git worktree prune
    [ -d "$1" ] || git worktree add --quiet --detach "$1" "$commit"
    git -C "$1" checkout --quiet --force --detach "$commit"
}

build() { # build FOLDER
    make --no-print-directory -C "$1" -j"$jobs" programs >"$B/make.log" 2>&1 || {
        tail -n 20 "$B/make.log"
        echo "same_bits: $1 does not build"
        exit 2
    }
}

programs() { # programs FOLDER: where its programs are
    [ -x "$1/build/release/rf-train" ] && echo "$1/build/release" || echo "$1/build"
}

mkdir -p "$B"
want_tree=$B/$(git rev-parse --short=12 "$commit")
have_tree=$here
build_commit "$want_tree"
if [ $prove = yes ]; then
    have_tree=$want_tree-proof
    build_commit "$have_tree"
    file=autograd/ops/smooth_l1.c
    # The seventh digit of a loss and of a gradient.
    sed -i 's,? 1 / beta,? 1.0000002 / beta,' "$have_tree/$file"
    ! git -C "$have_tree" diff --quiet || { echo "same_bits: $file has no constant to change"; exit 2; }
    git -C "$have_tree" diff -U0 | sed -n '/^[-+][^-+]/p'
fi
build "$want_tree"
build "$have_tree"
echo "same_bits: $(git log -1 --format='%h %s' "$commit") against $([ $prove = yes ] && echo "itself with a fault" || git describe --always --dirty), RF_ISA=$RF_ISA"
W=$B/run.$$ # folders of several runs at a time do not meet
mkdir -p "$W"
[ $keep = yes ] || trap 'rm -rf "$W"' EXIT
trap 'exit 130' INT TERM

# ---- pictures: drawn once, by REF's program ----------------------------------------------------------------------------
(
    cd "$W"
    P=$(programs "$want_tree")
    "$P/rf-data" synth --out faces --train 12 --val 4 --seed 5 --size 160x128 --min-face 12 --max-faces 5
    "$P/rf-data" mesh face.obj
    "$P/rf-data" synth --out meshes --train 8 --val 2 --seed 6 --size 160x128 --min-face 30 --max-faces 3 --mesh face.obj
) >"$W/log" 2>&1 || { cat "$W/log"; exit 2; }
python3 - "$W/picture.ppm" <<'END'
import sys
w, h, seed, rows = 96, 80, 1, bytearray()
for i in range(w * h * 3):
    seed = (seed * 1103515245 + 12345) % 2**31
    rows.append((i // 3 % w + i // (3 * w) + (seed >> 26)) % 256)
open(sys.argv[1], 'wb').write(b'P6 %d %d 255\n' % (w, h) + rows)
END

# ---- one case with one build -------------------------------------------------------------------------------------------
outcome() { # outcome NAME COMMAND...: its words and its exit code
    name=$1
    shift
    code=0
    "$@" >"$name.txt.log" 2>&1 || code=$?
    echo $code >"$name.code"
    return $code
}

run_c() { # run_c TREE: faces of the exported source, to the bit
    sed 's/%\.[47]f/%a/g' "$1/tests/cexport/driver.c" >driver.c
    ${CC:-cc} -std=c99 -O2 -I. retinaface.c driver.c -o driver -lm && ./driver retinaface.bin 128 128 "$W/picture.ppm" >c.faces
    code=$?
    rm -f driver
    return $code
}

run_case() { # run_case SIDE TREE NAME CONFIG DATA EXPORTS SETTINGS EVALSETTINGS
    side=$1
    tree=$2
    P=$(programs "$tree")
    data=../../$5
    mkdir -p "$W/$side/$3"
    cd "$W/$side/$3"
    first=20
    config=$tree/configs/$4.ini
    wanted=$6
    words=$7
    evaluation=$8
    set -- --set data.root=$data --set input.size=128 --set train.batch=2 --set train.max_steps=20 --set train.log_every=1 \
        --set optim.accumulate=1 --set schedule.warmup_epochs=1 --set eval.score=0 --set eval.keep=200 --set train.eval_every=0
    for word in $words; do
        [ "$word" = then ] && first=10 || set -- "$@" --set "$word"
    done
    for word in $evaluation; do set -- "$@" --set "$word"; done
    if [ $first = 20 ]; then
        outcome train "$P/rf-train" "$config" "$@" --out run || return 0
    else
        outcome train_begin "$P/rf-train" "$config" "$@" --set train.max_steps=$first --out run || return 0
        outcome train "$P/rf-train" "$config" "$@" --out run --resume || return 0
    fi
    mv run/last.safetensors run/train.jsonl .
    rm -rf run
    model=last.safetensors
    outcome eval "$P/rf-eval" $model --data $data/val/label.txt --json eval.json --pred-out pred || true
    outcome detect "$P/rf-detect" $model $data/val/images --json detect.jsonl --score 0 || true
    exports >list.txt.log
    while IFS='|' read -r path lists options; do
        case " $lists " in *" $wanted "*) ;; *) continue ;; esac
        # shellcheck disable=SC2086
        outcome "$path" "$P/rf-export" $model -o $path $options || true
    done <list.txt.log
    [ ! -f retinaface.c ] || outcome c_source run_c "$tree" || true
}

# ---- all of them -------------------------------------------------------------------------------------------------------
passed=0
failed=0
permitted=0
ran=0
cases >"$W/cases"
while IFS='|' read -r name config data wanted words evaluation; do
    # shellcheck disable=SC2254
    case $name in $only) ;; *) continue ;; esac
    case $name in bf16*)
        if ! grep -q avx512_bf16 /proc/cpuinfo 2>/dev/null || [ "$RF_ISA" != auto ]; then
            echo "skip  $name: needs AVX512-BF16 and RF_ISA=auto"
            continue
        fi
        ;;
    esac
    ran=$((ran + 1))
    begin=$(date +%s)
    (run_case want "$want_tree" "$name" "$config" "$data" "$wanted" "$words" "$evaluation") </dev/null
    (run_case have "$have_tree" "$name" "$config" "$data" "$wanted" "$words" "$evaluation") </dev/null
    if [ "$(cat "$W/want/$name/train.code" 2>/dev/null)" != 0 ]; then
        echo "FAIL  $name: REF cannot train it: $(tail -n 1 "$W/want/$name"/train*.txt.log)"
        failed=$((failed + 1))
        continue
    fi
    # shellcheck disable=SC2086
    python3 scripts/same_bits.py "$name" "$W/want/$name" "$W/have/$name" $allow >"$W/verdict" || {
        cat "$W/verdict"
        echo "FAIL  $name: could not be compared"
        failed=$((failed + 1))
        continue
    }
    sed '$d' "$W/verdict"
    set -- $(tail -n 1 "$W/verdict")
    passed=$((passed + $1))
    failed=$((failed + $3))
    permitted=$((permitted + $5))
    echo "      $name: $(($(date +%s) - begin)) s"
    [ $keep = yes ] || rm -rf "$W/want/$name" "$W/have/$name"
done <"$W/cases"
[ $ran -gt 0 ] || { echo "same_bits: no case matches $only"; exit 2; }
echo "$passed passed, $failed failed, $permitted allowed"
[ $failed -eq 0 ]
