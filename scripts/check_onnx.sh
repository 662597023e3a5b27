#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Exports to ONNX what rf-export can and compares every output, and the faces found, with rf's own: in onnxruntime (Node,
# NODE_PATH names the folder with onnxruntime-node) and in OpenCV's dnn (Debian's python3-opencv). What is not installed is
# skipped and said so. Usage: check_onnx.sh [MODEL [PICTURE]]; without a model the public weights in ../shared are taken if
# they are there, else a random network. Last line: passed, failed, skipped.
set -eu
shared=../shared/data
model=${1:-$shared/weights/mobilenet0.25_Final.safetensors}
picture=${2:-$(find $shared/wider/WIDER_val/images -name '*.jpg' 2>/dev/null | sort | sed -n 12p)}
python=/usr/bin/python3
[ -x build/rf-export ] || { echo "check_onnx: build/rf-export is missing: run make"; exit 2; }
make --no-print-directory build/release/dump_network build/release/cexport-reference >/dev/null
W=$(mktemp -d)
trap 'rm -rf "$W"' EXIT
passed=0
failed=0
skipped=0

verdict() { # verdict STATUS WHAT WORDS: 77 is a skip
    case $1 in
    0) passed=$((passed + 1)) ;;
    77) skipped=$((skipped + 1)) ;;
    *) failed=$((failed + 1)) ;;
    esac
    [ "$1" = 0 ] && echo "ok    $2: $3" || { [ "$1" = 77 ] && echo "$3 ($2)" || echo "FAIL  $2: $3"; }
}

try() { # try WHAT COMMAND...
    what=$1
    shift
    code=0
    words=$("$@" 2>&1) || code=$?
    verdict $code "$what" "$words"
}

one_step() { # one_step CONFIG NAME OPTIONS...: a model of one update, random but of the right form
    config=$1
    name=$2
    shift 2
    build/rf-train "$config" "$@" --set data.root="$W/set" --set train.max_steps=1 --set train.batch=1 --set input.size=128 \
        --set optim.accumulate=1 --set data.val= --out "$W/$name" >/dev/null
}

export_to() { # export_to PATH OPTIONS...
    path=$1
    shift
    build/rf-export "$weights" -o "$path" "$@" >"$W/log" 2>&1 || { cat "$W/log"; failed=$((failed + 1)); }
}

ort_faces() { # ort_faces MODEL.onnx DUMP...: against rf-detect
    node scripts/onnx_ort.js faces "$@" >"$W/have.jsonl" || { code=$?; cat "$W/have.jsonl"; return $code; }
    shift
    for dump in "$@"; do cat "$dump/faces.jsonl"; done >"$W/want.jsonl"
    $python scripts/same_faces.py "$W/want.jsonl" "$W/have.jsonl"
}

example() { # example WANT COMMAND...: a program of examples/ finds what rf-detect finds
    want=$1
    shift
    "$@" >"$W/have.jsonl" 2>"$W/log" || { tail -n 1 "$W/log"; return 1; }
    $python scripts/same_faces.py "$want" "$W/have.jsonl"
}

dump() { # dump NAME SOURCE HxW: outputs, picture and faces of $weights
    build/release/dump_network "$weights" "$2" "$3" "$W/$1"
    printf 'P6\n%s %s\n255\n' "${3#*x}" "${3%x*}" | cat - "$W/$1/image.u8" >"$W/$1/image.ppm"
    score=0.5
    # A random network: the score that about 40 anchors reach.
    [ $trained = yes ] || score=$(node scripts/onnx_ort.js threshold "$W/$1" 40 2>/dev/null) || score=0.5
    build/rf-detect "$weights" "$W/$1/image.png" --score "$score" --json "$W/$1/faces.jsonl" >/dev/null
    echo "$score" >"$W/$1/score"
}

compare_sizes() { # compare_sizes NAME: three sizes, real and random pictures, three kinds, fixed and dynamic
    for kind in raw anchors; do export_to "$W/$kind.onnx" --outputs $kind --input dynamic; done
    for size in 640x640 333x517 480x640; do
        dump photo "$picture" $size
        dump noise random:7 $size
        for kind in raw anchors; do
            export_to "$W/fixed.onnx" --outputs $kind --input $size
            for source in photo noise; do
                where="$1 $kind $size $source"
                try "onnxruntime $where fixed" node scripts/onnx_ort.js compare "$W/fixed.onnx" "$W/$source"
                try "onnxruntime $where dynamic" node scripts/onnx_ort.js compare "$W/$kind.onnx" "$W/$source"
                try "opencv $where fixed" $python scripts/onnx_cv2.py "$W/fixed.onnx" "$W/$source"
            done
        done
        for source in photo noise; do
            for form in $size dynamic; do
                export_to "$W/found.onnx" --outputs faces --input $form --score "$(cat "$W/$source/score")"
                try "onnxruntime $1 faces $size $source $form" ort_faces "$W/found.onnx" "$W/$source"
            done
        done
    done
}

