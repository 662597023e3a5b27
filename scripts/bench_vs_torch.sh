#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One training step of the same model in rf and in PyTorch, in turns on the same machine, and the ratios of the medians.
# usage: bench_vs_torch.sh [r50|mnet025|refineface_r50 [ROUNDS [--set section.key=value]...]]     needs Debian's python3-torch and
# python3-torchvision, and for all but RefineFace the reference program ../shared/bench/torch_ref.py (TORCH_REF names another place).
set -eu
model=${1:-mnet025}
rounds=${2:-5}
[ $# -lt 2 ] || shift
[ $# -lt 1 ] || shift
reference=${TORCH_REF:-../shared/bench/torch_ref.py}
python=/usr/bin/python3
case $model in
r50) batch=2 steps=3 ;;
mnet025) batch=8 steps=7 ;;
refineface_r50) batch=1 steps=2 reference=scripts/refine_ref.py ;;
*) echo "bench_vs_torch: model '$model': expected r50, mnet025 or refineface_r50"; exit 2 ;;
esac
[ -f "$reference" ] || { echo "bench_vs_torch: no $reference: set TORCH_REF to the PyTorch side"; exit 2; }
$python -c 'import torch, torchvision' 2>/dev/null ||
    { echo "bench_vs_torch: PyTorch is missing: apt-get install python3-torch python3-torchvision"; exit 2; }
[ -x build/rf-bench ] || { echo "bench_vs_torch: build/rf-bench is missing: run make"; exit 2; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for i in $(seq "$rounds"); do
    build/rf-bench step "configs/$model.ini" --batch $batch --size 640x640 --iters $steps --threads 2 --json "$dir/rf.$i" "$@" >/dev/null
    if [ "$model" = refineface_r50 ]; then
        $python "$reference" $batch 640 $steps 2 >"$dir/torch.$i"
    else
        $python "$reference" $model $batch 640 $steps --threads=2 >"$dir/torch.$i"
    fi
    echo "round $i: $(cut -c1-400 "$dir/rf.$i" | grep -o '"\(step\|img_s\|rss_mb\)":[0-9.]*' | tr '\n' ' ') | torch $(grep -o '"\(step\|img_s\|rss_mb\)": [0-9.]*' "$dir/torch.$i" | tr '\n' ' ')"
done
$python - "$dir" "$model" <<'P'
import glob, json, statistics, sys
def median(side, key):
    return statistics.median(json.load(open(f))[key] for f in glob.glob('%s/%s.*' % (sys.argv[1], side)))
for key in ('img_s', 'rss_mb'):
    a, b = median('rf', key), median('torch', key)
    print('%s %s: rf %.2f, PyTorch %.2f, ratio %.2f' % (sys.argv[2], key, a, b, a / b))
P
