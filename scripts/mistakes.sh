#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# docs/mistakes.md: what each command prints on the likeliest mistakes, from real calls on a small drawn set and a model
# of one step below build/. Every call must end with exit code 2, print one sentence and write nothing. --check compares
# with the document instead of writing it.
set -u
cd "$(dirname "$0")/.."
export LC_ALL=C
home=$PWD
document=docs/mistakes.md
case "${1:-}" in
'' | --check) ;;
*)
    echo "mistakes.sh: unknown option $1; known is --check" >&2
    exit 2
    ;;
esac
rf=$home/build/release/rf
[ -x "$rf" ] || { echo "mistakes.sh: $rf is missing: make programs" >&2; exit 2; }
scratch=$home/build/mistakes.$$
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch" "$scratch.md"' EXIT
mkdir -p "$scratch"
wrong=0

fixture() { # in the scratch folder, under set -e
    "$rf" data synth --out faces --train 4 --val 2 --size 96x96 --min-face 16 --max-faces 2 --seed 5
    "$rf" train mnet025 --data faces --set train.batch=4 --set input.size=64 --set model.channels=16 \
        --set train.max_steps=1 --set data.val= -t 1 --out run
    cp run/last.safetensors model.safetensors
    cp "$(find faces/val/images -name '*.jpg' | sort | head -n 1)" photo.jpg
    head -c 300 photo.jpg >broken.jpg
    printf 'these are words\n' >notes.txt
    head -c 3000 model.safetensors >half.safetensors
    printf '\002\000\000\000\000\000\000\000{}' >other.safetensors
    : >empty.safetensors
    printf '[trian]\nbatch = 4\n' >section.ini
    printf '[train]\nbtach = 4\n' >key.ini
    printf '[train]\nbatch = many\n' >value.ini
    "$rf" data synth --out masks --masks --train 4 --val 1 --size 96x96 --min-face 16 --max-faces 2 --seed 5
    mkdir bare
    cp masks/train/label.set.ini bare
    printf '# photo.jpg\n10 20 30 40\n' >bare/label.txt
    mkdir nothing none-trained
    mkdir -m 555 locked
    mkdir -p no-faces/images
    : >no-faces/label.txt
}
(
    set -e
    cd "$scratch"
    fixture
) >"$scratch.md" 2>&1 # not the left of ||, where set -e means nothing
if [ $? -ne 0 ]; then
    tail -n 5 "$scratch.md"
    echo "mistakes.sh: the set and the model of the calls could not be made" >&2
    exit 2
fi

tree() { # what lies in the scratch folder, to see that a refused call left it alone
    (cd "$scratch" && find . | sort)
}