build/rf-data synth --out "$W/set" --train 2 --val 1 --size 256x256 --seed 3 >/dev/null
[ -n "$picture" ] || picture=$(find "$W/set/val" -name '*.jpg' | head -n 1)

weights=$model
trained=yes
if [ ! -f "$weights" ]; then
    echo "no $weights: a random network instead"
    weights=$W/mnet.safetensors
    build/release/cexport-reference random "$weights" 2
    trained=no
fi
compare_sizes mnet025

dump first "$picture" 333x517
dump second "$picture" 333x517
export_to "$W/batch.onnx" --outputs faces --input dynamic --batch 0 --preprocess --score "$(cat "$W/first/score")"
try "onnxruntime two pictures at once, 8-bit RGB" ort_faces "$W/batch.onnx" "$W/first" "$W/second"
for opset in 11 12 13 14 15 16 17 18 19; do
    export_to "$W/set.onnx" --outputs faces --input dynamic --opset $opset --score "$(cat "$W/first/score")"
    try "onnxruntime operator set $opset" ort_faces "$W/set.onnx" "$W/first"
    export_to "$W/set.onnx" --outputs anchors --input 333x517 --opset $opset
    try "opencv operator set $opset" $python scripts/onnx_cv2.py "$W/set.onnx" "$W/first"
done

# The commands of docs/deploy.md.
dump photo "$picture" 480x640
export_to "$W/face.onnx" --outputs faces --preprocess --input dynamic --score "$(cat "$W/photo/score")"
if node -e 'require("onnxruntime-node")' 2>/dev/null; then
    try "examples/faces_onnxruntime.js" example "$W/photo/faces.jsonl" node examples/faces_onnxruntime.js "$W/face.onnx" "$W/photo/image.ppm"
else
    verdict 77 "examples/faces_onnxruntime.js" "skip: onnxruntime-node is missing"
fi
export_to "$W/face480.onnx" --outputs anchors --input 480x640 --score "$(cat "$W/photo/score")"
if $python -c 'import cv2' 2>/dev/null; then
    try "examples/faces_opencv.py" example "$W/photo/faces.jsonl" $python examples/faces_opencv.py "$W/face480.onnx" "$W/photo/image.png"
else
    verdict 77 "examples/faces_opencv.py" "skip: OpenCV for Python is missing"
fi
if pkg-config --exists opencv4 2>/dev/null; then
    # shellcheck disable=SC2046
    ${CXX:-g++} -O2 examples/faces_opencv.cpp -o "$W/faces_opencv" $(pkg-config --cflags --libs opencv4)
    try "examples/faces_opencv.cpp" example "$W/photo/faces.jsonl" "$W/faces_opencv" "$W/face480.onnx" "$W/photo/image.png"
else
    verdict 77 "examples/faces_opencv.cpp" "skip: OpenCV's headers are missing (apt-get install libopencv-dev)"
fi

# The PyTorch file of the same weights.
export_to "$W/net.pth" --to pth
export_to "$W/net.safetensors" --to safetensors
try "torch.load" $python scripts/check_pth.py "$W/net.pth" "$W/net.safetensors"

# Other conventions: inclusive widths, centres at 7.5, no variances, RGB; factors of scores; and two stages of heads.
trained=no
one_step configs/mnet025.ini insight --set model.preset=insightface --set model.channels=64
one_step configs/mnet025.ini factors --set eval.level_scores=0.7,1,0.8
one_step configs/mnet025.ini cascade --set cascade.stages=2 --set cascade.body=predictions
for name in insight factors cascade; do
    weights=$W/$name/last.safetensors
    dump photo "$picture" 333x517
    for form in 333x517 dynamic; do
        export_to "$W/set.onnx" --outputs faces --preprocess --input $form --score "$(cat "$W/photo/score")"
        try "onnxruntime $name faces $form" ort_faces "$W/set.onnx" "$W/photo"
    done
done

