#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The forward pass of one model in rf and in onnxruntime, in turns on the same machine with two threads, and the ratio of
# the medians. Usage: bench_vs_onnxruntime.sh MODEL [WIDTHxHEIGHT [ROUNDS]]; MODEL is a weight file or a configuration,
# of which random weights of one training step are taken. NODE_PATH names the folder with onnxruntime-node.
set -eu
model=${1:?usage: bench_vs_onnxruntime.sh MODEL [WIDTHxHEIGHT [ROUNDS]]}
size=${2:-640x640}
rounds=${3:-5}
runs=15
[ -x build/rf-export ] || { echo "bench_vs_onnxruntime: build/rf-export is missing: run make"; exit 2; }
node -e 'require("onnxruntime-node")' 2>/dev/null ||
    { echo "skip: onnxruntime-node is missing (npm install onnxruntime-node, NODE_PATH names its node_modules)"; exit 0; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
case $model in
*.ini)
    build/rf-data synth --out "$dir/set" --train 2 --val 1 --size 128x128 >/dev/null
    build/rf-train "$model" --set data.root="$dir/set" --set train.max_steps=1 --set train.batch=1 --set input.size=128 \
        --set optim.accumulate=1 --set data.val= --out "$dir/run" >/dev/null
    model=$dir/run/last.safetensors
    ;;
esac
build/rf-export "$model" -o "$dir/net.onnx" --input "${size#*x}x${size%x*}" >/dev/null
for i in $(seq "$rounds"); do
    build/rf-bench infer "$model" --size "$size" --iters $runs --threads 2 --json "$dir/rf" >/dev/null
    grep -o '"fwd":[0-9.e+-]*' "$dir/rf" | cut -d: -f2 | awk '{print 1000 * $1}' >>"$dir/ours"
    OMP_NUM_THREADS=2 node scripts/onnx_ort.js time "$dir/net.onnx" $runs >>"$dir/theirs"
    echo "round $i: rf $(tail -n 1 "$dir/ours") ms, onnxruntime $(tail -n 1 "$dir/theirs") ms"
done
middle() { sort -n "$1" | sed -n "$(((rounds + 1) / 2))p"; }
echo "$(middle "$dir/ours") $(middle "$dir/theirs")" |
    awk -v size="$size" '{printf "%s: rf %.1f ms, onnxruntime %.1f ms, rf is %.2f times as fast\n", size, $1, $2, $2 / $1}'