call() { # call WORDS...: one row of the table
    local status=0 text before
    before=$(tree)
    text=$(cd "$scratch" && timeout 60 setpriv $unprivileged "$rf" "$@" </dev/null 2>&1 >/dev/null) || status=$?
    if [ $status -ne 2 ]; then
        echo "mistakes.sh: rf $*: exit code $status, expected 2: $text" >&2
        wrong=1
    fi
    # A picture that is passed over has a sentence of its own before the last.
    if [ "$(printf '%s\n' "$text" | grep -vc '^skipped: ')" -ne 1 ] || [ -z "$text" ]; then
        echo "mistakes.sh: rf $*: expected one line, not: $text" >&2
        wrong=1
    fi
    if [ "$(tree)" != "$before" ]; then
        echo "mistakes.sh: rf $*: left something behind" >&2
        wrong=1
    fi
    text=${text//$scratch/.}
    text=${text//$home\//}
    text=${text//|/\\|}
    text=${text//</&lt;}
    printf '| `rf %s` | %s |\n' "$*" "${text//$'\n'/<br>}"
}

# Nobody is refused who is root: calls are made without that right where this is possible.
unprivileged=
if [ "$(id -u)" = 0 ] && setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-dac_override,-dac_read_search true 2>/dev/null; then
    unprivileged="--bounding-set=-dac_override,-dac_read_search --inh-caps=-dac_override,-dac_read_search"
fi

table() {
    local line
    while IFS= read -r line; do
        case "$line" in
        '') ;;
        '## '*) printf '\n%s\n\n| call | what is printed |\n|---|---|\n' "$line" ;;
        *)
            # shellcheck disable=SC2086 # words of a call
            call $line
            ;;
        esac
    done <<'CALLS'
## A command that is no command
trian mnet025
data chek faces
bench steps
## A file that is not there
train mine.ini --data faces
eval modle.safetensors --data faces
detect modle.safetensors photo.jpg
detect model.safetensors foto.jpg
export modle.safetensors -o out.onnx
data check faces/labels.txt
data convert annotations.json --out converted
bench infer modle.safetensors
## A name that nothing has
train mnet052 --data faces
eval mnet --data faces
detect mnet photo.jpg
export mnet -o out.onnx
bench infer mnet
## Something else than what is expected
train model.safetensors --data faces
train photo.jpg --data faces
eval photo.jpg --data faces
eval model.safetensors --data photo.jpg
detect photo.jpg model.safetensors
detect run/config.ini photo.jpg
export photo.jpg -o out.onnx
data check model.safetensors
bench infer photo.jpg
## A folder without what is looked for
train mnet025 --data nothing --out new
eval model.safetensors --data nothing
detect model.safetensors nothing
export none-trained -o out.onnx
data check nothing
data convert nothing --out converted
bench infer none-trained
## A data set without pictures
eval model.safetensors --data no-faces
data check no-faces
data synth --train 0 --val 0 --out new
## A model that cannot be read, or is another program's
train mnet025 --data faces --init half.safetensors --out new
eval half.safetensors --data faces
detect notes.txt photo.jpg
detect empty.safetensors photo.jpg
detect other.safetensors photo.jpg
export half.safetensors -o out.onnx
bench infer other.safetensors
## A picture that cannot be read
detect model.safetensors broken.jpg
detect model.safetensors notes.txt
## A typo in an option
train mnet025 --data faces --epoch 3
eval model.safetensors --data faces --scale 640
detect model.safetensors photo.jpg --scroe 0.3
export model.safetensors -o out.onnx --optset 13
data check faces --jsno out.json
bench infer model.safetensors --itres 3
## An option that another program has
train mnet025 --data faces --gpu 0
train mnet025 --data faces --device cuda
train mnet025 --data faces --workers 4
eval model.safetensors --data faces --conf 0.1
detect model.safetensors photo.jpg --device cuda
detect model.safetensors photo.jpg --threshold 0.5
export model.safetensors -o out.onnx --half
data convert faces --out converted --gpu 0
bench infer model.safetensors --device cuda
## A value that is missing
train mnet025 --data faces --out
eval model.safetensors --data
detect model.safetensors photo.jpg --score
export model.safetensors -o
data synth --out
bench infer model.safetensors --size
## A value that is no number, or none that can be
train mnet025 --data faces --epochs ten
train mnet025 --data faces --batch 0
eval model.safetensors --data faces --score 50%
detect model.safetensors photo.jpg --score 1.5
export model.safetensors -o out.onnx --opset 7
data synth --train -1 --out new
bench infer model.safetensors --threads all
## A size in another form
train mnet025 --data faces --size 640x480
eval model.safetensors --data faces --scales 640x480
detect model.safetensors photo.jpg --scales big
export model.safetensors -o out.onnx --input 640
data synth --out new --size 640
bench infer model.safetensors --size 640
## A choice that there is not
train mnet025 --data faces --set model.backbone=resnet51
train mnet025 --data faces --set loss.terms=giou:2
eval model.safetensors --data faces --merge wbf
eval model.safetensors --data faces --protocol wider
export model.safetensors -o out --to tensorrt
export model.safetensors -o out.tflite
data convert faces --from cocoo --out converted
data check faces --format coco
## Kinds of objects
train mnet025 --data faces --set data.classes=mask,no_mask
train mnet025 --data faces --set data.classes=mask,,no_mask
train mnet025 --data masks --set data.classes=mask,hat
data convert masks --classes mask,no_maks --out converted
data convert masks --classes mask=a=b --out converted
data convert masks --classes mask --category mask --out converted
data convert faces --classes mask,no_mask --out converted
eval model.safetensors --data bare/label.txt
## A setting that there is not
train mnet025 --data faces --set lr=0.1
train mnet025 --data faces --set optim.learning_rate=0.1
eval model.safetensors --data faces --set eval.scroe=0.1
detect model.safetensors photo.jpg --eval.scroe 0.1
export model.safetensors -o out.onnx --set score
bench infer model.safetensors --set eval.scale=640
## A configuration with a mistake
train section.ini --data faces
train key.ini --data faces
train value.ini --data faces
eval model.safetensors --data faces --config section.ini
detect model.safetensors photo.jpg --config key.ini
export model.safetensors -o out.onnx --config value.ini
bench step section.ini
## Something that must be named is not
train
train mnet025
eval model.safetensors
detect model.safetensors
export model.safetensors
data convert faces
data synth
bench step
## Nobody may write there
train mnet025 --data faces --set train.batch=4 --out locked/run
eval model.safetensors --data faces --json locked/out.json
detect model.safetensors photo.jpg --out locked/faces
export model.safetensors -o locked/out.onnx
data synth --out locked/new
data check faces --json locked/out.json
bench step mnet025 --json locked/out.json
## A folder that is not there, or is a file
train mnet025 --data faces --set train.batch=4 --out notes.txt
eval model.safetensors --data faces --json missing/out.json
detect model.safetensors photo.jpg --json missing/out.json
export model.safetensors -o notes.txt/out.onnx
data show faces --out notes.txt
bench step mnet025 --json missing/out.json
## The disk is full
eval model.safetensors --data faces --json /dev/full
detect model.safetensors photo.jpg --json /dev/full
data check faces --json /dev/full
bench info --json /dev/full
## A run that goes on, or one that would be overwritten
train mnet025 --data faces --set train.batch=4 --out new --resume
train mnet025 --data faces --set train.batch=4 --out run
train mnet025 --data faces --set train.batch=32 --out new
export model.safetensors -o model.safetensors
data convert faces --from label --out faces
CALLS
}

text=$(
    cat <<'HEAD'
# Mistakes, and what is printed

What `rf` prints on the likeliest mistakes: one sentence on stderr with what is wrong, where, what was expected and what to
do. The exit code is 2 and nothing is written. `scripts/mistakes.sh` makes this page from real calls and `scripts/mistakes.sh
--check` compares it with what is printed today. In the folder of these calls lie `faces` and `masks` (drawn data sets, the second of two kinds), `bare` (a label.txt whose set.ini names kinds that its row lacks), `run` (a
training's folder), `model.safetensors` (its model), `photo.jpg`, `broken.jpg` (the begin of one), `notes.txt` (words),
`nothing` (an empty folder) and `locked` (a folder in which one may not write).
HEAD
    table
    exit $wrong
) || wrong=1
if [ "${1:-}" = --check ]; then
    printf '%s\n' "$text" | diff "$document" - || {
        echo "mistakes.sh: $document does not tell what is printed: run scripts/mistakes.sh and read the difference" >&2
        wrong=1
    }
else
    printf '%s\n' "$text" >"$document"
fi
exit $wrong
