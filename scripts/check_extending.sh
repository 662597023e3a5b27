#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What docs/extending.md promises: each folder below tests/extending/ is built with `make EXTRA=DIR`, where nothing of rf is compiled
# anew; then it is trained, resumed to the same bits, evaluated and exported, and a program without the folder refuses its name. The
# contract tests run over what is registered, too. Usage: scripts/check_extending.sh [NAME]... Exit 1 and one line when something is wrong.
set -eu
cd "$(dirname "$0")/.."
jobs=$(nproc 2>/dev/null || echo 1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wrong() {
    echo "extending: $*"
    exit 1
}
must() { # must COMMAND...: what it prints is shown when it fails
    "$@" >"$work/log" 2>&1 || { tail -n 20 "$work/log"; wrong "$* failed"; }
}
refused() { # refused TEXT COMMAND...: exit code 2, one line on standard error, which holds TEXT
    text=$1
    shift
    status=0
    "$@" >"$work/log" 2>"$work/error" || status=$?
    [ "$status" = 2 ] || wrong "exit code $status instead of 2: $*"
    [ "$(wc -l <"$work/error")" = 1 ] || wrong "more than one sentence: $(cat "$work/error")"
    grep -qF "$text" "$work/error" || wrong "'$(cat "$work/error")' does not say '$text'"
}
same() {
    cmp -s "$1" "$2" || wrong "$1 and $2 differ"
}

must make -j"$jobs" programs
plain=build/release/rf
must "$plain" data synth --out "$work/set" --train 8 --val 4 --size 160x128 --min-face 16

# extend DIR: builds it; $rf is the program. Only the folder's own objects may be new.
extend() {
    touch "$work/before"
    must make -j"$jobs" EXTRA="$1" build/release+"$(echo "$1" | tr / -)"/rf
    rf=build/release+$(echo "$1" | tr / -)/rf
    new=$(find build/release -name '*.o' -newer "$work/before" ! -path '*/cli/version.o' | head -n 3)
    [ -z "$new" ] || wrong "make EXTRA=$1 compiled $new anew"
}

# train RF OUT SETTING...: six updates of a small network.
train() {
    program=$1
    out=$2
    shift 2
    "$program" train configs/demo.ini --data "$work/set" --out "$out" --threads 1 --set input.size=96 --set train.batch=2 \
        --set train.max_steps=6 --set train.log_every=1 --set optim.lr=0.001 --set loss.box_weight=2 --set loss.landmark_weight=1 "$@"
}
losses() { # the loss of each update
    grep '"kind":"train"' "$1/train.jsonl" | sed 's/.*"loss":\([^,]*\),.*/\1/'
}

term() {
    extend tests/extending/term
    must train "$rf" "$work/with" --set loss.terms=centreness:0.5
    must train "$plain" "$work/without"
    must train "$rf" "$work/zero" --set loss.terms=centreness:0
    grep '"kind":"train"' "$work/with/train.jsonl" | grep -vq '"centreness":[0-9]' && wrong "train.jsonl lacks the term"
    grep -q '>centreness<' "$work/with/loss.svg" || wrong "loss.svg lacks the term"
    grep -q centreness "$work/without/loss.svg" && wrong "loss.svg has a term that is not there"
    [ "$(losses "$work/with")" != "$(losses "$work/without")" ] || wrong "the total does not change"
    [ "$(losses "$work/zero")" = "$(losses "$work/without")" ] || wrong "a term of weight 0 changes the total"
    python3 - "$work/with/train.jsonl" <<'END' || wrong "the total is not the sum"
import json, sys
for line in open(sys.argv[1]):
    x = json.loads(line)
    if x["kind"] == "train":
        total = x["cls"] + 2 * x["box"] + x["points"] + 0.5 * x["centreness"]
        assert abs(total - x["loss"]) < 1e-5 * total and x["centreness"] > 0, line
END
    train "$rf" "$work/parts" --set loss.terms=centreness:0.5 --set train.max_steps=3 >/dev/null
    must train "$rf" "$work/parts" --set loss.terms=centreness:0.5 --resume
    same "$work/parts/last.safetensors" "$work/with/last.safetensors"
    must train "$rf" "$work/threads" --set loss.terms=centreness:0.5 --threads 2
    same "$work/threads/last.safetensors" "$work/with/last.safetensors"

    refused 'no loss term is called "centreness", there are none here' train "$plain" "$work/no" --set loss.terms=centreness
    refused 'make EXTRA=DIR' train "$plain" "$work/with" --set loss.terms=centreness:0.5 --resume --set train.max_steps=8
    refused 'did you mean "centreness"?' train "$rf" "$work/no" --set loss.terms=centerness
    [ ! -e "$work/no" ] || wrong "a refused setting left a folder"
    # What is trained needs the term no more.
    must "$plain" eval "$work/with" --data "$work/set"
    must "$plain" export "$work/with" -o "$work/x.onnx"
    must "$rf" export "$work/with" -o "$work/y.onnx"
    same "$work/x.onnx" "$work/y.onnx"

    must make -j"$jobs" EXTRA=tests/extending/term build/release+tests-extending-term/tests/test_term_kinds
    must build/release+tests-extending-term/tests/test_term_kinds
    if [ -e build/double/librf.a ]; then # gradients against differences; else V=double would be built for it
        must make -j"$jobs" V=double EXTRA=tests/extending/term build/double+tests-extending-term/tests/test_term_kinds
        must build/double+tests-extending-term/tests/test_term_kinds
    else
        echo "skip: gradients of the term, which need make V=double tests"
    fi
}

coder() {
    extend tests/extending/coder
    set -- --set anchors.box_coder=distance --set anchors.point_coder=distance_points --set data.val=
    must train "$rf" "$work/coded" "$@"
    must train "$plain" "$work/plain"
    [ "$(losses "$work/coded")" != "$(losses "$work/plain")" ] || wrong "a coder of boxes changes no loss"
    train "$rf" "$work/halves" "$@" --set train.max_steps=3 >/dev/null
    must train "$rf" "$work/halves" "$@" --resume
    same "$work/halves/last.safetensors" "$work/coded/last.safetensors"
    must train "$rf" "$work/two" "$@" --threads 2
    same "$work/two/last.safetensors" "$work/coded/last.safetensors"
    must "$rf" eval "$work/coded" --data "$work/set"
    refused 'anchors.box_coder: no coder is called "distance"' "$plain" eval "$work/coded" --data "$work/set"
    refused 'expected one of boxes' train "$rf" "$work/no" --set anchors.box_coder=distance_points
    # Exporters translate its nodes: ONNX files (run by the interpreter of the tests) and C find what rf finds.
    must "$rf" export "$work/coded" -o "$work/coded.onnx" --outputs faces
    must "$rf" export "$work/coded" -o "$work/coded.c"
    refused "ncnn's retinaface sample cannot read rows of the coder distance" "$rf" export "$work/coded" -o "$work/coded.param"
    refused "tensorrtx's code decodes by the coders delta and delta_points" "$rf" export "$work/coded" -o "$work/coded.wts"
    out=build/release+tests-extending-coder
    must make -j"$jobs" EXTRA=tests/extending/coder "$out/tests/test_coders" "$out/tests/test_onnx" "$out/tests/test_cexport"
    for test in coders onnx cexport; do must "$out/tests/test_$test"; done
}

output() {
    extend tests/extending/output
    set -- --set data.val=
    must train "$rf" "$work/posed" --set model.outputs=pose:0.5 "$@"
    must train "$plain" "$work/unposed" "$@"
    must train "$rf" "$work/shown" --set model.outputs=pose:0 "$@"
    grep '"kind":"train"' "$work/posed/train.jsonl" | grep -vq '"pose":[0-9]' && wrong "train.jsonl lacks the output's term"
    grep -q '>pose<' "$work/posed/loss.svg" || wrong "loss.svg lacks the output's term"
    [ "$(losses "$work/posed")" != "$(losses "$work/unposed")" ] || wrong "an output changes no loss"
    [ "$(losses "$work/shown")" = "$(losses "$work/unposed")" ] || wrong "an output of weight 0 changes the total"
    python3 - "$work/posed/train.jsonl" <<'END' || wrong "the total is not the sum, or no pose is learnt"
import json, sys
poses = []
for line in open(sys.argv[1]):
    x = json.loads(line)
    if x["kind"] == "train":
        total = x["cls"] + 2 * x["box"] + x["points"] + 0.5 * x["pose"]
        assert abs(total - x["loss"]) < 1e-5 * total, line
        poses.append(x["pose"])
assert len(poses) == 6 and all(p > 0 for p in poses)
END
    train "$rf" "$work/first" --set model.outputs=pose:0.5 "$@" --set train.max_steps=3 >/dev/null
    must train "$rf" "$work/first" --set model.outputs=pose:0.5 "$@" --resume
    same "$work/first/last.safetensors" "$work/posed/last.safetensors"
    must train "$rf" "$work/pair" --set model.outputs=pose:0.5 "$@" --threads 2
    same "$work/pair/last.safetensors" "$work/posed/last.safetensors"
    # Found, as it is and in the mirror image, where yaw and roll change their signs.
    must "$rf" detect "$work/posed" "$work/set/val/images" --score 0.05 --json "$work/found.jsonl"
    must "$rf" detect "$work/posed" "$work/set/val/images" --score 0.05 --eval.flip yes --json "$work/both.jsonl"
    python3 - "$work/found.jsonl" "$work/both.jsonl" <<'END' || wrong "what is found has no pose of three angles"
import json, sys
for name in sys.argv[1:]:
    faces = [face for line in open(name) for face in json.loads(line)["faces"]]
    assert faces and all(len(face["pose"]) == 3 and all(abs(a) < 10 for a in face["pose"]) for face in faces), name
END
    must "$rf" export "$work/posed" -o "$work/posed.pth"
    must "$rf" eval "$work/posed.pth" --config "$work/posed/config.ini" --data "$work/set"
    refused 'model.outputs = pose: exported networks say kind, box and landmarks' "$rf" export "$work/posed" -o "$work/no.onnx"
    refused 'no output is called "pose", there are none here' "$plain" eval "$work/posed" --data "$work/set"
    refused 'did you mean "pose"?' train "$rf" "$work/no" --set model.outputs=poses
    refused 'which model.blur = yes asks for' train "$rf" "$work/no" --set model.outputs=blur
    refused "has 'pose' twice" train "$rf" "$work/no" --set model.outputs=pose,pose:2
    refused 'needs points of a face' train "$rf" "$work/no" --set model.outputs=pose --set data.points=4 --set data.flip_points=none
    refused 'is for one stage of heads' train "$rf" "$work/no" --set model.outputs=pose --set cascade.stages=2
    [ ! -e "$work/no" ] || wrong "a refused output left a folder"
    must make -j"$jobs" EXTRA=tests/extending/output build/release+tests-extending-output/tests/test_output_kinds
    must build/release+tests-extending-output/tests/test_output_kinds
}

# A schedule with a section of settings of its own.
section() {
    extend tests/extending/section
    set -- --set schedule.kind=poly --set schedule.warmup_epochs=0 --set schedule.epochs=2 --set train.max_steps=0 --set data.val=
    must train "$rf" "$work/decayed" "$@" --set poly.power=2 --set poly.from=warmup
    python3 - "$work/decayed/train.jsonl" <<'END' || wrong "the rate is not lr x (1 - epoch / 2)^2"
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
rates = [x["lr"] for x in rows if x["kind"] == "train"]
assert len(rates) == 8 and rates == sorted(rates, reverse=True), rates
for i, rate in enumerate(rates):
    assert abs(rate - 0.001 * (1 - i / 8) ** 2) < 1e-9, rates
END
    sed -n '/^\[poly\]/,$p' "$work/decayed/config.ini" >"$work/printed"
    printf '[poly]\npower = 2\nfrom = warmup\nfloor = 0\nrestarts = \n' | diff - "$work/printed" >/dev/null || wrong "config.ini has: $(cat "$work/printed")"
    # Defaults are not printed, and a configuration that prints is read back to the same bits.
    must train "$rf" "$work/plainly" --set data.val=
    must train "$plain" "$work/unknowing" --set data.val=
    same "$work/plainly/config.ini" "$work/unknowing/config.ini"
    same "$work/plainly/last.safetensors" "$work/unknowing/last.safetensors"
    train "$rf" "$work/broken" "$@" --set poly.power=2 --set poly.from=warmup --set train.max_steps=3 >/dev/null
    must train "$rf" "$work/broken" "$@" --set poly.power=2 --set poly.from=warmup --resume
    same "$work/broken/last.safetensors" "$work/decayed/last.safetensors"
    refused "unknown section [poly]" "$plain" eval "$work/decayed" --data "$work/set"
    refused "poly.power is '0', expected a number from 0.01 to 100" train "$rf" "$work/no" --set poly.power=0
    refused "unknown key 'powr' in [poly]; did you mean 'power'?" train "$rf" "$work/no" --set poly.powr=1
    refused "expected one of start|warmup; did you mean 'warmup'?" train "$rf" "$work/no" --set poly.from=warm_up
    refused "unknown section [pol]; did you mean [poly]?" train "$rf" "$work/no" --set pol.power=1
    refused "poly.restarts must ascend" train "$rf" "$work/no" --set poly.restarts=2,1
    refused "poly.restarts ends at epoch 90, expected numbers below schedule.epochs, 2" train "$rf" "$work/no" "$@" --set poly.restarts=90
    [ ! -e "$work/no" ] || wrong "a refused setting left a folder"
    "$rf" train --reference >"$work/reference"
    grep -qF '## [poly]: Polynomial decay' "$work/reference" || wrong "the reference lacks the section"
    grep -qF '| `from` | `start`, `warmup` | `start` |' "$work/reference" || wrong "the reference lacks the words"
    "$rf" help --completion bash | grep -q 'poly\.restarts' || wrong "completion lacks the keys"
    for test in config sections docs; do
        must make -j"$jobs" EXTRA=tests/extending/section "build/release+tests-extending-section/tests/test_$test"
        must "build/release+tests-extending-section/tests/test_$test"
    done
}

# A family of detectors: its network, an output and a term of its own, a loss, a section and a preset.
family() {
    extend tests/extending/family
    set -- --set model.preset=slim
    must train "$rf" "$work/slim" "$@"
    must train "$rf" "$work/other"
    grep '"kind":"train"' "$work/slim/train.jsonl" | grep -vq '"quality":[0-9]' && wrong "train.jsonl lacks the family's term"
    grep -q '>quality<' "$work/slim/loss.svg" || wrong "loss.svg lacks the family's term"
    grep -q quality "$work/other/train.jsonl" && wrong "the term of a family is in the loss of another"
    grep -q '^\[slim\]\|^family' "$work/other/config.ini" && wrong "config.ini of another family has its section"
    must train "$plain" "$work/bare"
    same "$work/bare/last.safetensors" "$work/other/last.safetensors" # a family changes no other
    train "$rf" "$work/slim_halves" "$@" --set train.max_steps=3 >/dev/null
    must train "$rf" "$work/slim_halves" "$@" --resume
    same "$work/slim_halves/last.safetensors" "$work/slim/last.safetensors"
    must train "$rf" "$work/slim_two" "$@" --threads 2
    same "$work/slim_two/last.safetensors" "$work/slim/last.safetensors"
    grep -q "^\[slim\]" "$work/slim/config.ini" || wrong "config.ini lacks the family's section"
    must train "$rf" "$work/slim_deep" "$@" --set slim.blocks=3 --set slim.quality_weight=0.5
    grep -q '^\[slim\]' "$work/slim_deep/config.ini" || wrong "config.ini lacks the family's section"
    refused "slim.blocks is '9'" train "$rf" "$work/no" "$@" --set slim.blocks=9
    refused 'model.family = slim has levels of the strides 8 and 16' train "$rf" "$work/no" "$@" --set model.strides=16,32
    refused 'cascade.stages is set, but with the other settings nothing reads [cascade]: leave it out' train "$rf" "$work/no" "$@" --set cascade.stages=2
    refused 'slim.blocks is set, but with the other settings nothing reads [slim]: leave it out' train "$rf" "$work/no" --set slim.blocks=2
    grep -q '^\[cascade\]' "$work/slim/config.ini" && wrong "config.ini has a section that the family does not read"
    grep -q '^\[cascade\]' "$work/other/config.ini" || wrong "config.ini of another family lacks its section"
    refused "model.family is 'slim', expected one of retinaface" train "$plain" "$work/no" --set model.family=slim
    refused "slim" "$plain" eval "$work/slim" --data "$work/set"

    # It learns, is evaluated and exported by the house.
    must "$plain" data synth --out "$work/more" --train 60 --val 20 --size 160x128 --min-face 16
    must "$rf" train configs/demo.ini --data "$work/more" --out "$work/learnt" --threads 1 "$@" --set input.size=128 \
        --set train.batch=8 --set schedule.epochs=60 --set optim.lr=0.02 --set train.eval_every=60
    must "$rf" eval "$work/learnt" --data "$work/more" --json "$work/learnt.json"
    python3 - "$work/learnt.json" <<'END' || wrong "the family does not learn"
import re, sys
ap = float(re.search(r'"voc_ap50":\s*([0-9.]+)', open(sys.argv[1]).read()).group(1))
assert ap > 0.1, ap
END
    for file in x.onnx x.param x.c x.safetensors x.wts; do must "$rf" export "$work/learnt" -o "$work/$file"; done
    must "$rf" export "$work/learnt" -o "$work/faces.onnx" --outputs faces
    grep -q 'face_quality_stride8' "$work/x.onnx.json" || wrong "the card lacks the family's output"

    # The mesh is a branch of any family.
    must "$plain" data mesh "$work/face.obj"
    must "$plain" data synth --out "$work/meshes" --train 8 --val 2 --size 160x128 --min-face 30 --max-faces 3 --mesh "$work/face.obj"
    must "$rf" train configs/demo.ini --data "$work/meshes" --out "$work/mesh" --threads 1 "$@" --set input.size=96 --set train.batch=2 \
        --set train.max_steps=3 --set train.log_every=1 --set data.mesh=mesh.obj --set model.mesh_vertices=357
    grep -q '"mesh":[0-9]' "$work/mesh/train.jsonl" || wrong "the family carries no mesh"
    must "$rf" eval "$work/mesh" --data "$work/meshes" --set eval.mesh=yes

    must make -j"$jobs" EXTRA=tests/extending/family build/release+tests-extending-family/tests/test_families
    must build/release+tests-extending-family/tests/test_families
}

# The example of docs/extending.md.
document() {
    mkdir -p "$work/mine"
    sed -n '/^```c$/,/^```$/p' docs/extending.md | sed '/^```/d' >"$work/mine/squares.c"
    must make EXTRA="$work/mine" CFLAGS=-Werror O=build/release B="$work/out0" "$work/out0/rf"
    must train "$work/out0/rf" "$work/squares" --set loss.terms=squares:0.5
    grep '"kind":"train"' "$work/squares/train.jsonl" | grep -vq '"squares":[0-9]' && wrong "train.jsonl lacks the document's term"
    "$work/out0/rf" train --reference >"$work/reference"
    same "$work/reference" docs/configuration.md
}

# Several folders at once, and what EXTRA refuses.
folders() {
    mkdir -p "$work/empty" "$work/idle" "$work/twice" "$work/one" "$work/other"
    for name in one other; do
        printf '%s\n' '#include "core/plugin.h"' '#include "train/schedule.h"' \
            'static double factor(const rf_config *config, double epoch) { return config->optim.lr > 0 && epoch >= 0 ? 0.5 : 0; }' \
            "static const rf_schedule kind = {\"of_$name\", \"half of lr\", factor};" \
            'rf_status rf_plugin_init(void) { return rf_register_schedule(&kind); }' >"$work/$name/same.c"
    done
    must make EXTRA="$work/one $work/other" O=build/release B="$work/both" "$work/both/rf" "$work/both/tests/test_config" \
        "$work/both/tests/test_registry" "$work/both/tests/test_docs"
    must train "$work/both/rf" "$work/halved" --set schedule.kind=of_other --set schedule.warmup_epochs=0
    grep -q '"lr":0.0005,' "$work/halved/train.jsonl" || wrong "the schedule of a folder is not that of the run"
    "$work/both/rf" train --reference | grep -q '`constant`, `of_one`, `of_other` |' || wrong "the reference lacks what is registered"
    for test in config registry docs; do must "$work/both/tests/test_$test"; done
    echo 'int rf_idle(void); int rf_idle(void) { return 0; }' >"$work/idle/idle.c"
    if make EXTRA="$work/empty" programs >"$work/log" 2>&1; then wrong "EXTRA with no source is taken"; fi
    grep -q 'has no source' "$work/log" || wrong "EXTRA with no source: $(cat "$work/log")"
    for name in a b; do
        printf '%s\n' '#include "core/plugin.h"' '#include "detect/loss/term_kind.h"' \
            'static rf_status build(const rf_term_context *c, void *state) { (void)c; (void)state; return RF_OK; }' \
            'static const rf_term_kind kind = {.name = "same", .doc = "one of two", .build = build};' \
            'rf_status rf_plugin_init(void) { return rf_register_term_kind(&kind); }' >"$work/twice/$name.c"
    done
    must make EXTRA="$work/twice" O=build/release B="$work/out" "$work/out/rf"
    refused 'a second loss term registers as "same"' "$work/out/rf" data --help
    if make EXTRA="$work/idle" O=build/release B="$work/out2" "$work/out2/rf" >"$work/log" 2>&1; then wrong "EXTRA with no rf_plugin_init is taken"; fi
    grep -q "defines 'rf_status rf_plugin_init(void)'" "$work/log" || wrong "EXTRA with no rf_plugin_init: $(cat "$work/log")"
}

[ $# -gt 0 ] || set -- term coder output section family document folders
for part; do "$part"; done
echo "extending: $* as docs/extending.md says"
