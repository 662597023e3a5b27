#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Trains small variants of a detector on synthetic faces of 160x160 pixels, each with several seeds, and prints the mean and
# the spread (largest less smallest) of AP as a Markdown table, then the mean loss and AP along the epochs. They show that the
# parts work together; for accuracy on photos train on WIDER FACE. Variants whose settings the build does not know are skipped.
# Usage: scripts/ablate.sh retinaface|refineface [VARIANT...]   (the first column; all)
#   SEEDS="1 2 3"  EPOCHS=8  EVERY=2 (epochs between evaluations)  IMAGES=200  THREADS=0 (all)  MESH=FILE.obj (for + dense)
#   OUT=FOLDER (kept, with the runs and the curves as SVG; else a temporary folder)
set -eu
list=${1:-}
[ -n "$list" ] && shift

# The dense head needs the OBJ file of a mesh; faces of the synthetic set are then drawn from it.
mesh=${MESH:-none}
vertices=0
[ "$mesh" = none ] || vertices=$(grep -c '^v ' "$mesh")

# One line a variant: name | settings, section.key=value with spaces between them.
case $list in
retinaface)
    config=configs/demo.ini
    smallest=24
    common="input.size=160 train.batch=8 schedule.warmup_epochs=1"
    variants="base | model.context=none model.landmarks=no
+ SSH | model.context=ssh model.landmarks=no
+ DCN | model.context=ssh model.context_dcn=v2 model.lateral_dcn=v2 model.landmarks=no
+ landmarks | model.context=ssh model.context_dcn=v2 model.lateral_dcn=v2
+ cascade | model.context=ssh model.context_dcn=v2 model.lateral_dcn=v2 cascade.stages=2
+ dense | model.context=ssh model.context_dcn=v2 model.lateral_dcn=v2 cascade.stages=2 model.mesh_vertices=$vertices data.mesh=$mesh"
    ;;
refineface)
    config=configs/refineface_r18.ini
    smallest=12
    common="input.size=160 model.channels=64 model.pyramid_norm=bn model.initialiser=fan_in model.freeze_stages=0 train.batch=8
        optim.accumulate=1 train.recompute=no schedule.kind=cosine schedule.warmup_epochs=0.5 optim.clip_norm=10 eval.level_least=0"
    variants="base | cascade.stages=1 loss.sml=no model.rfe=no model.fsm=no
+ STC | cascade.strides_box= loss.sml=no model.rfe=no model.fsm=no
+ STR | cascade.strides_cls= loss.sml=no model.rfe=no model.fsm=no
+ SML | cascade.stages=1 model.rfe=no model.fsm=no
+ RFE | cascade.stages=1 loss.sml=no model.fsm=no
+ FSM | cascade.stages=1 loss.sml=no model.rfe=no
all | "
    ;;
*)
    sed -n '2,7s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac

seeds=${SEEDS:-1 2 3}
epochs=${EPOCHS:-8}
every=${EVERY:-$(((epochs + 3) / 4))}
if [ -n "${OUT:-}" ]; then
    W=$OUT
    mkdir -p "$W"
else
    W=$(mktemp -d)
    trap 'rm -rf "$W"' EXIT
fi
for program in rf-data rf-train rf-eval; do
    [ -x build/$program ] || { echo "ablate: build/$program is missing: run make"; exit 2; }
done
[ -f "$config" ] || { echo "ablate: this build has no $config"; exit 2; }
# shellcheck disable=SC2046
build/rf-data synth --out "$W/set" --train "${IMAGES:-200}" --val 40 --seed 1 --size 160x160 --min-face $smallest --max-face 100 \
    --max-faces 4 --no-crowds $([ "$mesh" = none ] || printf -- '--mesh %s' "$mesh") >/dev/null

sets() { # sets WORD...: each as --set WORD, on one line
    for word in "$@"; do printf -- '--set %s ' "$word"; done
}

wanted() { # wanted NAME LIST...: whether the name is listed, or nothing is
    name=$1
    shift
    [ $# -gt 0 ] || return 0
    for listed in "$@"; do [ "$listed" != "$name" ] || return 0; done
    return 1
}

number() { # number KEY FILE: of rf-eval's JSON
    sed 's/[,{}]/\n/g' "$2" | sed -n "s/^ *\"$1\": *\([0-9.eE+-]*\) *$/\1/p" | head -n 1
}

spread() { # spread < numbers: "mean (largest less smallest)"
    awk '{ sum += $1; if (NR == 1 || $1 < least) least = $1; if (NR == 1 || $1 > most) most = $1 }
        END { if (NR) printf "%.3f (%.3f)", sum / NR, most - least; else printf "-" }'
}

folder() { # folder NAME: where the runs of a variant are
    printf '%s/runs/%s' "$W" "$(printf %s "$1" | tr -d '+ ')"
}

one() { # one NAME SEED SETTINGS...: trains and evaluates; its numbers go to the lists of the variant
    run=$(folder "$1")/$2
    seed=$2
    shift 2
    rm -rf "$run"
    # shellcheck disable=SC2046
    if ! build/rf-train "$config" --out "$run" --seed "$seed" --threads "${THREADS:-0}" --set data.root="$W/set" \
        --set train.eval_every="$every" --set schedule.epochs="$epochs" --set train.log_every=25 $(sets "$@") >"$W/log" 2>&1 ||
        ! build/rf-eval "$run/last.safetensors" --data "$W/set/val/label.txt" --json "$W/eval.json" >"$W/log" 2>&1; then
        tail -n 1 "$W/log" >&2
        exit 1
    fi
    number voc_ap50 "$W/eval.json" >>"$W/ap50"
    number voc_ap50_95 "$W/eval.json" >>"$W/ap"
}

: >"$W/groups"
echo "| $list | AP at IoU 0.5 (spread) | AP at IoU 0.5:0.95 (spread) | seconds a run |"
echo "|---|---|---|---|"
echo "$variants" | while IFS='|' read -r name settings; do
    name=${name% }
    wanted "$name" "$@" || continue
    case $settings in
    *data.mesh=none*)
        echo "| $name | skipped: MESH=FILE.obj names no mesh | | |"
        continue
        ;;
    esac
    # shellcheck disable=SC2046,SC2086
    if ! build/rf-train "$config" --plan --set data.root="$W/set" $(sets $common $settings) >"$W/log" 2>&1; then
        echo "| $name | skipped: $(tail -n 1 "$W/log" | sed 's/^rf-train: //; s/|/,/g') | | |"
        continue
    fi
    : >"$W/ap50"
    : >"$W/ap"
    begin=$(date +%s)
    runs=0
    folders=
    for seed in $seeds; do
        # shellcheck disable=SC2086
        one "$name" "$seed" $common $settings
        runs=$((runs + 1))
        folders=$folders,$(folder "$name")/$seed
    done
    echo "$name=${folders#,}" >>"$W/groups"
    echo "| $name | $(spread <"$W/ap50") | $(spread <"$W/ap") | $((($(date +%s) - begin) / runs)) |"
done

# The curves of what was trained, each the mean over its seeds.
set --
while IFS= read -r group; do set -- "$@" --compare "$group"; done <"$W/groups"
[ $# -eq 0 ] || build/rf-train "$@" --out "$W/curves"