# Random networks of every option that changes what is exported. FACTOR, of the heads' weights, keeps scores from being
# all 1, or faces would come in any order. OpenCV has no deformable convolutions.
option() { # option NAME OPENCV(yes|no) OPSET FACTOR KEY=VALUE...
    name=$1
    opencv=$2
    opset=$3
    weights=$W/option.safetensors
    factor=$4
    shift 4
    build/release/cexport-reference random "$weights" "$factor" "$@"
    for size in 256x320 333x517; do
        dump noise random:7 $size
        for kind in raw anchors; do
            for form in $size dynamic; do
                export_to "$W/option.onnx" --outputs $kind --input $form --opset "$opset"
                try "onnxruntime $name $kind $size $form" node scripts/onnx_ort.js compare "$W/option.onnx" "$W/noise"
                [ "$form" = dynamic ] || [ "$opencv" = no ] ||
                    try "opencv $name $kind $size" $python scripts/onnx_cv2.py "$W/option.onnx" "$W/noise"
            done
        done
        export_to "$W/option.onnx" --outputs faces --input dynamic --opset "$opset" --score "$(cat "$W/noise/score")"
        try "onnxruntime $name faces $size" ort_faces "$W/option.onnx" "$W/noise"
    done
}

# OpenCV reads Clip with its limits as inputs, as operator set 11 has it, from 4.7 on.
clip=yes
$python -c 'import cv2, sys; sys.exit(tuple(int(n) for n in cv2.__version__.split(".")[:2]) < (4, 7))' 2>/dev/null || clip=no
[ $clip = yes ] || verdict 77 "opencv mobilenetv2" "skip: OpenCV 4.7 or later is missing"
option mobilenetv2 $clip 13 2 model.backbone=mobilenetv2
option "no landmarks" yes 13 2 model.landmarks=no input.std=58,57,56
option resnet18 yes 13 0.1 model.backbone=resnet18
option preresnet50 yes 13 0.02 model.backbone=preresnet50 model.context_channels=96
option "strides 4 to 64" yes 13 0.1 model.backbone=resnet18 model.strides=4,8,16,32,64 anchors.sizes=8,16,32,64,128
option "extra_from p5" yes 13 2 model.strides=8,16,32,64 anchors.sizes=16,32,64,128 model.extra_from=p5
option "several aspects" yes 13 2 anchors.aspect=1,1.5,0.8
by_card() { # by_card NAME: the example reads from the card what the last option's network needs
    $python -c 'import cv2' 2>/dev/null || return 0
    export_to "$W/card.onnx" --outputs anchors --input 333x517 --score "$(cat "$W/noise/score")"
    try "examples/faces_opencv.py $1" example "$W/noise/faces.jsonl" $python examples/faces_opencv.py "$W/card.onnx" "$W/noise/image.png"
}
by_card "several aspects"
option "rounded aspects" yes 13 2 model.preset=insightface model.channels=64 anchors.aspect=1,1.5 anchors.rounding=base16
by_card "rounded aspects, clipped"
option "context rf" yes 13 2 model.context=rf
option "context pyramidbox" yes 13 2 model.context=pyramidbox
option "top_down lateral" yes 13 2 model.top_down=lateral
option "upsample bilinear" yes 13 2 model.upsample=bilinear
option "maxout" yes 13 2 model.maxout=both
option "maxout in a cascade" yes 13 2 model.maxout=background cascade.stages=2 cascade.body=predictions
option "context_dcn v1" no 19 2 model.context_dcn=v1
option "context_dcn, lateral_dcn v2" no 19 2 model.context_dcn=v2 model.lateral_dcn=v2

# Stages of heads, and RefineFace with each of its options; its random scores may lie below eval.level_least.
option "cascade" yes 13 2 cascade.stages=2
option "cascade, drop" yes 13 2 cascade.stages=2 cascade.body=context_features cascade.drop=0.6
refineface() { # refineface NAME KEY=VALUE...
    name=$1
    shift
    option "refineface $name" yes 13 8 model.preset=refineface model.backbone=resnet18 model.fsm=no model.initialiser=fan_in \
        model.channels=16 eval.level_least=0 "$@"
}
refineface "" cascade.drop=0.99
refineface "drop 0.5" cascade.drop=0.5
refineface "no STC" cascade.strides_cls=
refineface "no STR" cascade.strides_box=
refineface "one step" cascade.stages=1
refineface "no RFE" model.rfe=no
refineface "extra_from l5, nearest" model.extra_from=l5 model.upsample=nearest

one_step configs/r50.ini r50
weights=$W/r50/last.safetensors
compare_sizes r50

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
